"""What a stack file may say, and what happens when it says something else."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
from planned_stacks import PlanStack
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Secret


@pytest.mark.parametrize(
    ("changes", "key", "explanation"),
    [
        ({"servce": {"cpu": 512}}, "servce", "did you mean 'service'?"),
        ({"service.tasks_mx": 4}, "service.tasks_mx", "did you mean 'tasks_max'?"),
        ({"database.multi_zone": True}, "database.multi_zone", "unknown argument of DatabaseArgs"),
        ({"app.pool.sise": 5}, "app.pool.sise", "did you mean 'size'?"),
        ({"app.timeouts.requests": 5}, "app.timeouts.requests", "did you mean 'request'?"),
        ({"service": "big"}, "service", "must be a mapping"),
        ({"network": ""}, "network", "leave it out for the default"),
        ({"service.cpu": "many"}, "service.cpu", "must be a whole number"),
        ({"service.cpu": 300}, "service.cpu", "256"),
        ({"service.access_logs": "yes"}, "service.access_logs", "must be true or false"),
        ({"deletion_protection": "no"}, "deletion_protection", "must be true or false"),
        ({"network.outbound": "NAAT"}, "network.outbound", "did you mean 'NAT'?"),
        ({"network.availability_zones": 9}, "network.availability_zones", "must be between 2 and 4"),
        ({"database.instance_class": "db.t4g.mikro"}, "database.instance_class", "db.t4g has micro, small"),
        ({"database.engine_version": 18}, "database.engine_version", "pulumi config set --type string"),
        ({"app.module": "main.py"}, "app.module", "package.module:attribute"),
        ({"app.port": 80}, "app.port", "must be between 1024 and 65535"),
        ({"app.pool.size": 500}, "app.pool", "Ways out: a pool of size="),
        ({"alarm_emails": ["nobody"]}, "alarm_emails", "must be an e-mail address"),
        ({"monthly_budget": 100}, "alarm_emails", "must name who is told of monthly_budget"),
        ({"monthly_budget": "much"}, "monthly_budget", "must be a number"),
        ({"domain": "https://example.com"}, "domain", "DNS name"),
        ({"domain": "api.example.com"}, "zone_id", "needs its Route 53 zone_id"),
        ({"zone_id": "Z0123456789ABCDEFGHIJ"}, "domain", "only with a domain"),
        ({"service.domain": "api.example.com"}, "service.domain", "is a key of its own"),
        ({"database.deletion_protection": False}, "database.deletion_protection", "is a key of its own"),
        (
            {"database.alarm_topic_arn": "arn:aws:sns:us-east-1:123456789012:own"},
            "database.alarm_topic_arn",
            "is given",
        ),
    ],
)
def test_wrong_configuration_is_one_line_that_names_file_and_key(
    plan_stack: PlanStack, changes: dict[str, Any], key: str, explanation: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        plan_stack("dev", changes)
    message = str(caught.value)
    assert message.startswith(f"stacks/Pulumi.dev.yaml: fastapi-service:{key}: "), message
    assert explanation in message
    assert "\n" not in message


def test_engine_prints_a_wrong_configuration_without_a_traceback(plan_stack: PlanStack) -> None:
    with pytest.raises(pulumi.RunError):
        plan_stack("dev", {"service.tasks_mx": 4})


def test_keys_may_be_written_as_in_other_languages(plan_stack: PlanStack) -> None:
    target = plan_stack("dev", {"service.tasksMax": 3, "service.tasks_max": 2} | {"service": {"tasksMax": 3}})
    assert target.find("aws:appautoscaling/target:Target").inputs["maxCapacity"] == 3


def test_texts_from_the_command_line_are_read_as_what_they_mean(plan_stack: PlanStack) -> None:
    """`pulumi config set deletion_protection true` writes the text "true"."""
    assert plan_stack("dev", {"deletion_protection": "true"}).find("aws:rds/instance:Instance").options.protect is True


def test_name_that_looks_like_a_number_stays_text(plan_stack: PlanStack) -> None:
    service = plan_stack("dev", {"name": "2e3"}).find("pulumi-fastapi:index:FargateFastAPIService")
    assert service.name == "2e3-dev"


def test_renamed_project_does_not_lose_its_configuration_silently(plan_stack: PlanStack) -> None:
    """Without this the next `pulumi up` would delete the database."""
    with pytest.raises(ArgumentError, match="shop:database: keys begin with the name of the project"):
        plan_stack("dev", {"fastapi-service:database": {}}, project="shop")


def test_stack_without_a_database_key_has_none(plan_stack: PlanStack) -> None:
    result = plan_stack("dev", {"database": None})
    assert result.all("aws:rds/instance:Instance") == []
    assert "database_endpoint" not in result.outputs


def test_nothing_is_created_before_all_is_checked(plan_stack: PlanStack, folder: Path) -> None:
    """The last part that is checked is wrong: the program must not have come to its first resource."""
    program = folder / "__main__.py"
    program.write_text(
        program.read_text().replace("for output", "checked = load()\npulumi.log.info('first resource')\nfor output")
    )
    assert [message.text for message in plan_stack("dev", folder=folder).messages] == ["first resource"]
    with pytest.raises(ArgumentError) as caught:
        plan_stack("dev", {"network.cidr_block": "10.0.0.0/8"}, folder=folder)
    assert "network.cidr_block" in str(caught.value)


# The component, and what exists already

NETWORK = {
    "vpc_id": "vpc-0a1b2c3d",
    "public_subnet_ids": ["subnet-0a1b2c3d", "subnet-4e5f6a7b"],
    "isolated_subnet_ids": ["subnet-1a1b2c3d", "subnet-5e5f6a7b"],
}
DATABASE = {
    "host": "db.internal",
    "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-a1b2c3",
    "security_group_id": "sg-0a1b2c3d",
    "max_connections": 200,
}


def test_a_stack_has_one_component(plan_stack: PlanStack) -> None:
    with pytest.raises(ArgumentError, match="function: a stack has one component, and service is one"):
        plan_stack("dev", {"function": {"memory": 512}})


def test_a_network_and_a_database_that_exist_are_used(plan_stack: PlanStack) -> None:
    result = plan_stack("dev", {"network": NETWORK, "database": DATABASE})
    assert result.all("aws:ec2/vpc:Vpc") == result.all("aws:rds/instance:Instance") == []
    subnets = result.find("aws:ecs/service:Service").inputs["networkConfiguration"]["subnets"]
    assert subnets == NETWORK["public_subnet_ids"]
    assert (result.outputs["database_endpoint"], result.outputs["connection_budget"]["available"]) == (
        "db.internal:5432",
        190,
    )


def test_a_function_has_a_network_for_its_database_only(plan_stack: PlanStack) -> None:
    alone = plan_stack("lambda")
    assert alone.all("aws:ec2/vpc:Vpc") == []
    with_database = plan_stack("lambda", {"database": {"instance_class": "db.t4g.micro"}})
    reserved = with_database.find("aws:lambda/function:Function").inputs["reservedConcurrentExecutions"]
    assert (len(with_database.all("aws:ec2/vpc:Vpc")), reserved) == (1, 28)


def test_a_database_of_google_cloud_that_exists_is_used(plan_stack: PlanStack) -> None:
    existing = {
        "connection_name": "my-project-123:us-central1:shop",
        "username": "app",
        "password_secret": {"secret": "projects/my-project-123/secrets/shop", "version": "3"},
        "max_connections": 100,
    }
    result = plan_stack("cloudrun", {"database": existing})
    assert result.all("gcp:sql/databaseInstance:DatabaseInstance") == []
    assert result.outputs["database_connection_name"] == existing["connection_name"]


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"zone_id": "Z0123456789ABCDEFGHIJ"}, "zone_id", "cloud_run.dns_zone"),
        ({"monthly_budget": 50, "alarm_emails": ["you@example.com"]}, "monthly_budget", "a budget of AWS"),
        ({"cloud_run.instances_max": 50}, "app.pool", "50 instances x 2 during a deploy"),
        ({"cloud_run.alert_emails": ["you@example.com"]}, "cloud_run.alert_emails", "is given by the program"),
    ],
)
def test_what_a_stack_on_google_cloud_cannot_have_is_refused(
    plan_stack: PlanStack, changes: dict[str, Any], key: str, problem: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        plan_stack("cloudrun", changes)
    assert f"stacks/Pulumi.cloudrun.yaml: fastapi-service:{key}: " in str(caught.value)
    assert problem in str(caught.value)


# Secrets

SECRET = "hunter2-and-more"  # noqa: S105


def test_encrypted_secret_reaches_the_secret_manager_and_nothing_else(plan_stack: PlanStack) -> None:
    result = plan_stack("dev", {"app.secrets.API_KEY": Secret(SECRET)})
    version = result.find("aws:secretsmanager/secretVersion:SecretVersion")
    assert isinstance(version.inputs["secretString"], Secret)
    assert SECRET in version.inputs["secretString"].value
    assert SECRET not in result.to_json()


def test_secret_leaves_the_rest_of_the_app_readable(plan_stack: PlanStack) -> None:
    """Pulumi calls the whole `app` secret; what shapes the plan must not become so."""
    result = plan_stack("dev", {"app.secrets.API_KEY": Secret(SECRET), "app.port": 9000})
    assert result.find("aws:ecs/service:Service").inputs["loadBalancers"][0]["containerPort"] == 9000


def test_secret_in_the_recorded_inputs_is_secret(plan_stack: PlanStack) -> None:
    service = plan_stack("dev", {"app.secrets.API_KEY": Secret(SECRET)}).find(
        "pulumi-fastapi:index:FargateFastAPIService"
    )
    assert service.inputs["app"]["secrets"]["API_KEY"] == Secret(SECRET)


def test_secret_in_plain_text_is_refused_and_not_repeated(plan_stack: PlanStack) -> None:
    with pytest.raises(ArgumentError, match=r"app\.secrets: must be encrypted") as caught:
        plan_stack("dev", {"app.secrets.API_KEY": SECRET})
    assert SECRET not in str(caught.value)


def test_one_plain_secret_among_encrypted_ones_is_refused(plan_stack: PlanStack, folder: Path) -> None:
    _append(folder, "  fastapi-service:app: { secrets: { API_KEY: { secure: v1:abc }, TOKEN: plain } }\n")
    with pytest.raises(ArgumentError, match=r"app\.secrets\.TOKEN: must be encrypted"):
        plan_stack("dev", folder=folder)


def test_encrypted_variable_outside_of_secrets_is_refused(plan_stack: PlanStack, folder: Path) -> None:
    _append(folder, "  fastapi-service:app: { environment: { TOKEN: { secure: v1:abc } } }\n")
    with pytest.raises(ArgumentError, match=r"app\.environment\.TOKEN: would be readable in the task definition"):
        plan_stack("dev", folder=folder)


def test_encrypted_variable_beside_an_encrypted_secret_is_refused(plan_stack: PlanStack, folder: Path) -> None:
    _append(
        folder,
        "  fastapi-service:app: { environment: { T: { secure: v1:abc } }, secrets: { KEY: { secure: v1:abc } } }\n",
    )
    with pytest.raises(ArgumentError, match=r"app\.environment\.T: would be readable"):
        plan_stack("dev", folder=folder)


def test_encrypted_secret_in_the_file_is_accepted(plan_stack: PlanStack, folder: Path) -> None:
    _append(folder, "  fastapi-service:app: { secrets: { API_KEY: { secure: v1:abc } } }\n")
    assert plan_stack("dev", folder=folder).find("aws:secretsmanager/secret:Secret")


@pytest.mark.parametrize("key", ["domain", "zone_id", "service", "database"])
def test_encrypted_key_that_shapes_the_plan_is_refused(plan_stack: PlanStack, key: str) -> None:
    with pytest.raises(ArgumentError, match=rf"fastapi-service:{key}: only app\.secrets is encrypted"):
        plan_stack("dev", {key: Secret("value")})


def test_error_beside_a_secret_does_not_repeat_texts(plan_stack: PlanStack) -> None:
    with pytest.raises(ArgumentError) as caught:
        plan_stack("dev", {"app.secrets.API_KEY": Secret(SECRET), "app.module": SECRET})
    assert SECRET not in str(caught.value)


def _append(folder: Path, text: str) -> None:
    with (folder / "Pulumi.dev.yaml").open("a") as file:
        file.write(text)


def test_budget_of_a_stack_is_for_its_alarm_emails(plan_stack: PlanStack) -> None:
    result = plan_stack("dev", {"monthly_budget": 75, "alarm_emails": ["oncall@example.com"]})
    budget = result.find("aws:budgets/budget:Budget").inputs
    assert budget["limitAmount"] == "75.00"
    assert {mail for each in budget["notifications"] for mail in each["subscriberEmailAddresses"]} == {
        "oncall@example.com"
    }


DOMAIN = {"domain": "api.example.com", "zone_id": "Z0123456789ABCDEFGHIJ"}


def test_the_secret_of_cloudfront_must_be_encrypted(plan_stack: PlanStack) -> None:
    with pytest.raises(ArgumentError, match="origin_secret: must be encrypted; add --secret"):
        plan_stack("lambda", {**DOMAIN, "origin_secret": "o" * 40})


def test_the_encrypted_secret_reaches_cloudfront_and_nothing_in_plain_text(plan_stack: PlanStack) -> None:
    secret = "o" * 40
    result = plan_stack("lambda", {**DOMAIN, "origin_secret": Secret(secret)})
    assert result.outputs["url"] == "https://api.example.com"
    headers = result.find("aws:cloudfront/distribution:Distribution").inputs["origins"][0]["customHeaders"]
    assert {header["name"] for header in headers} >= {"X-Origin-Secret"}
    assert secret not in str(result.to_dict())
