import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path

import grpc
import pulumi
import pulumi_aws as aws
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto.engine_pb2 import LogRequest
from pulumi.runtime.proto.engine_pb2_grpc import EngineServicer, EngineStub, add_EngineServicer_to_server
from pulumi.runtime.settings import Settings
from pulumi_fastapi import emulated_cloud as cloud
from pulumi_fastapi.emulated_cloud import DeploymentError, EmulatedCloud, SetUpError
from pulumi_fastapi.plan import Secret

pytest_plugins = ["pytester"]
engine = pytest.mark.engine


def a_log_group() -> None:
    group = aws.cloudwatch.LogGroup("logs", retention_in_days=pulumi.Config().get_int("days") or 30)
    pulumi.export("name", group.name)


# plan


def test_the_plan_fixture_plans(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pulumi_aws as aws

        def test_it(plan):
            result = plan(lambda: aws.sqs.Queue("jobs", delay_seconds=5))
            assert result.find(aws.sqs.Queue).inputs["delaySeconds"] == 5
        """
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_plugin_imports_nothing_that_takes_time() -> None:
    code = "import sys, pulumi_fastapi.testing; print(sorted({'pulumi', 'yaml', 'boto3', 'moto'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# The engine is found, or the test fails and says what to do


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("PULUMI_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def an_engine(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_no_engine_says_what_to_do(no_engine: Path) -> None:
    with pytest.raises(SetUpError, match=r"install it .* set PULUMI_BIN to it, or"):
        cloud.find_engine(no_engine)


def test_the_engine_on_the_path_is_found(no_engine: Path) -> None:
    expected = an_engine(no_engine / "pulumi")
    assert cloud.find_engine(no_engine) == expected


def test_the_engine_of_the_project_is_found_from_a_folder_inside_it(no_engine: Path) -> None:
    expected = an_engine(no_engine / ".pulumi-fastapi" / "engine" / "bin" / "pulumi")
    (no_engine / "tests").mkdir()
    assert cloud.find_engine(no_engine / "tests") == expected


def test_the_engine_in_the_environment_comes_first(no_engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    an_engine(no_engine / "pulumi")
    expected = an_engine(no_engine / "other" / "pulumi-3")
    monkeypatch.setenv("PULUMI_BIN", str(expected))
    assert cloud.find_engine(no_engine) == expected


def test_a_wrong_engine_in_the_environment_is_named(no_engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BIN", "/nowhere/pulumi")
    with pytest.raises(SetUpError, match="'/nowhere/pulumi', and there is no such file"):
        cloud.find_engine(no_engine)


@pytest.mark.usefixtures("no_engine")
def test_a_test_without_engine_fails_and_is_not_skipped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(emulated_cloud): ...")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*this test runs the real Pulumi engine and there is no `pulumi`*"])


# emulated_cloud


@engine
def test_up_creates_and_a_second_up_changes_nothing(emulated_cloud: EmulatedCloud) -> None:
    first = emulated_cloud.up(a_log_group)
    assert first.changes == {"create": 2}
    groups = emulated_cloud.client("logs").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == [first.outputs["name"]]
    second = emulated_cloud.up(a_log_group)
    assert second.changes == {"same": 2}
    assert not second.changed


@engine
def test_preview_creates_nothing(emulated_cloud: EmulatedCloud) -> None:
    assert emulated_cloud.preview(a_log_group).changes == {"create": 2}
    assert emulated_cloud.resources() == []


@engine
def test_configuration_reaches_the_program(emulated_cloud: EmulatedCloud) -> None:
    def program() -> None:
        config = pulumi.Config()
        pulumi.export("size", config.require_object("app")["size"])
        pulumi.export("key", pulumi.Output.secret(config.require_object("app")["key"]))
        pulumi.export("password", config.require_secret("password"))

    config = {"app": {"size": 3, "key": Secret("k3y")}, "password": Secret("hunter2")}
    outputs = emulated_cloud.up(program, config=config, project="shop", stack="dev").outputs
    assert outputs == {"size": 3, "key": Secret("k3y"), "password": Secret("hunter2")}


@engine
def test_a_change_is_an_update_and_its_steps_are_listed(emulated_cloud: EmulatedCloud) -> None:
    emulated_cloud.up(a_log_group)
    changed = emulated_cloud.up(a_log_group, config={"days": 60})
    assert changed.changes == {"same": 1, "update": 1}
    assert [step.urn.rpartition("::")[2] for step in changed.operations if step.kind == "update"] == ["logs"]


@engine
def test_refresh_sees_what_was_changed_behind_pulumis_back(emulated_cloud: EmulatedCloud) -> None:
    name = emulated_cloud.up(a_log_group).outputs["name"]
    emulated_cloud.client("logs").put_retention_policy(logGroupName=name, retentionInDays=90)
    assert emulated_cloud.refresh().changes.get("update") == 1


@engine
def test_destroy_leaves_nothing(emulated_cloud: EmulatedCloud) -> None:
    emulated_cloud.up(a_log_group)
    assert emulated_cloud.destroy().changes == {"delete": 2}
    assert emulated_cloud.resources() == []


@engine
def test_an_injected_fault_fails_the_deployment_and_the_next_one_goes_on(emulated_cloud: EmulatedCloud) -> None:
    emulated_cloud.faults({"operation": "logs:CreateLogGroup", "code": "AccessDenied", "message": "no", "status": 403})
    with pytest.raises(DeploymentError, match="AccessDenied"):
        emulated_cloud.up(a_log_group)
    emulated_cloud.faults()
    assert emulated_cloud.up(a_log_group).changes.get("create") == 1


@engine
def test_a_failing_program_fails_the_deployment_with_its_error(emulated_cloud: EmulatedCloud) -> None:
    def program() -> None:
        raise pulumi.RunError("no such size")

    with pytest.raises(DeploymentError, match=r"^no such size"):
        emulated_cloud.up(program)


@engine
def test_every_test_begins_with_an_empty_account(emulated_cloud: EmulatedCloud) -> None:
    assert emulated_cloud.resources() == []


@engine
def test_a_stack_that_was_not_deployed_cannot_be_destroyed(emulated_cloud: EmulatedCloud) -> None:
    with pytest.raises(ValueError, match="call up"):
        emulated_cloud.destroy()


class Engine(EngineServicer):
    """What a program logs to."""

    def Log(self, request: object, context: object) -> Empty:
        return Empty()


def serving(port: int = 0) -> tuple[grpc.Server, int]:
    server = grpc.server(ThreadPoolExecutor(1))
    add_EngineServicer_to_server(Engine(), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, port


def connect(port: int) -> EngineStub:
    """As the SDK does for a program; it keeps its settings in context variables, which other tests must not see."""
    settings = partial(Settings, project="project", stack="test", engine=f"127.0.0.1:{port}")
    return copy_context().run(lambda: settings().engine)


def test_engine_on_a_port_that_an_earlier_one_had_is_reached() -> None:
    cloud.own_connections()
    earlier, port = serving()
    left_over = connect(port)
    left_over.Log(LogRequest())
    earlier.stop(grace=0).wait()
    for _ in range(3):  # each failure makes gRPC wait longer before it tries that connection again
        with pytest.raises(grpc.RpcError):
            left_over.Log(LogRequest())
        time.sleep(1)

    engine, _ = serving(port)

    try:
        assert connect(port).Log(LogRequest()) == Empty()
    finally:
        engine.stop(grace=0).wait()
