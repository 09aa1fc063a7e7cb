"""The role of a function: its own log group, the secrets that it names, and nothing else."""

from collections.abc import Sequence
from typing import Optional

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from ..component import Component
from . import policies
from .roles import decrypt_statements, read_statements

_TRACE = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
_INTERFACES = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]


class FunctionRole(Component):
    """The role with which a function runs, and with which Lambda starts it.

    It may write one log group and read the named secrets; attach what the app needs to `role_name`. In a VPC, Lambda
    makes network interfaces with it, which the app's own code is denied.
    Costs nothing.
    """

    role_arn: Output[str]
    """ARN of the role."""
    role_name: Output[str]
    """Its name, to attach more policies to."""
    policies: list[pulumi.Resource]
    """What has to exist before the function runs."""

    def __init__(
        self,
        name: str,
        log_group_arn: Input[str],
        secret_arns: Sequence[Input[str]] = (),
        secret_key_arns: Sequence[Input[str]] = (),
        vpc: bool = False,
        tracing: bool = False,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        role = aws.iam.Role(
            self.child_name("function", limit=64),
            assume_role_policy=policies.trust("lambda.amazonaws.com"),
            opts=self.child,
        )
        # None of these actions knows resources.
        anywhere = [policies.allow(_TRACE, "*")] if tracing else []
        if vpc:
            anywhere += [policies.allow(_INTERFACES, "*"), _not_from_the_code(_INTERFACES)]
        policy = aws.iam.RolePolicy(
            self.child_name("function"),
            role=role.name,
            policy=policies.document(
                policies.allow(["logs:CreateLogStream", "logs:PutLogEvents"], Output.concat(log_group_arn, ":*")),
                Output.all(*secret_arns).apply(lambda arns: read_statements(arns, "ssm:GetParameter")),
                Output.all(*secret_key_arns).apply(decrypt_statements) if secret_arns else [],
                anywhere,
            ),
            opts=self.child,
        )
        self.policies = [policy]
        self.publish(role_arn=role.arn, role_name=role.name)


def _not_from_the_code(actions: Sequence[str]) -> policies.Statement:
    """Lambda itself calls without this key, the code of a function with it."""
    return {
        "Effect": "Deny",
        "Action": list(actions),
        "Resource": "*",
        "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
    }
