"""What AWS refuses and the emulator lets pass, as docs/emulator.md tells: what gets caught has to leave that page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "emulator.md").read_text().split())
ARN = "arn:aws:{}:us-east-1:123456789012:{}"
TASK = {
    "family": "app",
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
}
DATABASE = {
    "identifier": "db",
    "allocatedStorage": 20,
    "engine": "postgres",
    "instanceClass": "db.t4g.micro",
    "username": "app",
    "password": "abcdefgh1",
    "skipFinalSnapshot": True,
}
ALARM = {"name": "alarm", "comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 1, "threshold": 1}
METRIC = {"metricName": "NoSuchMetric", "namespace": "AWS/ECS", "period": 60, "statistic": "Sum"}


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def role(deploy: Any, service: str) -> str:
    trust = policy(Principal={"Service": f"{service}.amazonaws.com"}, Action="sts:AssumeRole")
    return deploy.create("aws:iam/role:Role", name=service, assumeRolePolicy=trust).outputs["arn"]


def task(deploy: Any, **changes: Any) -> Any:
    containers = json.dumps([{"name": "app", "image": "busybox", **changes}])
    execution = ARN.format("iam", "role/none").replace("us-east-1", "")
    return deploy.create(
        "aws:ecs/taskDefinition:TaskDefinition", **TASK, executionRoleArn=execution, containerDefinitions=containers
    )


def image(deploy: Any) -> str:
    """Of an architecture that nobody knows."""
    repository = deploy.create("aws:ecr/repository:Repository", name="app")
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": f"sha256:{'1' * 64}", "size": 1},
        "layers": [{"digest": f"sha256:{'2' * 64}", "size": 1}],
    }
    pushed = deploy.client("ecr").put_image(repositoryName="app", imageManifest=json.dumps(manifest))
    return f"{repository.outputs['repositoryUrl']}@{pushed['image']['imageId']['imageDigest']}"


def function(deploy: Any, **changes: Any) -> Any:
    return deploy.create(
        "aws:lambda/function:Function",
        name="api",
        packageType="Image",
        imageUri=image(deploy),
        role=changes.pop("role", None) or role(deploy, "lambda"),
        **changes,
    )


def subnet(deploy: Any) -> Any:
    network = deploy.create("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16")
    return deploy.create("aws:ec2/subnet:Subnet", vpcId=network.id, cidrBlock="10.0.0.0/24")


def unreachable_service(deploy: Any) -> None:
    deploy.create("aws:ecs/cluster:Cluster", name="cluster")
    task(deploy)
    deploy.create(
        "aws:ecs/service:Service",
        name="service",
        cluster="cluster",
        taskDefinition="app:1",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"subnets": [subnet(deploy).id]},
    )


def schedule(deploy: Any, expression: str = "rate(1 day)") -> None:
    deploy.create(
        "aws:scheduler/schedule:Schedule",
        name="schedule",
        scheduleExpression=expression,
        flexibleTimeWindow={"mode": "OFF"},
        target={"arn": ARN.format("lambda", "function:none"), "roleArn": role(deploy, "scheduler")},
    )


def integration(deploy: Any) -> None:
    api = deploy.create("aws:apigatewayv2/api:Api", name="api", protocolType="HTTP")
    deploy.create(
        "aws:apigatewayv2/integration:Integration",
        apiId=api.id,
        integrationType="AWS_PROXY",
        integrationUri=ARN.format("lambda", "function:none"),
    )


def access_log(deploy: Any) -> None:
    api = deploy.create("aws:apigatewayv2/api:Api", name="api", protocolType="HTTP")
    settings = {"destinationArn": ARN.format("logs", "log-group:none"), "format": "$context.nothing"}
    deploy.create("aws:apigatewayv2/stage:Stage", apiId=api.id, name="stage", accessLogSettings=settings)


def flow_log(deploy: Any) -> None:
    deploy.create(
        "aws:ec2/flowLog:FlowLog",
        subnetId=subnet(deploy).id,
        trafficType="ALL",
        logDestination=ARN.format("logs", "log-group:none"),
        iamRoleArn=role(deploy, "vpc-flow-logs"),
    )


def acl(deploy: Any) -> None:
    visible = {"cloudwatchMetricsEnabled": True, "metricName": "acl", "sampledRequestsEnabled": True}
    made = deploy.create(
        "aws:wafv2/webAcl:WebAcl",
        name="acl",
        scope="REGIONAL",
        defaultAction={"allow": {}},
        visibilityConfig=visible,
        rules=[
            {
                "name": "common",
                "priority": 1,
                "overrideAction": {"none": {}},
                "statement": {"managedRuleGroupStatement": {"vendorName": "AWS", "name": "NoSuchRules"}},
                "visibilityConfig": visible,
            }
        ],
    )
    deploy.create(
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        resourceArn=made.outputs["arn"],
        logDestinationConfigs=[ARN.format("logs", "log-group:aws-waf-logs-none")],
    )


def endpoint(deploy: Any) -> None:
    place = subnet(deploy)
    deploy.create(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        vpcId=place.inputs["vpcId"],
        serviceName="com.amazonaws.us-east-1.nothing",
        vpcEndpointType="Interface",
        subnetIds=[place.id],
    )


def log_filter(deploy: Any) -> None:
    deploy.create("aws:cloudwatch/logGroup:LogGroup", name="logs")
    deploy.create(
        "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        name="filter",
        logGroupName="logs",
        pattern="{ $.level = ",
        metricTransformation={"name": "n", "namespace": "N", "value": "1"},
    )


def useless_policy(deploy: Any) -> None:
    role(deploy, "lambda")
    document = policy(Action="s3:NoSuchAction", Resource="*")
    deploy.create("aws:iam/rolePolicy:RolePolicy", name="policy", role="lambda", policy=document)


def function_that_may_send_elsewhere(deploy: Any) -> None:
    own = role(deploy, "lambda")
    elsewhere = policy(Action="sqs:SendMessage", Resource=ARN.format("sqs", "other"))
    deploy.create("aws:iam/rolePolicy:RolePolicy", role="lambda", name="send", policy=elsewhere)
    function(deploy, role=own, deadLetterConfig={"targetArn": ARN.format("sqs", "dead")})


def budget(deploy: Any) -> None:
    deploy.create(
        "aws:budgets/budget:Budget",
        name="budget",
        budgetType="COST",
        timeUnit="MONTHLY",
        limitAmount="1",
        limitUnit="USD",
        costFilters=[{"name": "NoSuchFilter", "values": ["x"]}],
    )


def parameters(deploy: Any) -> None:
    deploy.create(
        "aws:rds/parameterGroup:ParameterGroup",
        name="parameters",
        family="postgres16",
        parameters=[{"name": "no_such_parameter", "value": "many"}],
    )


LOCKED = policy(Principal={"AWS": "arn:aws:iam::999999999999:root"}, Action="kms:*", Resource="*")
PASSES: list[tuple[str, Callable[[Any], object]]] = [
    (
        "Roles, secrets, log groups and images that container definitions name are not looked up",
        lambda deploy: task(
            deploy,
            image="nobody/nothing:none",
            secrets=[{"name": "TOKEN", "valueFrom": ARN.format("secretsmanager", "secret:none")}],
            logConfiguration={
                "logDriver": "awslogs",
                "options": {"awslogs-group": "none", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "app"},
            },
        ),
    ),
    (
        "keys",
        lambda deploy: deploy.create("aws:secretsmanager/secret:Secret", name="secret", kmsKeyId="alias/none"),
    ),
    (
        "topics",
        lambda deploy: deploy.create(
            "aws:cloudwatch/metricAlarm:MetricAlarm", **ALARM, **METRIC, alarmActions=[ARN.format("sns", "none")]
        ),
    ),
    ("schedules", schedule),
    ("integrations", integration),
    ("flow logs", flow_log),
    ("managed rules of WAF", acl),
    ("a task without a way to its registry", unreachable_service),
    ("an action that does not exist", useless_policy),
    ("a role that may do what a function needs, but to something else", function_that_may_send_elsewhere),
    ("a key policy that locks everyone out", lambda deploy: deploy.create("aws:kms/key:Key", policy=LOCKED)),
    (
        "minor versions of PostgreSQL",
        lambda deploy: deploy.create("aws:rds/instance:Instance", **DATABASE, engineVersion="16.99"),
    ),
    (
        "instance classes of an engine",
        lambda deploy: deploy.create(
            "aws:rds/instance:Instance", **{**DATABASE, "instanceClass": "db.t2.micro"}, engineVersion="16"
        ),
    ),
    ("names and values of database parameters", parameters),
    ("services behind VPC endpoints", endpoint),
    (
        "names of metrics",
        lambda deploy: deploy.create("aws:cloudwatch/metricAlarm:MetricAlarm", **ALARM, **METRIC),
    ),
    ("of budget filters", budget),
    ("fields of cron", lambda deploy: schedule(deploy, "cron(99 99 * * ? *)")),
    (
        "metric math",
        lambda deploy: deploy.create(
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            **ALARM,
            metricQueries=[{"id": "sum", "expression": "SUM(", "returnData": True}],
        ),
    ),
    ("patterns of log filters", log_filter),
    (
        "widgets of a dashboard",
        lambda deploy: deploy.create(
            "aws:cloudwatch/dashboard:Dashboard",
            dashboardName="dashboard",
            dashboardBody='{"widgets": [{"type": "nonsense"}]}',
        ),
    ),
    ("formats of access logs", access_log),
    (
        "its architecture is not compared with the task's or function's",
        lambda deploy: function(deploy, architectures=["arm64"]),
    ),
    (
        "more reserved concurrency than an account has",
        lambda deploy: function(deploy, reservedConcurrentExecutions=5000),
    ),
]


@pytest.mark.parametrize(("told", "attempt"), PASSES, ids=[told for told, _ in PASSES])
def test_what_passes_is_told(deploy, told, attempt):
    attempt(deploy)

    assert told in PAGE


def test_drift_in_a_property_of_which_the_program_says_nothing_is_not_seen(deploy):
    made = deploy.create("aws:apigatewayv2/api:Api", name="api", protocolType="HTTP")
    deploy.client("apigatewayv2").update_api(ApiId=made.id, Description="drifted")

    assert deploy.refresh(made).inputs == made.inputs
    assert "Drift in a property that the program does not set" in PAGE
