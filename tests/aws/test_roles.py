from typing import Any

import pulumi_aws as aws
import pytest
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import TaskRoles
from pulumi_fastapi.aws.roles import pull_statements, read_statements
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan
from reading import IMAGE, document

LOG_GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:api"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api-AbCdEf"  # noqa: S105
PARAMETER = "arn:aws:ssm:us-east-1:123456789012:parameter/api/token"
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/api"


def planned(**args: Any) -> Plan:
    return plan(lambda: TaskRoles("api", **{"image": IMAGE, "log_group_arn": LOG_GROUP, **args}), preview=False)


def grants(result: Plan, role: str) -> dict[str, Any]:
    """Action to resources, of the role's policy."""
    statements = document(result.find(aws.iam.RolePolicy, f"api-{role}"))
    assert {statement["Effect"] for statement in statements} == {"Allow"}
    return {action: statement["Resource"] for statement in statements for action in statement["Action"]}


def test_ecs_may_pull_this_repository_and_write_this_log_group_and_nothing_else() -> None:
    assert grants(planned(), "execution") == {
        "logs:CreateLogStream": f"{LOG_GROUP}:*",
        "logs:PutLogEvents": f"{LOG_GROUP}:*",
        "ecr:BatchCheckLayerAvailability": REPOSITORY,
        "ecr:BatchGetImage": REPOSITORY,
        "ecr:GetDownloadUrlForLayer": REPOSITORY,
        "ecr:GetAuthorizationToken": "*",
    }


def test_ecs_may_read_exactly_the_named_secrets_and_parameters() -> None:
    found = grants(planned(secret_arns=[f"{SECRET}:TOKEN::", SECRET, PARAMETER]), "execution")
    assert found["secretsmanager:GetSecretValue"] == [SECRET]
    assert found["ssm:GetParameters"] == [PARAMETER]


def test_an_image_of_another_registry_needs_no_permission() -> None:
    assert pull_statements("ghcr.io/org/api@sha256:1") == []


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        (IMAGE, REPOSITORY),
        (
            "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/team/api:1",
            "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/team/api",
        ),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/api@sha256:1",
            "arn:aws-cn:ecr:cn-north-1:123456789012:repository/api",
        ),
    ],
)
def test_the_repository_is_read_from_the_image(image: str, repository: str) -> None:
    assert pull_statements(image)[0]["Resource"] == repository


def test_the_app_may_do_nothing_by_default() -> None:
    result = planned()
    task = result.find(aws.iam.Role, "api-task")
    assert not {"managedPolicyArns", "inlinePolicies"} & set(task.inputs)
    assert [policy.name for policy in result.all(aws.iam.RolePolicy)] == ["api-execution"]


def test_the_app_may_read_its_database_secret_only(full: Plan) -> None:
    database = full.find(aws.rds.Instance).outputs["masterUserSecrets"][0]["secretArn"]
    assert grants(full, "task") == {"secretsmanager:GetSecretValue": [database]}


def test_a_shell_needs_the_channels_of_session_manager() -> None:
    assert set(grants(planned(enable_execute_command=True), "task")) == {
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }


@pytest.mark.parametrize("role", ["execution", "task"])
def test_only_tasks_may_take_the_roles(role: str) -> None:
    (statement,) = document(planned().find(aws.iam.Role, f"api-{role}"), "assumeRolePolicy")
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}


def test_no_policy_of_a_whole_service_grants_everything(full: Plan) -> None:
    without_resources = {"ecr:GetAuthorizationToken"}
    for policy in full.all(aws.iam.RolePolicy):
        for statement in document(policy):
            assert not any("*" in action for action in statement["Action"])
            resources = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
            if "*" in resources:
                assert set(statement["Action"]) <= without_resources


def test_every_secret_of_the_task_is_granted(full: Plan) -> None:
    secrets = {full.find(aws.secretsmanager.Secret).outputs["arn"]}
    secrets.add(full.find(aws.rds.Instance).outputs["masterUserSecrets"][0]["secretArn"])
    assert set(grants(full, "execution")["secretsmanager:GetSecretValue"]) == secrets


def test_a_reference_that_is_no_secret_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"secret_arns: must be the ARN of a secret or parameter, got '\[secret\]'"):
        read_statements(["nonsense"])
    with pytest.raises(ArgumentError, match=r"secret_arns\['TOKEN'\]: must be the ARN of a secret or parameter"):
        FastAPIApp(secret_arns={"TOKEN": "arn:aws:s3:::bucket"})


def test_a_pasted_secret_is_not_repeated() -> None:
    with pytest.raises(ArgumentError) as refused:
        FastAPIApp(secret_arns={"TOKEN": "sk_live_1"})
    assert "sk_live_1" not in str(refused.value)


def test_keys_of_ones_own_may_be_used_to_read_secrets_only() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    statements = document(planned(secret_key_arns=[key]).find(aws.iam.RolePolicy, "api-execution"))
    (decrypt,) = [each for each in statements if each["Action"] == ["kms:Decrypt"]]
    assert decrypt["Resource"] == [key]
    assert decrypt["Condition"] == {
        "StringLike": {"kms:ViaService": ["secretsmanager.*.amazonaws.com", "ssm.*.amazonaws.com"]}
    }


@pytest.mark.parametrize("name", ["x" * 100, "A name/with:everything"])
def test_role_names_fit(name: str) -> None:
    result = plan(lambda: TaskRoles(name, image=IMAGE, log_group_arn=LOG_GROUP))
    assert all(len(role.name) + 8 <= 64 for role in result.all(aws.iam.Role))
