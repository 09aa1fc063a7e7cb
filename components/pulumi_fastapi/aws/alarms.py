"""What pages people: one topic, a few alarms that say what to do, and a dashboard."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from ..component import Component
from ..connection_pool import RESERVED
from ..errors import ArgumentError
from ..sizing import GIB, instance_memory
from ..validation import matches
from . import policies

MIN_REQUESTS = 20
"""Requests in a minute below which an error rate means nothing: one scanner is no outage."""


class AlarmTopic(Component):
    """The SNS topic that alarms go to, with e-mail subscribers, which each confirm once. Costs nothing worth naming.

    It takes messages from CloudWatch alarms of its own account, over TLS only.
    """

    arn: Output[str]
    """ARN of the topic."""

    def __init__(self, name: str, emails: Sequence[str] = (), opts: Optional[ResourceOptions] = None) -> None:
        check_emails(emails)
        super().__init__(name, None, opts)
        topic = aws.sns.Topic(self.child_name("alarms"), opts=self.child)
        account = aws.get_caller_identity_output(opts=InvokeOptions(parent=self)).account_id
        publish = policies.allow(["sns:Publish"], topic.arn)
        aws.sns.TopicPolicy(
            self.child_name("alarms"),
            arn=topic.arn,
            policy=policies.document(
                {
                    **publish,
                    "Principal": {"Service": "cloudwatch.amazonaws.com"},
                    "Condition": {"StringEquals": {"aws:SourceAccount": account}},
                },
                {
                    **publish,
                    "Effect": "Deny",
                    "Principal": "*",
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ),
            opts=self.child,
        )
        subscribe(self, topic.arn, emails)
        self.publish(arn=topic.arn)


def check_emails(emails: Sequence[str]) -> None:
    """Refuse what is no address, or one that is named twice."""
    for email in emails:
        matches("alarm_emails", email, r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")
    if len({email.lower() for email in emails}) != len(emails):
        raise ArgumentError("alarm_emails", list(emails), "an address is named twice")


def subscribe(component: Component, topic_arn: Input[str], emails: Sequence[str]) -> None:
    """Send a topic's messages to these addresses; each has to confirm once."""
    for email in emails:
        # Named by the address: by its place in the list, one address less would unsubscribe those after it.
        identity = hashlib.sha256(email.lower().encode()).hexdigest()[:8]
        aws.sns.TopicSubscription(
            component.child_name(f"email-{identity}"),
            topic=topic_arn,
            protocol="email",
            endpoint=email,
            opts=component.child,
        )


class _Alarms(Component):
    """A group of alarms on one topic."""

    topic_arn: Input[str]

    def _alarm(
        self, label: str, description: str, *, periods: int, datapoints: int, **metric: Any
    ) -> aws.cloudwatch.MetricAlarm:
        """One alarm. Silence is not an alarm unless it says so, and absent data never notifies."""
        return aws.cloudwatch.MetricAlarm(
            self.child_name(label),
            alarm_description=description,
            alarm_actions=[self.topic_arn],
            ok_actions=[self.topic_arn],
            evaluation_periods=periods,
            datapoints_to_alarm=datapoints,
            treat_missing_data=metric.pop("treat_missing_data", "notBreaching"),
            opts=self.child,
            **metric,
        )

    def _metric(
        self, namespace: Input[str], dimensions: Mapping[str, Input[str]], name: str, statistic: str, period: int = 60
    ) -> dict[str, Any]:
        statistics = "extended_statistic" if statistic.startswith("p") else "statistic"
        return {
            "namespace": namespace,
            "dimensions": dimensions,
            "metric_name": name,
            statistics: statistic,
            "period": period,
        }

    targets: list[dict[str, Input[str]]]

    def _of_targets(self, name: str, statistic: str) -> dict[str, Any]:
        """A metric of the target group that has the traffic, or of both while it may move between them."""
        if len(self.targets) == 1:
            return self._metric("AWS/ApplicationELB", self.targets[0], name, statistic)
        both, together = _of_each(self.targets, "target", name, statistic)
        return {"metric_queries": [*both, _expression(together, name)]}


