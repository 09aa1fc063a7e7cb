"""How long things may take, and what every platform makes of it.

`ladder` is Fargate's, which the load balancer, the app server, the task and the deploy all read. Two chains must hold,
or requests fail that nobody made wrong:

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
MAX_FUNCTION = 900
"""Longest invocation of a Lambda function in seconds (Lambda quotas)."""
MAX_INIT = 10
"""Longest start of an environment in seconds (Lambda Developer Guide, init phase); what takes longer is ended, and
starts anew within the first request."""
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
    """Longest request that a deploy must let finish. Default 30, at most 3600; Fargate waits for 105, Lambda for 900.
    Longer work belongs into a queue."""
    idle: int = 60
    """How long a connection may be silent before an Application Load Balancer closes it. Default 60, at most 4000."""
    startup: int = 60
    """From the start of the process to the first `ready`. Default 60, at most 1800."""
    streaming: bool = False
    """Responses stream (server-sent events, a model's tokens, WebSockets) and may be silent for minutes. Default False.

    Raises `idle` to at least 600 and gives open streams as long to end as Fargate allows. Streams should still send a
    heartbeat: nothing else proves to both sides that the other one lives."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("request", self.request, 1, 3600, "seconds")
        in_range("idle", self.idle, 1, MAX_IDLE, "seconds")
        in_range("startup", self.startup, 1, 1800, "seconds")


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
    """Derive every rung for Fargate from what the user said.

    Raises:
        ArgumentError: more than Fargate offers, or a rung does not hold; names it.
    """
    in_range(
        "request", timeouts.request, 1, _LONGEST_REQUEST, f"seconds (Fargate kills a task {MAX_STOP} after SIGTERM)"
    )
    if not timeouts.streaming and timeouts.idle <= timeouts.request:
        raise ArgumentError(
            "idle",
            timeouts.idle,
            f"must be more than request={timeouts.request}, or the load balancer cuts a request that is still running;"
            f" use idle={timeouts.request + 1} or more, or streaming=True",
        )
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


@dataclass(frozen=True, kw_only=True)
class LambdaTimeouts:
    """Every timeout of a function in seconds: `request <= function <= entry`, and `function < client`."""

    client: int
    """What a client should wait for an answer."""
    entry: int
    """What waits for the function: its URL, an HTTP API, a load balancer."""
    function: int
    """Lambda ends an invocation; the runtime answers half a second before, so that the client gets a reason."""
    request: int
    """The runtime ends a request."""
    startup: int
    """A release waits this long until the new version is ready."""
    init: int = MAX_INIT
    """Lambda ends the start of an environment."""

    def environment(self) -> dict[str, str]:
        """The variables that tell the runtime."""
        return {"REQUEST_SECONDS": str(self.request), "STARTUP_SECONDS": str(self.startup)}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for outputs and previews."""
        return {camel_case(name): value for name, value in asdict(self).items()}


def lambda_timeouts(timeouts: Timeouts, entry: int, waits: str) -> LambdaTimeouts:
    """Derive a function's timeouts from what the user said.

    Args:
        entry: seconds that what stands before the function waits for it.
        waits: what that is, for the message.

    Raises:
        ArgumentError: more than Lambda or the entry offers.
    """
    if timeouts.streaming:
        raise ArgumentError(
            "streaming",
            True,
            "Lambda's runtime client for Python hands an answer over as a whole, so a stream would arrive at its end;"
            " use FargateFastAPIService or CloudRunFastAPIService",
        )
    longest = min(entry, MAX_FUNCTION)
    in_range("request", timeouts.request, 1, longest, f"seconds ({waits} waits no longer)")
    function = min(timeouts.request + 1, longest)
    return LambdaTimeouts(
        client=function + _CLIENT_MARGIN,
        entry=longest,
        function=function,
        request=timeouts.request,
        startup=timeouts.startup,
    )


@dataclass(frozen=True, kw_only=True)
class CloudRunTimeouts:
    """Every timeout of a Cloud Run service in seconds (thresholds: checks in a row), made by `cloud_run_timeouts`."""

    request: int
    """Service: a request may take this long, the body of its answer included."""
    answer: int
    """App server: an answer has begun by then; before Cloud Run cuts it, so that the app server says why."""
    keep_alive: int
    """App server: idle timeout of a connection; Google's front ends keep theirs for 600."""
    shutdown_delay: int
    """App server: serves on after SIGTERM, not ready any more."""
    graceful: int
    """App server: then waits for the requests in flight."""
    stop: int
    """Instance: from SIGTERM to SIGKILL."""
    startup: int
    """From the start of the process to the first `ready`."""
    startup_delay: int
    """Start-up probe: before its first check."""
    startup_period: int
    """Start-up probe: between two checks, and of one."""
    startup_checks: int
    """Start-up probe: checks until the instance counts as broken."""
    health_interval: int
    """Between two health checks."""
    health_timeout: int
    """Of one health check."""
    unhealthy_threshold: int
    """Failed checks in a row until an instance gets no requests, or is replaced."""

    def environment(self) -> dict[str, str]:
        """The variables that tell the runtime in the container."""
        return {
            "REQUEST_SECONDS": str(self.answer),
            "KEEP_ALIVE_SECONDS": str(self.keep_alive),
            "DRAIN_SECONDS": str(self.shutdown_delay),
            "GRACEFUL_SECONDS": str(self.graceful),
            "STARTUP_SECONDS": str(self.startup),
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain data for outputs and previews."""
        return {camel_case(name): value for name, value in asdict(self).items()}


CLOUD_RUN_STOP = 10
"""Seconds from SIGTERM to SIGKILL on Cloud Run (container runtime contract); they cannot be changed."""
CLOUD_RUN_REQUEST = 3600
"""Longest request timeout of a Cloud Run service in seconds."""
STARTUP_PROBE = 240
"""Most seconds that a start-up probe may wait before its first check, and again until its last one."""
NETWORK_START = 60
"""Seconds until an instance with an address in a VPC network can connect to it (Direct VPC egress, "a minute or more"
at the start), on top of the app's own start."""
_ANSWER_MARGIN = 5


def cloud_run_timeouts(timeouts: Timeouts, in_network: bool = False) -> CloudRunTimeouts:
    """Derive every timeout for Cloud Run from what the user said; `idle` is of no use there.

    Args:
        in_network: the app waits for something in a VPC network, such as its database, before it is ready.

    Raises:
        ArgumentError: more than Cloud Run offers; names it.
    """
    request = CLOUD_RUN_REQUEST if timeouts.streaming else timeouts.request + _ANSWER_MARGIN
    in_range("timeouts.request", timeouts.request, 1, CLOUD_RUN_REQUEST - _ANSWER_MARGIN, "seconds on Cloud Run")
    network = NETWORK_START if in_network else 0
    most = 2 * STARTUP_PROBE - network
    if timeouts.startup > most:
        raise ArgumentError(
            "timeouts.startup",
            timeouts.startup,
            f"must be at most {most} on Cloud Run, which waits {STARTUP_PROBE} s before the start-up probe and"
            f" {STARTUP_PROBE} s with it{f', {network} of them for the network' if network else ''};"
            " import less at the start, or load it after the first `ready`",
        )
    window = timeouts.startup + network
    return CloudRunTimeouts(
        request=request,
        answer=request - _ANSWER_MARGIN,
        keep_alive=620,
        shutdown_delay=1,
        graceful=7,
        stop=CLOUD_RUN_STOP,
        startup=window,
        startup_delay=max(0, window - STARTUP_PROBE),
        # A request may be waiting for the instance.
        startup_period=1,
        startup_checks=min(window, STARTUP_PROBE),
        health_interval=10,
        health_timeout=5,
        unhealthy_threshold=3,
    )
