"""Runs the launcher of the image in a process of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

APP = Path(__file__).parents[2] / "app"
SECONDS = 20  # generous: only a broken server takes this long


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Server:
    """A launcher that runs, with its port."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, content: object) -> Answer:
        return self.ask("POST", path, json.dumps(content), {"content-type": "application/json"})

    def ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode())

    def until_status(self, path: str, status: int) -> Answer:
        """Ask until the answer is `status`."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            with suppress(OSError, HTTPException):
                answer = self.get(path)
                if answer.status == status:
                    return answer
            time.sleep(0.02)
        raise AssertionError(f"no {status} from {path}:\n{self.log.read_text()}")

    def until_logged(self, text: str, times: int) -> None:
        """Wait until the log has `text` so many times."""
        deadline = time.monotonic() + SECONDS
        while self.log.read_text().count(text) < times:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def terminate(self) -> None:
        self.process.terminate()

    def exit_code(self) -> int:
        return self.process.wait(3 * SECONDS)


Launch = Callable[..., Server]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(stack: ExitStack, log: Path, source: Path, arguments: tuple[str, ...], **environment: object) -> Server:
    """Start the launcher as the image does, in the directory of the app."""
    port = free_port()
    defaults = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(APP),
        "PORT": port,
        "DRAIN_SECONDS": 0,
        "WEB_CONCURRENCY": 1,
    }
    output = stack.enter_context(log.open("w"))
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-m", "fastapi_runtime", *arguments],
            cwd=source,
            env={name: str(value) for name, value in (defaults | environment).items()},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    )
    stack.callback(_end, process)
    return Server(process, port, log)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
