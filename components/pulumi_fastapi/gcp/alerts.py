"""What pages people: e-mail channels, and a few alert policies that say what to do."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import pulumi_gcp as gcp
from pulumi import Input, Output, ResourceOptions

from ..sizing import GIB
from ..validation import check_emails
from .component import GoogleComponent

WINDOW = 300
"""Seconds over which requests and their errors are counted."""
MIN_REQUESTS = 100
"""Requests in a window below which an error rate means nothing: one scanner is no outage."""
ROLLBACK = "`pulumi-fastapi deploy --rollback`"
"""What sends the traffic back, for alerts that a new revision may be to blame for."""
_AUTO_CLOSE = "1800s"  # the least that Cloud Monitoring takes; an incident without data ends

Conditions = Sequence[gcp.monitoring.AlertPolicyConditionArgs]


class NotificationChannels(GoogleComponent):
    """The e-mail addresses that alerts go to. Costs nothing."""

    ids: list[Output[str]]
    """`projects/{project}/notificationChannels/{id}` of each."""

    def __init__(self, name: str, emails: Sequence[str] = (), opts: Optional[ResourceOptions] = None) -> None:
        check_emails("alert_emails", emails)
        super().__init__(name, None, opts)
        channels = [
            gcp.monitoring.NotificationChannel(
                # Named by the address: by its place in the list, one address less would replace those after it.
                self.child_name(f"email-{hashlib.sha256(email.lower().encode()).hexdigest()[:8]}"),
                type="email",
                display_name=email,
                labels={"email_address": email},
                # A policy that still names the channel would keep it from being deleted.
                force_delete=True,
                opts=self.child,
            )
            for email in emails
        ]
        self.publish(ids=[channel.id for channel in channels])


class AlertGroup(GoogleComponent):
    """Alert policies with the same channels. Alerting is free of charge until 2027-09-01."""

    channel_ids: Sequence[Input[str]]

    def alert(
        self,
        label: str,
        title: str,
        what_to_do: str,
        conditions: Conditions,
        severity: str = "ERROR",
        notification_period: Optional[str] = None,
    ) -> gcp.monitoring.AlertPolicy:
        """One policy; with more than one condition it takes all of them at the same time.

        Args:
            notification_period: seconds such as `3600s` within which a match in a log notifies once.
        """
        strategy = gcp.monitoring.AlertPolicyAlertStrategyArgs(auto_close=_AUTO_CLOSE)
        if notification_period is not None:
            strategy.notification_rate_limit = gcp.monitoring.AlertPolicyAlertStrategyNotificationRateLimitArgs(
                period=notification_period
            )
        return gcp.monitoring.AlertPolicy(
            self.child_name(label),
            display_name=f"{self.resource_name}: {title}",
            combiner="AND" if len(conditions) > 1 else "OR",
            conditions=conditions,
            documentation=gcp.monitoring.AlertPolicyDocumentationArgs(content=what_to_do, mime_type="text/markdown"),
            notification_channels=self.channel_ids,
            severity=severity,
            alert_strategy=strategy,
            opts=self.child,
        )


class ServiceAlerts(AlertGroup):
    """Alerts of a Cloud Run service: errors, latency, instances at their limit, containers that stop, CPU, memory."""

    def __init__(
        self,
        name: str,
        service: Input[str],
        location: Input[str],
        max_instances: int,
        min_instances: int = 0,
        channel_ids: Sequence[Input[str]] = (),
        latency_seconds: float = 1.0,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Watch a service.

        Args:
            service: its physical name.
            location: its region.
            max_instances: the most that it scales to.
            min_instances: the fewest; a service that cannot scale is always at its limit, which tells nothing.
            channel_ids: who is told.
            latency_seconds: what the slowest 5 % of the requests may take.
        """
        super().__init__(name, None, opts)
        self.channel_ids = channel_ids
        self.revision = selection("cloud_run_revision", service_name=service, location=location)
        self._errors()
        self._latency(latency_seconds)
        if max_instances > max(1, min_instances):
            self._instances(max_instances)
        self._exits()
        for what, advice in (
            ("cpu", "Raise max_instances or cpu, or lower max_concurrency so that it scales earlier."),
            ("memory", "Raise memory, or look for a leak: does it grow until the next revision?"),
        ):
            self.alert(
                what,
                f"{what} above 90 %",
                f"Instances use more than 90 % of their {what} for 15 minutes although the service scales. {advice}",
                [
                    threshold(
                        f"{what} of the busiest instances",
                        self._metric(f"container/{what}/utilizations"),
                        above=0.9,
                        seconds=900,
                        aligner="ALIGN_DELTA",
                        reducer="REDUCE_PERCENTILE_95",
                    )
                ],
                severity="WARNING",
            )
        self.publish()

    def _metric(self, name: str, **labels: str) -> Output[str]:
        return metric(self.revision, f"run.googleapis.com/{name}", **labels)

    def _errors(self) -> None:
        requests = self._metric("request_count")
        self.alert(
            "errors",
            "more than 5 % of the requests fail",
            f"More than 5 % of the requests were answered 5xx in {WINDOW // 60} minutes with more than {MIN_REQUESTS}"
            " requests. Look at the dashboard for a new revision at that time, then at the service's logs for"
            f" tracebacks. If it began with a deploy, go back to the revision before: {ROLLBACK}.",
            [
                threshold(
                    "5xx of all requests",
                    self._metric("request_count", response_code_class="5xx"),
                    of=requests,
                    above=0.05,
                    period=WINDOW,
                ),
                threshold("requests", requests, above=MIN_REQUESTS, period=WINDOW),
            ],
            severity="CRITICAL",
        )

    def _latency(self, seconds: float) -> None:
        self.alert(
            "latency",
            f"the slowest 5 % of the requests take more than {seconds:g} s",
            f"The slowest 5 % of the requests take more than {seconds:g} s. Compare with the CPU and the connections"
            " of the database and with the number of instances: cold starts count too. Raise max_instances if the"
            " service runs at its limit, or min_instances if the slow requests are first ones.",
            [
                threshold(
                    "p95 of the latencies",
                    self._metric("request_latencies"),
                    above=seconds * 1000,
                    period=WINDOW,
                    aligner="ALIGN_DELTA",
                    reducer="REDUCE_PERCENTILE_95",
                )
            ],
        )

    def _instances(self, most: int) -> None:
        self.alert(
            "instances",
            f"all {most} instances run",
            f"The service has run at its limit of {most} instances for 10 minutes: further requests wait, then get 429."
            " Raise max_instances if the database's connection budget allows it, else cpu or max_concurrency, or find"
            " out where the requests come from.",
            [
                threshold(
                    "instances",
                    self._metric("container/instance_count"),
                    above=most - 1,  # there is no "at least"
                    seconds=600,
                    aligner="ALIGN_MAX",
                )
            ],
            severity="WARNING",
        )

    def _exits(self) -> None:
        # Matched in the log itself: a policy on a log-based metric is refused until its first ten minutes are over.
        texts = r'textPayload=~"Container called exit\\([1-9]|Uncaught signal|Memory limit of"'
        logged = Output.concat(self.revision, ' AND log_id("run.googleapis.com/varlog/system") AND ', texts)
        self.alert(
            "restarts",
            "a container stopped by itself",
            "A container ended with an error, by a signal or over its memory, and was started anew; its requests were"
            " lost. The lines before it in the service's log say why. Raise memory if it says `Memory limit`.",
            [
                gcp.monitoring.AlertPolicyConditionArgs(
                    display_name="container stopped",
                    condition_matched_log=gcp.monitoring.AlertPolicyConditionConditionMatchedLogArgs(filter=logged),
                )
            ],
            severity="WARNING",
            notification_period="3600s",
        )


