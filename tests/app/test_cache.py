import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi_runtime import cache as cache_module
from fastapi_runtime.cache import Cache
from fastapi_runtime.settings import SettingsError
from launcher import APP
from pydantic import BaseModel
from servers import Redis, redis_server

pytestmark = pytest.mark.anyio


class Item(BaseModel):
    id: int
    on: date
    note: str | None = None


class Session:
    """Stands for what differs in every request and has no part in the result."""


class Counting:
    """A cached function and how often it ran."""

    def __init__(self, cache: Cache, seconds: float = 60, pause: float = 0.0) -> None:
        self.runs = 0
        self.fail = False

        @cache(seconds=seconds, ignore=("session",))
        async def find(limit: int, tags: set[str] | None = None, session: Session | None = None) -> list[Item]:
            del tags, session
            self.runs += 1
            await asyncio.sleep(pause)
            if self.fail:
                raise LookupError("nothing there")
            return [Item(id=limit, on=date(2026, 11, 28))]

        self.find = find


@pytest.fixture
async def cache(shared_redis: Redis, request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    async with Cache(shared_redis.url, prefix=request.node.name) as cache:
        yield cache


async def test_a_second_call_gets_the_same_typed_result_without_computing(cache: Cache) -> None:
    counting = Counting(cache)
    first, second = await counting.find(3), await counting.find(3)
    assert first == second == [Item(id=3, on=date(2026, 11, 28))]
    assert type(second[0]) is Item
    assert counting.runs == 1


async def test_what_is_ignored_and_how_arguments_are_written_make_no_other_key(cache: Cache) -> None:
    counting = Counting(cache)
    await counting.find(3, session=Session())
    await counting.find(limit=3, tags=None, session=Session())
    assert counting.runs == 1


@pytest.mark.parametrize(
    ("one", "other"), [(1, "1"), (1, True), ([1, 2], [2, 1]), ("a", b"a"), (UUID(int=1), str(UUID(int=1)))]
)
async def test_different_arguments_have_different_keys(cache: Cache, one: object, other: object) -> None:
    @cache(seconds=60)
    async def find(what: object) -> str:
        return repr(what)

    assert find.key(one) != find.key(other)


def test_a_key_is_the_same_in_every_process() -> None:
    code = """
from fastapi_runtime.cache import Cache

@Cache()(seconds=60)
async def find(tags: set[str], by: dict[str, object]) -> int:
    return 1

print(find.key({"a", "b", "c", "d"}, {"x": [{"y", "z", "w"}], "a": 1}))
"""
    keys = set()
    for seed in "123":
        environment = {"PYTHONPATH": str(Path(cache_module.__file__).parents[1]), "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        keys.add(done.stdout)
    assert len(keys) == 1


async def test_an_argument_that_differs_in_every_request_is_refused(cache: Cache) -> None:
    @cache(seconds=60)
    async def find(session: Session) -> int:
        return id(session)

    with pytest.raises(TypeError, match=r"session=Session of .*find cannot be part of a key.*ignore=\('session',\)"):
        await find(Session())


def test_a_function_without_a_return_type_is_refused() -> None:
    async def find(limit: int):  # type: ignore[no-untyped-def]
        return limit

    with pytest.raises(TypeError, match="find needs a return annotation"):
        Cache()(seconds=60)(find)


def test_ignoring_what_is_not_there_is_refused() -> None:
    async def find(limit: int) -> int:
        return limit

    with pytest.raises(TypeError, match="find has no parameter sesion to ignore"):
        Cache()(seconds=60, ignore=["sesion"])(find)


async def test_none_and_nothing_are_results_too(cache: Cache) -> None:
    runs: list[str] = []

    @cache(seconds=60)
    async def find(name: str) -> list[int] | None:
        runs.append(name)
        return None if name == "none" else []

    for name in ("none", "empty", "none", "empty"):
        assert await find(name) == (None if name == "none" else [])
    assert runs == ["none", "empty"]


async def test_who_asks_at_the_same_time_waits_for_one(cache: Cache) -> None:
    counting = Counting(cache, pause=0.2)
    results = await asyncio.gather(*(counting.find(3) for _ in range(50)))
    assert counting.runs == 1
    assert all(result == results[0] for result in results)


async def test_two_processes_compute_once(shared_redis: Redis) -> None:
    async with Cache(shared_redis.url, prefix="two") as one, Cache(shared_redis.url, prefix="two") as other:
        first, second = Counting(one, pause=0.3), Counting(other, pause=0.3)
        await asyncio.gather(first.find(3), second.find(3))
        assert first.runs + second.runs == 1


async def test_a_process_that_dies_while_it_computes_blocks_nobody_for_long(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_LOCK_SECONDS", 0.3)
    counting = Counting(cache)
    assert await cache.lock(f"{counting.find.key(3)}:lock", "of a dead process")
    began = time.monotonic()
    await counting.find(3)
    assert 0.2 < time.monotonic() - began < 2


async def test_an_error_reaches_who_waited_and_is_not_kept(cache: Cache) -> None:
    counting = Counting(cache, pause=0.1)
    counting.fail = True
    results = await asyncio.gather(*(counting.find(3) for _ in range(5)), return_exceptions=True)
    assert {type(result) for result in results} == {LookupError}
    assert counting.runs == 1
    counting.fail = False
    assert len(await counting.find(3)) == 1


async def test_if_the_one_who_computes_hangs_up_another_takes_over(cache: Cache) -> None:
    counting = Counting(cache, pause=0.2)
    first = asyncio.create_task(counting.find(3))
    await asyncio.sleep(0.1)
    others = [asyncio.create_task(counting.find(3)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert len({str(result) for result in await asyncio.gather(*others)}) == 1
    assert counting.runs == 2


async def test_it_ends_up_to_a_tenth_early(cache: Cache) -> None:
    counting = Counting(cache, seconds=1000)
    for limit in range(20):
        await counting.find(limit)
    assert cache._redis is not None
    lives = [await cache._redis.ttl(counting.find.key(limit)) for limit in range(20)]
    assert all(890 <= life <= 1000 for life in lives)
    assert len(set(lives)) > 5


async def test_what_is_forgotten_is_computed_anew(cache: Cache) -> None:
    counting = Counting(cache)
    await counting.find(3)
    await counting.find.forget(limit=3)
    await counting.find(3)
    assert counting.runs == 2


async def test_what_another_version_has_written_is_no_error(cache: Cache) -> None:
    counting = Counting(cache)
    await cache.set(counting.find.key(3), b'[{"name": "of old"}]', 60)
    assert await counting.find(3) == [Item(id=3, on=date(2026, 11, 28))]


async def test_without_redis_it_only_shares_what_is_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    async with Cache() as cache:
        counting = Counting(cache, pause=0.05)
        await asyncio.gather(counting.find(3), counting.find(3))
        await counting.find(3)
    assert counting.runs == 2


async def test_a_redis_that_is_gone_costs_nothing_but_the_cache(own_redis: Redis) -> None:
    async with Cache(own_redis.url) as cache:
        counting = Counting(cache)
        await counting.find(3)
        own_redis.process.kill()
        own_redis.process.wait()
        for _ in range(5):
            assert len(await counting.find(3)) == 1
    assert counting.runs == 6


async def test_a_redis_that_restarts_is_used_again(own_redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Cache(own_redis.url) as cache:
        monkeypatch.setattr(cache._breaker, "_reset", 0.1)
        counting = Counting(cache)
        await counting.find(3)
        own_redis.process.kill()
        own_redis.process.wait()
        for _ in range(5):
            await counting.find(3)
        with redis_server(own_redis.port):
            await asyncio.sleep(0.2)
            await counting.find(3)
            before = counting.runs
            await counting.find(3)
            assert counting.runs == before


async def test_a_paused_redis_leaves_other_routes_as_fast_as_they_were(own_redis: Redis) -> None:
    async with Cache(own_redis.url) as cache:
        counting = Counting(cache)
        app = FastAPI()

        @app.get("/cached")
        async def cached() -> list[Item]:
            return await counting.find(3)

        @app.get("/plain")
        async def plain() -> int:
            return 1

        async with client_of(app) as client:
            await client.get("/cached")
            before = await p99(client)
            with own_redis.paused():
                load = [asyncio.create_task(client.get("/cached")) for _ in range(50)]
                paused = await p99(client)
                assert {answer.status_code for answer in await asyncio.gather(*load)} == {200}
                began = time.monotonic()
                assert (await client.get("/cached")).status_code == 200
                assert time.monotonic() - began < 0.1  # it is not asked any more
    assert paused < before + 0.05  # one wait alone would be 0.25


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app", timeout=30) as client:
        yield client


async def p99(client: httpx.AsyncClient) -> float:
    """Seconds of all but the slowest two of 200 requests, over about one second."""
    seconds = []
    for _ in range(200):
        began = time.monotonic()
        assert (await client.get("/plain")).status_code == 200
        seconds.append(time.monotonic() - began)
        await asyncio.sleep(0.004)
    return sorted(seconds)[-3]


async def test_a_url_that_is_none_is_named() -> None:
    with pytest.raises(SettingsError, match="REDIS_URL must look like redis://host:6379/0"):
        await Cache("localhost").__aenter__()


def test_an_app_without_redis_does_not_import_it() -> None:
    """It takes half as long as FastAPI, of the time in which Lambda lets a client wait."""
    code = (
        "import sys; from fastapi_runtime.cache import Cache; from fastapi_runtime.resilience import RateLimit\n"
        "RateLimit('5/minute'); print('redis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(APP)}, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
