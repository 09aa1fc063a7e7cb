"""Releases of a function on the real engine: an alias moves only to what is ready, and comes back from what is not."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pulumi
import pytest
from pulumi_fastapi import FastAPIApp, LambdaFastAPIFunction, LambdaFastAPIFunctionArgs, traffic_shift
from pulumi_fastapi.aws import Database, DatabaseArgs, Network, release_hooks
from pulumi_fastapi.emulated_cloud import Deployment, DeploymentError

pytestmark = pytest.mark.engine

MIGRATE = ["alembic", "upgrade", "head"]
CANARY = {"strategy": "CANARY", "canary_bake_minutes": 1, "bake_minutes": 0}
SINGLE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute takes a second; the program runs in this process."""
    monkeypatch.setattr(traffic_shift, "_MINUTE", 1)
    monkeypatch.setattr(release_hooks, "_POLL_SECONDS", 0.1)
    monkeypatch.setattr(release_hooks, "_WATCH_SECONDS", 0.1)


@pytest.fixture
def push(emulated_cloud) -> Callable[..., str]:
    """Puts an image of that version into ECR; returns it by digest."""
    client = emulated_cloud.client("ecr")
    client.create_repository(repositoryName="shop")

    def put(version: int, media_type: str = SINGLE) -> str:
        manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": {"size": version}, "layers": []})
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        client.put_image(
            repositoryName="shop",
            imageManifest=manifest,
            imageManifestMediaType=media_type,
            imageTag=f"{version}-{len(media_type)}",
            imageDigest=digest,
        )
        return f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@{digest}"

    return put


@pytest.fixture
def shop(push):
    """Makes a program with one function, of the image of that version; the other arguments are the function's."""
    images: dict[int, str] = {}

    def make(version: int = 1, image: str | None = None, app: dict[str, Any] | None = None, **args: Any):
        if image is None:
            image = images[version] = images.get(version) or push(version)

        def program() -> None:
            made = LambdaFastAPIFunction(
                "shop",
                LambdaFastAPIFunctionArgs(
                    app=FastAPIApp(image=image, **(app or {})), deletion_protection=False, **args
                ),
            )
            for output in ("url", "function_name", "version", "role_name", "alias_arn"):
                pulumi.export(output, getattr(made, output))

        return program

    return make


def alias(emulated_cloud, name: str) -> tuple[str, dict[str, float]]:
    """The version that serves, and the weights of others."""
    found = emulated_cloud.client("lambda").get_alias(FunctionName=name, Name="live")
    return found["FunctionVersion"], (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}


def name_of(deployment: Deployment) -> str:
    return str(deployment.outputs["function_name"])


@contextmanager
def during_shift(emulated_cloud, name: str, act: Callable[[], None] = lambda: None) -> Iterator[list[Any]]:
    """Act once the alias has weights; yields what was seen of them."""
    seen: list[Any] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            found = alias(emulated_cloud, name)
            if found[1] and found not in seen:
                seen.append(found)
                act()
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def shares_told(deployment: Deployment) -> list[tuple[str, str]]:
    """Version and percent of each step, as the release said them."""
    told = re.findall(r"version (\d+) gets (\d+) % of the traffic", deployment.output)
    return list(dict.fromkeys(told))  # the engine prints a message as it comes, and at the end


def set_alarms(emulated_cloud, state: str) -> list[str]:
    """Put the alarms on errors of the released version into a state; returns their names."""
    client = emulated_cloud.client("cloudwatch")
    found = [each["AlarmName"] for each in client.describe_alarms()["MetricAlarms"]]
    names = [name for name in found if name.startswith("shop-release-errors")]
    for name in names:
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
    return names


def published(emulated_cloud, name: str) -> list[str]:
    found = emulated_cloud.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
    return [version["Version"] for version in found if version["Version"] != "$LATEST"]


# Ready or not


def test_a_function_is_made_serves_and_leaves_nothing_behind(emulated_cloud, shop):
    made = emulated_cloud.up(shop())

    assert alias(emulated_cloud, name_of(made)) == ("1", {})
    assert made.outputs["url"].startswith("https://")
    assert not emulated_cloud.up(shop()).changed
    emulated_cloud.destroy()
    assert {each["type"] for each in emulated_cloud.resources()} <= {"repository", "image"}


def test_a_first_version_that_is_not_ready_gets_no_alias(emulated_cloud, shop):
    emulated_cloud.faults({"operation": "lambda:Request", "status": 503, "log": "cannot reach the database"})

    with pytest.raises(DeploymentError, match="version 1 answers /-/ready with 503 after 1 s") as failure:
        emulated_cloud.up(shop(app={"timeouts": {"startup": 1}}))

    assert "cannot reach the database" in str(failure.value)
    assert "no traffic was moved" in str(failure.value)
    emulated_cloud.faults()
    made = emulated_cloud.up(shop(app={"timeouts": {"startup": 1}}))
    assert alias(emulated_cloud, name_of(made)) == ("1", {})


