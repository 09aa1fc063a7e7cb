import json
import platform
from collections.abc import Callable
from typing import Any, Optional

import pulumi
import pulumi_aws as aws
import pulumi_docker_build as docker_build
import pytest
from pulumi import Output, ResourceOptions
from pulumi_fastapi import checks
from pulumi_fastapi.checks import Finding
from pulumi_fastapi.plan import Secret, plan

Program = Callable[[], object]


def found(rule: str, program: Program, **options: Any) -> list[Finding]:
    """The findings of one rule."""
    assert rule in {each.name for each in checks.rules()}
    return [finding for finding in checks.run(plan(program, **({"preview": False} | options))) if finding.rule == rule]


def severities(rule: str, program: Program, **options: Any) -> list[str]:
    return [finding.severity for finding in found(rule, program, **options)]


# Small programs; each test changes what its rule looks at


def balancer(listeners: list[dict[str, Any]], **options: Any) -> Program:
    def program() -> None:
        front = aws.lb.LoadBalancer("front", **options)
        for index, listener in enumerate(listeners):
            listener = {"default_actions": [{"type": "fixed-response"}]} | listener
            aws.lb.Listener(f"l{index}", load_balancer_arn=front.arn, **listener)

    return program


def database(options: Optional[ResourceOptions] = None, **arguments: Any) -> Program:
    return lambda: aws.rds.Instance("db", instance_class="db.t4g.micro", engine="postgres", opts=options, **arguments)


def task(**container: Any) -> Program:
    definitions = json.dumps([{"name": "api", "image": "x"} | container])
    return lambda: aws.ecs.TaskDefinition("task", family="api", container_definitions=definitions)


def service(options: Optional[ResourceOptions] = None, scaled: bool = False, **arguments: Any) -> Program:
    def program() -> None:
        api = aws.ecs.Service("api", opts=options, **arguments)
        if scaled:
            aws.appautoscaling.Target(
                "scale",
                min_capacity=1,
                max_capacity=4,
                resource_id=Output.concat("service/main/", api.name),
                scalable_dimension="ecs:service:DesiredCount",
                service_namespace="ecs",
            )

    return program


def repository(options: Optional[ResourceOptions] = None, **arguments: Any) -> Program:
    return lambda: aws.ecr.Repository("images", opts=options, **arguments)


def policy(*statements: dict[str, Any]) -> Program:
    def program() -> None:
        role = aws.iam.Role("role", assume_role_policy="{}")
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | each for each in statements]}
        aws.iam.RolePolicy("policy", role=role.id, policy=json.dumps(document))

    return program


# Load balancers

HTTPS = {"protocol": "HTTPS", "port": 443, "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/a"}
HTTP = {"protocol": "HTTP", "port": 80}


def test_a_load_balancer_with_only_http_is_warned_of() -> None:
    [finding] = found("http-only-load-balancer", balancer([HTTP]))
    assert finding.severity == "warning"
    assert "over the internet unencrypted" in finding.message


def test_an_internal_one_says_that_it_stays_inside() -> None:
    [finding] = found("http-only-load-balancer", balancer([HTTP], internal=True))
    assert "inside the VPC" in finding.message


def test_a_load_balancer_with_https_is_fine() -> None:
    assert found("http-only-load-balancer", balancer([HTTP, HTTPS])) == []


def test_plain_http_beside_https_must_redirect() -> None:
    assert severities("http-without-redirect", balancer([HTTP, HTTPS])) == ["warning"]


def test_a_redirect_to_https_is_fine() -> None:
    redirect = HTTP | {
        "default_actions": [{"type": "redirect", "redirect": {"protocol": "HTTPS", "status_code": "HTTP_301"}}]
    }
    assert found("http-without-redirect", balancer([redirect, HTTPS])) == []


@pytest.mark.parametrize("chosen", [None, "ELBSecurityPolicy-TLS-1-2-2017-01"])
def test_a_tls_policy_without_tls_1_3_is_warned_of(chosen: Optional[str]) -> None:
    assert severities("old-tls-policy", balancer([HTTPS | {"ssl_policy": chosen}])) == ["warning"]


def test_a_tls_1_3_policy_is_fine() -> None:
    assert found("old-tls-policy", balancer([HTTPS | {"ssl_policy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"}])) == []


