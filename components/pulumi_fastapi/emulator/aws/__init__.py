"""The emulated resource types, one table per service."""

from collections.abc import Mapping

from pulumi_fastapi.emulator.aws import (
    acm,
    apigatewayv2,
    appautoscaling,
    budgets,
    cloudfront,
    cloudwatch,
    codedeploy,
    ec2,
    ecr,
    ecs,
    elbv2,
    iam,
    kms,
    lambda_,
    rds,
    route53,
    s3,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    wafv2,
)
from pulumi_fastapi.emulator.resource import ResourceType

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    row.pulumi_type: row
    for module in (
        acm,
        apigatewayv2,
        appautoscaling,
        budgets,
        cloudfront,
        cloudwatch,
        codedeploy,
        ec2,
        ecr,
        ecs,
        elbv2,
        iam,
        kms,
        lambda_,
        rds,
        route53,
        s3,
        scheduler,
        secretsmanager,
        sns,
        sqs,
        wafv2,
    )
    for row in module.ROWS
}
