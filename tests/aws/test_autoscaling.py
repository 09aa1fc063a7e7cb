import math
from typing import Any

import pulumi_aws as aws
import pytest
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import Autoscaling
from pulumi_fastapi.plan import Plan, plan
from pulumi_fastapi.timeouts import Timeouts
from reading import IMAGE, PlanService

WARM_UP = 60
"""Seconds in which a new task of the simulation uses all of its CPU."""


def planned(**args: Any) -> Plan:
    defaults = {"cluster": "c", "service": "s", "tasks_min": 2, "tasks_max": 10, "startup": WARM_UP}
    targets = {"target_cpu": 60, "target_memory": 75}
    return plan(lambda: Autoscaling("api", **(defaults | targets | args)))


def policies(result: Plan) -> dict[str, dict[str, Any]]:
    """Metric to target tracking configuration."""
    found = [p.inputs["targetTrackingScalingPolicyConfiguration"] for p in result.all(aws.appautoscaling.Policy)]
    return {each["predefinedMetricSpecification"]["predefinedMetricType"]: each for each in found}


def test_the_number_of_tasks_of_the_service_scales() -> None:
    target = planned().find(aws.appautoscaling.Target).inputs
    assert (target["serviceNamespace"], target["scalableDimension"]) == ("ecs", "ecs:service:DesiredCount")
    assert (target["resourceId"], target["minCapacity"], target["maxCapacity"]) == ("service/c/s", 2, 10)


def test_it_aims_at_cpu_and_memory() -> None:
    targets = {metric: policy["targetValue"] for metric, policy in policies(planned()).items()}
    assert targets == {"ECSServiceAverageCPUUtilization": 60, "ECSServiceAverageMemoryUtilization": 75}


def test_requests_count_if_they_are_asked_for(service: PlanService) -> None:
    result = service(requests_per_target=600)
    policy = policies(result)["ALBRequestCountPerTarget"]
    balancer, group = result.find(aws.lb.LoadBalancer), result.find(aws.lb.TargetGroup, "api-tg")
    label = f"{balancer.outputs['arnSuffix']}/{group.outputs['arnSuffix']}"
    assert policy["targetValue"] == 600
    assert policy["predefinedMetricSpecification"]["resourceLabel"] == label


def test_it_scales_in_slower_than_out() -> None:
    for policy in policies(planned()).values():
        assert policy["scaleInCooldown"] >= 300
        assert policy["scaleOutCooldown"] < policy["scaleInCooldown"]


@pytest.mark.parametrize("startup", [10, 60, 900])
def test_it_waits_until_new_tasks_have_started(startup: int, service: PlanService) -> None:
    app = FastAPIApp(image=IMAGE, timeouts=Timeouts(startup=startup))
    for policy in policies(service(app=app)).values():
        assert policy["scaleOutCooldown"] > startup
        assert policy["scaleInCooldown"] > startup


def test_a_fixed_number_of_tasks_does_not_scale(service: PlanService) -> None:
    assert service(tasks_min=2, tasks_max=2).all(aws.appautoscaling.Target) == []


# Cooldowns against the CPU that starting takes (B06)


def simulate(load: list[float], cooldown: dict[str, int], target: float = 60, tasks: int = 2) -> list[int]:
    """The numbers of tasks that target tracking asks for, one after another.

    `load` is the work of each minute in tasks that it would keep busy. A task is provisioned for 30 s, then busy with
    itself for `WARM_UP`, then takes its share. Out after three minutes above the target, in after fifteen below 90 % of
    it.
    """
    started, asked, minutes, samples = [-1000] * tasks, [], [], []
    last_out = last_in = -(10**6)
    for now in range(0, 60 * len(load), 10):
        running = [start for start in started if start + 30 <= now]
        ready = [start for start in running if now - start >= 30 + WARM_UP]
        share = min(1.0, load[now // 60] / max(len(ready), 1))
        samples.append(100 * (len(running) - len(ready) + share * len(ready)) / len(running))
        if now % 60 != 50:
            continue
        minutes.append(sum(samples) / len(samples))
        samples, end = [], now + 10
        wanted = math.ceil(len(running) * minutes[-1] / target)
        if min(minutes[-3:]) > target and len(minutes) >= 3 and end - last_out >= cooldown["scaleOutCooldown"]:
            if wanted > len(started):
                started += [end] * (wanted - len(started))
                last_out = end
                asked.append(wanted)
        elif max(minutes[-15:]) < 0.9 * target and len(minutes) >= 15:
            fewer = max(wanted, tasks)
            if fewer < len(started) and end - max(last_in, last_out) >= cooldown["scaleInCooldown"]:
                started = sorted(started)[:fewer]
                last_in = end
                asked.append(len(started))
    return asked


def cooldowns() -> dict[str, int]:
    return policies(planned())["ECSServiceAverageCPUUtilization"]


@pytest.mark.parametrize("step", [1.3, 1.4, 1.6, 1.8])
def test_a_step_of_load_is_one_step_of_tasks(step: float) -> None:
    assert simulate([0.6] * 10 + [step] * 60, cooldowns()) == [3]


def test_a_short_spike_of_load_changes_nothing() -> None:
    assert simulate([0.6] * 20 + [1.9] * 2 + [0.6] * 40, cooldowns()) == []


def test_after_the_load_is_gone_it_ends_where_it_began() -> None:
    assert simulate([0.6] * 10 + [1.8] * 40 + [0.6] * 60, cooldowns()) == [3, 2]


def test_without_cooldowns_the_simulation_flaps() -> None:
    """What others ran into; the simulation must be able to show it."""
    asked = simulate([0.6] * 10 + [1.8] * 60, {"scaleOutCooldown": 0, "scaleInCooldown": 0})
    assert len(asked) > 3
    assert max(asked) > 6
