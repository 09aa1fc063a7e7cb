"""Limits to what others may do to this app, and to what it does to others.

from fastapi_runtime.resilience import CircuitBreaker, RateLimit

login_limit = RateLimit("5/minute")

@app.post("/login", dependencies=[Depends(login_limit)])
async def login(...): ...

payments = CircuitBreaker("payments")

async with payments.attempt():
    await client.post("https://payments.example.com/charges")
"""

import asyncio
import ipaddress
import logging
import math
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import HTTPException, Request

from .optional import needs

_log = logging.getLogger(__name__)


class CircuitOpen(HTTPException):
    """Nothing is sent, as the last calls failed; unhandled it becomes 503 with `Retry-After`."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(503, f"{name} is unavailable; try again.", {"Retry-After": str(max(1, math.ceil(seconds)))})


class CircuitBreaker:
    """Stops calling what has failed several times in a row, and lets one call at a time find out whether it is back.

    It counts in this process: a worker learns by itself, and no store has to be there for it.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 5,
        reset: float = 30.0,
        timeout: float = 10.0,
        counts: Callable[[Exception], bool] | None = None,
    ) -> None:
        """Make a closed one.

        Args:
            name: of what is called, for logs and answers.
            failures: that many in a row open it.
            reset: seconds until one call may try again.
            timeout: seconds after which a call counts as failed; it is cancelled with `TimeoutError`.
            counts: whether an error says that the other side is not well. Default: all but answers with 4xx.
        """
        if failures < 1 or reset <= 0 or timeout <= 0:
            raise ValueError(f"failures, reset and timeout must be positive, got {failures}, {reset}, {timeout}")
        self.name = name
        self._failures, self._reset, self._timeout = failures, reset, timeout
        self._counts = counts or _is_their_fault
        self._failed = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls are refused; also while one of them finds out."""
        return self._opened_at is not None

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Call the other side inside of it.

        Raises:
            CircuitOpen: it is not called now.
            TimeoutError: it took longer than `timeout`.
        """
        probe = self._admit()
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except Exception as error:
            if self._counts(error):
                self._failure(probe, error)
            else:
                self._success()
            raise
        else:
            self._success()
        finally:  # also if it is cancelled, which says nothing about the other side
            if probe:
                self._probing = False

    def _admit(self) -> bool:
        """Whether this call is the probe."""
        if self._opened_at is None:
            return False
        wait = self._opened_at + self._reset - time.monotonic()
        if wait > 0 or self._probing:
            raise CircuitOpen(self.name, wait)
        self._probing = True
        return True

    def _failure(self, probe: bool, error: Exception) -> None:
        self._failed += 1
        if probe or (self._failed >= self._failures and self._opened_at is None):
            _log.warning("not calling %s for %g seconds: %s: %s", self.name, self._reset, type(error).__name__, error)
            self._opened_at = time.monotonic()

    def _success(self) -> None:
        if self._opened_at is not None:
            _log.info("calling %s again", self.name)
        self._failed, self._opened_at = 0, None


def _is_their_fault(error: Exception) -> bool:
    """Not an answer with 4xx: of httpx (`error.response.status_code`) or an `HTTPException` (`error.status_code`)."""
    status = getattr(getattr(error, "response", error), "status_code", None)
    return not (isinstance(status, int) and 400 <= status < 500)


Key = Callable[[Request], str]


def client_address(request: Request) -> str:
    """Who sent the request: `scope["client"]`, which the runtime takes from a proxy's header only if it trusts that.

    An IPv6 client has a whole /64 to choose addresses from, and counts as one.
    """
    host = request.client.host if request.client else "unknown"
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)


class RateLimit:
    """A dependency that answers 429 with `Retry-After` to who asks too often.

    It counts in Redis if there is one, for all processes together; otherwise each process counts for itself. A Redis
    that does not answer limits nobody, and costs one short wait.
    """

    def __init__(
        self, limit: str, *, key: Key = client_address, name: str | None = None, url: str | None = None
    ) -> None:
        """Describe the limit; nothing is opened before the first request.

        Args:
            limit: such as `5/minute` or `100/hour`.
            key: who is counted. Default: the client's address.
            name: routes with the same name share the count. Default: each its own.
            url: default: `REDIS_URL`, at the first request.

        Raises:
            ValueError: `limit` cannot be read.
        """
        with needs("limits", "redis"):
            from limits import parse
        try:
            self._limit = parse(limit)
        except ValueError:
            raise ValueError(f"limit must look like 5/minute or 100/hour, got {limit!r}") from None
        self._key, self._name, self._url = key, name, url
        self._limiter: Any = None
        self._redis = False
        self._breaker = CircuitBreaker("the rate limit's Redis", failures=3, reset=5.0, timeout=0.25)

    async def __call__(self, request: Request) -> None:
        """Count the request.

        Raises:
            HTTPException: 429, there were too many.
        """
        name = self._name or f"{request.method} {getattr(request.scope.get('route'), 'path', request.url.path)}"
        identity = (name, self._key(request))
        seconds = await self._wait(identity)
        if seconds is not None:
            raise HTTPException(429, "Too many requests.", {"Retry-After": str(max(1, math.ceil(seconds)))})

    async def _wait(self, identity: tuple[str, str]) -> float | None:
        """Seconds until the next request may come; None if this one may."""
        if self._limiter is None:
            self._limiter = self._make()
        if not self._redis:
            return await self._hit(identity)
        try:
            async with self._breaker.attempt():
                return await self._hit(identity)
        except CircuitOpen:
            return None
        except Exception as error:  # of the library's or the client's: a limit that cannot count lets everyone pass
            _log.warning("limiting nobody: %s: %s", type(error).__name__, error)
            return None

    async def _hit(self, identity: tuple[str, str]) -> float | None:
        if await self._limiter.hit(self._limit, *identity):
            return None
        window = await self._limiter.get_window_stats(self._limit, *identity)
        return float(window.reset_time) - time.time()

    async def aclose(self) -> None:
        """Close the connections to Redis; the next request opens new ones."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None and self._redis:
            await limiter.storage.bridge.storage.connection_pool.disconnect()

    def _make(self) -> Any:
        from limits.aio.storage import MemoryStorage, RedisStorage
        from limits.aio.strategies import SlidingWindowCounterRateLimiter

        url = self._url or os.environ.get("REDIS_URL")
        self._redis = url is not None and url != ""
        if not self._redis:
            return SlidingWindowCounterRateLimiter(MemoryStorage())
        from .cache import redis_client

        pool: Any = redis_client(str(url)).connection_pool
        storage = RedisStorage(f"async+{url}", connection_pool=pool, implementation="redispy")
        return SlidingWindowCounterRateLimiter(storage)
