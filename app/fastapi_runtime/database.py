"""PostgreSQL for an app: a pool that fits, that survives a rotated password and a failed-over server.

    from typing import Annotated
    from fastapi import Depends, FastAPI
    from fastapi_runtime.database import Database
    from sqlalchemy.ext.asyncio import AsyncSession

    database = Database()
    Session = Annotated[AsyncSession, Depends(database.session, scope="function")]

    @asynccontextmanager
    async def lifespan(app):
        async with database:
            yield

    @app.get("/items")
    async def items(session: Session) -> list[Item]: ...

`scope="function"` commits, and gives the connection back, before the answer is sent. A request that gets no connection
in time is answered with 503 and `Retry-After`. Code without `async` takes `sync_engine`.
"""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from fastapi import HTTPException

from . import health
from .aws_secrets import read_secret
from .credentials import Credentials, Login, ReadSecret
from .database_settings import DatabaseSettings
from .observability import PoolUse, register_pool
from .optional import needs

with needs("sqlalchemy[asyncio]"):
    from sqlalchemy import URL, Engine, create_engine, event, text
    from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
    from sqlalchemy.exc import DBAPIError, InvalidatePoolError
    from sqlalchemy.exc import TimeoutError as PoolTimeout
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
    from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

RECYCLE_SECONDS = 600
RETRY_AFTER_SECONDS = 1
_CHECK_SECONDS = 1.5  # readiness takes no longer, and is to be told why
_PING_SECONDS = 1.0  # an idle connection that takes longer to say anything is replaced
_NAME = "fastapi-runtime"  # in pg_stat_activity
_READ_ONLY = "25006"  # the server has become a standby
# jit costs more than it gains in short queries; a server that is not a primary (any more) is no use.
_JIT_OFF, _PRIMARY = ("jit", "off"), ("target_session_attrs", "read-write")

_log = logging.getLogger(__name__)


class DatabaseUnavailable(Exception):
    """The server could not be connected to in time. The text says where and why, and holds no password."""


class PoolTooLarge(Exception):
    """All pools together can open more connections than the server holds. The text has the numbers."""


