"""Scalable targets and scaling policies."""

from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, as_number, at_least
from pulumi_fastapi.emulator.values import Properties, scalar_text


def _metric_of_a_balancer(value: Any, _inputs: Properties) -> str | None:
    if value.get("predefinedMetricType") == "ALBRequestCountPerTarget" and value.get("resourceLabel") is None:
        return "ALBRequestCountPerTarget needs a resourceLabel: app/<balancer>/<id>/targetgroup/<group>/<id>"
    return None


def _min_max_capacity(inputs: Properties, _all: Properties) -> str | None:
    low, high = as_number(inputs.get("minCapacity")), as_number(inputs.get("maxCapacity"))
    if low is not None and high is not None and low > high:
        return f"Maximum capacity {scalar_text(high)} cannot be less than minimum capacity {scalar_text(low)}"
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        "appautoscaling/policy:Policy",
        "targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification",
        "ValidationException",
        _metric_of_a_balancer,
    ),
    Rule("appautoscaling/target:Target", "", "ValidationException", _min_max_capacity),
    Rule("appautoscaling/target:Target", "minCapacity", "ValidationException", at_least(0)),
)
