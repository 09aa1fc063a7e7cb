"""Visits, counted in memory and written once a second: a visit costs no transaction, and a row no queue of writers."""

import asyncio
import logging
from collections import Counter
from types import TracebackType
from typing import Self

from fastapi_runtime.database import Database, DatabaseUnavailable
from sqlalchemy import bindparam, update
from sqlalchemy.exc import SQLAlchemyError

from .models import Link

SECONDS = 1.0

_log = logging.getLogger(__name__)


class Visits:
    """Work in the background, from start-up to shutdown; what it cannot write now it writes later."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start writing."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the last ones."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._write()

    def count(self, slug: str) -> None:
        """Count one."""
        self._counted[slug] += 1

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self._write()

    async def _write(self) -> None:
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        # In one order, or two workers that write the same links wait for each other for ever.
        rows = [{"one": slug, "more": number} for slug, number in sorted(counted.items())]
        statement = update(Link).where(Link.slug == bindparam("one")).values(visits=Link.visits + bindparam("more"))
        try:
            async with self._database.transaction() as session:
                await (await session.connection()).execute(statement, rows)
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            _log.warning("visits are not written yet: %s", error)
            self._counted += counted
        except asyncio.CancelledError:  # shutdown, which writes them
            self._counted += counted
            raise
