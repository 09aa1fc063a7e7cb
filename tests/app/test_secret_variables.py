"""The variables whose values stand in Secrets Manager or the Parameter Store, of moto."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from fastapi_runtime import secret_variables
from fastapi_runtime.aws_secrets import SecretUnreadable
from fastapi_runtime.secret_variables import Reference, SecretVariables
from fastapi_runtime.settings import SettingsError
from lambda_environment import SECONDS, Lambda, http_api
from moto.server import ThreadedMotoServer

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/api-a1b2c3"  # noqa: S105
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/api"


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """How an environment finds the AWS of moto."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret-of-the-key"}
    for service, ask in (("secretsmanager", "list_secrets"), ("ssm", "describe_parameters")):
        # Moto imports a service with its first call, which takes longer than ours wait.
        getattr(boto3.client(service, region_name="eu-west-1", endpoint_url=url, **keys), ask)()
    yield {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
        "AWS_ENDPOINT_URL_SSM": url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-key",
    }
    server.stop()


@pytest.fixture
def aws(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(secret_variables, "_PAUSES", (0, 0, None))
    return lambda service: boto3.client(
        service, region_name="eu-west-1", endpoint_url=variables["AWS_ENDPOINT_URL_SSM"]
    )


def secret(aws: Callable[[str], Any], **content: Any) -> str:
    return str(aws("secretsmanager").create_secret(Name=str(uuid4()), **content)["ARN"])


def read(**arns: str) -> dict[str, str]:
    environment: dict[str, str] = {}
    SecretVariables.from_environment({"SECRET_ARNS": json.dumps(arns)}).export(environment)
    return environment


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        (SECRET, Reference(SECRET)),
        (f"{SECRET}:key::", Reference(SECRET, "key")),
        (f"{SECRET}::AWSPREVIOUS:", Reference(SECRET, None, "AWSPREVIOUS")),
        (f"{SECRET}:key::9d4cb84b-ad69-40c0", Reference(SECRET, "key", None, "9d4cb84b-ad69-40c0")),
        (PARAMETER, Reference(PARAMETER)),
        (SECRET.replace("aws", "aws-us-gov", 1), Reference(SECRET.replace("aws", "aws-us-gov", 1))),
        (f"{SECRET}:key", None),
        (f"{PARAMETER}:key::", None),
        ("shop/api", None),
        ("arn:aws:s3:::bucket", None),
        (7, None),
    ],
)
def test_the_form_is_that_of_ecs(text: object, reference: Reference | None) -> None:
    assert Reference.parse(text) == reference


@pytest.mark.parametrize("text", ["hunter2", '["hunter2"]', '{"API_KEY": "hunter2"}', json.dumps({"API KEY": SECRET})])
def test_another_form_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SettingsError, match="SECRET_ARNS must") as error:
        SecretVariables.from_environment({"SECRET_ARNS": text})
    assert "hunter2" not in str(error.value)


def test_without_any_nothing_is_asked() -> None:
    assert read() == {}
    environment: dict[str, str] = {}
    SecretVariables.from_environment({}).export(environment)
    assert environment == {}


def test_secrets_and_parameters_become_variables(aws: Callable[[str], Any]) -> None:
    value = "p@%/:#x'\" \\$é\n"
    whole, keyed = secret(aws, SecretString=value), secret(aws, SecretString=json.dumps({"a": value, "n": 7}))
    name = f"/shop/{uuid4()}"
    aws("ssm").put_parameter(Name=name, Value=value, Type="SecureString")
    parameter = f"arn:aws:ssm:eu-west-1:123456789012:parameter{name}"
    assert read(W=whole, A=f"{keyed}:a::", N=f"{keyed}:n::", P=parameter) == {
        "W": value,
        "A": value,
        "N": "7",
        "P": value,
    }


def test_another_stage_or_version_can_be_read(aws: Callable[[str], Any]) -> None:
    arn = secret(aws, SecretString="old")
    old = aws("secretsmanager").describe_secret(SecretId=arn)["VersionIdsToStages"]
    aws("secretsmanager").put_secret_value(SecretId=arn, SecretString="new")
    values = read(NOW=arn, BEFORE=f"{arn}::AWSPREVIOUS:", FIXED=f"{arn}:::{next(iter(old))}")
    assert values == {"NOW": "new", "BEFORE": "old", "FIXED": "old"}


