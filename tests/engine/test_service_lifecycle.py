"""The whole service on the real engine, against the emulated AWS."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi_fastapi import FargateFastAPIService, FargateFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.aws import Database, DatabaseArgs, Network
from pulumi_fastapi.emulated_cloud import Deployment, DeploymentError

pytestmark = pytest.mark.engine

CHEAP = FargateFastAPIServiceArgs(tasks_min=1, tasks_max=2, deletion_protection=False)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """The component stages the build context in the working directory."""
    monkeypatch.chdir(tmp_path)


def service(args: FargateFastAPIServiceArgs = CHEAP, database: dict[str, Any] | None = None):
    """A program with one service, with a database if its arguments are given."""

    def program() -> None:
        network = Network("shop")
        server = None
        if database is not None:
            server = Database("shop", DatabaseArgs(network=network, deletion_protection=False, **database))
        made = FargateFastAPIService("shop", replace(args, network=network, database=server))
        for output in ("url", "image", "cluster_name", "service_name", "task_definition_arn", "log_group_name"):
            pulumi.export(output, getattr(made, output))

    return program


def order(deployment: Deployment, kind: str, type_: str) -> int:
    """When the engine began a step."""
    return next(
        index
        for index, step in enumerate(deployment.operations)
        if step.kind == kind and step.urn.split("::")[2].endswith(type_)
    )


def running(emulated_cloud, deployment: Deployment) -> dict[str, Any]:
    """The ECS service as AWS has it."""
    answer = emulated_cloud.client("ecs").describe_services(
        cluster=deployment.outputs["cluster_name"], services=[deployment.outputs["service_name"]]
    )
    return answer["services"][0]


def test_service_with_database_comes_up_stays_and_goes(emulated_cloud):
    program = service(database={})

    first = emulated_cloud.up(program)
    second = emulated_cloud.up(program)
    emulated_cloud.destroy()

    assert first.outputs["url"].startswith("http://shop-lb-")
    assert "@sha256:" in first.outputs["image"]
    assert not second.changed
    assert emulated_cloud.resources() == []


def test_preview_shows_all_resources_and_creates_none(emulated_cloud):
    preview = emulated_cloud.preview(service())

    assert preview.changes["create"] > 50
    assert emulated_cloud.resources() == []


def test_changed_code_rolls_the_service_in_place(emulated_cloud, tmp_path):
    source = tmp_path / "mine"
    source.mkdir()
    (source / "main.py").write_text("app = 1\n")
    program = service(replace(CHEAP, app=FastAPIApp(source=str(source), module="main:app")))
    before = emulated_cloud.up(program)

    (source / "main.py").write_text("app = 2\n")
    after = emulated_cloud.up(program)

    assert after.outputs["image"] != before.outputs["image"]
    assert running(emulated_cloud, after)["taskDefinition"] == after.outputs["task_definition_arn"]
    assert after.outputs["service_name"] == before.outputs["service_name"]


def test_changed_secret_starts_new_tasks(emulated_cloud):
    before = emulated_cloud.up(service(replace(CHEAP, app=FastAPIApp(secrets={"API_KEY": "one"}))))

    after = emulated_cloud.up(service(replace(CHEAP, app=FastAPIApp(secrets={"API_KEY": "two"}))))

    assert after.outputs["task_definition_arn"] != before.outputs["task_definition_arn"]


def test_changed_port_opens_the_new_one_before_the_old_one_closes(emulated_cloud):
    """Case B02: and no target group is replaced, which ELB would refuse while a rule uses it."""
    emulated_cloud.up(service())

    changed = emulated_cloud.up(service(replace(CHEAP, app=FastAPIApp(port=8080))))

    opened = order(changed, "create", "SecurityGroupIngressRule")
    deployed = order(changed, "update", "ecs/service:Service")
    closed = order(changed, "delete", "SecurityGroupIngressRule")
    assert opened < deployed < closed
    assert not any("TargetGroup" in step.urn and step.kind not in ("same", "read") for step in changed.operations)


def test_changed_health_path_updates_the_target_group(emulated_cloud):
    """Case B02."""
    emulated_cloud.up(service())

    changed = emulated_cloud.up(service(replace(CHEAP, app=FastAPIApp(readiness_path="/ready"))))

    assert order(changed, "update", "TargetGroup") >= 0
    assert not any(step.kind == "delete-replaced" and "TargetGroup" in step.urn for step in changed.operations)


def test_refresh_after_a_deploy_sees_nothing(emulated_cloud):
    emulated_cloud.up(service(database={}))

    assert not emulated_cloud.refresh().changed


def test_drift_is_seen_and_repaired(emulated_cloud):
    program = service()
    deployed = emulated_cloud.up(program)
    emulated_cloud.client("logs").put_retention_policy(
        logGroupName=deployed.outputs["log_group_name"], retentionInDays=1
    )

    refreshed = emulated_cloud.refresh()
    emulated_cloud.up(program)

    assert refreshed.changed
    groups = emulated_cloud.client("logs").describe_log_groups(logGroupNamePrefix=deployed.outputs["log_group_name"])[
        "logGroups"
    ]
    assert [group["retentionInDays"] for group in groups] == [30]


def test_scaled_service_is_not_scaled_back_by_the_next_up(emulated_cloud):
    program = service()
    deployed = emulated_cloud.up(program)
    emulated_cloud.client("ecs").update_service(
        cluster=deployed.outputs["cluster_name"], service=deployed.outputs["service_name"], desiredCount=2
    )

    emulated_cloud.refresh()
    emulated_cloud.up(program)

    assert running(emulated_cloud, deployed)["desiredCount"] == 2


def test_failure_half_way_is_finished_by_the_next_up(emulated_cloud):
    program = service()
    emulated_cloud.faults({"operation": "*:CreateListener", "code": "AccessDenied", "status": 403})
    with pytest.raises(DeploymentError, match="AccessDenied"):
        emulated_cloud.up(program)

    emulated_cloud.faults()
    finished = emulated_cloud.up(program)

    assert finished.changes["create"] < finished.changes["same"]
    assert not emulated_cloud.up(program).changed


def test_rolled_back_deployment_fails_and_the_next_up_tries_again(emulated_cloud):
    emulated_cloud.up(service())
    changed = service(replace(CHEAP, app=FastAPIApp(environment={"FEATURE": "on"})))
    emulated_cloud.faults({"operation": "ecs:Deployment", "effect": "rollback"})
    with pytest.raises(DeploymentError):
        emulated_cloud.up(changed)

    emulated_cloud.faults()
    repaired = emulated_cloud.up(changed)

    assert running(emulated_cloud, repaired)["taskDefinition"] == repaired.outputs["task_definition_arn"]


def test_unprotected_registry_goes_with_its_images(emulated_cloud):
    """Case B01: the emulator refuses to delete a repository that holds images, as ECR does."""
    emulated_cloud.up(service())

    emulated_cloud.destroy()

    assert emulated_cloud.resources() == []


def test_unprotected_database_can_be_destroyed_again_and_again(emulated_cloud):
    """Case B09."""
    program = service(database={"final_snapshot": True})

    for _ in range(2):
        emulated_cloud.up(program)
        emulated_cloud.destroy()

    snapshots = emulated_cloud.client("rds").describe_db_snapshots()["DBSnapshots"]
    assert len(snapshots) == 2


def test_protected_resources_survive_a_destroy(emulated_cloud):
    """Cases B01 and B09. `pulumi destroy` stops at its preview; this one runs without, as automation does."""
    emulated_cloud.up(service(replace(CHEAP, deletion_protection=True)))

    with pytest.raises(DeploymentError, match="protect"):
        emulated_cloud.destroy()

    left = {resource["type"] for resource in emulated_cloud.resources()}
    assert {"load-balancer", "repository"} <= left


def test_wrong_argument_stops_before_the_first_resource_without_a_traceback(emulated_cloud):
    def program() -> None:
        FargateFastAPIService("shop", FargateFastAPIServiceArgs(cpu=300))

    with pytest.raises(Exception, match="cpu: must be one of") as failure:
        emulated_cloud.up(program)

    assert "Traceback" not in str(failure.value)
    assert emulated_cloud.resources() == []
