"""The same app on Lambda: `fastapi_runtime.lambda_handler.handler`, run by AWS' own runtime client, awslambdaric.

The app is imported and started once, when Lambda initializes the environment, and stopped once, when Lambda ends it:
adapters that do both for each request open every connection anew. Events of HTTP APIs (payload version 2.0), function
URLs and load balancers become requests through mangum; what it leaves to the app is put right here.
"""

import asyncio
import http.client
import json
import logging
import os
import signal
import threading
from types import FrameType
from typing import Any
from urllib.parse import quote, unquote

from mangum import Mangum
from mangum.protocols import LifespanCycle

from . import observability
from .edge import Edge, Message, Receive, Send
from .loading import load
from .observability import Observability
from .observability.metrics import Sample, pool_uses, resident_memory
from .settings import Settings

MOST_RESPONSE_BYTES = 6 * 1024 * 1024
"""What Lambda returns at most, as JSON with a binary body in base64 (Lambda quotas)."""
_PROBABLY_SMALL = MOST_RESPONSE_BYTES // 7  # JSON writes a byte as six at most
_RESERVE_SECONDS = 0.5  # before Lambda cuts an invocation, to answer in its place
_EXTENSION = "/2020-01-01/extension"

_log = logging.getLogger(__name__)


class LambdaApp:
    """An app in a Lambda environment: started at once, called for each event, stopped with the environment."""

    def __init__(self, settings: Settings) -> None:
        """Import and start the app.

        Raises:
            AppNotFound: no such module or attribute.
            LifespanFailure: the app's own start-up failed.
        """
        observability.check(settings, os.environ)
        self._observed = Observability(settings)
        self._edge: Edge = load(settings, self._observed)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._lifespan = LifespanCycle(self._edge, "auto")
        self._lifespan.__enter__()
        self._adapter = Mangum(self._answer, lifespan="off", text_mime_types=[*_TEXT])
        self._timed = False

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer one event.

        Raises:
            ValueError: the event is no HTTP request.
        """
        if not isinstance(event, dict) or "requestContext" not in event:
            raise ValueError(
                "this function answers HTTP requests of a function URL, an HTTP API or a load balancer;"
                f" got an event with {sorted(event) if isinstance(event, dict) else type(event).__name__}"
            )
        if not self._timed:  # only an invocation tells how long all of them may take
            self._timed = True
            self._edge.answer_within(max(0.1, context.get_remaining_time_in_millis() / 1000 - _RESERVE_SECONDS))
        result: dict[str, Any] = self._adapter(event, context)
        if self._is_too_long(result):
            _log.error(
                "an answer is longer than the 6 MB that Lambda can return; put it into S3 and answer with a link"
            )
            result = self._adapter({**event, _TOO_LONG: True}, context)
        self._publish()
        return result

    def stop(self) -> None:
        """Stop the app, unless it is in the middle of a request."""
        if not self._loop.is_running():
            self._lifespan.__exit__(None, None, None)
            self._observed.close()

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        event = scope["aws.event"]
        scope["state"] = self._lifespan.lifespan_state.copy()
        if "elb" in event["requestContext"]:
            # The load balancer appends the address that it saw to what the client wrote.
            scope["client"] = (scope["client"][0].rpartition(",")[2].strip(), 0)
        elif event.get("version") == "2.0":
            scope["raw_path"] = quote(event["rawPath"], safe="/%:@!$&'()*+,;=~").encode()
            scope["path"] = unquote(event["rawPath"])
            stage = event["requestContext"].get("stage", "$default")
            if stage != "$default" and scope["path"].startswith(f"/{stage}/"):
                scope["root_path"] = f"/{stage}"
        if _TOO_LONG in event:
            scope["fastapi_runtime.problem"] = (500, "The answer is longer than the 6 MB that Lambda can return.")
            await self._edge.problem(scope, receive, send)
            return
        await self._edge(scope, receive, _in_utf8(send))

    def _is_too_long(self, result: dict[str, Any]) -> bool:
        body = result.get("body") or ""
        return len(body) > _PROBABLY_SMALL and len(json.dumps(result).encode()) > MOST_RESPONSE_BYTES

    def _publish(self) -> None:
        """Nothing runs between invocations, so what waits to be sent has to go now."""
        if self._edge.publisher is not None:
            self._edge.publisher.sample(
                Sample(
                    loop_lag=0,
                    memory=resident_memory(),
                    in_flight=0,
                    worker_restarts=0,
                    pools=pool_uses(),
                    checks=self._edge.readiness.results,
                )
            )
        self._observed.flush()


_TOO_LONG = "fastapi_runtime.too_long"
_TEXT = (
    "text/",
    "application/json",
    "application/problem+json",
    "application/javascript",
    "application/xml",
    "application/vnd.api+json",
    "application/vnd.oai.openapi",
)


def _in_utf8(send: Send) -> Send:
    """HTTP headers are Latin-1, an event is Unicode; mangum reads the one as the other."""

    async def convert(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (name, value if value.isascii() else value.decode("latin-1").encode())
                for name, value in message["headers"]
            ]
            message = {**message, "headers": headers}
        await send(message)

    return convert


def _stop_on_sigterm(app: LambdaApp, runtime_api: str) -> None:
    """Stop the app when Lambda ends the environment; it tells so only to who has an extension."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        app.stop()
        os._exit(0)  # a thread waits for the next event, which will not come

    signal.signal(signal.SIGTERM, stop)
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


handler = LambdaApp(Settings.from_environment(os.environ))
"""What Lambda calls."""

_stop_on_sigterm(handler, os.environ["AWS_LAMBDA_RUNTIME_API"])
