"""What pages people about the tasks of a Fargate service."""

from collections.abc import Sequence
from typing import Optional

import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from .alarms import AlarmGroup, metric
from .load_balancer_alarms import of_targets, target_dimensions


class ServiceAlarms(AlarmGroup):
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
        super().__init__(name, topic_arn, opts)
        groups = target_dimensions(load_balancer, targets)
        tasks = {"ClusterName": cluster, "ServiceName": service}
        self.alarm(
            "unhealthy",
            "A task fails its readiness check. Its log says which dependency; ECS replaces it after the checks it"
            " is allowed.",
            periods=5,
            datapoints=5,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            **of_targets(groups, "UnHealthyHostCount", "Maximum"),
        )
        self.alarm(
            "down",
            "No task can take traffic: the service is down. Look at the service's events and the last stopped tasks.",
            periods=2,
            datapoints=2,
            comparison_operator="LessThanThreshold",
            threshold=1,
            treat_missing_data="breaching",
            **of_targets(groups, "HealthyHostCount", "Maximum"),
        )
        if min_tasks > 1:  # with one task that is the alarm above
            self.alarm(
                "tasks",
                f"Fewer than {min_tasks} tasks have been ready for 10 minutes: they stop or do not start. The reason"
                " is in the service's events and in the stopped tasks (aws ecs describe-tasks).",
                periods=10,
                datapoints=10,
                comparison_operator="LessThanThreshold",
                threshold=min_tasks,
                treat_missing_data="breaching",
                **of_targets(groups, "HealthyHostCount", "Maximum"),
            )
        for label, used, advice in (
            ("cpu", "CPUUtilization", "raise tasks_max, or cpu"),
            ("memory", "MemoryUtilization", "raise memory, or look for a leak: does it grow until the next deploy?"),
        ):
            self.alarm(
                label,
                f"Tasks use more than 90 % of their {label} for 15 minutes although the service scales: {advice}.",
                periods=15,
                datapoints=15,
                comparison_operator="GreaterThanThreshold",
                threshold=90,
                **metric("AWS/ECS", tasks, used, "Average"),
            )
        logged_errors(self, log_group)
        self.publish()


def logged_errors(alarms: AlarmGroup, log_group: Input[str]) -> None:
    """An alarm on errors that no 5xx shows: background work, start-up, shutdown."""
    namespace = log_group  # its physical name is random, so that two stacks of one account do not count together
    aws.cloudwatch.LogMetricFilter(
        alarms.child_name("logged-errors"),
        log_group_name=log_group,
        pattern='?ERROR ?CRITICAL ?"Traceback (most recent call last)"',
        metric_transformation={"name": "LoggedErrors", "namespace": namespace, "value": "1", "default_value": "0"},
        opts=alarms.child,
    )
    alarms.alarm(
        "logged-errors",
        "More than 10 errors a minute are logged, for 3 of 5 minutes. Search the log group for ERROR.",
        periods=5,
        datapoints=3,
        comparison_operator="GreaterThanThreshold",
        threshold=10,
        **metric(namespace, {}, "LoggedErrors", "Sum"),
    )
