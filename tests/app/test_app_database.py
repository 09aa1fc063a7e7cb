import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import boto3
import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi_runtime import credentials, health
from fastapi_runtime.database import Database, DatabaseUnavailable, PoolTooLarge, check_fits, sync_engine
from fastapi_runtime.database_settings import DatabaseSettings
from fastapi_runtime.settings import SettingsError
from moto.server import ThreadedMotoServer
from servers import HOST, PASSWORD, Authority, Gateway, Postgres, directory, free_port, pgbouncer, postgres, until
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

pytestmark = pytest.mark.anyio
WRONG = "wr0ng"
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-a1b2c3"


def settings_of(server: Postgres, **changes: Any) -> DatabaseSettings:
    return replace(DatabaseSettings.from_environment(server.environment()), **changes)


def app_of(database: Database) -> FastAPI:
    """An app with one fast route, one slow one and one that writes."""
    session_type = Annotated[AsyncSession, Depends(database.session, scope="function")]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with database:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/fast")
    async def fast(session: session_type) -> int:
        return int((await session.execute(text("SELECT 1"))).scalar_one())

    @app.get("/slow")
    async def slow(session: session_type) -> str:
        return str((await session.execute(text("SELECT pg_sleep(1)"))).scalar_one())

    @app.post("/rows")
    async def write(session: session_type) -> None:
        await session.execute(text("INSERT INTO rows VALUES (1)"))

    return app


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app", timeout=30) as client,
    ):
        yield client


class Load:
    """Requests without a pause until told otherwise, by what became of them."""

    def __init__(self, client: httpx.AsyncClient, path: str, method: str = "GET", clients: int = 20) -> None:
        self.answers: Counter[int] = Counter()
        self.failed_at: list[float] = []
        self._ask = lambda: client.request(method, path)
        self._clients = clients
        self._end = False

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._clients)]
        await self.more(50)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end = True
        await asyncio.gather(*self._tasks)

    async def more(self, count: int) -> None:
        """Wait for `count` more answers with 200."""
        goal, deadline = self.answers[200] + count, time.monotonic() + 30
        while self.answers[200] < goal:
            assert time.monotonic() < deadline, self.answers
            await asyncio.sleep(0.01)

    @property
    def failed(self) -> int:
        return self.answers.total() - self.answers[200]

    async def _run(self) -> None:
        while not self._end:
            status = (await self._ask()).status_code
            self.answers[status] += 1
            if status != 200:
                self.failed_at.append(time.monotonic())
            await asyncio.sleep(0)


