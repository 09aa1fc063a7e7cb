"""The same app on Lambda: `fastapi_runtime.lambda_handler.handler`, run by AWS' own runtime client, awslambdaric.

The app is imported and started once, when Lambda initializes the environment, and stopped once, when Lambda ends it:
adapters that do both for each request open every connection anew. Events of HTTP APIs (payload version 2.0), function
URLs and load balancers become requests through mangum; what it leaves to the app is put right here. Events of deploys
are commands (`lambda_command.py`).
"""

import asyncio
import gc
import hashlib
import hmac
import json
import logging
import os
import time
from typing import Any
from urllib.parse import quote, unquote

from mangum import Mangum
from mangum.exceptions import LifespanFailure
from mangum.protocols import LifespanCycle

from . import lambda_command, observability
from .edge import Edge, Message, Receive, Send
from .loading import load
from .observability import Observability
from .observability.metrics import SAMPLE_SECONDS, Sample, pool_uses, resident_memory
from .secret_variables import SecretVariables
from .settings import Settings

MOST_MEGABYTES = 6
"""What Lambda returns at most, as JSON with a binary body in base64 (Lambda quotas)."""
MOST_MEGABYTES_OF_A_LOAD_BALANCER = 1
"""What a load balancer takes from Lambda at most (Application Load Balancers, Lambda functions as targets)."""
SCHEDULE = "pulumi-fastapi-schedule"
"""`requestContext.apiId` of the events of schedules; in those of entries only AWS writes there."""
_ORIGIN_SECRET = b"x-origin-secret"
_RESERVE_SECONDS = 0.5  # before Lambda cuts an invocation, to answer in its place
_STOP_SECONDS = 0.35  # of the 500 ms that Lambda gives when it ends an environment

_log = logging.getLogger(__name__)


class ScheduledRequestFailed(Exception):
    """Nobody waits for the answer to a schedule: an error is what Lambda tries again, counts, and keeps."""


class LambdaApp:
    """An app in a Lambda environment: started at once, called for each event, stopped with the environment."""

    def __init__(self, settings: Settings) -> None:
        """Import and start the app.

        Raises:
            AppNotFound: no such module or attribute.
            LifespanFailure: the app's own start-up failed.
        """
        observability.check(settings, os.environ)
        self._settings = settings
        self._observed = Observability(settings)
        self._edge: Edge = load(settings, self._observed)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._lifespan = LifespanCycle(self._edge, "auto")
        self._lifespan.__enter__()
        self._adapter = Mangum(self._answer, lifespan="off", text_mime_types=[*_TEXT])
        self._seconds = 0.0
        self._sampled_at = float("-inf")

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer one event.

        Raises:
            ValueError: the event is no HTTP request.
            ScheduledRequestFailed: it is one of a schedule, and the app could not do it.
        """
        if not isinstance(event, dict) or "requestContext" not in event:
            raise ValueError(
                "this function answers HTTP requests of a function URL, an HTTP API or a load balancer;"
                f" got an event with {sorted(event) if isinstance(event, dict) else type(event).__name__}"
            )
        self._seconds = max(0.1, int(context.get_remaining_time_in_millis() / 100) / 10 - _RESERVE_SECONDS)
        self._edge.answer_within(self._seconds)
        result: dict[str, Any] = self._adapter(event, context)
        most = MOST_MEGABYTES_OF_A_LOAD_BALANCER if "elb" in event["requestContext"] else MOST_MEGABYTES
        if _is_longer(result, most):
            _log.error(
                "an answer is longer than the %d MB that can be returned; put it into S3 and answer with a link", most
            )
            problem = (500, f"The answer is longer than the {most} MB that Lambda can return here.")
            result = self._adapter({**event, _PROBLEM: problem}, context)
        self._publish()
        if event["requestContext"].get("apiId") == SCHEDULE and result["statusCode"] >= 500:
            raise ScheduledRequestFailed(f"{event.get('rawPath')} answered {result['statusCode']}")
        return result

    def stop(self, seconds: float | None = None) -> None:
        """Stop the app, unless it is in the middle of a request.

        Args:
            seconds: how long its own shutdown may take. Default as long as it takes.
        """
        if self._loop.is_running():
            return
        try:
            self._loop.run_until_complete(asyncio.wait_for(self._lifespan.shutdown(), seconds))
        except TimeoutError:
            _log.error("the app's shutdown takes longer than the %g seconds that Lambda gives it", _STOP_SECONDS)
        except LifespanFailure as error:
            _log.error("the app's shutdown failed: %s", error)
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
        if not any(name == b"x-request-id" for name, _ in scope["headers"]):  # as Lambda's own lines call it
            scope["headers"] = [*scope["headers"], (b"x-request-id", scope["aws.context"].aws_request_id.encode())]
        problem = event.get(_PROBLEM)
        if ".lambda-url." in event["requestContext"].get("domainName", "") and self._settings.origin_digests:
            problem = problem or self._leave_cloud_front(scope)
        if problem:
            scope["fastapi_runtime.problem"] = problem
            await self._edge.problem(scope, receive, send)
            return
        for message in await self._whole_answer(scope, receive):
            await send(_in_utf8(message))

    def _leave_cloud_front(self, scope: Message) -> tuple[int, str] | None:
        """Put client and host where the app looks for them, and take away what only CloudFront should know.

        Returns:
            Why the request is refused: it has gone past CloudFront.
        """
        headers = {bytes(name): bytes(value) for name, value in scope["headers"]}
        digest = hashlib.sha256(headers.pop(_ORIGIN_SECRET, b"")).hexdigest()
        if not any(hmac.compare_digest(digest, known) for known in self._settings.origin_digests):
            _log.warning("refused a request to the function's URL that has not come through CloudFront")
            return 403, "This address is not served; use the one of the API."
        if b"x-forwarded-host" in headers:  # CloudFront writes there what the client cannot
            headers[b"host"] = headers[b"x-forwarded-host"]
            scope["server"] = (headers[b"host"].decode("latin-1"), scope["server"][1])
        scope["headers"] = list(headers.items())
        addresses = [entry.strip() for entry in headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")]
        while addresses and addresses[-1] == scope["client"][0]:  # CloudFront itself, if Lambda has added it
            addresses.pop()
        if addresses and addresses[-1]:
            scope["client"] = (addresses[-1], 0)
        return None

    async def _whole_answer(self, scope: Message, receive: Receive) -> list[Message]:
        """Nothing leaves before an answer is complete, so one that has begun can still be late."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        try:
            async with asyncio.timeout(self._seconds + 0.1):  # of one that has not begun the edge knows before
                await self._edge(scope, receive, keep)
        except TimeoutError:
            if messages and messages[-1]["type"] == "http.response.body" and not messages[-1].get("more_body"):
                _log.error("what %s still does after its answer is cut by the function's timeout", scope["path"])
                return messages
            _log.error(
                "the answer of %s has no end; Lambda sends no parts of it, so it cannot be a stream", scope["path"]
            )
            messages = []
            scope["fastapi_runtime.problem"] = (504, f"The answer was not complete within {self._seconds:g} seconds.")
            await self._edge.problem(scope, receive, keep)
        if not messages:
            _log.error("the app has returned from %s without an answer", scope["path"])
            scope["fastapi_runtime.problem"] = (500, "The app gave no answer.")
            await self._edge.problem(scope, receive, keep)
        return messages

    def _publish(self) -> None:
        """Nothing runs between invocations, so what waits to be sent has to go now."""
        if self._edge.publisher is not None and time.monotonic() - self._sampled_at >= SAMPLE_SECONDS:
            self._sampled_at = time.monotonic()
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


