"""A release: the alias that serves, what it is moved by, and environments that are kept warm behind it."""

from collections.abc import Sequence
from typing import Optional

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceHookBinding, ResourceOptions

from ..component import Component

ALIAS = "live"
"""Name of the alias; entries and schedules call it, never a version."""
TARGET_UTILIZATION = 0.7
"""Share of the warm environments in use that scaling aims at."""

_UTILIZATION = aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
    predefined_metric_type="LambdaProvisionedConcurrencyUtilization"
)


class Release(Component):
    """The alias of a function that all traffic goes to, and its provisioned concurrency.

    The alias costs nothing; provisioned concurrency costs by the hour, used or not.
    """

    alias_name: Output[str]
    """Name of the alias, known once it is there."""
    alias_arn: Output[str]
    """ARN of the alias."""
    invoke_arn: Output[str]
    """What API Gateway calls."""
    version: Output[str]
    """The version that serves."""

    def __init__(
        self,
        name: str,
        function_name: Input[str],
        version: Input[str],
        provisioned_concurrency: int = 0,
        provisioned_concurrency_max: Optional[int] = None,
        depends_on: Sequence[pulumi.Resource] = (),
        hooks: Optional[ResourceHookBinding] = None,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        alias = aws.lambda_.Alias(
            self.child_name(ALIAS),
            name=ALIAS,
            function_name=function_name,
            function_version=version,
            description="All traffic; moved by pulumi up",
            opts=self.child_options(hooks=hooks, depends_on=list(depends_on)),
        )
        if provisioned_concurrency:
            self._provision(alias, provisioned_concurrency, provisioned_concurrency_max or provisioned_concurrency)
        self.publish(
            alias_name=alias.name, alias_arn=alias.arn, invoke_arn=alias.invoke_arn, version=alias.function_version
        )

    def _provision(self, alias: aws.lambda_.Alias, least: int, most: int) -> None:
        scales = most > least
        warm = aws.lambda_.ProvisionedConcurrencyConfig(
            self.child_name("warm"),
            function_name=alias.function_name,
            qualifier=alias.name,
            provisioned_concurrent_executions=least,
            # Scaling changes it, and `up` must not set it back.
            opts=self.child_options(ignore_changes=["provisionedConcurrentExecutions"] if scales else None),
        )
        if not scales:
            return
        target = aws.appautoscaling.Target(
            self.child_name("warm"),
            service_namespace="lambda",
            resource_id=Output.concat("function:", alias.function_name, ":", alias.name),
            scalable_dimension="lambda:function:ProvisionedConcurrency",
            min_capacity=least,
            max_capacity=most,
            opts=self.child_options(depends_on=[warm]),
        )
        aws.appautoscaling.Policy(
            self.child_name("warm"),
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            resource_id=target.resource_id,
            scalable_dimension=target.scalable_dimension,
            target_tracking_scaling_policy_configuration=aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                target_value=TARGET_UTILIZATION,
                predefined_metric_specification=_UTILIZATION,
            ),
            opts=self.child,
        )
