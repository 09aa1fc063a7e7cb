"""Lambda as far as moto lacks it: settings of a version or alias, provisioned concurrency, and what it forgets.

Imported only when moto is prepared, as it imports moto itself.
"""

# mypy: disable-error-code="method-assign, assignment, attr-defined, misc, no-untyped-call"
import copy
import datetime
import json
import secrets
import uuid
from typing import Any, NoReturn, Optional
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import ImageConfig, LambdaFunction, LambdaStorage
from moto.awslambda.responses import LambdaResponse

Answer = tuple[int, dict[str, Any], str]

_FORGOTTEN = ("DeadLetterConfig", "FileSystemConfigs", "LoggingConfig", "SnapStart")
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


class _NotFound(LambdaClientError):
    code = 404

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFoundException", message)


class _Conflict(LambdaClientError):
    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


class _PreconditionFailed(LambdaClientError):
    code = 412

    def __init__(self, message: str) -> None:
        super().__init__("PreconditionFailedException", message)


def install() -> None:
    """Put all of it into moto, in this process only."""
    for method in (
        create_alias,
        update_alias,
        delete_function,
        add_permission,
        get_policy,
        remove_permission,
        create_function_url_config,
        get_function_url_config,
        update_function_url_config,
        delete_function_url_config,
        put_function_event_invoke_config,
        get_function_event_invoke_config,
        delete_function_event_invoke_config,
        put_provisioned_concurrency_config,
        get_provisioned_concurrency_config,
        delete_provisioned_concurrency_config,
    ):
        setattr(LambdaResponse, method.__name__, method)
    urls.url_paths[r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency/?$"] = (
        LambdaResponse.dispatch
    )
    LambdaStorage.publish_version = publish_version
    _keep_configuration()


def _keep_configuration() -> None:
    """CreateFunction forgets some settings, and UpdateFunctionConfiguration ignores more."""
    initialise = LambdaFunction.__init__
    tell = LambdaFunction.get_configuration
    change = LambdaFunction.update_configuration

    def __init__(self: Any, account_id: str, spec: dict[str, Any], *arguments: Any, **named: Any) -> None:
        initialise(self, account_id, spec, *arguments, **named)
        self.kept = {member: spec[member] for member in _FORGOTTEN if spec.get(member)}

    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        configuration: dict[str, Any] = {**tell(self, on_create), **self.kept}
        configuration.setdefault("LoggingConfig", {"LogFormat": "Text", "LogGroup": self.logs_group_name})
        if "ImageConfigResponse" in configuration:
            told = configuration["ImageConfigResponse"]["ImageConfig"]
            configuration["ImageConfigResponse"] = {"ImageConfig": {name: item for name, item in told.items() if item}}
        digest = self.code.get("ImageUri", "").partition("@sha256:")[2]
        return {**configuration, "CodeSha256": digest} if digest else configuration

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
        change(self, config_updates)
        # A new dictionary, as published versions share the old one.
        given = {member: config_updates[member] for member in _FORGOTTEN if member in config_updates}
        self.kept = {member: value for member, value in {**self.kept, **given}.items() if value}
        for member, attribute in (("TracingConfig", "tracing_config"), ("KMSKeyArn", "kms_key_arn")):
            if member in config_updates:
                setattr(self, attribute, config_updates[member])
        if "ImageConfig" in config_updates:
            self.image_config = ImageConfig(config_updates["ImageConfig"])
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        return get_configuration(self)

    LambdaFunction.__init__ = __init__
    LambdaFunction.get_configuration = get_configuration
    LambdaFunction.update_configuration = update_configuration


# ------------------------------------------------------------------------------------------------ versions and aliases
def publish_version(self: Any, name_or_arn: str, description: str = "") -> Any:
    """A version keeps what the function is now, under a number that none before it had, deleted ones included."""
    latest = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
    versions = self._functions[latest.function_name]["versions"]
    if versions and not latest.code_or_config_updated:
        return versions[-1]  # nothing has changed
    latest.code_or_config_updated = False
    latest.published = latest.__dict__.get("published", 0) + 1
    version = copy.copy(latest)
    version.code = dict(latest.code)  # or the next code would be this version's too
    version.set_version(latest.published)
    version.description = description or version.description
    versions.append(version)
    self._arns[version.function_arn] = version
    return version


def delete_function(self: Any) -> Answer:
    name, _, inner = unquote(self.path.rsplit("/", 1)[-1]).split(":function:")[-1].partition(":")
    qualifier = self._get_param("Qualifier") or inner or None
    using = [
        alias.name
        for alias in (self.backend.list_aliases(name) if qualifier else ())
        if qualifier in (alias.function_version, *_weights_of(alias.routing_config))
    ]
    if using:
        raise _Conflict(f"Unable to delete version because the following aliases reference it: [{', '.join(using)}]")
    self.backend.delete_function(name, qualifier)
    return _answer(204, None)


