"""The metadata server of Google Cloud, on loopback."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PROJECT = "shop-1234"
LOGIN = "https://www.googleapis.com/auth/sqlservice.login"


class MetadataServer:
    """Answers like Google's: only who sends its header, and a token for the scopes that are asked for."""

    def __init__(self) -> None:
        self.token = "ya29.first"  # noqa: S105
        self.expires_in = 3600
        self.answer: str | None = None
        """In place of a token."""
        self.scopes: list[str] = []
        """Of each token that was asked for."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                if self.headers["Metadata-Flavor"] != "Google":
                    self.reply(403, "Missing Metadata-Flavor:Google header.")
                elif url.path == "/computeMetadata/v1/project/project-id":
                    self.reply(200, PROJECT)
                elif url.path == "/computeMetadata/v1/instance/service-accounts/default/token":
                    server.scopes += parse_qs(url.query)["scopes"]
                    token = {"access_token": server.token, "expires_in": server.expires_in, "token_type": "Bearer"}
                    self.reply(200, server.answer or json.dumps(token))
                else:
                    self.reply(404, "")

            def reply(self, status: int, body: str) -> None:
                self.send_response(status)
                self.send_header("Metadata-Flavor", "Google")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
