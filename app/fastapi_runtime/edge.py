"""What stands between the server and the app: health of the container, and the end of connections while it drains.

An app's own health routes sit behind its middleware, may need a header or a database, and change between releases.
These two are answered before the app sees the request.
"""

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

_CHECK_SECONDS = 2  # shorter than the load balancer waits for the answer


class Edge:
    """The ASGI app that the server runs.

    The server opens its socket only after the app's own start-up, so a request that arrives means: started.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.draining = False
        """Set on SIGTERM: not ready any more, and every answer asks the client to connect anew, elsewhere."""
        self._app = app
        self._settings = settings
        self._database_seen = settings.database_host is None
        self._checking = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == self._settings.liveness_path:
            await _answer(send, 200, {"status": "alive"})
        elif scope["type"] == "http" and scope["path"] == self._settings.readiness_path:
            await self._answer_ready(scope, send)
        elif scope["type"] == "http" and self.draining:
            await self._app(scope, receive, _closing(send))
        else:
            await self._app(scope, receive, send)

    async def _answer_ready(self, scope: Message, send: Send) -> None:
        problem = "draining" if self.draining else await self._database_problem()
        body = {"status": "not ready" if problem else "ready"}
        if problem and _is_private(scope):
            body["reason"] = problem
        await _answer(send, 503 if problem else 200, body)

    async def _database_problem(self) -> str | None:
        """Why the database cannot be reached. Once it could, never again: a short outage must not end every task."""
        async with self._checking:
            if self._database_seen:
                return None
            host, port = self._settings.database_host, self._settings.database_port
            try:
                async with asyncio.timeout(_CHECK_SECONDS):
                    _, writer = await asyncio.open_connection(host, port)
            except OSError as error:  # a timeout is one
                why = str(error) or f"no answer within {_CHECK_SECONDS} seconds"
                return f"database {host}:{port} does not accept connections: {why}"
            writer.close()
            self._database_seen = True
            return None


def _closing(send: Send) -> Send:
    async def close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return close


def _is_private(scope: Message) -> bool:
    """Whether the question comes from inside: a private address, and nobody's forwarded by the load balancer."""
    forwarded = any(name == b"x-forwarded-for" for name, _ in scope["headers"])
    client = scope.get("client")
    return not forwarded and (client is None or ipaddress.ip_address(client[0]).is_private)


async def _answer(send: Send, status: int, body: dict[str, str]) -> None:
    content = json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
