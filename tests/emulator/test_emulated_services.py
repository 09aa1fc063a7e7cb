"""Everything around a function on the real engine: created, unchanged by a second `up`, and gone without a trace."""

import json

import pulumi
import pulumi_aws as aws
import pytest

pytestmark = pytest.mark.engine


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def program() -> None:
    tags = {"app": "shop"}
    role = aws.iam.Role("role", assume_role_policy=trust("lambda"))
    timer = aws.iam.Role("timer", assume_role_policy=trust("scheduler"))
    function = aws.lambda_.Function(
        "function",
        runtime="python3.13",
        handler="main.handler",
        s3_bucket="code-of-the-shop",
        s3_key="app.zip",
        role=role.arn,
        tags=tags,
    )
    certificate = aws.acm.Certificate("certificate", domain_name="api.example.com", validation_method="DNS")
    api = aws.apigatewayv2.Api("api", protocol_type="HTTP", tags=tags)
    integration = aws.apigatewayv2.Integration(
        "integration",
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_uri=function.invoke_arn,
        payload_format_version="2.0",
    )
    aws.apigatewayv2.Route(
        "route", api_id=api.id, route_key="$default", target=pulumi.Output.concat("integrations/", integration.id)
    )
    stage = aws.apigatewayv2.Stage("stage", api_id=api.id, name="$default", auto_deploy=True, tags=tags)
    aws.lambda_.Permission(
        "gateway",
        action="lambda:InvokeFunction",
        function=function.name,
        principal="apigateway.amazonaws.com",
        source_arn=pulumi.Output.concat(api.execution_arn, "/*/*"),
    )
    domain = aws.apigatewayv2.DomainName(
        "domain",
        domain_name="api.example.com",
        domain_name_configuration={
            "certificate_arn": certificate.arn,
            "endpoint_type": "REGIONAL",
            "security_policy": "TLS_1_2",
        },
    )
    aws.apigatewayv2.ApiMapping("mapping", api_id=api.id, domain_name=domain.id, stage=stage.id)
    aws.route53.Record(
        "record",
        zone_id=pulumi.Config().require("zone"),
        name="api.example.com",
        type="A",
        aliases=[
            {
                "name": domain.domain_name_configuration.target_domain_name,
                "zone_id": domain.domain_name_configuration.hosted_zone_id,
                "evaluate_target_health": False,
            }
        ],
    )
    aws.scheduler.Schedule(
        "warm",
        schedule_expression="rate(5 minutes)",
        flexible_time_window={"mode": "OFF"},
        target={"arn": function.arn, "role_arn": timer.arn},
    )
    aws.budgets.Budget(
        "budget",
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount="50",
        limit_unit="USD",
        notifications=[
            {
                "comparison_operator": "GREATER_THAN",
                "threshold": 80,
                "threshold_type": "PERCENTAGE",
                "notification_type": "FORECASTED",
                "subscriber_email_addresses": ["me@example.com"],
            }
        ],
    )
    pulumi.export("url", stage.invoke_url)
    pulumi.export("target", domain.domain_name_configuration.target_domain_name)


def test_services_around_a_function_come_up_and_go_without_a_trace(emulated_cloud):
    zone = emulated_cloud.client("route53").create_hosted_zone(Name="example.com", CallerReference="test")
    storage = emulated_cloud.client("s3")
    storage.create_bucket(Bucket="code-of-the-shop")
    storage.put_object(Bucket="code-of-the-shop", Key="app.zip", Body=b"")
    config = {"zone": zone["HostedZone"]["Id"].removeprefix("/hostedzone/")}
    preview = emulated_cloud.preview(program, config=config)

    outputs = emulated_cloud.up(program, config=config).outputs

    assert set(preview.changes) == {"create"}
    assert outputs["url"].endswith(".execute-api.us-east-1.amazonaws.com/")
    assert outputs["target"].startswith("d-")
    assert not emulated_cloud.up(program, config=config).changed
    assert not emulated_cloud.refresh().changed
    emulated_cloud.destroy()
    assert [each["id"] for each in emulated_cloud.resources()] == ["code-of-the-shop"]
