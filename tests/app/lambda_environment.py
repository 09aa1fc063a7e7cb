"""A Lambda environment on this machine: the Runtime API on loopback, the process in it, and the events it gets."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

APP = Path(__file__).parents[2] / "app"
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
SECONDS = 60  # generous: only a broken runtime takes this long


class RuntimeApi:
    """What Lambda offers to the process of one environment."""

    def __init__(self) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self.results: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.extensions: list[dict[str, Any]] = []
        self.asked = threading.Event()
        """The process has started: it waits for an event."""
        self.timeout = 30.0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # one packet for each answer

            def handle(self) -> None:
                with suppress(ConnectionResetError):  # the process was killed
                    super().handle()

            def do_GET(self) -> None:
                if self.path.endswith("/event/next"):
                    assert self.headers["Lambda-Extension-Identifier"] == "extension-1"
                    api.over.wait()
                    self.close_connection = True
                    return
                api.asked.set()
                event = api.events.get()
                if event is None:
                    self.close_connection = True
                    return
                deadline = str(int((time.time() + api.timeout) * 1000))
                self.reply(
                    200,
                    json.dumps(event).encode(),
                    **{
                        "Lambda-Runtime-Aws-Request-Id": REQUEST_ID,
                        "Lambda-Runtime-Deadline-Ms": deadline,
                        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:shop",
                    },
                )

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path.endswith("/extension/register"):
                    api.extensions.append(body)
                    self.reply(200, b"{}", **{"Lambda-Extension-Identifier": "extension-1"})
                    return
                api.results.put((self.path.rsplit("/", 1)[1] if "init" not in self.path else "init", body))
                self.reply(202, b"{}")

            def reply(self, status: int, body: bytes, **headers: str) -> None:
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def result(self) -> tuple[str, Any]:
        """What the process reported, with the kind of report."""
        return self.results.get(timeout=SECONDS)

    def invoke(self, event: Any) -> dict[str, Any]:
        """The answer to one event."""
        self.events.put(event)
        kind, answer = self.result()
        assert kind == "response", answer
        return answer  # type: ignore[no-any-return]

    def close(self) -> None:
        self.over.set()
        self.events.put(None)
        self._server.shutdown()
        self._server.server_close()


class Lambda(RuntimeApi):
    """A Lambda environment: its Runtime API and the process in it."""

    def __init__(self, directory: Path, code: str, **environment: str) -> None:
        super().__init__()
        (directory / "main.py").write_text(code)
        self.log = directory / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fastapi_runtime"],
                cwd=directory,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": f"{APP}:{directory}",
                    "APP_MODULE": "main:app",
                    "AWS_LAMBDA_RUNTIME_API": self.address,
                    "AWS_LAMBDA_FUNCTION_NAME": "shop",
                    **environment,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        super().close()


def http_api(
    path: str, method: str = "GET", *, stage: str = "$default", query: str = "", **more: Any
) -> dict[str, Any]:
    """An event of an HTTP API (payload version 2.0); a function URL's has the same form."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "host": "shop.example.com",
            "x-forwarded-for": "198.51.100.1, 203.0.113.9",
            "x-forwarded-proto": "https",
            "x-forwarded-port": "443",
            **more.pop("headers", {}),
        },
        "requestContext": {
            "accountId": "123456789012",
            "stage": stage,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9"},
        },
        "isBase64Encoded": False,
        **more,
    }


def function_url(path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    event = http_api(path, method, **more)
    event["requestContext"] |= {"apiId": "abc", "domainName": "abc.lambda-url.eu-west-1.on.aws"}
    return event


def load_balancer(path: str, method: str = "GET", *, multi: bool = False, **more: Any) -> dict[str, Any]:
    headers = {
        "host": ["shop.example.com"],
        "x-forwarded-for": ["198.51.100.1, 203.0.113.9"],
        "x-forwarded-proto": ["https"],
        "x-forwarded-port": ["443"],
        "accept-language": ["de", "en"],
    }
    event: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop/1"}},
        "httpMethod": method,
        "path": path,
        "body": "",
        "isBase64Encoded": False,
    }
    if multi:
        event |= {"multiValueHeaders": headers, "multiValueQueryStringParameters": {"q": ["a%20b", "c"]}}
    else:
        single = {name: values[-1] for name, values in headers.items()}
        event |= {"headers": single, "queryStringParameters": {"q": "a%20b"}}
    return event | more
