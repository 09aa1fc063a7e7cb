"""What the hooks of a deploy ask AWS, and what they make of the answers; the engine runs them in tests/engine."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import boto3
import pulumi
import pytest
from moto import mock_aws
from pulumi import ResourceHookArgs
from pulumi_fastapi.aws import deployment_hooks
from pulumi_fastapi.aws.deployment_hooks import (
    Aws,
    Credentials,
    DeployError,
    Gates,
    announcement,
    describe_failure,
    is_same_image,
    last_lines,
    refuse_firing_alarms,
    run_once,
)
from pulumi_fastapi.rollout import Rollout, worst_case_seconds
from pulumi_fastapi.timeouts import Timeouts, ladder

CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/shop"
OLD, NEW = (f"arn:aws:ecs:us-east-1:123456789012:task-definition/shop:{revision}" for revision in (1, 2))
NETWORK = {"subnets": ["subnet-a"], "securityGroups": ["sg-1"], "assignPublicIp": True}


def args(**values: Any) -> ResourceHookArgs:
    inputs = {"cluster": CLUSTER, "taskDefinition": NEW, "networkConfiguration": NETWORK, **values.pop("inputs", {})}
    return ResourceHookArgs(urn="urn", id="service", name="shop-service", type="t", new_inputs=inputs, **values)


class Account(Aws):
    """An account that answers what a test says, and notes what it is asked."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._answers = answers

    def client(self, service: str) -> Any:
        return SimpleNamespace(**{name: self._method(name) for name in self._answers})

    def _method(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.asked.append((name, arguments))
            answer = self._answers[name]
            return answer(**arguments) if callable(answer) else answer

        return call


def definition(taskDefinition: str, **container: Any) -> dict[str, Any]:
    image = {OLD: "shop@sha256:1", NEW: "shop@sha256:2"}[taskDefinition]
    return {"taskDefinition": {"containerDefinitions": [{"name": "app", "image": image, **container}]}}


def task(status: str = "STOPPED", code: int | None = 0) -> dict[str, Any]:
    container = {"name": "app"} if code is None else {"name": "app", "exitCode": code}
    return {
        "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/shop/t1",
        "clusterArn": CLUSTER,
        "taskDefinitionArn": NEW,
        "lastStatus": status,
        "stoppedReason": "Essential container in task exited",
        "containers": [container],
    }


# Before


def test_only_alarms_that_fire_hold_a_deploy_up() -> None:
    quiet = {"AlarmName": "latency", "StateValue": "OK"}
    account = Account(describe_alarms={"MetricAlarms": [quiet]})
    refuse_firing_alarms(account, args(inputs={"alarms": {"alarmNames": ["latency", "errors"]}}))

    firing = Account(describe_alarms={"MetricAlarms": [quiet, {"AlarmName": "errors", "StateValue": "ALARM"}]})
    with pytest.raises(DeployError, match="not started: errors is in ALARM"):
        refuse_firing_alarms(firing, args(inputs={"alarms": {"alarmNames": ["latency", "errors"]}}))


def test_a_rolling_deploy_asks_for_no_alarms() -> None:
    account = Account()
    refuse_firing_alarms(account, args())
    assert account.asked == []


@pytest.mark.parametrize(("before", "same"), [(None, False), (OLD, False), (NEW, True)])
def test_an_image_is_new_if_another_one_runs(before: str | None, same: bool) -> None:
    old = None if before is None else {"taskDefinition": before}
    assert is_same_image(Account(describe_task_definition=definition), args(old_outputs=old)) is same


def test_a_task_runs_where_the_service_runs() -> None:
    account = Account(run_task={"tasks": [task()]}, describe_task_definition=definition)
    asyncio.run(run_once(account, args(), "migrate", ["alembic", "upgrade", "head"], 60))
    _, request = account.asked[0]
    assert request["taskDefinition"] == NEW
    assert request["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-a"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "ENABLED",
    }
    assert request["overrides"] == {"containerOverrides": [{"name": "app", "command": ["alembic", "upgrade", "head"]}]}


def test_a_task_that_cannot_start_says_why() -> None:
    account = Account(run_task={"tasks": [], "failures": [{"reason": "RESOURCE:ENI"}]})
    with pytest.raises(DeployError, match="migrate could not start: RESOURCE:ENI"):
        asyncio.run(run_once(account, args(), "migrate", ["x"], 60))


def test_an_image_that_cannot_be_pulled_is_no_success() -> None:
    """The container never ran, so there is no exit code."""
    failed = task(code=None) | {"stoppedReason": "CannotPullContainerError: not found"}
    account = Account(run_task={"tasks": [failed]}, describe_task_definition=definition)
    with pytest.raises(DeployError, match="CannotPullContainerError: not found - the app did not start"):
        asyncio.run(run_once(account, args(), "migrate", ["x"], 60))


def test_an_interrupted_deploy_stops_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_hooks, "_POLL_SECONDS", 0.01)
    account = Account(run_task={"tasks": [task("RUNNING")]}, describe_tasks={"tasks": [task("RUNNING")]}, stop_task={})

    async def interrupted() -> None:
        running = asyncio.create_task(run_once(account, args(), "migrate", ["x"], 60))
        await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(interrupted())
    assert account.asked[-1][0] == "stop_task"