_PROBLEM = "fastapi_runtime.problem"
_TEXT = (
    "text/",
    "application/json",
    "application/problem+json",
    "application/javascript",
    "application/xml",
    "application/vnd.api+json",
    "application/vnd.oai.openapi",
)


def _is_longer(result: dict[str, Any], megabytes: int) -> bool:
    most = megabytes * 1024 * 1024
    probably_small = most // 7  # JSON writes a byte as six at most
    return len(result.get("body") or "") > probably_small and len(json.dumps(result).encode()) > most


def _in_utf8(message: Message) -> Message:
    """HTTP headers are Latin-1, an event is Unicode; mangum reads the one as the other."""
    if message["type"] != "http.response.start":
        return message
    headers = [
        (name, value if value.isascii() else value.decode("latin-1").encode()) for name, value in message["headers"]
    ]
    return {**message, "headers": headers}


class Environment:
    """What Lambda calls: with requests for the app, and with the commands of a deploy."""

    def __init__(self) -> None:
        """Read the secrets, then start the app.

        Where requests are what starts environments, one that cannot start its app waits for the first event: that may
        be the migration without which it cannot. Provisioned environments fail at once, as nothing else would show it.

        Raises:
            SettingsError: a variable cannot be used.
            SecretUnreadable: a secret cannot be read.
            Exception: what the app's own import and start raise.
        """
        began = time.monotonic()
        self._secrets = SecretVariables.from_environment(os.environ)
        self._secrets.export(os.environ)
        self._secrets_at = time.time()  # the other clock may stand still with a frozen environment
        settings = Settings.from_environment(os.environ)
        self._refresh = settings.secrets_refresh
        self._is_stale = False
        self._seconds_left = 0.0
        try:
            self._app: LambdaApp | Exception = LambdaApp(settings)
        except Exception as error:
            if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "on-demand":
                raise
            _log.error("the app does not start", exc_info=error)
            self._app = error
        gc.freeze()  # what was imported stays for ever: no later collection has to look through it
        self._start_seconds = time.monotonic() - began

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer one event.

        Raises:
            ValueError: the event is neither an HTTP request nor a command.
            Exception: the app could not start.
        """
        seconds = context.get_remaining_time_in_millis() / 1000
        ends = time.monotonic() + seconds
        try:
            if command := lambda_command.command_of(event):
                self._is_stale = True  # the app may have read what the command changes
                return lambda_command.run(command, max(0.1, seconds - _RESERVE_SECONDS))
            if isinstance(self._app, Exception):
                self._is_stale = True
                raise self._app
            return self._app(event, context)
        finally:
            self._seconds_left = ends - time.monotonic()

    def is_spent(self) -> bool:
        """Whether the process should start anew before the next event, and still has the time for it in this one.

        Values that an app has read on import cannot be replaced in it. So, when secrets were rotated, it starts anew.
        """
        if isinstance(self._app, Exception):
            return self._is_stale
        if self._refresh and time.time() - self._secrets_at >= self._refresh:
            self._secrets_at = time.time()
            if self._secrets.have_changed():
                _log.info("secrets were rotated: the app starts anew with them")
                self._is_stale = True
        return self._is_stale and self._seconds_left > 2 * self._start_seconds

    def stop(self) -> None:
        """Stop the app."""
        if isinstance(self._app, LambdaApp):
            self._app.stop()

    def end(self) -> None:
        """Stop the app in the little time that Lambda gives when it ends an environment."""
        if isinstance(self._app, LambdaApp):
            self._app.stop(_STOP_SECONDS)


handler = Environment()
"""What Lambda calls."""
