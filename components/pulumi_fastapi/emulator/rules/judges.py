"""What a rule is, and the judgements that rules share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pulumi_fastapi.emulator.values import Properties, scalar_text

Judge = Callable[[Any, Properties], str | None]
"""Message for a bad value (given with all inputs), or None."""


@dataclass(frozen=True)
class Rule:
    type: str
    path: str
    code: str
    judge: Judge


def one_of(*allowed: object) -> Judge:
    texts = [scalar_text(item) for item in allowed]
    return lambda value, _inputs: (
        None if scalar_text(value) in texts else f"{value_text(value)} is not one of {', '.join(texts)}"
    )


def between(low: float, high: float, unit: str = "") -> Judge:
    def judge(value: Any, _inputs: Properties) -> str | None:
        number = as_number(value)
        if number is None or low <= number <= high:
            return None
        return f"{value_text(value)} is not between {scalar_text(low)} and {scalar_text(high)}{unit and ' ' + unit}"

    return judge


def at_least(low: float) -> Judge:
    def judge(value: Any, _inputs: Properties) -> str | None:
        number = as_number(value)
        return f"{value_text(value)} is less than {scalar_text(low)}" if number is not None and number < low else None

    return judge


def matches(pattern: str, meaning: str) -> Judge:
    compiled = re.compile(pattern)
    return lambda value, _inputs: (
        None if not isinstance(value, str) or compiled.fullmatch(value) else f"{value!r}: {meaning}"
    )


def as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def value_text(value: Any) -> str:
    return repr(value) if isinstance(value, str) else scalar_text(value)


def all_of(*judges: Judge) -> Judge:
    def judge(value: Any, inputs: Properties) -> str | None:
        return next((text for each in judges if (text := each(value, inputs)) is not None), None)

    return judge


DOMAIN = matches(
    r"(\*\.)?(?:[a-z0-9_](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-zA-Z]{2,63}\.?",
    "not a domain name (lower-case labels with dots between)",
)
