"""Apps around the runtime's `Database`, served as the image serves them."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any
from uuid import uuid4

import boto3
import pytest
from launcher import Launch, Server
from moto.server import ThreadedMotoServer
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


@pytest.fixture
def secrets_manager() -> Iterator[str]:
    """AWS Secrets Manager of moto; its URL."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


class Load:
    """Requests of four clients without a pause, by what became of them."""

    def __init__(self, server: Server) -> None:
        self.answers: Counter[object] = Counter()
        self._server = server
        self._end = threading.Event()

    def __enter__(self) -> "Load":
        self._pool = ThreadPoolExecutor(4)
        for _ in range(4):
            self._pool.submit(self._run)
        self.more(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._pool.shutdown()

    def more(self, count: int) -> None:
        """Wait for `count` more answers with 200."""
        goal, deadline = self.answers[200] + count, time.monotonic() + 60
        while self.answers[200] < goal:
            assert time.monotonic() < deadline, self.answers
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                outcome: object = self._server.get("/backends").status
            except (OSError, HTTPException) as error:
                outcome = repr(error)
            self.answers[outcome] += 1


def test_two_workers_live_through_a_rotation_and_a_restart(
    launch: Launch, own_postgres: Postgres, secrets_manager: str
) -> None:
    def value(password: str) -> str:
        return json.dumps({"username": "app", "password": password})

    keys: dict[str, Any] = {"aws_access_key_id": "AKID", "aws_secret_access_key": "key"}
    client = boto3.client("secretsmanager", region_name="eu-west-1", endpoint_url=secrets_manager, **keys)
    arn = client.create_secret(Name=str(uuid4()), SecretString=value(PASSWORD))["ARN"]
    variables = own_postgres.environment() | {
        "DATABASE_SECRET_ARN": arn,
        "DATABASE_POOL_SIZE": "2",
        "DATABASE_POOL_TIMEOUT": "15",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_manager,
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "key",
    }
    server = launch(APP, WEB_CONCURRENCY=2, **variables)
    with Load(server) as load:
        own_postgres.password("rotated" + PASSWORD)
        load.more(20)
        own_postgres.restart()
        time.sleep(0.5)  # the server knows the new password before the secret does
        client.put_secret_value(SecretId=arn, SecretString=value("rotated" + PASSWORD))
        load.more(100)
    failed = load.answers.total() - load.answers[200]
    assert set(load.answers) <= {200, 503}, load.answers
    assert failed <= 2 * 2, load.answers  # what the connections were busy with
    assert PASSWORD not in server.log.read_text()