def test_malformed_headers_are_warned_of() -> None:
    assert severities("invalid-headers-accepted", balancer([])) == ["warning"]


def test_dropped_headers_are_fine() -> None:
    assert found("invalid-headers-accepted", balancer([], drop_invalid_header_fields=True)) == []


def test_a_fixed_name_on_what_is_replaced_is_warned_of() -> None:
    assert severities("fixed-name-blocks-replacement", lambda: aws.lb.TargetGroup("api", name="api")) == ["warning"]


@pytest.mark.parametrize("name", [{}, {"name_prefix": "api"}])
def test_automatic_names_are_fine(name: dict[str, str]) -> None:
    assert found("fixed-name-blocks-replacement", lambda: aws.lb.TargetGroup("api", **name)) == []


@pytest.mark.parametrize("delay", [None, 121])
def test_slow_deregistration_is_warned_of(delay: Optional[int]) -> None:
    assert severities("slow-deregistration", lambda: aws.lb.TargetGroup("api", deregistration_delay=delay)) == [
        "warning"
    ]


def test_quick_deregistration_is_fine() -> None:
    assert found("slow-deregistration", lambda: aws.lb.TargetGroup("api", deregistration_delay=60)) == []


def behind_a_balancer(
    *, drain: int = 30, stop: int = 60, idle: Optional[int] = None, keep_alive: str = "65"
) -> Program:
    def program() -> None:
        front = aws.lb.LoadBalancer("front", idle_timeout=idle)
        group = aws.lb.TargetGroup("api", deregistration_delay=drain)
        aws.lb.Listener(
            "http", load_balancer_arn=front.arn, default_actions=[{"type": "forward", "target_group_arn": group.arn}]
        )
        environment = [{"name": "KEEP_ALIVE_SECONDS", "value": keep_alive}]
        container = {"name": "api", "stopTimeout": stop, "environment": environment}
        definition = aws.ecs.TaskDefinition("task", family="api", container_definitions=json.dumps([container]))
        target = {"target_group_arn": group.arn, "container_name": "api", "container_port": 8000}
        aws.ecs.Service("api", task_definition=definition.arn, load_balancers=[target])

    return program


def test_a_drain_longer_than_the_stop_timeout_is_warned_of() -> None:
    [finding] = found("drain-longer-than-stop", behind_a_balancer(drain=61, stop=60))
    assert "60 s" in finding.message
    assert "61" in finding.fix


def test_a_drain_within_the_stop_timeout_is_fine() -> None:
    assert found("drain-longer-than-stop", behind_a_balancer(drain=60, stop=60)) == []


@pytest.mark.parametrize("idle", [None, 60])
def test_a_keep_alive_not_above_the_idle_timeout_is_warned_of(idle: Optional[int]) -> None:
    [finding] = found("keep-alive-below-idle-timeout", behind_a_balancer(idle=idle, keep_alive="60"))
    assert "502" in finding.message


def test_a_keep_alive_above_the_idle_timeout_is_fine() -> None:
    assert found("keep-alive-below-idle-timeout", behind_a_balancer(idle=60, keep_alive="65")) == []


# Databases


def test_a_public_database_is_an_error() -> None:
    assert severities("database-publicly-accessible", database(publicly_accessible=True)) == ["error"]


def test_a_private_database_is_fine() -> None:
    assert found("database-publicly-accessible", database()) == []


def test_an_unencrypted_database_is_an_error() -> None:
    assert severities("database-unencrypted", database()) == ["error"]


def test_an_encrypted_database_is_fine() -> None:
    assert found("database-unencrypted", database(storage_encrypted=True)) == []


@pytest.mark.parametrize("days", [None, 0])
def test_a_database_without_backups_is_warned_of(days: Optional[int]) -> None:
    assert severities("database-without-backups", database(backup_retention_period=days)) == ["warning"]


def test_a_database_with_backups_is_fine() -> None:
    assert found("database-without-backups", database(backup_retention_period=7)) == []


def test_deletion_protection_left_out_is_warned_of() -> None:
    assert severities("database-without-deletion-protection", database()) == ["warning"]


def test_deletion_protection_switched_off_is_said() -> None:
    assert severities("database-without-deletion-protection", database(deletion_protection=False)) == ["info"]


@pytest.mark.parametrize(
    "program", [database(deletion_protection=True), database(ResourceOptions(protect=True))], ids=["aws", "pulumi"]
)
def test_a_protected_database_is_fine(program: Program) -> None:
    assert found("database-without-deletion-protection", program) == []


