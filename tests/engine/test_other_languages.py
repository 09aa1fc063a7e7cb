"""The components as a provider, as programs in other languages use them, on the real engine."""

import os
import sys

import pulumi
import pytest
from pulumi_fastapi.emulated_cloud import DeploymentError

pytestmark = pytest.mark.engine


class Service(pulumi.ComponentResource):
    """What an SDK that is generated from the schema comes down to."""

    def __init__(self, name: str, **inputs) -> None:
        outputs = dict.fromkeys(("url", "taskDefinitionArn"))
        super().__init__("pulumi-fastapi:index:FargateFastAPIService", name, {**inputs, **outputs}, None, remote=True)


@pytest.fixture
def provider(emulated_cloud, tmp_path) -> None:
    """The provider where the engine looks for one: an executable of its name."""
    executable = tmp_path / "pulumi-resource-pulumi-fastapi"
    executable.write_text(f'#!/bin/sh\nexec {sys.executable} -m pulumi_fastapi "$@"\n')
    executable.chmod(0o755)
    emulated_cloud.environment["PATH"] = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


def program(version: int, account_network):
    def run() -> None:
        service = Service(
            "shop",
            app={"image": f"public.example.com/shop@sha256:{str(version) * 64}"},
            network={"vpcId": account_network.vpc_id, "publicSubnetIds": account_network.public_subnet_ids},
            tasksMin=1,
            tasksMax=1,
            deletionProtection=False,
        )
        pulumi.export("task", service.taskDefinitionArn)

    return run


@pytest.mark.usefixtures("provider")
def test_rollback_fails_the_up_of_any_language(emulated_cloud, account_network):
    emulated_cloud.up(program(1, account_network))
    emulated_cloud.faults({"operation": "ecs:Deployment", "effect": "rollback-silent", "exit_code": 3})

    with pytest.raises(DeploymentError, match="ECS rolled the deployment back"):
        emulated_cloud.up(program(2, account_network))
