"""What this process measures about itself; `prometheus` and `emf` publish it."""

from collections.abc import Callable
from dataclasses import dataclass


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