def test_a_final_snapshot_without_name_is_an_error_with_the_two_steps() -> None:
    [finding] = found("final-snapshot-without-name", database())
    assert finding.severity == "error"
    assert "cannot be destroyed" in finding.message
    assert "1. set it and run `pulumi up`, 2. run `pulumi destroy`" in finding.fix


@pytest.mark.parametrize("arguments", [{"final_snapshot_identifier": "db-final-1"}, {"skip_final_snapshot": True}])
def test_a_named_or_skipped_final_snapshot_is_fine(arguments: dict[str, Any]) -> None:
    assert found("final-snapshot-without-name", database(**arguments)) == []


def test_a_skipped_final_snapshot_is_said() -> None:
    assert severities("no-final-snapshot", database(skip_final_snapshot=True)) == ["info"]


def test_a_skipped_final_snapshot_of_a_protected_database_is_warned_of() -> None:
    program = database(skip_final_snapshot=True, deletion_protection=True)
    assert severities("no-final-snapshot", program) == ["warning"]


def test_a_final_snapshot_is_fine() -> None:
    assert found("no-final-snapshot", database(final_snapshot_identifier="db-final-1")) == []


def with_parameters(version: str, *parameters: dict[str, str]) -> Program:
    def program() -> None:
        group = aws.rds.ParameterGroup("pg", family="postgres", parameters=parameters)
        aws.rds.Instance(
            "db",
            instance_class="db.t4g.micro",
            engine="postgres",
            engine_version=version,
            parameter_group_name=group.name,
        )

    return program


FORCE = {"name": "rds.force_ssl", "value": "1"}
ALLOW = {"name": "rds.force_ssl", "value": "0"}


@pytest.mark.parametrize(
    "program",
    [with_parameters("14.9"), with_parameters("17", ALLOW), database()],
    ids=["off by default before 15", "switched off", "version not given"],
)
def test_a_database_that_allows_plain_connections_is_warned_of(program: Program) -> None:
    assert severities("database-tls-not-forced", program) == ["warning"]


@pytest.mark.parametrize(
    "program", [with_parameters("14.9", FORCE), with_parameters("17")], ids=["forced", "default since 15"]
)
def test_a_database_that_forces_tls_is_fine(program: Program) -> None:
    assert found("database-tls-not-forced", program) == []


def test_a_single_zone_database_is_said() -> None:
    assert severities("single-zone-database", database()) == ["info"]


def test_a_multi_zone_database_is_fine() -> None:
    assert found("single-zone-database", database(multi_az=True)) == []


# Containers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2"),
        ("SECRET_KEY", "x"),
        ("STRIPE_API_KEY", "x"),
        ("AUTH_TOKEN", "x"),
        ("DATABASE_URL", "postgresql+asyncpg://app:hunter2@db/app"),
    ],
)
def test_a_secret_as_plain_variable_is_an_error(name: str, value: str) -> None:
    [finding] = found("plain-secret-in-environment", task(environment=[{"name": name, "value": value}]))
    assert finding.severity == "error"
    assert name in finding.message
    assert "hunter2" not in finding.message + finding.fix


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_DB_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"),
        ("TOKEN_URL", "https://id.example.com/token"),
        ("ACCESS_TOKEN_TTL", "3600"),
        ("DATABASE_URL", "postgresql://db.internal/app"),
        ("LOG_LEVEL", "info"),
    ],
)
def test_other_variables_are_fine(name: str, value: str) -> None:
    assert found("plain-secret-in-environment", task(environment=[{"name": name, "value": value}])) == []


@pytest.mark.parametrize("user", [None, "root", "0", "0:0"])
def test_a_container_that_runs_as_root_is_warned_of(user: Optional[str]) -> None:
    assert severities("container-runs-as-root", task(user=user)) == ["warning"]


def test_a_container_with_its_own_user_is_fine() -> None:
    assert found("container-runs-as-root", task(user="10001:10001")) == []


def test_a_writable_root_filesystem_is_warned_of() -> None:
    assert severities("container-root-filesystem-writable", task()) == ["warning"]


def test_a_read_only_root_filesystem_is_fine() -> None:
    assert found("container-root-filesystem-writable", task(readonlyRootFilesystem=True)) == []


