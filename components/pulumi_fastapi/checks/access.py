"""Rules for permissions and secrets."""

import json
from collections.abc import Iterator
from typing import Any

from ..planned import Plan, Resource, known
from . import Facts, Problem, get, rule, texts

# Actions that AWS defines without a resource: "*" is the only value they take.
_WITHOUT_RESOURCE = {
    "cloudwatch:PutMetricData",
    # Of a function in a VPC: on interfaces that Lambda makes later.
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:GetAuthorizationToken",
    "ecr-public:GetAuthorizationToken",
    "logs:DescribeLogGroups",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "sts:GetCallerIdentity",
    "xray:GetSamplingRules",
    "xray:GetSamplingStatisticSummaries",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


@rule(
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/policy:Policy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
    severity="warning",
)
def policy_wider_than_needed(policy: Resource, _: Facts) -> Iterator[Problem]:
    """What a task may do, anyone who breaks into it may do (IAM.1, IAM.21, CT.IAM.PR.1 and PR.5)."""
    yield from _wide_statements(get(policy, "policy", default="{}"))


@rule("aws:iam/role:Role", severity="warning")
def inline_policy_wider_than_needed(role: Resource, _: Facts) -> Iterator[Problem]:
    """The same for policies written into a role (IAM.1, IAM.21, CT.IAM.PR.1 and PR.5)."""
    for inline in get(role, "inlinePolicies", default=[]):
        yield from _wide_statements(known(inline.get("policy", "{}")))


def _wide_statements(document: Any) -> Iterator[Problem]:
    parsed = json.loads(document) if isinstance(document, str) else document
    for statement in _as_list(parsed.get("Statement")):
        if statement.get("Effect") != "Allow":
            continue
        actions = _as_list(statement.get("Action"))
        everywhere = "*" in _as_list(statement.get("Resource"))
        limited = bool(statement.get("Condition"))
        if "*" in actions or "NotAction" in statement:
            where = "everything" if everywhere else "its resources"
            yield Problem(f"allows every action on {where}", "name the actions", "error" if everywhere else None)
            continue
        whole_services = [action for action in actions if action.endswith(":*")]
        if whole_services:
            yield Problem(f"allows {', '.join(whole_services)}", "name the actions")
        wide = [action for action in actions if everywhere and not limited and action not in _WITHOUT_RESOURCE]
        if wide:
            yield Problem(f"allows {', '.join(wide)} on every resource", "name the resources by ARN")


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@rule("aws:iam/rolePolicyAttachment:RolePolicyAttachment", severity="error")
def administrator_role(attachment: Resource, _: Facts) -> Iterator[Problem]:
    """A role with every permission makes the account as safe as its weakest container (IAM.1, CKV_AWS_274)."""
    if str(get(attachment, "policyArn", default="")).endswith(
        (":policy/AdministratorAccess", ":policy/PowerUserAccess")
    ):
        yield Problem("gives a role every permission in the account", "attach a policy that names what it needs")


@rule(severity="error")
def secret_in_plain_text(facts: Facts) -> Iterator[Problem]:
    """A secret that reaches an input or output without its mark is stored and shown in plain text."""
    plan: Plan = facts.plan
    for resource in plan.resources:
        for key in _leaks({**resource.inputs, **({} if resource.custom else resource.outputs)}, plan.secrets):
            yield Problem(
                f"{resource.type} {resource.name!r} holds a secret of the configuration in plain text in {key}",
                "read it with config.require_secret(), and build on it with apply or Output.concat",
            )
    for key in _leaks(plan.outputs, plan.secrets):
        yield Problem(
            f"the export {key!r} holds a secret of the configuration in plain text", "export pulumi.Output.secret(...)"
        )


def _leaks(properties: dict[str, Any], secrets: frozenset[str]) -> list[str]:
    return [
        key for key, value in properties.items() if any(secret in text for text in texts(value) for secret in secrets)
    ]
