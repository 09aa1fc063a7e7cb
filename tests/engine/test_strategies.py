"""Deploy strategies on the real engine: what ECS is asked for, and what stays in place when they change."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi_fastapi import FargateFastAPIService, FargateFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.aws import ExistingNetwork
from pulumi_fastapi.emulated_cloud import Deployment

pytestmark = pytest.mark.engine

IMAGE = "public.example.com/shop@sha256:" + "1" * 64
ARGS = FargateFastAPIServiceArgs(
    app=FastAPIApp(image=IMAGE), tasks_min=1, tasks_max=1, deletion_protection=False, alarm_latency=1.0
)


@pytest.fixture
def network(emulated_cloud) -> ExistingNetwork:
    """The account's default one: faster than a network of one's own."""
    client = emulated_cloud.client("ec2")
    subnets = client.describe_subnets()["Subnets"]
    gateway = client.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    client.attach_internet_gateway(InternetGatewayId=gateway, VpcId=subnets[0]["VpcId"])
    return ExistingNetwork(vpc_id=subnets[0]["VpcId"], public_subnet_ids=[each["SubnetId"] for each in subnets[:2]])


def service(network: ExistingNetwork, **changes: Any):
    image = changes.pop("image", IMAGE)

    def program() -> None:
        app = replace(ARGS.app, image=image)
        made = FargateFastAPIService("shop", replace(ARGS, app=app, network=network, **changes))
        for output in ("cluster_name", "service_name", "task_definition_arn"):
            pulumi.export(output, getattr(made, output))

    return program


def weights(emulated_cloud) -> dict[str, int]:
    """Weight of each target group in the one rule that forwards."""
    client = emulated_cloud.client("elbv2")
    for balancer in client.describe_load_balancers()["LoadBalancers"]:
        for listener in client.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            for rule in client.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
                for action in rule["Actions"]:
                    if action["Type"] == "forward":
                        groups = action.get("ForwardConfig", {}).get("TargetGroups") or [
                            {"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}
                        ]
                        return {group["TargetGroupArn"]: group["Weight"] for group in groups}
    raise AssertionError("no rule forwards")


def live(emulated_cloud) -> str:
    found = weights(emulated_cloud)
    return max(found, key=lambda arn: found[arn])


def target_group(emulated_cloud, deployment: Deployment) -> str:
    """Where ECS registers the tasks of the service."""
    answer = emulated_cloud.client("ecs").describe_services(
        cluster=deployment.outputs["cluster_name"], services=[deployment.outputs["service_name"]]
    )
    return answer["services"][0]["loadBalancers"][0]["targetGroupArn"]


def replaced(deployment: Deployment) -> list[str]:
    return [
        step.urn
        for step in deployment.operations
        if "replace" in step.kind and not step.urn.split("::")[2].endswith("TaskDefinition")
    ]


@pytest.mark.parametrize("strategy", ["BLUE_GREEN", "CANARY", "LINEAR"])
def test_traffic_that_ecs_moved_stays_where_it_is(emulated_cloud, network, strategy):
    """Set back, the rule would send it to the target group whose tasks are gone."""
    emulated_cloud.up(service(network, strategy=strategy))
    first = live(emulated_cloud)
    emulated_cloud.up(service(network, strategy=strategy, image=IMAGE.replace("1", "2")))
    second = live(emulated_cloud)

    again = emulated_cloud.up(service(network, strategy=strategy, image=IMAGE.replace("1", "2")))

    assert first != second
    assert live(emulated_cloud) == second
    assert not again.changed


def test_a_service_changes_its_strategy_in_place(emulated_cloud, network):
    emulated_cloud.up(service(network))
    shifted = emulated_cloud.up(service(network, strategy="BLUE_GREEN"))
    moved = live(emulated_cloud)
    back = emulated_cloud.up(service(network))

    assert replaced(shifted) == replaced(back) == []
    assert live(emulated_cloud) == moved
    assert target_group(emulated_cloud, back) == moved
    assert not emulated_cloud.up(service(network)).changed
