"""What people who do this job ran into, by the number of the case; details are with the part they belong to."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest
from pulumi import Output, StackReference
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import (
    Database,
    DatabaseArgs,
    ExistingDatabase,
    ExistingLoadBalancer,
    ExistingNetwork,
    FargateFastAPIService,
    FargateFastAPIServiceArgs,
    ImageArgs,
    LoadBalancerArgs,
    NetworkArgs,
    Outbound,
)
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, PlanError, Resource, UnknownValueError, plan
from pulumi_fastapi.timeouts import Timeouts

IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/api@sha256:{'a' * 64}"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"  # noqa: S105
PUBLIC = ExistingNetwork(vpc_id="vpc-1", public_subnet_ids=["subnet-a", "subnet-b"])
TESTS = Path(__file__).parent

ELSEWHERE = {
    "A01": [
        "app/test_runtime.py::test_until_the_app_is_imported_and_started_nothing_waits_in_an_open_port",
        "gcp/test_cloud_run_service.py::test_a_revision_gets_traffic_only_when_it_is_ready",
        "gcp/test_cloud_run_service.py::test_an_app_that_starts_too_slowly_for_cloud_run_is_refused_with_the_number",
    ],
    "A03": [
        "app/test_edge.py::test_the_slash_redirect_keeps_https_and_the_public_host",
        "app/test_runtime.py::test_only_the_load_balancer_says_that_it_was_https",
    ],
    "A04": [
        "app/test_database_settings.py::test_each_driver_refuses_a_server_of_another_authority",
        "app/test_exported_database.py::test_an_unmodified_app_reaches_its_database_over_tls",
    ],
    "A05": [
        "app/test_database_settings.py::test_one_url_serves_each_driver_with_tls",
        "app/test_database_settings.py::test_urls_go_to_the_variables_that_the_app_reads",
    ],
    "A06": ["app/test_migrations.py::test_stock_alembic_takes_any_password_and_nothing_shows_it"],
    "A08": [
        "app/test_runtime_balanced.py::"
        "test_a_stream_with_heartbeats_outlives_the_balancers_patience_and_one_without_does_not",
        "test_timeouts.py::test_streaming_moves_everything_that_depends_on_silence",
        "test_lambda_timeouts.py::test_streams_are_refused",
    ],
    "A10": [
        "test_app.py::test_variables_are_text_or_json",
        "image/test_refused_builds.py::test_an_app_that_cannot_be_imported",
        "app/test_bundled_api.py::test_a_list_that_is_none_ends_the_start_and_is_named",
    ],
    "A13": [
        "test_app.py::test_a_reloader_is_not_for_production",
        "app/test_runtime.py::test_there_is_no_reload_and_no_other_argument",
        "app/test_runtime.py::test_a_start_up_that_fails_ends_the_process",
    ],
    "A16": [
        "image/test_hardened_image.py::test_no_file_can_be_written",
        "image/test_hardened_image.py::test_large_temporary_files_go_where_the_volume_is",
        "image/test_hardened_image.py::test_a_cache_in_the_home_directory_can_be_written",
    ],
    "A19": [
        "app/test_edge.py::test_a_body_in_chunks_is_refused_once_it_is_too_long",
        "app/test_edge.py::test_what_the_edge_answers_has_the_cors_headers_of_the_app",
        "app/test_lambda.py::test_an_answer_that_lambda_cannot_return_is_a_problem_with_a_reason_in_the_log",
        "aws/test_lambda_function.py::test_apps_that_lambda_cannot_run_are_refused",
        "gcp/test_cloud_run_service.py::test_an_app_that_cannot_run_there_is_refused",
    ],
    "A21": [
        "app/test_app_database.py::test_ten_rotations_that_close_every_connection_fail_only_what_was_in_flight",
        "app/test_app_with_database.py::test_two_workers_live_through_a_rotation_and_a_restart",
    ],
    "C01 C02 C05": [
        "image/test_user_projects.py::test_files_are_found_from_the_working_directory",
        "image/test_user_projects.py::test_a_foreign_app_can_be_mounted",
        "image/test_user_projects.py::test_what_no_lock_has_chosen_is_said_and_recorded",
    ],
    "C03 C12 C22": [
        "test_app_source.py::test_the_app_is_found",
        "test_app_source.py::test_the_python_follows_the_project",
    ],
    "C07 C09": ["image/test_user_projects.py::test_a_poetry_project_answers_below_its_prefix_and_without"],
    "C10 C23": ["image/test_refused_builds.py::test_an_app_that_cannot_be_imported"],
    "C14 C26": ["image/test_user_projects.py::test_a_workspace_member_finds_its_files_and_the_other_member"],
    "C16": ["image/test_user_projects.py::test_a_project_that_needs_its_metadata_is_installed"],
    "C19": [
        "image/test_user_projects.py::test_health_is_outside_of_what_the_apps_middleware_refuses",
        "aws/test_release_hooks.py::test_readiness_is_asked_again_while_it_is_503",
        "aws/test_cloud_front.py::test_an_app_can_check_a_header_of_its_own",
        "aws/test_schedule.py::test_an_environment_is_kept_warm_by_asking_whether_it_lives",
    ],
    "A14": [
        "engine/test_deployments.py::test_migration_runs_once_before_the_service_gets_a_new_image",
        "engine/test_deployments.py::test_failed_first_deploy_says_why_and_the_next_up_finishes_it",
        "engine/test_deployments.py::test_next_up_after_a_rollback_tries_again",
    ],
    "B18": [
        "test_rollout.py::test_default_settings_deploy_one_task_within_three_minutes",
        "test_rollout.py::test_the_usual_settings_take_about_seven_minutes",
        "test_deployment_times.py::test_a_rolling_deploy_takes_less_than_half_of_what_other_tools_take",
    ],
    "B01": ["aws/test_registry.py::test_a_repository_with_images_can_be_deleted_only_if_that_was_said"],
    "B06": [
        "aws/test_autoscaling.py::test_it_scales_in_slower_than_out",
        "aws/test_autoscaling.py::test_a_step_of_load_is_one_step_of_tasks",
    ],
    "B14": [
        "aws/test_alarms.py::test_the_error_alarm_pages_for_outages_only",
        "aws/test_alarms.py::test_errors_of_the_caller_never_page",
    ],
    "D04": [
        "cost/test_cost_cases.py::test_idle_minimum_instances_pay_for_cpu_too",
        "cost/test_cost_cases.py::test_idle_instances_of_our_service_pay_for_cpu_too",
    ],
    "D05": [
        "cost/test_cost_cases.py::test_always_on_instance_is_told_what_billing_by_request_would_save",
        "cost/test_cost_cases.py::test_always_on_instance_of_our_service_is_told_what_billing_by_request_would_save",
    ],
    "D08": [
        "gcp/test_gcp_database.py::test_the_edition_is_never_left_to_google",
        "test_google_checks.py::test_an_edition_that_nobody_chose",
        "cost/test_cost_cases.py::test_edition_decides_the_price_of_postgresql_16_and_later",
        "cost/test_cost_cases.py::test_database_of_our_service_says_its_edition",
    ],
    "D11": [
        "aws/test_registry.py::test_a_year_of_deploys_leaves_the_newest_images_only",
        "aws/test_registry.py::test_the_running_and_the_previous_image_stay_however_old",
    ],
    "E05": [
        "test_provider_schema.py::test_every_argument_can_be_sent",
        "test_provider_schema.py::test_wrong_arguments_get_our_own_message",
        "test_provider_schema.py::test_the_schema_is_the_one_that_was_agreed",
    ],
    "E08": [
        "aws/test_fargate_service.py::test_the_provider_of_a_component_reaches_every_child",
        "aws/test_fargate_service.py::test_the_provider_of_a_component_reaches_every_lookup",
    ],
    "E09": [
        "aws/test_image.py::test_another_clone_of_the_same_commit_changes_nothing",
        "aws/test_image.py::test_a_changed_line_of_code_is_another_image",
    ],
    "E12": ["test_public_api.py::test_every_public_name_is_imported_without_side_effects"],
}


@pytest.fixture(autouse=True)
def _away_from_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build contexts are staged below the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("test", [test for tests in ELSEWHERE.values() for test in tests])
def test_the_cases_named_above_have_their_tests(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in (TESTS / file).read_text()


def serve(name: str = "api", **args: Any) -> FargateFastAPIService:
    defaults = {"app": FastAPIApp(image=IMAGE), "network": PUBLIC}
    return FargateFastAPIService(name, FargateFastAPIServiceArgs(**(defaults | args)))


def planned(preview: bool = False, **args: Any) -> Plan:
    return plan(lambda: serve(**args), preview=preview)


# A14: a small task that starts slowly, with migrations


def test_a14_a_slow_start_is_not_taken_for_a_broken_one() -> None:
    slow = FastAPIApp(image=IMAGE, timeouts=Timeouts(startup=120))
    result = planned(app=slow, cpu=256, memory=512, migrate=["alembic", "upgrade", "head"])
    service = result.find(aws.ecs.Service)
    assert service.inputs["healthCheckGracePeriodSeconds"] >= 120
    worst = result.find(FargateFastAPIService).outputs["deploymentSeconds"]["total"]
    assert service.options.custom_timeouts == dict.fromkeys(("create", "update", "delete"), f"{worst}s")
    assert {"before_create", "before_update", "after_create", "after_update"} <= set(service.options.hooks)


# B02: a changed port replaces a target group that the listener still uses


def test_b02_no_target_group_depends_on_the_port() -> None:
    """Each task registers with its own; so nothing is replaced, and nothing that the listener uses has to go."""
    before, after = planned(), planned(app=FastAPIApp(image=IMAGE, port=8080))
    assert [group.inputs for group in before.all(aws.lb.TargetGroup)] == [
        group.inputs for group in after.all(aws.lb.TargetGroup)
    ]


def test_b02_both_ports_are_open_while_tasks_of_both_run() -> None:
    """The old port's rule has another name, so it goes last."""

    def port_rules(result: Plan) -> set[str]:
        kinds = (aws.vpc.SecurityGroupIngressRule, aws.vpc.SecurityGroupEgressRule)
        rules = [rule for kind in kinds for rule in result.all(kind)]
        return {rule.urn for rule in rules if rule.inputs.get("fromPort") in (8000, 8080)}

    before, after = port_rules(planned()), port_rules(planned(app=FastAPIApp(image=IMAGE, port=8080)))
    assert (len(before), len(after), before & after) == (2, 2, set())


