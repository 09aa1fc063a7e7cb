from collections.abc import Callable
from typing import Any, Optional

import pulumi
import pulumi_aws as aws
import pytest
from pulumi import Output
from pulumi_fastapi import checks
from pulumi_fastapi.aws import ExistingLoadBalancer
from pulumi_fastapi.aws.cloud_front import CloudFront, CloudFrontArgs
from pulumi_fastapi.aws.function_target import FunctionTarget, FunctionTargetArgs
from pulumi_fastapi.aws.function_url import FunctionUrl
from pulumi_fastapi.aws.http_api import HttpApi, HttpApiArgs
from pulumi_fastapi.aws.schedule import DeadLetters, Schedule, keep_warm
from pulumi_fastapi.checks import Finding
from pulumi_fastapi.plan import plan

Program = Callable[[], object]
ROLE = "arn:aws:iam::123456789012:role/shop"


def found(rule: str, program: Program) -> list[Finding]:
    """The findings of one rule."""
    assert rule in {each.name for each in checks.rules()}
    return [finding for finding in checks.run(plan(program, preview=False)) if finding.rule == rule]


def severities(rule: str, program: Program) -> list[str]:
    return [finding.severity for finding in found(rule, program)]


# Small programs; each test changes what its rule looks at


def made(**args: Any) -> aws.lambda_.Function:
    given = {"role": ROLE, "package_type": "Image", "image_uri": "x", "timeout": 30, "memory_size": 1024, **args}
    return aws.lambda_.Function("shop", **given)


def function(**args: Any) -> Program:
    return lambda: made(**args)


def alias(**args: Any) -> aws.lambda_.Alias:
    return aws.lambda_.Alias("live", name="live", function_name=made(**args).name, function_version="1")


def url(*grants: dict[str, Any], **args: Any) -> Program:
    def program() -> None:
        live = alias()
        given = {"qualifier": live.name, "authorization_type": "NONE", **args}
        aws.lambda_.FunctionUrl("url", function_name=live.function_name, **given)
        for index, grant in enumerate(grants):
            of = {"function": live.function_name, "qualifier": live.name, "principal": "*", **grant}
            aws.lambda_.Permission(f"grant-{index}", **of)

    return program


CALL_URL = {"action": "lambda:InvokeFunctionUrl", "function_url_auth_type": "NONE"}
INVOKE = {"action": "lambda:InvokeFunction", "invoked_via_function_url": True}


# URLs


def test_a_public_url_without_the_right_to_invoke_answers_403() -> None:
    (finding,) = found("function-url-answers-403", url(CALL_URL))
    assert finding.severity == "error"
    assert "nobody may invoke the function through it" in finding.message
    assert "invokedViaFunctionUrl" in finding.fix


def test_a_public_url_should_not_depend_on_what_the_provider_adds() -> None:
    (finding,) = found("function-url-answers-403", url(INVOKE))
    assert finding.severity == "warning"
    assert "functionUrlAuthType NONE" in finding.fix


@pytest.mark.parametrize("change", [{"qualifier": "other"}, {"principal": "123456789012"}, {"function": "other"}])
def test_rights_of_another_alias_caller_or_function_do_not_count(change: dict[str, Any]) -> None:
    assert severities("function-url-answers-403", url(CALL_URL, INVOKE | change)) == ["error"]


def test_both_rights_are_enough() -> None:
    assert found("function-url-answers-403", url(CALL_URL, INVOKE)) == []


def test_the_rights_may_name_the_function_by_its_arn() -> None:
    def program() -> None:
        shop = made()
        aws.lambda_.FunctionUrl("url", function_name=shop.name, authorization_type="NONE")
        aws.lambda_.Permission("call", function=shop.arn, principal="*", **CALL_URL)
        aws.lambda_.Permission("invoke", function=shop.arn, principal="*", **INVOKE)

    assert found("function-url-answers-403", program) == []


def test_a_url_for_signed_requests_needs_no_rights_for_everyone() -> None:
    assert found("function-url-answers-403", url(authorization_type="AWS_IAM")) == []
    assert found("function-url-open-to-everyone", url(authorization_type="AWS_IAM")) == []


def test_a_public_url_is_told_of() -> None:
    assert severities("function-url-open-to-everyone", url(CALL_URL, INVOKE)) == ["info"]


def test_a_public_url_that_only_cloudfront_gets_through_is_not_open() -> None:
    digest = {"variables": {"ORIGIN_SECRET_DIGEST": "a" * 64}}

    def program() -> None:
        live = alias(environment=digest)
        FunctionUrl("shop", live.function_name, live.name)

    assert found("function-url-open-to-everyone", program) == []


