"""What the tests of the AWS components read out of a plan."""

import json
from collections.abc import Callable
from typing import Any

from pulumi_fastapi.plan import Plan, Resource

IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/api@sha256:{'a' * 64}"

PlanService = Callable[..., Plan]
"""The `service` fixture."""


def document(resource: Resource, key: str = "policy") -> list[dict[str, Any]]:
    """The statements of a policy."""
    statements: list[dict[str, Any]] = json.loads(resource.inputs[key])["Statement"]
    return statements


def container(result: Plan) -> dict[str, Any]:
    """The one container of the one task definition."""
    definitions = json.loads(result.find("aws:ecs/taskDefinition:TaskDefinition").inputs["containerDefinitions"])
    assert len(definitions) == 1
    found: dict[str, Any] = definitions[0]
    return found
