from typing import Any

import pulumi_aws as aws
import pytest
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import FargateFastAPIService, FargateFastAPIServiceArgs
from pulumi_fastapi.aws.load_balancer import live_group
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan
from reading import IMAGE, PlanService, document

SHIFTING = ("BLUE_GREEN", "CANARY", "LINEAR")


def ecs(result: Plan) -> dict[str, Any]:
    return result.find(aws.ecs.Service).inputs


def groups(result: Plan) -> list[str]:
    return [group.outputs["arn"] for group in result.all(aws.lb.TargetGroup)]


@pytest.mark.parametrize(
    ("args", "configuration"),
    [
        ({}, {"strategy": "ROLLING"}),
        ({"strategy": "BLUE_GREEN"}, {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}),
        ({"strategy": "BLUE_GREEN", "bake_minutes": 0}, {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "0"}),
        (
            {"strategy": "CANARY", "canary_percent": 5, "canary_bake_minutes": 3},
            {
                "strategy": "CANARY",
                "bakeTimeInMinutes": "5",
                "canaryConfiguration": {"canaryPercent": 5, "canaryBakeTimeInMinutes": "3"},
            },
        ),
        (
            {"strategy": "LINEAR", "step_percent": 25, "step_bake_minutes": 1},
            {
                "strategy": "LINEAR",
                "bakeTimeInMinutes": "5",
                "linearConfiguration": {"stepPercent": 25, "stepBakeTimeInMinutes": "1"},
            },
        ),
        (
            {"strategy": "BLUE_GREEN", "approval_minutes": 60},
            {
                "strategy": "BLUE_GREEN",
                "bakeTimeInMinutes": "5",
                "lifecycleHooks": [
                    {
                        "targetType": "PAUSE",
                        "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"],
                        "timeoutConfiguration": {"action": "ROLLBACK", "timeoutInMinutes": "60"},
                    }
                ],
            },
        ),
    ],
)
def test_a_strategy_is_said_in_the_words_of_ecs(
    service: PlanService, args: dict[str, Any], configuration: dict[str, Any]
) -> None:
    assert ecs(service(**args))["deploymentConfiguration"] == configuration


@pytest.mark.parametrize("strategy", SHIFTING)
def test_traffic_moves_between_two_groups_with_a_role_for_just_that(service: PlanService, strategy: str) -> None:
    result = service(strategy=strategy)
    first, second = groups(result)
    rule = result.find(aws.lb.ListenerRule).outputs["arn"]
    role = result.find(aws.iam.Role, "api-traffic")
    (balancer,) = ecs(result)["loadBalancers"]
    assert balancer["targetGroupArn"] == first
    assert balancer["advancedConfiguration"] == {
        "alternateTargetGroupArn": second,
        "productionListenerRule": rule,
        "roleArn": role.outputs["arn"],
    }
    assert document(role, "assumeRolePolicy")[0]["Principal"] == {"Service": "ecs.amazonaws.com"}
    grants = {
        action: each["Resource"]
        for each in document(result.find(aws.iam.RolePolicy, "api-traffic"))
        for action in each["Action"]
    }
    assert grants["elasticloadbalancing:RegisterTargets"] == [first, second]
    assert grants["elasticloadbalancing:ModifyRule"] == rule
    assert {action for action, resource in grants.items() if resource == "*"} == {
        f"elasticloadbalancing:Describe{what}" for what in ("Listeners", "Rules", "TargetGroups", "TargetHealth")
    }


@pytest.mark.parametrize("strategy", SHIFTING)
def test_ecs_can_move_traffic_before_the_service_is_made(service: PlanService, strategy: str) -> None:
    result = service(strategy=strategy)
    needed = result.find(aws.ecs.Service).dependencies
    assert {result.find(aws.iam.RolePolicy, "api-traffic"), result.find(aws.lb.ListenerRule)} <= set(needed)


def test_what_ecs_rewrites_is_left_to_it(service: PlanService) -> None:
    rule = service(strategy="CANARY").find(aws.lb.ListenerRule)
    assert list(rule.options.ignore_changes) == ["actions"]
    assert [action["type"] for action in rule.inputs["actions"]] == ["forward"]


@pytest.mark.parametrize("strategy", ["ROLLING", *SHIFTING])
def test_both_groups_suit_every_strategy(service: PlanService, strategy: str) -> None:
    """So that a service can change its strategy without a replacement."""
    both = [group.inputs for group in service(strategy=strategy).all(aws.lb.TargetGroup)]
    assert [group["targetType"] for group in both] == ["ip", "ip"]
    assert both[0] == both[1]


def test_a_rolling_deploy_stays_where_the_traffic_is(service: PlanService) -> None:
    result = service()
    (balancer,) = ecs(result)["loadBalancers"]
    assert (balancer["targetGroupArn"], "advancedConfiguration" in balancer) == (groups(result)[0], False)


