"""What stands between the server and the app, around every request.

One plain ASGI wrapper, as each of Starlette's `BaseHTTPMiddleware` costs more than all of this. It answers for the
health of the container before the app is asked: an app's own health routes sit behind its middleware, may need a header
or a database, and change between releases. It believes the load balancer, and nobody else, about who asks. It refuses
bodies that are too long and answers for an app that fails or is late. It adds an id and headers to each answer, and
writes one line of log and one metric about it. Bodies pass through as they come: streams stay streams.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from random import getrandbits
from typing import Any

from starlette.websockets import WebSocketDisconnect

from .health import Readiness
from .observability import logs
from .observability.metrics import Publisher
from .proxies import Proxies, is_private
from .routes import RouteNames
from .settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CLIENT_WENT_AWAY = 499
_SANE_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._=:/+-]{7,127}")
_NOT_UUID4 = ~(0xF << 76 | 0x3 << 62)  # an id need not be a secret, so it need not cost a system call
_UUID4 = 0x4 << 76 | 0x2 << 62
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}
_STARLETTES_OWN = (b"content-length", b"21")  # of the body "Internal Server Error"

_ALWAYS = ((b"x-content-type-options", b"nosniff"),)
_FOR_PAGES = (*_ALWAYS, (b"x-frame-options", b"SAMEORIGIN"))
# Nobody may frame, run or keep what is meant for programs. A page needs its own policy, which only the app can know.
_FOR_DATA = (
    *_ALWAYS,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_OVER_TLS = (b"strict-transport-security", b"max-age=31536000")

_log = logging.getLogger(__name__)


class Edge:
    """The ASGI app that the server runs.

    The server opens its socket only after the app's own start-up, so a request that arrives means: started.
    """

    def __init__(self, app: ASGIApp, settings: Settings, publisher: Publisher | None = None) -> None:
        self.readiness = Readiness(settings.readiness_requires)
        self.settings = settings
        self.publisher = publisher
        self.in_flight = 0
        self.closing = False
        """Every answer asks the client to connect anew: to another task, or to another worker."""
        self.proxies = Proxies(settings.proxies, settings.proxy_hops)
        self.routes = RouteNames()
        self.access_log = logs.AccessLog(settings.log_level, as_json=settings.log_json)
        self.deadlines = _Deadlines(settings.request) if settings.request else None
        self.problem = _behind_cors_of(app)
        self.app = app

    def drain(self) -> None:
        """Be not ready any more, and have clients connect elsewhere."""
        self.closing = self.readiness.draining = True

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            if scope["path"] == self.settings.liveness_path:
                await _answer(send, 200, {"status": "alive"})
            elif scope["path"] == self.settings.readiness_path:
                await self._answer_ready(scope, send)
            else:
                await _Request(self, scope, receive, send).run()
        elif kind == "websocket":
            await _WebSocket(self, scope, receive, send).run()
        else:
            await self.app(scope, receive, send)

    def accepts_host(self, scope: Message) -> bool:
        """Whether the request names one host, and one that the app answers for."""
        allowed = self.settings.allowed_hosts
        if not allowed:
            return True
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return False
        host = re.sub(r":\d+$", "", hosts[0])
        return any(host == one or (one[:2] == "*." and host.endswith(one[1:])) or one == "*" for one in allowed)

    def answer_within(self, seconds: float) -> None:
        """Give answers no more time to begin than this, nor more than the settings do."""
        seconds = min(seconds, self.settings.request or seconds)
        if self.deadlines is None or seconds != self.deadlines.seconds:
            self.deadlines = _Deadlines(seconds)

    async def _answer_ready(self, scope: Message, send: Send) -> None:
        problems = await self.readiness.problems()
        body: dict[str, Any] = {"status": "not ready" if problems else "ready"}
        if _is_asked_from_inside(scope):
            if problems:
                body["reasons"] = problems
            if checks := self.readiness.results:
                body["checks"] = {name: result.reason or "ok" for name, result in checks.items()}
        await _answer(send, 503 if problems else 200, body, closing=self.closing)


class _Deadlines:
    """Ends requests that are not answered on time.

    One timer is enough, as all have the same time: the first to come is the first to be late.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waiting: dict[_Request, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, request: "_Request") -> None:
        """Have `request.expire` called, unless it is removed before."""
        loop = asyncio.get_running_loop()
        self._waiting[request] = deadline = loop.time() + self.seconds
        if self._loop is not loop:  # no timer runs
            self._loop = loop
            loop.call_at(deadline, self._sweep)

    def remove(self, request: "_Request") -> None:
        """Forget about a request."""
        self._waiting.pop(request, None)

    def _sweep(self) -> None:
        loop, self._loop = self._loop, None
        if loop is None:
            return
        now = loop.time()
        for request, deadline in list(self._waiting.items()):
            if deadline > now:
                self._loop = loop
                loop.call_at(deadline, self._sweep)
                return
            del self._waiting[request]
            request.expire()