class Database:
    """An async engine with the pool that the environment describes, from start-up to shutdown of the app.

    Nothing is read from the environment, opened or imported before it is entered, so that a module can make one, and so
    that forked workers share nothing.
    """

    def __init__(self, settings: DatabaseSettings | None = None, *, read_secret: ReadSecret = read_secret) -> None:
        """Describe the database.

        Args:
            settings: default: the environment's, when it is entered.
            read_secret: reads a secret by its ARN. Default: from AWS Secrets Manager.
        """
        self._settings = settings
        self._read_secret = read_secret
        self._engine: AsyncEngine | None = None
        self._sessions: async_sessionmaker[AsyncSession] | None = None
        self._fits = False
        self._problem = ""

    async def __aenter__(self) -> Self:
        """Make the pool and look at the server.

        A server that is away only keeps the process from being ready (`/-/ready`).

        Raises:
            SettingsError: the environment names no database, or a variable cannot be used.
            PoolTooLarge: the pools do not fit the server.
        """
        settings = self._settings or DatabaseSettings.from_environment()
        self._fits = False
        self._engine = engine = _async_engine(settings, self._read_secret, self._note)
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        try:
            await self._check()
        except PoolTooLarge:
            await engine.dispose()
            raise
        except (DatabaseUnavailable, DBAPIError, PoolTimeout) as error:
            _log.warning("starting without the database, not ready until it is there: %s", error)
        health.register("database", self.check)
        register_pool("database", self.use)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        health.unregister("database")
        engine, self._engine, self._sessions = self.engine, None, None
        await engine.dispose()

    @property
    def engine(self) -> AsyncEngine:
        """SQLAlchemy's engine.

        Raises:
            RuntimeError: the database is not entered.
        """
        if self._engine is None:
            raise RuntimeError("the database is used outside of `async with database:`, which belongs in the lifespan")
        return self._engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end, or rolls back on an error: for jobs and scripts.

        Raises:
            DatabaseUnavailable, sqlalchemy.exc.TimeoutError: no connection in time.
        """
        _ = self.engine  # or the clear error
        assert self._sessions is not None
        async with self._sessions.begin() as session:
            yield session

    async def session(self) -> AsyncIterator[AsyncSession]:
        """The same as a dependency of FastAPI: what says `try again` becomes 503 with `Retry-After`."""
        try:
            async with self.transaction() as session:
                yield session
        except (DatabaseUnavailable, PoolTimeout) as error:
            raise _unavailable("No database connection in time", error) from error
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise _unavailable("The database connection was lost", error) from error

    async def check(self) -> None:
        """Ask the server whether it answers and, until it did once, whether it holds all pools; for `/-/ready`.

        Raises:
            DatabaseUnavailable, sqlalchemy.exc.SQLAlchemyError: it does not answer, or not soon.
            PoolTooLarge: it holds less than what all pools can open.
        """
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._check()
        except TimeoutError:
            raise DatabaseUnavailable(self._problem or "no answer, or all connections are taken") from None

    def _note(self, problem: str) -> None:
        """Why the latest connection could not be made; empty if it could."""
        self._problem = problem

    async def _check(self) -> None:
        async with self.engine.connect() as connection:
            if self._fits:
                await connection.execute(text("SELECT 1"))
                return
            row = (await connection.execute(_LIMITS)).one()
        settings = self._settings or DatabaseSettings.from_environment()
        if settings.pooler:
            if row.jit == "on":
                _log.warning("jit is on and cannot be set through a pooler; run: ALTER ROLE %s SET jit = off", row.role)
        else:
            check_fits(settings, row.max_connections, row.reserved)
        self._fits = True

    def use(self) -> PoolUse:
        """How much of the pool is in use now."""
        pool = self.engine.sync_engine.pool
        assert isinstance(pool, QueuePool)
        return PoolUse(in_use=pool.checkedout(), size=pool.size() + max(pool._max_overflow, 0))


def sync_engine(
    settings: DatabaseSettings | None = None,
    *,
    read_secret: ReadSecret = read_secret,
    credentials: Credentials | None = None,
) -> Engine:
    """The same pool for code without `async`, over psycopg; `sync_engine().dispose()` closes it.

    Args:
        settings: default: the environment's.
        read_secret: reads a secret by its ARN. Default: from AWS Secrets Manager.
        credentials: to know with which login it has connected. Default: of its own.

    Raises:
        SettingsError: the environment names no database, or a variable cannot be used.
    """
    with needs("psycopg[binary]"):
        import psycopg

    settings = settings or DatabaseSettings.from_environment()
    credentials = credentials or Credentials(settings, read_secret)
    arguments: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.name,
        "application_name": _NAME,
        "connect_timeout": max(2, round(settings.pool_timeout)),  # libpq's least
        "tcp_user_timeout": 5000,
        "keepalives_idle": 60,  # what stands between forgets silent connections after some minutes
    }
    if settings.trusted:
        arguments |= {"sslmode": settings.sslmode, "sslrootcert": str(settings.trusted)}
    if settings.pooler:
        arguments |= {"prepare_threshold": None}
    else:
        arguments |= dict([_PRIMARY]) | {"options": "-c {}={}".format(*_JIT_OFF)}
    engine = create_engine(
        URL.create("postgresql+psycopg"), pool_pre_ping=True, connect_args=arguments, **_pool(settings)
    )
    event.listen(engine, "handle_error", _leave_standby)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _: object, args: list[Any], arguments: dict[str, Any]) -> DBAPIConnection:
        for pause in _attempts(settings.pool_timeout):
            if not credentials.known:
                credentials.renew(credentials.login)
            login = credentials.login
            try:
                connection: DBAPIConnection = dialect.connect(*args, **arguments, **_login(login, "user"))
            except psycopg.OperationalError as error:  # without a code, so what is worth a retry cannot be told
                if pause is None:
                    raise DatabaseUnavailable(_where(settings, error)) from None
                credentials.renew(login)
                time.sleep(pause)
            else:
                return connection
        raise AssertionError("the last attempt returns or raises")

    return engine


def check_fits(settings: DatabaseSettings, max_connections: int, reserved: int) -> None:
    """Compare what all pools open at the peak with what the server holds.

    Raises:
        PoolTooLarge: they do not fit.
    """
    each = settings.pool_size + settings.max_overflow
    peak, available = settings.peak_tasks * settings.workers * each, max_connections - reserved
    if peak > available:
        largest = available // (settings.peak_tasks * settings.workers)
        way_out = (
            f"lower DATABASE_POOL_SIZE to {largest} with DATABASE_MAX_OVERFLOW=0" if largest else "run fewer tasks"
        )
        pool = f"({settings.pool_size} + {settings.max_overflow})"
        raise PoolTooLarge(
            f"{settings.peak_tasks} tasks x {settings.workers} workers x {pool} = {peak} database connections,"
            f" but the server has {available} ({max_connections} - {reserved} reserved);"
            f" {way_out}, or put a pooler before it (DATABASE_POOLER=1)"
        )


_LIMITS = text(
    "SELECT current_setting('max_connections')::int AS max_connections,"
    " current_setting('superuser_reserved_connections')::int"
    " + coalesce(current_setting('reserved_connections', true), '0')::int"
    " + coalesce(current_setting('rds.rds_superuser_reserved_connections', true), '0')::int AS reserved,"
    " current_setting('jit') AS jit, current_user AS role"
)


def _async_engine(settings: DatabaseSettings, read: ReadSecret, note: Callable[[str], None]) -> AsyncEngine:
    with needs("asyncpg"):
        import asyncpg

    credentials = Credentials(settings, read)
    arguments: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "database": settings.name,
        "ssl": settings.tls() or False,
        "command_timeout": settings.statement_timeout,
    }
    dialect_arguments: dict[str, Any] = {}
    if settings.pooler:  # each transaction may meet another server process, which knows none of our statements
        arguments |= {"statement_cache_size": 0, "server_settings": {"application_name": _NAME}}
        dialect_arguments = {
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"__{uuid.uuid4()}__",
        }
    else:
        arguments |= dict([_PRIMARY]) | {"server_settings": dict([("application_name", _NAME), _JIT_OFF])}
    # What goes away by itself or with another password. A certificate that is not trusted does not.
    refused = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)
    away = (
        OSError,
        asyncpg.PostgresConnectionError,
        asyncpg.CannotConnectNowError,
        asyncpg.AdminShutdownError,
        asyncpg.CrashShutdownError,
        asyncpg.TooManyConnectionsError,
        asyncpg.exceptions.TargetServerAttributeNotMatched,
    )

    async def connect(**_: object) -> Any:
        for pause in _attempts(settings.pool_timeout):
            login = credentials.login
            try:
                if not credentials.known:
                    await asyncio.to_thread(credentials.renew, login)
                    login = credentials.login
                # A silent host must not use up the time: the next attempt may find the name pointing elsewhere.
                attempt = max(0.5, settings.pool_timeout / 2)
                connection = await asyncpg.connect(timeout=attempt, **arguments, **_login(login, "user"))
            except (*refused, *away) as error:
                note(_where(settings, error))
                if pause is None or _is_untrusted(error) or (isinstance(error, refused) and not credentials.renewable):
                    raise DatabaseUnavailable(_where(settings, error)) from None
                if isinstance(error, refused):
                    await asyncio.to_thread(credentials.renew, login)
            else:
                note("")
                return connection
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def ping(connection: Any) -> None:
        try:
            async with asyncio.timeout(_PING_SECONDS):
                await connection.execute("SELECT 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            connection.terminate()  # closing it politely would wait again
            raise InvalidatePoolError() from None

    def before_use(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        """SQLAlchemy's pre-ping, with an end: a host that vanished says nothing at all, for minutes."""
        if record.info.get("used"):
            connection.run_async(ping)
        record.info["used"] = True

    engine = create_async_engine(
        URL.create("postgresql+asyncpg"),
        connect_args={"async_creator_fn": connect, **dialect_arguments},
        **_pool(settings),
    )
    event.listen(engine.sync_engine, "handle_error", _leave_standby)
    event.listen(engine.sync_engine, "checkout", before_use)
    return engine


