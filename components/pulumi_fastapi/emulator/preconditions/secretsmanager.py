"""Secrets."""

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before
from pulumi_fastapi.emulator.values import Properties


@before("secretsmanager:CreateSecret")
def _secret_name_pending(api: Api, region: str, params: Properties) -> None:
    try:
        secret = api.look_up("secretsmanager", "DescribeSecret", {"SecretId": params["Name"]}, region)
    except ApiError:
        return
    if secret.get("DeletedDate"):
        raise ApiError(
            "secretsmanager",
            "CreateSecret",
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )


@before("secretsmanager:RotateSecret")
def _rotating_function(api: Api, region: str, params: Properties) -> None:
    arn = params.get("RotationLambdaARN")
    if arn is None:
        return
    try:
        policy = api.look_up("lambda", "GetPolicy", {"FunctionName": arn}, region)["Policy"]
    except ApiError:
        policy = ""
    if "secretsmanager.amazonaws.com" not in policy:
        raise ApiError(
            "secretsmanager",
            "RotateSecret",
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
            "access to the principal secretsmanager.amazonaws.com.",
        )