class DatabaseAlarms(_Alarms):
    """Alarms of an RDS instance: CPU, memory, storage and connections. Each is billed by the month."""

    def __init__(
        self,
        name: str,
        instance: aws.rds.Instance,
        instance_class: str,
        storage_gb: int,
        max_connections: int,
        topic_arn: Input[str],
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        self.topic_arn = topic_arn
        dimensions = {"DBInstanceIdentifier": instance.identifier}

        def metric(metric_name: str) -> dict[str, Any]:
            return self._metric("AWS/RDS", dimensions, metric_name, "Average")

        connections = (max_connections - RESERVED) * 80 // 100
        self._alarm(
            "db-connections",
            f"More than {connections} database connections, 80 % of the budget. Look for a service scaled beyond"
            " its limits or a client that is not in the budget; use a larger class, smaller pools or a proxy"
            " before new connections fail.",
            periods=3,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=connections,
            **metric("DatabaseConnections"),
        )
        self._alarm(
            "db-cpu",
            "Database CPU above 80 % for 15 minutes. Find the statement at the top of Performance Insights; a"
            " burstable class may be out of CPU credits.",
            periods=15,
            datapoints=15,
            comparison_operator="GreaterThanThreshold",
            threshold=80,
            **metric("CPUUtilization"),
        )
        self._alarm(
            "db-memory",
            "Less than 5 % of the database's memory is free. Use a larger class, or fewer connections: each takes"
            " memory.",
            periods=15,
            datapoints=15,
            comparison_operator="LessThanThreshold",
            threshold=instance_memory(instance_class) // 20,
            **metric("FreeableMemory"),
        )
        self._alarm(
            "db-storage",
            "Less free database storage than 5 % of what it began with, so it has not grown: max_storage_gb is"
            " reached, or the last growth is less than six hours ago. Raise max_storage_gb.",
            periods=3,
            datapoints=3,
            comparison_operator="LessThanThreshold",
            threshold=storage_gb * GIB // 20,
            **metric("FreeStorageSpace"),
        )
        self.publish()


class LoadBalancerAlarms(_Alarms):
    """The alarm of a load balancer: answers that it gave itself, which no service counts. Billed by the month."""

    def __init__(
        self, name: str, load_balancer: Input[str], topic_arn: Input[str], opts: Optional[ResourceOptions] = None
    ) -> None:
        super().__init__(name, None, opts)
        self.topic_arn = topic_arn
        self._alarm(
            "lb-errors",
            f"The load balancer itself answered more than {MIN_REQUESTS} requests a minute with 5xx, for 3 of 5"
            " minutes: 502 for an answer cut short or a connection closed, 503 for no ready target, 504 for a target"
            " slower than the idle timeout. Look for tasks that stopped, and for requests that take too long.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=MIN_REQUESTS,
            **self._metric("AWS/ApplicationELB", {"LoadBalancer": load_balancer}, "HTTPCode_ELB_5XX_Count", "Sum"),
        )
        self.publish()


class TrafficAlarms(_Alarms):
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
        super().__init__(name, None, opts)
        self.topic_arn = topic_arn
        self.targets = target_dimensions(load_balancer, targets)
        errors = self._alarm(
            "errors",
            f"More than 5 % of the requests answered 5xx, for 3 of 5 minutes with at least {MIN_REQUESTS}"
            " requests. Look at the dashboard for a deploy at that time, then at the log group for tracebacks;"
            " roll back if it began with a deploy.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=5,
            metric_queries=error_rate(self.targets),
        )
        connections = self._alarm(
            "connections",
            f"The load balancer could not connect to tasks more than {MIN_REQUESTS} times a minute, for 3 of 5 minutes."
            " Look for blocked event loops, tasks at their limit of CPU, and tasks that stopped.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=MIN_REQUESTS,
            **self._of_targets("TargetConnectionErrorCount", "Sum"),
        )
        latency = self._alarm(
            "latency",
            f"The slowest 5 % of the requests take more than {latency_seconds:g} s. Compare with database CPU and"
            " connections, and with task CPU; raise tasks_max if the service runs at its limit.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=latency_seconds,
            # CloudWatch takes it with a single percentile only.
            evaluate_low_sample_count_percentiles="ignore" if len(self.targets) == 1 else None,
            **self._of_targets("TargetResponseTime", "p95"),
        )
        self.publish(alarm_names=[alarm.name for alarm in (errors, connections, latency)])


class ServiceAlarms(_Alarms):
    """Alarms on the tasks of a Fargate service: unhealthy and missing ones, CPU, memory, logged errors.

    Each is billed by the month.
    """

    def __init__(
        self,
        name: str,
        load_balancer: Input[str],
        targets: Sequence[Input[str]],
        cluster: Input[str],
        service: Input[str],
        log_group: Input[str],
        min_tasks: int,
        topic_arn: Input[str],
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        self.topic_arn = topic_arn
        self.targets = target_dimensions(load_balancer, targets)
        tasks = {"ClusterName": cluster, "ServiceName": service}
        self._alarm(
            "unhealthy",
            "A task fails its readiness check. Its log says which dependency; ECS replaces it after the checks it"
            " is allowed.",
            periods=5,
            datapoints=5,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            **self._of_targets("UnHealthyHostCount", "Maximum"),
        )
        self._alarm(
            "down",
            "No task can take traffic: the service is down. Look at the service's events and the last stopped tasks.",
            periods=2,
            datapoints=2,
            comparison_operator="LessThanThreshold",
            threshold=1,
            treat_missing_data="breaching",
            **self._of_targets("HealthyHostCount", "Maximum"),
        )
        if min_tasks > 1:  # with one task that is the alarm above
            self._alarm(
                "tasks",
                f"Fewer than {min_tasks} tasks have been ready for 10 minutes: they stop or do not start. The reason"
                " is in the service's events and in the stopped tasks (aws ecs describe-tasks).",
                periods=10,
                datapoints=10,
                comparison_operator="LessThanThreshold",
                threshold=min_tasks,
                treat_missing_data="breaching",
                **self._of_targets("HealthyHostCount", "Maximum"),
            )
        for label, metric, advice in (
            ("cpu", "CPUUtilization", "raise tasks_max, or cpu"),
            ("memory", "MemoryUtilization", "raise memory, or look for a leak: does it grow until the next deploy?"),
        ):
            self._alarm(
                label,
                f"Tasks use more than 90 % of their {label} for 15 minutes although the service scales: {advice}.",
                periods=15,
                datapoints=15,
                comparison_operator="GreaterThanThreshold",
                threshold=90,
                **self._metric("AWS/ECS", tasks, metric, "Average"),
            )
        self._logged_errors(log_group)
        self.publish()

    def _logged_errors(self, log_group: Input[str]) -> None:
        """Errors that no 5xx shows: background work, start-up, shutdown."""
        namespace = log_group  # its physical name is random, so that two stacks of one account do not count together
        aws.cloudwatch.LogMetricFilter(
            self.child_name("logged-errors"),
            log_group_name=log_group,
            pattern='?ERROR ?CRITICAL ?"Traceback (most recent call last)"',
            metric_transformation={"name": "LoggedErrors", "namespace": namespace, "value": "1", "default_value": "0"},
            opts=self.child,
        )
        self._alarm(
            "logged-errors",
            "More than 10 errors a minute are logged, for 3 of 5 minutes. Search the log group for ERROR.",
            periods=5,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=10,
            **self._metric(namespace, {}, "LoggedErrors", "Sum"),
        )


def target_dimensions(load_balancer: Input[str], targets: Sequence[Input[str]]) -> list[dict[str, Input[str]]]:
    """The dimensions of each target group's metrics."""
    return [{"LoadBalancer": load_balancer, "TargetGroup": target} for target in targets]


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


class Dashboard(Component):
    """A CloudWatch dashboard: traffic, errors, latency, tasks, and the database if there is one. Billed by the
    month."""

    dashboard_name: Output[str]
    """Name of the dashboard."""

    def __init__(
        self,
        name: str,
        load_balancer: Input[str],
        targets: Sequence[Input[str]],
        cluster: Input[str],
        service: Input[str],
        database: Optional[Input[str]] = None,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        region = aws.get_region_output(opts=InvokeOptions(parent=self)).region
        parts: dict[str, Any] = {
            "lb": load_balancer,
            "targets": targets,
            "cluster": cluster,
            "service": service,
            "region": region,
        }
        if database is not None:
            parts["db"] = database
        # The service's physical name is random, so two stacks in one account do not overwrite each other's dashboard.
        dashboard = aws.cloudwatch.Dashboard(
            self.child_name("dashboard"),
            dashboard_name=service,
            dashboard_body=Output.all(**parts).apply(dashboard_body),
            opts=self.child,
        )
        self.publish(dashboard_name=dashboard.dashboard_name)


def dashboard_body(parts: Mapping[str, Any]) -> str:
    """The dashboard as JSON: three graphs a row."""
    lb = ["LoadBalancer", parts["lb"]]
    groups = [[*lb, "TargetGroup", target] for target in parts["targets"]]
    tasks = ["ClusterName", parts["cluster"], "ServiceName", parts["service"]]
    elb, ecs, rds = "AWS/ApplicationELB", "AWS/ECS", "AWS/RDS"
    graphs: list[tuple[str, str, list[list[Any]]]] = [
        ("Requests", "Sum", [[elb, "RequestCount", *group] for group in groups]),
        (
            "Errors",
            "Sum",
            [
                *([elb, f"HTTPCode_Target_{code}_Count", *group] for code in ("4XX", "5XX") for group in groups),
                [elb, "HTTPCode_ELB_5XX_Count", *lb],
            ],
        ),
        (
            "Latency",
            "p95",
            [[elb, "TargetResponseTime", *group, {"stat": stat}] for stat in ("p50", "p95", "p99") for group in groups],
        ),
        (
            "Ready tasks",
            "Maximum",
            [[elb, count, *group] for count in ("HealthyHostCount", "UnHealthyHostCount") for group in groups],
        ),
        (
            "Task CPU and memory",
            "Average",
            [[ecs, metric, *tasks] for metric in ("CPUUtilization", "MemoryUtilization")],
        ),
    ]
    if "db" in parts:
        instance = ["DBInstanceIdentifier", parts["db"]]
        graphs += [
            ("Database connections", "Maximum", [[rds, "DatabaseConnections", *instance]]),
            ("Database CPU", "Average", [[rds, "CPUUtilization", *instance]]),
            (
                "Database memory and storage",
                "Average",
                [[rds, m, *instance] for m in ("FreeableMemory", "FreeStorageSpace")],
            ),
        ]
    widgets = [
        {
            "type": "metric",
            "x": 8 * (index % 3),
            "y": 6 * (index // 3),
            "width": 8,
            "height": 6,
            "properties": {
                "title": title,
                "stat": stat,
                "period": 60,
                "region": parts["region"],
                "view": "timeSeries",
                "metrics": metrics,
            },
        }
        for index, (title, stat, metrics) in enumerate(graphs)
    ]
    return json.dumps({"widgets": widgets})
