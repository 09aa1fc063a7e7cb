"""What pages people about the answers of a service behind a load balancer."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from .alarms import MIN_REQUESTS, AlarmGroup, metric


class LoadBalancerAlarms(AlarmGroup):
    """The alarm of a load balancer: answers that it gave itself, which no service counts. Billed by the month."""

    def __init__(
        self, name: str, load_balancer: Input[str], topic_arn: Input[str], opts: Optional[ResourceOptions] = None
    ) -> None:
        super().__init__(name, topic_arn, opts)
        self.alarm(
            "lb-errors",
            f"The load balancer itself answered more than {MIN_REQUESTS} requests a minute with 5xx, for 3 of 5"
            " minutes: 502 for an answer cut short or a connection closed, 503 for no ready target, 504 for a target"
            " slower than the idle timeout. Look for tasks that stopped, and for requests that take too long.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=MIN_REQUESTS,
            **metric("AWS/ApplicationELB", {"LoadBalancer": load_balancer}, "HTTPCode_ELB_5XX_Count", "Sum"),
        )
        self.publish()


class TrafficAlarms(AlarmGroup):
    """Alarms on the answers of a service: errors, refused connections, latency.

    A deploy that shifts traffic goes back when one of them fires.

    Each is billed by the month.
    """

    alarm_names: list[Output[str]]
    """Names of the alarms."""

    def __init__(
        self,
        name: str,
        load_balancer: Input[str],
        targets: Sequence[Input[str]],
        topic_arn: Input[str],
        latency_seconds: float,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, topic_arn, opts)
        groups = target_dimensions(load_balancer, targets)
        errors = self.alarm(
            "errors",
            f"More than 5 % of the requests answered 5xx, for 3 of 5 minutes with at least {MIN_REQUESTS}"
            " requests. Look at the dashboard for a deploy at that time, then at the log group for tracebacks;"
            " roll back if it began with a deploy.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=5,
            metric_queries=error_rate(groups),
        )
        connections = self.alarm(
            "connections",
            f"The load balancer could not connect to tasks more than {MIN_REQUESTS} times a minute, for 3 of 5 minutes."
            " Look for blocked event loops, tasks at their limit of CPU, and tasks that stopped.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=MIN_REQUESTS,
            **of_targets(groups, "TargetConnectionErrorCount", "Sum"),
        )
        latency = self.alarm(
            "latency",
            f"The slowest 5 % of the requests take more than {latency_seconds:g} s. Compare with database CPU and"
            " connections, and with task CPU; raise tasks_max if the service runs at its limit.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=latency_seconds,
            # CloudWatch takes it with a single percentile only.
            evaluate_low_sample_count_percentiles="ignore" if len(groups) == 1 else None,
            **of_targets(groups, "TargetResponseTime", "p95"),
        )
        self.publish(alarm_names=[alarm.name for alarm in (errors, connections, latency)])


def target_dimensions(load_balancer: Input[str], targets: Sequence[Input[str]]) -> list[dict[str, Input[str]]]:
    """The dimensions of each target group's metrics."""
    return [{"LoadBalancer": load_balancer, "TargetGroup": target} for target in targets]


def of_targets(targets: Sequence[Mapping[str, Input[str]]], name: str, statistic: str) -> dict[str, Any]:
    """What an alarm watches: a metric of the target group that has the traffic, or of both while it may move."""
    if len(targets) == 1:
        return metric("AWS/ApplicationELB", targets[0], name, statistic)
    both, together = _of_each(targets, "target", name, statistic)
    return {"metric_queries": [*both, _expression(together, name)]}


def error_rate(targets: Sequence[Mapping[str, Input[str]]]) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    """Percent of requests answered 5xx, 0 while there are too few requests to tell."""
    requests, all_requests = _of_each(targets, "requests", "RequestCount", "Sum")
    errors, all_errors = _of_each(targets, "errors", "HTTPCode_Target_5XX_Count", "Sum")
    rate = f"IF(FILL({all_requests}, 0) >= {MIN_REQUESTS}, 100 * FILL({all_errors}, 0) / {all_requests}, 0)"
    return [*requests, *errors, _expression(rate, "5xx in percent")]


def _of_each(
    targets: Sequence[Mapping[str, Input[str]]], label: str, metric: str, statistic: str
) -> tuple[list[aws.cloudwatch.MetricAlarmMetricQueryArgs], str]:
    """A metric of each target group, and the expression of them all.

    SUM and MAX leave out a group that has no data, as the one without traffic has none.
    """
    ids = [label] if len(targets) == 1 else [f"{label}{index}" for index, _ in enumerate(targets)]
    together = label if len(targets) == 1 else f"{'SUM' if statistic == 'Sum' else 'MAX'}([{', '.join(ids)}])"
    return [_query(name, metric, group, statistic) for name, group in zip(ids, targets, strict=True)], together


def _query(
    identifier: str, metric: str, group: Mapping[str, Input[str]], statistic: str
) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id=identifier,
        metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
            namespace="AWS/ApplicationELB", metric_name=metric, dimensions=group, stat=statistic, period=60
        ),
    )


def _expression(expression: str, label: str) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(id="result", label=label, expression=expression, return_data=True)
