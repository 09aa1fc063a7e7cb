"""Documented rules that neither botocore's models nor moto check, one module per service.

A rule names the type, the input it is about and the error code AWS answers with. Values that are not known yet are not
judged. A `[]` in a path means each item of a list.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_fastapi.emulator.mapping import Problem
from pulumi_fastapi.emulator.rules import (
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
    tags,
    wafv2,
)
from pulumi_fastapi.emulator.rules.judges import Rule
from pulumi_fastapi.emulator.values import Properties, Unknown, has_unknown

_BY_TYPE: dict[str, list[Rule]] = {}
for _module in (
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
    tags,
    wafv2,
):
    for _rule in _module.RULES:
        _BY_TYPE.setdefault(_rule.type, []).append(_rule)


def broken_rules(token: str, inputs: Properties) -> Iterator[Problem]:
    """What the documented rules forbid in these inputs."""
    for rule in (*_BY_TYPE.get("*", ()), *_BY_TYPE.get(token.removeprefix("aws:"), ())):
        for path, value in _values_at(rule.path, inputs):
            message = None if rule.path and has_unknown(value) else _judge(rule, value, inputs)
            if message is not None:
                yield Problem(path, message, rule.code)


def _judge(rule: Rule, value: Any, inputs: Properties) -> str | None:
    try:
        return rule.judge(value, inputs)
    except (TypeError, ValueError, AttributeError, KeyError):
        return None  # of the wrong type altogether: the model says so


def _values_at(path: str, value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if not path:
        yield place, value
        return
    head, _, rest = path.partition(".")
    name, each, _ = head.partition("[]")
    if not isinstance(value, Mapping) or value.get(name) is None or isinstance(value[name], Unknown):
        return
    place = f"{place}.{name}" if place else name
    if not each:
        yield from _values_at(rest, value[name], place)
    elif isinstance(value[name], list):
        for position, item in enumerate(value[name]):
            if not isinstance(item, Unknown):
                yield from _values_at(rest, item, f"{place}[{position}]")
