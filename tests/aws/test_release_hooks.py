"""What the hooks of a release ask AWS, and what they make of the answers; the engine runs them in tests/engine."""

import asyncio
import base64
import io
import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi import ResourceHookArgs
from pulumi_fastapi.aws import release_hooks
from pulumi_fastapi.aws.credentials import Aws, DeployError, firing_alarms
from pulumi_fastapi.aws.registry import ECR_IMAGE
from pulumi_fastapi.aws.release_hooks import (
    Gates,
    Move,
    announcement,
    as_it_serves,
    invoke,
    is_same_image,
    migrate,
    refuse_firing_alarms,
    require_ready,
    require_single_manifest,
    shift_traffic,
    wait_until_active,
    wait_until_warm,
)
from pulumi_fastapi.traffic_shift import ShiftStrategy, TrafficShift

ARN = "arn:aws:lambda:us-east-1:123456789012:function:shop"
MOVE = Move(function="shop", alias="live", old="1", new="2")
CANARY = TrafficShift(strategy=ShiftStrategy.CANARY, canary_percent=10)


class NotProvisioned(Exception):
    pass


class NotFound(Exception):
    pass


class Busy(Exception):
    pass


class Account(Aws):
    """An account that answers what a test says, and notes what it is asked."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.settings: dict[str, Any] = {}
        self._answers = answers

    def client(self, service: str, **settings: Any) -> Any:
        self.settings = settings
        exceptions = SimpleNamespace(
            ProvisionedConcurrencyConfigNotFoundException=NotProvisioned,
            TooManyRequestsException=Busy,
            ResourceNotFoundException=NotFound,
        )
        return SimpleNamespace(exceptions=exceptions, **{name: self._method(name) for name in self._answers})

    def _method(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.asked.append((name, arguments))
            answer = self._answers[name]
            answer = answer.pop(0) if isinstance(answer, list) and len(answer) > 1 else answer
            answer = answer[0] if isinstance(answer, list) else answer
            return answer(**arguments) if callable(answer) else answer

        return call


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_hooks, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(release_hooks, "_WATCH_SECONDS", 0.01)


def answered(payload: Any, *, error: str | None = None, log: str = "") -> Callable[..., dict[str, Any]]:
    def answer(**_asked: Any) -> dict[str, Any]:
        told = {
            "Payload": io.BytesIO(json.dumps(payload).encode()),
            "LogResult": base64.b64encode(log.encode()).decode(),
        }
        return {**told, "FunctionError": error} if error else told

    return answer


def weights(account: Account) -> list[dict[str, float]]:
    return [
        asked["RoutingConfig"]["AdditionalVersionWeights"] for name, asked in account.asked if name == "update_alias"
    ]


def alarms(**states: str) -> dict[str, Any]:
    return {"MetricAlarms": [{"AlarmName": name, "StateValue": state} for name, state in states.items()]}


# What is about to happen


def test_a_move_is_read_from_what_the_engine_is_about_to_do() -> None:
    args = ResourceHookArgs(
        urn="u",
        id="i",
        name="shop-live",
        type="t",
        new_inputs={"name": "live", "functionVersion": "2"},
        old_outputs={"functionVersion": "1"},
    )
    assert Move.of(args, ARN) == MOVE
    args.old_outputs = None
    assert Move.of(args, ARN).old is None


def test_traffic_is_moved_from_the_version_that_serves_and_not_from_the_one_in_the_state() -> None:
    """After a rollback the state names the version that was left for being bad."""
    assert as_it_serves(Account(get_alias={"FunctionVersion": "7"}), MOVE).old == "7"
    new = MOVE._replace(old=None)
    assert as_it_serves(Account(), new) == new


def test_an_alias_that_is_gone_has_no_version_that_serves() -> None:
    def gone(**_asked: Any) -> Any:
        raise NotFound

    assert as_it_serves(Account(get_alias=gone), MOVE).old is None


def test_the_announced_time_holds_readiness_migration_and_every_step() -> None:
    gates = Gates(startup=60, migrate=["alembic", "upgrade", "head"], task_timeout=600)
    minutes = -(-(60 + 600 + CANARY.seconds) // 60)
    assert announcement(CANARY, gates) == (
        f"a CANARY release ends, well or taken back, within {minutes} min;"
        " `alembic upgrade head` runs first if the image changes"
    )


# Images


def image(digest: str = "a" * 64) -> "re.Match[str]":
    found = ECR_IMAGE.fullmatch(f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{digest}")
    assert found is not None
    return found


@pytest.mark.parametrize("kind", release_hooks.SINGLE_MANIFESTS)
def test_a_single_manifest_is_taken(kind: str) -> None:
    account = Account(batch_get_image={"images": [{"imageManifestMediaType": kind}]})
    require_single_manifest(account, image())
    _, asked = account.asked[0]
    assert (asked["repositoryName"], asked["imageIds"]) == ("shop", [{"imageDigest": f"sha256:{'a' * 64}"}])


@pytest.mark.parametrize(
    "found",
    [
        {"imageManifestMediaType": "application/vnd.oci.image.index.v1+json"},
        {"imageManifest": '{"mediaType": "application/vnd.docker.distribution.manifest.list.v2+json"}'},
    ],
)
def test_an_index_is_refused_with_what_to_do(found: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match=r"an index of several manifests.*--provenance=false"):
        require_single_manifest(Account(batch_get_image={"images": [found]}), image())


def test_an_image_that_is_gone_is_named() -> None:
    with pytest.raises(DeployError, match=r"there is no image .*shop@sha256"):
        require_single_manifest(Account(batch_get_image={"images": [], "failures": []}), image())


def test_images_are_compared_by_their_digest() -> None:
    digests = {"1": "a", "2": "b", "3": "a"}
    account = Account(get_function_configuration=lambda Qualifier, **_: {"CodeSha256": digests[Qualifier]})
    assert not is_same_image(account, MOVE)
    assert is_same_image(account, MOVE._replace(new="3"))
    assert not is_same_image(account, MOVE._replace(old=None))


# Alarms


def test_only_alarms_that_fire_hold_a_release_up() -> None:
    account = Account(describe_alarms=alarms(errors="OK", latency="INSUFFICIENT_DATA"))
    refuse_firing_alarms(account, ["errors", "latency"])
    assert firing_alarms(Account(), []) == []
    with pytest.raises(DeployError, match="not started: errors is in ALARM"):
        refuse_firing_alarms(Account(describe_alarms=alarms(errors="ALARM", latency="OK")), ["errors", "latency"])


# A version


def test_a_version_is_waited_for() -> None:
    account = Account(get_function_configuration=[{"State": "Pending"}, {"State": "Pending"}, {"State": "Active"}])
    asyncio.run(wait_until_active(account, MOVE))
    assert [asked["Qualifier"] for _, asked in account.asked] == ["2", "2", "2"]


def test_a_version_that_cannot_become_active_says_why() -> None:
    account = Account(get_function_configuration={"State": "Failed", "StateReason": "no subnet has room"})
    with pytest.raises(DeployError, match="version 2 is Failed: no subnet has room; version 1 keeps all traffic"):
        asyncio.run(wait_until_active(account, MOVE))


def test_readiness_is_asked_again_while_it_is_503() -> None:
    account = Account(invoke=[answered({"statusCode": 503, "body": "wait"}), answered({"statusCode": 200})])
    asyncio.run(require_ready(account, MOVE, "/-/ready", 5, 30))
    event = json.loads(account.asked[0][1]["Payload"])
    assert (account.asked[0][1]["Qualifier"], event["rawPath"], event["version"]) == ("2", "/-/ready", "2.0")
    assert len(account.asked) == 2


def test_a_version_that_does_not_get_ready_shows_its_answer_and_log() -> None:
    account = Account(invoke=answered({"statusCode": 503, "body": '{"reasons": ["db"]}'}, log="could not connect"))
    with pytest.raises(DeployError, match=r"answers /-/ready with 503 after 0 s: .*db") as error:
        asyncio.run(require_ready(account, MOVE, "/-/ready", 0, 30))
    assert "\n    | could not connect" in str(error.value)


@pytest.mark.parametrize("payload", [None, "ok", {"message": "Internal"}])
def test_an_answer_that_is_none_is_not_ready(payload: Any) -> None:
    with pytest.raises(DeployError, match="answers /-/ready with None"):
        asyncio.run(require_ready(Account(invoke=answered(payload)), MOVE, "/-/ready", 0, 30))


def test_a_version_that_does_not_start_is_not_asked_again() -> None:
    told = {"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}
    account = Account(invoke=answered(told, error="Unhandled", log="KeyError: 'X'"))
    with pytest.raises(DeployError, match=r"does not start: Runtime.ExitError: exit status 1"):
        asyncio.run(require_ready(account, MOVE, "/-/ready", 60, 30))
    assert len(account.asked) == 1


def test_an_invocation_is_sent_once_and_waited_for() -> None:
    """Sent again, a migration would run twice."""
    account = Account(invoke=answered({}))
    invoke(account, "shop-migrate", "$LATEST", {}, 900)
    assert account.settings["retries"] == {"total_max_attempts": 1}
    assert account.settings["read_timeout"] > 900


def busy(**_asked: Any) -> Any:
    raise Busy("Rate Exceeded")


def test_an_invocation_that_was_refused_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It did not run: all environments that the function may have were busy."""
    assert invoke(Account(invoke=[busy, busy, answered("ok")]), "shop", "2", {}, 30).payload == "ok"
    monkeypatch.setattr(release_hooks, "_BUSY_SECONDS", 0)
    assert invoke(Account(invoke=busy), "shop", "2", {}, 30).error == "no environment was free for 0 s: Rate Exceeded"