def test_a_version_that_does_not_start_leaves_all_traffic_to_the_old_one(emulated_cloud, shop):
    name = name_of(emulated_cloud.up(shop()))
    emulated_cloud.faults(
        {"operation": "lambda:Invoke", "name": "*:2", "effect": "init-failure", "log": "KeyError: 'X'"}
    )

    with pytest.raises(DeploymentError, match=r"version 2 does not start: .*version 1 keeps all traffic") as failure:
        emulated_cloud.up(shop(2))

    assert "| KeyError: 'X'" in str(failure.value)
    assert alias(emulated_cloud, name) == ("1", {})
    emulated_cloud.faults()
    emulated_cloud.up(shop(2))
    assert alias(emulated_cloud, name) == ("2", {})
    assert published(emulated_cloud, name) == ["1", "2"]


def test_a_version_is_waited_for_until_it_is_active(emulated_cloud, shop):
    name = name_of(emulated_cloud.up(shop()))
    emulated_cloud.faults({"operation": "lambda:State", "name": "*:2", "effect": "pending", "times": 3})
    emulated_cloud.up(shop(2))
    assert alias(emulated_cloud, name) == ("2", {})

    emulated_cloud.faults({"operation": "lambda:State", "effect": "failed", "log": "image is damaged"})
    with pytest.raises(DeploymentError, match="image is damaged"):
        emulated_cloud.up(shop(3))
    assert alias(emulated_cloud, name) == ("2", {})


def test_an_index_of_images_is_refused_before_the_function_is_touched(emulated_cloud, shop, push):
    name = name_of(emulated_cloud.up(shop()))

    with pytest.raises(DeploymentError, match=r"an index of several manifests.*--provenance=false"):
        emulated_cloud.up(shop(image=push(2, INDEX)))

    assert published(emulated_cloud, name) == ["1"]


# Traffic


def test_traffic_moves_in_steps(emulated_cloud, shop):
    name = name_of(emulated_cloud.up(shop()))
    canary = {"strategy": "CANARY", "canary_percent": 25, "canary_bake_minutes": 1, "bake_minutes": 1}
    linear = {"strategy": "LINEAR", "step_percent": 40, "step_bake_minutes": 1, "bake_minutes": 1}

    with during_shift(emulated_cloud, name) as seen:
        second = emulated_cloud.up(shop(2, **canary))
        third = emulated_cloud.up(shop(3, **linear))

    assert shares_told(second) == [("2", "25"), ("2", "100")]
    assert shares_told(third) == [("3", "40"), ("3", "80"), ("3", "100")]
    steps = [*(("1", {"2": each}) for each in (0.25, 1.0)), *(("2", {"3": each}) for each in (0.4, 0.8, 1.0))]
    assert seen  # not all of them on a busy machine
    assert all(each in steps for each in seen)
    assert alias(emulated_cloud, name) == ("3", {})
    assert not emulated_cloud.up(shop(3, **linear)).changed


def test_an_alarm_sends_the_traffic_back_and_the_next_up_tries_again(emulated_cloud, shop):
    name = name_of(emulated_cloud.up(shop(**CANARY)))

    with (
        during_shift(emulated_cloud, name, lambda: set_alarms(emulated_cloud, "ALARM")) as seen,
        pytest.raises(DeploymentError, match=r"went back: shop-release-errors.* had 10 % of the traffic"),
    ):
        emulated_cloud.up(shop(2, **CANARY | {"canary_bake_minutes": 60}))

    assert seen == [("1", {"2": 0.1})]
    assert alias(emulated_cloud, name) == ("1", {})
    with pytest.raises(DeploymentError, match=r"not started: shop-release-errors.* is in ALARM"):
        emulated_cloud.up(shop(2, **CANARY))
    assert alias(emulated_cloud, name) == ("1", {})
    again = emulated_cloud.up(shop(2, ignore_alarms=True, **CANARY))
    assert again.outputs["version"] == "2"
    assert alias(emulated_cloud, name) == ("2", {})


def test_environments_that_do_not_start_beforehand_fail_the_up(emulated_cloud, shop):
    name = name_of(emulated_cloud.up(shop(provisioned_concurrency=2, provisioned_concurrency_max=4)))
    emulated_cloud.faults(
        {"operation": "lambda:ProvisionedConcurrency", "effect": "pending", "times": 2},
        {"operation": "lambda:ProvisionedConcurrency", "effect": "failed", "log": "out of memory"},
    )

    with pytest.raises(DeploymentError, match="its provisioned concurrency is FAILED: out of memory"):
        emulated_cloud.up(shop(2, provisioned_concurrency=2, provisioned_concurrency_max=4))

    assert alias(emulated_cloud, name)[0] == "2"


# Migrations


def test_a_migration_runs_once_for_a_new_image_and_before_it_gets_traffic(emulated_cloud, shop):
    first = emulated_cloud.up(shop(migrate=MIGRATE))
    tuned = emulated_cloud.up(shop(migrate=MIGRATE, memory=2048))
    second = emulated_cloud.up(shop(2, migrate=MIGRATE))

    ran = ["migrate (`alembic upgrade head`) ended with 0" in made.output for made in (first, tuned, second)]
    assert ran == [True, False, True]
    assert alias(emulated_cloud, name_of(second)) == ("3", {})


