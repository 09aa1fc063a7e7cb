import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi_runtime import resilience
from fastapi_runtime.resilience import CircuitBreaker, RateLimit, client_address
from launcher import Launch
from servers import Redis

pytestmark = pytest.mark.anyio


# Circuit breaker


class Other:
    """The other side: fails as long as it is told to, and counts its calls."""

    def __init__(self, breaker: CircuitBreaker) -> None:
        self.breaker = breaker
        self.error: Exception | None = None
        self.seconds = 0.0
        self.calls = 0

    async def call(self) -> str:
        async with self.breaker.attempt():
            self.calls += 1
            await asyncio.sleep(self.seconds)
            if self.error is not None:
                raise self.error
            return "well"

    async def outcome(self) -> str:
        try:
            return await self.call()
        except Exception as error:
            return type(error).__name__


def other(**arguments: float) -> Other:
    return Other(CircuitBreaker("payments", **{"failures": 3, "reset": 0.2, "timeout": 0.5} | arguments))  # type: ignore[arg-type]


async def test_several_failures_in_a_row_open_it_and_then_nothing_is_called() -> None:
    side = other()
    side.error = ConnectionError("refused")
    assert [await side.outcome() for _ in range(5)] == ["ConnectionError"] * 3 + ["CircuitOpen"] * 2
    assert side.calls == 3


async def test_failures_with_successes_between_them_do_not_open_it() -> None:
    side = other()
    for turn in range(300):
        side.error = ConnectionError() if turn % 3 else None
        await side.outcome()
    assert not side.breaker.is_open
    assert side.calls == 300


async def test_a_call_that_takes_too_long_is_a_failure() -> None:
    side = other(timeout=0.05)
    side.seconds = 10
    began = time.monotonic()
    assert [await side.outcome() for _ in range(4)] == ["TimeoutError"] * 3 + ["CircuitOpen"]
    assert time.monotonic() - began < 2


async def test_of_many_calls_one_finds_out_whether_the_other_side_is_back() -> None:
    side = other()
    side.error = ConnectionError()
    for _ in range(3):
        await side.outcome()
    await asyncio.sleep(0.25)
    side.error, side.seconds, side.calls = None, 0.1, 0
    outcomes = Counter(await asyncio.gather(*(side.outcome() for _ in range(200))))
    assert outcomes == {"well": 1, "CircuitOpen": 199}
    assert side.calls == 1
    assert await side.outcome() == "well"


async def test_a_probe_that_fails_keeps_it_open_for_another_while() -> None:
    side = other()
    side.error = ConnectionError()
    for _ in range(3):
        await side.outcome()
    await asyncio.sleep(0.25)
    assert [await side.outcome() for _ in range(2)] == ["ConnectionError", "CircuitOpen"]


async def test_a_probe_that_is_cancelled_lets_another_one_try() -> None:
    side = other()
    side.error = ConnectionError()
    for _ in range(3):
        await side.outcome()
    await asyncio.sleep(0.25)
    side.error, side.seconds = None, 0.3
    probe = asyncio.create_task(side.outcome())
    await asyncio.sleep(0.05)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    side.seconds = 0
    assert await side.outcome() == "well"


@pytest.mark.parametrize(("status", "open_"), [(404, False), (429, False), (500, True), (503, True)])
async def test_answers_that_are_our_own_fault_do_not_count(status: int, open_: bool) -> None:
    request = httpx.Request("GET", "http://payments")
    side = other()
    for error in (
        httpx.HTTPStatusError("no", request=request, response=httpx.Response(status, request=request)),
        HTTPException(status),
    ):
        side.error = error
        for _ in range(3):
            await side.outcome()
        assert side.breaker.is_open is open_


async def test_open_it_becomes_503_with_retry_after() -> None:
    breaker = CircuitBreaker("payments", failures=1, reset=12.3)
    app = FastAPI()

    @app.get("/")
    async def pay(fail: bool = False) -> str:
        async with breaker.attempt():
            if fail:
                raise HTTPException(502)
        return "paid"

    async with client_of(app) as client:
        assert (await client.get("/", params={"fail": True})).status_code == 502
        answer = await client.get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "13")
    assert answer.json() == {"detail": "payments is unavailable; try again."}


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="must be positive, got 0, 1, 10"):
        CircuitBreaker("payments", failures=0, reset=1)


# Rate limit