class Secrets:
    """A secret in memory: what `read_secret` returns, and how often it was asked."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.read = 0

    def __call__(self, arn: str) -> dict[str, str]:
        assert arn == ARN
        self.read += 1
        return {"username": "app", "password": self.password}


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.to_thread(function, *arguments)


# What a session does


@pytest.fixture
def rows(shared_postgres: Postgres) -> Iterator[Callable[[], list[Any]]]:
    """A table, and what is in it."""
    shared_postgres.sql("CREATE TABLE rows (n int); ALTER TABLE rows OWNER TO app", database="app")
    yield lambda: shared_postgres.sql("SELECT n FROM rows", database="app")
    shared_postgres.sql("DROP TABLE rows", database="app")


async def test_what_a_request_writes_is_there_when_the_answer_comes(
    shared_postgres: Postgres, rows: Callable[[], list[Any]]
) -> None:
    async with client_of(app_of(Database(settings_of(shared_postgres)))) as client:
        assert (await client.post("/rows")).status_code == 200
        assert rows() == [(1,)]


async def test_an_error_takes_everything_back(shared_postgres: Postgres, rows: Callable[[], list[Any]]) -> None:
    async with Database(settings_of(shared_postgres)) as database:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012
            async with database.transaction() as session:
                await session.execute(text("INSERT INTO rows VALUES (1)"))
                raise ZeroDivisionError
    assert rows() == []


async def test_the_connection_is_encrypted_without_jit_and_says_whose_it_is(shared_postgres: Postgres) -> None:
    question = text(
        "SELECT ssl, current_setting('jit'), current_setting('application_name') FROM pg_stat_ssl"
        " WHERE pid = pg_backend_pid()"
    )
    async with Database(settings_of(shared_postgres)) as database, database.transaction() as session:
        assert tuple((await session.execute(question)).one()) == (True, "off", "fastapi-runtime")
    engine = sync_engine(settings_of(shared_postgres))
    with engine.connect() as connection:
        assert tuple(connection.execute(question).one()) == (True, "off", "fastapi-runtime")
    engine.dispose()


async def test_a_server_of_another_authority_is_refused_at_once(shared_postgres: Postgres, tmp_path: Path) -> None:
    other = Authority.make(tmp_path / "other").root
    began = time.monotonic()
    async with Database(settings_of(shared_postgres, ca=other, pool_timeout=20)) as database:
        with pytest.raises(DatabaseUnavailable, match=r"certificate verify failed.*DATABASE_CA names another file"):
            async with database.transaction() as session:
                await session.execute(text("SELECT 1"))
    assert time.monotonic() - began < 5


async def test_a_wrong_password_without_a_secret_is_refused_at_once(
    shared_postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    async with Database(settings_of(shared_postgres, password=WRONG, pool_timeout=20)) as database:
        with pytest.raises(DatabaseUnavailable, match='password authentication failed for user "app"'):
            await database.check()
    assert time.monotonic() - began < 5
    assert WRONG not in caplog.text


async def test_used_outside_of_the_lifespan_it_says_so(shared_postgres: Postgres) -> None:
    database = Database(settings_of(shared_postgres))
    with pytest.raises(RuntimeError, match="outside of `async with database:`"):
        async with database.transaction():
            pass


async def test_without_a_database_in_the_environment_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DATABASE_"):
            monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match="names no database"):
        await Database().__aenter__()


async def test_what_users_send_is_not_in_the_errors(shared_postgres: Postgres) -> None:
    async with Database(settings_of(shared_postgres)) as database:
        with pytest.raises(DBAPIError) as error:
            async with database.transaction() as session:
                await session.execute(text("SELECT :value::int / 0"), {"value": 4711})
    assert "4711" not in str(error.value)


# A pool that is full


async def test_a_full_pool_answers_503_soon_and_recovers_by_itself(shared_postgres: Postgres) -> None:
    settings = settings_of(shared_postgres, pool_size=2, pool_timeout=0.3)
    async with client_of(app_of(Database(settings))) as client:
        slow = [asyncio.create_task(client.get("/slow")) for _ in range(2)]
        await asyncio.sleep(0.2)
        began = time.monotonic()
        refused = await client.get("/fast")
        assert time.monotonic() - began < 0.8
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json() == {"detail": "No database connection in time; try again."}
        assert [answer.status_code for answer in await asyncio.gather(*slow)] == [200, 200]
        assert (await client.get("/fast")).status_code == 200


async def test_a_connection_that_is_well_is_used_again(shared_postgres: Postgres) -> None:
    async with Database(settings_of(shared_postgres, pool_size=1)) as database:
        backends = set()
        for _ in range(3):
            async with database.transaction() as session:
                backends.add((await session.execute(text("SELECT pg_backend_pid()"))).scalar_one())
        assert len(backends) == 1


async def test_its_use_is_known(shared_postgres: Postgres) -> None:
    async with Database(settings_of(shared_postgres, pool_size=3, max_overflow=2)) as database:
        assert (database.use().in_use, database.use().size) == (0, 5)
        async with database.engine.connect():
            assert database.use().in_use == 1


def test_pools_that_do_not_fit_are_refused_with_the_numbers() -> None:
    settings = DatabaseSettings(host="db", pool_size=20, max_overflow=30, workers=5)
    with pytest.raises(PoolTooLarge) as error:
        check_fits(settings, 100, 3)
    assert str(error.value) == (
        "2 tasks x 5 workers x (20 + 30) = 500 database connections, but the server has 97 (100 - 3 reserved);"
        " lower DATABASE_POOL_SIZE to 9 with DATABASE_MAX_OVERFLOW=0, or put a pooler before it (DATABASE_POOLER=1)"
    )
    check_fits(replace(settings, pool_size=9, max_overflow=0), 100, 3)


def test_where_not_even_one_connection_each_fits_fewer_tasks_are_the_way_out() -> None:
    with pytest.raises(PoolTooLarge, match=r"; run fewer tasks, or"):
        check_fits(DatabaseSettings(host="db", peak_tasks=200), 100, 3)


async def test_an_app_whose_pools_do_not_fit_the_server_does_not_start(shared_postgres: Postgres) -> None:
    with pytest.raises(PoolTooLarge, match=r"2 tasks x 1 workers x \(50 \+ 0\) = 100 .* the server has 97"):
        async with Database(settings_of(shared_postgres, pool_size=50)):
            pass
    async with Database(settings_of(shared_postgres, pool_size=48)):
        pass


# A server that is away


async def test_it_starts_without_the_server_and_is_ready_once_that_is_there(own_postgres: Postgres) -> None:
    own_postgres.stop()
    async with Database(settings_of(own_postgres, pool_timeout=0.3)) as database:
        readiness = health.Readiness(required=["database"])
        assert "does not" not in (await readiness.problems())["database"]
        own_postgres.start()
        await database.check()
        await asyncio.sleep(1.1)  # a failed answer is kept for a second
        assert await readiness.problems() == {}
    assert await health.Readiness().problems() == {}


async def test_readiness_is_told_why_before_requests_give_up(own_postgres: Postgres) -> None:
    async with Database(settings_of(own_postgres, pool_timeout=20)) as database:
        own_postgres.stop()
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match=r"database 127\.0\.0\.1:\d+: .*(failed|refused|closed|reset)"):
            await database.check()
        assert time.monotonic() - began < health.CHECK_SECONDS


async def test_pools_that_do_not_fit_a_server_found_later_keep_it_from_being_ready(own_postgres: Postgres) -> None:
    own_postgres.stop()
    async with Database(settings_of(own_postgres, pool_size=60, pool_timeout=0.3)) as database:
        own_postgres.start()
        for _ in range(2):
            with pytest.raises(PoolTooLarge):
                await database.check()


async def test_a_request_waits_for_a_server_that_restarts(own_postgres: Postgres) -> None:
    async with client_of(app_of(Database(settings_of(own_postgres, pool_timeout=10)))) as client:
        assert (await client.get("/fast")).status_code == 200
        own_postgres.stop()
        waiting = asyncio.create_task(client.get("/fast"))
        await asyncio.sleep(0.5)
        await in_thread(own_postgres.start)
        assert (await waiting).status_code == 200


async def test_a_server_that_stays_away_is_503_in_time(own_postgres: Postgres) -> None:
    async with client_of(app_of(Database(settings_of(own_postgres, pool_timeout=0.5)))) as client:
        own_postgres.stop()
        began = time.monotonic()
        answers = await asyncio.gather(*(client.get("/fast") for _ in range(30)))
        assert time.monotonic() - began < 3
        assert {(each.status_code, each.headers["retry-after"]) for each in answers} == {(503, "1")}


async def test_a_restart_under_load_fails_what_was_in_flight_only(own_postgres: Postgres) -> None:
    settings = settings_of(own_postgres, pool_timeout=10)
    async with client_of(app_of(Database(settings))) as client, Load(client, "/fast") as load:
        for mode in ("fast", "immediate"):
            await in_thread(own_postgres.restart, mode)
            await load.more(200)
    assert load.failed <= 2 * settings.pool_size


async def test_a_connection_that_says_nothing_is_replaced(own_postgres: Postgres) -> None:
    async with client_of(app_of(Database(settings_of(own_postgres, pool_size=1)))) as client:
        assert (await client.get("/fast")).status_code == 200
        [(backend,)] = own_postgres.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'fastapi-runtime'")
        os.kill(backend, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert (await client.get("/fast")).status_code == 200
            assert time.monotonic() - began < 3
        finally:
            os.kill(backend, signal.SIGCONT)


# A password that is rotated


async def test_a_rotated_password_under_load_fails_nothing_but_what_was_in_flight(own_postgres: Postgres) -> None:
    secrets = Secrets(PASSWORD)
    settings = settings_of(own_postgres, secret_arn=ARN, pool_timeout=10)
    async with client_of(app_of(Database(settings, read_secret=secrets))) as client, Load(client, "/fast") as load:
        # As RDS does it: the server knows the new password before the secret does.
        await in_thread(own_postgres.password, "n3w" + PASSWORD)
        await load.more(100)
        assert (load.failed, secrets.read) == (0, 0)  # who is connected stays so
        await in_thread(own_postgres.restart)
        await asyncio.sleep(0.7)
        secrets.password = "n3w" + PASSWORD
        await load.more(300)
    assert load.failed <= settings.pool_size
    assert 1 < secrets.read < 12  # together, not each connection for itself


async def test_ten_rotations_that_close_every_connection_fail_only_what_was_in_flight(own_postgres: Postgres) -> None:
    secrets = Secrets(PASSWORD)
    settings = settings_of(own_postgres, secret_arn=ARN, pool_timeout=10)
    async with client_of(app_of(Database(settings, read_secret=secrets))) as client, Load(client, "/fast") as load:
        for turn in range(10):
            secrets.password = f"{turn}{PASSWORD}"
            await in_thread(own_postgres.password, secrets.password)
            await in_thread(
                own_postgres.sql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'"
            )
            await load.more(30)
    assert load.failed <= 10 * settings.pool_size


async def test_without_a_password_variable_the_secret_is_read_first(own_postgres: Postgres) -> None:
    secrets = Secrets(PASSWORD)
    settings = settings_of(own_postgres, secret_arn=ARN, password=None, username=None)
    async with Database(settings, read_secret=secrets) as database:
        await database.check()
    assert secrets.read == 1


async def test_a_secret_that_cannot_be_read_is_an_error_in_the_log(
    own_postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    def denied(_: str) -> dict[str, str]:
        raise PermissionError("AccessDenied")

    settings = settings_of(own_postgres, secret_arn=ARN, pool_timeout=1)
    own_postgres.password("another")
    async with Database(settings, read_secret=denied) as database:
        with pytest.raises(DatabaseUnavailable, match="password authentication failed"):
            await database.check()
    assert "needs secretsmanager:GetSecretValue): PermissionError: AccessDenied" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_secret_without_a_password_is_said(caplog: pytest.LogCaptureFixture) -> None:
    settings = DatabaseSettings(host="db", username="app", password=WRONG, secret_arn=ARN)
    kept = credentials.Credentials(settings, lambda _: {"user": "hunter2"})
    kept.renew(kept.login)
    assert kept.login[:2] == ("app", WRONG)
    assert f"cannot read {ARN}" in caplog.text
    assert "it has no key password" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """AWS Secrets Manager of moto, for boto3 as it is."""
    server = ThreadedMotoServer(HOST, port=0, verbose=False)
    server.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://{}:{}".format(*server.get_host_and_port()))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    yield boto3.client("secretsmanager", region_name="eu-west-1")
    server.stop()


async def test_the_password_comes_from_secrets_manager(own_postgres: Postgres, secrets_manager: Any) -> None:
    def value(password: str) -> str:
        return json.dumps({"username": "app", "password": password})

    arn = secrets_manager.create_secret(Name=str(uuid4()), SecretString=value(PASSWORD))["ARN"]
    async with Database(settings_of(own_postgres, secret_arn=arn, pool_timeout=10)) as database:
        secrets_manager.put_secret_value(SecretId=arn, SecretString=value("r0tated"))
        own_postgres.password("r0tated")
        own_postgres.restart()
        await database.check()


def test_code_without_async_survives_rotation_and_restart(own_postgres: Postgres) -> None:
    secrets = Secrets(PASSWORD)
    engine = sync_engine(settings_of(own_postgres, secret_arn=ARN, pool_timeout=10), read_secret=secrets)
    failed: list[Exception] = []
    answers: list[object] = []
    end = False

    def ask() -> None:
        while not end:
            try:
                with engine.connect() as connection:
                    answers.append(connection.execute(text("SELECT 1")).scalar_one())
            except OperationalError as error:
                failed.append(error)

    with ThreadPoolExecutor(10) as pool:
        for _ in range(10):
            pool.submit(ask)
        until(lambda: len(answers) > 50, "answers")
        own_postgres.password(WRONG)
        own_postgres.restart()
        time.sleep(0.7)
        secrets.password = WRONG
        before = len(answers)
        until(lambda: len(answers) > before + 200, "answers with the new password")
        end = True
    engine.dispose()
    assert len(failed) <= 5
    assert secrets.read > 1


async def test_code_without_async_is_refused_in_time_too() -> None:
    engine = sync_engine(DatabaseSettings(host=HOST, port=free_port(), pool_timeout=0.3))
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match=rf"database {HOST}:\d+: .*refused"):
        engine.connect()
    assert time.monotonic() - began < 3


# A server that fails over


@pytest.fixture
def pair(authority: Authority) -> Iterator[tuple[Postgres, Postgres, Gateway]]:
    """A primary, its standby, and the name that leads to the primary."""
    with postgres(authority) as primary, directory() as path:
        primary.sql("CREATE TABLE rows (n int); ALTER TABLE rows OWNER TO app", database="app")
        standby = primary.standby(path)
        gateway = Gateway(primary.port)
        try:
            yield primary, standby, gateway
        finally:
            gateway.close()
            standby.stop("immediate")


async def test_a_failover_under_load_fails_what_was_in_flight_only(pair: tuple[Postgres, Postgres, Gateway]) -> None:
    primary, standby, gateway = pair
    settings = settings_of(primary, port=gateway.port, pool_timeout=15)
    async with client_of(app_of(Database(settings))) as client, Load(client, "/rows", "POST") as load:
        await in_thread(primary.stop, "immediate")
        gateway.target = standby.port  # answers as a standby at first, which is no use
        await in_thread(standby.promote)
        await load.more(100)
    assert load.failed <= settings.pool_size
    [(written,)] = standby.sql("SELECT count(*) FROM rows", database="app")
    assert written >= 100


async def test_a_primary_that_becomes_read_only_is_left(pair: tuple[Postgres, Postgres, Gateway]) -> None:
    primary, standby, gateway = pair
    settings = settings_of(primary, port=gateway.port, pool_timeout=15)
    async with client_of(app_of(Database(settings))) as client, Load(client, "/rows", "POST") as load:
        standby.promote()
        gateway.target = standby.port
        primary.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        primary.sql("SELECT pg_reload_conf()")
        before = load.answers.total()
        while not load.failed:
            assert load.answers.total() < before + 100_000
            await asyncio.sleep(0.01)
        await load.more(200)
    assert load.failed <= 20  # those in flight: one each


# A pooler before the server


async def test_transaction_pooling_fails_nothing(shared_postgres: Postgres) -> None:
    with pgbouncer(shared_postgres) as port:
        settings = settings_of(shared_postgres, port=port, pooler=True, pool_size=20, pool_timeout=20)
        async with client_of(app_of(Database(settings))) as client:
            answers = await asyncio.gather(*(client.get("/fast") for _ in range(400)))
            assert Counter(each.status_code for each in answers) == {200: 400}
        engine = sync_engine(settings)
        for _ in range(20):
            with engine.connect() as connection:
                assert connection.execute(text("SELECT 1")).scalar_one() == 1
        engine.dispose()


async def test_without_the_switch_a_pooler_refuses_us(shared_postgres: Postgres) -> None:
    with pgbouncer(shared_postgres) as port:
        async with Database(settings_of(shared_postgres, port=port, pool_timeout=0.3)) as database:
            with pytest.raises(DatabaseUnavailable, match="unsupported startup parameter"):
                await database.check()


async def test_a_pooler_holds_more_than_the_server(shared_postgres: Postgres) -> None:
    with pgbouncer(shared_postgres) as port:
        async with Database(settings_of(shared_postgres, port=port, pooler=True, pool_size=200)) as database:
            await database.check()