class _Exchange:
    """One request or WebSocket on its way through the app, and what is told about it at the end."""

    _status = 0
    """What the client was told; 0 until then."""
    _trace = ""
    """The id of the trace that FastAPI makes of it, if it does."""

    def __init__(self, edge: Edge, scope: Message, receive: Receive, send: Send) -> None:
        self._began = time.perf_counter()
        self._edge = edge
        self._scope = scope
        self._receive = receive
        self._send = send
        edge.proxies.resolve(scope)
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._id = self._headers.get(b"x-request-id", b"")
        if not _SANE_ID.fullmatch(self._id):
            self._id = f"{getrandbits(128) & _NOT_UUID4 | _UUID4:032x}".encode()
            others = scope["headers"]
            if b"x-request-id" in self._headers:
                others = [header for header in others if header[0] != b"x-request-id"]
            scope["headers"] = [*others, (b"x-request-id", self._id)]  # for the app, too
        logs.begin_request(self._id.decode(), self._headers)

    def _tell(self, method: str, status: int, *, timed: bool) -> None:
        """Write the line and the metric."""
        edge, scope, headers = self._edge, self._scope, self._headers
        seconds = time.perf_counter() - self._began
        route = edge.routes.name(scope)
        if edge.publisher is not None:
            edge.publisher.request(method if method in _METHODS else "OTHER", route, status, seconds if timed else None)
        more = {}
        if b"x-amzn-trace-id" in headers:  # as the load balancer's own log calls the request
            more["load_balancer_trace"] = headers[b"x-amzn-trace-id"][:128].decode("latin-1")
        if self._trace:
            more["trace_id"] = self._trace
        if edge.settings.version:  # alarms judge each version of a function by its own answers
            more["version"] = edge.settings.version
        edge.access_log.write(
            method,
            scope["path"],
            status,
            seconds,
            identifier=self._id.decode(),
            route=route,
            client=scope["client"][0] if scope.get("client") else "",
            user_agent=headers.get(b"user-agent", b"")[:256].decode("latin-1"),
            more=more,
        )


