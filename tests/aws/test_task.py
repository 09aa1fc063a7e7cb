import json
import shlex
from typing import Any

import pulumi_aws as aws
import pytest
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import ExistingDatabase
from pulumi_fastapi.plan import Plan
from pulumi_fastapi.sizing import worker_count
from pulumi_fastapi.timeouts import Timeouts, ladder
from reading import IMAGE, PlanService, container

RUNGS = ladder(Timeouts())


@pytest.fixture
def task(service: PlanService) -> Plan:
    return service()


def environment(result: Plan) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container(result)["environment"]}


def test_it_is_not_root_and_cannot_write_to_its_image(task: Plan) -> None:
    found = container(task)
    assert found["user"] == "10001:10001"
    assert found["readonlyRootFilesystem"] is True
    assert found["privileged"] is False
    assert found["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}


def test_it_may_write_to_tmp(task: Plan) -> None:
    assert container(task)["mountPoints"] == [{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}]  # noqa: S108
    assert task.find(aws.ecs.TaskDefinition).inputs["volumes"] == [{"name": "tmp"}]


def test_an_init_process_passes_signals_on(task: Plan) -> None:
    assert container(task)["linuxParameters"]["initProcessEnabled"] is True


def test_it_may_open_many_connections(task: Plan) -> None:
    assert container(task)["ulimits"] == [{"name": "nofile", "softLimit": 65536, "hardLimit": 65536}]


def test_it_has_the_time_to_stop_that_the_ladder_gives(service: PlanService) -> None:
    app = FastAPIApp(image=IMAGE, timeouts=Timeouts(request=90, idle=120))
    assert container(service(app=app))["stopTimeout"] == ladder(app.timeouts).stop <= 120


def test_its_log_never_stops_it(task: Plan) -> None:
    log = container(task)["logConfiguration"]
    assert log["logDriver"] == "awslogs"
    assert log["options"]["mode"] == "non-blocking"
    assert log["options"]["awslogs-group"] == task.find(aws.cloudwatch.LogGroup).outputs["name"]
    assert log["options"]["awslogs-region"] == "us-east-1"


def test_its_own_health_check_asks_for_liveness(task: Plan) -> None:
    check = container(task)["healthCheck"]
    assert check["command"][:3] == ["CMD", "python", "-c"]
    assert "http://127.0.0.1:8000/-/healthy" in check["command"][3]
    assert check["interval"] > check["timeout"]
    assert check["startPeriod"] == RUNGS.startup


@pytest.mark.parametrize("path", ["/it's", '/"quoted"', "/a\\b", "/{path}"])
def test_any_liveness_path_makes_a_check_that_is_python(path: str, service: PlanService) -> None:
    command = container(service(app=FastAPIApp(image=IMAGE, liveness_path=path)))["healthCheck"]["command"]
    compile(command[3], shlex.join(command), "exec")
    assert repr(f"http://127.0.0.1:8000{path}") in command[3]


def test_a_slow_start_is_not_taken_for_a_failure(service: PlanService) -> None:
    app = FastAPIApp(image=IMAGE, timeouts=Timeouts(startup=1800))
    assert container(service(app=app))["healthCheck"]["startPeriod"] == 300  # the longest ECS takes


@pytest.mark.parametrize("architecture", ["ARM64", "X86_64"])
def test_it_runs_on_the_architecture_asked_for(architecture: str, service: PlanService) -> None:
    definition = service(architecture=architecture).find(aws.ecs.TaskDefinition).inputs
    assert definition["runtimePlatform"] == {"cpuArchitecture": architecture, "operatingSystemFamily": "LINUX"}


def test_sizes_are_text_as_ecs_wants_them(service: PlanService) -> None:
    definition = service(cpu=2048, memory=4096).find(aws.ecs.TaskDefinition).inputs
    assert (definition["cpu"], definition["memory"]) == ("2048", "4096")
    assert (definition["networkMode"], definition["requiresCompatibilities"]) == ("awsvpc", ["FARGATE"])


@pytest.mark.parametrize("protection", [True, False])
def test_going_back_on_purpose_finds_the_revision_of_a_protected_service(
    protection: bool, service: PlanService
) -> None:
    definition = service(deletion_protection=protection).find(aws.ecs.TaskDefinition)
    assert definition.inputs["skipDestroy"] is protection


@pytest.mark.parametrize("cpu", [256, 1024, 4096])
def test_workers_follow_the_cpu(cpu: int, service: PlanService) -> None:
    result = service(cpu=cpu, memory={256: 512, 1024: 2048, 4096: 8192}[cpu])
    assert environment(result)["WEB_CONCURRENCY"] == str(worker_count(cpu))


def test_the_load_balancer_in_the_network_is_believed_about_client_and_scheme(service: PlanService) -> None:
    result = service(network=None)
    assert environment(result)["FORWARDED_ALLOW_IPS"] == result.find(aws.ec2.Vpc).inputs["cidrBlock"]


def test_in_a_network_whose_addresses_are_unknown_private_ones_are_believed(service: PlanService) -> None:
    assert "172.16.0.0/12" in environment(service())["FORWARDED_ALLOW_IPS"].split(",")


def test_the_server_gets_its_rungs_of_the_ladder(task: Plan) -> None:
    assert RUNGS.environment().items() <= environment(task).items()
    assert int(environment(task)["KEEP_ALIVE_SECONDS"]) > task.find(aws.lb.LoadBalancer).inputs["idleTimeout"]


def test_the_database_comes_as_parts_and_its_password_as_a_reference(full: Plan) -> None:
    database = full.find(aws.rds.Instance)
    secret = database.outputs["masterUserSecrets"][0]["secretArn"]
    assert environment(full)["DATABASE_HOST"] == database.outputs["address"]
    assert environment(full)["DATABASE_SECRET_ARN"] == secret
    references = {each["name"]: each["valueFrom"] for each in container(full)["secrets"]}
    assert references["DATABASE_USERNAME"] == f"{secret}:username::"
    assert references["DATABASE_PASSWORD"] == f"{secret}:password::"


def test_the_pool_of_the_app_is_the_pool_of_the_budget(full: Plan) -> None:
    budget = full.find("pulumi-fastapi:index:FargateFastAPIService").outputs["connectionBudget"]
    assert environment(full)["DATABASE_POOL_SIZE"] == str(budget["demands"][0]["poolSize"])
    assert environment(full)["DATABASE_MAX_OVERFLOW"] == str(budget["demands"][0]["maxOverflow"])


def test_no_variable_is_set_twice(full: Plan) -> None:
    """ECS refuses a task in which a secret and a plain variable have one name."""
    found = container(full)
    names = [each["name"] for each in (*found["environment"], *found["secrets"])]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("kind", ["environment", "secrets"])
def test_the_apps_own_variable_wins(kind: str, service: PlanService) -> None:
    app = FastAPIApp(image=IMAGE, **{kind: {"DATABASE_USERNAME": "reader", "DATABASE_HOST": "replica"}})
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"  # noqa: S105
    database = ExistingDatabase(host="primary", secret_arn=secret, security_group_id="sg-1")
    found = container(service(app=app, database=database))
    names = [each["name"] for each in (*found["environment"], *found["secrets"])]
    assert sorted(names) == sorted(set(names))
    own = found["environment" if kind == "environment" else "secrets"]
    assert {"DATABASE_USERNAME", "DATABASE_HOST"} <= {each["name"] for each in own}
    assert secret not in json.dumps([each for each in own if each["name"] == "DATABASE_USERNAME"])


def test_existing_secrets_are_passed_by_reference(service: PlanService) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shared-AbCdEf:TOKEN::"
    found = container(service(app=FastAPIApp(image=IMAGE, secret_arns={"TOKEN": arn})))
    assert found["secrets"] == [{"name": "TOKEN", "valueFrom": arn}]


def test_the_command_is_the_images_own_by_default(service: PlanService) -> None:
    assert "command" not in container(service())
    command = ["python", "-m", "worker"]
    assert container(service(app=FastAPIApp(image=IMAGE, command=command)))["command"] == command


def test_the_container_definition_is_the_same_every_time(service: PlanService) -> None:
    """Another order would be another revision, and a deploy of nothing."""
    first: dict[str, Any] = container(service(app=FastAPIApp(image=IMAGE, environment={"B": "1", "A": "2"})))
    second = container(service(app=FastAPIApp(image=IMAGE, environment={"A": "2", "B": "1"})))
    assert json.dumps(first) == json.dumps(second)