def test_a_failed_migration_leaves_all_traffic_to_the_old_version(emulated_cloud, shop):
    name = name_of(emulated_cloud.up(shop(migrate=MIGRATE)))
    emulated_cloud.faults({"operation": "lambda:Command", "exit_code": 1, "log": 'relation "users" already exists'})

    with pytest.raises(
        DeploymentError, match=r"`alembic upgrade head`\) ended with 1; no traffic was moved"
    ) as failure:
        emulated_cloud.up(shop(2, migrate=MIGRATE))

    assert '| relation "users" already exists' in str(failure.value)
    assert alias(emulated_cloud, name) == ("1", {})
    emulated_cloud.faults()
    emulated_cloud.up(shop(2, migrate=MIGRATE))
    assert alias(emulated_cloud, name) == ("2", {})


# What is said beforehand, and going back on purpose


def test_preview_says_how_long_it_can_take_and_what_runs_first(emulated_cloud, shop):
    output = emulated_cloud.preview(shop(migrate=MIGRATE, **CANARY)).output

    assert "a CANARY release ends, well or taken back, within" in output
    assert "`alembic upgrade head` runs first" in output


def rollback(emulated_cloud, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pulumi_fastapi.cli", "rollback", *arguments, "--region", "us-east-1", "--yes"],
        capture_output=True,
        text=True,
        env={**os.environ, **emulated_cloud.environment},
    )


def test_the_image_before_comes_back_and_the_next_up_releases_the_programs(emulated_cloud, shop):
    emulated_cloud.up(shop())
    emulated_cloud.up(shop(2))
    name = name_of(emulated_cloud.up(shop(2, memory=2048)))

    done = rollback(emulated_cloud, name)

    assert (done.returncode, done.stderr) == (0, "")
    assert "version 3 runs; going back to version 1" in done.stdout
    assert alias(emulated_cloud, name) == ("1", {})
    nothing = rollback(emulated_cloud, name)
    assert (nothing.returncode, nothing.stderr) == (2, f"error: no version of {name} before 1 has another image\n")
    emulated_cloud.faults({"operation": "lambda:Request", "name": "*:2", "status": 503})
    broken = rollback(emulated_cloud, name, "--to", "2", "--timeout", "1")
    assert (broken.returncode, alias(emulated_cloud, name)) == (1, ("1", {}))
    emulated_cloud.faults()
    emulated_cloud.refresh()
    emulated_cloud.up(shop(2, memory=2048))
    assert alias(emulated_cloud, name) == ("3", {})


def test_a_release_after_a_rollback_starts_from_what_serves(emulated_cloud, shop):
    """The state still names the version that was left for being bad."""
    emulated_cloud.up(shop())
    name = name_of(emulated_cloud.up(shop(2)))
    assert rollback(emulated_cloud, name).returncode == 0

    with during_shift(emulated_cloud, name) as seen:
        emulated_cloud.up(shop(3, **CANARY | {"canary_bake_minutes": 5}))

    assert seen[0] == ("1", {"3": 0.1})
    assert {serves for serves, _ in seen} == {"1"}
    assert alias(emulated_cloud, name) == ("3", {})


def test_a_function_that_is_not_there_is_named(emulated_cloud):
    done = rollback(emulated_cloud, "nobody")

    assert (done.returncode, done.stderr) == (2, "error: there is no function nobody with an alias live\n")


# With everything


def test_a_function_with_a_database_secrets_and_jobs_leaves_nothing_behind(emulated_cloud, push):
    image = push(1)

    def program() -> None:
        network = Network("net")
        database = Database("db", DatabaseArgs(network=network, deletion_protection=False))
        made = LambdaFastAPIFunction(
            "shop",
            LambdaFastAPIFunctionArgs(
                app=FastAPIApp(image=image, secrets={"TOKEN": pulumi.Output.secret("t0p-s3cret")}),
                network=network,
                database=database,
                entry="HTTP_API",
                migrate=MIGRATE,
                keep_warm=True,
                tracing=True,
                deletion_protection=False,
            ),
        )
        for output in ("url", "function_name", "reserved_concurrency", "connection_budget"):
            pulumi.export(output, getattr(made, output))

    made = emulated_cloud.up(program)

    client = emulated_cloud.client("lambda")
    variables = client.get_function_configuration(FunctionName=name_of(made))["Environment"]["Variables"]
    assert "t0p-s3cret" not in json.dumps(variables)
    reference = json.loads(variables["SECRET_ARNS"])["TOKEN"]
    arn, version = reference.split(":TOKEN::")
    stored = emulated_cloud.client("secretsmanager").get_secret_value(SecretId=arn, VersionId=version)
    assert json.loads(stored["SecretString"]) == {"TOKEN": "t0p-s3cret"}
    reserved = client.get_function_concurrency(FunctionName=name_of(made))["ReservedConcurrentExecutions"]
    assert reserved == made.outputs["reserved_concurrency"] == 28
    assert not emulated_cloud.up(program).changed
    emulated_cloud.destroy()
    assert {each["type"] for each in emulated_cloud.resources()} <= {"repository", "image"}
