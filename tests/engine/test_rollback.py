"""`pulumi-fastapi rollback` against a service that the real engine deployed."""

import os
import subprocess
import sys

import pytest
from pulumi_fastapi.emulated_cloud import Deployment

pytestmark = pytest.mark.engine


def rollback(emulated_cloud, deployment: Deployment, *options: str) -> subprocess.CompletedProcess:
    names = [deployment.outputs["cluster_name"], deployment.outputs["service_name"]]
    return subprocess.run(
        [sys.executable, "-m", "pulumi_fastapi.cli", "rollback", *names, "--region", "us-east-1", *options],
        capture_output=True,
        text=True,
        env={**os.environ, **emulated_cloud.environment},
    )


def running(emulated_cloud, deployment: Deployment) -> str:
    client = emulated_cloud.client("ecs")
    (service,) = client.describe_services(
        cluster=deployment.outputs["cluster_name"], services=[deployment.outputs["service_name"]]
    )["services"]
    return service["taskDefinition"]


def test_the_image_before_comes_back_and_the_next_up_deploys_the_programs(emulated_cloud, shop):
    first = emulated_cloud.up(shop(deletion_protection=True))
    emulated_cloud.up(shop(version=2, deletion_protection=True))
    tuned = {"environment": {"LOG_LEVEL": "debug"}}
    latest = emulated_cloud.up(shop(version=2, deletion_protection=True, app=tuned))

    done = rollback(emulated_cloud, latest, "--yes")

    assert (done.returncode, done.stderr) == (0, "")
    assert running(emulated_cloud, latest) == first.outputs["task_definition_arn"]
    emulated_cloud.refresh()
    again = emulated_cloud.up(shop(version=2, deletion_protection=True, app=tuned))
    assert running(emulated_cloud, again) == latest.outputs["task_definition_arn"]


def test_without_another_image_nothing_is_done(emulated_cloud, shop):
    only = emulated_cloud.up(shop())

    done = rollback(emulated_cloud, only, "--yes")

    assert done.returncode == 2
    assert done.stderr.startswith("error: no active revision of shop before 1 has another image")


def test_a_service_that_is_not_there_is_named(emulated_cloud, shop):
    made = emulated_cloud.up(shop())
    made.outputs["service_name"] = "nobody"

    done = rollback(emulated_cloud, made, "--yes")

    assert (done.returncode, done.stderr.startswith("error: there is no service nobody in cluster")) == (2, True)
