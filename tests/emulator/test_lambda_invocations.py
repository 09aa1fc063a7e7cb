"""What a release asks of functions from outside Pulumi: does a version answer, in which state is it, who is served."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

READY = {
    "version": "2.0",
    "rawPath": "/-/ready",
    "requestContext": {"http": {"method": "GET", "path": "/-/ready"}},
}
COMMAND = {"fastapi_runtime": {"run": ["alembic", "upgrade", "head"]}}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Function:
    """One with two published versions, and the alias `live` on the first."""

    def __init__(self, deploy: Any) -> None:
        self.client = deploy.client("lambda")
        role = deploy.create("aws:iam/role:Role", name="role", assumeRolePolicy=json.dumps(TRUST)).outputs["arn"]
        deploy.create("aws:ecr/repository:Repository", name="app")
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"digest": f"sha256:{'1' * 64}", "size": 1},
            "layers": [],
        }
        pushed = deploy.client("ecr").put_image(repositoryName="app", imageManifest=json.dumps(manifest))
        digest = pushed["image"]["imageId"]["imageDigest"]
        self.inputs = {
            "name": "api",
            "imageUri": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/app@{digest}",
            "packageType": "Image",
            "role": role,
            "publish": True,
            "timeout": 30,
        }
        self.deploy = deploy
        self.resource = deploy.create("aws:lambda/function:Function", **self.inputs)
        self.resource = deploy.update(self.resource, {**self.inputs, "timeout": 29})
        self.alias = deploy.create("aws:lambda/alias:Alias", name="live", functionName="api", functionVersion="1")

    def invoke(self, event: Any = READY, version: str = "2", **more: Any) -> dict[str, Any]:
        answer = self.client.invoke(FunctionName="api", Qualifier=version, Payload=json.dumps(event), **more)
        return {**answer, "Payload": json.loads(answer["Payload"].read() or "null")}

    def shift(self, weight: float, **more: Any) -> Any:
        return self.client.update_alias(
            FunctionName="api", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": weight}}, **more
        )


@pytest.fixture
def function(deploy) -> Function:
    return Function(deploy)


@pytest.fixture
def faults(emulator):
    def inject(*faults: dict[str, Any]) -> None:
        emulator.control.set_faults(faults)

    return inject


# ---------------------------------------------------------------------------------------------------------- invocations
def test_healthy_version_answers_its_readiness_check(function):
    answer = function.invoke()

    assert "FunctionError" not in answer
    assert answer["ExecutedVersion"] == "2"
    assert answer["Payload"]["statusCode"] == 200
    assert json.loads(answer["Payload"]["body"]) == {"status": "ready"}


def test_version_that_is_not_ready_answers_503_and_says_why(function, faults):
    faults({"operation": "lambda:Request", "name": "api:2", "status": 503, "log": "no such column"})

    answers = [function.invoke(version=version)["Payload"] for version in ("1", "2")]

    assert [answer["statusCode"] for answer in answers] == [200, 503]
    assert json.loads(answers[1]["body"])["reasons"] == {"app": "no such column"}


def test_version_becomes_ready_after_some_checks(function, faults):
    faults({"operation": "lambda:Request", "name": "*:2", "status": 503, "times": 2})

    assert [function.invoke()["Payload"]["statusCode"] for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize(("effect", "error"), [("init-failure", "Runtime.ExitError"), ("timeout", "Sandbox.Timedout")])
@pytest.mark.parametrize("event", [READY, COMMAND], ids=["request", "command"])
def test_version_that_does_not_run_is_a_function_error_with_its_log(function, faults, effect, error, event):
    faults({"operation": "lambda:Invoke", "name": "*:2", "effect": effect, "log": "ModuleNotFoundError: shop"})

    answer = function.invoke(event, LogType="Tail")

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == error
    assert base64.b64decode(answer["LogResult"]).decode() == "ModuleNotFoundError: shop"


def test_invocation_that_lambda_refuses_is_its_error(function, faults):
    faults({"operation": "lambda:Invoke", "code": "TooManyRequestsException", "status": 429, "times": 1})

    with pytest.raises(function.client.exceptions.TooManyRequestsException):
        _once(function).invoke(FunctionName="api", Payload=json.dumps(READY))


def _once(function: Function) -> Any:
    from boto3 import client
    from botocore.config import Config

    return client(
        "lambda",
        region_name="us-east-1",
        endpoint_url=function.client.meta.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_command_succeeds(function):
    assert function.invoke(COMMAND)["Payload"] == {"exitCode": 0, "output": ""}


def test_command_that_fails_tells_exit_code_and_output(function, faults):
    faults({"operation": "lambda:Command", "name": "*:2", "exit_code": 3, "log": "relation exists"})

    assert function.invoke(COMMAND)["Payload"] == {"exitCode": 3, "output": "relation exists"}
    assert function.invoke()["Payload"]["statusCode"] == 200


def test_command_that_takes_too_long_is_a_function_error(function, faults):
    faults({"operation": "lambda:Command", "effect": "timeout"})

    answer = function.invoke(COMMAND)

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorMessage"].endswith("Task timed out after 29.00 seconds")


def test_event_that_is_no_request_is_a_function_error(function):
    assert function.invoke({"Records": []})["FunctionError"] == "Unhandled"


def test_alias_is_invoked_as_the_version_it_points_to(function):
    assert function.invoke(version="live")["ExecutedVersion"] == "1"


def test_unknown_version_cannot_be_invoked(function):
    with pytest.raises(function.client.exceptions.ResourceNotFoundException):
        function.invoke(version="3")


# --------------------------------------------------------------------------------------------------------------- states
def test_version_is_pending_for_some_looks(function, faults):
    faults({"operation": "lambda:State", "name": "api:2", "effect": "pending", "times": 2})

    states = [function.client.get_function_configuration(FunctionName="api", Qualifier="2")["State"] for _ in range(3)]

    assert states == ["Pending", "Pending", "Active"]


def test_provider_waits_for_a_version_that_is_pending(function, faults):
    faults({"operation": "lambda:State", "effect": "pending", "times": 5})

    updated = function.deploy.update(function.resource, {**function.inputs, "timeout": 28})

    assert updated.outputs["version"] == "3"


def test_version_that_failed_fails_the_update_and_is_told(function, faults):
    faults({"operation": "lambda:State", "name": "*:3", "effect": "failed", "log": "Lambda does not have access"})

    with pytest.raises(RuntimeError, match=r"unexpected state 'Failed'.*InvalidImage: Lambda does not have access"):
        function.deploy.update(function.resource, {**function.inputs, "timeout": 28})
    told = function.client.get_function_configuration(FunctionName="api", Qualifier="3")
    assert (told["State"], told["LastUpdateStatus"]) == ("Failed", "Failed")


def test_function_that_never_becomes_usable_fails_its_creation(function, faults):
    faults({"operation": "lambda:State", "name": "other:*", "effect": "pending"})

    with pytest.raises(RuntimeError, match=r"waiting for Lambda Function \(other\) create: timeout"):
        function.deploy.create("aws:lambda/function:Function", **{**function.inputs, "name": "other"})


# -------------------------------------------------------------------------------------------------------------- traffic
def test_weights_moved_from_outside_are_drift_until_the_program_moves_the_alias(function):
    function.shift(0.1)
    drifted = function.deploy.refresh(function.alias)
    function.client.update_alias(FunctionName="api", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})

    moved = function.deploy.update(function.alias, {**function.alias.inputs, "functionVersion": "2"})

    assert drifted.outputs["functionVersion"] == "1"
    assert moved.outputs["functionVersion"] == "2"
    assert function.client.get_alias(FunctionName="api", Name="live").get("RoutingConfig") in (None, {})


def test_alias_whose_weights_stayed_is_moved_without_them(function):
    function.shift(0.5)

    function.deploy.update(function.alias, {**function.alias.inputs, "functionVersion": "2"})

    assert not function.client.get_alias(FunctionName="api", Name="live").get("RoutingConfig")


def test_update_of_an_alias_keeps_what_it_does_not_name(function):
    function.shift(0.1)

    answer = function.client.update_alias(FunctionName="api", Name="live", Description="shop")

    assert answer["FunctionVersion"] == "1"
    assert answer["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.1}}


def test_revision_tells_that_someone_else_moved_the_alias(function):
    seen = function.client.get_alias(FunctionName="api", Name="live")["RevisionId"]
    moved = function.shift(0.1, RevisionId=seen)["RevisionId"]

    with pytest.raises(function.client.exceptions.PreconditionFailedException):
        function.shift(0.2, RevisionId=seen)
    assert function.shift(0.2, RevisionId=moved)["RevisionId"] != moved


@pytest.mark.parametrize(
    "weights", [{"3": 0.1}, {"1": 0.1}, {"2": 1.5}, {"$LATEST": 0.1}, {"2": 0.1, "$LATEST": 0.1}], ids=str
)
def test_impossible_weights_are_refused(function, weights):
    with pytest.raises(ClientError, match=r"ResourceNotFoundException|InvalidParameterValueException"):
        function.client.update_alias(
            FunctionName="api", Name="live", RoutingConfig={"AdditionalVersionWeights": weights}
        )


def test_version_that_gets_traffic_cannot_be_deleted(function):
    function.shift(0.1)

    for version in ("1", "2"):
        with pytest.raises(function.client.exceptions.ResourceConflictException, match="live"):
            function.client.delete_function(FunctionName="api", Qualifier=version)


def test_number_of_a_deleted_version_does_not_come_back(function):
    function.client.delete_function(FunctionName="api", Qualifier="2")

    updated = function.deploy.update(function.resource, {**function.inputs, "timeout": 28})

    assert updated.outputs["version"] == "3"


def test_nothing_new_publishes_no_version(function):
    assert function.client.publish_version(FunctionName="api")["Version"] == "2"


# ------------------------------------------------------------------------------------------------------------ warm ones
def warm(function: Function) -> Any:
    return function.deploy.create(
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        functionName="api",
        qualifier="live",
        provisionedConcurrentExecutions=2,
    )


def test_provisioned_concurrency_is_in_progress_first(function):
    put = function.client.put_provisioned_concurrency_config(
        FunctionName="api", Qualifier="live", ProvisionedConcurrentExecutions=2
    )
    got = function.client.get_provisioned_concurrency_config(FunctionName="api", Qualifier="live")

    assert (put["Status"], got["Status"]) == ("IN_PROGRESS", "READY")
    assert got["AllocatedProvisionedConcurrentExecutions"] == 2


def test_provider_waits_for_provisioned_concurrency(function, faults):
    faults({"operation": "lambda:ProvisionedConcurrency", "name": "api:live", "effect": "pending", "times": 3})

    warm(function)

    told = function.client.get_provisioned_concurrency_config(FunctionName="api", Qualifier="live")
    assert told["Status"] == "READY"


def test_provisioned_concurrency_that_fails_is_told(function, faults):
    faults({"operation": "lambda:ProvisionedConcurrency", "effect": "failed", "log": "FUNCTION_ERROR_INIT_FAILURE"})

    with pytest.raises(RuntimeError, match="FUNCTION_ERROR_INIT_FAILURE"):
        warm(function)
