"""Alerts, checks and objectives."""

from collections.abc import Iterator, Mapping

from pulumi_fastapi.emulator.gcp.rules.judging import Rule, items
from pulumi_fastapi.emulator.gcp.validation import Violation
from pulumi_fastapi.emulator.values import Properties


def _uptime_check(body: Properties, id: str | None) -> Iterator[Violation]:
    period = body.get("period", "60s")
    if isinstance(period, str) and period not in ("60s", "300s", "600s", "900s"):
        yield ("period",), f"must be 60s, 300s, 600s or 900s, not {period}"


def _objective(body: Properties, id: str | None) -> Iterator[Violation]:
    goal = body.get("goal")
    if isinstance(goal, (int, float)) and not 0 < goal <= 0.9999:
        yield ("goal",), f"must be more than 0 and at most 0.9999, not {goal:g}"


def _alert_policy(body: Properties, id: str | None) -> Iterator[Violation]:
    conditions = body.get("conditions")
    if isinstance(conditions, list) and not 1 <= len(conditions) <= 6:
        yield ("conditions",), f"1 to 6 conditions are possible, not {len(conditions)}"
    kinds = (
        "conditionThreshold",
        "conditionAbsent",
        "conditionMatchedLog",
        "conditionMonitoringQueryLanguage",
        "conditionPrometheusQueryLanguage",
        "conditionSql",
    )
    for position, condition in items(conditions):
        if sum(kind in condition for kind in kinds) != 1:
            yield ("conditions", position), "exactly one kind of condition is needed"


RULES: Mapping[str, Rule] = {
    "monitoring.AlertPolicy": _alert_policy,
    "monitoring.ServiceLevelObjective": _objective,
    "monitoring.UptimeCheckConfig": _uptime_check,
}