def test_b02_a_target_group_that_has_to_go_goes_last() -> None:
    result = planned()
    for group in result.all(aws.lb.TargetGroup):
        assert not {"name", "namePrefix"} & set(group.inputs)
        assert group.options.delete_before_replace is None


# B03: a second service on an existing load balancer


def two_services() -> None:
    first = serve("a", domain="a.example.com", zone_id="Z1")
    serve("b", load_balancer=first.load_balancer, domain="b.example.com", zone_id="Z1")


def test_b03_the_second_service_adds_a_rule_and_a_target_group_only() -> None:
    result = plan(two_services, preview=False)
    (second,) = [root for root in result.roots() if root.name == "b"]
    kinds = {child.type.rpartition(":")[2] for child in descendants(second)}
    assert {"TargetGroup", "ListenerRule", "ListenerCertificate"} <= kinds
    assert not {"LoadBalancer", "Listener"} & kinds


def descendants(resource: Resource) -> list[Resource]:
    return [each for child in resource.children for each in (child, *descendants(child))]


def test_b03_one_load_balancer_one_https_listener_two_priorities() -> None:
    result = plan(two_services, preview=False)
    result.find(aws.lb.LoadBalancer)
    assert [listener.inputs["port"] for listener in result.all(aws.lb.Listener)].count(443) == 1
    assert len({rule.inputs["priority"] for rule in result.all(aws.lb.ListenerRule)}) == 2


