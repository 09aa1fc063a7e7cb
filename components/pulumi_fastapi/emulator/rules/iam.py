"""Roles and their policies."""

import json
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, matches
from pulumi_fastapi.emulator.rules.policies import identity_policy, policy_problem, statements_of
from pulumi_fastapi.emulator.values import Properties


def _trust_policy(value: Any, _inputs: Properties) -> str | None:
    problem = policy_problem(value, principal=True)
    if problem is not None:
        return problem
    document = json.loads(value) if isinstance(value, str) else value
    for statement in statements_of(document):
        if "Resource" in statement:
            return "Has prohibited field Resource"
        actions = statement.get("Action", [])
        if any(not str(action).startswith("sts:") for action in ([actions] if isinstance(actions, str) else actions)):
            return "AssumeRole policy may only specify STS AssumeRole actions"
    return None


_IAM_NAME = matches(r"[\w+=,.@-]+", "the name has only alphanumeric characters and +=,.@-_")

RULES: tuple[Rule, ...] = (
    Rule(
        "iam/openIdConnectProvider:OpenIdConnectProvider",
        "url",
        "ValidationError",
        matches(r"https://[^\s/?#]+(/[^\s?#]*)?", "an issuer is an https:// URL without query"),
    ),
    Rule("iam/role:Role", "name", "ValidationError", _IAM_NAME),
    Rule("iam/role:Role", "assumeRolePolicy", "MalformedPolicyDocument", _trust_policy),
    Rule("iam/rolePolicy:RolePolicy", "policy", "MalformedPolicyDocument", identity_policy),
    Rule("iam/role:Role", "inlinePolicies[].policy", "MalformedPolicyDocument", identity_policy),
    Rule(
        "iam/rolePolicyAttachment:RolePolicyAttachment",
        "policyArn",
        "InvalidInput",
        matches(r"arn:[\w-]+:iam::(aws|\d{12}):policy/.+", "not the ARN of a policy"),
    ),
)