def test_the_url_of_this_package_has_all_it_needs() -> None:
    def program() -> None:
        live = alias()
        FunctionUrl("shop", live.function_name, live.name)

    assert found("function-url-answers-403", program) == []
    assert found("function-open-to-everyone", program) == []


@pytest.mark.parametrize(
    ("cors", "expected"),
    [
        ({"allow_origins": ["*"], "allow_credentials": True}, ["warning"]),
        ({"allow_origins": ["*"]}, []),
        ({"allow_origins": ["https://shop.example.com"], "allow_credentials": True}, []),
    ],
)
def test_cookies_for_every_page_are_warned_of(cors: dict[str, Any], expected: list[str]) -> None:
    assert severities("function-url-cors-for-all", url(cors=cors)) == expected


def test_what_serves_latest_is_warned_of() -> None:
    assert severities("entry-of-unreleased-code", url(qualifier=None)) == ["warning"]
    assert found("entry-of-unreleased-code", url()) == []


# Permissions


def permission(**args: Any) -> Program:
    return lambda: aws.lambda_.Permission("p", **{"function": "shop", "action": "lambda:InvokeFunction", **args})


def test_a_function_for_every_account_is_an_error() -> None:
    assert severities("function-open-to-everyone", permission(principal="*")) == ["error"]


@pytest.mark.parametrize("narrow", [{"invoked_via_function_url": True}, {"principal_org_id": "o-1"}])
def test_a_narrowed_permission_is_fine(narrow: dict[str, Any]) -> None:
    assert found("function-open-to-everyone", permission(principal="*", **narrow)) == []


def test_a_service_that_may_call_for_others_is_warned_of() -> None:
    assert severities("service-may-call-for-others", permission(principal="s3.amazonaws.com")) == ["warning"]


@pytest.mark.parametrize("narrow", [{"source_arn": "arn:aws:s3:::bucket"}, {"source_account": "123456789012"}])
def test_a_service_that_may_call_for_one_is_fine(narrow: dict[str, Any]) -> None:
    assert found("service-may-call-for-others", permission(principal="s3.amazonaws.com", **narrow)) == []


# Time


def behind_an_api(timeout: int, **args: Any) -> Program:
    def program() -> None:
        api = aws.apigatewayv2.Api("api", protocol_type="HTTP")
        live = alias(timeout=timeout)
        aws.apigatewayv2.Integration(
            "i", api_id=api.id, integration_type="AWS_PROXY", integration_uri=live.invoke_arn, **args
        )

    return program


def test_a_function_that_takes_longer_than_an_http_api_waits_is_warned_of() -> None:
    (finding,) = found("function-outlives-its-entry", behind_an_api(60))
    assert finding.message == "may take 60 s, Integration 'i' gives up after 30 s"
    assert "set timeout to 30 or less" in finding.fix


def test_a_shorter_integration_counts() -> None:
    assert severities("function-outlives-its-entry", behind_an_api(30, timeout_milliseconds=10000)) == ["warning"]


def test_a_function_that_is_done_in_time_is_fine() -> None:
    assert found("function-outlives-its-entry", behind_an_api(30)) == []


def existing_balancer(listener_arn: pulumi.Input[str] = "arn:aws:elasticloadbalancing:x") -> ExistingLoadBalancer:
    return ExistingLoadBalancer(
        listener_arn=listener_arn, security_group_id="sg-1", dns_name="d", hosted_zone_id="Z", arn_suffix="app/x/1"
    )


@pytest.mark.parametrize(("idle", "expected"), [(60, []), (20, ["warning"])])
def test_the_idle_timeout_of_a_load_balancer_counts(idle: int, expected: list[str]) -> None:
    def program() -> None:
        live = alias(timeout=30)
        front = aws.lb.LoadBalancer("front", idle_timeout=idle)
        listener = aws.lb.Listener("l", load_balancer_arn=front.arn, default_actions=[{"type": "fixed-response"}])
        FunctionTarget(
            "shop",
            FunctionTargetArgs(
                load_balancer=existing_balancer(listener.arn),
                function_name=live.function_name,
                qualifier=live.name,
                alias_arn=live.arn,
            ),
        )

    assert severities("function-outlives-its-entry", program) == expected


@pytest.mark.parametrize(("timeout", "expected"), [(30, []), (20, ["warning"])])
def test_what_cloudfront_waits_counts(timeout: int, expected: list[str]) -> None:
    def program() -> None:
        live = alias(timeout=30)
        own = FunctionUrl("shop", live.function_name, live.name)
        CloudFront(
            "shop",
            CloudFrontArgs(
                host=own.host,
                function_name=live.function_name,
                qualifier=live.name,
                timeout=timeout,
                origin_headers={"X-Origin-Secret": "s" * 32},
            ),
        )

    assert severities("function-outlives-its-entry", program) == expected


