"""What pages people about a function: the function itself, its newest version, and the entry before it."""

from dataclasses import dataclass
from math import ceil
from typing import Any, Optional

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from .alarms import AlarmGroup, metric
from .dashboard import Graph
from .service_alarms import logged_errors

MIN_ERRORS = 5
"""Errors in 5 minutes below which an error rate means nothing. Of errors, not of requests: a function may have few."""
MIN_RELEASE_ERRORS = 3
"""The same for a minute of a version that is being released: going back costs little."""

_INIT_SECONDS = 8  # Lambda starts over after 10
# Where the time of the start stands in the line that Lambda writes after an invocation, if the invocation had one.
_REPORT = (
    '[report="REPORT", id_label="RequestId:", id, duration_label="Duration:", duration, duration_unit="ms",'
    ' billed_label="Billed", billed_label_2="Duration:", billed, billed_unit="ms", memory_label="Memory",'
    ' memory_label_2="Size:", memory, memory_unit="MB", used_label="Max", used_label_2="Memory",'
    ' used_label_3="Used:", used, used_unit="MB", init_label="Init", init_label_2="Duration:", init, init_unit="ms",'
    " ...]"
)
# What the runtime writes for an answer; only ours says of which version it is.
_SERVER_ERROR = '{ ($.logger = "access") && ($.status >= 500) }'


