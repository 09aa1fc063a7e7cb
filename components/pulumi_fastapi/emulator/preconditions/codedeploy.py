"""Deployment groups."""

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before
from pulumi_fastapi.emulator.preconditions.roles import trusts
from pulumi_fastapi.emulator.values import Properties


@before("codedeploy:CreateDeploymentGroup", "codedeploy:UpdateDeploymentGroup")
def _deployment_group(api: Api, region: str, params: Properties) -> None:
    operation = "UpdateDeploymentGroup" if "currentDeploymentGroupName" in params else "CreateDeploymentGroup"
    if "serviceRoleArn" in params and not trusts(api, region, params["serviceRoleArn"], "codedeploy"):
        raise ApiError(
            "codedeploy",
            operation,
            "InvalidRoleException",
            f"AWS CodeDeploy does not have the permissions required to assume the role {params['serviceRoleArn']}.",
        )
    query = {"applicationName": params["applicationName"]}
    try:
        platform = api.look_up("codedeploy", "GetApplication", query, region)["application"].get("computePlatform")
    except ApiError:
        return  # moto says so
    style = params.get("deploymentStyle") or {}
    if platform in ("Lambda", "ECS") and style.get("deploymentType") != "BLUE_GREEN" and operation.startswith("Create"):
        raise ApiError(
            "codedeploy",
            operation,
            "InvalidDeploymentStyleException",
            f"For {platform} deployments the deployment type has to be BLUE_GREEN with WITH_TRAFFIC_CONTROL.",
        )