# Migrations


def test_a_migration_is_asked_for_as_the_runtime_understands_it() -> None:
    account = Account(invoke=answered({"exitCode": 0, "output": "done"}))
    asyncio.run(migrate(account, "shop-migrate", ["alembic", "upgrade", "head"], 900))
    assert json.loads(account.asked[0][1]["Payload"]) == {"fastapi_runtime": {"run": ["alembic", "upgrade", "head"]}}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (answered({"exitCode": 1, "output": "no\nrelation"}), r"ended with 1; no traffic was moved\n    \| no\n"),
        (answered({}), "ended with None"),
        (answered({"errorType": "Sandbox.Timedout", "errorMessage": "late"}, error="Unhandled"), "failed: .*late"),
    ],
)
def test_a_migration_that_does_not_end_with_0_holds_the_release_up(answer: Any, message: str) -> None:
    with pytest.raises(DeployError, match=message):
        asyncio.run(migrate(Account(invoke=answer), "shop-migrate", ["x"], 900))


# Traffic


def test_shares_grow_while_alarms_are_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrafficShift, "steps", CANARY.steps[:0] + [step._replace(seconds=0) for step in CANARY.steps])
    account = Account(update_alias={}, describe_alarms=alarms(errors="OK"))
    said: list[str] = []
    asyncio.run(shift_traffic(account, MOVE, CANARY, ["errors"], said.append))
    assert weights(account) == [{"2": 0.1}, {"2": 1.0}]
    assert said[0] == "version 2 gets 10 % of the traffic for 0 s"


