"""Functions, their versions and aliases, and what hangs on them."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.api import ApiError, WaitError
from pulumi_fastapi.emulator.aws.common import by_id, by_input, delete_by
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import EVERYTHING, AutoName, Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties, parse_json, same

Request = tuple[str, Mapping[str, Any]]

_LOOKS = 100
"""How often a waiter looks before it gives up."""
_LOOK_SECONDS = 0.02

_CODE = ("imageUri", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash", "architectures")
# What UpdateFunctionConfiguration takes as "not any more", as a member that is left out stays as it is.
_CLEARED: Mapping[str, tuple[str, Any]] = {
    "deadLetterConfig": ("DeadLetterConfig", {"TargetArn": ""}),
    "description": ("Description", ""),
    "environment": ("Environment", {"Variables": {}}),
    "fileSystemConfig": ("FileSystemConfigs", []),
    "imageConfig": ("ImageConfig", {}),
    "kmsKeyArn": ("KMSKeyArn", ""),
    "layers": ("Layers", []),
    "vpcConfig": ("VpcConfig", {"SubnetIds": [], "SecurityGroupIds": []}),
}
# A change of these makes a new version when the function publishes.
_VERSIONED = (
    *_CODE,
    *_CLEARED,
    "ephemeralStorage",
    "handler",
    "loggingConfig",
    "memorySize",
    "publish",
    "role",
    "runtime",
    "snapStart",
    "timeout",
    "tracingConfig",
)


def _refuse_archive(_code: Any) -> Any:
    raise ValueError("archives are not emulated; use imageUri, or s3Bucket and s3Key")


def _snap_start(told: Properties) -> Properties | None:
    """None is what a function without it says."""
    return None if told["ApplyOn"] == "None" else {"applyOn": told["ApplyOn"]}


def _cleared(context: Context) -> Mapping[str, Any]:
    gone = [name for name in _CLEARED if context.old.get(name) and context.inputs.get(name) is None]
    return dict(_CLEARED[name] for name in gone)


def _change_code(context: Context, _creating: bool) -> Iterable[Request]:
    members = {
        "ImageUri": "imageUri",
        "S3Bucket": "s3Bucket",
        "S3Key": "s3Key",
        "S3ObjectVersion": "s3ObjectVersion",
        "Architectures": "architectures",
    }
    yield "UpdateFunctionCode", {"FunctionName": context.id, **by_input(**members)(context)}


def _change_concurrency(context: Context, creating: bool) -> Iterable[Request]:
    reserved = int(context.inputs.get("reservedConcurrentExecutions", -1))
    if reserved >= 0:
        yield "PutFunctionConcurrency", {"FunctionName": context.id, "ReservedConcurrentExecutions": reserved}
    elif not creating:
        yield "DeleteFunctionConcurrency", {"FunctionName": context.id}


def _concurrency(context: Context) -> Properties:
    reserved = context.live["Concurrency"].get("ReservedConcurrentExecutions", -1)
    return {"reservedConcurrentExecutions": float(reserved)}


def _publish(context: Context) -> None:
    """The create operation publishes by itself; after an update it is a call of its own."""
    _wait_until_usable(context)
    if context.old and context.inputs.get("publish") and context.changed(*_VERSIONED):
        published = context.call("PublishVersion", FunctionName=context.id)
        _wait_until_usable(context, published["Version"])


def _wait_until_usable(context: Context, version: str | None = None) -> None:
    """As the provider does after each change of a function."""
    query = {"FunctionName": context.id, **({"Qualifier": version} if version else {})}
    verb, member, wanted = (
        ("update", "LastUpdateStatus", "Successful") if context.old else ("create", "State", "Active")
    )
    waiting = f"waiting for Lambda Function ({context.id}) {verb}"
    for _ in range(_LOOKS):
        told = context.look_up("GetFunctionConfiguration", **query)
        if told[member] == wanted:
            return
        if told[member] == "Failed":
            reason = f"{told[f'{member}ReasonCode']}: {told[f'{member}Reason']}"
            raise WaitError(f"{waiting}: unexpected state 'Failed', wanted target '{wanted}'. last error: {reason}")
        time.sleep(_LOOK_SECONDS)
    raise WaitError(f"{waiting}: timeout while waiting for state to become '{wanted}' (last state: '{told[member]}')")


def _wait_until_allocated(context: Context) -> None:
    waiting = f"waiting for Lambda Provisioned Concurrency Config ({context.id}) to be ready"
    for _ in range(_LOOKS):
        told = context.look_up("GetProvisionedConcurrencyConfig", **_qualified_key(context))
        if told["Status"] == "READY":
            return
        if told["Status"] == "FAILED":
            reason = told["StatusReason"]
            raise WaitError(f"{waiting}: unexpected state 'FAILED', wanted target 'READY'. last error: {reason}")
        time.sleep(_LOOK_SECONDS)
    raise WaitError(f"{waiting}: timeout while waiting for state to become 'READY' (last state: '{told['Status']}')")


def _after_publishing(old: Properties, news: Properties) -> Iterable[str]:
    if any(not same(old.get(name), news.get(name)) for name in _VERSIONED):
        yield "lastModified"
        if news.get("publish"):
            yield from ("version", "qualifiedArn", "qualifiedInvokeArn")


def _function(_context: Context, answer: Properties) -> Properties:
    parts = {name: answer.get(name) or {} for name in ("Code", "Concurrency", "Tags")}
    return {**answer["Configuration"], **parts}


def _newest(context: Context, member: str) -> str:
    """Of the version published last, or of $LATEST."""
    return str(context.look_up("ListVersionsByFunction", FunctionName=context.id)["Versions"][-1][member])


def _invocation(version: str, ending: str) -> Callable[[Context, str], str]:
    return lambda context, arn: f"arn:aws:apigateway:{context.region}:lambda:path/{version}/functions/{arn}/{ending}"


_invoke_arn = _invocation("2015-03-31", "invocations")
_stream_arn = _invocation("2021-11-15", "response-streaming-invocations")


# ---------------------------------------------------------------------------------------------------------- permissions
def _statement(context: Context, answer: Properties) -> Properties | None:
    policy = parse_json(answer["Policy"])
    return next((item for item in policy["Statement"] if item["Sid"] == context.id), None)


def _service_of(principal: Any) -> Any:
    """Accounts are told as ARNs whatever they were given as: those stay as written."""
    return principal if isinstance(principal, str) else principal.get("Service")


def _import_permission(context: Context) -> None:
    """`function/statement` or `function:qualifier/statement`."""
    function, context.id = context.id.rsplit("/", 1)
    name, _, qualifier = function.partition(":")
    context.inputs.update({"function": name, "statementId": context.id})
    if qualifier:
        context.inputs["qualifier"] = qualifier


# ----------------------------------------------------------------------------------------------------------------- URLs
def _qualified(separator: str) -> Callable[[Context], str]:
    return lambda context: separator.join(
        str(context.inputs[name]) for name in ("functionName", "qualifier") if context.inputs.get(name)
    )


def _import_qualified(separator: str) -> Callable[[Context], None]:
    def prepare(context: Context) -> None:
        name, _, qualifier = context.id.partition(separator)
        context.inputs["functionName"] = name
        if qualifier:
            context.inputs["qualifier"] = qualifier

    return prepare


def _open_to_everyone(context: Context) -> None:
    """As the provider does for a new URL without authorization."""
    if context.old or context.inputs["authorizationType"] != "NONE":
        return
    try:
        context.call(
            "AddPermission",
            Action="lambda:InvokeFunctionUrl",
            FunctionUrlAuthType="NONE",
            Principal="*",
            StatementId="FunctionURLAllowPublicAccess",
            **_qualified_key(context),
        )
    except ApiError as error:
        if error.code != "ResourceConflictException":
            raise


def _url_id(context: Context) -> str:
    return str(context.live["FunctionUrl"]).removeprefix("https://").split(".")[0]


def _import_alias(context: Context) -> None:
    """`function/alias`."""
    name, alias = context.id.rsplit("/", 1)
    context.inputs.update({"functionName": name, "name": alias})
    context.id = context.arn(f"function:{name}:{alias}")


def _without_weights(context: Context) -> Mapping[str, Any]:
    """Leaving the weights out would keep them."""
    return {"RoutingConfig": {}} if context.old and context.inputs.get("routingConfig") is None else {}


_alias_key = by_input(FunctionName="functionName", Name="name")
_qualified_key = by_input(FunctionName="functionName", Qualifier="qualifier")
_permission_key = by_input(FunctionName="function", StatementId="statementId", Qualifier="qualifier")

ROWS = (
    ResourceType(
        pulumi_type="aws:lambda/function:Function",
        service="lambda",
        create="CreateFunction",
        update="UpdateFunctionConfiguration",
        id="FunctionName",
        autoname=AutoName(max_length=64),
        added=_cleared,
        fields={
            "name": "FunctionName",
            "code": Field("Code", encode=_refuse_archive),
            "imageUri": "Code.ImageUri",
            "s3Bucket": "Code.S3Bucket",
            "s3Key": "Code.S3Key",
            "s3ObjectVersion": "Code.S3ObjectVersion",
            "sourceKmsKeyArn": "Code.SourceKMSKeyArn",
            "imageConfig": Field("ImageConfig", read="ImageConfigResponse.ImageConfig"),
            "layers": Field("Layers", encode=list, decode=lambda layers: [layer["Arn"] for layer in layers]),
            "snapStart": Field("SnapStart", decode=_snap_start),
            "codeSha256": None,
            "replaceSecurityGroupsOnDestroy": None,
            "replacementSecurityGroupIds": None,
            "skipDestroy": None,
            "sourceCodeHash": None,
            "useResourceTimeoutForPropagation": None,
        },
        read=Read("GetFunction", by_id("FunctionName"), _function),
        delete=delete_by("DeleteFunction", "FunctionName"),
        kept_by="skipDestroy",
        defaults={
            "memorySize": 128.0,
            "packageType": "Zip",
            "publish": False,
            "reservedConcurrentExecutions": -1.0,
            "skipDestroy": False,
            "timeout": 3.0,
        },
        # Told nowhere, or as another place than the one they came from.
        not_read=frozenset(
            {"capacityProviderConfig", "durableConfig", "publishTo", "s3Bucket", "s3Key", "s3ObjectVersion"}
        ),
        replace_on=frozenset({"name", "packageType", "durableConfig", "tenancyConfig"}),
        steps=[
            Calls(_CODE, _change_code, updates_only=True),
            Calls(("reservedConcurrentExecutions",), _change_concurrency, _concurrency),
        ],
        after_update=_publish,
        outputs={
            "arn": "FunctionArn",
            "codeSha256": "CodeSha256",
            "invokeArn": lambda context: _invoke_arn(context, context.live["FunctionArn"]),
            "qualifiedArn": lambda context: _newest(context, "FunctionArn"),
            "qualifiedInvokeArn": lambda context: _invoke_arn(context, _newest(context, "FunctionArn")),
            "responseStreamingInvokeArn": lambda context: _stream_arn(context, context.live["FunctionArn"]),
            "sourceCodeSize": "CodeSize",
            "version": lambda context: _newest(context, "Version"),
        },
        volatile=_after_publishing,
    ),
    ResourceType(
        pulumi_type="aws:lambda/alias:Alias",
        service="lambda",
        create="CreateAlias",
        update="UpdateAlias",
        id="AliasArn",
        autoname=AutoName(max_length=128),
        added=_without_weights,
        read=Read("GetAlias", _alias_key),
        delete=Call("DeleteAlias", _alias_key),
        replace_on=frozenset({"name", "functionName"}),
        outputs={
            "arn": "AliasArn",
            "invokeArn": lambda context: _invoke_arn(context, context.live["AliasArn"]),
        },
        import_id=_import_alias,
    ),
    ResourceType(
        pulumi_type="aws:lambda/permission:Permission",
        service="lambda",
        create="AddPermission",
        id=lambda context: str(context.inputs["statementId"]),
        autoname=AutoName("statementId", max_length=100),
        fields={
            "function": "FunctionName",
            "functionUrlAuthType": Field(
                "FunctionUrlAuthType", read="Condition.StringEquals.lambda:FunctionUrlAuthType"
            ),
            "invokedViaFunctionUrl": Field("InvokedViaFunctionUrl", read="Condition.Bool.lambda:InvokedViaFunctionUrl"),
            "principal": Field("Principal", decode=_service_of),
            "principalOrgId": Field("PrincipalOrgID", read="Condition.StringEquals.aws:PrincipalOrgID"),
            "sourceAccount": Field("SourceAccount", read="Condition.StringEquals.AWS:SourceAccount"),
            "sourceArn": Field("SourceArn", read="Condition.ArnLike.AWS:SourceArn"),
            "statementIdPrefix": None,
        },
        read=Read("GetPolicy", by_input(FunctionName="function", Qualifier="qualifier"), _statement),
        delete=Call("RemovePermission", _permission_key),
        replace_on=EVERYTHING,
        import_id=_import_permission,
    ),
    ResourceType(
        pulumi_type="aws:lambda/functionUrl:FunctionUrl",
        service="lambda",
        create="CreateFunctionUrlConfig",
        update="UpdateFunctionUrlConfig",
        id=_qualified("/"),
        fields={"authorizationType": "AuthType"},
        read=Read("GetFunctionUrlConfig", _qualified_key),
        delete=Call("DeleteFunctionUrlConfig", _qualified_key),
        defaults={"invokeMode": "BUFFERED"},
        replace_on=frozenset({"functionName", "qualifier"}),
        after_update=_open_to_everyone,
        outputs={"urlId": _url_id},
        import_id=_import_qualified("/"),
    ),
    ResourceType(
        pulumi_type="aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        service="lambda",
        create="PutFunctionEventInvokeConfig",
        update="PutFunctionEventInvokeConfig",
        id=_qualified(":"),
        read=Read("GetFunctionEventInvokeConfig", _qualified_key),
        delete=Call("DeleteFunctionEventInvokeConfig", _qualified_key),
        defaults={"maximumRetryAttempts": 2.0},
        replace_on=frozenset({"functionName", "qualifier"}),
        import_id=_import_qualified(":"),
    ),
    ResourceType(
        pulumi_type="aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        service="lambda",
        create="PutProvisionedConcurrencyConfig",
        update="PutProvisionedConcurrencyConfig",
        id=_qualified(","),
        fields={
            "provisionedConcurrentExecutions": Field(
                "ProvisionedConcurrentExecutions", read="RequestedProvisionedConcurrentExecutions"
            ),
            "skipDestroy": None,
        },
        read=Read("GetProvisionedConcurrencyConfig", _qualified_key),
        delete=Call("DeleteProvisionedConcurrencyConfig", _qualified_key),
        kept_by="skipDestroy",
        defaults={"skipDestroy": False},
        replace_on=frozenset({"functionName", "qualifier"}),
        after_update=_wait_until_allocated,
        import_id=_import_qualified(","),
    ),
    ResourceType(
        pulumi_type="aws:lambda/eventSourceMapping:EventSourceMapping",
        service="lambda",
        create="CreateEventSourceMapping",
        update="UpdateEventSourceMapping",
        update_key=by_id("UUID"),
        id="UUID",
        fields={
            "destinationConfig.onFailure.destinationArn": "Destination",
            "enabled": Field(
                "Enabled", read="State", decode=lambda state: state in ("Creating", "Enabled", "Enabling")
            ),
            "functionName": Field("FunctionName", read="FunctionArn", decode=lambda arn: arn.split(":function:")[1]),
            "useResourceTimeoutForPropagation": None,
        },
        read=Read("GetEventSourceMapping", by_id("UUID")),
        delete=delete_by("DeleteEventSourceMapping", "UUID"),
        defaults={"enabled": True},
        # Told as an ARN, however the program gives it.
        not_read=frozenset({"functionName"}),
        filled_in=frozenset({"batchSize"}),
        replace_on=frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp", "topics", "queues"}),
        outputs={"arn": "EventSourceMappingArn", "uuid": "UUID"},
        import_id=lambda _context: None,
    ),
)