def test_b03_nothing_of_the_first_service_depends_on_the_second() -> None:
    result = plan(two_services, preview=False)
    first, second = (next(root for root in result.roots() if root.name == name) for name in "ab")
    of_second = set(descendants(second))
    assert not any(of_second & set(each.dependencies) for each in descendants(first))


def test_b03_a_listener_of_another_stack_is_enough() -> None:
    shared = ExistingLoadBalancer(
        listener_arn="arn:listener", security_group_id="sg", dns_name="lb", hosted_zone_id="Z", arn_suffix="app/lb/1"
    )
    result = planned(load_balancer=shared, domain="b.example.com")
    assert result.find(aws.lb.ListenerRule).inputs["listenerArn"] == "arn:listener"
    assert result.all(aws.lb.LoadBalancer) == result.all(aws.lb.Listener) == []


# B09: the final snapshot


def test_b09_production_keeps_a_snapshot_and_development_nothing() -> None:
    def database(protection: bool) -> dict[str, Any]:
        args = DatabaseArgs(network=PUBLIC, deletion_protection=protection)
        return plan(lambda: Database("db", args), preview=False).find(aws.rds.Instance).inputs

    production, development = database(True), database(False)
    assert (production["deletionProtection"], production["skipFinalSnapshot"]) == (True, False)
    assert production["finalSnapshotIdentifier"].endswith("-final")
    assert (development["deletionProtection"], development["skipFinalSnapshot"]) == (False, True)
    assert "finalSnapshotIdentifier" not in development


# B12: nothing public


