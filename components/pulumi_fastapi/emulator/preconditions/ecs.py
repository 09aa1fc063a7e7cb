"""Services and clusters."""

from typing import Any

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.preconditions.elbv2 import uses_of
from pulumi_fastapi.emulator.values import Properties


@before("ecs:CreateService")
def _service(api: Api, region: str, params: Properties) -> None:
    cluster = params.get("cluster", "default")
    services = find(
        api, "ecs", "DescribeServices", "services", region, cluster=cluster, services=[params["serviceName"]]
    )
    if any(service["status"] == "ACTIVE" for service in services):
        raise ApiError("ecs", "CreateService", "InvalidParameterException", "Creation of service was not idempotent.")
    _service_targets(api, region, "CreateService", params)


@before("ecs:UpdateService")
def _service_update(api: Api, region: str, params: Properties) -> None:
    _service_targets(api, region, "UpdateService", params)


def _service_targets(api: Api, region: str, operation: str, params: Properties) -> None:
    definition = _task_definition(api, region, params.get("taskDefinition"))
    for balancer in params.get("loadBalancers") or []:
        arn = balancer.get("targetGroupArn")
        if arn:
            _attached(api, region, operation, arn)
        if definition is not None:
            _container_exists(operation, definition, balancer)
    if definition is not None and definition.get("networkMode") == "awsvpc" and operation == "CreateService":
        _network_given(operation, params)


def _task_definition(api: Api, region: str, name: Any) -> Properties | None:
    if not isinstance(name, str):
        return None
    try:
        definition: Properties = api.look_up("ecs", "DescribeTaskDefinition", {"taskDefinition": name}, region)[
            "taskDefinition"
        ]
    except ApiError:
        return None  # the call itself says so
    return definition


def _attached(api: Api, region: str, operation: str, arn: str) -> None:
    if not find(api, "elbv2", "DescribeTargetGroups", "TargetGroups", region, TargetGroupArns=[arn]):
        raise ApiError("ecs", operation, "InvalidParameterException", f"The target group {arn} does not exist.")
    if not uses_of(api, region, arn):
        raise ApiError(
            "ecs",
            operation,
            "InvalidParameterException",
            f"The target group with targetGroupArn {arn} does not have an associated load balancer.",
        )


def _container_exists(operation: str, definition: Properties, balancer: Properties) -> None:
    name, port = balancer.get("containerName"), balancer.get("containerPort")
    for container in definition["containerDefinitions"]:
        if container["name"] == name:
            ports = [mapping.get("containerPort") for mapping in container.get("portMappings") or []]
            if port in ports:
                return
            raise ApiError(
                "ecs",
                operation,
                "InvalidParameterException",
                f"The container {name} did not have a container port {port} defined.",
            )
    raise ApiError(
        "ecs", operation, "InvalidParameterException", f"The container {name} does not exist in the task definition."
    )


def _network_given(operation: str, params: Properties) -> None:
    if not (params.get("networkConfiguration") or {}).get("awsvpcConfiguration"):
        raise ApiError(
            "ecs",
            operation,
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        )


@before("ecs:DeleteCluster")
def _cluster_in_use(api: Api, region: str, params: Properties) -> None:
    arns = find(api, "ecs", "ListServices", "serviceArns", region, cluster=params["cluster"])
    services = (
        find(api, "ecs", "DescribeServices", "services", region, cluster=params["cluster"], services=arns)
        if arns
        else []
    )
    if any(service["status"] != "INACTIVE" for service in services):
        raise ApiError(
            "ecs",
            "DeleteCluster",
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        )
