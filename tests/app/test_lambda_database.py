"""Lambda environments with a real PostgreSQL: frozen, thawed, and many at once."""

import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from lambda_environment import Lambda, http_api
from servers import PASSWORD, Authority, Postgres, postgres, until

CODE = """
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi_runtime.database import Database
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

database = Database()
Session = Annotated[AsyncSession, Depends(database.session, scope="function")]


@asynccontextmanager
async def lifespan(app):
    async with database:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/backend")
async def backend(session: Session) -> int:
    return (await session.execute(text("SELECT pg_backend_pid() FROM pg_sleep(0.02)"))).scalar_one()
"""
ENVIRONMENTS = 6
POOL = 2


@pytest.fixture(scope="module")
def small(authority: Authority) -> Iterator[Postgres]:
    """A server that holds exactly the environments of this module."""
    with postgres(authority, max_connections=ENVIRONMENTS * POOL + 3, superuser_reserved_connections=3) as server:
        yield server


def variables(server: Postgres) -> dict[str, str]:
    return server.environment() | {
        "DATABASE_POOL_SIZE": str(POOL),
        "DATABASE_PEAK_TASKS": str(ENVIRONMENTS),
        "WEB_CONCURRENCY": "1",
    }


def backend(environment: Lambda) -> int:
    answer = environment.invoke(http_api("/backend"))
    assert answer["statusCode"] == 200, answer
    return int(json.loads(answer["body"]))


def test_a_pool_outlives_its_invocation_and_a_freeze(small: Postgres, tmp_path: Path) -> None:
    with closing(Lambda(tmp_path, CODE, **variables(small))) as environment:
        first = backend(environment)
        assert {backend(environment) for _ in range(5)} == {first}
        environment.process.send_signal(signal.SIGSTOP)  # as Lambda does between invocations
        environment.process.send_signal(signal.SIGCONT)
        assert backend(environment) == first


def test_a_connection_that_died_while_the_environment_was_frozen_fails_no_request(
    small: Postgres, tmp_path: Path
) -> None:
    with closing(Lambda(tmp_path, CODE, **variables(small))) as environment:
        first = backend(environment)
        environment.process.send_signal(signal.SIGSTOP)
        small.sql(f"SELECT pg_terminate_backend({first})")
        environment.process.send_signal(signal.SIGCONT)
        assert backend(environment) != first


def test_many_environments_at_once_stay_within_the_budget(small: Postgres, tmp_path: Path) -> None:
    """All that the budget allows, each with requests without a pause: the server refuses no connection."""
    most, over = 0, threading.Event()
    statuses: Counter[int] = Counter()

    def watch() -> None:
        nonlocal most
        with small.admin() as connection:
            while not over.wait(0.02):
                (row,) = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'").fetchall()
                most = max(most, row[0])

    def ask(environment: Lambda) -> None:
        for _ in range(40):
            statuses[environment.invoke(http_api("/backend"))["statusCode"]] += 1

    with ExitStack() as stack:
        environments = []
        for number in range(ENVIRONMENTS):
            directory = tmp_path / str(number)
            directory.mkdir()
            environment = Lambda(directory, CODE, **variables(small))
            environments.append(stack.enter_context(closing(environment)))
        threads = [threading.Thread(target=ask, args=(environment,)) for environment in environments]
        watcher = threading.Thread(target=watch)
        for thread in (watcher, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        watcher.join()
        assert statuses == {200: 40 * ENVIRONMENTS}
        assert ENVIRONMENTS <= most <= ENVIRONMENTS * POOL
        assert "too many clients" not in (small.directory / "log").read_text()
        assert PASSWORD not in "".join(each.log.read_text() for each in environments)


def test_one_environment_too_many_is_told_at_its_start(small: Postgres, tmp_path: Path) -> None:
    too_many = variables(small) | {"DATABASE_PEAK_TASKS": str(ENVIRONMENTS + 1)}
    with closing(Lambda(tmp_path, CODE, **too_many)) as environment:
        kind, error = environment.result()
        assert kind == "init"
        until(lambda: "database connections, but the server has 12" in environment.log.read_text(), "the numbers")
        assert error["errorType"] == "LifespanFailure"
