"""Scalable targets and scaling policies."""

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.values import Properties


@before("application-autoscaling:RegisterScalableTarget")
def _scalable(api: Api, region: str, params: Properties) -> None:
    """Provisioned concurrency is scaled at an alias or version, which has to be there."""
    if params["ServiceNamespace"] != "lambda":
        return
    _, function, qualifier = params["ResourceId"].split(":", 2)
    query = {"FunctionName": function}
    aliases = find(api, "lambda", "ListAliases", "Aliases", region, **query)
    versions = find(api, "lambda", "ListVersionsByFunction", "Versions", region, **query)
    if qualifier not in [*(each["Name"] for each in aliases), *(each["Version"] for each in versions)]:
        raise ApiError(
            "application-autoscaling",
            "RegisterScalableTarget",
            "ValidationException",
            f"Function not found or has no such alias or version, resource ID: {params['ResourceId']}",
        )


@before("application-autoscaling:PutScalingPolicy")
def _target_registered(api: Api, region: str, params: Properties) -> None:
    targets = find(
        api,
        "application-autoscaling",
        "DescribeScalableTargets",
        "ScalableTargets",
        region,
        ServiceNamespace=params["ServiceNamespace"],
        ResourceIds=[params["ResourceId"]],
    )
    if not targets:
        raise ApiError(
            "application-autoscaling",
            "PutScalingPolicy",
            "ObjectNotFoundException",
            f"No scalable target registered for service namespace: {params['ServiceNamespace']}, resource ID: "
            f"{params['ResourceId']}, scalable dimension: {params['ScalableDimension']}",
        )
