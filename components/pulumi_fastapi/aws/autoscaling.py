"""How many tasks run."""

from typing import Optional

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from ..component import Component
from ..rollout import PROVISION

SCALE_IN_COOLDOWN = 300
"""Seconds between two steps down, at least."""
METRIC_PERIOD = 60
"""Seconds over which CloudWatch averages what the policies look at."""


class Autoscaling(Component):
    """Scales a Fargate service on CPU, memory and requests; out fast, in slowly. Costs what the tasks cost.

    A new task looks busy while it starts, so the service scales out again only once a whole minute was measured with
    the last ones ready.
    """

    def __init__(
        self,
        name: str,
        cluster: Input[str],
        service: Input[str],
        tasks_min: int,
        tasks_max: int,
        startup: int,
        target_cpu: int,
        target_memory: int,
        requests_per_target: Optional[int] = None,
        resource_label: Optional[Input[str]] = None,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        target = aws.appautoscaling.Target(
            self.child_name("tasks"),
            service_namespace="ecs",
            resource_id=Output.concat("service/", cluster, "/", service),
            scalable_dimension="ecs:service:DesiredCount",
            min_capacity=tasks_min,
            max_capacity=tasks_max,
            opts=self.child,
        )
        metrics: list[tuple[str, str, int, Optional[Input[str]]]] = [
            ("cpu", "ECSServiceAverageCPUUtilization", target_cpu, None),
            ("memory", "ECSServiceAverageMemoryUtilization", target_memory, None),
        ]
        if requests_per_target is not None:
            metrics.append(("requests", "ALBRequestCountPerTarget", requests_per_target, resource_label))
        for label, metric, value, label_of_metric in metrics:
            aws.appautoscaling.Policy(
                self.child_name(label),
                policy_type="TargetTrackingScaling",
                service_namespace=target.service_namespace,
                resource_id=target.resource_id,
                scalable_dimension=target.scalable_dimension,
                target_tracking_scaling_policy_configuration=aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                    target_value=value,
                    predefined_metric_specification=aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                        predefined_metric_type=metric, resource_label=label_of_metric
                    ),
                    scale_in_cooldown=max(SCALE_IN_COOLDOWN, PROVISION + startup + METRIC_PERIOD),
                    scale_out_cooldown=PROVISION + startup + METRIC_PERIOD,
                ),
                opts=self.child,
            )
        self.publish()
