"""How ECS deploys a service, in ECS' own words."""

from typing import Any, Optional

import pulumi_aws as aws

from ..rollout import Rollout, Strategy
from .load_balancer import Target
from .roles import TrafficRole
from .task import CONTAINER


def load_balancer(target: Target, role: Optional[TrafficRole], port: int) -> aws.ecs.ServiceLoadBalancerArgs:
    """Where a service's tasks get their traffic: in the target group that has it, or, with a `role`, in the free one,
    from where ECS moves it."""
    tasks: dict[str, Any] = {"container_name": CONTAINER, "container_port": port}
    if role is None:
        return aws.ecs.ServiceLoadBalancerArgs(target_group_arn=target.live_arn, **tasks)
    return aws.ecs.ServiceLoadBalancerArgs(
        target_group_arn=target.arn,
        advanced_configuration=aws.ecs.ServiceLoadBalancerAdvancedConfigurationArgs(
            alternate_target_group_arn=target.alternate_arn,
            production_listener_rule=target.rule_arn,
            role_arn=role.arn,
        ),
        **tasks,
    )


def deployment_configuration(rollout: Rollout) -> aws.ecs.ServiceDeploymentConfigurationArgs:
    """The strategy with its times, as ECS takes it."""
    configuration: dict[str, Any] = {"strategy": rollout.strategy.value}
    if rollout.shifts_traffic:
        configuration["bake_time_in_minutes"] = str(rollout.bake_minutes)
    if rollout.strategy is Strategy.CANARY:
        configuration["canary_configuration"] = {
            "canary_percent": rollout.canary_percent,
            "canary_bake_time_in_minutes": str(rollout.canary_bake_minutes),
        }
    if rollout.strategy is Strategy.LINEAR:
        configuration["linear_configuration"] = {
            "step_percent": rollout.step_percent,
            "step_bake_time_in_minutes": str(rollout.step_bake_minutes),
        }
    if rollout.shifts_traffic and rollout.approval_minutes:
        configuration["lifecycle_hooks"] = [
            {
                "target_type": "PAUSE",
                "lifecycle_stages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"],
                "timeout_configuration": {"action": "ROLLBACK", "timeout_in_minutes": str(rollout.approval_minutes)},
            }
        ]
    return aws.ecs.ServiceDeploymentConfigurationArgs(**configuration)
