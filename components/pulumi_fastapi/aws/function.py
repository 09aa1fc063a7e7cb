"""The function: the app's image, with its limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceHookBinding, ResourceOptions

from ..component import Component
from ..errors import ArgumentError
from ..validation import check_fields, in_range, one_of

ARCHITECTURES = {"ARM64": "arm64", "X86_64": "x86_64"}
"""Ours, as for a task, to Lambda's."""
LONGEST_SECONDS = 900
"""Longest invocation (Lambda quotas)."""
ENVIRONMENT_BYTES = 4096
"""What all variables of a function may hold together (Lambda quotas)."""
RESERVED_VARIABLES = frozenset(
    {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    }
)
"""Variables that Lambda sets itself and refuses (Lambda Developer Guide, environment variables)."""


@dataclass(frozen=True, kw_only=True)
class FunctionSize:
    """What one environment of a function gets."""

    memory: int = 1024
    """Memory in MiB, 128 to 10240; CPU grows with it, 1769 is one vCPU. Default 1024."""
    timeout: int = 30
    """Longest invocation in seconds, 1 to 900. Default 30."""
    ephemeral_storage: int = 512
    """Size of /tmp in MiB, 512 to 10240; the first 512 are free. Default 512."""
    architecture: str = "ARM64"
    """`ARM64` or `X86_64`. Default ARM64, a fifth cheaper."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("memory", self.memory, 128, 10240, "MiB")
        in_range("timeout", self.timeout, 1, LONGEST_SECONDS, "seconds")
        in_range("ephemeral_storage", self.ephemeral_storage, 512, 10240, "MiB")
        one_of("architecture", self.architecture, ARCHITECTURES)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where in a VPC a function runs."""

    subnet_ids: Input[Sequence[Input[str]]]
    security_group_id: Input[str]


class Function(Component):
    """A Lambda function of a container image; each change publishes a version, and older ones stay.

    Costs nothing by itself; its invocations do.
    """

    name: Output[str]
    """Name of the function."""
    arn: Output[str]
    """ARN of the function, without a version."""
    version: Output[str]
    """The version that was published last."""

    def __init__(
        self,
        name: str,
        image: Input[str],
        size: FunctionSize,
        *,
        role_arn: Input[str],
        log_group: Input[str],
        environment: Mapping[str, Input[str]],
        command: Optional[Sequence[str]] = None,
        tracing: bool = False,
        reserved_concurrency: Optional[int] = None,
        placement: Optional[Placement] = None,
        hooks: Optional[ResourceHookBinding] = None,
        depends_on: Sequence[pulumi.Resource] = (),
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        function = aws.lambda_.Function(
            self.child_name("function", limit=64),
            package_type="Image",
            image_uri=image,
            image_config={"commands": list(command)} if command else None,
            architectures=[ARCHITECTURES[size.architecture]],
            role=role_arn,
            memory_size=size.memory,
            timeout=size.timeout,
            ephemeral_storage={"size": size.ephemeral_storage},
            # The runtime writes JSON itself; Lambda would put it into JSON once more.
            logging_config={"log_format": "Text", "log_group": log_group},
            tracing_config={"mode": "Active" if tracing else "PassThrough"},
            environment={"variables": Output.all(**environment).apply(check_environment)},
            reserved_concurrent_executions=-1 if reserved_concurrency is None else reserved_concurrency,
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=placement.subnet_ids, security_group_ids=[placement.security_group_id]
            )
            if placement is not None
            else None,
            # Lambda keeps its network interfaces for up to 45 minutes, and with them the security group.
            replace_security_groups_on_destroy=True if placement is not None else None,
            publish=True,
            opts=self.child_options(depends_on=list(depends_on), hooks=hooks),
        )
        self.publish(name=function.name, arn=function.arn, version=function.version)


def check_environment(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Refuse more than Lambda takes; values may be known only now."""
    size = sum(len(name.encode()) + len(str(value).encode()) for name, value in variables.items())
    if size > ENVIRONMENT_BYTES:
        largest = max(variables, key=lambda name: len(str(variables[name])))
        raise ArgumentError(
            "app.environment",
            f"{size} bytes",
            f"Lambda takes {ENVIRONMENT_BYTES} bytes of variables in all, and {largest} is the longest; put what is"
            " long into one secret, or into a file of the app",
        )
    return variables
