"""The Python of `app/README.md` about data and security runs as it stands there."""

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from launcher import APP
from servers import Postgres

pytestmark = pytest.mark.anyio
README = (APP / "README.md").read_text()


def blocks(heading: str) -> list[str]:
    """The Python blocks of one section."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.S)


def app_of(heading: str) -> FastAPI:
    names: dict[str, Any] = {"__name__": "readme"}
    for block in blocks(heading):
        exec(block, names)  # noqa: S102
    app = names["app"]
    assert isinstance(app, FastAPI)
    return app


async def test_the_database(shared_postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in shared_postgres.environment().items():
        monkeypatch.setenv(name, value)
    app = app_of("Database")
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as client,
    ):
        answer = await client.get("/now")
    assert (answer.status_code, answer.json()[:2]) == (200, "20")


async def test_cache_limits_and_circuit_breakers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    app = app_of("Cache, limits and circuit breakers")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        answers = [(await client.post("/login")).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