class LambdaAlarms(AlarmGroup):
    """Alarms on one alias of a function: failures, throttles, time, concurrency, starts, logged errors, lost events.

    Each is billed by the month.
    """

    def __init__(
        self,
        name: str,
        *,
        function: Input[str],
        alias: Input[str],
        log_group: Input[str],
        timeout: int,
        topic_arn: Input[str],
        concurrency: Optional[int] = None,
        dead_letter_queue: Optional[Input[str]] = None,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Make the alarms.

        Args:
            name: of the component.
            function: name of the function.
            alias: alias that serves.
            log_group: name of the function's log group.
            timeout: longest invocation in seconds.
            topic_arn: SNS topic that the alarms go to.
            concurrency: the function's reserved concurrency. Default none: what the account has left.
            dead_letter_queue: name of the queue of events that came to nothing. Default none.
            opts: options of the component.
        """
        super().__init__(name, topic_arn, opts)
        self.function, self.log_group = function, log_group
        served = alias_dimensions(function, alias)
        self.alarm(
            "failures",
            f"More than 5 % of the invocations failed, {MIN_ERRORS} or more in 5 minutes: the function crashed, ran out"
            " of memory or time, or did not start. Search the log group for `Task timed out`, `Runtime.` and"
            " tracebacks; roll back if it began with a release.",
            periods=1,
            datapoints=1,
            comparison_operator="GreaterThanThreshold",
            threshold=5,
            **error_rate(
                metric("AWS/Lambda", served, "Invocations", "Sum", 300),
                metric("AWS/Lambda", served, "Errors", "Sum", 300),
                MIN_ERRORS,
            ),
        )
        self.alarm(
            "throttles",
            "Requests were refused for want of concurrency, in 3 of 5 minutes; clients see 429 or 502. Raise the"
            " reserved concurrency (the database has to bear it) or the account's quota, or make requests shorter.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            **metric("AWS/Lambda", served, "Throttles", "Sum"),
        )
        self.alarm(
            "duration",
            f"The slowest 5 % of the invocations take more than {timeout * 0.8:g} s, 80 % of the timeout: soon they are"
            " cut. Look for a slow dependency on the dashboard; raise timeout or memory, or move the work to a queue.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=timeout * 800,
            evaluate_low_sample_count_percentiles="ignore",
            **metric("AWS/Lambda", served, "Duration", "p95"),
        )
        self._concurrency(concurrency)
        self._starts()
        logged_errors(self, log_group)
        if dead_letter_queue is not None:
            self.alarm(
                "dead-letters",
                "A scheduled request came to nothing and lies in the dead-letter queue. Its message says which and why;"
                " call the path again once the cause is gone, and purge the queue.",
                periods=1,
                datapoints=1,
                comparison_operator="GreaterThanThreshold",
                threshold=0,
                **metric(
                    "AWS/SQS",
                    {"QueueName": dead_letter_queue},
                    "ApproximateNumberOfMessagesVisible",
                    "Maximum",
                    300,
                ),
            )
        self.publish()

    def _concurrency(self, limit: Optional[int]) -> None:
        if limit is None:
            whose, advice, watched = "the account's concurrency", "ask for a higher quota", account_concurrency()
            threshold = 80
        else:
            whose, advice = f"the {limit} environments", "raise its reserved concurrency if the database bears it"
            watched = metric("AWS/Lambda", {"FunctionName": self.function}, "ConcurrentExecutions", "Maximum")
            threshold = ceil(limit * 0.8)
        self.alarm(
            "concurrency",
            f"More than 80 % of {whose} are in use, for 3 of 5 minutes; at 100 % requests are refused. Look"
            f" for requests that take longer than usual, then {advice}.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=threshold,
            **watched,
        )

    def _starts(self) -> None:
        """From the log, as Lambda has no metric of it."""
        aws.cloudwatch.LogMetricFilter(
            self.child_name("init"),
            log_group_name=self.log_group,
            pattern=_REPORT,
            metric_transformation={
                "name": "InitDuration",
                "namespace": self.log_group,  # random, so that two stacks of one account do not count together
                "value": "$init",
                "unit": "Milliseconds",
            },
            opts=self.child,
        )
        self.alarm(
            "init",
            f"An environment took more than {_INIT_SECONDS} s to start; after 10 s Lambda starts it over, within the"
            " time of the request. Import less or later, give more memory (CPU grows with it), or keep environments"
            " ready by provisioned concurrency.",
            periods=1,
            datapoints=1,
            comparison_operator="GreaterThanThreshold",
            threshold=_INIT_SECONDS * 1000,
            **metric(self.log_group, {}, "InitDuration", "Maximum", 300),
        )


class ReleaseAlarms(AlarmGroup):
    """Alarms on the version of a function that is released, which send the release back.

    They watch that version alone, so that a release is judged by what the new version does and a fix is not refused
    because the old one fails. They are made anew for each version, as an alarm keeps its state when it is changed.

    Each is billed by the month.
    """

    alarm_names: list[Output[str]]
    """Names of the alarms."""

    def __init__(
        self,
        name: str,
        *,
        function: Input[str],
        alias: Input[str],
        version: Input[str],
        log_group: Input[str],
        topic_arn: Input[str],
        latency_seconds: float = 1.0,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Make the alarms.

        Args:
            name: of the component.
            function: name of the function.
            alias: alias that serves.
            version: version that was published last.
            log_group: name of the function's log group.
            topic_arn: SNS topic that the alarms go to.
            latency_seconds: above which the 95th percentile of the version's invocations sends it back. Default 1.
            opts: options of the component.
        """
        super().__init__(name, topic_arn, opts)
        dimensions = {**alias_dimensions(function, alias), "ExecutedVersion": version}
        aws.cloudwatch.LogMetricFilter(
            self.child_name("server-errors"),
            log_group_name=log_group,
            pattern=_SERVER_ERROR,
            metric_transformation={
                "name": "ServerErrors",
                "namespace": log_group,
                "value": "1",
                "dimensions": {"Version": "$.version"},
            },
            opts=self.child,
        )
        anew = self.child_options(replace_on_changes=["dimensions", "metricQueries"])
        invocations = metric("AWS/Lambda", dimensions, "Invocations", "Sum")
        made = [
            self.alarm(
                label,
                f"The version released last {what} in more than 5 % of its requests, {MIN_RELEASE_ERRORS} or more in a"
                " minute. A release that was under way went back by itself; else roll back, then read its log.",
                periods=1,
                datapoints=1,
                comparison_operator="GreaterThanThreshold",
                threshold=5,
                opts=anew,
                **error_rate(invocations, errors, MIN_RELEASE_ERRORS),
            )
            for label, what, errors in (
                ("release-failures", "fails", metric("AWS/Lambda", dimensions, "Errors", "Sum")),
                ("release-errors", "answers 5xx", metric(log_group, {"Version": version}, "ServerErrors", "Sum")),
            )
        ]
        made.append(
            self.alarm(
                "release-latency",
                f"The slowest 5 % of the requests to the version released last take more than {latency_seconds:g} s,"
                " for 2 minutes. A release that was under way went back by itself; else compare it with the version"
                " before on the dashboard, and with the database.",
                periods=2,
                datapoints=2,
                comparison_operator="GreaterThanThreshold",
                threshold=latency_seconds * 1000,
                evaluate_low_sample_count_percentiles="ignore",
                opts=anew,
                **metric("AWS/Lambda", dimensions, "Duration", "p95"),
            )
        )
        self.publish(alarm_names=[alarm.name for alarm in made])


@dataclass(frozen=True)
class EntryMetrics:
    """What an entry tells of the requests that came through it."""

    namespace: str
    """CloudWatch namespace."""
    dimensions: dict[str, Input[str]]
    """Dimensions of its metrics."""
    requests: str
    """Name of the count of requests."""
    errors: str
    """Name of the count of answers with 5xx."""
    latency: str
    """Name of the time from a request to its answer."""
    statistic: str
    """Of the latency; not every entry has percentiles."""
    per_second: int
    """Units of the latency in a second."""


def url_metrics(function: Input[str], alias: Input[str]) -> EntryMetrics:
    """Those of the URL of an alias; Lambda advises against percentiles of its latency."""
    return EntryMetrics(
        "AWS/Lambda",
        alias_dimensions(function, alias),
        "UrlRequestCount",
        "Url5xxCount",
        "UrlRequestLatency",
        "Average",
        1000,
    )


def http_api_metrics(api_id: Input[str]) -> EntryMetrics:
    """Those of an HTTP API."""
    return EntryMetrics("AWS/ApiGateway", {"ApiId": api_id}, "Count", "5xx", "Latency", "p95", 1000)


def function_target_metrics(load_balancer: Input[str], target: Input[str]) -> EntryMetrics:
    """Those of a function's target group; both are the ends of ARNs."""
    return EntryMetrics(
        "AWS/ApplicationELB",
        {"LoadBalancer": load_balancer, "TargetGroup": target},
        "RequestCount",
        "HTTPCode_Target_5XX_Count",
        "TargetResponseTime",
        "p95",
        1,
    )


class EntryAlarms(AlarmGroup):
    """Alarms on what clients get from an entry of a function: 5xx and latency. Each is billed by the month."""

    def __init__(
        self,
        name: str,
        entry: EntryMetrics,
        topic_arn: Input[str],
        latency_seconds: float = 1.0,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Make the alarms.

        Args:
            name: of the component.
            entry: what to watch.
            topic_arn: SNS topic that the alarms go to.
            latency_seconds: above which the latency is an alarm. Default 1.
            opts: options of the component.
        """
        super().__init__(name, topic_arn, opts)
        self.alarm(
            "errors",
            f"More than 5 % of the requests answered 5xx, {MIN_ERRORS} or more in 5 minutes. Look at the dashboard for"
            " a release at that time, then at the log group for tracebacks and at the throttles; roll back if it began"
            " with a release.",
            periods=1,
            datapoints=1,
            comparison_operator="GreaterThanThreshold",
            threshold=5,
            **error_rate(
                metric(entry.namespace, entry.dimensions, entry.requests, "Sum", 300),
                metric(entry.namespace, entry.dimensions, entry.errors, "Sum", 300),
                MIN_ERRORS,
            ),
        )
        of_what = "The slowest 5 % of the requests" if entry.statistic == "p95" else "Requests on average"
        self.alarm(
            "latency",
            f"{of_what} take more than {latency_seconds:g} s, starts of environments among them. Compare with the"
            " duration and the starts on the dashboard: provisioned concurrency helps against starts, memory against"
            " slow code, a look at the database against slow queries.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=latency_seconds * entry.per_second,
            evaluate_low_sample_count_percentiles="ignore" if entry.statistic == "p95" else None,
            **metric(entry.namespace, entry.dimensions, entry.latency, entry.statistic),
        )
        self.publish()


def alias_dimensions(function: Input[str], alias: Input[str]) -> dict[str, Input[str]]:
    """The dimensions of what goes through an alias."""
    return {"FunctionName": function, "Resource": Output.concat(function, ":", alias)}


def error_rate(requests: dict[str, Any], errors: dict[str, Any], least: int) -> dict[str, Any]:
    """What an alarm watches: percent of the requests that are errors, 0 while there are fewer than `least` errors."""
    rate = f"IF(FILL(errors, 0) >= {least}, 100 * FILL(errors, 0) / requests, 0)"
    return {
        "metric_queries": [
            _query("requests", requests),
            _query("errors", errors),
            {"id": "result", "label": "errors in percent", "expression": rate, "return_data": True},
        ]
    }


def account_concurrency() -> dict[str, Any]:
    """What an alarm watches: percent of the account's concurrency that all functions of the region use."""
    usage = {"Class": "None", "Resource": "ConcurrentExecutions", "Service": "Lambda", "Type": "Resource"}
    return {
        "metric_queries": [
            _query("used", metric("AWS/Usage", usage, "ResourceCount", "Maximum")),
            {
                "id": "result",
                "label": "concurrency in percent",
                "expression": "100 * used / SERVICE_QUOTA(used)",
                "return_data": True,
            },
        ]
    }


def _query(identifier: str, watched: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": identifier,
        "metric": {
            "namespace": watched["namespace"],
            "metric_name": watched["metric_name"],
            "dimensions": watched["dimensions"],
            "stat": watched["statistic"],
            "period": watched["period"],
        },
    }


def function_graphs(function: Input[str], alias: Input[str], log_group: Input[str]) -> list[Graph]:
    """Invocations, failures, time, concurrency and starts of an alias."""
    name = "AWS/Lambda"
    served = [part for dimension in alias_dimensions(function, alias).items() for part in dimension]
    return [
        Graph("Invocations", "Sum", [[name, "Invocations", *served]]),
        Graph("Failures and throttles", "Sum", [[name, count, *served] for count in ("Errors", "Throttles")]),
        Graph("Duration", "p95", [[name, "Duration", *served, {"stat": stat}] for stat in ("p50", "p95", "p99")]),
        Graph("Concurrency", "Maximum", [[name, "ConcurrentExecutions", "FunctionName", function]]),
        Graph(
            "Starts",
            "Maximum",
            [[log_group, "InitDuration", {"stat": stat}] for stat in ("Average", "Maximum")],
        ),
    ]


def entry_graphs(entry: EntryMetrics) -> list[Graph]:
    """Requests, errors and latency of an entry."""
    served = [part for dimension in entry.dimensions.items() for part in dimension]
    return [
        Graph("Requests", "Sum", [[entry.namespace, entry.requests, *served]]),
        Graph("Answers with 5xx", "Sum", [[entry.namespace, entry.errors, *served]]),
        Graph("Latency", entry.statistic, [[entry.namespace, entry.latency, *served]]),
    ]