def test_a_url_waits_as_long_as_the_function_runs() -> None:
    assert found("function-outlives-its-entry", url(CALL_URL, INVOKE)) == []


# The function itself


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"timeout": None, "memory_size": None}, ["has 128 MB", "is cut after 3 s"]),
        ({"timeout": 9}, ["is cut after 9 s"]),
        ({"timeout": 10, "memory_size": 256}, []),
    ],
)
def test_limits_for_a_script_are_warned_of(args: dict[str, Any], expected: list[str]) -> None:
    messages = [finding.message for finding in found("function-with-default-limits", function(**args))]
    assert len(messages) == len(expected)
    assert all(message.startswith(start) for message, start in zip(messages, expected, strict=True))


def with_variables(**variables: Any) -> Program:
    return lambda: made(environment={"variables": variables})


@pytest.mark.parametrize(
    ("name", "value"),
    [("STRIPE_API_KEY", "sk"), ("DB_PASSWORD", "x"), ("REDIS", "redis://:pass@host/0")],
)
def test_a_secret_in_plain_variables_is_an_error(name: str, value: str) -> None:
    (finding,) = found("secret-in-function-environment", with_variables(**{name: value}))
    assert (finding.severity, finding.message) == ("error", f"gets {name} as a plain variable")
    assert value not in finding.message + finding.fix or value == "x"


def test_a_secret_output_in_plain_variables_is_one_too() -> None:
    program = lambda: made(environment={"variables": {"API_TOKEN": Output.secret("t0ken")}})  # noqa: E731
    assert severities("secret-in-function-environment", program) == ["error"]


@pytest.mark.parametrize("name", ["SECRET_ARNS", "DATABASE_SECRET_ARN", "ORIGIN_SECRET_DIGEST", "LOG_LEVEL"])
def test_what_leads_to_a_secret_is_none(name: str) -> None:
    assert found("secret-in-function-environment", with_variables(**{name: "arn:aws:x"})) == []


@pytest.mark.parametrize(("reserved", "expected"), [(None, ["warning"]), (-1, ["warning"]), (10, [])])
def test_connections_without_limit_are_warned_of(reserved: Optional[int], expected: list[str]) -> None:
    program = function(environment={"variables": {"DATABASE_HOST": "db"}}, reserved_concurrent_executions=reserved)
    assert severities("connections-without-limit", program) == expected


def test_a_database_of_the_plan_is_one_whatever_the_variable_is_called() -> None:
    def program() -> None:
        server = aws.rds.Instance("db", instance_class="db.t4g.micro", engine="postgres")
        made(environment={"variables": {"PG": server.address}})

    assert severities("connections-without-limit", program) == ["warning"]


def test_without_a_database_no_limit_is_needed() -> None:
    assert found("connections-without-limit", with_variables(LOG_LEVEL="INFO")) == []


def in_a_vpc(route: Optional[str] = None, endpoint: bool = False, variable: str = "SECRET_ARNS") -> Program:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        subnet = aws.ec2.Subnet("here", vpc_id=vpc.id, cidr_block="10.0.0.0/24")
        routes = [{"cidr_block": "0.0.0.0/0", route: "x-1"}] if route else []
        table = aws.ec2.RouteTable("table", vpc_id=vpc.id, routes=routes)
        aws.ec2.RouteTableAssociation("a", subnet_id=subnet.id, route_table_id=table.id)
        if endpoint:
            aws.ec2.VpcEndpoint("e", vpc_id=vpc.id, service_name="com.amazonaws.us-east-1.secretsmanager")
        made(
            vpc_config={"subnet_ids": [subnet.id], "security_group_ids": ["sg-1"]},
            environment={"variables": {variable: "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"}},
        )

    return program


@pytest.mark.parametrize("route", [None, "gateway_id"])
def test_a_function_that_cannot_reach_its_secrets_is_warned_of(route: Optional[str]) -> None:
    """Also in a public subnet, as it never has a public address."""
    (finding,) = found("function-cannot-reach-out", in_a_vpc(route))
    assert "reads secretsmanager" in finding.message
    assert "interface endpoints secretsmanager, or a NAT gateway" in finding.fix


@pytest.mark.parametrize("program", [in_a_vpc("nat_gateway_id"), in_a_vpc(endpoint=True), function()])
def test_a_function_with_a_way_out_is_fine(program: Program) -> None:
    assert found("function-cannot-reach-out", program) == []


def test_logs_that_lambda_would_keep_for_ever_are_warned_of() -> None:
    assert severities("function-logs-kept-forever", function()) == ["warning"]


