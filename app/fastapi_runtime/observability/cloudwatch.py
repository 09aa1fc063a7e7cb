"""Metrics for CloudWatch as lines of the log, in its embedded metric format: no agent, no permission, no API call.

CloudWatch bills every combination of name and dimensions as a metric. So the service is the only dimension, which makes
nine metrics however many routes there are; what each route did stands beside them, to be searched in the log.
"""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from .metrics import Sample

NAMESPACE = "FastAPI"
FLUSH_SECONDS = 60
_MOST_VALUES = 100  # that the format takes for one metric
_STEPS = 16  # of durations for each factor of ten: within 15 %, and 96 of them from 0.1 ms to 100 s
_UNITS = {
    "Requests": "Count",
    "ServerErrors": "Count",
    "Duration": "Milliseconds",
    "RequestsInFlight": "Count",
    "EventLoopLag": "Milliseconds",
    "Memory": "Bytes",
    "WorkerRestarts": "Count",
    "PoolUse": "Percent",
    "FailingDependencies": "Count",
}


class CloudWatch:
    """Adds metrics up and writes a line of them every minute."""

    def __init__(self, service: str, write: Callable[[dict[str, Any]], None]) -> None:
        self._service = service
        self._write = write
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._steps: Counter[int] = Counter()
        self._sample: Sample | None = None
        self._lag = 0.0
        self._pool_use: float | None = None
        self._flushed = time.monotonic()

    def request(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Count an answer."""
        self._requests[method, route, status] += 1
        if seconds is not None:
            self._steps[round(math.log10(max(seconds, 0.0001)) * _STEPS)] += 1

    def sample(self, sample: Sample) -> None:
        """Keep the worst of what can be over before the minute is."""
        self._sample = sample
        self._lag = max(self._lag, sample.loop_lag)
        uses = [100 * pool.in_use / pool.size for pool in sample.pools.values() if pool.size]
        if uses:
            self._pool_use = max(*uses, self._pool_use or 0.0)
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.close()

    def close(self) -> None:
        """Write what there is since the last line."""
        values: dict[str, Any] = {
            "Requests": sum(self._requests.values()),
            "ServerErrors": sum(count for (_, _, status), count in self._requests.items() if status >= 500),
        }
        if self._steps:
            most = self._steps.most_common(_MOST_VALUES)
            values["Duration"] = {
                "Values": [round(10 ** (step / _STEPS) * 1000, 3) for step, _ in most],
                "Counts": [count for _, count in most],
            }
        if self._sample is not None:
            values |= {
                "RequestsInFlight": self._sample.in_flight,
                "EventLoopLag": round(self._lag * 1000, 3),
                "Memory": self._sample.memory,
                "WorkerRestarts": self._sample.worker_restarts,
                "FailingDependencies": sum(1 for result in self._sample.checks.values() if result.reason),
            }
        if self._pool_use is not None:
            values["PoolUse"] = round(self._pool_use, 1)
        self._write(
            {
                "_aws": {
                    "Timestamp": int(time.time() * 1000),
                    "CloudWatchMetrics": [
                        {
                            "Namespace": NAMESPACE,
                            "Dimensions": [["Service"]],
                            "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in values],
                        }
                    ],
                },
                "Service": self._service,
                **values,
                "routes": self._routes(),
            }
        )
        self._requests.clear()
        self._steps.clear()
        self._lag, self._pool_use = 0.0, None
        self._flushed = time.monotonic()

    def _routes(self) -> list[dict[str, Any]]:
        """The busiest first, as a line has an end."""
        counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for (method, route, status), count in self._requests.items():
            counts[method, route][str(status)] = count
        busiest = sorted(counts.items(), key=lambda item: -sum(item[1].values()))
        return [
            {"route": route, "method": method, "count": sum(statuses.values()), "statuses": statuses}
            for (method, route), statuses in busiest[:_MOST_VALUES]
        ]