@pytest.fixture(scope="module")
def private() -> Plan:
    network = ExistingNetwork(vpc_id="vpc-1", private_subnet_ids=["subnet-a", "subnet-b"], outbound=Outbound.ENDPOINTS)
    database = {"host": "db", "secret_arn": SECRET_ARN, "security_group_id": "sg-1"}

    def no_lookup(_: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError("a subnet or a VPC was looked up")

    tokens = ("aws:ec2/getSubnets:getSubnets", "aws:ec2/getSubnet:getSubnet", "aws:ec2/getVpc:getVpc")
    return plan(
        lambda: serve(network=network, database=ExistingDatabase(**database)),
        preview=False,
        invokes=dict.fromkeys((*tokens, "aws:index/getAvailabilityZones:getAvailabilityZones"), no_lookup),
    )


def test_b12_the_load_balancer_is_internal_in_the_given_subnets(private: Plan) -> None:
    balancer = private.find(aws.lb.LoadBalancer).inputs
    assert (balancer["internal"], balancer["subnets"]) == (True, ["subnet-a", "subnet-b"])


def test_b12_tasks_have_no_public_address(private: Plan) -> None:
    placed = private.find(aws.ecs.Service).inputs["networkConfiguration"]
    assert (placed["assignPublicIp"], placed["subnets"]) == (False, ["subnet-a", "subnet-b"])
    assert private.all(aws.ec2.Eip) == []


def test_b12_private_tasks_without_a_way_out_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"outbound: .*ECR.*ecr.api, ecr.dkr, logs, secretsmanager and s3"):
        ExistingNetwork(vpc_id="vpc-1", private_subnet_ids=["subnet-a", "subnet-b"])


def test_b12_one_zone_is_not_enough() -> None:
    with pytest.raises(ArgumentError, match="private_subnet_ids: needs subnets in at least two availability zones"):
        ExistingNetwork(vpc_id="vpc-1", private_subnet_ids=["subnet-a"], outbound=Outbound.NAT)


# E01: outputs of other stacks


def from_another_stack() -> None:
    base = StackReference("org/net/dev")
    network = ExistingNetwork(
        vpc_id=base.require_output("vpc_id"),
        public_subnet_ids=base.require_output("public"),
        private_subnet_ids=base.require_output("private"),
        outbound=Outbound.NAT,
    )
    serve(network=network, cluster_arn=base.require_output("cluster_arn"))


OTHER_STACK = {"vpc_id": "vpc-7", "public": ["p-a", "p-b"], "private": ["a", "b"], "cluster_arn": "arn:cluster/shared"}


@pytest.mark.parametrize("preview", [True, False])
def test_e01_ids_may_come_from_another_stack(preview: bool) -> None:
    result = plan(from_another_stack, stack_references={"org/net/dev": OTHER_STACK}, preview=preview)
    assert result.find(aws.lb.TargetGroup, "api-tg").inputs["vpcId"] == "vpc-7"
    assert result.find(aws.lb.LoadBalancer).inputs["subnets"] == ["p-a", "p-b"]
    assert result.find(aws.ecs.Service).inputs["networkConfiguration"]["subnets"] == ["a", "b"]
    assert result.find(aws.ecs.Service).inputs["cluster"] == "arn:cluster/shared"


def test_e01_a_missing_output_is_named() -> None:
    without = {key: value for key, value in OTHER_STACK.items() if key != "private"}
    with pytest.raises(PlanError, match="'org/net/dev' has no output 'private'"):
        plan(from_another_stack, stack_references={"org/net/dev": without})


# E02: tests that pass because nothing ran

WRONG: list[Callable[[Plan], bool]] = [
    lambda p: p.find(aws.lb.TargetGroup, "api-tg").inputs["port"] == 1,
    lambda p: p.find(aws.lb.TargetGroup, "api-tg").inputs["vpcId"] == "vpc-2",
    lambda p: p.find(aws.lb.TargetGroup, "api-tg").outputs["arn"] == "arn:wrong",
    lambda p: p.find(aws.ecs.Service).inputs["cluster"] == "arn:wrong",
    lambda p: p.find(aws.ecs.Service).inputs["taskDefinition"] == "wrong",
    lambda p: p.find(aws.ecs.Service).inputs["desiredCount"] == 99,
    lambda p: p.find(aws.ecs.Service).inputs["waitForSteadyState"] is False,
    lambda p: p.find(aws.ecs.Service).options.ignore_changes == ("taskDefinition",),
    lambda p: p.find(aws.ecs.Service).inputs["loadBalancers"][0]["targetGroupArn"] == "arn:wrong",
    lambda p: "wrong" in p.find(aws.ecs.TaskDefinition).inputs["containerDefinitions"],
    lambda p: p.find(aws.ecs.TaskDefinition).inputs["executionRoleArn"] == "arn:wrong",
    lambda p: p.find(aws.lb.LoadBalancer).inputs["securityGroups"] == ["sg-wrong"],
    lambda p: p.find(aws.lb.LoadBalancer).outputs["dnsName"] == "wrong",
    lambda p: p.find(aws.lb.LoadBalancer).options.protect is False,
    lambda p: p.find(aws.lb.ListenerRule).inputs["listenerArn"] == "arn:wrong",
    lambda p: p.find(aws.lb.ListenerRule).inputs["priority"] == 1,
    lambda p: p.find(aws.cloudwatch.LogGroup).inputs["retentionInDays"] == 1,
    lambda p: p.find(aws.cloudwatch.Dashboard).inputs["dashboardBody"] == "{}",
    lambda p: p.find(FargateFastAPIService).outputs["url"] == "http://wrong",
    lambda p: len(p.all(aws.cloudwatch.MetricAlarm)) == 0,
]


