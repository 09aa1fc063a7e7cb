"""The environment variables that configure the runtime."""

from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(Exception):
    """A variable that cannot be used: says which, what it holds and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to serve the app; the defaults are those of a container started by hand."""

    module: str
    """`APP_MODULE`: the app as `package.module:attribute`, or `:attribute()` for a factory. Default `app.main:app`."""
    port: int
    """`PORT`. Default 8000."""
    workers: int
    """`WEB_CONCURRENCY`: processes. Default 1."""
    keep_alive: int
    """`KEEP_ALIVE_SECONDS`: longer than the load balancer keeps idle connections. Default 75."""
    drain: int
    """`DRAIN_SECONDS`: after SIGTERM, how long to serve on while the load balancer looks elsewhere. Default 5."""
    graceful: int
    """`GRACEFUL_SECONDS`: then, how long to wait for requests in flight. Default 35."""
    startup: int
    """`STARTUP_SECONDS`: how long importing and starting the app may take. Default 60."""
    liveness_path: str
    """`LIVENESS_PATH`. Default `/-/healthy`."""
    readiness_path: str
    """`READINESS_PATH`. Default `/-/ready`."""
    database_host: str | None
    """`DATABASE_HOST`: must accept a connection once before the app is ready. Default none."""
    database_port: int
    """`DATABASE_PORT`. Default 5432."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Raises:
            SettingsError: a variable holds something else than it should.
        """
        return cls(
            module=_module(environment),
            port=_number(environment, "PORT", 8000, 0, 65535),
            workers=_number(environment, "WEB_CONCURRENCY", 1, 1, 256),
            keep_alive=_number(environment, "KEEP_ALIVE_SECONDS", 75, 1, 86400),
            drain=_number(environment, "DRAIN_SECONDS", 5, 0, 3600),
            graceful=_number(environment, "GRACEFUL_SECONDS", 35, 0, 3600),
            startup=_number(environment, "STARTUP_SECONDS", 60, 1, 86400),
            liveness_path=_path(environment, "LIVENESS_PATH", "/-/healthy"),
            readiness_path=_path(environment, "READINESS_PATH", "/-/ready"),
            database_host=environment.get("DATABASE_HOST") or None,
            database_port=_number(environment, "DATABASE_PORT", 5432, 1, 65535),
        )


def _module(environment: Mapping[str, str]) -> str:
    module = environment.get("APP_MODULE", "app.main:app")
    package, _, attribute = module.partition(":")
    if not package or not attribute:
        raise SettingsError(f"APP_MODULE must look like package.module:attribute, got {module!r}")
    return module


def _number(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = environment.get(name, str(default))
    if not value.isdecimal() or not low <= int(value) <= high:
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, got {value!r}")
    return int(value)


def _path(environment: Mapping[str, str], name: str, default: str) -> str:
    value = environment.get(name, default)
    if not value.startswith("/"):
        raise SettingsError(f"{name} must start with /, got {value!r}")
    return value