def test_a_privileged_container_is_an_error() -> None:
    assert severities("container-privileged", task(privileged=True)) == ["error"]


def test_an_unprivileged_container_is_fine() -> None:
    assert found("container-privileged", task()) == []


def test_a_container_without_logs_is_warned_of() -> None:
    assert severities("container-without-logs", task()) == ["warning"]


def test_a_container_with_logs_is_fine() -> None:
    assert found("container-without-logs", task(logConfiguration={"logDriver": "awslogs"})) == []


def test_a_stop_timeout_above_fargates_limit_is_an_error() -> None:
    assert severities("stop-timeout-too-long", task(stopTimeout=121)) == ["error"]


def test_a_stop_timeout_at_fargates_limit_is_fine() -> None:
    assert found("stop-timeout-too-long", task(stopTimeout=120)) == []


def test_containers_that_hold_a_secret_are_still_looked_at() -> None:
    def program() -> None:
        definitions = Output.json_dumps([{"name": "api", "privileged": True, "command": [Output.secret("s3cret")]}])
        aws.ecs.TaskDefinition("task", family="api", container_definitions=definitions)

    assert severities("container-privileged", program) == ["error"]


# Services


def test_a_deployment_without_rollback_is_warned_of() -> None:
    assert severities("deployment-without-rollback", service()) == ["warning"]


def test_a_breaker_that_does_not_roll_back_is_warned_of() -> None:
    breaker = {"enable": True, "rollback": False}
    assert severities("deployment-without-rollback", service(deployment_circuit_breaker=breaker)) == ["warning"]


def test_a_breaker_that_rolls_back_is_fine() -> None:
    breaker = {"enable": True, "rollback": True}
    assert found("deployment-without-rollback", service(deployment_circuit_breaker=breaker)) == []


def test_a_deployment_below_full_capacity_is_warned_of() -> None:
    assert severities("deployment-reduces-capacity", service(deployment_minimum_healthy_percent=50)) == ["warning"]


def test_a_deployment_at_full_capacity_is_fine() -> None:
    assert found("deployment-reduces-capacity", service()) == []


def test_a_deployment_nobody_waits_for_is_warned_of() -> None:
    assert severities("deployment-not-waited-for", service()) == ["warning"]


def test_a_deployment_that_is_waited_for_is_fine() -> None:
    assert found("deployment-not-waited-for", service(wait_for_steady_state=True)) == []


TARGET = [{"container_name": "api", "container_port": 8000, "target_group_arn": "arn"}]


def test_no_grace_behind_a_load_balancer_is_warned_of() -> None:
    assert severities("no-start-up-grace", service(load_balancers=TARGET)) == ["warning"]


@pytest.mark.parametrize("arguments", [{}, {"load_balancers": TARGET, "health_check_grace_period_seconds": 60}])
def test_grace_or_no_load_balancer_is_fine(arguments: dict[str, Any]) -> None:
    assert found("no-start-up-grace", service(**arguments)) == []


def test_a_desired_count_that_fights_autoscaling_is_warned_of() -> None:
    assert severities("desired-count-fights-autoscaling", service(scaled=True, desired_count=2)) == ["warning"]


def test_an_ignored_desired_count_does_not_fight() -> None:
    program = service(ResourceOptions(ignore_changes=["desired_count"]), scaled=True, desired_count=2)
    assert found("desired-count-fights-autoscaling", program) == []


def test_an_ignored_desired_count_that_nothing_sets_is_warned_of() -> None:
    program = service(ResourceOptions(ignore_changes=["desired_count"]), desired_count=2)
    assert severities("desired-count-ignored-without-autoscaling", program) == ["warning"]


def test_an_ignored_desired_count_that_is_scaled_is_fine() -> None:
    program = service(ResourceOptions(ignore_changes=["desired_count"]), scaled=True, desired_count=2)
    assert found("desired-count-ignored-without-autoscaling", program) == []


def test_a_service_that_asks_for_no_tasks_is_an_error() -> None:
    assert severities("no-tasks-wanted", service()) == ["error"]


@pytest.mark.parametrize("program", [service(desired_count=1), service(scaled=True)], ids=["count", "scaled"])
def test_a_service_that_asks_for_tasks_is_fine(program: Program) -> None:
    assert found("no-tasks-wanted", program) == []


# Networks


