"""What becomes of requests when the workers open more connections than PostgreSQL holds, and when the pools fit.

One PostgreSQL with `max_connections = 100`, one query of 50 milliseconds per request, 200 clients that connect within
two seconds and ask again as soon as they are answered. Pools and workers differ and nothing else: five workers with
20 + 30 each, as the article says; the same five with the largest pool that the runtime accepts, which leaves room for a
second task during a deploy; and the runtime's own number of workers, one per CPU. Rounds alternate between them. Run
with `.venv/bin/python benchmarks/pool.py`.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "app"), str(ROOT / "tests" / "app")]

from fastapi_runtime.database import PoolTooLarge, check_fits  # noqa: E402
from fastapi_runtime.database_settings import DatabaseSettings  # noqa: E402
from launcher import free_port  # noqa: E402
from servers import Authority, Postgres, postgres  # noqa: E402

MAX_CONNECTIONS, RESERVED = 100, 3
CLIENTS, ROUNDS, SECONDS, CONNECTING = 200, 2, 10, 2

ROUTE = """

@app.get("/")
async def ask(session: AsyncSession = Depends({dependency}{scope})) -> int:
    await session.execute(text("SELECT pg_sleep(0.05)"))
    return 1
"""
HEAD = """
from contextlib import asynccontextmanager
import os, ssl
from fastapi import Depends, FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
"""
# The article's engine and session; `poolclass=QueuePool` is left out, as no async engine takes it.
ARTICLE = (
    HEAD
    + """
engine = create_async_engine(
    os.environ["URL"],
    pool_size=20,
    max_overflow=30,
    pool_pre_ping=True,
    pool_recycle=3600,
    pool_timeout=30,
    connect_args={"ssl": ssl.create_default_context(cafile=os.environ["DATABASE_CA"])},
)
async_session = async_sessionmaker(engine, expire_on_commit=False, autoflush=True)
app = FastAPI()


async def get_db():
    async with async_session() as session:
        try:
            yield session
        except Exception:
            await session.rollback()
            raise
        finally:
            await session.close()
"""
    + ROUTE.format(dependency="get_db", scope="")
)
OURS = (
    HEAD
    + """
from fastapi_runtime.database import Database
database = Database()


@asynccontextmanager
async def lifespan(app):
    async with database:
        yield


app = FastAPI(lifespan=lifespan)
"""
    + ROUTE.format(dependency="database.session", scope=', scope="function"')
)


@dataclass
class Pool:
    """One of the two, and what became of its requests."""

    name: str
    code: str
    workers: int
    size: int
    overflow: int
    answers: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)


def largest(workers: int) -> int:
    """The largest pool per worker that the runtime starts with."""
    for size in range(MAX_CONNECTIONS, 0, -1):
        settings = DatabaseSettings(host="db", pool_size=size, workers=workers)
        with suppress(PoolTooLarge):
            check_fits(settings, MAX_CONNECTIONS, RESERVED)
            return size
    raise AssertionError(f"nothing fits {workers} workers")


@contextmanager
def serving(pool: Pool, server: Postgres) -> Iterator[int]:
    """The app in five workers; its port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile() as log:
        Path(directory, "main.py").write_text(pool.code)
        settings = DatabaseSettings.from_environment(server.environment())
        environment = {
            "PATH": os.environ["PATH"],
            **server.environment(),
            "PYTHONPATH": str(ROOT / "app"),
            "APP_MODULE": "main:app",
            "PORT": str(port),
            "WEB_CONCURRENCY": str(pool.workers),
            "DATABASE_POOL_SIZE": str(pool.size),
            "DRAIN_SECONDS": "0",
            "METRICS": "off",
            "URL": settings.url("asyncpg"),
        }
        command = [sys.executable, "-m", "fastapi_runtime"]
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=log, stderr=log)
        try:
            asyncio.run(ready(port))
            yield port
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def ready(port: int) -> None:
    """Wait until it is."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                if await get(reader, writer, "/-/ready") == "200":
                    return
            finally:
                writer.close()
        await asyncio.sleep(0.1)
    raise TimeoutError("the app is not ready after 60 seconds")


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> str:
    """The status of one answer on a connection that is kept."""
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    await reader.readexactly(length)
    return head.split(" ")[1]


async def load(port: int, pool: Pool) -> None:
    """All clients, until the time is over; who waits for an answer then is not counted."""
    end = time.monotonic() + SECONDS

    async def client(number: int) -> None:
        await asyncio.sleep(CONNECTING * number / CLIENTS)  # all at once they would end at whichever worker wakes first
        while time.monotonic() < end:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    while time.monotonic() < end:
                        began = time.monotonic()
                        pool.answers[await get(reader, writer, "/")] += 1
                        pool.waits.append(time.monotonic() - began)
                finally:
                    writer.close()

    clients = [asyncio.create_task(client(number)) for number in range(CLIENTS)]
    await asyncio.wait(clients, timeout=SECONDS + 1)
    for task in clients:
        task.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as keys:
        authority = Authority.make(Path(keys))
        with postgres(authority, max_connections=MAX_CONNECTIONS) as server:
            own = os.cpu_count() or 1
            pools = [
                Pool("article", ARTICLE, 5, 20, 30),
                Pool("runtime, same workers", OURS, 5, largest(5), 0),
                Pool("runtime, its own", OURS, own, largest(own), 0),
            ]
            for _ in range(ROUNDS):
                for pool in pools:
                    with serving(pool, server) as port:
                        asyncio.run(load(port, pool))
    print(f"{'':<22}{'workers x pool':>18}{'connections':>12}{'answered/s':>12}{'failed':>14}{'p50 s':>8}{'p99 s':>8}")
    for pool in pools:
        waits, total, well = sorted(pool.waits), pool.answers.total(), pool.answers["200"]
        shape, failed = f"{pool.workers} x ({pool.size} + {pool.overflow})", f"{total - well}/{total}"
        print(
            f"{pool.name:<22}{shape:>18}{pool.workers * (pool.size + pool.overflow):>12}"
            f"{well / SECONDS / ROUNDS:>12.0f}{failed:>14}"
            f"{waits[len(waits) // 2]:>8.2f}{waits[len(waits) * 99 // 100]:>8.2f}"
        )


if __name__ == "__main__":
    main()