@pytest.mark.parametrize(
    ("weights", "live"),
    [({}, "a"), ({"a": 1}, "a"), ({"a": 0, "b": 100}, "b"), ({"a": 90, "b": 10}, "a"), ({"a": 50, "b": 50}, "a")],
)
def test_the_live_group_has_most_of_the_traffic(weights: dict[str, int], live: str) -> None:
    forward = {"target_groups": [{"arn": arn, "weight": weight} for arn, weight in weights.items()]}
    assert live_group([{"forwards": [forward]}], "a") == live


# The alarms


@pytest.mark.parametrize("strategy", SHIFTING)
def test_a_deploy_goes_back_when_an_alarm_on_its_answers_fires(service: PlanService, strategy: str) -> None:
    result = service(strategy=strategy)
    names = {
        result.find(aws.cloudwatch.MetricAlarm, f"api-{label}").outputs["name"]
        for label in ("errors", "connections", "latency")
    }
    alarms = ecs(result)["alarms"]
    assert (set(alarms.pop("alarmNames")), alarms) == (names, {"enable": True, "rollback": True})


def test_a_rolling_deploy_does_not_wait_for_alarms(service: PlanService) -> None:
    assert "alarms" not in ecs(service())


def test_alarms_see_both_groups_while_traffic_moves(service: PlanService) -> None:
    result = service(strategy="BLUE_GREEN")
    both = {arn.split(":")[-1] for arn in groups(result)}
    for label in ("errors", "connections", "latency", "unhealthy", "down", "tasks"):
        queries = result.find(aws.cloudwatch.MetricAlarm, f"api-{label}").inputs["metricQueries"]
        watched = {query["metric"]["dimensions"]["TargetGroup"] for query in queries if "metric" in query}
        assert watched == both, label
        (judged,) = [query for query in queries if query.get("returnData")]
        named = {query["id"] for query in queries if "metric" in query}
        assert all(name in judged["expression"] for name in named)


def test_scaling_on_requests_survives_a_swap(service: PlanService) -> None:
    result = service(strategy="BLUE_GREEN", requests_per_target=600)
    policy = result.find(aws.appautoscaling.Policy, "api-requests").inputs
    metrics = policy["targetTrackingScalingPolicyConfiguration"]["customizedMetricSpecification"]["metrics"]
    watched = {
        each["value"]
        for metric in metrics
        if "metricStat" in metric
        for each in metric["metricStat"]["metric"]["dimensions"]
        if each["name"] == "TargetGroup"
    }
    assert watched == {arn.split(":")[-1] for arn in groups(result)}
    assert [metric["expression"] for metric in metrics if metric["returnData"]] == ["SUM([m0, m1])"]


# Times, connections, wrong arguments


@pytest.mark.parametrize(
    ("args", "term", "seconds"),
    [
        ({"strategy": "CANARY", "canary_bake_minutes": 7}, "canary", 420),
        ({"strategy": "LINEAR", "step_percent": 25, "step_bake_minutes": 2}, "linear", 360),
        ({"strategy": "BLUE_GREEN", "bake_minutes": 15}, "bake", 900),
        ({"strategy": "BLUE_GREEN", "approval_minutes": 120}, "approval", 7200),
    ],
)
def test_pulumi_waits_longer_than_ecs(service: PlanService, args: dict[str, Any], term: str, seconds: int) -> None:
    result = service(**args)
    worst = result.find(FargateFastAPIService).outputs["deploymentSeconds"]
    assert worst[term] == seconds
    timeouts = result.find(aws.ecs.Service).options.custom_timeouts
    assert timeouts == dict.fromkeys(("create", "update", "delete"), f"{worst['total']}s")


@pytest.mark.parametrize("strategy", SHIFTING)
def test_the_second_set_of_tasks_counts_in_the_connection_budget(strategy: str) -> None:
    args = FargateFastAPIServiceArgs(app=FastAPIApp(image=IMAGE), strategy=strategy, tasks_max=3)  # type: ignore[arg-type]
    assert args.connection_demand("api").surge == 2.0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"strategy": "CANERY"}, "strategy: .* did you mean 'CANARY'"),
        ({"canary_percent": 5}, "canary_percent: is of use only with strategy CANARY, got 5"),
        ({"strategy": "CANARY", "step_percent": 50}, "step_percent: is of use only with strategy LINEAR, got 50"),
        ({"bake_minutes": 9}, "bake_minutes: is of use only with strategy BLUE_GREEN or CANARY or LINEAR, got 9"),
        ({"strategy": "LINEAR", "step_percent": 2}, "step_percent: must be between 3 and 100"),
        ({"strategy": "CANARY", "canary_percent": 0}, "canary_percent: must be between 0.1 and 100"),
        ({"approval_minutes": 5}, "approval_minutes: is of use only with strategy"),
    ],
)
def test_wrong_strategies_are_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        FargateFastAPIServiceArgs(app=FastAPIApp(image=IMAGE), **args)
