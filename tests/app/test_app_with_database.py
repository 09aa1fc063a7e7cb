"""Apps around the runtime's `Database`, served as the image serves them."""

from collections.abc import Iterator

import pytest
from launcher import Launch
from servers import PASSWORD, Authority, Gateway, Postgres, postgres

APP = """
import asyncio
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
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


@app.get("/stream")
async def stream(session: Session) -> StreamingResponse:
    await session.execute(text("SELECT 1"))

    async def lines():
        for _ in range(3):
            yield f"{database.use().in_use}\\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(lines())


@app.get("/backends")
async def backend(session: Session) -> int:
    return (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
"""
both_servers = pytest.mark.parametrize("workers", [1, 2])


@both_servers
def test_pools_that_do_not_fit_end_the_start_with_the_numbers(
    launch: Launch, shared_postgres: Postgres, workers: int
) -> None:
    variables = shared_postgres.environment() | {"DATABASE_POOL_SIZE": "60"}
    server = launch(APP, wait=False, WEB_CONCURRENCY=workers, **variables)
    assert server.exit_code() not in (0, None)
    log = server.log.read_text()
    assert (
        f"2 tasks x {workers} workers x (60 + 0) = {120 * workers} database connections, but the server has 97" in log
    )
    assert PASSWORD not in log


def test_a_stream_holds_no_connection(launch: Launch, shared_postgres: Postgres) -> None:
    server = launch(APP, WEB_CONCURRENCY=1, **shared_postgres.environment())
    assert server.get("/stream").text == "0\n0\n0\n"


def test_each_worker_has_a_pool_of_its_own(launch: Launch, shared_postgres: Postgres) -> None:
    variables = shared_postgres.environment() | {"DATABASE_POOL_SIZE": "1"}
    server = launch(APP, WEB_CONCURRENCY=2, **variables)
    backends = {server.get("/backends").json() for _ in range(40)}
    assert 1 <= len(backends) <= 2
    assert "Traceback" not in server.log.read_text()


@pytest.fixture
def away(authority: Authority) -> Iterator[tuple[Postgres, Gateway]]:
    """A server, and a port that does not lead to it yet."""
    with postgres(authority) as server:
        gateway = Gateway(1)
        yield server, gateway
        gateway.close()


def test_it_starts_without_the_server_and_is_ready_later(launch: Launch, away: tuple[Postgres, Gateway]) -> None:
    own, gateway = away
    variables = own.environment() | {"DATABASE_PORT": str(gateway.port), "DATABASE_POOL_TIMEOUT": "0.5"}
    server = launch(APP, wait=False, WEB_CONCURRENCY=1, **variables)
    reasons = server.until_status("/-/ready", 503).json()["reasons"]
    assert "database 127.0.0.1" in reasons["database"]
    assert server.get("/backends").status == 503
    gateway.target = own.port
    server.until_status("/-/ready", 200)
    assert server.get("/backends").status == 200
