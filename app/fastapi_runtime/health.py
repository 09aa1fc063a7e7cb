"""Whether this process may get traffic: what it depends on, asked within bounds.

    from fastapi_runtime import health

    async def queue() -> None:
        await broker.ping()  # raises: not well; the text of the error is the reason

    health.register("queue", queue)

`/-/ready` is 503 until every check has passed once since the container started. From then on a check that fails is
shown in the answer, in the log and as a metric, but the answer stays 200: an outage of what all tasks share must not
end them all. `READINESS_REQUIRES=queue` asks for the opposite, by name.
"""

import asyncio
import logging
import mmap
import re
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

Check = Callable[[], Awaitable[object]]

CHECK_SECONDS = 2.0  # shorter than a load balancer waits for the answer
CACHE_SECONDS = 5.0  # shorter than the interval of one load balancer, but there may be many
_LONGEST_REASON = 300
_CREDENTIALS = re.compile(r"(?<=://)\S+@")

_log = logging.getLogger(__name__)
_checks: dict[str, Check] = {}
# One byte that gunicorn's workers share, as they are forked after the import: a worker that replaces another one while
# the database is away must not take a running task out of service.
_started: mmap.mmap | bytearray = mmap.mmap(-1, 1)


def register(name: str, check: Check) -> None:
    """Ask `check` whenever readiness is asked: at most every 5 seconds, for at most 2 seconds.

    Call it on import or in the app's lifespan. The same name again replaces the check.

    Args:
        name: how answers, logs and metrics call what it looks at.
        check: an async function without arguments that raises if it is not well. It must tolerate being cancelled.
    """
    _checks[name] = check


def unregister(name: str) -> None:
    """Forget a check; one that is not there is no error."""
    _checks.pop(name, None)


@dataclass(frozen=True)
class Result:
    """The outcome of one check."""

    reason: str | None
    """Why it failed; None if it passed."""
    seconds: float
    """How long it took."""


class Readiness:
    """Runs the registered checks: together, once for all who ask at the same time, and not again for a while."""

    def __init__(self, required: Collection[str] = ()) -> None:
        self.draining = False
        """Set on SIGTERM: not ready any more."""
        self.results: dict[str, Result] = {}
        """The latest outcomes by name of the check."""
        self._required = frozenset(required)
        self._running: asyncio.Task[None] | None = None
        self._expires = 0.0

    async def problems(self) -> dict[str, str]:
        """Why this process should not get traffic, by name; empty if it should."""
        if self.draining:
            return {"runtime": "draining"}
        await self._refresh()
        failed = {name: result.reason for name, result in self.results.items() if result.reason is not None}
        if not failed:
            _started[0] = 1
        decisive = self._required if _started[0] else failed.keys() | self._required
        missing = dict.fromkeys(self._required - self.results.keys(), "no such check is registered")
        return {name: reason for name, reason in (failed | missing).items() if name in decisive}

    async def _refresh(self) -> None:
        if self._running is None and time.monotonic() >= self._expires:
            self._running = asyncio.create_task(self._run())
        if self._running is not None:
            await asyncio.shield(self._running)  # who hangs up must not end it for the others

    async def _run(self) -> None:
        try:
            checks = dict(_checks)
            outcomes = await asyncio.gather(*(_outcome(check) for check in checks.values()))
            for name, result in zip(checks, outcomes, strict=True):
                _tell_change(name, self.results.get(name), result)
            self.results = dict(zip(checks, outcomes, strict=True))
        finally:
            # What failed is asked again sooner: a start should not wait for it.
            failed = any(result.reason for result in self.results.values())
            self._expires = time.monotonic() + (CACHE_SECONDS if not failed else 1)
            self._running = None


async def _outcome(check: Check) -> Result:
    began = time.monotonic()
    task = asyncio.ensure_future(_call(check))
    done, _ = await asyncio.wait({task}, timeout=CHECK_SECONDS)
    if not done:
        task.cancel()  # not awaited: what does not end on time may also not end when cancelled
        task.add_done_callback(_forget)
        reason: str | None = f"no answer within {CHECK_SECONDS:g} seconds"
    elif task.cancelled():
        reason = "was cancelled"
    elif error := task.exception():
        reason = _reason(error)
    else:
        reason = None
    return Result(reason, time.monotonic() - began)


async def _call(check: Check) -> None:
    await check()


def _forget(task: asyncio.Future[None]) -> None:
    if not task.cancelled():
        task.exception()  # asked for, so that asyncio does not report it


def _reason(error: BaseException) -> str:
    """The error in one line, without credentials of a URL."""
    text = " ".join(str(error).split()) or type(error).__name__
    return _CREDENTIALS.sub("***@", text)[:_LONGEST_REASON]


def _tell_change(name: str, before: Result | None, now: Result) -> None:
    if now.reason is not None and (before is None or before.reason is None):
        _log.warning("%s is not well: %s", name, now.reason)
    elif now.reason is None and before is not None and before.reason is not None:
        _log.info("%s is well again", name)
