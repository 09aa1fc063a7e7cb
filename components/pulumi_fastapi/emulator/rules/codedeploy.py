"""Deployments of CodeDeploy."""

from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, between
from pulumi_fastapi.emulator.values import Properties


def _routing(value: Any, _inputs: Properties) -> str | None:
    wanted = {"TimeBasedCanary": "timeBasedCanary", "TimeBasedLinear": "timeBasedLinear"}.get(value.get("type"))
    for name in ("timeBasedCanary", "timeBasedLinear"):
        if (value.get(name) is not None) != (name == wanted):
            return f"type {value.get('type')} {'needs' if name == wanted else 'takes no'} {name}"
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        "codedeploy/deploymentConfig:DeploymentConfig",
        "trafficRoutingConfig",
        "InvalidTrafficRoutingConfigurationException",
        _routing,
    ),
    *(
        Rule(
            "codedeploy/deploymentConfig:DeploymentConfig",
            f"trafficRoutingConfig.{kind}.percentage",
            "InvalidTrafficRoutingConfigurationException",
            between(1, 99, "percent"),
        )
        for kind in ("timeBasedCanary", "timeBasedLinear")
    ),
)
