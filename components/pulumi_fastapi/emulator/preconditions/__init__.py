"""Rules about the state of the account that AWS enforces and moto does not, one module per service.

Importing a module ties its rules to API operations.
"""

from collections.abc import Mapping

from pulumi_fastapi.emulator.api import Precondition
from pulumi_fastapi.emulator.preconditions import (  # noqa: F401
    acm,
    apigatewayv2,
    appautoscaling,
    cloudfront,
    cloudwatch,
    codedeploy,
    ec2,
    ecr,
    ecs,
    elbv2,
    lambda_,
    rds,
    route53,
    s3,
    scheduler,
    secretsmanager,
    sqs,
    wafv2,
)
from pulumi_fastapi.emulator.preconditions.checks import CHECKS

PRECONDITIONS: Mapping[str, Precondition] = CHECKS
"""What to look at before a call of `service:Operation`."""
