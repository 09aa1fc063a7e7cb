"""A package index on loopback that wants a password, with one package that is nowhere else."""

import base64
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHEEL = "acme_private-1.0-py3-none-any.whl"


def _wheel() -> bytes:
    metadata = "acme_private-1.0.dist-info"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        wheel.writestr("acme_private.py", "ANSWER = 42\n")
        wheel.writestr(f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: acme-private\nVersion: 1.0\n")
        wheel.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{metadata}/RECORD", "acme_private.py,,\n")
    return content.getvalue()


@contextmanager
def private_index(user: str, password: str) -> Iterator[str]:
    """Serve it; yields `host:port`."""
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    pages = {
        "/simple/acme-private/": f'<a href="/{WHEEL}">{WHEEL}</a>'.encode(),
        f"/{WHEEL}": _wheel(),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(self.answer())

        def do_HEAD(self) -> None:
            self.answer()

        def answer(self) -> bytes:
            allowed = self.headers.get("authorization") == expected
            self.send_response(404 if allowed and self.path not in pages else 200 if allowed else 401)
            body = pages.get(self.path, b"") if allowed else b""
            self.send_header("content-type", "text/html" if self.path.endswith("/") else "application/octet-stream")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            return body

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