class _Request(_Exchange):
    """An HTTP request."""

    _body = 0
    """How much of it the app has read."""
    _held: list[Message] | None = None
    """An answer that waits until it is clear whether the app failed."""
    _over = False
    """Answered in place of the app, which is not heard any more."""
    _streams = False
    _told = False
    _went_away = False
    _in_app = False
    _task: asyncio.Task[None] | None = None
    _giving_up: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Have it answered, by the app or in its place."""
        edge, settings = self._edge, self._edge.settings
        edge.in_flight += 1
        try:
            if not edge.accepts_host(self._scope):
                await self._refuse(400, "This host is not served here.")
            elif settings.max_body and int(self._headers.get(b"content-length", b"0")) > settings.max_body:
                await self._refuse_body()
            else:
                await self._run_app()
        finally:
            edge.in_flight -= 1
            self._end()

    async def _run_app(self) -> None:
        self._task = asyncio.current_task()
        if self._edge.deadlines is not None:
            self._edge.deadlines.add(self)
        self._in_app = True
        try:
            await self._edge.app(self._scope, self._receive_limited, self._send_from_app)
        except asyncio.CancelledError:
            if self._giving_up is None:
                raise  # the server stops; else the cancellation was ours
        except Exception as error:
            await self._fail(error)
        else:
            await self._release()
        finally:
            self._in_app = False
            if self._edge.deadlines is not None:
                self._edge.deadlines.remove(self)
        if self._giving_up is not None:
            await self._giving_up

    async def _receive_limited(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._went_away = True
        elif self._edge.settings.max_body:
            self._body += len(message.get("body", b""))
            if self._body > self._edge.settings.max_body and not self._status:
                await self._refuse_body()
                return {"type": "http.disconnect"}
        return message

    async def _send_from_app(self, message: Message) -> None:
        if self._over:
            return
        if self._held is not None:
            self._held.append(message)
        elif message["type"] != "http.response.start":
            await self._send(message)
        elif message["status"] == 500 and _STARLETTES_OWN in message.get("headers", ()):
            self._held = [message]  # if an exception follows, there is a better answer
        else:
            await self._start(message)

    async def _release(self) -> None:
        """An app that answers like Starlette on a failure, but did not fail, means it."""
        if self._held and not self._over:
            await self._start(self._held[0])
            for message in self._held[1:]:
                await self._send(message)

    async def _start(self, message: Message) -> None:
        self._status = message["status"]
        telemetry = self._scope.get("fastapi.telemetry")
        if telemetry is not None and telemetry.span is not None:
            self._trace = f"{telemetry.span.get_span_context().trace_id:032x}"
        headers: Headers = list(message.get("headers", ()))
        present = dict(headers)
        kind = present.get(b"content-type", b"")
        self._streams = kind.startswith(b"text/event-stream")
        if b"x-request-id" in present:
            headers = [header for header in headers if header[0] != b"x-request-id"]
        headers.append((b"x-request-id", self._id))
        if self._edge.settings.security_headers:
            headers += [header for header in _wanted(kind, present) if header[0] not in present]
            if self._scope.get("scheme") == "https" and _OVER_TLS[0] not in present:
                headers.append(_OVER_TLS)
        if self._edge.closing:
            headers.append((b"connection", b"close"))
        await self._send({**message, "headers": headers})

    def expire(self) -> None:
        """Answer in place of the app, unless its answer has begun."""
        if not self._status and not self._over:
            self._over = True
            self._giving_up = asyncio.create_task(self._give_up())

    async def _give_up(self) -> None:
        """Answer first: a route that is not async runs on in its thread, whatever is cancelled."""
        seconds = self._edge.deadlines.seconds if self._edge.deadlines else 0
        await self._refuse(504, f"There was no answer within {seconds:g} seconds.")
        self._end()
        if self._in_app and self._task is not None:
            self._task.cancel()

    async def _refuse_body(self) -> None:
        most = self._edge.settings.max_body
        _log.warning("refused a request body of more than MAX_BODY_BYTES=%d", most)
        await self._refuse(413, f"The body of the request must not be longer than {most} bytes.")

    async def _fail(self, error: Exception) -> None:
        if self._over:
            return
        if self._went_away and not self._status:
            self._status = CLIENT_WENT_AWAY
            return
        _log.error("unhandled exception", exc_info=error, extra={"path": self._scope["path"]})
        if not self._status:
            await self._refuse(500, f"The error is logged with the request id {self._id.decode()}.")
        # Else the server closes the connection, as the answer has no end: the client sees that it is cut.

    async def _refuse(self, status: int, detail: str) -> None:
        """Answer in place of the app."""
        self._over = True
        self._scope["fastapi_runtime.problem"] = (status, detail)
        await self._edge.problem(self._scope, self._receive, self._send_own)

    async def _send_own(self, message: Message) -> None:
        await (self._start(message) if message["type"] == "http.response.start" else self._send(message))

    def _end(self) -> None:
        if self._told:
            return
        self._told = True
        status = self._status or (CLIENT_WENT_AWAY if self._went_away else 500)
        self._tell(self._scope["method"], status, timed=not self._streams)


class _WebSocket(_Exchange):
    """A WebSocket from its handshake to its end."""

    async def run(self) -> None:
        """Have the app talk, if it serves this host."""
        status = CLIENT_WENT_AWAY  # or the server stops
        try:
            if self._edge.accepts_host(self._scope):
                await self._edge.app(self._scope, self._receive, self._send_from_app)
            else:
                await self._send({"type": "websocket.close", "code": 1008})
            status = self._status or 403
        except WebSocketDisconnect:  # the client left and the app did not mind
            status = self._status or CLIENT_WENT_AWAY
        except Exception as error:
            status = 500
            _log.error("unhandled exception", exc_info=error, extra={"path": self._scope["path"]})
            if not self._status:
                raise  # the server answers the handshake with 500
            await self._send({"type": "websocket.close", "code": 1011})
        finally:
            self._tell("WEBSOCKET", status, timed=False)

    async def _send_from_app(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self._status = 101
            message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", self._id)]}
        await self._send(message)


def _wanted(kind: bytes, present: dict[bytes, bytes]) -> Iterable[tuple[bytes, bytes]]:
    """The security headers for a content type."""
    if kind.startswith(b"text/html"):
        return _FOR_PAGES
    if not kind.startswith(b"application/") or b"json" not in kind:
        return _ALWAYS
    return _FOR_DATA[:2] if b"etag" in present or b"last-modified" in present else _FOR_DATA


def _behind_cors_of(app: Any) -> ASGIApp:
    """An ASGI app that tells problems (RFC 9457), with the CORS headers that the app's own answers have.

    Without them the JavaScript of a page sees no status at all, only that something failed.
    """
    for middleware in getattr(app, "user_middleware", ()):
        if getattr(middleware.cls, "__name__", "") == "CORSMiddleware":
            behind: ASGIApp = middleware.cls(_problem, *middleware.args, **middleware.kwargs)
            return behind
    return _problem


async def _problem(scope: Message, _receive: Receive, send: Send) -> None:
    status, detail = scope["fastapi_runtime.problem"]
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    await _answer(send, status, body, b"application/problem+json")


def _is_asked_from_inside(scope: Message) -> bool:
    """Whether the question comes from a private address, and is nobody's that the load balancer forwards."""
    client = scope.get("client")
    forwarded = any(name.startswith((b"x-forwarded-", b"forwarded")) for name, _ in scope["headers"])
    return not forwarded and (client is None or is_private(client[0]))


async def _answer(
    send: Send, status: int, body: dict[str, Any], kind: bytes = b"application/json", *, closing: bool = False
) -> None:
    content = json.dumps(body).encode()
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        *([(b"connection", b"close")] if closing else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
