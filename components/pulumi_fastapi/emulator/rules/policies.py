"""Policy documents, wherever they stand."""

import json
from collections.abc import Mapping
from typing import Any

from pulumi_fastapi.emulator.values import Properties


def json_object(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def identity_policy(value: Any, _inputs: Properties) -> str | None:
    return policy_problem(value, principal=False)


def resource_policy(value: Any, _inputs: Properties) -> str | None:
    return policy_problem(value, principal=True)


def statements_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = document.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)


def policy_problem(value: Any, principal: bool) -> str | None:
    try:
        document = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        return f"The policy is not a JSON document: {error}"
    if not isinstance(document, dict) or not document.get("Statement"):
        return "Syntax errors in policy: Statement is missing"
    if document.get("Version", "2012-10-17") not in ("2012-10-17", "2008-10-17"):
        return f"The policy must contain a valid version string, not {document['Version']!r}"
    for statement in statements_of(document):
        problem = _statement_problem(statement, principal)
        if problem is not None:
            return problem
    return None


def _statement_problem(statement: Mapping[str, Any], principal: bool) -> str | None:
    if statement.get("Effect") not in ("Allow", "Deny"):
        return f"Invalid effect: {statement.get('Effect')!r}"
    if not statement.keys() & {"Action", "NotAction"}:
        return "Policy statement must contain actions."
    if principal and not statement.keys() & {"Principal", "NotPrincipal"}:
        return "Missing required field Principal"
    if not principal and not statement.keys() & {"Resource", "NotResource"}:
        return "Policy statement must contain resources."
    if not principal and "Principal" in statement:
        return "Policy document should not specify a principal."
    return None