def test_logs_in_a_group_of_the_program_are_fine() -> None:
    assert found("function-logs-kept-forever", function(logging_config={"log_format": "Text", "log_group": "g"})) == []

    def by_name() -> None:
        shop = made(name="shop")
        aws.cloudwatch.LogGroup("g", name=Output.concat("/aws/lambda/", shop.name), retention_in_days=7)

    assert found("function-logs-kept-forever", by_name) == []


@pytest.mark.parametrize(("mode", "expected"), [("Active", []), ("PassThrough", ["info"]), (None, ["info"])])
def test_tracing_is_a_hint(mode: Optional[str], expected: list[str]) -> None:
    assert severities("function-not-traced", function(tracing_config={"mode": mode} if mode else None)) == expected


def test_snapshots_of_images_are_refused() -> None:
    snap = {"apply_on": "PublishedVersions"}
    assert severities("snap-start-of-an-image", function(snap_start=snap)) == ["error"]
    assert found("snap-start-of-an-image", function(snap_start=snap, package_type="Zip")) == []


# HTTP APIs


def stage(**args: Any) -> Program:
    return lambda: aws.apigatewayv2.Stage("s", api_id="a", name="$default", **args)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"throttling_rate_limit": 100}, ["error"]),
        ({"detailed_metrics_enabled": True}, ["error", "error"]),
        ({"throttling_rate_limit": 100, "throttling_burst_limit": 100}, []),
        (None, []),
    ],
)
def test_a_limit_of_zero_is_an_error(settings: Optional[dict[str, Any]], expected: list[str]) -> None:
    assert severities("api-answers-429", stage(default_route_settings=settings)) == expected


def test_an_api_without_access_logs_is_warned_of() -> None:
    assert severities("api-without-access-logs", stage()) == ["warning"]
    logs = {"destination_arn": "arn:aws:logs:x", "format": "{}"}
    assert found("api-without-access-logs", stage(access_log_settings=logs)) == []


# CloudFront


def distribution(methods: list[str], **control: Any) -> Program:
    def program() -> None:
        access = aws.cloudfront.OriginAccessControl(
            "access",
            **{
                "origin_access_control_origin_type": "lambda",
                "signing_behavior": "always",
                "signing_protocol": "sigv4",
                **control,
            },
        )
        aws.cloudfront.Distribution(
            "cdn",
            enabled=True,
            origins=[{"origin_id": "o", "domain_name": "x", "origin_access_control_id": access.id}],
            default_cache_behavior={
                "target_origin_id": "o",
                "allowed_methods": methods,
                "cached_methods": ["GET", "HEAD"],
                "viewer_protocol_policy": "https-only",
            },
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            viewer_certificate={"cloudfront_default_certificate": True},
        )

    return program


ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


def test_signed_requests_with_bodies_are_warned_of() -> None:
    (finding,) = found("signed-requests-lose-bodies", distribution(ALL_METHODS))
    assert "Lambda refuses PATCH, POST, PUT of clients" in finding.message


def test_signed_requests_that_only_read_are_fine() -> None:
    assert found("signed-requests-lose-bodies", distribution(["GET", "HEAD", "OPTIONS"])) == []
    assert found("signed-requests-lose-bodies", distribution(ALL_METHODS, signing_behavior="never")) == []


# Schedules


def test_a_schedule_that_forgets_is_warned_of() -> None:
    program = lambda: aws.scheduler.Schedule(  # noqa: E731
        "s",
        schedule_expression="rate(1 hour)",
        flexible_time_window={"mode": "OFF"},
        target={"arn": "arn:aws:lambda:x", "role_arn": ROLE},
    )
    assert severities("schedule-without-dead-letters", program) == ["warning"]


# All of this package together


def test_the_parts_of_this_package_have_no_errors_and_no_warnings() -> None:
    def program() -> None:
        group = aws.cloudwatch.LogGroup("logs", retention_in_days=30)
        live = alias(logging_config={"log_format": "Text", "log_group": group.name})
        of: dict[str, Any] = {"function_name": live.function_name, "qualifier": live.name}
        FunctionUrl("url", **of)
        HttpApi("api", HttpApiArgs(invoke_arn=live.invoke_arn, **of))
        FunctionTarget("target", FunctionTargetArgs(load_balancer=existing_balancer(), alias_arn=live.arn, **of))
        dead = DeadLetters("dead", function_role_name="shop", **of)
        Schedule("warm", keep_warm(), live.arn, dead.arn)
        pulumi.export("dead", dead.arn)

    findings = checks.run(plan(program, preview=False))
    assert {each.rule for each in findings} == {"function-not-traced", "function-url-open-to-everyone"}
