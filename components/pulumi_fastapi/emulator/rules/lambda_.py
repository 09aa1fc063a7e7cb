"""Functions and aliases."""

import json
import re
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, at_least, between, matches
from pulumi_fastapi.emulator.values import Properties

_RESERVED_VARIABLES = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_REGION|REGION|EXECUTION_ENV|ACCESS_KEY|ACCESS_KEY_ID|SECRET_ACCESS_KEY|"
    r"SESSION_TOKEN)|AWS_LAMBDA_(FUNCTION_.+|LOG_.+|INITIALIZATION_TYPE|RUNTIME_API)|LAMBDA_(TASK_ROOT|RUNTIME_DIR)"
)

_ECR_IMAGE = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9/._-]+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?"
)


def _package(inputs: Properties, _all: Properties) -> str | None:
    given = [name for name in ("code", "imageUri", "s3Bucket") if inputs.get(name) is not None]
    if len(given) != 1:  # none at all: the model says so
        return f"only one of code, imageUri and s3Bucket can be given, not {' and '.join(given)}" if given else None
    if inputs.get("packageType", "Zip") == "Zip":
        missing = [name for name in ("handler", "runtime") if inputs.get(name) is None]
        return "handler and runtime must be set when PackageType is Zip" if missing or given == ["imageUri"] else None
    extra = next((name for name in ("handler", "runtime", "layers") if inputs.get(name)), None)
    if extra is not None:
        return f"Please don't provide a {extra} when the intended function PackageType is Image"
    return None if given == ["imageUri"] else "PackageType Image needs an imageUri"


def _image_of_ecr(value: Any, _inputs: Properties) -> str | None:
    if _ECR_IMAGE.fullmatch(str(value)):
        return None
    return f"Source image {value} is not valid. Provide a valid source image."


def _variables(value: Any, _inputs: Properties) -> str | None:
    reserved = [name for name in value if _RESERVED_VARIABLES.fullmatch(name)]
    if reserved:
        return (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(reserved)}"
        )
    if len(json.dumps(value, separators=(",", ":")).encode()) > 4096:
        return (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided exceeded the 4KB limit"
        )
    return None


def _weights(value: Any, inputs: Properties) -> str | None:
    if len(value) > 1:
        return "an alias shares its traffic with one other version only"
    if inputs.get("functionVersion") in value:
        return f"version {inputs['functionVersion']} is the alias's own, and cannot be its other one as well"
    if value and "$LATEST" in (inputs.get("functionVersion"), *value):
        return "$LATEST is not supported for an alias pointing to more than 1 version"
    return None


def _json_logs(logging: Any, _inputs: Properties) -> str | None:
    leveled = [name for name in ("applicationLogLevel", "systemLogLevel") if logging.get(name) is not None]
    if leveled and logging.get("logFormat") != "JSON":
        return f"{leveled[0]} is only supported with logFormat JSON"
    return None


def _whole_network(network: Any, _inputs: Properties) -> str | None:
    given = [name for name in ("subnetIds", "securityGroupIds") if network.get(name)]
    if len(given) == 1:
        return "SubnetIds and SecurityIds must coexist or be both empty list."
    return None


def _snap_start(inputs: Properties, _all: Properties) -> str | None:
    wanted = (inputs.get("snapStart") or {}).get("applyOn") == "PublishedVersions"
    if wanted and inputs.get("packageType") == "Image":
        return "SnapStart is not supported for functions that are container images"
    return None


def _url_permission(inputs: Properties, _all: Properties) -> str | None:
    """A URL needs two statements since October 2025, each with a condition of its own."""
    for name, action in (
        ("functionUrlAuthType", "lambda:InvokeFunctionUrl"),
        ("invokedViaFunctionUrl", "lambda:InvokeFunction"),
    ):
        if inputs.get(name) is not None and inputs.get("action") != action:
            return f"{name} is only supported for the action {action}, not for {inputs.get('action')}"
    return None


RULES: tuple[Rule, ...] = (
    Rule("lambda/function:Function", "", "InvalidParameterValueException", _package),
    Rule("lambda/function:Function", "imageUri", "InvalidParameterValueException", _image_of_ecr),
    Rule("lambda/function:Function", "environment.variables", "InvalidParameterValueException", _variables),
    Rule("lambda/function:Function", "timeout", "ValidationException", between(1, 900, "seconds")),
    Rule("lambda/function:Function", "memorySize", "ValidationException", between(128, 10240, "MB")),
    Rule("lambda/function:Function", "reservedConcurrentExecutions", "ValidationException", at_least(-1)),
    Rule("lambda/function:Function", "loggingConfig", "InvalidParameterValueException", _json_logs),
    Rule("lambda/function:Function", "vpcConfig", "InvalidParameterValueException", _whole_network),
    Rule(
        "lambda/function:Function",
        "deadLetterConfig.targetArn",
        "InvalidParameterValueException",
        matches(r"arn:[\w-]+:(sqs|sns):.+", "a dead-letter target is the ARN of a queue or a topic"),
    ),
    Rule("lambda/function:Function", "", "InvalidParameterValueException", _snap_start),
    Rule(
        "lambda/permission:Permission",
        "principal",
        "InvalidParameterValueException",
        matches(r"\*|\d{12}|arn:.+|[a-z0-9.-]+\.amazonaws\.com(\.cn)?", "The provided principal was invalid"),
    ),
    Rule("lambda/permission:Permission", "", "InvalidParameterValueException", _url_permission),
    Rule("lambda/alias:Alias", "routingConfig.additionalVersionWeights", "InvalidParameterValueException", _weights),
)
