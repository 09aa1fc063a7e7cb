"""What this process measures about itself; `prometheus` and `cloudwatch` publish it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ..health import Result

SAMPLE_SECONDS = 5
_STATM = "/proc/self/statm"
_PAGE_BYTES = 4096


@dataclass(frozen=True)
class PoolUse:
    """A pool of connections at one moment."""

    in_use: int
    """Connections that requests hold."""
    size: int
    """Connections that it may open at most."""


pools: dict[str, Callable[[], PoolUse]] = {}
"""The pools of this process by name."""


def register_pool(name: str, use: Callable[[], PoolUse]) -> None:
    """Publish how much of a pool is in use. The same name again replaces it.

    Args:
        name: as metrics call it, such as `database`.
        use: is asked every few seconds on the event loop, so it must not wait for anything.
    """
    pools[name] = use


@dataclass
class Sample:
    """The state of this process at one moment."""

    loop_lag: float
    """Longest time in seconds since the last sample that the event loop was late."""
    memory: int
    """Resident memory in bytes."""
    in_flight: int
    """Requests that are being answered."""
    worker_restarts: int
    """Workers that were started in place of others."""
    pools: dict[str, PoolUse] = field(default_factory=dict)
    """By name."""
    checks: dict[str, Result] = field(default_factory=dict)
    """The latest outcomes of health checks by name."""


class Publisher(Protocol):
    """Where metrics go."""

    def request(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Count an answer; `seconds` is None if its duration says nothing, as for a WebSocket."""

    def sample(self, sample: Sample) -> None:
        """Take note of the state of the process."""

    def close(self) -> None:
        """Publish what was not published yet."""


class Lag:
    """How late the event loop is, from calls that should be `interval` seconds apart."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._last: float | None = None
        self._worst = 0.0

    def tick(self) -> None:
        """Call it every `interval` seconds."""
        now = time.monotonic()
        if self._last is not None:
            self._worst = max(self._worst, now - self._last - self._interval)
        self._last = now

    def take(self) -> float:
        """The worst so far; begins anew."""
        worst, self._worst = self._worst, 0.0
        return worst


def pool_uses() -> dict[str, PoolUse]:
    """How much of each pool is in use."""
    return {name: use() for name, use in pools.items()}


def resident_memory() -> int:
    """Resident memory of this process in bytes; 0 where the kernel does not tell."""
    try:
        with open(_STATM, "rb") as statm:
            return int(statm.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
