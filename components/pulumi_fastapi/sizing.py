"""Sizes: the pairs of CPU and memory that Fargate sells, workers per task, memory and connections of the database
classes."""

import difflib
import math
import re
from collections.abc import Iterable
from typing import Optional

from .errors import ArgumentError
from .validation import in_range

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

CLOUD_RUN_MEMORY: dict[int, tuple[int, int]] = {
    1: (128, 4096),
    2: (128, 8192),
    4: (2048, 16384),
    6: (4096, 24576),
    8: (4096, 32768),
}
"""vCPU to the least and the most memory in MiB that Cloud Run gives with them.

Source: Cloud Run documentation, "Configure CPU limits" and "Configure memory limits" of services.
"""
CLOUD_RUN_LEAST_CPU = 0.08
"""The smallest share of a vCPU."""

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

# RDS' default is LEAST({DBInstanceClassMemory/9531392}, 5000), and DBInstanceClassMemory is what RDS and the operating
# system leave of the class's memory, which AWS does not publish. Read from instances: 181 on 2 GiB (db.t4g.small),
# 413 on 4 GiB, 856 on 8 GiB, 1660 on 15.25 GiB. 400 MiB and 2 % less than the memory gives 176, 397, 839 and 1639: at
# most 5 % below each, and never above.
_BYTES_PER_CONNECTION = 9531392
_LARGEST_DEFAULT = 5000
_SYSTEM_MEMORY = 400 * 1024**2
_SYSTEM_PERCENT = 2


CLOUD_SQL_SHARED_CORE = {"db-f1-micro": 614, "db-g1-small": 1740}
"""Tier to MiB of memory."""

CLOUD_SQL_OPTIMIZED = {2: 16, 4: 32, 8: 64, 16: 128, 32: 256, 48: 384, 64: 512, 80: 640, 96: 768, 128: 864}
"""vCPUs to GiB of memory of the tiers `db-perf-optimized-N-VCPUS`."""

CLOUD_SQL_CONNECTIONS = (
    (0, 25),
    (1536, 50),
    (3840, 100),
    (6144, 200),
    (7680, 400),
    (15360, 500),
    (30720, 600),
    (61440, 800),
    (122880, 1000),
)
"""Least memory in MiB to `max_connections`.

Source: Cloud SQL for PostgreSQL, "Configure database flags", default of max_connections by memory.
"""
# MiB: of a custom tier altogether, and of each of its vCPUs (0.9 to 6.5 GiB).
_LEAST_CUSTOM, _LEAST_PER_VCPU, _MOST_PER_VCPU = 3840, 922, 6656


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


def check_cloud_run_size(cpu: float, memory: int) -> None:
    """Refuse a pair of `cpu` (vCPU) and `memory` (MiB) that Cloud Run does not offer.

    Raises:
        ArgumentError: names what is allowed and the nearest choice.
    """
    if cpu < 1:
        in_range("cpu", cpu, CLOUD_RUN_LEAST_CPU, 1, "vCPU")
        least, most = 128, 512 if cpu < 0.5 else 1024
    elif cpu in CLOUD_RUN_MEMORY:
        least, most = CLOUD_RUN_MEMORY[int(cpu)]
    else:
        allowed = tuple(CLOUD_RUN_MEMORY)
        raise ArgumentError(
            "cpu", cpu, f"must be below 1 or {_describe(allowed)} vCPU; nearest is {_nearest(round(cpu), allowed)}"
        )
    if not least <= memory <= most:
        raise ArgumentError(
            "memory",
            memory,
            f"must be {least} to {most} MiB with cpu={cpu:g}; nearest is {min(max(memory, least), most)}",
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


def cloud_sql_memory(tier: str, edition: str) -> int:
    """MiB of memory of a Cloud SQL for PostgreSQL tier such as `db-f1-micro` or `db-custom-2-7680`.

    Raises:
        ArgumentError: there is no such tier, or not in this edition.
    """
    shared = CLOUD_SQL_SHARED_CORE.get(tier)
    custom = re.fullmatch(r"db-custom-(\d{1,3})-(\d{1,7})", tier)
    optimized = re.fullmatch(r"db-perf-optimized-N-(\d{1,3})", tier)
    if shared is None and custom is None and optimized is None:
        raise ArgumentError(
            "tier",
            tier,
            "must be a tier of Cloud SQL for PostgreSQL: db-f1-micro, db-g1-small, db-custom-VCPUS-MIB (such as"
            " db-custom-1-3840) or, in the edition ENTERPRISE_PLUS, db-perf-optimized-N-VCPUS",
        )
    belongs = "ENTERPRISE_PLUS" if optimized else "ENTERPRISE"
    if edition != belongs:
        raise ArgumentError("tier", tier, f"is of the edition {belongs}, and edition is {edition}")
    if optimized:
        if int(optimized[1]) not in CLOUD_SQL_OPTIMIZED:
            raise ArgumentError("tier", tier, f"has one of {', '.join(map(str, CLOUD_SQL_OPTIMIZED))} vCPUs")
        return CLOUD_SQL_OPTIMIZED[int(optimized[1])] * 1024
    if custom:
        _check_custom_tier(tier, int(custom[1]), int(custom[2]))
        return int(custom[2])
    return shared or 0


def cloud_sql_max_connections(memory_mib: int) -> int:
    """Connections that Cloud SQL lets a PostgreSQL instance with this memory hold, unless its flag says otherwise."""
    return next(count for least, count in reversed(CLOUD_SQL_CONNECTIONS) if memory_mib >= least)


def smallest_tier(connections: int, edition: str) -> Optional[str]:
    """The smallest tier of an edition that holds `connections`, or None when none does."""
    if edition == "ENTERPRISE_PLUS":
        tiers = {f"db-perf-optimized-N-{vcpus}": gib * 1024 for vcpus, gib in CLOUD_SQL_OPTIMIZED.items()}
    else:
        # The least memory of each step, with the fewest vCPUs that it is sold with.
        steps = [least for least, _ in CLOUD_SQL_CONNECTIONS if least >= _LEAST_CUSTOM]
        vcpus = [1 if least <= _MOST_PER_VCPU else 2 * math.ceil(least / _MOST_PER_VCPU / 2) for least in steps]
        tiers = CLOUD_SQL_SHARED_CORE | {f"db-custom-{n}-{mib}": mib for n, mib in zip(vcpus, steps, strict=True)}
    return next((tier for tier, memory in tiers.items() if cloud_sql_max_connections(memory) >= connections), None)


def _check_custom_tier(tier: str, vcpus: int, memory: int) -> None:
    if vcpus != 1 and (vcpus % 2 or not 2 <= vcpus <= 96):
        raise ArgumentError("tier", tier, "needs 1 vCPU, or an even number of them up to 96")
    least, most = max(_LEAST_CUSTOM, math.ceil(vcpus * _LEAST_PER_VCPU / 256) * 256), vcpus * _MOST_PER_VCPU
    if memory % 256 or not least <= memory <= most:
        raise ArgumentError("tier", tier, f"needs {least} to {most} MiB with {vcpus} vCPU, a multiple of 256")


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
