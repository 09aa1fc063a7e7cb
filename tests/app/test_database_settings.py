import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psycopg
import psycopg2
import pytest
from fastapi_runtime import database_settings
from fastapi_runtime.database_settings import DatabaseSettings, configured, export
from fastapi_runtime.settings import SettingsError
from servers import HOST, PASSWORD, Authority, Postgres, postgres
from sqlalchemy.engine import make_url

ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def settings(**variables: str) -> DatabaseSettings:
    return DatabaseSettings.from_environment({"DATABASE_HOST": "db.internal", **variables})


def test_the_url_survives_any_character_of_a_password() -> None:
    url = settings(DATABASE_USERNAME="app", DATABASE_PASSWORD=PASSWORD, DATABASE_NAME="shop").url("asyncpg")
    parsed = make_url(url)
    assert (parsed.drivername, parsed.username, parsed.password) == ("postgresql+asyncpg", "app", PASSWORD)
    assert (parsed.host, parsed.port, parsed.database) == ("db.internal", 5432, "shop")


def test_a_url_is_read_back_as_it_was_written() -> None:
    written = settings(DATABASE_USERNAME="app", DATABASE_PASSWORD=PASSWORD, DATABASE_NAME="shop", DATABASE_PORT="6432")
    assert DatabaseSettings.from_environment({"DATABASE_URL": written.url()}) == written


@pytest.mark.parametrize("host", ["/cloudsql/project:region:db", "::1"])
def test_sockets_and_ipv6_fit_into_a_url(host: str) -> None:
    written = settings(DATABASE_HOST=host, DATABASE_USERNAME="app")
    assert DatabaseSettings.from_environment({"DATABASE_URL": written.url()}) == written


def test_the_connection_is_verified_with_the_roots_of_rds_by_default() -> None:
    assert settings().libpq()["PGSSLMODE"] == "verify-full"
    context = settings().tls()
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    names = {dict(part[0] for part in each["subject"])["commonName"] for each in context.get_ca_certs()}
    assert {"Amazon RDS eu-west-1 Root CA RSA2048 G1", "Amazon Root CA 1"} <= names


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "/var/run/postgresql"])
def test_what_does_not_leave_the_machine_goes_without_tls(host: str) -> None:
    assert settings(DATABASE_HOST=host).tls() is None
    assert settings(DATABASE_HOST=host).libpq()["PGSSLMODE"] == "disable"


@pytest.mark.parametrize("host", ["localhost.example.com", "10.0.0.7", "0.0.0.0", "127.0.0.1.example.com"])  # noqa: S104
def test_everything_else_does_not(host: str) -> None:
    assert settings(DATABASE_HOST=host).tls() is not None


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({}, "the environment names no database; set DATABASE_HOST (or DATABASE_URL)"),
        (
            {"DATABASE_HOST": "db", "DATABASE_POOL_SIZE": "0"},
            "DATABASE_POOL_SIZE must be a whole number from 1 to 1000, got '0'",
        ),
        (
            {"DATABASE_HOST": "db", "DATABASE_POOL_TIMEOUT": "nan"},
            "DATABASE_POOL_TIMEOUT must be a number of seconds from 0.1 to 3600, got 'nan'",
        ),
        ({"DATABASE_HOST": "db", "DATABASE_CA": "/no"}, "DATABASE_CA must be a file with certificates, got '/no'"),
        (
            {"DATABASE_HOST": "db", "DATABASE_SERVER_CA": "/etc/ca.pem"},
            "DATABASE_SERVER_CA must be certificates in PEM, '-----BEGIN CERTIFICATE-----' and so on",
        ),
        (
            {"DATABASE_HOST": "db", "DATABASE_CA": __file__, "DATABASE_SERVER_CA": "x"},
            "set DATABASE_CA or DATABASE_SERVER_CA, not both",
        ),
        (
            {"DATABASE_HOST": "db", "DATABASE_POOLER": "yes"},
            "DATABASE_POOLER must be a whole number from 0 to 1, got 'yes'",
        ),
        ({"DATABASE_URL": "mysql://a:secret@h/d"}, "DATABASE_URL must start with postgresql://, got 'mysql'"),
        (
            {"DATABASE_URL": "postgresql://a:se@cr:et/x@h:5432/d"},
            "DATABASE_URL is no URL; special characters of a password have to be percent-encoded, such as %40 for @",
        ),
        (
            {"DATABASE_URL": "postgresql://a:secret@h/d?sslmode=disable"},
            "DATABASE_URL asks for sslmode=disable, but the connection to h is always encrypted and verified;"
            " leave it out, and name other roots than those of Amazon RDS with DATABASE_CA",
        ),
        (
            {"DATABASE_URL": "postgresql://a:secret@h/d?pool=3"},
            "DATABASE_URL has options that are not known here: pool",
        ),
    ],
)
def test_a_wrong_variable_is_named_and_no_password_shown(variables: dict[str, str], line: str) -> None:
    with pytest.raises(SettingsError) as error:
        DatabaseSettings.from_environment(variables)
    assert str(error.value) == line


