"""Metrics for Prometheus, on a port of their own that no load balancer forwards to."""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import multiprocess as workers
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from .metrics import Sample

_NAMESPACE = "fastapi_runtime"  # an app may have metrics of its own, and a name twice is an error
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Prometheus:
    """Keeps metrics for whoever scrapes them."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def gauge(name: str, text: str, labels: tuple[str, ...] = (), mode: Any = "livemax") -> Gauge:
            return Gauge(name, text, labels, namespace=_NAMESPACE, multiprocess_mode=mode, registry=registry)

        self._requests = Counter(
            "http_requests", "Answers.", ("method", "route", "status"), namespace=_NAMESPACE, registry=registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "From the arrival of a request to the end of its answer.",
            ("method", "route"),
            namespace=_NAMESPACE,
            buckets=_BUCKETS,
            registry=registry,
        )
        self._in_flight = gauge("http_requests_in_flight", "Requests that are being answered.", (), "livesum")
        self._lag = gauge("event_loop_lag_seconds", "How late the event loop was, at worst.")
        self._memory = gauge("worker_memory_bytes", "Resident memory of a worker.", (), "liveall")
        self._restarts = gauge("worker_restarts", "Workers that were started in place of others.", (), "max")
        self._pool_used = gauge("pool_connections_in_use", "Connections that requests hold.", ("pool",), "livesum")
        self._pool_size = gauge("pool_connections_max", "Connections that may be open at most.", ("pool",), "livesum")
        self._check = gauge("dependency_up", "1 if the latest health check passed.", ("check",), "livemin")
        # Looking a child up by its labels costs as much as all the rest.
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}

    def request(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Count an answer."""
        counter = self._counters.get((method, route, status))
        if counter is None:
            counter = self._counters[method, route, status] = self._requests.labels(method, route, str(status))
        counter.inc()
        if seconds is not None:
            histogram = self._histograms.get((method, route))
            if histogram is None:
                histogram = self._histograms[method, route] = self._seconds.labels(method, route)
            histogram.observe(seconds)

    def sample(self, sample: Sample) -> None:
        """Set the gauges."""
        self._in_flight.set(sample.in_flight)
        self._lag.set(sample.loop_lag)
        self._memory.set(sample.memory)
        self._restarts.set(sample.worker_restarts)
        for name, pool in sample.pools.items():
            self._pool_used.labels(name).set(pool.in_use)
            self._pool_size.labels(name).set(pool.size)
        for name, result in sample.checks.items():
            self._check.labels(name).set(0 if result.reason else 1)

    def close(self) -> None:
        """There is nothing that waits to be published."""

    async def scrape(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """An ASGI app that answers every path with the metrics of all workers, the app's own among them."""
        content = await asyncio.to_thread(self._exposition)  # reads a file per worker and kind
        headers = [(b"content-type", CONTENT_TYPE_LATEST.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _exposition(self) -> bytes:
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(REGISTRY) + generate_latest(self.registry)
        together = CollectorRegistry()
        workers.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def forget_worker(pid: int) -> None:
    """Drop the gauges of a worker that is gone; what it counted stays."""
    workers.mark_process_dead(pid)  # type: ignore[no-untyped-call]