@pytest.mark.parametrize("preview", [True, False])
def test_e02_twenty_wrong_expectations_all_fail(preview: bool) -> None:
    result = planned(preview=preview)
    passed = []
    for number, expectation in enumerate(WRONG):
        try:
            if expectation(result):
                passed.append(number)
        except (UnknownValueError, KeyError):  # a preview knows no ARN: reading it fails as well
            continue
    assert len(WRONG) == 20
    assert passed == []


def test_e02_the_same_expectations_said_right_hold() -> None:
    """Otherwise the ones above might fail for another reason than being wrong."""
    result = planned()
    assert result.find(aws.lb.TargetGroup, "api-tg").inputs["port"] == 80
    assert result.find(aws.ecs.Service).inputs["cluster"] == result.find(aws.ecs.Cluster).outputs["arn"]
    assert result.find(aws.lb.LoadBalancer).options.protect is True


# E06: an Output in an f-string

NEEDED: dict[type, dict[str, Any]] = {
    FargateFastAPIServiceArgs: {},
    FastAPIApp: {},
    NetworkArgs: {},
    ImageArgs: {},
    DatabaseArgs: {"network": PUBLIC},
    LoadBalancerArgs: {"network": PUBLIC},
    ExistingNetwork: {"vpc_id": "vpc-1", "public_subnet_ids": ["a", "b"]},
    ExistingDatabase: {"host": "db", "secret_arn": SECRET_ARN, "security_group_id": "sg-1"},
    ExistingLoadBalancer: dict.fromkeys(
        ("listener_arn", "security_group_id", "dns_name", "hosted_zone_id", "arn_suffix"), "x"
    ),
}


def text_arguments() -> list[Any]:
    found = []
    for args in NEEDED:
        for field in dataclasses.fields(args):
            shape = str(field.type)
            if "str" in shape or shape.endswith("typing.Any]]"):
                found.append(pytest.param(args, field.name, id=f"{args.__name__}.{field.name}"))
    return found


@pytest.mark.parametrize(("args", "name"), text_arguments())
def test_e06_an_output_in_an_f_string_is_refused_by_every_argument(args: Any, name: str) -> None:
    def program() -> None:
        swallowed = f"{Output.from_input('vpc-1')}-api"
        annotation = str(args.__dataclass_fields__[name].type)
        wrapped = {"A": swallowed} if "dict[" in annotation else swallowed
        is_list = not isinstance(wrapped, dict) and ("list[" in annotation or "Sequence[" in annotation)
        args(**{**NEEDED[args], name: [swallowed, "b"] if is_list else wrapped})

    with pytest.raises(ArgumentError, match=rf"^{name}\b.*use pulumi.Output.format"):
        plan(program)


def test_e06_every_kind_of_text_argument_is_tried() -> None:
    tried = {parameter.id for parameter in text_arguments()}
    assert {"FargateFastAPIServiceArgs.domain", "FastAPIApp.environment", "ExistingNetwork.vpc_id"} <= tried
    assert len(tried) > 35


def test_e06_a_name_with_an_output_inside_is_refused() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        serve(f"{vpc.id}-api")

    with pytest.raises(ArgumentError, match=r"^name: an Output cannot be put into an f-string"):
        plan(program)


def test_e06_output_format_is_accepted() -> None:
    def program() -> None:
        other = Output.from_input("https://other.example.com")
        serve(app=FastAPIApp(image=IMAGE, environment={"URL": Output.format("{0}/x", other)}))

    definition = plan(program, preview=False).find(aws.ecs.TaskDefinition).inputs["containerDefinitions"]
    assert "https://other.example.com/x" in definition