def _pool(settings: DatabaseSettings) -> dict[str, Any]:
    return {
        "pool_size": settings.pool_size,
        "max_overflow": settings.max_overflow,
        "pool_timeout": settings.pool_timeout,
        "pool_recycle": RECYCLE_SECONDS,
        "hide_parameters": True,  # what users send does not belong in logs
    }


def _attempts(seconds: float) -> Iterator[float | None]:
    """The pause after each attempt; None with the last one."""
    deadline, pause = time.monotonic() + seconds, 0.05
    while time.monotonic() + pause < deadline:
        yield pause * random.uniform(0.5, 1.5)  # noqa: S311 (spreads the workers, hides nothing)
        pause = min(pause * 2, 0.4)
    yield None


def _login(login: Login, user: str) -> dict[str, str]:
    given = {user: login.username, "password": login.password}
    return {name: value for name, value in given.items() if value is not None}


def _leave_standby(context: ExceptionContext) -> None:
    """A primary that became a standby while we were connected: connect anew, which finds the new primary."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True


def _is_untrusted(error: BaseException) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error) or "CERTIFICATE_VERIFY_FAILED" in str(error.__cause__)


def _where(settings: DatabaseSettings, error: BaseException) -> str:
    why = " ".join(str(error).split()) or type(error).__name__
    if "certificate" in why.lower():
        why += f" (trusted are the roots in {settings.trusted}; DATABASE_CA names another file)"
    return f"database {settings.host}:{settings.port}: {why}"


def _unavailable(title: str, error: BaseException) -> HTTPException:
    _log.warning("%s: %s", title, error)
    return HTTPException(503, f"{title}; try again.", {"Retry-After": str(RETRY_AFTER_SECONDS)})
