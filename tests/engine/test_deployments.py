"""A deploy on the real engine: `up` succeeds only if what was asked for runs, and says why if it does not."""

from typing import Any

import pytest
from pulumi_fastapi.emulated_cloud import Deployment, DeploymentError

pytestmark = pytest.mark.engine

MIGRATE = ["alembic", "upgrade", "head"]
BROKEN = {"operation": "ecs:Deployment", "exit_code": 3, "log": "Traceback\nKeyError: 'DATABASE_HOST'"}


def service(emulated_cloud, deployment: Deployment) -> dict[str, Any]:
    """The service as AWS has it."""
    answer = emulated_cloud.client("ecs").describe_services(
        cluster=deployment.outputs["cluster_name"], services=[deployment.outputs["service_name"]]
    )
    return answer["services"][0]


def commands(emulated_cloud, deployment: Deployment) -> list[list[str]]:
    """What was run as a task, in order."""
    client, cluster = emulated_cloud.client("ecs"), deployment.outputs["cluster_name"]
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in client.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
    ]
    tasks = client.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    return [task["overrides"]["containerOverrides"][0]["command"] for task in tasks if task["overrides"]]


def updated_service(deployment: Deployment) -> bool:
    return any(
        step.kind == "update" and step.urn.split("::")[2].endswith("ecs/service:Service")
        for step in deployment.operations
    )


# What became of it


def test_rollback_that_the_provider_calls_a_success_fails_the_up(emulated_cloud, shop):
    before = emulated_cloud.up(shop())
    emulated_cloud.faults({**BROKEN, "effect": "rollback-silent"})

    with pytest.raises(DeploymentError, match="ECS rolled the deployment back") as failure:
        emulated_cloud.up(shop(version=2))

    assert service(emulated_cloud, before)["taskDefinition"] == before.outputs["task_definition_arn"]
    assert "the app ended with 3" in str(failure.value)
    assert "| KeyError: 'DATABASE_HOST'" in str(failure.value)


def test_next_up_after_a_rollback_tries_again(emulated_cloud, shop):
    """And fails again while the cause is there: nothing turns green by itself."""
    emulated_cloud.up(shop())
    emulated_cloud.faults({**BROKEN, "effect": "rollback-silent"})
    for _ in range(2):
        with pytest.raises(DeploymentError, match="ECS rolled the deployment back"):
            emulated_cloud.up(shop(version=2))

    emulated_cloud.faults()
    repaired = emulated_cloud.up(shop(version=2))

    assert updated_service(repaired)
    assert service(emulated_cloud, repaired)["taskDefinition"] == repaired.outputs["task_definition_arn"]
    assert not emulated_cloud.up(shop(version=2)).changed


@pytest.mark.parametrize("effect", ["rollback", "timeout"])
def test_failed_first_deploy_says_why_and_the_next_up_finishes_it(emulated_cloud, shop, effect):
    emulated_cloud.faults({**BROKEN, "effect": effect})
    with pytest.raises(DeploymentError, match="the app ended with 3") as failure:
        emulated_cloud.up(shop())
    assert "KeyError: 'DATABASE_HOST'" in str(failure.value)

    emulated_cloud.faults()
    emulated_cloud.up(shop())

    assert not emulated_cloud.up(shop()).changed


def test_call_that_is_refused_is_not_taken_for_a_failed_deploy(emulated_cloud, shop):
    emulated_cloud.up(shop())
    emulated_cloud.faults({"operation": "ecs:UpdateService", "code": "AccessDeniedException"})

    with pytest.raises(DeploymentError, match="AccessDeniedException") as failure:
        emulated_cloud.up(shop(version=2))

    assert "asked for" not in str(failure.value)


# Migrations and smoke tests


def test_migration_runs_once_before_the_service_gets_a_new_image(emulated_cloud, shop):
    emulated_cloud.up(shop(migrate=MIGRATE))
    second = emulated_cloud.up(shop(version=2, migrate=MIGRATE))
    emulated_cloud.up(shop(version=2, migrate=MIGRATE, tasks_max=2))

    assert commands(emulated_cloud, second) == [MIGRATE, MIGRATE]