def opened(first: int, last: int, source: str, protocol: str = "tcp") -> Program:
    rule = {"protocol": protocol, "from_port": first, "to_port": last, "cidr_blocks": [source]}
    return lambda: aws.ec2.SecurityGroup("group", ingress=[rule])


@pytest.mark.parametrize(("first", "last"), [(22, 22), (5432, 5432), (0, 65535), (80, 81), (80, 443)])
def test_ports_open_to_the_world_are_an_error(first: int, last: int) -> None:
    assert severities("open-to-the-world", opened(first, last, "0.0.0.0/0")) == ["error"]


def test_every_protocol_open_to_the_world_is_an_error() -> None:
    [finding] = found("open-to-the-world", opened(0, 0, "0.0.0.0/0", "-1"))
    assert "every port" in finding.message


@pytest.mark.parametrize(
    "program",
    [opened(80, 80, "0.0.0.0/0"), opened(443, 443, "0.0.0.0/0"), opened(5432, 5432, "10.0.0.0/16")],
    ids=["http", "https", "from inside"],
)
def test_web_ports_and_private_ranges_are_fine(program: Program) -> None:
    assert found("open-to-the-world", program) == []


def test_rules_of_their_own_are_looked_at_too() -> None:
    def program() -> None:
        common = {"security_group_id": "sg-1", "from_port": 22, "to_port": 22}
        aws.vpc.SecurityGroupIngressRule("new", ip_protocol="tcp", cidr_ipv6="::/0", **common)
        aws.ec2.SecurityGroupRule("old", type="ingress", protocol="tcp", cidr_blocks=["0.0.0.0/0"], **common)
        aws.ec2.SecurityGroupRule("out", type="egress", protocol="tcp", cidr_blocks=["0.0.0.0/0"], **common)

    assert [finding.name for finding in found("open-to-the-world", program)] == ["old", "new"]


