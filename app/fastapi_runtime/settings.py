"""The environment variables that configure the runtime."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .proxies import EVERYONE, Network

_CGROUP = Path("/sys/fs/cgroup")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


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
    """`WEB_CONCURRENCY`: processes. Default one per whole CPU that the container may use."""
    keep_alive: int
    """`KEEP_ALIVE_SECONDS`: longer than the load balancer keeps idle connections. Default 75."""
    request: int
    """`REQUEST_SECONDS`: how long an answer may take to begin; 0 is for ever. Default `KEEP_ALIVE_SECONDS`: by then the
    load balancer has told the client that there is none."""
    drain: int
    """`DRAIN_SECONDS`: after SIGTERM, how long to serve on while the load balancer looks elsewhere. Default 5, and 1 on
    Cloud Run, which kills a container after 10 seconds."""
    graceful: int
    """`GRACEFUL_SECONDS`: then, how long to wait for requests in flight. Default 35; 7 on Cloud Run."""
    startup: int
    """`STARTUP_SECONDS`: how long importing and starting the app may take. Default 60."""
    blocked: int
    """`BLOCKED_SECONDS`: a process whose event loop stands still this long ends with its traceback; 0 is never. Default
    30, and 0 on Cloud Run, which stops the clock of idle containers."""
    max_requests: int
    """`MAX_REQUESTS`: a worker is replaced after that many and up to a fifth more, against leaks. Default 0: never."""
    max_body: int
    """`MAX_BODY_BYTES`: the longest request body; 0 is any. Default 33554432, the most that Cloud Run takes."""
    allowed_hosts: tuple[str, ...]
    """`ALLOWED_HOSTS`: with commas, `*.example.com` for all below a domain. Default any."""
    proxies: tuple[Network, ...]
    """`FORWARDED_ALLOW_IPS`: addresses and networks of the load balancer, with commas, or `*`. Default the container
    itself; on Cloud Run any, as only Google's front end reaches a container there."""
    proxy_hops: int
    """`FORWARDED_HOPS`: proxies of ours in a row, such as 2 for CloudFront before a load balancer. Default 1."""
    security_headers: bool
    """`SECURITY_HEADERS`: `on` or `off`. Default on; headers that the app sets itself win."""
    liveness_path: str
    """`LIVENESS_PATH`. Default `/-/healthy`."""
    readiness_path: str
    """`READINESS_PATH`. Default `/-/ready`."""
    readiness_requires: tuple[str, ...]
    """`READINESS_REQUIRES`: names of checks, with commas, that decide also after the start. Default none."""
    log_level: str
    """`LOG_LEVEL`. Default `INFO`."""
    log_json: bool
    """`LOG_FORMAT`: `json` or `text`. Default json."""
    metrics: str
    """`METRICS`: `prometheus`, `cloudwatch` or `off`. Default cloudwatch on ECS and Lambda, else off."""
    metrics_port: int
    """`METRICS_PORT`: where Prometheus finds them. Default 9090."""
    service: str
    """`SERVICE_NAME`: how metrics, traces and errors call the app. Default `app`."""
    on_cloud_run: bool
    """`K_SERVICE`: Cloud Run sets it, to the name of the service."""
    google_project: str | None
    """`GOOGLE_CLOUD_PROJECT`: lines of the log name the trace of their request as Cloud Logging does. Default: on Cloud
    Run the project that it runs in."""
    secrets_refresh: int
    """`SECRETS_REFRESH_SECONDS`: on Lambda, how old the values of `SECRET_ARNS` get before the next invocation looks
    whether they were rotated; 0 is never. Default 300."""
    origin_digests: tuple[str, ...]
    """`ORIGIN_SECRET_DIGEST`: on Lambda, the SHA-256 of the secret that CloudFront sends in `X-Origin-Secret`; with
    commas, two while it is changed. Requests to the function's URL without it are refused. Default none: it is open."""
    version: str
    """`AWS_LAMBDA_FUNCTION_VERSION`, which Lambda sets: stands in the line of each request. Default none."""
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
        on_cloud_run = "K_SERVICE" in environment
        on_aws = "ECS_CONTAINER_METADATA_URI_V4" in environment or "AWS_LAMBDA_RUNTIME_API" in environment
        keep_alive = _number(environment, "KEEP_ALIVE_SECONDS", 75, 1, 86400)
        metrics = _choice(environment, "METRICS", "cloudwatch" if on_aws else "off", "prometheus", "cloudwatch", "off")
        settings = cls(
            module=_module(environment),
            port=_number(environment, "PORT", 8000, 0, 65535),
            workers=_number(environment, "WEB_CONCURRENCY", whole_cpus(), 1, 256),
            keep_alive=keep_alive,
            request=_number(environment, "REQUEST_SECONDS", keep_alive, 0, 86400),
            drain=_number(environment, "DRAIN_SECONDS", 1 if on_cloud_run else 5, 0, 3600),
            graceful=_number(environment, "GRACEFUL_SECONDS", 7 if on_cloud_run else 35, 0, 3600),
            startup=_number(environment, "STARTUP_SECONDS", 60, 1, 86400),
            blocked=_number(environment, "BLOCKED_SECONDS", 0 if on_cloud_run else 30, 0, 3600),
            max_requests=_number(environment, "MAX_REQUESTS", 0, 0, 10**9),
            max_body=_number(environment, "MAX_BODY_BYTES", 32 * 1024 * 1024, 0, 2**40),
            allowed_hosts=tuple(host.lower() for host in _list(environment, "ALLOWED_HOSTS")),
            proxies=_networks(environment, "*" if on_cloud_run else "127.0.0.1,::1"),
            proxy_hops=_number(environment, "FORWARDED_HOPS", 1, 1, 10),
            security_headers=_choice(environment, "SECURITY_HEADERS", "on", "on", "off") == "on",
            liveness_path=_path(environment, "LIVENESS_PATH", "/-/healthy"),
            readiness_path=_path(environment, "READINESS_PATH", "/-/ready"),
            readiness_requires=_list(environment, "READINESS_REQUIRES"),
            log_level=_choice(environment, "LOG_LEVEL", "INFO", *_LEVELS),
            log_json=_choice(environment, "LOG_FORMAT", "json", "json", "text") == "json",
            metrics=metrics,
            metrics_port=_number(environment, "METRICS_PORT", 9090, 0, 65535),
            service=environment.get("SERVICE_NAME") or "app",
            on_cloud_run=on_cloud_run,
            google_project=environment.get("GOOGLE_CLOUD_PROJECT") or None,
            secrets_refresh=_number(environment, "SECRETS_REFRESH_SECONDS", 300, 0, 86400),
            origin_digests=_digests(environment, "ORIGIN_SECRET_DIGEST"),
            version=environment.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            database_host=environment.get("DATABASE_HOST") or None,
            database_port=_number(environment, "DATABASE_PORT", 5432, 1, 65535),
        )
        if settings.max_requests and settings.workers == 1:
            raise SettingsError(
                f"MAX_REQUESTS={settings.max_requests} needs WEB_CONCURRENCY of 2 or more, or nobody answers meanwhile"
            )
        return settings


