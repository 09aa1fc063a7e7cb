"""Database connections: what the instances of a service can open at their peak against what PostgreSQL can hold.

At the peak of a deploy old and new instances run side by side, and each worker process of each one owns a pool:
`instances x surge x workers x (size + max_overflow)`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from .errors import ArgumentError
from .validation import check_fields, in_range

RESERVED = 3 + 2 + 5
"""Connections no app may count on: `superuser_reserved_connections` 3 (PostgreSQL's default),
`rds.rds_superuser_reserved_connections` 2 (RDS' default), and 5 for people, migrations and monitoring."""


@dataclass(frozen=True, kw_only=True)
class ConnectionPool:
    """The pool of one worker process, with SQLAlchemy's names."""

    size: int = 5
    """Connections kept open per worker. Default 5: enough for about `size / seconds per query` queries a second."""
    max_overflow: int = 0
    """Connections opened on top of `size` under load. Default 0: opening one is slow just when it is needed."""
    timeout: float = 3.0
    """Seconds a request waits for a connection before it fails. Default 3: shorter than the request itself may take."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("size", self.size, 1, 1000, "connections per worker")
        in_range("max_overflow", self.max_overflow, 0, 1000, "connections per worker")
        in_range("timeout", self.timeout, 0.1, 60, "seconds")

    @property
    def connections(self) -> int:
        """The most that one worker opens."""
        return self.size + self.max_overflow


@dataclass(frozen=True, kw_only=True)
class ConnectionDemand:
    """What one client of the database opens at its peak."""

    client: str
    """Name of the service, for messages."""
    instances: int
    """Most instances it scales to."""
    surge: float
    """Peak of running instances during a deploy, as a multiple of `instances` (2.0 = 200 %)."""
    workers: int
    """Worker processes per instance."""
    pool: ConnectionPool
    """Pool of each worker."""
    noun: str = "instance"
    """What the platform calls an instance, for messages: a `task`, an `environment`. Default instance."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("instances", self.instances, 1, 5000)
        in_range("surge", self.surge, 1.0, 10.0)
        in_range("workers", self.workers, 1, 256)

    @property
    def peak_instances(self) -> int:
        """Instances at the peak."""
        return math.ceil(round(self.instances * self.surge, 6))

    @property
    def processes(self) -> int:
        """Worker processes at the peak."""
        return self.peak_instances * self.workers

    @property
    def connections(self) -> int:
        """Connections at the peak."""
        return self.processes * self.pool.connections

    def explain(self) -> str:
        """The arithmetic: `4 tasks x 2 during a deploy x 1 worker x (5 + 0) = 40`."""
        peak = self.peak_instances
        rounded = "" if math.isclose(peak, self.instances * self.surge) else f" (rounded up to {peak})"
        deploy = f" x {self.surge:g} during a deploy{rounded}" if self.surge != 1 else ""
        return (
            f"{_count(self.instances, self.noun)}{deploy} x {_count(self.workers, 'worker')}"
            f" x ({self.pool.size} + {self.pool.max_overflow}) = {self.connections}"
        )


@dataclass(frozen=True, kw_only=True)
class ConnectionBudget:
    """The connections of one database and who uses them."""

    max_connections: int
    """What the instance holds."""
    reserved: int = RESERVED
    """Of those, not for apps."""
    demands: tuple[ConnectionDemand, ...] = ()
    """The clients so far."""
    server: Optional[str] = None
    """What holds them, such as `db.t4g.micro`, for messages."""
    ways_out: Callable[[int], Sequence[str]] = field(default=lambda _: (), compare=False, repr=False)
    """What else would hold a number of connections: arguments, as an error names them."""

    @property
    def available(self) -> int:
        """Connections for apps."""
        return self.max_connections - self.reserved

    @property
    def used(self) -> int:
        """Connections all clients open at their peak."""
        return sum(demand.connections for demand in self.demands)

    @property
    def free(self) -> int:
        """Connections left at the peak; negative when it does not fit."""
        return self.available - self.used

    @property
    def fits(self) -> bool:
        """Whether the peak stays within what is available."""
        return self.free >= 0

    def with_demand(self, demand: ConnectionDemand) -> "ConnectionBudget":
        """The budget with one more client.

        Raises:
            ArgumentError: it does not fit; gives the numbers and the ways out.
        """
        budget = replace(self, demands=(*self.demands, demand))
        if budget.fits:
            return budget
        others = f" and {self.used} by {', '.join(each.client for each in self.demands)}" if self.demands else ""
        raise ArgumentError(
            "pool",
            demand.pool.connections,
            f"{demand.client} opens up to {demand.explain()} database connections{others},"
            f" but {self.server or 'the database'} has {self.available}"
            f" ({self.max_connections} - {self.reserved} reserved)."
            f" Ways out: {'; '.join(_ways_out(self, demand, budget.used + self.reserved))}",
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data for outputs and previews."""
        return {
            "server": self.server,
            "maxConnections": self.max_connections,
            "reserved": self.reserved,
            "available": self.available,
            "used": self.used,
            "free": self.free,
            "demands": [
                {
                    "client": demand.client,
                    "instances": demand.instances,
                    "surge": demand.surge,
                    "workers": demand.workers,
                    "poolSize": demand.pool.size,
                    "maxOverflow": demand.pool.max_overflow,
                    "connections": demand.connections,
                    "explanation": demand.explain(),
                }
                for demand in self.demands
            ],
        }


def largest_pool(budget: ConnectionBudget, demand: ConnectionDemand) -> int:
    """The largest `size` (with no overflow) with which `demand` still fits into `budget`; 0 when none does."""
    return max(0, budget.free // demand.processes)


def _ways_out(budget: ConnectionBudget, demand: ConnectionDemand, needed: int) -> list[str]:
    size, fewer = largest_pool(budget, demand), f"fewer {demand.noun}s"
    return [
        f"a pool of size={size}, max_overflow=0" if size else f"{fewer}, as even a pool of size=1 is too large",
        *budget.ways_out(needed),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