def test_an_alarm_gives_the_old_version_everything_back() -> None:
    account = Account(update_alias={}, describe_alarms=[alarms(errors="OK"), alarms(errors="ALARM")])
    with pytest.raises(DeployError, match="went back: errors fired while version 2 had 10 % of the traffic"):
        asyncio.run(shift_traffic(account, MOVE, CANARY, ["errors"], lambda _: None))
    assert weights(account) == [{"2": 0.1}, {}]
    assert account.asked[-1][1]["FunctionVersion"] == "1"


def test_an_interrupted_release_goes_back_too() -> None:
    account = Account(update_alias={}, describe_alarms=alarms(errors="OK"))

    async def interrupted() -> None:
        running = asyncio.create_task(shift_traffic(account, MOVE, CANARY, ["errors"], lambda _: None))
        await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(interrupted())
    assert weights(account) == [{"2": 0.1}, {}]


# Provisioned concurrency


def test_environments_are_waited_for_until_they_are_started() -> None:
    account = Account(get_provisioned_concurrency_config=[{"Status": "IN_PROGRESS"}, {"Status": "READY"}])
    asyncio.run(wait_until_warm(account, MOVE))
    assert len(account.asked) == 2
    failed = Account(get_provisioned_concurrency_config={"Status": "FAILED", "StatusReason": "no memory"})
    with pytest.raises(DeployError, match="version 2 serves, but its provisioned concurrency is FAILED: no memory"):
        asyncio.run(wait_until_warm(failed, MOVE))


def test_provisioned_concurrency_that_is_about_to_be_made_is_not_waited_for() -> None:
    def refuse(**_asked: Any) -> Any:
        raise NotProvisioned

    asyncio.run(wait_until_warm(Account(get_provisioned_concurrency_config=refuse), MOVE))
