"""Logging in to Cloud SQL as a service account: tokens of a metadata server, checked by a real PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi_runtime import google_metadata
from fastapi_runtime.database import Database, DatabaseUnavailable, sync_engine
from fastapi_runtime.database_settings import DatabaseSettings, export
from fastapi_runtime.google_metadata import MetadataUnreadable
from fastapi_runtime.settings import SettingsError
from launcher import APP, free_port
from metadata_server import LOGIN, PROJECT, MetadataServer
from servers import Postgres
from sqlalchemy import text

ACCOUNT = "shop@my-project.iam"
pytestmark = pytest.mark.anyio


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataServer]:
    server = MetadataServer()
    monkeypatch.setenv("GCE_METADATA_HOST", server.host)
    yield server
    server.close()


@pytest.fixture
def cloud_sql(shared_postgres: Postgres, metadata: MetadataServer) -> Iterator[Postgres]:
    """A server that takes the current token as the password of the service account."""
    shared_postgres.sql(f'CREATE ROLE "{ACCOUNT}" LOGIN')
    take(shared_postgres, metadata.token)
    yield shared_postgres
    shared_postgres.sql(f'DROP ROLE "{ACCOUNT}"')


def take(server: Postgres, token: str) -> None:
    server.sql(f"ALTER ROLE \"{ACCOUNT}\" PASSWORD '{token}'")


def environment(server: Postgres, **more: str) -> dict[str, str]:
    given = server.environment() | {
        "DATABASE_IAM": "google",
        "DATABASE_USERNAME": ACCOUNT,
        "DATABASE_POOL_TIMEOUT": "2",
    }
    return {name: value for name, value in given.items() if name != "DATABASE_PASSWORD"} | more


def settings(server: Postgres, **more: str) -> DatabaseSettings:
    return DatabaseSettings.from_environment(environment(server, **more))


async def who(database: Database) -> str:
    async with database.transaction() as session:
        return str((await session.execute(text("SELECT current_user"))).scalar_one())


async def test_a_service_account_logs_in_with_a_token_that_can_do_nothing_else(
    cloud_sql: Postgres, metadata: MetadataServer
) -> None:
    async with Database(settings(cloud_sql)) as database:
        assert await who(database) == ACCOUNT
    assert metadata.scopes == [LOGIN]


async def test_code_without_async_logs_in_too(cloud_sql: Postgres, metadata: MetadataServer) -> None:
    engine = sync_engine(settings(cloud_sql))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == ACCOUNT
    engine.dispose()
    assert metadata.scopes == [LOGIN]


async def test_a_token_is_used_until_shortly_before_its_end(cloud_sql: Postgres, metadata: MetadataServer) -> None:
    async with Database(settings(cloud_sql)) as database:
        for _ in range(3):
            await who(database)
            await database.engine.dispose()  # so that the next one connects anew
        assert len(metadata.scopes) == 1


async def test_a_token_at_its_end_is_replaced_before_the_server_refuses_it(
    cloud_sql: Postgres, metadata: MetadataServer, caplog: pytest.LogCaptureFixture
) -> None:
    metadata.expires_in = 30
    async with Database(settings(cloud_sql)) as database:
        metadata.token, metadata.expires_in = "ya29.second", 3600
        take(cloud_sql, "ya29.second")
        await database.engine.dispose()
        assert await who(database) == ACCOUNT
    assert len(metadata.scopes) == 2
    assert "authentication failed" not in (cloud_sql.directory / "log").read_text().rpartition(ACCOUNT)[2]
    assert "ya29" not in caplog.text


async def test_a_token_that_is_refused_is_replaced(cloud_sql: Postgres, metadata: MetadataServer) -> None:
    async with Database(settings(cloud_sql)) as database:
        metadata.token = "ya29.second"  # noqa: S105
        take(cloud_sql, "ya29.second")
        await database.engine.dispose()
        assert await who(database) == ACCOUNT


@pytest.mark.parametrize("answer", ["no json", "[]", '{"error": "no such account"}'])
async def test_without_a_token_it_says_so(
    cloud_sql: Postgres, metadata: MetadataServer, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    metadata.answer = answer
    async with Database(settings(cloud_sql, DATABASE_POOL_TIMEOUT="0.5")) as database:
        with pytest.raises(DatabaseUnavailable):
            await who(database)
    assert "as the service account: the metadata server's answer holds no token" in caplog.text


async def test_a_migration_logs_in_with_libpq_and_with_the_runtime(
    cloud_sql: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in environment(cloud_sql).items():
        monkeypatch.setenv(name, value)
    code = (
        "import psycopg, os; from fastapi_runtime.database import sync_engine; from sqlalchemy import text\n"
        "with psycopg.connect() as own, sync_engine().connect() as ours, open('who', 'w') as file:\n"
        "    print(own.info.user, ours.execute(text('SELECT current_user')).scalar_one(), file=file)"
    )
    command = [sys.executable, "-m", "fastapi_runtime.migrations", "--", sys.executable, "-c", code]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(APP)}, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "who").read_text().split() == [ACCOUNT, ACCOUNT]


async def test_an_app_that_knows_nothing_of_tokens_gets_none(cloud_sql: Postgres) -> None:
    """One read at the start would serve for an hour, and then no more."""
    variables = environment(cloud_sql)
    export(variables)
    assert "PGPASSWORD" not in variables
    assert "ya29" not in str(variables)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"DATABASE_IAM": "aws"}, "DATABASE_IAM must be google, or left out, got 'aws'"),
        ({"DATABASE_USERNAME": ""}, "DATABASE_IAM=google needs DATABASE_USERNAME: the email of the service account"),
        ({"DATABASE_PASSWORD": "hunter2"}, "DATABASE_IAM=google takes the place of a password; leave the other out"),
        ({"DATABASE_SECRET_ARN": "arn"}, "DATABASE_IAM=google takes the place of a password; leave the other out"),
    ],
)
async def test_what_contradicts_it_is_named(shared_postgres: Postgres, more: dict[str, str], why: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings(shared_postgres, **more)
    assert str(error.value).startswith(why)


@pytest.mark.usefixtures("metadata")
async def test_the_project_is_told() -> None:
    assert google_metadata.project() == PROJECT


@pytest.mark.parametrize("ask", [google_metadata.project, google_metadata.login_token])
async def test_outside_of_google_cloud_it_says_so(monkeypatch: pytest.MonkeyPatch, ask: Any) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{free_port()}")
    with pytest.raises(MetadataUnreadable, match=r"metadata server 127.0.0.1:\d+ does not answer: .*refused"):
        ask()
