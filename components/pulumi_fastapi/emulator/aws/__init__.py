"""The emulated resource types, one table per service."""

from collections.abc import Mapping

from pulumi_fastapi.emulator.aws import (
    acm,
    appautoscaling,
    cloudwatch,
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
    secretsmanager,
    sns,
)
from pulumi_fastapi.emulator.resource import ResourceType

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    row.pulumi_type: row
    for module in (
        acm,
        appautoscaling,
        cloudwatch,
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
        secretsmanager,
        sns,
    )
    for row in module.ROWS
}