def create_alias(self: Any) -> Answer:
    body = self.json_body
    name = _function_name(self)
    _check_weights(self.backend, name, body["FunctionVersion"], body.get("RoutingConfig"))
    alias = self.backend.create_alias(
        name=body["Name"],
        function_name=name,
        function_version=body["FunctionVersion"],
        description=body.get("Description", ""),
        routing_config=body.get("RoutingConfig"),
    )
    return _answer(201, alias.to_json())


def update_alias(self: Any) -> Answer:
    """What is not given stays; the revision tells whether someone else was faster."""
    body = self.json_body
    name = _function_name(self)
    alias = self.backend.get_alias(unquote(self.path.rsplit("/", 1)[-1]), name)
    if body.get("RevisionId") not in (None, alias.revision_id):
        raise _PreconditionFailed(
            "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to "
            "retrieve the latest RevisionId"
        )
    version = body.get("FunctionVersion", alias.function_version)
    routing = body.get("RoutingConfig", alias.routing_config)
    self.backend.get_function(name, version)  # raises when there is none
    _check_weights(self.backend, name, version, routing)
    alias.update(body.get("Description"), version, routing)
    alias.revision_id = str(uuid.uuid4())
    return _answer(200, alias.to_json())


def _function_name(response: Any) -> str:
    return unquote(response.path.split("/functions/", 1)[1].split("/")[0]).split(":function:")[-1]


def _weights_of(routing: Any) -> dict[str, float]:
    return (routing or {}).get("AdditionalVersionWeights") or {}


