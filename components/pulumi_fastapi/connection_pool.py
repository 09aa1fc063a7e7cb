"""Database connections: what the tasks of a service can open at their peak against what PostgreSQL can hold.

At the peak of a deploy old and new tasks run side by side, and each worker process of each task owns a pool:
`tasks x surge x workers x (size + max_overflow)`.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Optional

from .errors import ArgumentError
from .sizing import DATABASE_MEMORY, instance_classes, instance_memory
from .validation import check_fields, in_range

RESERVED = 3 + 2 + 5
"""Connections no app may count on: `superuser_reserved_connections` 3 (PostgreSQL's default),
`rds.rds_superuser_reserved_connections` 2 (RDS' default), and 5 for people, migrations and monitoring."""

# RDS' default is LEAST({DBInstanceClassMemory/9531392}, 5000), and DBInstanceClassMemory is what RDS and the operating
# system leave of the class's memory, which AWS does not publish. Read from instances: 181 on 2 GiB (db.t4g.small),
# 413 on 4 GiB, 856 on 8 GiB, 1660 on 15.25 GiB. 400 MiB and 2 % less than the memory gives 176, 397, 839 and 1639: at
# most 5 % below each, and never above.
_BYTES_PER_CONNECTION = 9531392
_LARGEST_DEFAULT = 5000
_SYSTEM_MEMORY = 400 * 1024**2
_SYSTEM_PERCENT = 2


def max_connections(memory_bytes: int) -> int:
    """Connections that a PostgreSQL instance with `memory_bytes` of memory can hold, by RDS' own rule."""
    usable = memory_bytes * (100 - _SYSTEM_PERCENT) // 100 - _SYSTEM_MEMORY
    return min(usable // _BYTES_PER_CONNECTION, _LARGEST_DEFAULT)


def smallest_class(connections: int, like: Optional[str] = None) -> Optional[str]:
    """The smallest instance class that holds `connections`: of the family of `like` if it has one, else of any family.

    Returns:
        The class, or None when no class holds that many.
    """
    family = (like or "db.t4g.micro").split(".")[1]
    own = instance_classes(family)
    others = [name for each in reversed(DATABASE_MEMORY) for name in instance_classes(each)]
    candidates = own + sorted(others, key=instance_memory)
    return next((name for name in candidates if max_connections(instance_memory(name)) >= connections), None)


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
    tasks: int
    """Most tasks it scales to."""
    surge: float
    """Peak of running tasks during a deploy, as a multiple of `tasks` (2.0 = 200 %)."""
    workers: int
    """Worker processes per task."""
    pool: ConnectionPool
    """Pool of each worker."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("tasks", self.tasks, 1, 5000)
        in_range("surge", self.surge, 1.0, 10.0)
        in_range("workers", self.workers, 1, 256)

    @property
    def peak_tasks(self) -> int:
        """Tasks at the peak."""
        return math.ceil(round(self.tasks * self.surge, 6))

    @property
    def processes(self) -> int:
        """Worker processes at the peak."""
        return self.peak_tasks * self.workers

    @property
    def connections(self) -> int:
        """Connections at the peak."""
        return self.processes * self.pool.connections

    def explain(self) -> str:
        """The arithmetic: `4 tasks x 2 during a deploy x 1 worker x (5 + 0) = 40`."""
        peak = self.peak_tasks
        rounded = "" if math.isclose(peak, self.tasks * self.surge) else f" (rounded up to {peak})"
        return (
            f"{_count(self.tasks, 'task')} x {self.surge:g} during a deploy{rounded} x {_count(self.workers, 'worker')}"
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
    instance_class: Optional[str] = None
    """Class of the instance, so that an error can name the next larger one."""

    @classmethod
    def of(cls, instance_class: str) -> "ConnectionBudget":
        """The empty budget of an instance class."""
        return cls(max_connections=max_connections(instance_memory(instance_class)), instance_class=instance_class)

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
            f" but {self.instance_class or 'the database'} has {self.available}"
            f" ({self.max_connections} - {self.reserved} reserved)."
            f" Ways out: {'; '.join(_ways_out(self, demand, budget.used + self.reserved))}",
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data for outputs and previews."""
        return {
            "instanceClass": self.instance_class,
            "maxConnections": self.max_connections,
            "reserved": self.reserved,
            "available": self.available,
            "used": self.used,
            "free": self.free,
            "demands": [
                {
                    "client": demand.client,
                    "tasks": demand.tasks,
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
    size = largest_pool(budget, demand)
    larger = smallest_class(needed, budget.instance_class)
    return [
        f"a pool of size={size}, max_overflow=0" if size else "fewer tasks, as even a pool of size=1 is too large",
        f"instance_class={larger!r}" if larger else f"fewer tasks, as no instance class holds {needed}",
        "an RDS Proxy between the app and the database",
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
