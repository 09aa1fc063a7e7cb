"""The process in a Lambda environment: AWS' runtime client around `lambda_handler`, until Lambda ends it.

When its app has to start anew, the process replaces itself by a new one before it asks for the next event. Lambda sees
only that this takes a moment; ending it instead would count as a failed invocation.
"""

import http.client
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

_EXTENSION = "/2020-01-01/extension"
_IS_REPLACEMENT = "FASTAPI_RUNTIME_IS_REPLACEMENT"

_log = logging.getLogger(__name__)


def serve(runtime_api: str) -> None:
    """Answer what Lambda asks. What fails at the start is reported to it."""
    bootstrap.run("fastapi_runtime.lambda_handler.handler", Client(runtime_api))


class Client(LambdaRuntimeClient):  # type: ignore[misc]
    """Asks Lambda for events."""

    def __init__(self, runtime_api: str) -> None:
        super().__init__(runtime_api)
        self._runtime_api = runtime_api
        self._environment = dict(os.environ)  # before the values of secrets come in
        self._has_started = False

    def wait_next_invocation(self) -> Any:
        """Wait for an event, as the process that is to answer it."""
        from .lambda_handler import handler  # the bootstrap has imported it, and reported if that failed

        if not self._has_started:
            self._has_started = True
            _end_on_sigterm(handler.end)
            if _IS_REPLACEMENT not in self._environment:  # that is registered, as long as its environment lives
                _register_extension(self._runtime_api)
        if handler.is_spent():
            handler.stop()
            sys.stdout.flush()
            os.execve(sys.executable, sys.orig_argv, {**self._environment, _IS_REPLACEMENT: "1"})  # noqa: S606
        return super().wait_next_invocation()


def _end_on_sigterm(end: Callable[[], None]) -> None:
    """Stop the app and the process when Lambda ends the environment.

    A thread does it: the main one waits for events in C code, where no handler that is written in Python runs.
    """
    read, write = socket.socketpair()
    write.setblocking(False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)

    def wait(_keeps_it_open: socket.socket) -> None:
        while signal.SIGTERM not in read.recv(1):
            pass
        end()
        os._exit(0)

    threading.Thread(target=wait, args=(write,), daemon=True).start()


def _register_extension(runtime_api: str) -> None:
    """Have Lambda say when it ends the environment: it tells only those that have an extension."""
    connection = http.client.HTTPConnection(runtime_api)
    connection.request("POST", f"{_EXTENSION}/register", '{"events": []}', {"Lambda-Extension-Name": "fastapi-runtime"})
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        _log.warning("Lambda will not say when it ends: the extension was refused with %d", response.status)
        return
    headers = {"Lambda-Extension-Identifier": response.headers["Lambda-Extension-Identifier"]}

    def wait() -> None:
        connection.request("GET", f"{_EXTENSION}/event/next", headers=headers)
        connection.getresponse()

    threading.Thread(target=wait, daemon=True).start()
