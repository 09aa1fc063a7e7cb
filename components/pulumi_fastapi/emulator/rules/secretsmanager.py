"""Secrets."""

from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, as_number, matches
from pulumi_fastapi.emulator.rules.policies import resource_policy
from pulumi_fastapi.emulator.values import Properties, scalar_text


def _rotation_rules(value: Any, _inputs: Properties) -> str | None:
    given = [name for name in ("automaticallyAfterDays", "scheduleExpression") if value.get(name) is not None]
    return None if len(given) == 1 else "exactly one of automaticallyAfterDays, scheduleExpression has to be given"


def _mime_name(value: Any, _inputs: Properties) -> str | None:
    return matches(r"[A-Za-z0-9/_+=.@!-]+", "the name has only letters, digits and /_+=.@-!")(value, {})


def _secret_name(value: Any, inputs: Properties) -> str | None:
    return _mime_name(value, inputs)


def _recovery_window(value: Any, _inputs: Properties) -> str | None:
    number = as_number(value)
    if number is None or number == 0 or 7 <= number <= 30:
        return None
    return f"RecoveryWindowInDays value must be between 7 and 30 days (inclusive), or 0, not {scalar_text(value)}"


def _one_secret(inputs: Properties, _all: Properties) -> str | None:
    given = [name for name in ("secretString", "secretBinary", "secretStringWo") if inputs.get(name) is not None]
    return None if len(given) == 1 else "You must provide either SecretString or SecretBinary."


RULES: tuple[Rule, ...] = (
    Rule("secretsmanager/secretPolicy:SecretPolicy", "policy", "MalformedPolicyDocumentException", resource_policy),
    Rule("secretsmanager/secretRotation:SecretRotation", "rotationRules", "InvalidParameterException", _rotation_rules),
    Rule("secretsmanager/secret:Secret", "name", "ValidationException", _secret_name),
    Rule("secretsmanager/secret:Secret", "recoveryWindowInDays", "InvalidParameterException", _recovery_window),
    Rule("secretsmanager/secret:Secret", "policy", "MalformedPolicyDocumentException", resource_policy),
    Rule("secretsmanager/secretVersion:SecretVersion", "", "InvalidParameterException", _one_secret),
)
