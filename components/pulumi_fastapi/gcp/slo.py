"""Service level objectives: what share of the requests must succeed and be fast, and alerts on how fast the rest is
used up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import pulumi_gcp as gcp
from pulumi import Input, Output, ResourceOptions

from ..component import as_args
from ..validation import check_fields, in_range
from .alerts import ROLLBACK, AlertGroup, threshold

# How many times too fast the error budget of 28 days may be used: a long window says that it matters, a short one that
# it still goes on. 14.4 for an hour is 2 % of the budget, 6 for six hours is 5 % (Google's SRE workbook, chapter 5).
BURN_RATES = (("fast", 14.4, "3600s", "300s", "CRITICAL"), ("slow", 6.0, "21600s", "1800s", "WARNING"))

LEAST_GOAL = 0.94
"""Below it nothing can be used up 14.4 times too fast, not even by requests that all fail."""


@dataclass(frozen=True, kw_only=True)
class ServiceLevelObjectivesArgs:
    """Inputs of `ServiceLevelObjectives`."""

    service: Input[str]
    """Physical name of the Cloud Run service."""
    location: Input[str]
    """Its region."""
    availability: float = 0.995
    """Share of the requests that must not be answered 5xx, 0.94 to 0.9999. Default 0.995."""
    latency_seconds: float = 1.0
    """What a request may take. Default 1."""
    fast: float = 0.95
    """Share of the requests that must not take longer, 0.94 to 0.9999. Default 0.95."""
    days: int = 28
    """Days over which they are counted, 1 to 30. Default 28."""
    channel_ids: Optional[list[Input[str]]] = None
    """Who is told when one is used up too fast. Default nobody: it shows in Cloud Monitoring."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("availability", self.availability, LEAST_GOAL, 0.9999)
        in_range("latency_seconds", self.latency_seconds, 0.01, 3600, "seconds")
        in_range("fast", self.fast, LEAST_GOAL, 0.9999)
        in_range("days", self.days, 1, 30, "days")


class ServiceLevelObjectives(AlertGroup):
    """Objectives for the availability and the latency of a Cloud Run service, with two burn-rate alerts each.

    Costs nothing until 2027-09-01, as alerts.
    """

    service_id: Output[str]
    """The service, as Cloud Monitoring knows it."""
    names: list[Output[str]]
    """`projects/{project}/services/{service}/serviceLevelObjectives/{id}` of each objective."""

    def __init__(self, name: str, args: ServiceLevelObjectivesArgs, opts: Optional[ResourceOptions] = None) -> None:
        args = as_args(ServiceLevelObjectivesArgs, args)
        super().__init__(name, args, opts)
        self.channel_ids: Sequence[Input[str]] = args.channel_ids or ()
        service = gcp.monitoring.GenericService(
            self.child_name("service"),
            service_id=args.service,  # as unique as the service itself
            display_name=self.resource_name,
            basic_service=gcp.monitoring.GenericServiceBasicServiceArgs(
                service_type="CLOUD_RUN", service_labels={"service_name": args.service, "location": args.location}
            ),
            opts=self.child,
        )
        available = gcp.monitoring.SloBasicSliArgs(
            availability=gcp.monitoring.SloBasicSliAvailabilityArgs(enabled=True)
        )
        fast = gcp.monitoring.SloBasicSliArgs(
            latency=gcp.monitoring.SloBasicSliLatencyArgs(threshold=f"{args.latency_seconds:g}s")
        )
        within = f"take no more than {args.latency_seconds:g} s"
        names = [
            self._objective(label, service.service_id, args.days, goal, indicator, meaning)
            for label, goal, indicator, meaning in (
                ("availability", args.availability, available, "are not answered 5xx"),
                ("latency", args.fast, fast, within),
            )
        ]
        self.publish(service_id=service.service_id, names=names)

    def _objective(
        self,
        label: str,
        service: Output[str],
        days: int,
        goal: float,
        indicator: "gcp.monitoring.SloBasicSliArgs",
        meaning: str,
    ) -> Output[str]:
        objective = gcp.monitoring.Slo(
            self.child_name(label),
            service=service,
            display_name=f"{self.resource_name}: {100 * goal:g} % of the requests {meaning}",
            goal=goal,
            rolling_period_days=days,
            basic_sli=indicator,
            opts=self.child,
        )
        for speed, rate, long, short, severity in BURN_RATES:
            self.alert(
                f"{label}-{speed}",
                f"the error budget for {label} is used {rate:g} times too fast",
                f"Of the requests, {100 * goal:g} % should be ones that {meaning}, counted over {days} days. At this"
                f" speed what may fail is used up {rate:g} times too early. Look at the dashboard for a new revision at"
                f" that time and go back to the one before it ({ROLLBACK}); then look at the database.",
                [
                    threshold(
                        f"burn rate over {window}",
                        Output.concat('select_slo_burn_rate("', objective.name, f'", "{window}")'),
                        above=rate,
                        aligner=None,
                    )
                    for window in (long, short)
                ],
                severity=severity,
            )
        return objective.name
