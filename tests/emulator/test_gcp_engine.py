"""Google programs on the real engine."""

from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi_docker_build as docker_build
import pulumi_gcp as gcp
import pytest
from google_world import REGION
from pulumi_fastapi.emulated_cloud import GOOGLE_PROJECT, DeploymentError, EmulatedCloud

pytestmark = pytest.mark.engine

NOT_READY = {"operation": "run:Revision", "effect": "failed"}


def service(image: pulumi.Input[str], **more: object) -> gcp.cloudrunv2.Service:
    made = gcp.cloudrunv2.Service(
        "api",
        name="api",
        location=REGION,
        deletion_protection=False,
        template={"containers": [{"image": image}], **more},
        traffics=[{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}],
    )
    pulumi.export("state", made.terminal_conditions[0].state)
    return made


def built_from(context: Path) -> Callable[[], None]:
    """A program that builds an image into a repository of its own and runs it."""

    def program() -> None:
        project = gcp.organizations.get_project_output()
        repository = gcp.artifactregistry.Repository("images", repository_id="images", location=REGION, format="DOCKER")
        image = docker_build.Image(
            "api",
            context={"location": str(context)},
            push=True,
            tags=[pulumi.Output.concat(repository.registry_uri, "/api:1")],
        )
        account = gcp.serviceaccount.Account("api", account_id="api-runtime")
        made = service(image.ref, service_account=account.email)
        gcp.cloudrunv2.ServiceIamMember(
            "public", name=made.name, location=REGION, role="roles/run.invoker", member="allUsers"
        )
        pulumi.export("ref", image.ref)
        pulumi.export("number", project.number)

    return program


def test_an_image_is_built_pushed_and_run(emulated_cloud: EmulatedCloud, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    program = built_from(tmp_path)

    planned = emulated_cloud.preview(program)
    first = emulated_cloud.up(program)
    again = emulated_cloud.up(program)
    services = emulated_cloud.google("run", "v2").projects().locations().services()
    found = services.get(name=f"projects/{GOOGLE_PROJECT}/locations/{REGION}/services/api").execute()
    emulated_cloud.destroy()

    assert planned.changes == first.changes
    assert first.outputs["state"] == "CONDITION_SUCCEEDED"
    assert first.outputs["ref"].startswith(f"{REGION}-docker.pkg.dev/{GOOGLE_PROJECT}/images/api:1@sha256:")
    assert found["template"]["containers"][0]["image"] == first.outputs["ref"]
    assert not again.changed
    assert emulated_cloud.resources() == []


def test_a_failed_update_is_green_the_second_time_until_a_refresh(emulated_cloud: EmulatedCloud) -> None:
    """As the real provider: what a component has to look out for."""
    emulated_cloud.up(lambda: service("x") and None)
    emulated_cloud.faults(NOT_READY)

    with pytest.raises(DeploymentError, match="is not ready and cannot serve traffic"):
        emulated_cloud.up(lambda: service("y") and None)
    second = emulated_cloud.up(lambda: service("y") and None)
    emulated_cloud.refresh()
    after = emulated_cloud.up(lambda: service("y") and None)

    assert second.outputs["state"] == "CONDITION_SUCCEEDED"
    assert after.outputs["state"] == "CONDITION_FAILED"
