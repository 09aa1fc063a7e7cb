import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command as alembic
from alembic.config import Config
from fastapi_runtime import migrations
from launcher import APP
from servers import PASSWORD, Authority, Postgres, pgbouncer, until

Start = Callable[..., subprocess.Popen[str]]
MIGRATION = """
from alembic import op

revision = "1"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SELECT pg_sleep(1)")
    op.execute("CREATE TABLE rows (n int)")


def downgrade() -> None:
    op.execute("DROP TABLE rows")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `alembic init` makes, with the line that everybody adds."""
    config = Config(str(tmp_path / "alembic.ini"))
    alembic.init(config, str(tmp_path / "migrations"))
    env = tmp_path / "migrations" / "env.py"
    text = env.read_text()
    line = "config = context.config\n"
    assert line in text
    added = 'import os\nconfig.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])\n'
    env.write_text(text.replace(line, line + added))
    (tmp_path / "migrations" / "versions" / "1_rows.py").write_text(MIGRATION)
    return tmp_path


@pytest.fixture
def start(project: Path, own_postgres: Postgres) -> Iterator[Start]:
    """Start the command of the image in the directory of the app; its output is in one file per process."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(APP)}
        with (project / f"output-{len(started)}").open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "fastapi_runtime.migrations", *arguments],
                cwd=project,
                env=environment | own_postgres.environment() | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def outputs(project: Path) -> str:
    return "".join(path.read_text() for path in sorted(project.glob("output-*")))


def tables(server: Postgres) -> list[object]:
    return server.sql("SELECT tablename FROM pg_tables WHERE tablename = 'rows'", database="app")


def locked(server: Postgres) -> bool:
    return bool(server.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"))


def test_two_at_once_migrate_once(start: Start, project: Path, own_postgres: Postgres) -> None:
    both = [start(), start()]
    assert [process.wait(60) for process in both] == [0, 0], outputs(project)
    assert len(tables(own_postgres)) == 1
    assert outputs(project).count("Running upgrade  -> 1") == 1


def test_without_the_lock_one_of_two_fails(project: Path, own_postgres: Postgres) -> None:
    """What the test above would not show if Alembic itself kept others out."""
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | own_postgres.environment()
    environment |= migrations_environment(own_postgres)
    both = [
        subprocess.Popen(["alembic", "upgrade", "head"], cwd=project, env=environment, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert sorted(process.wait(60) for process in both)[0] == 0
    assert any(process.returncode for process in both)


def migrations_environment(server: Postgres) -> dict[str, str]:
    settings = migrations.DatabaseSettings.from_environment(server.environment())
    return settings.libpq() | {"DATABASE_URL": settings.url(password=False)}


def test_stock_alembic_takes_any_password_and_nothing_shows_it(
    start: Start, project: Path, own_postgres: Postgres
) -> None:
    assert start("--", "sh", "-c", "echo $DATABASE_URL; alembic upgrade head; alembic current -v").wait(60) == 0
    output = outputs(project)
    assert len(tables(own_postgres)) == 1, output
    assert f"postgresql://app@127.0.0.1:{own_postgres.port}/app" in output
    for secret in (PASSWORD, "%40", PASSWORD[:6]):
        assert secret not in output


def test_a_url_with_the_password_would_fail_and_show_it(project: Path, own_postgres: Postgres) -> None:
    """The fault that the command is made to avoid."""
    settings = migrations.DatabaseSettings.from_environment(own_postgres.environment())
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DATABASE_URL": settings.url()}
    done = subprocess.run(
        ["alembic", "upgrade", "head"], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "invalid interpolation syntax" in done.stderr
    assert "p%40" in done.stderr


@pytest.mark.parametrize("variables", [{}, {"DATABASE_URLS": '{"DATABASE_ASYNC_URL": "asyncpg"}'}])
def test_each_url_comes_without_the_password(
    start: Start, project: Path, own_postgres: Postgres, variables: dict[str, str]
) -> None:
    code = "import os; print([v for n, v in os.environ.items() if n.endswith('_URL')])"
    assert start("--", sys.executable, "-c", code, **variables).wait(60) == 0
    urls = [f"postgresql{driver}://app@127.0.0.1:{own_postgres.port}/app" for driver in ("", "+asyncpg")]
    assert all(url in outputs(project) for url in urls[: 1 + len(variables)])
    assert "p%40" not in outputs(project)


def test_a_url_of_the_users_own_keeps_its_driver(start: Start, project: Path, own_postgres: Postgres) -> None:
    settings = migrations.DatabaseSettings.from_environment(own_postgres.environment())
    process = start("--", "printenv", "DATABASE_URL", DATABASE_HOST="", DATABASE_URL=settings.url("psycopg"))
    assert process.wait(60) == 0, outputs(project)
    assert outputs(project).strip() == f"postgresql+psycopg://app@127.0.0.1:{own_postgres.port}/app"


def test_who_waits_too_long_is_told_to_try_again(start: Start, project: Path, own_postgres: Postgres) -> None:
    first = start()
    until(lambda: locked(own_postgres), "the lock")
    assert start("--wait", "0.2").wait(60) == 75
    assert first.wait(60) == 0
    assert "another migration has not ended within 0.2 seconds; try again" in outputs(project)


def test_the_timeouts_of_the_server_end_neither_the_wait_nor_the_lock(
    start: Start, project: Path, own_postgres: Postgres
) -> None:
    for name in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
        own_postgres.sql(f"ALTER ROLE app SET {name} = '300ms'")
    holder = start("--", "sleep", "2")
    until(lambda: locked(own_postgres), "the lock")
    assert start("--", "true").wait(60) == 0, outputs(project)
    assert holder.wait(60) == 0, outputs(project)


def test_a_lock_that_is_lost_in_between_is_an_error(start: Start, project: Path, own_postgres: Postgres) -> None:
    process = start("--", "sleep", "2")
    until(lambda: locked(own_postgres), "the lock")
    own_postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
    assert process.wait(60) == 3
    assert "the connection that held the lock was lost" in outputs(project)


def test_through_a_pooler_it_is_one_at_a_time_too(start: Start, project: Path, own_postgres: Postgres) -> None:
    with pgbouncer(own_postgres) as port:
        variables = {"DATABASE_PORT": str(port), "DATABASE_POOLER": "1"}
        both = [start(**variables), start(**variables)]
        assert [process.wait(60) for process in both] == [0, 0], outputs(project)
    assert outputs(project).count("Running upgrade  -> 1") == 1


def test_the_commands_own_exit_code_comes_through(start: Start, own_postgres: Postgres) -> None:
    assert start("--", "sh", "-c", "exit 7").wait(60) == 7
    assert not locked(own_postgres)


def test_a_command_that_is_not_there_is_said(start: Start, project: Path) -> None:
    assert start("--", "no-such-command").wait(60) == 127
    assert outputs(project) == ("fastapi_runtime.migrations: cannot run 'no-such-command': No such file or directory\n")


def test_sigterm_reaches_the_command(start: Start, project: Path) -> None:
    code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit('rolled back')); print(1, flush=True)"
    code += "; time.sleep(60)"
    process = start("--", sys.executable, "-c", code)
    until(lambda: outputs(project) != "", "the command")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 1
    assert outputs(project).endswith("rolled back\n")


def test_without_a_database_it_says_so(start: Start, project: Path) -> None:
    assert start(DATABASE_HOST="").wait(60) == 2
    assert outputs(project) == (
        "fastapi_runtime.migrations: the environment names no database; set DATABASE_HOST (or DATABASE_URL)\n"
    )


def test_a_server_that_is_away_is_said_without_a_traceback(start: Start, project: Path) -> None:
    began = time.monotonic()
    assert start(DATABASE_PORT="1", DATABASE_POOL_TIMEOUT="0.5").wait(60) == 2
    assert time.monotonic() - began < 10
    assert outputs(project).startswith("fastapi_runtime.migrations: database 127.0.0.1:1: ")
    assert "Traceback" not in outputs(project)


def test_a_server_of_another_authority_is_refused(start: Start, project: Path, tmp_path: Path) -> None:
    other = Authority.make(tmp_path / "other").root
    assert start(DATABASE_CA=str(other), DATABASE_POOL_TIMEOUT="0.5").wait(60) == 2
    assert "certificate verify failed" in outputs(project)
    assert f"trusted are the roots in {other}" in outputs(project)


def test_the_locks_of_other_databases_do_not_matter(start: Start, own_postgres: Postgres) -> None:
    with own_postgres.admin("postgres") as connection, connection.transaction():
        assert isinstance(connection, psycopg.Connection)
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (migrations._LOCK,))
        assert start("--wait", "1", "--", "true").wait(60) == 0
