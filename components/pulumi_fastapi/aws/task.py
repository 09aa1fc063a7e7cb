"""The task: one hardened container."""

from collections.abc import Mapping
from typing import Any, Optional

import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from ..app import FastAPIApp
from ..component import Component, fitting_name
from ..timeouts import TimeoutLadder

CONTAINER = "app"
USER = "10001:10001"
_CHECK = "import urllib.request; urllib.request.urlopen({url!r}, timeout={timeout})"


class Task(Component):
    """A task definition: not root, read-only files but for /tmp, no more memory than it has, stopped gently.

    Costs nothing; the tasks that run from it do.
    """

    arn: Output[str]
    """ARN of this revision."""

    def __init__(
        self,
        name: str,
        app: FastAPIApp,
        ladder: TimeoutLadder,
        image: Input[str],
        cpu: int,
        memory: int,
        architecture: str,
        environment: Mapping[str, Input[str]],
        secrets: Mapping[str, Input[str]],
        log_group: Input[str],
        execution_role_arn: Input[str],
        task_role_arn: Input[str],
        writable_root: bool = False,
        keep_revisions: bool = True,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        region = aws.get_region_output(opts=InvokeOptions(parent=self)).region
        definition = aws.ecs.TaskDefinition(
            self.child_name("task"),
            family=fitting_name(name, "", 255),
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(cpu),
            memory=str(memory),
            runtime_platform={"cpu_architecture": architecture, "operating_system_family": "LINUX"},
            execution_role_arn=execution_role_arn,
            task_role_arn=task_role_arn,
            volumes=[{"name": "tmp"}],
            skip_destroy=keep_revisions,  # going back on purpose needs the revision to go back to
            container_definitions=Output.json_dumps(
                [
                    container(
                        app,
                        ladder,
                        image=image,
                        memory=memory,
                        environment=environment,
                        secrets=secrets,
                        writable_root=writable_root,
                        log_options={"awslogs-group": log_group, "awslogs-region": region},
                    )
                ]
            ),
            opts=self.child,
        )
        self.publish(arn=definition.arn)


def container(
    app: FastAPIApp,
    ladder: TimeoutLadder,
    *,
    image: Input[str],
    memory: int,
    environment: Mapping[str, Input[str]],
    secrets: Mapping[str, Input[str]],
    writable_root: bool,
    log_options: Mapping[str, Input[str]],
) -> dict[str, Any]:
    """The container definition, in ECS' own names."""
    check = _CHECK.format(url=f"http://127.0.0.1:{app.port}{app.liveness_path}", timeout=ladder.health_timeout - 1)
    return {
        "name": CONTAINER,
        "image": image,
        **({"command": app.command} if app.command else {}),
        "essential": True,
        "memory": memory,
        "user": USER,
        "readonlyRootFilesystem": not writable_root,
        "privileged": False,
        # An init process reaps what the app spawns and passes signals on.
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}],  # noqa: S108
        "ulimits": [{"name": "nofile", "softLimit": 65536, "hardLimit": 65536}],
        "portMappings": [{"containerPort": app.port, "hostPort": app.port, "protocol": "tcp"}],
        "environment": [{"name": key, "value": environment[key]} for key in sorted(environment)],
        "secrets": [{"name": key, "valueFrom": secrets[key]} for key in sorted(secrets)],
        "healthCheck": {
            "command": ["CMD", "python", "-c", check],
            "interval": ladder.health_interval,
            "timeout": ladder.health_timeout,
            "retries": ladder.unhealthy_threshold,
            "startPeriod": min(ladder.startup, 300),  # the longest ECS takes
        },
        "stopTimeout": ladder.stop,
        "logConfiguration": {
            "logDriver": "awslogs",
            # Never stop the app because CloudWatch is slow.
            "options": {
                **log_options,
                "awslogs-stream-prefix": CONTAINER,
                "mode": "non-blocking",
                "max-buffer-size": "4m",
            },
        },
    }