def _check_weights(backend: Any, function: str, version: str, routing: Any) -> None:
    weights = _weights_of(routing)
    if weights and "$LATEST" in (version, *weights):
        _refuse("$LATEST is not supported for an alias pointing to more than 1 version")
    if version in weights:
        _refuse(f"Invalid function version {version}. Function version {version} is already included in routing")
    if len(weights) > 1:
        _refuse("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for other, weight in weights.items():
        backend.get_function(function, other)  # raises when there is none
        if not 0 <= weight <= 1:
            _refuse(f"Invalid value for weight: {weight}. It must be between 0.0 and 1.0")


def _refuse(message: str) -> NoReturn:
    raise LambdaClientError("InvalidParameterValueException", message)


# ---------------------------------------------------------------------------------------- what belongs to a qualifier
class _Addressed:
    """A function with the version or alias that a request names, and the settings kept for it."""

    def __init__(self, response: Any) -> None:
        name = unquote(response.path.split("/functions/", 1)[1].split("/")[0]).split(":function:")[-1]
        name, _, inner = name.partition(":")
        self.qualifier: Optional[str] = response._get_param("Qualifier") or inner or None
        functions = response.backend._lambdas
        functions.get_function_by_name_or_arn_with_qualifier(name, self.qualifier)  # raises when there is none
        latest = functions.get_function_by_name_or_arn_with_qualifier(name)
        self.arn = f"{latest.function_arn}:{self.qualifier}" if self.qualifier else str(latest.function_arn)
        self.region: str = latest.region
        self._settings = latest.__dict__.setdefault("settings", {})

    def get(self, kind: str) -> Any:
        found = self._settings.get((kind, self.qualifier))
        if found is None:
            raise _NotFound(f"The resource you requested does not exist: {kind} of {self.arn}")
        return found

    def has(self, kind: str) -> bool:
        return (kind, self.qualifier) in self._settings

    @property
    def statements(self) -> list[dict[str, Any]]:
        """Those of the resource policy."""
        return self._settings.setdefault(("policy", self.qualifier), [])  # type: ignore[no-any-return]

    def put(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        self._settings[kind, self.qualifier] = {**value, "LastModified": _now()}
        return self._settings[kind, self.qualifier]  # type: ignore[no-any-return]

    def delete(self, kind: str) -> None:
        self.get(kind)
        del self._settings[kind, self.qualifier]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _answer(status: int, body: Any) -> Answer:
    return status, {"status": status}, json.dumps(body) if body is not None else ""


def add_permission(self: Any) -> Answer:
    addressed = _Addressed(self)
    statements = addressed.statements
    statement = _statement(self.json_body, addressed.arn)
    if any(each["Sid"] == statement["Sid"] for each in statements):
        raise _Conflict(
            f"The statement id ({statement['Sid']}) provided already exists. Please provide a new statement id, or "
            "remove the existing statement."
        )
    statements.append(statement)
    return _answer(201, {"Statement": json.dumps(statement)})


def _statement(body: dict[str, Any], arn: str) -> dict[str, Any]:
    principal = body["Principal"]
    conditions = (
        ("ArnLike", "AWS:SourceArn", body.get("SourceArn")),
        ("StringEquals", "AWS:SourceAccount", body.get("SourceAccount")),
        ("StringEquals", "aws:PrincipalOrgID", body.get("PrincipalOrgID")),
        ("StringEquals", "lambda:FunctionUrlAuthType", body.get("FunctionUrlAuthType")),
        ("StringEquals", "lambda:EventSourceToken", body.get("EventSourceToken")),
        ("Bool", "lambda:InvokedViaFunctionUrl", body.get("InvokedViaFunctionUrl")),
    )
    condition: dict[str, dict[str, str]] = {}
    for operator, key, value in conditions:
        if value is not None:
            condition.setdefault(operator, {})[key] = str(value).lower() if isinstance(value, bool) else value
    statement = {
        "Sid": body["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(principal),
        "Action": body["Action"],
        "Resource": arn,
    }
    return {**statement, "Condition": condition} if condition else statement


def _principal(principal: str) -> Any:
    if principal == "*":
        return "*"
    if principal.endswith((".amazonaws.com", ".amazon.com")):
        return {"Service": principal}
    return {"AWS": f"arn:aws:iam::{principal}:root" if principal.isdigit() else principal}


def get_policy(self: Any) -> Answer:
    statements = _Addressed(self).statements
    if not statements:
        raise _NotFound("The resource you requested does not exist.")
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    return _answer(200, {"Policy": json.dumps(policy), "RevisionId": "1"})


def remove_permission(self: Any) -> Answer:
    wanted = unquote(self.path.rsplit("/", 1)[-1].split("?")[0])
    statements = _Addressed(self).statements
    kept = [each for each in statements if each["Sid"] != wanted]
    if len(kept) == len(statements):
        raise _NotFound(f"Statement {wanted} is not found in resource policy.")
    statements[:] = kept
    return _answer(204, None)


def create_function_url_config(self: Any) -> Answer:
    addressed = _Addressed(self)
    if addressed.has("url"):
        raise _Conflict(f"Failed to create function url config for [functionArn = {addressed.arn}]. It already exists")
    id = "".join(secrets.choice(_BASE32) for _ in range(32))
    url = f"https://{id}.lambda-url.{addressed.region}.on.aws/"
    given = {"InvokeMode": "BUFFERED", **self.json_body}
    return _answer(201, addressed.put("url", {**given, "FunctionUrl": url, "FunctionArn": addressed.arn}))


def get_function_url_config(self: Any) -> Answer:
    return _answer(200, _Addressed(self).get("url"))


def update_function_url_config(self: Any) -> Answer:
    addressed = _Addressed(self)
    return _answer(200, addressed.put("url", {**addressed.get("url"), **self.json_body}))


def delete_function_url_config(self: Any) -> Answer:
    _Addressed(self).delete("url")
    return _answer(204, None)


def put_function_event_invoke_config(self: Any) -> Answer:
    addressed = _Addressed(self)
    config = addressed.put("event-invoke-config", {**self.json_body, "FunctionArn": addressed.arn})
    return _answer(200, {**config, "LastModified": 0})


def get_function_event_invoke_config(self: Any) -> Answer:
    return _answer(200, {**_Addressed(self).get("event-invoke-config"), "LastModified": 0})


def delete_function_event_invoke_config(self: Any) -> Answer:
    _Addressed(self).delete("event-invoke-config")
    return _answer(204, None)


def put_provisioned_concurrency_config(self: Any) -> Answer:
    addressed = _Addressed(self)
    if addressed.qualifier in (None, "$LATEST"):
        raise LambdaClientError(
            "InvalidParameterValueException",
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
        )
    wanted = self.json_body["ProvisionedConcurrentExecutions"]
    numbers = {f"{word}ProvisionedConcurrentExecutions": wanted for word in ("Requested", "Allocated", "Available")}
    kept = {**numbers, "Status": "READY", "FunctionArn": addressed.arn}
    addressed.put("provisioned-concurrency", kept)
    return _answer(202, {**kept, "Status": "IN_PROGRESS"})


def get_provisioned_concurrency_config(self: Any) -> Answer:
    try:
        return _answer(200, _Addressed(self).get("provisioned-concurrency"))
    except _NotFound as error:
        raise _NoProvisionedConcurrency() from error


class _NoProvisionedConcurrency(LambdaClientError):
    code = 404

    def __init__(self) -> None:
        super().__init__(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )


def delete_provisioned_concurrency_config(self: Any) -> Answer:
    _Addressed(self).delete("provisioned-concurrency")
    return _answer(204, None)