@asynccontextmanager
async def client_of(app: FastAPI, address: str = "192.0.2.1") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(address, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://app", timeout=30) as client:
        yield client


def limited(*limits: RateLimit) -> FastAPI:
    app = FastAPI()
    for number, limit in enumerate(limits):

        @app.get(f"/{number}", dependencies=[Depends(limit)])
        async def route() -> str:
            return "ok"

    @app.get("/json")
    async def plain() -> str:
        return "ok"

    return app


async def statuses(app: FastAPI, path: str, times: int, address: str = "192.0.2.1") -> list[int]:
    async with client_of(app, address) as client:
        return [(await client.get(path)).status_code for _ in range(times)]


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest, shared_redis: Redis, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    return shared_redis.url if request.param == "redis" else None


async def test_too_many_requests_are_429_with_retry_after(url: str | None, request: pytest.FixtureRequest) -> None:
    limit = RateLimit("3/minute", url=url, name=request.node.name)
    async with client_of(limited(limit)) as client:
        assert [(await client.get("/0")).status_code for _ in range(3)] == [200] * 3
        refused = await client.get("/0")
    await limit.aclose()
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60


async def test_each_client_has_a_limit_of_its_own(url: str | None, request: pytest.FixtureRequest) -> None:
    limit = RateLimit("2/minute", url=url, name=request.node.name)
    app = limited(limit)
    assert await statuses(app, "/0", 3) == [200, 200, 429]
    assert await statuses(app, "/0", 3, "192.0.2.2") == [200, 200, 429]
    await limit.aclose()


async def test_the_window_ends(url: str | None, request: pytest.FixtureRequest) -> None:
    limit = RateLimit("1/second", url=url, name=request.node.name)
    app = limited(limit)
    assert await statuses(app, "/0", 2) == [200, 429]
    await asyncio.sleep(2.1)
    assert await statuses(app, "/0", 1) == [200]
    await limit.aclose()


async def test_routes_of_one_name_share_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    app = limited(RateLimit("2/minute"), RateLimit("2/minute"))
    assert await statuses(app, "/0", 2) + await statuses(app, "/1", 2) == [200] * 4
    shared = RateLimit("2/minute", name="both")
    app = limited(shared, shared)
    assert await statuses(app, "/0", 1) + await statuses(app, "/1", 2) == [200, 200, 429]


async def test_all_processes_together_are_limited(own_redis: Redis) -> None:
    limits = [RateLimit("4/minute", url=own_redis.url, name="login") for _ in range(4)]  # as in four workers
    answers: list[int] = []
    for limit in limits:
        answers += await statuses(limited(limit), "/0", 5)
        await limit.aclose()
    assert Counter(answers) == {200: 4, 429: 16}


async def test_a_paused_redis_limits_nobody_and_leaves_other_routes_as_fast_as_they_were(own_redis: Redis) -> None:
    limit = RateLimit("1/minute", url=own_redis.url)
    app = limited(limit)

    async def slowest(count: int) -> float:
        seconds = []
        for _ in range(count):
            began = time.monotonic()
            assert await statuses(app, "/json", 1) == [200]
            seconds.append(time.monotonic() - began)
            await asyncio.sleep(0.004)
        return sorted(seconds)[-3]

    assert await statuses(app, "/0", 2) == [200, 429]
    before = await slowest(200)
    with own_redis.paused():
        load = [asyncio.create_task(statuses(app, "/0", 5)) for _ in range(20)]
        paused = await slowest(200)
        assert Counter(status for answers in await asyncio.gather(*load) for status in answers) == {200: 100}
        began = time.monotonic()
        assert await statuses(app, "/0", 1) == [200]
        assert time.monotonic() - began < 0.1
    await limit.aclose()
    assert paused < before + 0.05  # one wait alone would be 0.25


async def test_after_the_pause_it_counts_again(own_redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = RateLimit("1/minute", url=own_redis.url)
    monkeypatch.setattr(limit._breaker, "_reset", 0.1)
    app = limited(limit)
    with own_redis.paused():
        assert await statuses(app, "/0", 4) == [200] * 4
    await asyncio.sleep(0.5)
    assert 429 in await statuses(app, "/0", 5)
    await limit.aclose()


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_who_is_counted(address: str, counted: str) -> None:
    assert client_address(Request({"type": "http", "client": (address, 1), "headers": []})) == counted


def test_a_forwarded_address_counts_only_if_the_server_has_taken_it() -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.9")]
    assert client_address(Request({"type": "http", "client": ("192.0.2.1", 1), "headers": headers})) == "192.0.2.1"


LIMITED = """
from fastapi import Depends, FastAPI
from fastapi_runtime.resilience import RateLimit

app = FastAPI()


@app.get("/", dependencies=[Depends(RateLimit("2/minute"))])
async def route() -> str:
    return "ok"
"""


@pytest.mark.parametrize(
    ("trusted", "statuses"), [("127.0.0.1", [200, 200, 429, 200]), ("10.0.0.0/8", [200, 200, 429, 429])]
)
def test_behind_a_load_balancer_each_client_counts_and_nobody_else_can_claim_to_be_one(
    launch: Launch, trusted: str, statuses: list[int]
) -> None:
    server = launch(LIMITED, WEB_CONCURRENCY=1, FORWARDED_ALLOW_IPS=trusted)
    clients = ["203.0.113.1", "203.0.113.1", "6.6.6.6, 203.0.113.1", "203.0.113.2"]
    assert [server.get("/", **{"x-forwarded-for": client}).status for client in clients] == statuses


def test_a_limit_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="limit must look like 5/minute or 100/hour, got 'often'"):
        RateLimit("often")


async def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "limits", None)
    with pytest.raises(
        ModuleNotFoundError, match="limits is not installed; add to the dependencies of your app: limits"
    ):
        resilience.RateLimit("5/minute")