def network(*, public: bool, way_out: Optional[str] = None, endpoints: tuple[str, ...] = ()) -> Program:
    """A service in one subnet whose default route, if any, goes to an internet or NAT gateway."""

    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        subnet = aws.ec2.Subnet("tasks", vpc_id=vpc.id, cidr_block="10.0.1.0/24")
        table = aws.ec2.RouteTable("table", vpc_id=vpc.id)
        aws.ec2.RouteTableAssociation("association", subnet_id=subnet.id, route_table_id=table.id)
        if way_out:
            target = aws.ec2.InternetGateway("igw").id if way_out == "gateway_id" else aws.ec2.NatGateway("nat").id
            aws.ec2.Route("route", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", **{way_out: target})
        for name in endpoints:
            aws.ec2.VpcEndpoint(name, vpc_id=vpc.id, service_name=f"com.amazonaws.us-east-1.{name}")
        container = {"name": "api", "logConfiguration": {"logDriver": "awslogs"}}
        definition = aws.ecs.TaskDefinition("task", family="api", container_definitions=json.dumps([container]))
        placement = {"subnets": [subnet.id], "assign_public_ip": public}
        aws.ecs.Service("api", task_definition=definition.arn, network_configuration=placement)

    return program


STRANDED = {
    "nothing at all": network(public=False),
    "a public address without a route": network(public=True),
    "an internet gateway without a public address": network(public=False, way_out="gateway_id"),
    "some endpoints": network(public=False, endpoints=("ecr.api", "ecr.dkr", "s3")),
}
CONNECTED = {
    "a public address and an internet gateway": network(public=True, way_out="gateway_id"),
    "a NAT gateway": network(public=False, way_out="nat_gateway_id"),
    "all endpoints": network(public=False, endpoints=("ecr.api", "ecr.dkr", "s3", "logs")),
}


@pytest.mark.parametrize("program", STRANDED.values(), ids=STRANDED.keys())
def test_tasks_that_cannot_reach_the_registry_are_an_error(program: Program) -> None:
    [finding] = found("tasks-cannot-pull-their-image", program)
    assert finding.severity == "error"
    assert "logs" in finding.fix


@pytest.mark.parametrize("program", CONNECTED.values(), ids=CONNECTED.keys())
def test_tasks_that_can_reach_the_registry_are_fine(program: Program) -> None:
    assert found("tasks-cannot-pull-their-image", program) == []


def test_subnets_that_exist_already_are_not_judged() -> None:
    placement = {"subnets": ["subnet-1"], "assign_public_ip": False}
    assert found("tasks-cannot-pull-their-image", service(network_configuration=placement)) == []


def test_a_nat_gateway_says_its_price() -> None:
    [finding] = found("nat-gateway-cost", lambda: aws.ec2.NatGateway("nat"))
    assert "$33 a month" in finding.message


def test_an_interface_endpoint_says_its_price() -> None:
    def program() -> None:
        name = "com.amazonaws.us-east-1.logs"
        aws.ec2.VpcEndpoint(
            "e", vpc_id="vpc-1", service_name=name, vpc_endpoint_type="Interface", subnet_ids=["a", "b"]
        )

    [finding] = found("endpoint-cost", program)
    assert "$14.60 a month in 2 zones" in finding.message


def test_a_gateway_endpoint_is_free() -> None:
    program = network(public=False, endpoints=("s3",))
    assert found("endpoint-cost", program) == []


# Images


def test_mutable_tags_are_warned_of() -> None:
    assert severities("image-tags-mutable", repository()) == ["warning"]


def test_immutable_tags_are_fine() -> None:
    assert found("image-tags-mutable", repository(image_tag_mutability="IMMUTABLE")) == []


def test_a_registry_without_scan_is_warned_of() -> None:
    assert severities("images-not-scanned", repository()) == ["warning"]


def test_scan_on_push_is_fine() -> None:
    assert found("images-not-scanned", repository(image_scanning_configuration={"scan_on_push": True})) == []


def test_a_registry_without_lifecycle_is_warned_of() -> None:
    assert severities("images-kept-forever", repository()) == ["warning"]


def test_a_registry_with_lifecycle_is_fine() -> None:
    def program() -> None:
        images = aws.ecr.Repository("images")
        aws.ecr.LifecyclePolicy("keep", repository=images.name, policy="{}")

    assert found("images-kept-forever", program) == []


def test_force_delete_on_a_protected_registry_is_warned_of() -> None:
    program = repository(ResourceOptions(protect=True), force_delete=True)
    assert severities("registry-deletion-not-chosen", program) == ["warning"]


def test_force_delete_left_open_is_said() -> None:
    assert severities("registry-deletion-not-chosen", repository()) == ["info"]


@pytest.mark.parametrize("force", [True, False])
def test_a_choice_about_force_delete_is_fine(force: bool) -> None:
    assert found("registry-deletion-not-chosen", repository(force_delete=force)) == []


def built(*platforms: str, architecture: str = "ARM64") -> Program:
    def program() -> None:
        image = docker_build.Image("image", push=False, platforms=list(platforms) or None)  # type: ignore[arg-type]
        aws.ecs.TaskDefinition(
            "task",
            family="api",
            runtime_platform={"cpu_architecture": architecture},
            container_definitions=Output.json_dumps([{"name": "api", "image": image.ref}]),
        )

    return program


def test_an_image_for_another_architecture_is_an_error() -> None:
    assert severities("image-for-another-architecture", built("linux/amd64")) == ["error"]


def test_an_image_for_the_tasks_architecture_is_fine() -> None:
    assert found("image-for-another-architecture", built("linux/arm64")) == []


def test_an_image_without_platform_is_warned_of() -> None:
    assert severities("image-platform-not-chosen", built()) == ["warning"]


def test_an_image_with_platform_is_fine() -> None:
    assert found("image-platform-not-chosen", built("linux/arm64")) == []


def test_building_for_another_machine_says_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    [finding] = found("image-built-under-emulation", built("linux/arm64"))
    assert finding.severity == "info"
    assert "binfmt" in finding.fix
    assert "X86_64 tasks" in finding.fix


def test_building_for_ones_own_machine_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert found("image-built-under-emulation", built("linux/arm64")) == []


# Access

DB_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"


def test_every_action_on_everything_is_an_error() -> None:
    assert severities("policy-wider-than-needed", policy({"Action": "*", "Resource": "*"})) == ["error"]


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "s3:*", "Resource": "arn:aws:s3:::data"},
        {"Action": ["secretsmanager:GetSecretValue"], "Resource": "*"},
        {"Action": "*", "Resource": DB_ARN},
        {"NotAction": "iam:*", "Resource": DB_ARN},
    ],
    ids=["whole service", "every resource", "every action", "not action"],
)
def test_wide_statements_are_warned_of(statement: dict[str, Any]) -> None:
    assert severities("policy-wider-than-needed", policy(statement)) == ["warning"]


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "secretsmanager:GetSecretValue", "Resource": DB_ARN},
        {"Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Action": "cloudwatch:PutMetricData", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
        {"Action": "ec2:CreateTags", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestTag/a": "b"}}},
    ],
    ids=["named", "without resource level", "metrics", "deny", "with a condition"],
)
def test_narrow_statements_are_fine(statement: dict[str, Any]) -> None:
    assert found("policy-wider-than-needed", policy(statement)) == []


