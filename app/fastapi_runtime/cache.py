"""Results kept in Redis, with keys that are the same in every process, and without Redis being able to hurt.

    from fastapi_runtime.cache import Cache

    cache = Cache()  # REDIS_URL

    @cache(seconds=300, ignore=("session",))
    async def popular(limit: int, session: AsyncSession) -> list[Item]: ...

    await popular.forget(10)

Who asks at the same time waits for one computation: within a process always, among all processes for as long as Redis
answers. A Redis that is slow, paused or gone costs one short wait, and then nothing until it is asked again.
"""

import asyncio
import functools
import hashlib
import inspect
import json
import logging
import os
import random
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from .optional import needs
from .resilience import CircuitBreaker, CircuitOpen
from .settings import SettingsError

if TYPE_CHECKING:
    from redis.asyncio import Redis

P = ParamSpec("P")
T = TypeVar("T")

REDIS_SECONDS = 0.25
"""The longest that one request waits for Redis."""
_JITTER = 0.1
_LOCK_SECONDS = 10.0
_POLL_SECONDS = 0.05
_UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"
# Only what looks the same in every process can be part of a key; the text of other objects holds their address.
_IN_KEYS = "text, numbers, dates, UUIDs, enumerations, pydantic models, and lists, sets and mappings of those"

_log = logging.getLogger(__name__)


def redis_client(url: str) -> "Redis":
    """A client that never waits long: 0.25 seconds to connect, for an answer, or for one of 50 connections.

    Raises:
        SettingsError: `url` is no URL of Redis.
    """
    with needs("redis"):  # only here, as it takes half as long to import as FastAPI
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as RedisConnectionError
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=50,
            timeout=REDIS_SECONDS,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
            health_check_interval=30,
            # A connection that Redis has closed is found by using it; one that times out is not tried again.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
    except ValueError as error:
        raise SettingsError(f"REDIS_URL must look like redis://host:6379/0 or rediss://host:6379/0: {error}") from None
    return Redis.from_pool(pool)


class Cache:
    """A cache in Redis, from start-up to shutdown of the app; without one only what is asked at once is shared."""

    def __init__(self, url: str | None = None, *, prefix: str = "cache") -> None:
        """Describe the cache; nothing is read from the environment or opened before it is entered.

        Args:
            url: default: `REDIS_URL`, when it is entered; without it nothing is kept.
            prefix: of all keys. Change it when the meaning of what is kept changes.
        """
        self._url = url
        self._prefix = prefix
        self._redis: Redis | None = None
        self._breaker = CircuitBreaker("redis", failures=3, reset=5.0, timeout=2 * REDIS_SECONDS)

    async def __aenter__(self) -> Self:
        """Make the client. Redis is not asked: an app starts and works without."""
        url = self._url or os.environ.get("REDIS_URL")
        self._redis = redis_client(url) if url else None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        redis, self._redis = self._redis, None
        if redis is not None:
            await redis.aclose()

    async def ping(self) -> None:
        """Ask Redis, for `health.register`.

        Raises:
            redis.exceptions.RedisError: it does not answer.
        """
        if self._redis is not None:
            await self._redis.ping()

    def __call__(
        self, *, seconds: float, ignore: Collection[str] = ()
    ) -> Callable[[Callable[P, Awaitable[T]]], "Cached[P, T]"]:
        """Keep what an async function returns.

        Args:
            seconds: for how long; each result up to 10 % shorter, so that not all end at once.
            ignore: parameters that do not decide the result, such as a session.

        Raises:
            TypeError: the function has no return annotation, by which results are written and read, or no such
                parameter.
        """

        def decorate(function: Callable[P, Awaitable[T]]) -> Cached[P, T]:
            return Cached(self, function, seconds, ignore)

        return decorate

    async def get(self, key: str) -> bytes | None:
        """The text of a key; None if there is none, or Redis does not answer."""
        text: bytes | None = await self._ask(lambda redis: redis.get(key), None)
        return text

    async def set(self, key: str, text: bytes, seconds: float) -> None:
        """Keep a text, if Redis answers."""
        await self._ask(lambda redis: redis.set(key, text, px=max(1, round(seconds * 1000))), None)

    async def delete(self, key: str) -> None:
        """Forget a text, if Redis answers."""
        await self._ask(lambda redis: redis.delete(key), None)

    async def lock(self, key: str, token: str) -> bool:
        """Whether this process is to compute; also if Redis does not answer."""
        return (
            await self._ask(lambda redis: redis.set(key, token, nx=True, px=round(_LOCK_SECONDS * 1000)), True) is True
        )

    async def unlock(self, key: str, token: str) -> None:
        """Give up a lock, if it is still ours."""
        await self._ask(lambda redis: redis.eval(_UNLOCK, 1, key, token), None)

    async def _ask(self, question: Callable[["Redis"], Awaitable[Any]], otherwise: Any) -> Any:
        if self._redis is None:
            return otherwise
        from redis.exceptions import RedisError

        try:
            async with self._breaker.attempt():
                return await question(self._redis)
        except CircuitOpen:
            return otherwise
        except (RedisError, OSError) as error:  # a timeout is an OSError
            _log.warning("going on without Redis: %s: %s", type(error).__name__, error)
            return otherwise


