import pytest
from launcher import Launch
from servers import PASSWORD, Postgres

# An app that knows nothing of the runtime, with two drivers.
UNMODIFIED = """
import os

import asyncpg
import psycopg
from fastapi import FastAPI

app = FastAPI()
QUESTION = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@app.get("/asyncpg")
async def over_asyncpg() -> bool:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        return await connection.fetchval(QUESTION)
    finally:
        await connection.close()


@app.get("/psycopg")
def over_psycopg() -> bool:
    with psycopg.connect() as connection:
        return connection.execute(QUESTION).fetchone()[0]
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unmodified_app_reaches_its_database_over_tls(
    launch: Launch, shared_postgres: Postgres, workers: int
) -> None:
    server = launch(UNMODIFIED, WEB_CONCURRENCY=workers, **shared_postgres.environment())
    assert server.get("/asyncpg").json() is True
    assert server.get("/psycopg").json() is True
    assert PASSWORD not in server.log.read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_wrong_variable_of_the_database_ends_the_start_with_one_clear_line(
    launch: Launch, shared_postgres: Postgres, workers: int
) -> None:
    variables = shared_postgres.environment() | {"DATABASE_POOL_SIZE": "many"}
    server = launch(UNMODIFIED, wait=False, WEB_CONCURRENCY=workers, **variables)
    assert server.exit_code() not in (0, None)
    assert "DATABASE_POOL_SIZE must be a whole number from 1 to 1000, got 'many'" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