def test_policies_written_into_a_role_are_looked_at() -> None:
    document = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})

    def program() -> None:
        aws.iam.Role("role", assume_role_policy="{}", inline_policies=[{"name": "all", "policy": document}])

    assert severities("inline-policy-wider-than-needed", program) == ["error"]


def test_a_narrow_policy_in_a_role_is_fine() -> None:
    document = json.dumps({"Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": DB_ARN}})

    def program() -> None:
        aws.iam.Role("role", assume_role_policy="{}", inline_policies=[{"name": "one", "policy": document}])

    assert found("inline-policy-wider-than-needed", program) == []


@pytest.mark.parametrize(
    ("name", "expected"), [("AdministratorAccess", ["error"]), ("service-role/AmazonECSTaskExecutionRolePolicy", [])]
)
def test_administrator_roles_are_an_error(name: str, expected: list[str]) -> None:
    def program() -> None:
        aws.iam.RolePolicyAttachment("a", role="r", policy_arn=f"arn:aws:iam::aws:policy/{name}")

    assert severities("administrator-role", program) == expected


def test_a_secret_that_loses_its_mark_is_an_error() -> None:
    def program() -> None:
        aws.sns.Topic("t", display_name=f"key {pulumi.Config().require('key')}")

    [finding] = found("secret-in-plain-text", program, config={"key": Secret("k3yk3yk3y")})
    assert finding.severity == "error"
    assert "displayName" in finding.message
    assert "k3yk3yk3y" not in finding.message


def test_an_exported_secret_is_an_error() -> None:
    program = lambda: pulumi.export("key", pulumi.Config().require("key"))  # noqa: E731
    assert severities("secret-in-plain-text", program, config={"key": Secret("k3yk3yk3y")}) == ["error"]


def test_a_secret_that_keeps_its_mark_is_fine() -> None:
    def program() -> None:
        key = pulumi.Config().require_secret("key")
        aws.sns.Topic("t", display_name=Output.concat("key ", key))
        pulumi.export("key", key)

    assert found("secret-in-plain-text", program, config={"key": Secret("k3yk3yk3y")}) == []


# Observability


def test_logs_kept_for_ever_are_warned_of() -> None:
    assert severities("logs-kept-forever", lambda: aws.cloudwatch.LogGroup("logs")) == ["warning"]


def test_logs_with_retention_are_fine() -> None:
    assert found("logs-kept-forever", lambda: aws.cloudwatch.LogGroup("logs", retention_in_days=30)) == []


def alarm(**arguments: Any) -> Program:
    return lambda: aws.cloudwatch.MetricAlarm(
        "alarm", comparison_operator="GreaterThanThreshold", evaluation_periods=1, **arguments
    )


@pytest.mark.parametrize("arguments", [{}, {"alarm_actions": []}, {"alarm_actions": ["arn"], "actions_enabled": False}])
def test_an_alarm_that_tells_nobody_is_warned_of(arguments: dict[str, Any]) -> None:
    assert severities("alarm-tells-nobody", alarm(**arguments)) == ["warning"]


def test_an_alarm_with_an_action_is_fine() -> None:
    assert found("alarm-tells-nobody", alarm(alarm_actions=["arn:aws:sns:us-east-1:123456789012:ops"])) == []


def test_an_alarm_that_a_deployment_watches_is_fine() -> None:
    def program() -> None:
        watched = aws.cloudwatch.MetricAlarm("alarm", comparison_operator="GreaterThanThreshold", evaluation_periods=1)
        aws.ecs.Service("api", alarms={"alarm_names": [watched.name], "enable": True, "rollback": True})

    assert found("alarm-tells-nobody", program) == []


# Stacks