class UptimeAlert(AlertGroup):
    """A check of a public URL from around the world, each minute, and the alert when it fails.

    Free of charge up to a million checks a month; one check is about 260,000.
    """

    check_id: Output[str]
    """ID of the uptime check."""

    def __init__(
        self,
        name: str,
        url: Input[str],
        path: str,
        project: Input[str],
        channel_ids: Sequence[Input[str]] = (),
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Watch an HTTPS address.

        Args:
            url: `https://host`.
            path: what to ask for; it answers 200 without a login.
            project: the project that the check belongs to.
            channel_ids: who is told.
        """
        super().__init__(name, None, opts)
        self.channel_ids = channel_ids
        host = Output.from_input(url).apply(lambda known: known.removeprefix("https://").partition("/")[0])
        check = gcp.monitoring.UptimeCheckConfig(
            self.child_name("uptime"),
            display_name=self.resource_name,
            period="60s",
            timeout="10s",
            http_check=gcp.monitoring.UptimeCheckConfigHttpCheckArgs(
                path=path, port=443, use_ssl=True, validate_ssl=True
            ),
            monitored_resource=gcp.monitoring.UptimeCheckConfigMonitoredResourceArgs(
                type="uptime_url", labels={"project_id": project, "host": host}
            ),
            opts=self.child,
        )
        self.alert(
            "uptime",
            "the service does not answer",
            f"Checks of `{path}` from more than one part of the world fail. Open it yourself; look at the latest"
            " revision and its logs, then at the load balancer's certificate and at the DNS record of the domain.",
            [
                threshold(
                    "failing checks",
                    metric(
                        Output.from_input('resource.type = "uptime_url"'),
                        "monitoring.googleapis.com/uptime_check/check_passed",
                        check_id=check.uptime_check_id,
                    ),
                    above=1,
                    seconds=60,
                    period=1200,
                    aligner="ALIGN_NEXT_OLDER",
                    reducer="REDUCE_COUNT_FALSE",
                    by=["resource.label.*"],
                )
            ],
            severity="CRITICAL",
        )
        self.publish(check_id=check.uptime_check_id)


class DatabaseAlerts(AlertGroup):
    """Alerts of a Cloud SQL instance: connections, CPU, disk."""

    def __init__(
        self,
        name: str,
        database_id: Input[str],
        connections: int,
        disk_size_limit_gb: int,
        channel_ids: Sequence[Input[str]] = (),
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Watch an instance.

        Args:
            database_id: `project:instance`.
            connections: what its clients may open together.
            disk_size_limit_gb: what its disk may grow to.
            channel_ids: who is told.
        """
        super().__init__(name, None, opts)
        self.channel_ids = channel_ids
        instance = selection("cloudsql_database", database_id=database_id)
        most = connections * 80 // 100
        self.alert(
            "db-connections",
            "80 % of the database's connections are open",
            f"More than {most} database connections, 80 % of the budget. Look for a service scaled beyond its limits or"
            " a client that is not in the budget; use a larger tier or smaller pools before new connections fail.",
            [
                threshold(
                    "connections",
                    metric(instance, "cloudsql.googleapis.com/database/postgresql/num_backends"),
                    above=most,
                    seconds=180,
                    aligner="ALIGN_MAX",
                )
            ],
        )
        self.alert(
            "db-cpu",
            "the database's CPU is above 80 %",
            "Database CPU above 80 % for 15 minutes. Find the statement at the top of Query Insights; a tier with a"
            " shared core (db-f1-micro, db-g1-small) is slowed down when it uses more than its share.",
            [
                threshold(
                    "CPU",
                    metric(instance, "cloudsql.googleapis.com/database/cpu/utilization"),
                    above=0.8,
                    seconds=900,
                    aligner="ALIGN_MEAN",
                )
            ],
            severity="WARNING",
        )
        self.alert(
            "db-disk",
            f"the database's disk is 90 % of {disk_size_limit_gb} GB",
            f"The disk holds 90 % of the {disk_size_limit_gb} GB that it may grow to; a full one stops the database."
            " Raise max_disk_size_gb, or find what grew: tables, indexes, or write-ahead log kept for a replica.",
            [
                threshold(
                    "bytes used",
                    metric(instance, "cloudsql.googleapis.com/database/disk/bytes_used"),
                    above=disk_size_limit_gb * GIB * 0.9,
                    seconds=300,
                    aligner="ALIGN_MAX",
                )
            ],
        )
        self.publish()


def selection(resource_type: str, **labels: Input[str]) -> Output[str]:
    """The part of a filter that names one monitored resource."""
    return _filter(
        {"resource.type": resource_type} | {f"resource.labels.{key}": value for key, value in labels.items()}
    )


def metric(resource: Input[str], type_: str, **labels: Input[str]) -> Output[str]:
    """The filter of one metric of a resource."""
    terms = {"metric.type": type_, **{f"metric.labels.{key}": value for key, value in labels.items()}}
    return Output.concat(resource, " AND ", _filter(terms))


def _filter(terms: Mapping[str, Input[str]]) -> Output[str]:
    return Output.all(**terms).apply(lambda known: " AND ".join(f'{key} = "{value}"' for key, value in known.items()))


def threshold(
    display_name: str,
    filter_: Input[str],
    *,
    above: float,
    seconds: int = 0,
    period: int = 60,
    aligner: Optional[str] = "ALIGN_DELTA",
    reducer: str = "REDUCE_SUM",
    of: Optional[Input[str]] = None,
    by: Optional[Sequence[str]] = None,
) -> gcp.monitoring.AlertPolicyConditionArgs:
    """A condition that a metric is above a value.

    Args:
        seconds: how long it has to be.
        period: seconds that one point stands for.
        aligner: how the points of one series become one. None: the filter yields what is compared.
        reducer: how the series become one.
        of: filter of what the metric is divided by.
        by: labels whose values keep a series of their own.
    """
    aggregation: dict[str, Any] = {
        "alignment_period": f"{period}s",
        "per_series_aligner": aligner,
        "cross_series_reducer": reducer,
        "group_by_fields": by,
    }
    args = gcp.monitoring.AlertPolicyConditionConditionThresholdArgs(
        filter=filter_,
        aggregations=None
        if aligner is None
        else [gcp.monitoring.AlertPolicyConditionConditionThresholdAggregationArgs(**aggregation)],
        comparison="COMPARISON_GT",
        threshold_value=above,
        duration=f"{seconds}s",
    )
    if of is not None:
        denominator = gcp.monitoring.AlertPolicyConditionConditionThresholdDenominatorAggregationArgs(**aggregation)
        args.denominator_filter, args.denominator_aggregations = of, [denominator]
    return gcp.monitoring.AlertPolicyConditionArgs(display_name=display_name, condition_threshold=args)
