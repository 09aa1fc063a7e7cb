"""Clusters, task definitions and services."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, as_number, at_least, between, matches, one_of
from pulumi_fastapi.emulator.values import Properties, has_unknown, parse_json, scalar_text

_FARGATE_MEMORY: Mapping[int, frozenset[int]] = {
    256: frozenset((512, 1024, 2048)),
    512: frozenset(range(1024, 4097, 1024)),
    1024: frozenset(range(2048, 8193, 1024)),
    2048: frozenset(range(4096, 16385, 1024)),
    4096: frozenset(range(8192, 30721, 1024)),
    8192: frozenset(range(16384, 61441, 4096)),
    16384: frozenset(range(32768, 122881, 8192)),
}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(vcpu|gb)?", re.IGNORECASE)


def _units(value: Any) -> int | None:
    """`"256"`, `".25 vCPU"` and `"1 GB"` in CPU units and MiB."""
    found = _SIZE.fullmatch(str(value).strip())
    if found is None:
        return None
    number = float(found[1])
    return int(number * 1024) if found[2] else int(number)


def _fargate_size(inputs: Properties, _all: Properties) -> str | None:
    if "FARGATE" not in (inputs.get("requiresCompatibilities") or []):
        return None
    if inputs.get("cpu") is None or inputs.get("memory") is None:
        return "Fargate requires that 'cpu' and 'memory' be defined at the task level"
    cpu, memory = _units(inputs["cpu"]), _units(inputs["memory"])
    if cpu is None or cpu not in _FARGATE_MEMORY:
        return f"No Fargate configuration exists for given values: {inputs['cpu']} CPU, {inputs['memory']} memory"
    if memory not in _FARGATE_MEMORY[cpu]:
        allowed = ", ".join(str(item) for item in sorted(_FARGATE_MEMORY[cpu]))
        return (
            f"No Fargate configuration exists for given values: {inputs['cpu']} CPU, {inputs['memory']} memory. "
            f"With {cpu} CPU the memory is one of {allowed}"
        )
    return None


def _fargate_network(inputs: Properties, _all: Properties) -> str | None:
    on_fargate = "FARGATE" in (inputs.get("requiresCompatibilities") or [])
    if on_fargate and inputs.get("networkMode") in (None, "bridge", "host", "none"):
        return "Fargate only supports network mode 'awsvpc'"
    return None


def _containers(value: Any) -> list[Properties] | None:
    containers = json.loads(value) if isinstance(value, str) else value
    return containers if isinstance(containers, list) else None


def _container_list(value: Any, _inputs: Properties) -> str | None:
    try:
        containers = _containers(value)
    except ValueError as error:
        return f"ECS Task Definition container_definitions is invalid: {error}"
    if not containers:
        return "Container list cannot be empty"
    names = [container.get("name") for container in containers if isinstance(container, dict)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"Container names must be unique: {twice!r}"
    if not any(container.get("essential", True) for container in containers):
        return "At least one container must be essential"
    for container in containers:
        if not container.get("image"):
            return f"Container.image should not be null or empty: {container.get('name')!r}"
    return None


def _container_settings(inputs: Properties, _all: Properties) -> str | None:
    text = inputs.get("containerDefinitions")
    if has_unknown(text) or not isinstance(text, str) or parse_json(text) is None:
        return None
    containers = _containers(text) or []
    names = {container.get("name") for container in containers}
    on_fargate = "FARGATE" in (inputs.get("requiresCompatibilities") or [])
    for container in containers:
        problem = _container_problem(container, names, on_fargate, inputs.get("networkMode"))
        if problem is not None:
            return f"{problem} (container {container.get('name')!r})"
    return None


def _container_problem(container: Properties, names: set[Any], on_fargate: bool, network: Any) -> str | None:
    for dependency in container.get("dependsOn") or []:
        if dependency.get("containerName") not in names:
            return f"dependsOn names an unknown container: {dependency.get('containerName')!r}"
    for mapping in container.get("portMappings") or []:
        host = mapping.get("hostPort")
        if network == "awsvpc" and host not in (None, 0, mapping.get("containerPort")):
            return "When networkMode=awsvpc, the host ports and container ports in port mappings must match"
    logging = container.get("logConfiguration") or {}
    if logging.get("logDriver") == "awslogs":
        missing = [name for name in ("awslogs-group", "awslogs-region") if not (logging.get("options") or {}).get(name)]
        if missing:
            return f"Log driver awslogs requires options: {', '.join(missing)}"
    if on_fargate and container.get("privileged"):
        return "Fargate does not support privileged containers"
    if on_fargate and (as_number(container.get("stopTimeout")) or 0) > 120:
        return "stopTimeout is at most 120 seconds on Fargate"
    return None


def _container_memory(inputs: Properties, _all: Properties) -> str | None:
    text, memory = inputs.get("containerDefinitions"), _units(inputs.get("memory"))
    if has_unknown(text) or not isinstance(text, str) or parse_json(text) is None or memory is None:
        return None
    largest = max((as_number(container.get("memory")) or 0 for container in _containers(text) or []), default=0)
    if largest > memory:
        return f"A container's memory {scalar_text(largest)} is more than the task's memory {memory}"
    return None


def _volumes_defined(inputs: Properties, _all: Properties) -> str | None:
    text = inputs.get("containerDefinitions")
    if has_unknown(text) or not isinstance(text, str) or parse_json(text) is None:
        return None
    known = {volume.get("name") for volume in inputs.get("volumes") or []}
    for container in _containers(text) or []:
        for mount in container.get("mountPoints") or []:
            if mount.get("sourceVolume") not in known:
                return f"Unknown volume '{mount.get('sourceVolume')}' in container {container.get('name')!r}"
    return None


def _logs_need_execution_role(inputs: Properties, _all: Properties) -> str | None:
    text = inputs.get("containerDefinitions")
    if has_unknown(text) or inputs.get("executionRoleArn") is not None or parse_json(str(text)) is None:
        return None
    if "FARGATE" not in (inputs.get("requiresCompatibilities") or []):
        return None
    for container in _containers(text) or []:
        if container.get("secrets") or (container.get("logConfiguration") or {}).get("logDriver") == "awslogs":
            return (
                "Fargate requires task definition to have execution role ARN to support log driver awslogs and secrets"
            )
    return None


def _launch_or_capacity(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("launchType") is not None and inputs.get("capacityProviderStrategies"):
        return "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again"
    return None


def _grace_needs_balancer(inputs: Properties, _all: Properties) -> str | None:
    if as_number(inputs.get("healthCheckGracePeriodSeconds")) and not inputs.get("loadBalancers"):
        return "Health check grace period is only valid for services configured to use load balancers"
    return None


def _healthy_percents(inputs: Properties, _all: Properties) -> str | None:
    low, high = (
        as_number(inputs.get("deploymentMinimumHealthyPercent")),
        as_number(inputs.get("deploymentMaximumPercent")),
    )
    if low is not None and high is not None and (high <= low):
        return (
            f"deploymentMaximumPercent {scalar_text(high)} has to be greater than "
            f"deploymentMinimumHealthyPercent {scalar_text(low)}, or no task can be replaced"
        )
    return None


def _bake_time(value: Any, _inputs: Properties) -> str | None:
    return between(0, 1440, "minutes")(value, {})


RULES: tuple[Rule, ...] = (
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _fargate_size),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _fargate_network),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _volumes_defined),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _container_settings),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _container_memory),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _logs_need_execution_role),
    Rule("ecs/taskDefinition:TaskDefinition", "containerDefinitions", "ClientException", _container_list),
    Rule(
        "ecs/taskDefinition:TaskDefinition",
        "family",
        "ClientException",
        matches(r"[a-zA-Z0-9_-]{1,255}", "a family has up to 255 letters, digits, hyphens and underscores"),
    ),
    Rule(
        "ecs/taskDefinition:TaskDefinition",
        "requiresCompatibilities[]",
        "ClientException",
        one_of("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"),
    ),
    Rule("ecs/taskDefinition:TaskDefinition", "ephemeralStorage.sizeInGib", "ClientException", between(21, 200, "GiB")),
    Rule("ecs/service:Service", "desiredCount", "InvalidParameterException", at_least(0)),
    Rule("ecs/service:Service", "", "InvalidParameterException", _launch_or_capacity),
    Rule("ecs/service:Service", "", "InvalidParameterException", _healthy_percents),
    Rule("ecs/service:Service", "", "InvalidParameterException", _grace_needs_balancer),
    Rule("ecs/service:Service", "deploymentMinimumHealthyPercent", "InvalidParameterException", between(0, 100)),
    Rule("ecs/service:Service", "deploymentMaximumPercent", "InvalidParameterException", between(100, 65535)),
    Rule("ecs/service:Service", "deploymentConfiguration.bakeTimeInMinutes", "InvalidParameterException", _bake_time),
    Rule(
        "ecs/service:Service",
        "deploymentConfiguration.canaryConfiguration.canaryPercent",
        "InvalidParameterException",
        between(0.1, 100),
    ),
    Rule(
        "ecs/service:Service",
        "deploymentConfiguration.canaryConfiguration.canaryBakeTimeInMinutes",
        "InvalidParameterException",
        _bake_time,
    ),
    Rule(
        "ecs/service:Service",
        "deploymentConfiguration.linearConfiguration.stepPercent",
        "InvalidParameterException",
        between(3, 100),
    ),
    Rule(
        "ecs/service:Service",
        "name",
        "InvalidParameterException",
        matches(r"[a-zA-Z0-9_-]{1,255}", "a service name has letters, digits, hyphens and underscores"),
    ),
    Rule(
        "ecs/cluster:Cluster",
        "name",
        "InvalidParameterException",
        matches(r"[a-zA-Z0-9_-]{1,255}", "a cluster name has letters, digits, hyphens and underscores"),
    ),
)
