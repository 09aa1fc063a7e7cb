"""The two roles of a task: what ECS may do to start it, and what the app may do."""

from collections.abc import Sequence
from typing import Optional

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from ..component import Component
from ..errors import REDACTED, ArgumentError
from ..validation import matches
from . import policies
from .registry import ECR_IMAGE

_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_EXECUTE_COMMAND = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]
_DESCRIBE_TRAFFIC = [
    f"elasticloadbalancing:Describe{what}" for what in ("Listeners", "Rules", "TargetGroups", "TargetHealth")
]
_READ = {"secretsmanager": "secretsmanager:GetSecretValue", "ssm": "ssm:GetParameters"}


class TaskRoles(Component):
    """An execution role that may pull one image, write one log group and read the named secrets, and a role for the
    app.

    The app's role may read `app_secret_arns` and nothing else; attach what the app needs to `task_role_name`.
    Costs nothing.
    """

    execution_role_arn: Output[str]
    """Role with which ECS starts the task."""
    task_role_arn: Output[str]
    """Role of the app itself."""
    task_role_name: Output[str]
    """Its name, to attach more policies to."""
    execution_role_name: Output[str]
    """Name of the role with which ECS starts the task."""

    def __init__(
        self,
        name: str,
        image: Input[str],
        log_group_arn: Input[str],
        secret_arns: Sequence[Input[str]] = (),
        app_secret_arns: Sequence[Input[str]] = (),
        secret_key_arns: Sequence[Input[str]] = (),
        enable_execute_command: bool = False,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        trust = policies.trust("ecs-tasks.amazonaws.com")
        execution = aws.iam.Role(self.child_name("execution", limit=64), assume_role_policy=trust, opts=self.child)
        task = aws.iam.Role(self.child_name("task", limit=64), assume_role_policy=trust, opts=self.child)
        execution_policy = aws.iam.RolePolicy(
            self.child_name("execution"),
            role=execution.name,
            policy=policies.document(
                policies.allow(["logs:CreateLogStream", "logs:PutLogEvents"], Output.concat(log_group_arn, ":*")),
                Output.from_input(image).apply(pull_statements),
                Output.all(*secret_arns).apply(read_statements),
                Output.all(*secret_key_arns).apply(decrypt_statements),
            ),
            opts=self.child,
        )
        self.policies = [execution_policy]
        if app_secret_arns or enable_execute_command:
            # The actions of ECS Exec know no resources.
            exec_statements = [policies.allow(_EXECUTE_COMMAND, "*")] if enable_execute_command else []
            task_policy = aws.iam.RolePolicy(
                self.child_name("task"),
                role=task.name,
                policy=policies.document(
                    Output.all(*app_secret_arns).apply(read_statements),
                    Output.all(*secret_key_arns).apply(decrypt_statements) if app_secret_arns else [],
                    exec_statements,
                ),
                opts=self.child,
            )
            self.policies.append(task_policy)
        self.publish(
            execution_role_arn=execution.arn,
            execution_role_name=execution.name,
            task_role_arn=task.arn,
            task_role_name=task.name,
        )


class TrafficRole(Component):
    """The role with which ECS moves a service's traffic from one target group to the other. Costs nothing."""

    arn: Output[str]
    """ARN of the role."""
    policies: list[aws.iam.RolePolicy]
    """What has to exist before ECS can use it."""

    def __init__(
        self,
        name: str,
        target_group_arns: Sequence[Input[str]],
        rule_arn: Input[str],
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        role = aws.iam.Role(
            self.child_name("traffic", limit=64),
            assume_role_policy=policies.trust("ecs.amazonaws.com"),
            opts=self.child,
        )
        policy = aws.iam.RolePolicy(
            self.child_name("traffic"),
            role=role.name,
            policy=policies.document(
                policies.allow(
                    ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
                    target_group_arns,
                ),
                policies.allow(["elasticloadbalancing:ModifyRule"], rule_arn),
                policies.allow(_DESCRIBE_TRAFFIC, "*"),  # these actions know no resources
            ),
            opts=self.child,
        )
        self.policies = [policy]
        self.publish(arn=role.arn)


def pull_statements(image: str) -> list[policies.Statement]:
    """What pulling `image` needs: its repository and a login in ECR, nothing for a public registry."""
    match = ECR_IMAGE.match(image)
    if match is None:
        return []
    partition = (
        "aws-cn"
        if match["region"].startswith("cn-")
        else "aws-us-gov"
        if match["region"].startswith("us-gov-")
        else "aws"
    )
    repository = f"arn:{partition}:ecr:{match['region']}:{match['account']}:repository/{match['repository']}"
    return [
        policies.allow(_PULL, repository),
        policies.allow(["ecr:GetAuthorizationToken"], "*"),  # a login is for a registry; the action knows no resources
    ]


def decrypt_statements(key_arns: Sequence[str]) -> list[policies.Statement]:
    """What reading secrets under keys of the user's own needs, through the two services that keep them only."""
    if not key_arns:
        return []
    for arn in key_arns:
        matches("secret_key_arns", arn, r"arn:[^:]+:kms:[^:]+:\d{12}:key/.+", "the ARN of a KMS key")
    services = {"StringLike": {"kms:ViaService": [f"{service}.*.amazonaws.com" for service in sorted(_READ)]}}
    return [{**policies.allow(["kms:Decrypt"], sorted(set(key_arns))), "Condition": services}]


def read_statements(arns: Sequence[str], parameters: str = _READ["ssm"]) -> list[policies.Statement]:
    """What reading secrets and parameters needs; a reference `arn:json-key::` is granted as its whole secret.

    Args:
        parameters: the action that reads parameters of SSM; ECS reads many at once.
    """
    by_service: dict[str, set[str]] = {}
    for arn in arns:
        parts = arn.split(":")
        if len(parts) < 6 or parts[2] not in _READ:
            raise ArgumentError("secret_arns", REDACTED, "must be the ARN of a secret or parameter")
        by_service.setdefault(parts[2], set()).add(":".join(parts[:7]))
    actions = {**_READ, "ssm": parameters}
    return [policies.allow([actions[service]], sorted(granted)) for service, granted in sorted(by_service.items())]
