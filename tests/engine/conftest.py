from typing import Any

import pulumi
import pytest
from pulumi_fastapi import FargateFastAPIService, FargateFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.aws import ExistingNetwork


@pytest.fixture
def account_network(emulated_cloud) -> ExistingNetwork:
    """The account's default one: faster than a network of one's own."""
    client = emulated_cloud.client("ec2")
    subnets = client.describe_subnets()["Subnets"]
    gateway = client.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    client.attach_internet_gateway(InternetGatewayId=gateway, VpcId=subnets[0]["VpcId"])
    return ExistingNetwork(vpc_id=subnets[0]["VpcId"], public_subnet_ids=[each["SubnetId"] for each in subnets[:2]])


@pytest.fixture
def shop(account_network):
    """Makes a program with one small service, of the image of that version; the other arguments are the service's."""

    def make(version: int = 1, app: dict[str, Any] | None = None, **args: Any):
        image = f"public.example.com/shop@sha256:{str(version) * 64}"

        def program() -> None:
            settings = {"tasks_min": 1, "tasks_max": 1, "deletion_protection": False, **args}
            made = FargateFastAPIService(
                "shop",
                FargateFastAPIServiceArgs(
                    app=FastAPIApp(image=image, **(app or {})), network=account_network, **settings
                ),
            )
            for output in ("cluster_name", "service_name", "task_definition_arn"):
                pulumi.export(output, getattr(made, output))

        return program

    return make
