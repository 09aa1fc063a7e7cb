"""Alarms, dashboards and log groups."""

import json
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, as_number, matches, one_of
from pulumi_fastapi.emulator.values import Properties, scalar_text

_RETENTIONS = (
    0,
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


def _alarm_period(value: Any, _inputs: Properties) -> str | None:
    number = as_number(value)
    if number is None or number in (10, 20, 30) or (number > 0 and number % 60 == 0):
        return None
    return f"{scalar_text(value)}: the period has to be 10, 20, 30 or a multiple of 60 seconds"


def _alarm_metric(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("metricQueries"):
        return None
    if inputs.get("metricName") is None:
        return "The parameter MetricName, or metricQueries, is required"
    for name in ("namespace", "period"):
        if inputs.get(name) is None:
            return f"The parameter {name} is required with metricName"
    if inputs.get("statistic") is None and inputs.get("extendedStatistic") is None:
        return "either statistic or extendedStatistic is required with metricName"
    return None


def _alarm_span(inputs: Properties, _all: Properties) -> str | None:
    period, periods = as_number(inputs.get("period")), as_number(inputs.get("evaluationPeriods"))
    if period is not None and periods is not None and period * periods > (7 * 86400 if period >= 3600 else 86400):
        return "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)"
    return None


def _datapoints(inputs: Properties, _all: Properties) -> str | None:
    wanted, periods = as_number(inputs.get("datapointsToAlarm")), as_number(inputs.get("evaluationPeriods"))
    if wanted is not None and periods is not None and wanted > periods:
        return f"datapointsToAlarm {scalar_text(wanted)} is more than evaluationPeriods {scalar_text(periods)}"
    return None


def _is_json(value: Any, _inputs: Properties) -> str | None:
    try:
        json.loads(value) if isinstance(value, str) else json.dumps(value)
    except ValueError as error:
        return f"not a JSON document: {error}"
    return None


RULES: tuple[Rule, ...] = (
    Rule("cloudwatch/logGroup:LogGroup", "retentionInDays", "InvalidParameterException", one_of(*_RETENTIONS)),
    Rule("cloudwatch/metricAlarm:MetricAlarm", "", "ValidationError", _alarm_metric),
    Rule("cloudwatch/metricAlarm:MetricAlarm", "", "ValidationError", _alarm_span),
    Rule("cloudwatch/metricAlarm:MetricAlarm", "", "ValidationError", _datapoints),
    Rule("cloudwatch/metricAlarm:MetricAlarm", "period", "ValidationError", _alarm_period),
    Rule(
        "cloudwatch/metricAlarm:MetricAlarm",
        "treatMissingData",
        "ValidationError",
        one_of("breaching", "notBreaching", "ignore", "missing"),
    ),
    *(
        Rule(
            f"cloudwatch/{kind[0].lower()}{kind[1:]}:{kind}",
            f"{actions}[]",
            "ValidationError",
            matches(r"arn:[\w-]+:[\w-]+:.+", "Invalid arn syntax"),
        )
        for kind in ("MetricAlarm", "CompositeAlarm")
        for actions in ("alarmActions", "okActions", "insufficientDataActions")
    ),
    Rule("cloudwatch/dashboard:Dashboard", "dashboardBody", "InvalidParameterInput", _is_json),
)
