"""Logs, metrics, traces and errors of the process, for the operator and for the app's own code.

An app can use `request_id.get()` and `register_pool`; all else is switched on by the environment. What is not switched
on is not imported, as each of these libraries takes as long to import as a small app.
"""

import importlib.util
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import google_metadata
from ..settings import Settings, SettingsError
from . import logs
from .logs import request_id
from .metrics import PoolUse, Publisher, register_pool

__all__ = ["Observability", "PoolUse", "register_pool", "request_id"]

_log = logging.getLogger(__name__)
_SHARED_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_OTLP = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def check(settings: Settings, environment: Mapping[str, str]) -> None:
    """Make sure that what is switched on is installed.

    Raises:
        SettingsError: it is not; says how to install it.
    """
    needs = {
        "METRICS=prometheus": ("prometheus_client", "prometheus", settings.metrics == "prometheus"),
        "SENTRY_DSN": ("sentry_sdk", "sentry", bool(environment.get("SENTRY_DSN"))),
        "OTEL_EXPORTER_OTLP_ENDPOINT": (
            "opentelemetry.exporter.otlp.proto.http",
            "opentelemetry",
            any(environment.get(name) for name in _OTLP),
        ),
    }
    for variable, (module, extra, wanted) in needs.items():
        if wanted and not _is_installed(module):
            raise SettingsError(
                f"{variable} is set, but {module} is not installed; add fastapi-runtime[{extra}] to the dependencies"
            )


def share_metrics_between_workers(settings: Settings) -> None:
    """Have workers keep their metrics in files that each can read, so that any of them can answer for all.

    Must run before anything imports `prometheus_client`, which decides on import where values live.
    """
    if settings.metrics != "prometheus" or settings.workers == 1:
        return
    directory = os.environ.get(_SHARED_METRICS) or tempfile.mkdtemp(prefix="metrics-", dir=memory_directory())
    os.environ[_SHARED_METRICS] = directory
    Path(directory).mkdir(parents=True, exist_ok=True)
    for old in Path(directory).glob("*.db"):  # of an earlier start; their numbers would be added
        old.unlink()


def memory_directory() -> str | None:
    """Where files can be written that need no disk, also with a read-only root; None: where Python finds a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


class Observability:
    """What the environment switched on, in this process."""

    def __init__(self, settings: Settings) -> None:
        """Start it: before the app is imported, so that its imports are covered, and after the fork of a worker."""
        logs.configure(settings.log_level, as_json=settings.log_json)
        logs.name_traces(settings.google_project or (_google_project() if settings.on_cloud_run else None))
        self._closers: list[Callable[[], None]] = []
        self._flushers: list[Callable[[], None]] = []
        self.publisher = self._publisher(settings)
        if os.environ.get("SENTRY_DSN"):
            from . import sentry

            sentry.start(settings.service)
            self._closers.append(sentry.flush)
            self._flushers.append(sentry.flush)
        self._traces = any(os.environ.get(name) for name in _OTLP)
        if self._traces:
            from . import tracing

            tracing.start(settings.service)
            self._closers.append(tracing.close)
            self._flushers.append(tracing.flush)

    def _publisher(self, settings: Settings) -> Publisher | None:
        if settings.metrics == "prometheus":
            from .prometheus import Prometheus

            return Prometheus()
        if settings.metrics == "cloudwatch":
            from .cloudwatch import CloudWatch

            publisher = CloudWatch(settings.service, logs.write)
            self._closers.append(publisher.close)
            return publisher
        return None

    def adapt(self, app: Any) -> None:
        """Adapt an app to what is switched on."""
        if self._traces:
            from . import tracing

            tracing.without_operation_spans(app)

    def flush(self) -> None:
        """Send what waits for a thread to send it."""
        for flush in self._flushers:
            flush()

    def close(self) -> None:
        """Publish what was not published yet."""
        for close in self._closers:
            close()


def _google_project() -> str | None:
    try:
        return google_metadata.project()
    except google_metadata.MetadataUnreadable as error:
        _log.warning("lines of the log name no traces: %s", error)
        return None


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even what holds it
        return False