def test_the_password_is_not_in_the_representation() -> None:
    assert PASSWORD[:4] not in repr(settings(DATABASE_PASSWORD=PASSWORD))


def test_no_database_is_no_error_for_the_launcher() -> None:
    environment: dict[str, str] = {}
    export(environment)
    assert environment == {}
    assert not configured(environment)


def test_what_the_user_has_set_stays() -> None:
    environment = {"DATABASE_HOST": "db", "DATABASE_URL": "sqlite:///x", "PGSSLMODE": "require"}
    export(environment)
    assert (environment["DATABASE_URL"], environment["PGSSLMODE"]) == ("sqlite:///x", "require")


def test_urls_go_to_the_variables_that_the_app_reads() -> None:
    environment = {
        "DATABASE_HOST": "db",
        "DATABASE_URLS": '{"DATABASE_URL": "psycopg", "DATABASE_ASYNC_URL": "asyncpg"}',
    }
    export(environment)
    assert environment["DATABASE_URL"] == "postgresql+psycopg://db:5432/app"
    assert environment["DATABASE_ASYNC_URL"] == "postgresql+asyncpg://db:5432/app"


@pytest.mark.parametrize("text", ['{"URL": "mysql"}', "[]", "URL=asyncpg"])
def test_a_driver_that_is_not_known_is_an_error(text: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URLS must be JSON like"):
        export({"DATABASE_HOST": "db", "DATABASE_URLS": text})


def test_the_launcher_pays_for_no_driver() -> None:
    code = (
        "import sys, fastapi_runtime.database_settings;"
        "print([m for m in ('sqlalchemy', 'asyncpg', 'psycopg') if m in sys.modules])"
    )
    root = Path(database_settings.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


# The variables with real drivers and a server that refuses what is not encrypted.


@pytest.fixture
def exported(shared_postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What an unmodified app finds in its environment."""
    for name in list(os.environ):
        if name.startswith(("PG", "DATABASE_")):
            monkeypatch.delenv(name)
    environment = {**shared_postgres.environment(), "DATABASE_URLS": '{"ASYNC": "asyncpg", "SYNC": "psycopg"}'}
    export(environment)
    for name, value in environment.items():
        if name.startswith("PG"):
            monkeypatch.setenv(name, value)
    return environment


def over_asyncpg(url: str) -> bool:
    async def ask() -> bool:
        connection = await asyncpg.connect(url)
        try:
            return bool(await connection.fetchval(ENCRYPTED))
        finally:
            await connection.close()

    return asyncio.run(ask())


def over_psycopg(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute(ENCRYPTED).fetchone()
        assert row is not None
        return bool(row[0])


def over_psycopg2(url: str) -> bool:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(ENCRYPTED)
            return bool(cursor.fetchone()[0])
    finally:
        connection.close()


each_driver = pytest.mark.parametrize("connect", [over_asyncpg, over_psycopg, over_psycopg2])


@each_driver
def test_one_url_serves_each_driver_with_tls(exported: dict[str, str], connect: object) -> None:
    assert connect(exported["DATABASE_URL"]) is True  # type: ignore[operator]


@each_driver
def test_each_driver_refuses_a_server_of_another_authority(
    exported: dict[str, str], connect: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(Authority.make(tmp_path / "other").root))
    with pytest.raises((ssl.SSLError, psycopg.OperationalError, psycopg2.OperationalError)) as error:
        connect(exported["DATABASE_URL"])  # type: ignore[operator]
    assert "certificate verify failed" in str(error.value).lower().replace("_", " ")


@pytest.fixture(scope="module")
def nameless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server as on Cloud SQL: its own authority, and a certificate that does not name its address."""
    with postgres(Authority.make(tmp_path_factory.mktemp("cloudsql"), ("project:db",))) as server:
        yield server


def exported_with(server: Postgres, monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name in list(os.environ):
        if name.startswith(("PG", "DATABASE_")):
            monkeypatch.delenv(name)
    environment = {name: value for name, value in server.environment().items() if name != "DATABASE_CA"} | variables
    export(environment)
    for name, value in environment.items():
        if name.startswith("PG"):
            monkeypatch.setenv(name, value)
    return environment["DATABASE_URL"]


@each_driver
def test_a_server_is_verified_by_an_authority_of_its_own(
    nameless: Postgres, connect: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = exported_with(nameless, monkeypatch, DATABASE_SERVER_CA=nameless.authority.root.read_text())
    assert connect(url) is True  # type: ignore[operator]


@each_driver
def test_another_authority_of_one_server_is_refused(
    nameless: Postgres, connect: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = Authority.make(tmp_path / "other", ("project:db",))
    url = exported_with(nameless, monkeypatch, DATABASE_SERVER_CA=other.root.read_text())
    with pytest.raises((ssl.SSLError, psycopg.OperationalError, psycopg2.OperationalError)) as error:
        connect(url)  # type: ignore[operator]
    assert "certificate verify failed" in str(error.value).lower().replace("_", " ")


@each_driver
def test_an_authority_of_many_servers_must_name_this_one(
    nameless: Postgres, connect: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = exported_with(nameless, monkeypatch, DATABASE_CA=str(nameless.authority.root))
    with pytest.raises((ssl.SSLError, psycopg.OperationalError, psycopg2.OperationalError)):
        connect(url)  # type: ignore[operator]


def test_sqlalchemy_s_engines_take_an_authority_of_one_server(nameless: Postgres) -> None:
    from fastapi_runtime.database import Database, sync_engine
    from sqlalchemy import text

    given = {name: value for name, value in nameless.environment().items() if name != "DATABASE_CA"}
    found = DatabaseSettings.from_environment(given | {"DATABASE_SERVER_CA": nameless.authority.root.read_text()})
    engine = sync_engine(found)
    with engine.connect() as connection:
        assert connection.execute(text(ENCRYPTED)).scalar_one() is True
    engine.dispose()

    async def ask() -> object:
        async with Database(found) as database, database.engine.connect() as connection:
            return (await connection.execute(text(ENCRYPTED))).scalar_one()

    assert asyncio.run(ask()) is True


@pytest.mark.parametrize("variable", ["ASYNC", "SYNC"])
def test_sqlalchemy_takes_the_mapped_urls(exported: dict[str, str], variable: str) -> None:
    from sqlalchemy import create_engine, text
    from sqlalchemy.ext.asyncio import create_async_engine

    if variable == "SYNC":
        engine = create_engine(exported["SYNC"])
        with engine.connect() as connection:
            assert connection.execute(text(ENCRYPTED)).scalar_one() is True
        engine.dispose()
        return

    async def ask() -> object:
        engine = create_async_engine(exported["ASYNC"])
        async with engine.connect() as connection:
            result = (await connection.execute(text(ENCRYPTED))).scalar_one()
        await engine.dispose()
        return result

    assert asyncio.run(ask()) is True


def test_the_server_of_these_tests_refuses_what_is_not_encrypted(shared_postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(
            host=HOST, port=shared_postgres.port, dbname="app", user="app", password=PASSWORD, sslmode="disable"
        )
