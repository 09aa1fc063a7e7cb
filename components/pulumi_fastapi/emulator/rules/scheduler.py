"""Timers."""

import zoneinfo
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, matches
from pulumi_fastapi.emulator.values import Properties

_AT = r"at\(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\)"

_SCHEDULE = matches(
    rf"rate\([1-9]\d* (minutes?|hours?|days?)\)|cron\((\S+ ){{5}}\S+\)|{_AT}",
    "Invalid Schedule Expression: one of rate(5 minutes), cron(0 3 * * ? *), at(2030-01-01T00:00:00)",
)


def _timezone(value: Any, _inputs: Properties) -> str | None:
    return None if value in zoneinfo.available_timezones() else f"{value!r} is no time zone such as Europe/Berlin"


def _flexible(window: Any, _inputs: Properties) -> str | None:
    if window.get("mode") == "FLEXIBLE" and window.get("maximumWindowInMinutes") is None:
        return "FlexibleTimeWindow mode FLEXIBLE needs maximumWindowInMinutes"
    if window.get("mode") == "OFF" and window.get("maximumWindowInMinutes") is not None:
        return "FlexibleTimeWindow mode OFF takes no maximumWindowInMinutes"
    return None


RULES: tuple[Rule, ...] = (
    Rule("scheduler/schedule:Schedule", "scheduleExpression", "ValidationException", _SCHEDULE),
    Rule("scheduler/schedule:Schedule", "scheduleExpressionTimezone", "ValidationException", _timezone),
    Rule("scheduler/schedule:Schedule", "flexibleTimeWindow", "ValidationException", _flexible),
)
