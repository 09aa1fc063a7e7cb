"""What `compare` plans: each component with its defaults, as large as the traffic needs it.

An app is described by how long an answer takes and how much of that is work of a CPU. Traffic is even over the month.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from .usage import Traffic, UsageFile

_LAMBDA_VCPU = 1769
"""MiB that give a function one vCPU (AWS Lambda Developer Guide, memory)."""
_CLOUD_RUN_PERCENT = 60
"""CPU that Cloud Run's autoscaling aims at (Cloud Run documentation, instance autoscaling)."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the app has to do, the same on every platform."""

    traffic: Traffic
    cpu_ms: Decimal
    """Milliseconds that a whole vCPU works for an answer."""

    def at(self, requests_per_second: Decimal) -> "Load":
        traffic = self.traffic.model_copy(update={"requests_per_second": requests_per_second})
        return replace(self, traffic=traffic)

    def served(self, vcpus: Decimal, percent: int) -> Decimal:
        """Requests a second that so many vCPUs answer, busy for that part of the time."""
        return vcpus * percent * 10 / self.cpu_ms

    def usage(self, **traffic: Decimal) -> UsageFile:
        return UsageFile(traffic=self.traffic.model_copy(update=traffic))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A component that serves a load."""

    size: int
    """The most of it that may run at once; components of one size are the same."""
    create: Callable[[], object]
    usage: UsageFile
    model: str
    """What was planned, and how much of it the traffic takes."""
    variant: str = ""
    """What tells it from the other ways to run there."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Where the app could run."""

    name: str
    provider: Literal["aws", "gcp"]
    fits: Callable[[Load], Sequence[Fit]]
    """The ways to run there; the cheapest at a load is taken."""


def _fargate(load: Load) -> list[Fit]:
    """As many tasks as keep their CPU at what autoscaling aims at."""
    from ..aws.fargate_service import FargateFastAPIService, FargateFastAPIServiceArgs

    args = FargateFastAPIServiceArgs()
    vcpus = Decimal(args.cpu) / 1024
    served = load.served(vcpus, args.target_cpu)
    size = max(args.tasks_max, math.ceil(load.traffic.requests_per_second / served))
    return [
        Fit(
            size=size,
            create=lambda: FargateFastAPIService("app", replace(args, tasks_max=size)),
            usage=load.usage(requests_per_second_per_task=served),
            model=f"tasks of {vcpus:f} vCPU and {args.memory} MiB on {args.architecture}, at least {args.tasks_min};"
            f" one serves {served:.0f} requests/s at {args.target_cpu} % CPU",
        )
    ]


def _lambda(load: Load) -> list[Fit]:
    """An environment for each request that is being answered; with less than a whole vCPU the work takes longer."""
    from ..aws.lambda_function import LambdaFastAPIFunction, LambdaFastAPIFunctionArgs

    args = LambdaFastAPIFunctionArgs()
    vcpus = min(Decimal(1), Decimal(args.memory) / _LAMBDA_VCPU)
    duration = load.traffic.latency_ms + load.cpu_ms / vcpus - load.cpu_ms
    return [
        Fit(
            size=1,
            create=lambda: LambdaFastAPIFunction("app", args),
            usage=load.usage(latency_ms=duration),
            model=f"environments of {args.memory} MiB on {args.architecture}, none kept; an answer takes"
            f" {duration:.0f} ms with {vcpus:.2f} vCPU",
        )
    ]


def _cloud_run(load: Load) -> list[Fit]:
    """An instance for as many requests at once as it takes, or as keep its CPU at what Cloud Run aims at.

    Billed while it answers, or all the time, at a lower rate and without a price per request.
    """
    from ..gcp.cloud_run_service import CloudRunFastAPIService, CloudRunFastAPIServiceArgs

    args = CloudRunFastAPIServiceArgs()
    served = load.served(Decimal(str(args.cpu)), _CLOUD_RUN_PERCENT)
    traffic = load.traffic
    at_once = traffic.requests_per_second * traffic.latency_ms / 1000 / args.requests_per_instance
    size = max(args.instances_max, math.ceil(max(at_once, traffic.requests_per_second / served)))
    by_request = replace(args, instances_max=size)
    by_instance = replace(by_request, cpu_idle=False)
    return [
        Fit(
            size=size,
            create=functools.partial(CloudRunFastAPIService, "app", each),
            usage=load.usage(requests_per_second_per_task=served),
            variant=variant,
            model=f"instances of {args.cpu:g} vCPU and {args.memory} MiB, at least {args.instances_min}; one answers"
            f" {args.requests_per_instance} at once and {served:.0f} requests/s at {_CLOUD_RUN_PERCENT} % CPU",
        )
        for variant, each in (("billed by request", by_request), ("billed by instance (cpu_idle=False)", by_instance))
    ]


PLATFORMS = (
    Platform(name="Fargate", provider="aws", fits=_fargate),
    Platform(name="Lambda", provider="aws", fits=_lambda),
    Platform(name="Cloud Run", provider="gcp", fits=_cloud_run),
)
