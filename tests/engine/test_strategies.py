"""Deploy strategies on the real engine: what ECS is asked for, and what stays in place when they change."""

import pytest
from pulumi_fastapi.emulated_cloud import Deployment

pytestmark = pytest.mark.engine


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
def test_traffic_that_ecs_moved_stays_where_it_is(emulated_cloud, shop, strategy):
    """Set back, the rule would send it to the target group whose tasks are gone."""
    emulated_cloud.up(shop(strategy=strategy))
    first = live(emulated_cloud)
    emulated_cloud.up(shop(strategy=strategy, version=2))
    second = live(emulated_cloud)

    again = emulated_cloud.up(shop(strategy=strategy, version=2))

    assert first != second
    assert live(emulated_cloud) == second
    assert not again.changed


def test_a_service_changes_its_strategy_in_place(emulated_cloud, shop):
    emulated_cloud.up(shop())
    shifted = emulated_cloud.up(shop(strategy="BLUE_GREEN"))
    moved = live(emulated_cloud)
    back = emulated_cloud.up(shop())

    assert replaced(shifted) == replaced(back) == []
    assert live(emulated_cloud) == moved
    assert target_group(emulated_cloud, back) == moved
    assert not emulated_cloud.up(shop()).changed
