"""Repositories of images."""

import json
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule
from pulumi_fastapi.emulator.rules.policies import json_object, policy_problem, statements_of
from pulumi_fastapi.emulator.values import Properties


def _repository_policy(value: Any, _inputs: Properties) -> str | None:
    problem = policy_problem(value, principal=True)
    if problem is None and any("Resource" in statement for statement in statements_of(json_object(value))):
        return "The policy of a repository names no Resource"
    return problem


def _lifecycle_policy(value: Any, _inputs: Properties) -> str | None:
    try:
        document = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        return f"Lifecycle policy is not valid JSON: {error}"
    rules = document.get("rules") if isinstance(document, dict) else None
    if not rules:
        return "Lifecycle policy validation failure: 'rules' is missing"
    priorities = [rule.get("rulePriority") for rule in rules]
    if len(set(priorities)) != len(priorities) or not all(
        isinstance(number, int) and number > 0 for number in priorities
    ):
        return "Lifecycle policy validation failure: each rule needs a unique rulePriority"
    for rule in rules:
        selection = rule.get("selection") or {}
        if selection.get("tagStatus") not in ("tagged", "untagged", "any"):
            return "Lifecycle policy validation failure: selection.tagStatus is one of tagged, untagged, any"
        if selection["tagStatus"] == "tagged" and not selection.keys() & {"tagPrefixList", "tagPatternList"}:
            return "Lifecycle policy validation failure: tagged needs tagPrefixList or tagPatternList"
        if selection.get("countType") == "sinceImagePushed" and selection.get("countUnit") != "days":
            return "Lifecycle policy validation failure: sinceImagePushed needs countUnit days"
    any_rules = [rule["rulePriority"] for rule in rules if rule["selection"]["tagStatus"] == "any"]
    if any_rules and any_rules[0] != max(priorities):
        return "Lifecycle policy validation failure: a rule for any has to have the highest rulePriority"
    return None


RULES: tuple[Rule, ...] = (
    Rule("ecr/repositoryPolicy:RepositoryPolicy", "policy", "InvalidParameterException", _repository_policy),
    Rule("ecr/lifecyclePolicy:LifecyclePolicy", "policy", "InvalidParameterException", _lifecycle_policy),
)
