"""Findings over a plan: what is unsafe, what will break, what surprises, each with what to do about it.

The rules read resources as any Pulumi program for AWS or Google Cloud declares them, not only this package's own:

    from pulumi_fastapi import checks
    for finding in checks.run(plan(program, preview=False)):
        print(finding.severity, finding.rule, finding.message, finding.fix)

Plan with `preview=False`: stand-in values for ids and ARNs let almost everything be judged. What cannot be is said.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Optional

from ..planned import Plan, Resource, UnknownValueError, known

Severity = Literal["error", "warning", "info"]

_ORDER: tuple[Severity, ...] = ("error", "warning", "info")
_RULE_MODULES = (
    "access",
    "cloud_run",
    "cloud_sql",
    "containers",
    "databases",
    "functions",
    "google_cloud",
    "images",
    "load_balancers",
    "networks",
    "observability",
    "services",
    "stacks",
)


class Problem(NamedTuple):
    """What a rule found on one resource."""

    message: str
    fix: str
    severity: Optional[Severity] = None
    """Where it differs from the rule's."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A problem of one resource, as it is shown."""

    rule: str
    severity: Severity
    resource: str
    """URN; empty for a finding about the whole stack."""
    message: str
    fix: str

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.resource.rpartition("::")[2]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A named check of one resource type."""

    name: str
    severity: Severity
    types: tuple[str, ...]
    """Tokens of the resources it looks at; empty: it looks at the plan as a whole."""
    check: Callable[..., Iterator[Problem]]

    @property
    def why(self) -> str:
        return (self.check.__doc__ or "").strip()


_rules: dict[str, Rule] = {}


def rule(
    *types: str, severity: Severity
) -> Callable[[Callable[..., Iterator[Problem]]], Callable[..., Iterator[Problem]]]:
    """Register a function as the rule of its name. Its docstring says why, with the ids of the controls it answers."""

    def register(check: Callable[..., Iterator[Problem]]) -> Callable[..., Iterator[Problem]]:
        name = check.__name__.replace("_", "-")
        _rules[name] = Rule(name=name, severity=severity, types=types, check=check)
        return check

    return register


def rules() -> list[Rule]:
    """Every rule, by name."""
    for module in _RULE_MODULES:
        importlib.import_module(f".{module}", __name__)
    return [_rules[name] for name in sorted(_rules)]


def run(plan: Plan) -> list[Finding]:
    """Apply every rule; the worst findings first."""
    facts = Facts(plan)
    findings: list[Finding] = []
    undecided: dict[str, list[str]] = {}
    for each in rules():
        targets: list[Optional[Resource]] = [None]
        if each.types:
            targets = [resource for token in each.types for resource in plan.all(token) if not resource.read]
        for target in targets:
            try:
                found = list(each.check(target, facts) if target else each.check(facts))
            except UnknownValueError:
                undecided.setdefault(target.urn if target else "", []).append(each.name)
                continue
            for problem in found:
                findings.append(
                    Finding(
                        rule=each.name,
                        severity=problem.severity or each.severity,
                        resource=target.urn if target else "",
                        message=problem.message,
                        fix=problem.fix,
                    )
                )
    findings += [_undecided(urn, names) for urn, names in undecided.items()]
    return sorted(findings, key=lambda each: (_ORDER.index(each.severity), each.rule, each.resource, each.message))


def _undecided(urn: str, names: list[str]) -> Finding:
    return Finding(
        rule="not-judged",
        severity="info",
        resource=urn,
        message=f"depends on values that only a deployment knows: {', '.join(names)}",
        fix="plan with preview=False, or look at these after the first deployment",
    )


class Facts:
    """A plan, and what rules ask of it more than once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._containers: dict[str, list[dict[str, Any]]] = {}

    def all(self, type_: str) -> list[Resource]:
        return self.plan.all(type_)

    def refers(self, resource: Resource, key: str, target: Resource) -> bool:
        """Whether an input is made from another resource, or is its id, ARN or name in plain text."""
        if target in resource.property_dependencies.get(key, ()):
            return True
        text = resource.inputs.get(key)
        return isinstance(text, str) and any(
            text == identity for identity in map(target.outputs.get, ("id", "arn", "name")) if isinstance(identity, str)
        )

    def referring(self, type_: str, key: str, target: Resource) -> list[Resource]:
        """The resources of a type whose input refers to `target`."""
        return [resource for resource in self.all(type_) if self.refers(resource, key, target)]

    def referred(self, resource: Resource, key: str, type_: str) -> list[Resource]:
        """The resources of a type that an input refers to."""
        return [target for target in self.all(type_) if self.refers(resource, key, target)]

    def containers(self, task: Resource) -> list[dict[str, Any]]:
        """The container definitions of a task."""
        if task.urn not in self._containers:
            definitions = known(task.inputs.get("containerDefinitions", "[]"))
            self._containers[task.urn] = json.loads(definitions) if isinstance(definitions, str) else definitions
        return self._containers[task.urn]


def get(resource: Resource, *path: str, default: Any = None) -> Any:
    """An input by its path; `default` when it is not set, UnknownValueError when it is not known."""
    value: Any = resource.inputs
    for key in path:
        value = known(value)
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict) or value.get(key) is None:
            return default
        value = value.get(key)
    return known(value)


def enabled(resource: Resource, *path: str, default: bool = False) -> bool:
    """Whether a switch is on."""
    return get(resource, *path, default=default) in (True, "true", "enabled", "1")


def texts(value: Any) -> Iterator[str]:
    """Every plain text inside a value; what is secret is left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
