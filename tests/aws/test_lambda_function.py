import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import (
    Database,
    DatabaseArgs,
    ExistingDatabase,
    ExistingLoadBalancer,
    ExistingNetwork,
    FargateFastAPIService,
    FargateFastAPIServiceArgs,
    LambdaFastAPIFunction,
    LambdaFastAPIFunctionArgs,
    Network,
    NetworkArgs,
)
from pulumi_fastapi.connection_pool import ConnectionPool
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan
from pulumi_fastapi.timeouts import Timeouts
from reading import IMAGE, document

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"  # noqa: S105
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
ORIGIN_SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105

PlanFunction = Callable[..., Plan]


@pytest.fixture
def function() -> PlanFunction:
    """Plan one function of an existing image, with arguments of the test's own."""

    def make(name: str = "api", *, preview: bool = False, app: FastAPIApp | None = None, **args: Any) -> Plan:
        def program() -> None:
            LambdaFastAPIFunction(name, LambdaFastAPIFunctionArgs(app=app or FastAPIApp(image=IMAGE), **args))

        return plan(program, preview=preview)

    return make


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A function with an image of its own, secrets, database and migrations; with values as after a deployment."""

    def program() -> None:
        network = Network("net")
        api = LambdaFastAPIFunction(
            "api",
            LambdaFastAPIFunctionArgs(
                app=FastAPIApp(
                    environment={"LOG_LEVEL": "info"},
                    secrets={"STRIPE_KEY": "sk_live_do_not_show"},
                    secret_arns={"SENTRY_DSN": "arn:aws:ssm:us-east-1:123456789012:parameter/shop/sentry"},
                ),
                network=network,
                database=Database("db", DatabaseArgs(network=network)),
                migrate=["alembic", "upgrade", "head"],
                tracing=True,
                keep_warm=True,
            ),
        )
        for output in ("url", "connection_budget", "timeouts", "reserved_concurrency", "version"):
            pulumi.export(output, getattr(api, output))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("program"))
        return plan(program, preview=False)


def settings(result: Plan, name: str = "api-function") -> dict[str, Any]:
    return result.find(aws.lambda_.Function, name).inputs


def variables(result: Plan) -> dict[str, str]:
    found: dict[str, str] = settings(result)["environment"]["variables"]
    return found


# The function


def test_it_is_the_image_by_digest_for_arm_with_the_defaults(function: PlanFunction) -> None:
    made = settings(function())
    assert (made["packageType"], made["imageUri"], made["architectures"]) == ("Image", IMAGE, ["arm64"])
    assert (made["memorySize"], made["timeout"], made["ephemeralStorage"]) == (1024, 31, {"size": 512})
    assert made["tracingConfig"] == {"mode": "PassThrough"}
    assert made["publish"] is True
    assert "vpcConfig" not in made


def test_its_log_group_is_made_first_and_expires(full: Plan) -> None:
    logs = full.find(aws.cloudwatch.LogGroup, "api-logs")
    assert logs.inputs["retentionInDays"] == 30
    assert settings(full)["loggingConfig"] == {"logFormat": "Text", "logGroup": logs.outputs["name"]}
    assert logs in full.find(aws.lambda_.Function, "api-function").dependencies


def test_lambda_may_pull_the_image_before_the_function_is_made(full: Plan) -> None:
    policy = full.find(aws.ecr.RepositoryPolicy)
    (statement,) = document(policy)
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert "function:*" in statement["Condition"]["ArnLike"]["aws:SourceArn"]
    assert policy.inputs["repository"] in full.find(aws.ecr.Repository).outputs["repositoryUrl"]
    assert policy in full.find(aws.lambda_.Function, "api-function").dependencies


def test_a_repository_of_someone_else_is_left_alone(function: PlanFunction) -> None:
    assert function().all(aws.ecr.RepositoryPolicy) == []


def test_the_time_of_a_request_becomes_that_of_the_function(function: PlanFunction) -> None:
    result = function(app=FastAPIApp(image=IMAGE, timeouts=Timeouts(request=120)))
    assert settings(result)["timeout"] == 121
    assert variables(result)["REQUEST_SECONDS"] == "120"


# Secrets


def test_secrets_stand_nowhere_but_in_their_secret(full: Plan) -> None:
    references = json.loads(variables(full)["SECRET_ARNS"])
    assert set(references) == {"STRIPE_KEY", "SENTRY_DSN"}
    assert references["STRIPE_KEY"].startswith("arn:aws:secretsmanager:")
    assert "STRIPE_KEY" not in variables(full)
    holders = [each for each in full.resources if "sk_live_do_not_show" in str(each.inputs)]
    assert holders == []


def test_the_role_may_do_exactly_what_it_needs(full: Plan) -> None:
    statements = document(full.find(aws.iam.RolePolicy, "api-function"))
    granted = {
        action: each["Resource"] for each in statements if each["Effect"] == "Allow" for action in each["Action"]
    }
    assert set(granted) == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
        "ssm:GetParameter",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    }
    assert len(granted["secretsmanager:GetSecretValue"]) == 2  # its own and the database's
    assert granted["ssm:GetParameter"] == ["arn:aws:ssm:us-east-1:123456789012:parameter/shop/sentry"]
    assert all(each != "*" for action, each in granted.items() if not action.startswith(("ec2:", "xray:")))
    (denied,) = [each for each in statements if each["Effect"] == "Deny"]
    assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}
    assert {action for action in granted if action.startswith("ec2:")} == set(denied["Action"])


def test_without_secrets_database_and_tracing_it_may_only_write_its_log(function: PlanFunction) -> None:
    statements = document(function().find(aws.iam.RolePolicy, "api-function"))
    assert [each["Action"] for each in statements] == [["logs:CreateLogStream", "logs:PutLogEvents"]]


# Database


def test_environments_are_limited_to_what_the_database_holds(full: Plan) -> None:
    """56 connections for apps, and frozen environments of the version before keep theirs."""
    assert settings(full)["reservedConcurrentExecutions"] == 28
    assert full.outputs["reserved_concurrency"] == 28
    budget = full.outputs["connection_budget"]
    assert budget["demands"][0]["explanation"] == "28 environments x 2 during a deploy x 1 worker x (1 + 0) = 56"
    assert variables(full)["DATABASE_POOL_SIZE"] == "1"
    assert variables(full)["DATABASE_PEAK_TASKS"] == "56"


def with_database(
    app: FastAPIApp | None = None,
    network: dict[str, Any] | None = None,
    database: dict[str, Any] | None = None,
    **args: Any,
) -> Plan:
    def program() -> None:
        place = Network("net", NetworkArgs(**(network or {})))
        LambdaFastAPIFunction(
            "api",
            LambdaFastAPIFunctionArgs(
                app=app or FastAPIApp(image=IMAGE),
                network=place,
                database=Database("db", DatabaseArgs(network=place, **(database or {}))),
                **args,
            ),
        )

    return plan(program, preview=False)


def test_a_larger_pool_leaves_room_for_fewer_environments() -> None:
    result = with_database(FastAPIApp(image=IMAGE, pool=ConnectionPool(size=2, max_overflow=2)))
    assert settings(result)["reservedConcurrentExecutions"] == 7
    assert variables(result)["DATABASE_MAX_OVERFLOW"] == "2"


def test_more_warm_environments_than_the_database_holds_are_refused() -> None:
    with pytest.raises(
        ArgumentError, match="between 0 and 28 environments: the database holds connections for no more"
    ):
        with_database(provisioned_concurrency=30)


def test_more_environments_than_the_database_holds_are_refused_with_the_ways_out() -> None:
    with pytest.raises(ArgumentError, match=r"100 environments x 2 .* = 200 .*RDS Proxy") as error:
        with_database(reserved_concurrency=100)
    assert "has 56" in str(error.value)


def test_behind_a_proxy_nothing_limits_the_environments() -> None:
    result = with_database(database={"proxy": True})
    assert settings(result)["reservedConcurrentExecutions"] == -1
    assert variables(result)["DATABASE_POOLER"] == "1"


def test_a_function_draws_on_the_same_connections_as_a_service() -> None:
    def program() -> None:
        network = Network("net")
        database = Database("db", DatabaseArgs(network=network))
        shared: dict[str, Any] = {"app": FastAPIApp(image=IMAGE), "network": network, "database": database}
        FargateFastAPIService("web", FargateFastAPIServiceArgs(tasks_min=1, tasks_max=1, **shared))
        LambdaFastAPIFunction("hooks", LambdaFastAPIFunctionArgs(**shared))

    # 56 less one task, twice, with a pool of 5
    assert settings(plan(program, preview=False), "hooks-function")["reservedConcurrentExecutions"] == 23


def test_without_a_database_there_is_no_network_and_no_limit(function: PlanFunction) -> None:
    result = function()
    assert settings(result)["reservedConcurrentExecutions"] == -1
    assert result.all(aws.ec2.SecurityGroup) == []


def test_it_stands_in_isolated_subnets_with_one_endpoint_and_no_nat(full: Plan) -> None:
    place = settings(full)["vpcConfig"]
    isolated = {each.outputs["id"] for each in full.all(aws.ec2.Subnet) if "isolated" in each.name}
    assert set(place["subnetIds"]) == isolated
    assert full.all(aws.ec2.NatGateway) == []
    services = [
        each.inputs["serviceName"].rpartition(".")[2]
        for each in full.all(aws.ec2.VpcEndpoint)
        if each.inputs["vpcEndpointType"] == "Interface"
    ]
    assert sorted(services) == ["secretsmanager", "ssm"]
    assert settings(full)["replaceSecurityGroupsOnDestroy"] is True


def test_two_functions_share_the_endpoint() -> None:
    def program() -> None:
        network = Network("net")
        database = Database("db", DatabaseArgs(network=network))
        for name in ("one", "two"):
            LambdaFastAPIFunction(
                name,
                LambdaFastAPIFunctionArgs(
                    app=FastAPIApp(image=IMAGE), network=network, database=database, reserved_concurrency=5
                ),
            )

    endpoints = plan(program, preview=False).all(aws.ec2.VpcEndpoint)
    assert sorted(each.name for each in endpoints) == ["net-s3", "net-secretsmanager"]


def test_private_subnets_with_nat_need_no_endpoint() -> None:
    result = with_database(network={"outbound": "NAT"})
    private = {each.outputs["id"] for each in result.all(aws.ec2.Subnet) if "private" in each.name}
    assert set(settings(result)["vpcConfig"]["subnetIds"]) == private
    assert [each.name for each in result.all(aws.ec2.VpcEndpoint)] == ["net-s3"]


def test_nobody_reaches_the_function_and_it_reaches_the_database(full: Plan) -> None:
    group = full.find(aws.ec2.SecurityGroup, "api-function").outputs["id"]
    into = [rule.inputs for rule in full.all(aws.vpc.SecurityGroupIngressRule)]
    assert [rule for rule in into if rule["securityGroupId"] == group] == []
    assert [rule["fromPort"] for rule in into if rule.get("referencedSecurityGroupId") == group] == [5432]


def test_migrations_run_in_a_function_that_may_take_longer(full: Plan) -> None:
    served, migrates = settings(full), settings(full, "api-migrate-function")
    assert (migrates["timeout"], migrates["reservedConcurrentExecutions"]) == (900, 1)
    for name in ("imageUri", "environment", "vpcConfig", "role", "loggingConfig", "memorySize"):
        assert migrates[name] == served[name]
    alias = full.find(aws.lambda_.Alias)
    assert full.find(aws.lambda_.Function, "api-migrate-function") in alias.dependencies


# The alias and the entry


def test_everything_calls_the_alias_and_nothing_a_version(full: Plan) -> None:
    alias = full.find(aws.lambda_.Alias)
    assert alias.inputs["name"] == "live"
    assert full.find(aws.lambda_.FunctionUrl).inputs["qualifier"] == "live"
    assert {each.inputs["qualifier"] for each in full.all(aws.lambda_.Permission)} == {"live"}
    assert full.find(aws.scheduler.Schedule).inputs["target"]["arn"] == alias.outputs["arn"]


def test_a_url_has_both_permissions(function: PlanFunction) -> None:
    permissions = [each.inputs for each in function().all(aws.lambda_.Permission)]
    assert {each["action"] for each in permissions} == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}


def test_a_domain_before_the_url_is_cloudfronts(function: PlanFunction) -> None:
    result = function(domain="api.example.com", zone_id="Z1", origin_secret=ORIGIN_SECRET)
    assert result.find(aws.cloudfront.Distribution).inputs["aliases"] == ["api.example.com"]
    assert len(variables(result)["ORIGIN_SECRET_DIGEST"]) == 64
    assert ORIGIN_SECRET not in json.dumps(variables(result))


def test_an_http_api_has_the_domain_itself(function: PlanFunction) -> None:
    result = function(entry="HTTP_API", domain="api.example.com", zone_id="Z1")
    assert result.find(aws.apigatewayv2.DomainName).inputs["domainName"] == "api.example.com"
    assert result.all(aws.lambda_.FunctionUrl) == []


def test_a_share_of_a_load_balancer(function: PlanFunction) -> None:
    balancer = ExistingLoadBalancer(
        listener_arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/lb/1/2",
        security_group_id="sg-lb",
        dns_name="lb.example.com",
        hosted_zone_id="Z2",
        arn_suffix="app/lb/1",
    )
    result = function(entry="LOAD_BALANCER", load_balancer=balancer, paths=["/api/*"])
    assert result.find(aws.lb.TargetGroup).inputs["targetType"] == "lambda"
    assert settings(result)["timeout"] == 31


def test_provisioned_concurrency_is_the_alias_and_scales(function: PlanFunction) -> None:
    result = function(provisioned_concurrency=2, provisioned_concurrency_max=10)
    warm = result.find(aws.lambda_.ProvisionedConcurrencyConfig)
    assert (warm.inputs["qualifier"], warm.inputs["provisionedConcurrentExecutions"]) == ("live", 2)
    assert warm.options.ignore_changes == ("provisionedConcurrentExecutions",)
    target = result.find(aws.appautoscaling.Target).inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (2, 10)
    assert target["resourceId"].endswith(":live")


def test_provisioned_concurrency_alone_does_not_scale(function: PlanFunction) -> None:
    result = function(provisioned_concurrency=2)
    assert result.all(aws.appautoscaling.Target) == []
    assert result.find(aws.lambda_.ProvisionedConcurrencyConfig).options.ignore_changes == ()


# Alarms


def test_alarms_of_a_release_are_there_before_it(full: Plan) -> None:
    alarms = {each for each in full.all(aws.cloudwatch.MetricAlarm) if "release-" in each.name}
    assert len(alarms) == 3
    assert alarms <= set(full.find(aws.lambda_.Alias).dependencies)


def test_what_comes_to_nothing_on_a_schedule_is_an_alarm(full: Plan) -> None:
    assert full.find(aws.cloudwatch.MetricAlarm, "api-dead-letters")


# Names


def test_names_and_parents_are_kept(full: Plan) -> None:
    """Another name or parent replaces the resource in each stack: it needs an alias. `UPDATE_SNAPSHOTS=1` renews it."""
    snapshot = Path(__file__).parent / "lambda_resource_names.txt"
    own = [each for each in full.resources if not each.name.startswith(("net", "db"))]
    names = "\n".join(sorted(resource.urn.partition("::project::")[2] for resource in own)) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(names)
    assert names == snapshot.read_text()


@pytest.mark.parametrize("name", ["x" * 120, "Payments API (v2)/eu", "1st", "ünïcode"])
def test_any_name_makes_valid_physical_names(name: str, function: PlanFunction) -> None:
    result = function(name, entry="HTTP_API", domain="api.example.com", zone_id="Z1", keep_warm=True)
    for resource in result.resources:
        if resource.custom:
            limit = 64 if resource.type.startswith(("aws:lambda/function:", "aws:iam/role:", "aws:scheduler")) else 63
            limit = 128 if resource.type.startswith("aws:apigatewayv2/api:") else limit
            limit = 100 if resource.type.startswith("aws:lambda/permission:") else limit
            assert len(resource.name) + 8 <= limit, resource
            assert resource.name.replace("-", "").isalnum(), resource
            assert resource.name.isascii(), resource


def test_schedules_are_named_by_what_they_call(function: PlanFunction) -> None:
    """Not by their place in the list, or a new one at its beginning would replace all others."""
    calls = [("/jobs/nightly?days=1", "rate(1 day)"), ("/jobs/nightly", "rate(1 hour)"), ("/", "rate(2 days)")]
    result = function(schedules=[{"path": path, "expression": when} for path, when in calls], keep_warm=True)
    names = [each.name for each in result.all(aws.scheduler.Schedule)]
    assert len(set(names)) == 4
    assert {name.rpartition("-schedule")[0] for name in names} >= {"api-root", "api-keep-warm"}


# Bad input


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"memory": 64}, "memory: must be between 128 and 10240 MiB, got 64"),
        ({"ephemeral_storage": 100}, "ephemeral_storage: must be between 512 and 10240"),
        ({"architecture": "arm"}, "architecture: must be one of ARM64, X86_64"),
        ({"reserved_concurrency": 0}, "reserved_concurrency: must be between 1 and 900"),
        ({"reserved_concurrency": 5, "provisioned_concurrency": 6}, "provisioned_concurrency: must be between 0 and 5"),
        ({"provisioned_concurrency_max": 5}, "is of use only with provisioned_concurrency"),
        (
            {"provisioned_concurrency": 1, "strategy": "CANARY"},
            "Lambda allows no weights on an alias that has it, so strategy must be ALL_AT_ONCE",
        ),
        ({"canary_percent": 5.0}, "canary_percent: is of use only with strategy CANARY"),
        ({"bake_minutes": 1}, "bake_minutes: is of use only with strategy CANARY or LINEAR"),
        ({"strategy": "BLUE_GREEN"}, "strategy: must be one of ALL_AT_ONCE, CANARY, LINEAR"),
        ({"strategy": "LINEAR", "verify_deployments": False}, "is what runs strategy LINEAR; leave it on"),
        ({"migrate": ["x"], "verify_deployments": False}, "is what runs migrate; leave it on"),
        ({"migrate": []}, "migrate: must be a command and its arguments"),
        ({"task_timeout": 901}, "task_timeout: must be between 1 and 900 seconds"),
        ({"entry": "ALB"}, "entry: must be one of FUNCTION_URL, HTTP_API, LOAD_BALANCER"),
        ({"entry": "LOAD_BALANCER"}, "load_balancer: give the one to share"),
        ({"paths": ["/api/*"]}, "paths: is of use only with entry=LOAD_BALANCER"),
        ({"requests_per_second": 5}, "requests_per_second: is of use only with entry=HTTP_API"),
        ({"caching": True}, "caching: is of use only with entry=FUNCTION_URL and a domain"),
        ({"zone_id": "Z1"}, "domain: zone_id and certificate_arn are of use only with a domain"),
        ({"domain": "api.example.com"}, "zone_id: HTTPS for api.example.com needs its Route 53 zone_id"),
        ({"domain": "api.example.com", "zone_id": "Z1"}, "origin_secret: without it the function's URL is a way past"),
        ({"origin_secret": "short"}, r"origin_secret: .* got '\[secret\]'"),
        ({"network": ExistingNetwork(vpc_id="vpc-1", public_subnet_ids=["a", "b"])}, "network: is of use only with"),
        ({"log_retention_days": 8}, "log_retention_days: must be one of"),
        ({"alarm_emails": ["x"]}, "alarm_emails"),
        ({"keep_images": 1}, "keep_images: must be between 5 and 1000"),
    ],
)
def test_bad_arguments_are_named_with_what_to_do(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        LambdaFastAPIFunctionArgs(app=FastAPIApp(image=IMAGE), **args)


@pytest.mark.parametrize(
    ("app", "message"),
    [
        ({"image": "docker.io/library/nginx@sha256:1"}, "app.image: Lambda runs images of Amazon ECR"),
        ({"image": IMAGE, "environment": {"AWS_REGION": "x"}}, "app.environment: is set by Lambda itself"),
        ({"image": IMAGE, "environment": {"X": "x"}}, "takes names of two characters or more"),
        ({"image": IMAGE, "environment": {"MAX_BODY_BYTES": 50 * 1024**2}}, "must be 6291456 or less.*presigned URLs"),
        ({"image": IMAGE, "timeouts": {"streaming": True}}, "app.timeouts.streaming: .*FargateFastAPIService"),
        ({"image": IMAGE, "timeouts": {"request": 901}}, "app.timeouts.request: must be between 1 and 900 seconds"),
    ],
)
def test_apps_that_lambda_cannot_run_are_refused(app: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        LambdaFastAPIFunctionArgs(app=app)  # type: ignore[arg-type]


def test_a_request_longer_than_the_entry_waits_is_refused() -> None:
    app = FastAPIApp(image=IMAGE, timeouts=Timeouts(request=60))
    with pytest.raises(ArgumentError, match=r"between 1 and 30 seconds \(an HTTP API waits no longer\)"):
        LambdaFastAPIFunctionArgs(app=app, entry="HTTP_API")  # type: ignore[arg-type]


def existing_database(**args: Any) -> ExistingDatabase:
    return ExistingDatabase(host="db", secret_arn=SECRET, security_group_id="sg-db", **args)


def test_a_database_of_unknown_size_needs_a_number() -> None:
    network = ExistingNetwork(vpc_id="vpc-1", private_subnet_ids=["a", "b"], outbound="NAT")  # type: ignore[arg-type]
    app = FastAPIApp(image=IMAGE)
    with pytest.raises(ArgumentError, match="reserved_concurrency: nothing else bounds the connections"):
        LambdaFastAPIFunctionArgs(app=app, network=network, database=existing_database())
    LambdaFastAPIFunctionArgs(app=app, network=network, database=existing_database(), reserved_concurrency=5)
    LambdaFastAPIFunctionArgs(app=app, network=network, database=existing_database(max_connections=100))


def test_public_subnets_are_no_place_for_a_function() -> None:
    network = ExistingNetwork(vpc_id="vpc-1", public_subnet_ids=["a", "b"])
    with pytest.raises(ArgumentError, match=r"network.private_subnet_ids: a function has no public address"):
        LambdaFastAPIFunctionArgs(
            app=FastAPIApp(image=IMAGE), network=network, database=existing_database(max_connections=100)
        )


def test_a_network_of_endpoints_needs_the_one_for_parameters() -> None:
    app = FastAPIApp(image=IMAGE, secret_arns={"KEY": "arn:aws:ssm:us-east-1:123456789012:parameter/key"})
    with pytest.raises(ArgumentError, match=r"needs the network to have extra_endpoints=\['ssm'\]"):
        with_database(app, network={"outbound": "ENDPOINTS"})
    result = with_database(app, network={"outbound": "ENDPOINTS", "extra_endpoints": ["ssm"]})
    private = {each.outputs["id"] for each in result.all(aws.ec2.Subnet) if "private" in each.name}
    assert set(settings(result)["vpcConfig"]["subnetIds"]) == private


def test_a_database_of_another_network_is_refused() -> None:
    def program() -> None:
        database = Database("db", DatabaseArgs(network=Network("a")))
        LambdaFastAPIFunctionArgs(app=FastAPIApp(image=IMAGE), network=Network("b"), database=database)

    with pytest.raises(ArgumentError, match="network: the database stands in network 'a'"):
        plan(program)


def test_variables_that_lambda_has_no_room_for_are_refused(function: PlanFunction) -> None:
    with pytest.raises(ArgumentError, match=r"4096 bytes of variables in all, and LONG is the longest"):
        function(app=FastAPIApp(image=IMAGE, environment={"LONG": "x" * 4097}))
