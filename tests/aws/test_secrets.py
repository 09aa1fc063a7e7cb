import json

import pulumi
import pulumi_aws as aws
import pytest
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import Secrets
from pulumi_fastapi.plan import Plan, Secret, plan
from reading import IMAGE, PlanService, container

VALUES = {"STRIPE_KEY": "sk_live_1", "TOKEN": "t-2"}


def planned(*, deletion_protection: bool = True) -> Plan:
    return plan(lambda: Secrets("api", VALUES, deletion_protection=deletion_protection), preview=False)


def test_all_variables_lie_in_one_secret() -> None:
    (version,) = planned().all(aws.secretsmanager.SecretVersion)
    assert isinstance(version.inputs["secretString"], Secret)
    assert json.loads(version.inputs["secretString"].value) == VALUES


def test_each_variable_is_referred_to_by_arn_key_and_version() -> None:
    """A task of the revision before gets the values of then, also those whose key is gone since."""
    result = planned()
    arn = result.find(aws.secretsmanager.Secret).outputs["arn"]
    version = result.find(aws.secretsmanager.SecretVersion)
    assert result.find(Secrets).outputs["references"] == {
        key: f"{arn}:{key}::{version.outputs['versionId']}" for key in VALUES
    }
    assert version.options.retain_on_delete


@pytest.mark.parametrize(("protection", "days"), [(True, 30), (False, 0)])
def test_a_stack_without_protection_can_be_made_again_at_once(protection: bool, days: int) -> None:
    secret = planned(deletion_protection=protection).find(aws.secretsmanager.Secret)
    assert secret.inputs["recoveryWindowInDays"] == days
    assert "name" not in secret.inputs


def test_values_are_nowhere_in_plain_text() -> None:
    assert not any(value in planned().to_json() for value in VALUES.values())


def test_a_service_never_shows_its_secrets(full: Plan) -> None:
    assert "sk_live_do_not_show" not in full.to_json()


def test_a_changed_secret_changes_the_task_definition(service: PlanService) -> None:
    """ECS reads secrets when a task starts; without another revision the old value would run on."""
    result = service(app=FastAPIApp(image=IMAGE, secrets=VALUES), preview=True)
    task = result.find("aws:ecs/taskDefinition:TaskDefinition")
    assert result.find(aws.secretsmanager.SecretVersion) in task.property_dependencies["containerDefinitions"]


def test_a_task_gets_references_and_no_values(service: PlanService) -> None:
    found = container(service(app=FastAPIApp(image=IMAGE, secrets=VALUES)))
    assert {secret["name"] for secret in found["secrets"]} == set(VALUES)
    assert all(f":{secret['name']}::" in secret["valueFrom"] for secret in found["secrets"])
    assert not set(VALUES) & {variable["name"] for variable in found["environment"]}


def test_values_that_are_known_later_stay_secret() -> None:
    def program() -> None:
        Secrets("api", {"TOKEN": pulumi.Output.secret("later-on")})

    result = plan(program)
    assert isinstance(result.find(aws.secretsmanager.SecretVersion).inputs["secretString"], Secret)
    assert "later-on" not in result.to_json()
