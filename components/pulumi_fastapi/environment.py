"""The variables that the runtime in the container reads, as every platform derives them from the app."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pulumi import Input

from .connection_pool import ConnectionDemand
from .errors import ArgumentError

if TYPE_CHECKING:
    from .app import FastAPIApp

DEFAULT_MODULE = "app.main:app"
PLACEHOLDER = "placeholder"
"""What stands for a value that is secret, or known only in the cloud, when the build imports the app."""
DERIVED = {
    "APP_MODULE": "app.module",
    "PORT": "app.port",
    "WEB_CONCURRENCY": "workers",
    "LIVENESS_PATH": "app.liveness_path",
    "READINESS_PATH": "app.readiness_path",
    "KEEP_ALIVE_SECONDS": "app.timeouts",
    "DRAIN_SECONDS": "app.timeouts",
    "GRACEFUL_SECONDS": "app.timeouts",
    "STARTUP_SECONDS": "app.timeouts",
}
"""Variables that must agree with the load balancer, the task or the database, and the argument they come from."""
_OF_THE_POOL = {
    "DATABASE_POOL_SIZE": "app.pool",
    "DATABASE_MAX_OVERFLOW": "app.pool",
    "DATABASE_POOL_TIMEOUT": "app.pool",
}
_AT_RUN_TIME = DERIVED.keys() | {
    "DATABASE_PEAK_TASKS",
    "DATABASE_POOLER",
    "DATABASE_SERVER_CA",
    "FORWARDED_ALLOW_IPS",
    "MAX_BODY_BYTES",
    "ORIGIN_SECRET_DIGEST",
    "REQUEST_SECONDS",
    "SECRET_ARNS",
}
"""What only the runtime reads; it changes more often than an image should."""


def runtime_environment(app: "FastAPIApp", workers: int = 1) -> dict[str, Input[str]]:
    """What is served, by how many processes, and how it says that it lives and is ready."""
    return {
        "APP_MODULE": app.module or DEFAULT_MODULE,
        "WEB_CONCURRENCY": str(workers),
        "LIVENESS_PATH": app.liveness_path,
        "READINESS_PATH": app.readiness_path,
    }


def database_environment(
    host: Input[str], port: int, database_name: str, demand: ConnectionDemand, pooler: bool = False
) -> dict[str, Input[str]]:
    """Where the database is and how many connections a process may open.

    Args:
        demand: what the service opens at its peak.
        pooler: a proxy shares the server's connections, so the runtime prepares no statements.
    """
    return {
        "DATABASE_HOST": host,
        "DATABASE_PORT": str(port),
        "DATABASE_NAME": database_name,
        "DATABASE_POOL_SIZE": str(demand.pool.size),
        "DATABASE_MAX_OVERFLOW": str(demand.pool.max_overflow),
        "DATABASE_POOL_TIMEOUT": f"{demand.pool.timeout:g}",
        "DATABASE_PEAK_TASKS": str(demand.peak_instances),
        **({"DATABASE_POOLER": "1"} if pooler else {}),
    }


def with_variables_of(app: "FastAPIApp", derived: Mapping[str, Input[str]]) -> dict[str, Input[str]]:
    """All plain variables of the container; one that the app itself sets wins."""
    kept = {variable: value for variable, value in derived.items() if variable not in app.variables}
    return kept | (app.environment or {})


def check_pool_variables(app: "FastAPIApp", **arguments: str) -> None:
    """Refuse variables of the app that would change the connections which the budget counts.

    Args:
        arguments: further variables, and the argument of the component that each comes from.
    """
    for variable, argument in {**_OF_THE_POOL, **arguments}.items():
        if variable in app.variables:
            raise ArgumentError(
                f"app.environment[{variable!r}]",
                variable,
                f"is derived, so that the connections fit; set {argument}",
            )


def check_max_body(app: "FastAPIApp", most: int, why: str) -> None:
    """Refuse a `MAX_BODY_BYTES` of the app that never gets to it.

    Args:
        most: bytes that the platform takes.
        why: what happens to more, and what to do instead.
    """
    largest = (app.environment or {}).get("MAX_BODY_BYTES", "")
    if isinstance(largest, str) and largest.isdecimal() and int(largest) > most:
        raise ArgumentError("app.environment['MAX_BODY_BYTES']", int(largest), f"must be {most} or less, {why}")


def for_the_build(environment: Mapping[str, Input[str]], secrets: Iterable[str]) -> dict[str, Input[str]]:
    """The variables with which the app is imported when its image is built; nothing stands there for a secret.

    Args:
        secrets: names of the secret variables.
    """
    known = {name: value for name, value in environment.items() if name not in _AT_RUN_TIME}
    return {**known, **dict.fromkeys(secrets, PLACEHOLDER)}
