"""A function on the real engine: a change publishes a version, and the alias follows it."""

import json
from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pulumi_docker_build as docker_build
import pytest
from pulumi_fastapi.emulated_cloud import Deployment

pytestmark = pytest.mark.engine

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM python:3.14-slim\nCOPY main.py .\n")
    (tmp_path / "main.py").write_text("app = 1\n")
    return tmp_path


def program(memory: int = 512) -> Callable[[], None]:
    def run() -> None:
        repository = aws.ecr.Repository("repository", force_delete=True)
        image = docker_build.Image(
            "image", context={"location": "."}, push=True, tags=[pulumi.Output.concat(repository.repository_url, ":1")]
        )
        role = aws.iam.Role("role", assume_role_policy=TRUST)
        function = aws.lambda_.Function(
            "function",
            package_type="Image",
            image_uri=pulumi.Output.concat(repository.repository_url, "@", image.digest),
            role=role.arn,
            memory_size=memory,
            environment={"variables": {"TOKEN": pulumi.Output.secret("correct-horse")}},
            publish=True,
        )
        alias = aws.lambda_.Alias("alias", function_name=function.name, function_version=function.version)
        url = aws.lambda_.FunctionUrl(
            "url", function_name=function.name, qualifier=alias.name, authorization_type="NONE"
        )
        aws.lambda_.ProvisionedConcurrencyConfig(
            "warm", function_name=function.name, qualifier=alias.name, provisioned_concurrent_executions=1
        )
        pulumi.export("function", function.name)
        pulumi.export("alias", alias.name)
        pulumi.export("version", function.version)
        pulumi.export("served", alias.function_version)
        pulumi.export("digest", image.digest)
        pulumi.export("url", url.function_url)

    return run


def updated(deployment: Deployment) -> set[str]:
    return {urn.rsplit("::", 1)[1] for kind, urn in deployment.operations if kind == "update"}


@pytest.mark.usefixtures("source")
def test_function_comes_up_and_goes_without_a_trace(emulated_cloud):
    outputs = emulated_cloud.up(program()).outputs

    assert outputs["version"] == outputs["served"] == "1"
    assert outputs["url"].endswith(".lambda-url.us-east-1.on.aws/")
    assert not emulated_cloud.up(program()).changed
    assert not emulated_cloud.refresh().changed
    emulated_cloud.destroy()
    assert emulated_cloud.resources() == []


def test_alias_follows_the_version_that_a_change_publishes(emulated_cloud, source):
    emulated_cloud.up(program())
    (source / "main.py").write_text("app = 2\n")

    preview = emulated_cloud.preview(program())
    changed = emulated_cloud.up(program())

    assert updated(preview) >= {"image", "function", "alias"}
    assert changed.outputs["version"] == changed.outputs["served"] == "2"
    function = emulated_cloud.client("lambda").get_function(FunctionName=changed.outputs["function"], Qualifier="2")
    assert function["Code"]["ImageUri"].endswith(changed.outputs["digest"])
    assert not emulated_cloud.up(program()).changed


@pytest.mark.usefixtures("source")
def test_url_without_authorization_is_open_to_everyone(emulated_cloud):
    outputs = emulated_cloud.up(program()).outputs

    answer = emulated_cloud.client("lambda").get_policy(FunctionName=outputs["function"], Qualifier=outputs["alias"])
    (statement,) = json.loads(answer["Policy"])["Statement"]
    assert (statement["Principal"], statement["Action"]) == ("*", "lambda:InvokeFunctionUrl")


@pytest.mark.usefixtures("source")
def test_configuration_of_a_published_version_stays(emulated_cloud):
    name = emulated_cloud.up(program(memory=512)).outputs["function"]
    emulated_cloud.up(program(memory=1024))

    client = emulated_cloud.client("lambda")
    sizes = [client.get_function_configuration(FunctionName=name, Qualifier=v)["MemorySize"] for v in ("1", "2")]
    assert sizes == [512, 1024]


@pytest.mark.usefixtures("source")
def test_secret_variables_are_in_no_state(emulated_cloud):
    emulated_cloud.up(program())
    emulated_cloud.refresh()

    (state,) = (emulated_cloud.folder / "state" / ".pulumi" / "stacks").rglob("test.json")
    assert "correct-horse" not in state.read_text()
