"""How many tasks run."""

from collections.abc import Sequence
from typing import Any, Optional

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
        load_balancer: Optional[Input[str]] = None,
        targets: Sequence[Input[str]] = (),
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
        metrics: list[tuple[str, int, dict[str, Any]]] = [
            ("cpu", target_cpu, _predefined("ECSServiceAverageCPUUtilization")),
            ("memory", target_memory, _predefined("ECSServiceAverageMemoryUtilization")),
        ]
        if requests_per_target is not None and load_balancer is not None:
            metrics.append(("requests", requests_per_target, _requests(load_balancer, targets)))
        for label, value, metric in metrics:
            aws.appautoscaling.Policy(
                self.child_name(label),
                policy_type="TargetTrackingScaling",
                service_namespace=target.service_namespace,
                resource_id=target.resource_id,
                scalable_dimension=target.scalable_dimension,
                target_tracking_scaling_policy_configuration=aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                    target_value=value,
                    **metric,
                    scale_in_cooldown=max(SCALE_IN_COOLDOWN, PROVISION + startup + METRIC_PERIOD),
                    scale_out_cooldown=PROVISION + startup + METRIC_PERIOD,
                ),
                opts=self.child,
            )
        self.publish()


def _predefined(metric: str, label: Optional[Input[str]] = None) -> dict[str, Any]:
    return {"predefined_metric_specification": {"predefined_metric_type": metric, "resource_label": label}}


def _requests(load_balancer: Input[str], targets: Sequence[Input[str]]) -> dict[str, Any]:
    """Requests per task: of the target group that has the traffic, or of both while it may move between them."""
    if len(targets) == 1:
        return _predefined("ALBRequestCountPerTarget", Output.concat(load_balancer, "/", targets[0]))
    groups = [
        {
            "id": f"m{index}",
            "return_data": False,
            "metric_stat": {
                "stat": "Sum",
                "metric": {
                    "namespace": "AWS/ApplicationELB",
                    "metric_name": "RequestCountPerTarget",
                    "dimensions": [
                        {"name": "LoadBalancer", "value": load_balancer},
                        {"name": "TargetGroup", "value": target},
                    ],
                },
            },
        }
        for index, target in enumerate(targets)
    ]
    both = {
        "id": "result",
        "expression": f"SUM([{', '.join(str(group['id']) for group in groups)}])",
        "return_data": True,
    }
    return {"customized_metric_specification": {"metrics": [*groups, both]}}