# After


def service(running: str, *, ready: int = 1) -> dict[str, Any]:
    found = {"serviceName": "shop", "taskDefinition": running, "runningCount": ready, "desiredCount": 2, "events": []}
    return {"services": [found]}


@pytest.mark.parametrize(
    ("running", "stopped", "verdict"),
    [
        (OLD, [], "ECS rolled the deployment back"),
        (NEW, [task(code=3)], "the deployment is failing: its tasks stop"),
        (NEW, [], "the deployment is slow: no task stopped"),
    ],
)
def test_failing_and_slow_are_told_apart(running: str, stopped: list[Any], verdict: str) -> None:
    account = Account(
        describe_services=service(running),
        list_tasks={"taskArns": [each["taskArn"] for each in stopped]},
        describe_tasks={"tasks": stopped},
        describe_task_definition=definition,
    )
    report = describe_failure(account, CLUSTER, "service", NEW)
    assert report.startswith(verdict)
    assert "asked for  shop:2" in report
    assert f"runs now   {running.split('/')[-1]}, 1 of 2 tasks" in report


def test_stopped_tasks_of_earlier_versions_are_not_blamed() -> None:
    earlier = task(code=137) | {"taskDefinitionArn": OLD}
    account = Account(
        describe_services=service(NEW),
        list_tasks={"taskArns": [earlier["taskArn"]]},
        describe_tasks={"tasks": [earlier]},
        describe_task_definition=definition,
    )
    assert "137" not in describe_failure(account, CLUSTER, "service", NEW)


@mock_aws
def test_a_task_that_wrote_nothing_has_no_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    options = {"awslogs-group": "logs", "awslogs-stream-prefix": "app"}
    ecs = Account(describe_task_definition=lambda **asked: definition(**asked, logConfiguration={"options": options}))
    logs = boto3.client("logs", region_name="us-east-1")
    logs.create_log_group(logGroupName="logs")
    both = SimpleNamespace(client=lambda name: logs if name == "logs" else ecs.client(name))
    assert last_lines(both, task()) == []  # type: ignore[arg-type]


# Whose account


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@mock_aws
@pytest.mark.usefixtures("keys")
def test_credentials_of_another_account_are_named() -> None:
    foreign = CLUSTER.replace("123456789012", "999999999999")
    with pytest.raises(DeployError, match="of account 123456789012, what it deploys is in 999999999999"):
        Credentials().session(foreign)


@mock_aws
@pytest.mark.usefixtures("keys")
def test_assumed_roles_of_the_provider_are_assumed_here_too() -> None:
    role = {"roleArn": "arn:aws:iam::999999999999:role/deploy", "sessionName": "ci"}
    foreign = CLUSTER.replace("123456789012", "999999999999")
    aws = Credentials(assume_roles=[role]).session(foreign)
    assert aws.client("sts").get_caller_identity()["Arn"].endswith("assumed-role/deploy/ci")


def test_no_credentials_is_one_line() -> None:
    with pytest.raises(DeployError, match=r"cannot check the deploy in AWS: .*verify_deployments=False"):
        Credentials(profile="nobody-has-this").session(CLUSTER)


def test_settings_are_those_of_the_provider() -> None:
    pulumi.runtime.set_all_config({"aws:profile": "prod", "aws:assumeRoles": '[{"roleArn": "r"}]'})
    try:
        assert Credentials.of_program() == Credentials(profile="prod", assume_roles=({"roleArn": "r"},))
    finally:
        pulumi.runtime.set_all_config({})


@pytest.fixture
def throttling(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """An API that refuses the first two calls for being too many."""
    answers: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            answers.append(400 if len(answers) < 2 else 200)
            body = (
                {"__type": "ThrottlingException", "message": "Rate exceeded"}
                if answers[-1] == 400
                else {"clusterArns": []}
            )
            self.send_response(answers[-1])
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield answers
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("keys")
def test_throttling_is_waited_out(throttling: list[int]) -> None:
    assert Aws(boto3.Session(region_name="us-east-1")).client("ecs").list_clusters()["clusterArns"] == []
    assert throttling == [400, 400, 200]


# What is said beforehand


def test_the_announced_time_holds_the_tasks_too() -> None:
    longest = worst_case_seconds(ladder(Timeouts()), Rollout(), tasks=2)
    gates = Gates(migrate=["alembic", "upgrade", "head"], smoke_test=["x"], task_timeout=600)
    minutes = -(-(longest.total + 1200) // 60)
    assert announcement(Rollout(), longest, gates).startswith(
        f"a ROLLING deploy ends, well or rolled back, within {minutes} min; `alembic upgrade head` runs first"
    )