def whole_cpus(cgroup: Path = _CGROUP) -> int:
    """CPUs that this container may use, at least 1: more workers than that only wait for each other."""
    cpus = float(len(os.sched_getaffinity(0)))
    for limit in (_quota(cgroup / "cpu.max"), _quota_of_version_1(cgroup / "cpu")):
        if limit is not None:
            cpus = min(cpus, limit)
    return max(1, int(cpus))


def _quota(file: Path) -> float | None:
    try:
        quota, period = file.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _quota_of_version_1(directory: Path) -> float | None:
    try:
        quota = int((directory / "cpu.cfs_quota_us").read_text())
        return None if quota < 0 else quota / int((directory / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None


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


def _choice(environment: Mapping[str, str], name: str, default: str, *choices: str) -> str:
    value = environment.get(name, default)
    for choice in choices:
        if value.lower() == choice.lower():
            return choice
    raise SettingsError(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}, got {value!r}")


def _list(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in environment.get(name, "").split(",") if item.strip())


def _digests(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    digests = _list(environment, name)
    for digest in digests:
        if not re.fullmatch(r"[0-9a-f]{64}", digest):  # it may be the secret itself
            raise SettingsError(f"{name} must hold SHA-256 digests of 64 hexadecimal digits in lower case, with commas")
    return digests


def _networks(environment: Mapping[str, str], default: str) -> tuple[Network, ...]:
    networks: list[Network] = []
    for item in _list({"FORWARDED_ALLOW_IPS": default, **environment}, "FORWARDED_ALLOW_IPS"):
        try:
            networks.extend(EVERYONE if item == "*" else [ipaddress.ip_network(item)])
        except ValueError:
            raise SettingsError(
                f"FORWARDED_ALLOW_IPS must hold addresses, networks such as 10.0.0.0/16, or *, got {item!r}"
            ) from None
    return tuple(networks)


def _path(environment: Mapping[str, str], name: str, default: str) -> str:
    value = environment.get(name, default)
    if not value.startswith("/"):
        raise SettingsError(f"{name} must start with /, got {value!r}")
    return value