@pytest.mark.filterwarnings("ignore")
def test_an_output_in_an_f_string_is_an_error_wherever_it_lands() -> None:
    def program() -> None:
        topic = aws.sns.Topic("t")
        aws.sns.Topic("u", tags={"url": f"https://{topic.arn}/"})
        aws.sns.Topic(f"{topic.arn}-v")
        pulumi.export("url", f"{topic.arn}")

    findings = found("output-written-as-text", program)
    assert [finding.severity for finding in findings] == ["error"] * 3
    messages = {finding.message: finding.fix for finding in findings}
    assert "Output.format" in messages["aws:sns/topic:Topic 'u' holds the text of an unresolved Output in tags"]


def test_a_text_built_with_format_is_fine() -> None:
    def program() -> None:
        aws.sns.Topic("u", display_name=Output.format("to {}", aws.sns.Topic("t").arn))

    assert found("output-written-as-text", program) == []


class Pair(pulumi.ComponentResource):
    def __init__(self, second: Optional[ResourceOptions] = None) -> None:
        super().__init__("test:index:Pair", "pair")
        own = ResourceOptions(parent=self)
        aws.sqs.Queue("one", opts=own)
        aws.sqs.Queue("two", opts=own)
        aws.sns.Topic("three", opts=ResourceOptions.merge(own, second))


def test_a_part_in_another_region_is_warned_of() -> None:
    def program() -> None:
        provider = aws.Provider("ireland", region="eu-west-1")
        Pair(ResourceOptions(provider=provider))

    [finding] = found("outside-the-region", program)
    assert "'three' is in eu-west-1, the rest of 'pair' in us-east-1" in finding.message


def test_a_component_in_one_region_is_fine() -> None:
    assert found("outside-the-region", Pair) == []


def subnet(zone: str) -> Program:
    return lambda: aws.ec2.Subnet("subnet", vpc_id="vpc-1", availability_zone=zone)


def test_a_zone_of_another_region_is_an_error() -> None:
    assert severities("zone-of-another-region", subnet("eu-west-1a"), config={"aws:region": "us-east-1"}) == ["error"]


def test_a_zone_of_the_region_is_fine() -> None:
    assert found("zone-of-another-region", subnet("eu-west-1a"), config={"aws:region": "eu-west-1"}) == []


def test_what_stops_a_destroy_is_said_with_the_two_steps() -> None:
    def program() -> None:
        aws.rds.Instance("db", instance_class="db.t4g.micro", deletion_protection=True)
        aws.lb.LoadBalancer("front", enable_deletion_protection=True)
        aws.sqs.Queue("jobs", opts=ResourceOptions(protect=True))

    [finding] = found("how-to-destroy", program)
    assert finding.severity == "info"
    assert finding.resource == ""
    assert "db (deletionProtection), front (enableDeletionProtection), jobs (Pulumi's protect)" in finding.message
    assert "1. switch these off" in finding.fix
    assert "2. run `pulumi destroy`" in finding.fix


def test_a_stack_that_nothing_protects_says_nothing() -> None:
    assert found("how-to-destroy", database(deletion_protection=False)) == []


# All of them


def test_every_rule_says_why() -> None:
    assert [rule.name for rule in checks.rules() if not rule.why.endswith(".")] == []


def test_the_worst_findings_come_first() -> None:
    order = ["error", "warning", "info"]
    ranks = [order.index(finding.severity) for finding in checks.run(plan(database(), preview=False))]
    assert ranks == sorted(ranks)
    assert set(ranks) == {0, 1, 2}


def test_what_depends_on_unknown_values_is_said_to_be_undecided() -> None:
    def program() -> None:
        topic = aws.sns.Topic("t")
        aws.ecs.TaskDefinition("task", family="api", container_definitions=Output.json_dumps([{"name": topic.arn}]))

    [finding] = found_undecided(program)
    assert finding.name == "task"
    assert "container-runs-as-root" in finding.message


def found_undecided(program: Program) -> list[Finding]:
    return [finding for finding in checks.run(plan(program)) if finding.rule == "not-judged"]


def test_resources_that_are_only_read_are_not_judged() -> None:
    program = lambda: aws.cloudwatch.LogGroup.get("old", "old")  # noqa: E731
    assert checks.run(plan(program, preview=False)) == []


def test_an_empty_program_has_no_findings() -> None:
    assert checks.run(plan(lambda: None)) == []
