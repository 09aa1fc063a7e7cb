"""`python -m fastapi_runtime.migrations`: migrate the database, one at a time however many start.

    python -m fastapi_runtime.migrations                               alembic upgrade head
    python -m fastapi_runtime.migrations --wait 60 -- alembic upgrade +1
    python -m fastapi_runtime.migrations -- python seed.py

The command runs while an advisory lock of the database is held; a second one waits, and then finds nothing left to do.
It gets `DATABASE_URL` without the password, which is in `PGPASSWORD`: Alembic's configuration file takes `%` for the
start of something else, and shows the URL in its errors.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType
from urllib.parse import urlsplit

from .aws_secrets import read_secret
from .credentials import Credentials, Login
from .database import DatabaseUnavailable, sync_engine
from .database_settings import DatabaseSettings, url_variables
from .optional import needs
from .settings import SettingsError

with needs("sqlalchemy"):
    from sqlalchemy import Connection, text
    from sqlalchemy.exc import OperationalError

CANNOT_START, LOCK_LOST, NOT_FOUND, TRY_AGAIN = 2, 3, 127, 75
_LOCK = 0x66617374_61706900  # "fastapi"; each database has its own locks
_COMMAND = ("alembic", "upgrade", "head")


def main(arguments: Sequence[str]) -> int:
    """Run the command under the lock.

    Returns:
        The command's exit code; 2 if the configuration is wrong or the server is away, 3 if the lock was lost in
        between, 75 if another migration did not end in time, 127 if there is no such command.
    """
    parser = argparse.ArgumentParser(prog="python -m fastapi_runtime.migrations", description="Migrate the database.")
    parser.add_argument(
        "--wait", type=float, default=300, metavar="SECONDS", help="for another migration to end; default 300"
    )
    parser.add_argument("command", nargs="*", metavar="-- COMMAND", help=f"default: {' '.join(_COMMAND)}")
    options = parser.parse_args(arguments)
    if not 0.001 <= options.wait <= 86400:
        parser.error(f"--wait must be from 0.001 to 86400 seconds, got {options.wait:g}")
    command = options.command or _COMMAND
    try:
        settings = DatabaseSettings.from_environment()
        credentials = Credentials(settings, read_secret)
        engine = sync_engine(settings, credentials=credentials)
        with engine.connect() as connection:
            if not _locked(connection, options.wait):
                return _fail(TRY_AGAIN, f"another migration has not ended within {options.wait:g} seconds; try again")
            code = _run(command, child_environment(settings, credentials.login))
            return code if _still_locked(connection) else _fail(LOCK_LOST, "the connection that held the lock was lost")
    except (SettingsError, DatabaseUnavailable) as error:
        return _fail(CANNOT_START, str(error))


def child_environment(settings: DatabaseSettings, login: Login) -> dict[str, str]:
    """The environment of a command that uses the database: no URL in it holds the password."""
    environment = dict(os.environ)
    variables = url_variables(environment)
    if not environment.get("DATABASE_HOST"):  # then it is the user's own, and so is the driver in it
        variables["DATABASE_URL"] = urlsplit(environment["DATABASE_URL"]).scheme.partition("+")[2] or None
    environment |= settings.libpq()
    for variable, driver in variables.items():
        environment[variable] = settings.url(driver, password=False)
    for variable, value in (("USER", login.username), ("PASSWORD", login.password)):
        if value:
            environment[f"PG{variable}"] = value
    # It may have been rotated since this task started. A token is not told: the command takes one itself if it can.
    if login.password and environment.get("DATABASE_HOST") and not settings.iam:
        environment["DATABASE_PASSWORD"] = login.password
    return environment


def _locked(connection: Connection, seconds: float) -> bool:
    """Take the lock, within a transaction: so it also holds through a pooler.

    The timeouts of the server are for requests; this waits for another migration, and then does nothing for long.
    """
    milliseconds = max(1, round(seconds * 1000))
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text(f"SET LOCAL lock_timeout = {milliseconds}"))
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == "55P03":  # lock_not_available
            return False
        raise
    return True


def _still_locked(connection: Connection) -> bool:
    try:
        connection.execute(text("SELECT 1"))
    except OperationalError:
        return False
    return True


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        return _fail(NOT_FOUND, f"cannot run {command[0]!r}: {error.strerror}")

    def forward(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    before = signal.signal(signal.SIGTERM, forward)
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
    return code if code >= 0 else 128 - code  # as shells do


def _fail(code: int, reason: str) -> int:
    print(f"fastapi_runtime.migrations: {reason}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