class Cached(Generic[P, T]):
    """A function whose results are kept; it is called as before."""

    def __init__(
        self, cache: Cache, function: Callable[P, Awaitable[T]], seconds: float, ignore: Collection[str]
    ) -> None:
        self._cache = cache
        self._function = function
        self._seconds = seconds
        self._ignore = frozenset(ignore)
        self._signature = inspect.signature(function)
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._running: dict[str, asyncio.Future[T]] = {}
        unknown = self._ignore - self._signature.parameters.keys()
        if unknown:
            raise TypeError(f"{self._name} has no parameter {', '.join(sorted(unknown))} to ignore")
        if self._signature.return_annotation is inspect.Signature.empty:
            raise TypeError(f"{self._name} needs a return annotation: by it results are written and read")
        functools.update_wrapper(self, function)

    @functools.cached_property
    def _type(self) -> TypeAdapter[T]:
        """At the first call, when all names of the annotation are defined."""
        return TypeAdapter(get_type_hints(self._function)["return"])

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result: kept, being computed by someone else, or computed now.

        Raises:
            TypeError: an argument cannot be part of a key.
        """
        key = self.key(*args, **kwargs)
        while (running := self._running.get(key)) is not None:
            # If who computes hangs up, the next in line takes over.
            with suppress(_Abandoned):
                return await asyncio.shield(running)
        self._running[key] = future = asyncio.get_running_loop().create_future()
        try:
            result = await self._find(key, args, kwargs)
        except Exception as error:
            future.set_exception(error)
            future.exception()  # asked for, so that nobody having waited is no error
            raise
        except BaseException:
            future.set_exception(_Abandoned())
            future.exception()
            raise
        else:
            future.set_result(result)
            return result
        finally:
            del self._running[key]

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of a call: the same however its arguments are written, in every process and version of Python.

        Raises:
            TypeError: an argument cannot be part of a key.
        """
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = {name: value for name, value in bound.arguments.items() if name not in self._ignore}
        plain = {name: self._plain(name, value) for name, value in arguments.items()}
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
        return f"{self._cache._prefix}:{self._name}:{digest}"

    async def forget(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Compute this call anew next time."""
        await self._cache.delete(self.key(*args, **kwargs))

    def _plain(self, name: str, value: object) -> Any:
        try:
            return _canonical(value)
        except (PydanticSerializationError, UnicodeDecodeError):
            raise TypeError(
                f"{name}={type(value).__name__} of {self._name} cannot be part of a key, which takes {_IN_KEYS};"
                f" leave it out with ignore=({name!r},)"
            ) from None

    async def _find(self, key: str, args: Any, kwargs: Any) -> T:
        kept = self._read(await self._cache.get(key))
        if kept:
            return kept[0]
        lock, token = f"{key}:lock", uuid.uuid4().hex
        deadline = asyncio.get_running_loop().time() + _LOCK_SECONDS
        while not await self._cache.lock(lock, token):  # another process computes
            await asyncio.sleep(_POLL_SECONDS)
            kept = self._read(await self._cache.get(key))
            if kept:
                return kept[0]
            if asyncio.get_running_loop().time() > deadline:
                break
        try:
            result = await self._function(*args, **kwargs)
            life = self._seconds * random.uniform(1 - _JITTER, 1)  # noqa: S311 (spreads, hides nothing)
            await self._cache.set(key, self._type.dump_json(result), life)
            return result
        finally:
            await self._cache.unlock(lock, token)

    def _read(self, text: bytes | None) -> tuple[T] | None:
        if text is None:
            return None
        try:
            return (self._type.validate_json(text),)
        except ValidationError:  # written by another version of the app
            return None


def _canonical(value: object) -> Any:
    """Plain data that is equal only for equal arguments: 1, True and "1" differ; a set has no order."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    elif is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return sorted(([_canonical(key), _canonical(item)] for key, item in value.items()), key=json.dumps)
    if isinstance(value, (set, frozenset)):
        return sorted((_canonical(item) for item in value), key=json.dumps)
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, Iterator):
        raise PydanticSerializationError("reading it would use it up")
    return [type(value).__name__, to_jsonable_python(value, inf_nan_mode="strings", bytes_mode="base64")]


class _Abandoned(Exception):
    """Who computed was cancelled."""
