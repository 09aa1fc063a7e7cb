"""One ladder of timeouts that the load balancer, the app server, the task and the deploy all read.

Two chains must hold, or requests fail that nobody made wrong:

- `client > idle < keep_alive`: the balancer closes an idle connection before the server does (else it sends a request
  into a closing connection and answers 502), and the client waits longer than the balancer (so that it gets an answer).
- `request < drain <= stop <= 120`, `shutdown_delay + graceful < stop`: a task that goes finishes its requests first.
"""

from dataclasses import asdict, dataclass
from typing import Any

from .errors import ArgumentError
from .validation import camel_case, check_fields, in_range

MAX_STOP = 120
"""Longest `stopTimeout` on Fargate in seconds (Amazon ECS Developer Guide, container timeouts)."""
MAX_IDLE = 4000
"""Longest idle timeout of an Application Load Balancer in seconds (ELB User Guide, load balancer attributes)."""
STREAMING_IDLE = 600
"""Idle timeout in seconds that `streaming=True` asks for at least: silent minutes before the first token are normal."""

_CLIENT_MARGIN = 10
_KEEP_ALIVE_MARGIN = 15
_DRAIN_MARGIN = 5
_SHUTDOWN_DELAY = 5
_EXIT_MARGIN = 5
_LONGEST_REQUEST = MAX_STOP - _SHUTDOWN_DELAY - _DRAIN_MARGIN - _EXIT_MARGIN


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long requests, idle connections and starting may take, in seconds; every other timeout follows from these."""

    request: int = 30
    """Longest request that a deploy must let finish. Default 30, at most 105. Longer work belongs into a queue."""
    idle: int = 60
    """How long a connection may be silent before the load balancer closes it. Default 60, at most 4000."""
    startup: int = 60
    """From the start of the process to the first `ready`. Default 60, at most 1800."""
    streaming: bool = False
    """Responses stream (server-sent events, a model's tokens, WebSockets) and may be silent for minutes. Default False.

    Raises `idle` to at least 600 and gives open streams as long to end as Fargate allows. Streams should still send a
    heartbeat: nothing else proves to both sides that the other one lives."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range(
            "request", self.request, 1, _LONGEST_REQUEST, f"seconds (Fargate kills a task {MAX_STOP} after SIGTERM)"
        )
        in_range("idle", self.idle, 1, MAX_IDLE, "seconds")
        in_range("startup", self.startup, 1, 1800, "seconds")
        if not self.streaming and self.idle <= self.request:
            raise ArgumentError(
                "idle",
                self.idle,
                f"must be more than request={self.request}, or the load balancer cuts a request that is still running;"
                f" use idle={self.request + 1} or more, or streaming=True",
            )


@dataclass(frozen=True, kw_only=True)
class TimeoutLadder:
    """Every timeout of a service in seconds (thresholds: checks in a row), made by `ladder`."""

    client: int
    """What a client should wait for an answer."""
    idle: int
    """Load balancer: idle timeout."""
    keep_alive: int
    """App server: idle timeout of a connection."""
    request: int
    """Longest request that a deploy lets finish."""
    drain: int
    """Target group: deregistration delay."""
    shutdown_delay: int
    """App server: serves on after SIGTERM, not ready any more, until the balancer has noticed."""
    graceful: int
    """App server: then waits for the requests in flight."""
    stop: int
    """Task: from SIGTERM to SIGKILL."""
    health_interval: int
    """Between two health checks."""
    health_timeout: int
    """Of one health check."""
    healthy_threshold: int
    """Passed checks in a row until a target gets traffic."""
    unhealthy_threshold: int
    """Failed checks in a row until a task is replaced."""
    startup: int
    """From the start of the process to the first `ready`."""
    grace: int
    """Service: failed checks are ignored this long, so that a slow start is not taken for a broken one."""

    def broken_rungs(self) -> list[str]:
        """The rules that do not hold, as text; empty for every ladder that `ladder` makes."""
        rules = {
            "client > idle": self.client > self.idle,
            "idle < keep_alive": self.idle < self.keep_alive,
            "request < idle": self.request < self.idle,
            "request < drain": self.request < self.drain,
            "drain <= stop": self.drain <= self.stop,
            "request < graceful": self.request < self.graceful,
            "shutdown_delay + graceful < stop": self.shutdown_delay + self.graceful < self.stop,
            f"stop <= {MAX_STOP}": self.stop <= MAX_STOP,
            "health_timeout < health_interval": self.health_timeout < self.health_interval,
            "grace >= startup + healthy_threshold x health_interval": self.grace
            >= self.startup + self.healthy_threshold * self.health_interval,
        }
        return [rule for rule, holds in rules.items() if not holds]

    def environment(self) -> dict[str, str]:
        """The variables that tell the runtime in the container its rungs."""
        return {
            "KEEP_ALIVE_SECONDS": str(self.keep_alive),
            "DRAIN_SECONDS": str(self.shutdown_delay),
            "GRACEFUL_SECONDS": str(self.graceful),
            "STARTUP_SECONDS": str(self.startup),
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain data for outputs and previews."""
        return {camel_case(name): value for name, value in asdict(self).items()}


def ladder(timeouts: Timeouts) -> TimeoutLadder:
    """Derive every rung from what the user said.

    Raises:
        ArgumentError: a rung does not hold; names it.
    """
    idle = max(timeouts.idle, STREAMING_IDLE) if timeouts.streaming else timeouts.idle
    graceful = timeouts.request + _DRAIN_MARGIN if not timeouts.streaming else _LONGEST_REQUEST + _DRAIN_MARGIN
    made = TimeoutLadder(
        client=idle + _CLIENT_MARGIN,
        idle=idle,
        keep_alive=idle + _KEEP_ALIVE_MARGIN,
        request=timeouts.request,
        drain=graceful,
        shutdown_delay=_SHUTDOWN_DELAY,
        graceful=graceful,
        stop=_SHUTDOWN_DELAY + graceful + _EXIT_MARGIN,
        health_interval=10,
        health_timeout=5,
        healthy_threshold=2,
        unhealthy_threshold=3,
        startup=timeouts.startup,
        grace=timeouts.startup + 2 * 10,
    )
    if broken := made.broken_rungs():
        raise ArgumentError("timeouts", timeouts, f"cannot hold: {', '.join(broken)}")
    return made
