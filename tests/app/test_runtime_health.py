import asyncio
import time

import pytest
from fastapi_runtime import health
from fastapi_runtime.health import Readiness


@pytest.fixture(autouse=True)
def fresh_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_checks", {})
    monkeypatch.setattr(health, "_started", bytearray(1))
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.1)


class Dependency:
    """Something that can be away, and counts who asks."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.asked = 0

    async def check(self) -> None:
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.error:
            raise self.error


def fresh(readiness: Readiness) -> dict[str, str]:
    """Ask, whatever was asked before."""
    readiness._expires = 0
    return asyncio.run(readiness.problems())


def test_nothing_to_depend_on_is_ready() -> None:
    assert asyncio.run(Readiness().problems()) == {}


def test_before_the_first_success_a_failed_check_decides() -> None:
    database = Dependency()
    database.error = ConnectionError("refused")
    health.register("database", database.check)
    assert fresh(Readiness()) == {"database": "refused"}


def test_after_the_first_success_a_failed_check_is_only_shown() -> None:
    database, readiness = Dependency(), Readiness()
    health.register("database", database.check)
    assert fresh(readiness) == {}
    database.error = ConnectionError("refused")
    assert fresh(readiness) == {}
    assert readiness.results["database"].reason == "refused"


def test_all_checks_must_have_passed_before_one_may_fail() -> None:
    database, cache, readiness = Dependency(), Dependency(), Readiness()
    cache.error = ConnectionError("refused")
    health.register("database", database.check)
    health.register("cache", cache.check)
    assert fresh(readiness) == {"cache": "refused"}
    database.error = ConnectionError("gone")
    assert fresh(readiness) == {"cache": "refused", "database": "gone"}


def test_a_required_check_always_decides() -> None:
    database, readiness = Dependency(), Readiness({"database"})
    health.register("database", database.check)
    assert fresh(readiness) == {}
    database.error = ConnectionError("refused")
    assert fresh(readiness) == {"database": "refused"}
    database.error = None
    assert fresh(readiness) == {}


def test_a_required_check_that_nobody_registered_is_a_problem() -> None:
    assert fresh(Readiness({"queue"})) == {"queue": "no such check is registered"}


def test_a_worker_that_replaces_another_one_does_not_wait_for_the_database_again() -> None:
    database = Dependency()
    health.register("database", database.check)
    assert fresh(Readiness()) == {}
    database.error = ConnectionError("refused")
    assert fresh(Readiness()) == {}


def test_draining_is_not_ready_and_asks_nothing() -> None:
    database, readiness = Dependency(), Readiness()
    health.register("database", database.check)
    readiness.draining = True
    assert asyncio.run(readiness.problems()) == {"runtime": "draining"}
    assert database.asked == 0


def test_all_who_ask_at_once_share_one_check_and_its_result() -> None:
    database, readiness = Dependency(), Readiness()
    health.register("database", database.check)

    async def crowd() -> None:
        await asyncio.gather(*(readiness.problems() for _ in range(50)))
        await readiness.problems()

    asyncio.run(crowd())
    assert database.asked == 1


def test_who_hangs_up_does_not_end_the_check_for_the_others() -> None:
    database, readiness = Dependency(), Readiness()
    health.register("database", database.check)

    async def impatient_and_patient() -> dict[str, str]:
        impatient = asyncio.create_task(readiness.problems())
        patient = asyncio.create_task(readiness.problems())
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert asyncio.run(impatient_and_patient()) == {}
    assert database.asked == 1


def test_a_check_that_never_ends_fails_on_time_though_it_ignores_its_cancellation() -> None:
    async def stubborn() -> None:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue

    health.register("stubborn", stubborn)

    async def ask() -> float:
        began = time.monotonic()
        assert await Readiness().problems() == {"stubborn": "no answer within 0.1 seconds"}
        return time.monotonic() - began

    assert asyncio.run(ask()) < 0.5


def test_checks_run_together() -> None:
    async def slow() -> None:
        await asyncio.sleep(0.08)

    for number in range(10):
        health.register(str(number), slow)
    began = time.monotonic()
    assert asyncio.run(Readiness().problems()) == {}
    assert time.monotonic() - began < 0.3


def test_a_reason_has_no_password() -> None:
    database = Dependency()
    database.error = ConnectionError("cannot connect to postgresql://app:p@ss:word@db/x\nDETAIL: gone")
    health.register("database", database.check)
    assert fresh(Readiness()) == {"database": "cannot connect to postgresql://***@db/x DETAIL: gone"}


def test_a_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    database, readiness = Dependency(), Readiness()
    health.register("database", database.check)
    database.error = ConnectionError("refused")
    fresh(readiness)
    fresh(readiness)
    database.error = None
    fresh(readiness)
    assert caplog.messages == ["database is not well: refused", "database is well again"]


def test_the_same_name_replaces_and_unregister_forgets() -> None:
    away, there = Dependency(), Dependency()
    away.error = ConnectionError("refused")
    health.register("database", away.check)
    health.register("database", there.check)
    assert fresh(Readiness()) == {}
    health.unregister("database")
    health.unregister("database")
    readiness = Readiness()
    assert fresh(readiness) == {}
    assert readiness.results == {}