def test_no_migration_runs_when_the_image_is_the_same(emulated_cloud, shop):
    first = emulated_cloud.up(shop(migrate=MIGRATE))
    changed = emulated_cloud.up(shop(migrate=MIGRATE, app={"environment": {"LOG_LEVEL": "debug"}}))

    assert updated_service(changed)
    assert commands(emulated_cloud, first) == [MIGRATE]


def test_failed_migration_leaves_the_old_version_serving(emulated_cloud, shop):
    before = emulated_cloud.up(shop(migrate=MIGRATE))
    emulated_cloud.faults({"operation": "ecs:Task", "exit_code": 1, "log": 'relation "users" already exists'})

    with pytest.raises(DeploymentError, match=r"`alembic upgrade head`\) failed") as failure:
        emulated_cloud.up(shop(version=2, migrate=MIGRATE))

    assert '| relation "users" already exists' in str(failure.value)
    assert service(emulated_cloud, before)["taskDefinition"] == before.outputs["task_definition_arn"]
    emulated_cloud.faults()
    after = emulated_cloud.up(shop(version=2, migrate=MIGRATE))
    assert service(emulated_cloud, after)["taskDefinition"] == after.outputs["task_definition_arn"]


def test_migration_that_does_not_end_is_stopped(emulated_cloud, shop):
    emulated_cloud.faults({"operation": "ecs:Task", "effect": "timeout"})

    with pytest.raises(DeploymentError, match="did not end within 1 s and was stopped"):
        emulated_cloud.up(shop(migrate=MIGRATE, task_timeout=1))

    client = emulated_cloud.client("ecs")
    (cluster,) = client.list_clusters()["clusterArns"]
    assert client.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"] == []


def test_version_that_fails_its_smoke_test_gets_no_traffic(emulated_cloud, shop):
    before = emulated_cloud.up(shop())
    emulated_cloud.faults({"operation": "ecs:Task", "exit_code": 7})

    with pytest.raises(DeploymentError, match=r"smoke test .* the app ended with 7"):
        emulated_cloud.up(shop(version=2, smoke_test=["python", "-m", "app.smoke"]))

    assert service(emulated_cloud, before)["taskDefinition"] == before.outputs["task_definition_arn"]


# Before it


def alarm(emulated_cloud) -> str:
    (found,) = [
        each["AlarmName"]
        for each in emulated_cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if each["AlarmName"].startswith("shop-errors")
    ]
    return found


def test_deploy_does_not_start_into_a_firing_alarm(emulated_cloud, shop):
    before = emulated_cloud.up(shop(strategy="CANARY"))
    name = alarm(emulated_cloud)
    emulated_cloud.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")

    with pytest.raises(DeploymentError, match=f"not started: {name} is in ALARM"):
        emulated_cloud.up(shop(version=2, strategy="CANARY"))

    assert service(emulated_cloud, before)["taskDefinition"] == before.outputs["task_definition_arn"]
    emulated_cloud.up(shop(version=2, strategy="CANARY", ignore_alarms=True))


def test_preview_says_how_long_it_can_take_and_what_runs_first(emulated_cloud, shop):
    output = emulated_cloud.preview(shop(strategy="CANARY", migrate=MIGRATE, approval_minutes=30)).output

    assert "a CANARY deploy ends, well or rolled back, within" in output
    assert "`alembic upgrade head` runs first" in output
    assert "waits up to 30 min" in output


def test_preview_says_that_a_changed_health_path_is_not_rolled_back(emulated_cloud, shop):
    emulated_cloud.up(shop())

    output = emulated_cloud.preview(shop(app={"readiness_path": "/ready"})).output

    assert "the health check moves from /-/ready to /ready at once" in output
    assert "the health check moves" not in emulated_cloud.preview(shop(version=2)).output


def test_credentials_of_another_account_are_named(emulated_cloud, shop):
    foreign = "arn:aws:ecs:us-east-1:999999999999:cluster/shared"

    with pytest.raises(
        DeploymentError, match="credentials are of account 123456789012, what it deploys is in 999999999999"
    ):
        emulated_cloud.up(shop(cluster_arn=foreign))
