"""Functions: their code, role, network and concurrency."""

import json
import re
from typing import NoReturn

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.preconditions.roles import allows, trusts
from pulumi_fastapi.emulator.values import Properties

_ECR_IMAGE = re.compile(
    r"\d+\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)(?P<tag>:[^@]+)?(@(?P<digest>.+))?"
)


def _lambda_refuses(operation: str, message: str) -> NoReturn:
    raise ApiError("lambda", operation, "InvalidParameterValueException", message)


@before("lambda:CreateFunction")
def _new_function(api: Api, region: str, params: Properties) -> None:
    _function_code(api, region, "CreateFunction", params["Code"])
    _function_settings(api, region, params)


@before("lambda:UpdateFunctionConfiguration")
def _function_settings(api: Api, region: str, params: Properties) -> None:
    operation = "CreateFunction" if "Code" in params else "UpdateFunctionConfiguration"
    if params.get("Role") and not trusts(api, region, params["Role"], "lambda"):
        _lambda_refuses(operation, "The role defined for the function cannot be assumed by Lambda.")
    network = params.get("VpcConfig") or {}
    _role_suffices(api, region, operation, params)
    for member, describe, path, what in (
        ("SubnetIds", "DescribeSubnets", "Subnets", "subnet"),
        ("SecurityGroupIds", "DescribeSecurityGroups", "SecurityGroups", "security group"),
    ):
        for id in network.get(member) or []:
            key = "GroupIds" if path == "SecurityGroups" else member
            if not find(api, "ec2", describe, path, region, **{key: [id]}):
                _lambda_refuses(
                    operation, f"Error occurred while describing {what}s. The {what} ID '{id}' does not exist"
                )


_SENDING = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
"""What the role needs to hand an event on, by the service it goes to."""


def _role_suffices(api: Api, region: str, operation: str, params: Properties) -> None:
    """Lambda tries what a setting needs while the call is made: the role's policies have to be there before."""
    role = params.get("Role") or _role_of(api, region, params["FunctionName"])
    needed = []
    if (params.get("VpcConfig") or {}).get("SubnetIds"):
        needed.append(("ec2:CreateNetworkInterface", "CreateNetworkInterface on EC2"))
    if (params.get("TracingConfig") or {}).get("Mode") == "Active":
        needed.append(("xray:PutTraceSegments", "PutTraceSegments on XRAY"))
    target = (params.get("DeadLetterConfig") or {}).get("TargetArn")
    if target and target.split(":")[2] in _SENDING:
        action = _SENDING[target.split(":")[2]]
        needed.append((action, f"{action.split(':')[1]} on {target.split(':')[2].upper()}"))
    for action, text in needed:
        if not allows(api, region, role, action):
            _lambda_refuses(operation, f"The provided execution role does not have permissions to call {text}")


def _role_of(api: Api, region: str, function: str) -> str:
    """Not asked of the function itself: injected faults count who looks at its state."""
    name = function.split(":function:")[-1].split(":")[0]
    latest = api.look_up("lambda", "ListVersionsByFunction", {"FunctionName": name}, region)["Versions"][0]
    return str(latest["Role"])


@before("lambda:UpdateFunctionCode")
def _new_code(api: Api, region: str, params: Properties) -> None:
    _function_code(api, region, "UpdateFunctionCode", params)


def _function_code(api: Api, region: str, operation: str, code: Properties) -> None:
    """Lambda copies the code while the call is made: it has to be there, in the same region, for one platform."""
    uri = code.get("ImageUri")
    if code.get("S3Bucket"):
        try:
            api.look_up("s3", "HeadObject", {"Bucket": code["S3Bucket"], "Key": code.get("S3Key")}, region)
        except ApiError:
            _lambda_refuses(operation, "Error occurred while GetObject. S3 Error Code: NoSuchKey.")
    place = _ECR_IMAGE.fullmatch(uri or "")
    if uri is None:
        return
    if place is None or place["region"] != region:
        _lambda_refuses(operation, f"Source image {uri} is not valid. Provide a valid source image.")
    id = {"imageDigest": place["digest"]} if place["digest"] else {"imageTag": (place["tag"] or ":latest")[1:]}
    images = find(api, "ecr", "BatchGetImage", "images", region, repositoryName=place["name"], imageIds=[id])
    if not images:
        _lambda_refuses(operation, f"Source image {uri} does not exist. Provide a valid source image.")
    if "manifests" in json.loads(images[0]["imageManifest"]):
        _lambda_refuses(
            operation,
            f"The image manifest, config or layer media type for the source image {uri} is not supported.",
        )


@before("lambda:PutProvisionedConcurrencyConfig")
def _within_the_reserve(api: Api, region: str, params: Properties) -> None:
    answer = api.look_up("lambda", "GetFunctionConcurrency", {"FunctionName": params["FunctionName"]}, region)
    reserved = answer.get("ReservedConcurrentExecutions")
    if reserved is not None and params["ProvisionedConcurrentExecutions"] > reserved:
        _lambda_refuses(
            "PutProvisionedConcurrencyConfig",
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
        )


def functions_in(api: Api, region: str, member: str, id: str) -> bool:
    functions = find(api, "lambda", "ListFunctions", "Functions", region)
    return any(id in ((each.get("VpcConfig") or {}).get(member) or []) for each in functions)


@before("lambda:PutFunctionEventInvokeConfig")
def _destinations(api: Api, region: str, params: Properties) -> None:
    role = _role_of(api, region, params["FunctionName"])
    for destination in (params.get("DestinationConfig") or {}).values():
        arn = destination.get("Destination")
        action = _SENDING.get(arn.split(":")[2]) if arn else None
        if action is not None and not allows(api, region, role, action):
            _lambda_refuses(
                "PutFunctionEventInvokeConfig",
                f"The function's execution role does not have permissions to call {action.split(':')[1]} on {arn}",
            )