@pytest.mark.parametrize(
    ("content", "suffix", "why"),
    [
        ({"SecretString": '{"b": "hunter2"}'}, ":a::", "it has no key 'a'"),
        ({"SecretString": "hunter2"}, ":a::", "it is no JSON object"),
        ({"SecretBinary": b"hunter2"}, "", "it holds no text"),
    ],
)
def test_what_cannot_be_a_variable_is_told_and_not_shown(
    aws: Callable[[str], Any], content: dict[str, Any], suffix: str, why: str
) -> None:
    arn = secret(aws, **content)
    with pytest.raises(SecretUnreadable) as error:
        read(API_KEY=arn + suffix)
    assert str(error.value) == f"API_KEY from {arn}: {why}"


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("arn", "code"), [(SECRET, "ResourceNotFoundException"), (PARAMETER, "ParameterNotFound")])
def test_what_does_not_exist_is_told(arn: str, code: str) -> None:
    with pytest.raises(SecretUnreadable, match=rf"API_KEY from {arn}: 127\.0\.0\.1:\d+ says 4\d\d: {code}"):
        read(API_KEY=arn)


def test_a_rotation_is_seen(aws: Callable[[str], Any]) -> None:
    arn = secret(aws, SecretString="old")
    variables = SecretVariables.from_environment({"SECRET_ARNS": json.dumps({"API_KEY": arn})})
    variables.export({})
    assert not variables.have_changed()
    aws("secretsmanager").put_secret_value(SecretId=arn, SecretString="new")
    assert variables.have_changed()


def test_what_cannot_be_read_again_counts_as_it_was(
    aws: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    arn = secret(aws, SecretString="old")
    variables = SecretVariables.from_environment({"SECRET_ARNS": json.dumps({"API_KEY": arn})})
    variables.export({})
    aws("secretsmanager").delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    assert not variables.have_changed()
    assert "cannot see whether secrets were rotated: API_KEY from arn:" in caplog.text


CODE = """
import os
from fastapi import FastAPI

KEY = os.environ["API_KEY"]  # as apps do, once
app = FastAPI()

@app.get("/key")
async def key() -> str:
    return f"{os.getpid()} {KEY}"

@app.get("/variables")
async def variables() -> list[str]:
    return sorted(os.environ)
"""


@pytest.fixture
def start(tmp_path: Path, variables: dict[str, str]) -> Iterator[Callable[..., Lambda]]:
    started: list[Lambda] = []

    def start(**environment: str) -> Lambda:
        started.append(Lambda(tmp_path, CODE, **variables, **environment))
        return started[-1]

    yield start
    for environment in started:
        environment.close()


def key(environment: Lambda) -> str:
    pid, value = json.loads(environment.invoke(http_api("/key"))["body"]).split()
    assert pid == str(environment.process.pid)
    return str(value)


def test_on_lambda_an_app_reads_a_secret_on_import_and_sees_its_rotation(
    aws: Callable[[str], Any], start: Callable[..., Lambda]
) -> None:
    arn = secret(aws, SecretString='{"stripe": "old-value"}')
    environment = start(SECRET_ARNS=json.dumps({"API_KEY": f"{arn}:stripe::"}), SECRETS_REFRESH_SECONDS="1")
    assert key(environment) == "old-value"
    aws("secretsmanager").put_secret_value(SecretId=arn, SecretString='{"stripe": "new-value"}')
    seen = [key(environment)]
    while seen[-1] == "old-value":  # at the latest with the second invocation after a second
        assert len(seen) < 1000
        seen.append(key(environment))
    assert seen[-1] == "new-value"
    assert environment.process.poll() is None
    assert "API_KEY" not in json.dumps(dict(os.environ))
    log = environment.log.read_text()
    assert "secrets were rotated: the app starts anew with them" in log
    assert "-value" not in log


def test_on_lambda_a_secret_that_cannot_be_read_is_a_failed_start(start: Callable[..., Lambda]) -> None:
    environment = start(SECRET_ARNS=json.dumps({"API_KEY": SECRET}), AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")
    kind, error = environment.result()
    assert (kind, error["errorType"]) == ("init", "SecretUnreadable")
    assert f"API_KEY from {SECRET}:" in error["errorMessage"]
    assert environment.process.wait(SECONDS) == 1


def test_a_rotation_waits_for_an_invocation_with_time_to_start_anew(
    aws: Callable[[str], Any], start: Callable[..., Lambda]
) -> None:
    """Lambda ends an environment that takes longer than the function's timeout, and counts an error."""
    arn = secret(aws, SecretString="old")
    environment = start(SECRET_ARNS=json.dumps({"API_KEY": arn}), SECRETS_REFRESH_SECONDS="1")
    environment.timeout = 0.2
    assert key(environment) == "old"
    aws("secretsmanager").put_secret_value(SecretId=arn, SecretString="new")
    for _ in range(2000):
        assert key(environment) == "old"
        if "secrets were rotated" in environment.log.read_text():
            break
    assert key(environment) == "old"
    environment.timeout = 30
    assert key(environment) == "old"
    assert key(environment) == "new"
