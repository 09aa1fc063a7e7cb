"""Scalable targets and scaling policies."""

import re
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, as_number, at_least, value_text
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


def _warm_functions(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("serviceNamespace") != "lambda":
        return None
    dimension, resource = inputs.get("scalableDimension"), inputs.get("resourceId")
    if isinstance(dimension, str) and dimension != "lambda:function:ProvisionedConcurrency":
        return f"{dimension!r} is no dimension of lambda: lambda:function:ProvisionedConcurrency"
    if isinstance(resource, str) and not re.fullmatch(r"function:[^:]+:(?!\$LATEST)[^:]+", resource):
        return f"Unsupported resource type: {resource!r} is no function:<name>:<alias>"
    return None


def _use_of_functions(value: Any, _inputs: Properties) -> str | None:
    metric = (value.get("predefinedMetricSpecification") or {}).get("predefinedMetricType")
    target = as_number(value.get("targetValue"))
    if metric == "LambdaProvisionedConcurrencyUtilization" and target is not None and not 0 < target <= 1:
        return f"targetValue {value_text(value['targetValue'])}: the share of {metric} is between 0 and 1"
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
    Rule("appautoscaling/target:Target", "", "ValidationException", _warm_functions),
    Rule("appautoscaling/policy:Policy", "", "ValidationException", _warm_functions),
    Rule(
        "appautoscaling/policy:Policy",
        "targetTrackingScalingPolicyConfiguration",
        "ValidationException",
        _use_of_functions,
    ),
)
