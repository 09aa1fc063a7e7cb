"""Sizes: the pairs of CPU and memory that Fargate sells, workers per task, memory of the database classes."""

import difflib
from collections.abc import Iterable

from .errors import ArgumentError

GIB = 1024**3

FARGATE_MEMORY: dict[int, range | tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
"""CPU units (1024 = 1 vCPU) to the memory sizes in MiB that Fargate sells with them.

Source: Amazon ECS Developer Guide, "Fargate task definition considerations", task CPU and memory.
"""

_XLARGES = (1, 2, 4, 8, 12, 16, 24, 32, 48)
_LARGEST = {"5": 24, "5d": 24, "6g": 16, "6gd": 16, "6i": 32, "6id": 32, "7g": 16, "7i": 48, "8g": 48, "8gd": 48}


def _family_memory(large: int, xlarges: Iterable[int], **smaller: int) -> dict[str, int]:
    """Size to bytes for one family, of which `large` has that many GiB and an xlarge twice as many."""
    sizes = smaller | {"large": large} | {f"{'' if n == 1 else n}xlarge": 2 * large * n for n in xlarges}
    return {size: gib * GIB for size, gib in sizes.items()}


def _xlarges(largest: int) -> list[int]:
    # The generations that go up to 48xlarge skip 32xlarge.
    return [n for n in _XLARGES if n <= largest and not (n == 32 and largest == 48)]


DATABASE_MEMORY: dict[str, dict[str, int]] = {
    **{family: _family_memory(8, (1, 2), micro=1, small=2, medium=4) for family in ("t3", "t4g")},
    **{f"m{generation}": _family_memory(8, _xlarges(largest)) for generation, largest in _LARGEST.items()},
    **{f"r{generation}": _family_memory(16, _xlarges(largest)) for generation, largest in _LARGEST.items()},
}
"""Family to size to bytes of memory, smallest size first: `DATABASE_MEMORY["t4g"]["micro"]` is 1 GiB.

Source: Amazon RDS User Guide, "Hardware specifications for DB instance classes", those with PostgreSQL.
"""


def check_fargate_size(cpu: int, memory: int) -> None:
    """Refuse a pair of `cpu` (units) and `memory` (MiB) that Fargate does not sell.

    Raises:
        ArgumentError: names what is allowed and the nearest choice.
    """
    if cpu not in FARGATE_MEMORY:
        allowed = tuple(FARGATE_MEMORY)
        raise ArgumentError(
            "cpu", cpu, f"must be {_describe(allowed)} CPU units (1024 is 1 vCPU); nearest is {_nearest(cpu, allowed)}"
        )
    sizes = FARGATE_MEMORY[cpu]
    if memory not in sizes:
        raise ArgumentError(
            "memory", memory, f"must be {_describe(sizes)} MiB with cpu={cpu}; nearest is {_nearest(memory, sizes)}"
        )


def worker_count(cpu: int) -> int:
    """Worker processes for a task of `cpu` units: one per whole vCPU, at least one.

    An async worker fills one CPU; more of them only add memory, connections and latency. `os.cpu_count()` is no help in
    the task: it answers 2 even on a quarter of a vCPU.
    """
    return max(1, cpu // 1024)


def instance_memory(instance_class: str) -> int:
    """Bytes of memory of an RDS PostgreSQL instance class such as `db.t4g.micro`.

    Raises:
        ArgumentError: unknown class; names the nearest one.
    """
    family, _, size = instance_class.removeprefix("db.").partition(".")
    if instance_class.startswith("db.") and size in DATABASE_MEMORY.get(family, {}):
        return DATABASE_MEMORY[family][size]
    raise ArgumentError("instance_class", instance_class, _instance_class_problem(family, size))


def instance_classes(family: str) -> list[str]:
    """The classes of one family, smallest first."""
    return [f"db.{family}.{size}" for size in DATABASE_MEMORY[family]]


def _instance_class_problem(family: str, size: str) -> str:
    if family in DATABASE_MEMORY and size not in DATABASE_MEMORY[family]:
        return f"must be a class of RDS for PostgreSQL; db.{family} has {', '.join(DATABASE_MEMORY[family])}"
    known = [name for each in DATABASE_MEMORY for name in instance_classes(each)]
    nearest = difflib.get_close_matches(f"db.{family}.{size}".lower(), known, n=1, cutoff=0.0)[0]
    families = ", ".join(DATABASE_MEMORY)
    return f"must be a class of RDS for PostgreSQL (db.FAMILY.SIZE, families {families}); nearest is {nearest}"


def _nearest(value: int, allowed: range | tuple[int, ...]) -> int:
    """The allowed number closest to `value`; of two the larger, which still runs the app."""
    return min(allowed, key=lambda choice: (abs(choice - value), -choice))


def _describe(allowed: range | tuple[int, ...]) -> str:
    if isinstance(allowed, range):
        return f"{allowed[0]} to {allowed[-1]} in steps of {allowed.step}"
    return f"one of {', '.join(map(str, allowed))}"
