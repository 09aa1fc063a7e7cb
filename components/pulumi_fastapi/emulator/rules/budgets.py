"""Budgets."""

from pulumi_fastapi.emulator.rules.judges import Rule
from pulumi_fastapi.emulator.values import Properties


def _budget_limit(inputs: Properties, _all: Properties) -> str | None:
    ways = ("limitAmount", "plannedLimits", "autoAdjustData")
    return None if any(inputs.get(name) for name in ways) else f"one of {', '.join(ways)} has to be given"


RULES: tuple[Rule, ...] = (Rule("budgets/budget:Budget", "", "InvalidParameterException", _budget_limit),)
