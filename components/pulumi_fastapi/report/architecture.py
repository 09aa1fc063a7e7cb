"""The picture of a stack: what a plan holds, by what it does there, and what depends on what."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..cost.bill import Estimate
from ..cost.render import money
from ..planned import Plan, Resource, plain
from . import svg

_ROLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "entry": (
        "Entry",
        (
            "aws:lb/loadBalancer:",
            "aws:alb/loadBalancer:",
            "aws:apigatewayv2/api:",
            "aws:cloudfront/distribution:",
            "aws:lambda/functionUrl:",
            "aws:scheduler/schedule:",
            "aws:wafv2/webAcl:",
            "gcp:compute/globalForwardingRule:",
            "gcp:compute/securityPolicy:",
        ),
    ),
    "compute": (
        "App",
        (
            "aws:ecs/service:",
            "aws:ecs/taskDefinition:",
            "aws:lambda/function:",
            "gcp:cloudrunv2/service:",
            "gcp:cloudrunv2/job:",
            "aws:lb/targetGroup:",
            "aws:appautoscaling/target:",
        ),
    ),
    "database": (
        "Database",
        (
            "aws:rds/instance:",
            "aws:rds/cluster:",
            "aws:rds/clusterInstance:",
            "aws:rds/proxy:",
            "aws:dynamodb/table:",
            "aws:elasticache/",
            "gcp:sql/databaseInstance:",
        ),
    ),
    "secrets": (
        "Secrets",
        ("aws:secretsmanager/secret:", "aws:ssm/parameter:", "gcp:secretmanager/secret:"),
    ),
    "registry": ("Registry", ("aws:ecr/repository:", "gcp:artifactregistry/repository:")),
    "logs": ("Logs", ("aws:cloudwatch/logGroup:",)),
    "network": (
        "Network",
        (
            "aws:ec2/natGateway:",
            "aws:ec2/internetGateway:",
            "aws:ec2/vpcEndpoint:",
            "gcp:compute/subnetwork:",
            "gcp:compute/routerNat:",
            "gcp:vpcaccess/connector:",
        ),
    ),
    "alarms": (
        "Alarms",
        (
            "aws:cloudwatch/metricAlarm:",
            "aws:cloudwatch/compositeAlarm:",
            "gcp:monitoring/alertPolicy:",
            "gcp:monitoring/uptimeCheckConfig:",
        ),
    ),
}
"""What a resource does, by the beginning of its type. Others are steps between these."""
_SIDE = ("database", "secrets", "registry", "logs", "network")
_NAMED = 3
"""Resources of a type that a box names; more it counts."""
_GAP, _LINE, _LANE = 24.0, 15.0, 8.0


@dataclass(frozen=True, kw_only=True)
class Box:
    """What a stack has for one role."""

    title: str
    lines: tuple[str, ...]
    cost: str
    """A month; empty when nothing of it is billed."""

    @property
    def height(self) -> float:
        return 26 + _LINE * len(self.lines) + 6


def roles(resource: Resource) -> list[str]:
    """What it does in the picture; nothing for a component, or for what only joins others."""
    if not resource.custom:
        return []
    found = [role for role, (_, types) in _ROLES.items() if resource.type.startswith(types)]
    if resource.inputs.get("manageMasterUserPassword") is True:
        found.append("secrets")  # RDS keeps one of its own
    return found


def boxes(plan: Plan, estimate: Estimate) -> dict[str, Box]:
    """A box for each role that the stack has."""
    costs: dict[str, Decimal] = {}
    for line in estimate.lines:
        costs[line.resource.urn] = costs.get(line.resource.urn, Decimal(0)) + line.cost.expected
    found: dict[str, Box] = {}
    for role, (title, types) in _ROLES.items():
        members = sorted(
            (resource for resource in plan.resources if role in roles(resource)),
            key=lambda each: [not each.type.startswith(type_) for type_ in types],
        )
        if not members:
            continue
        own = sum((costs.get(each.urn, Decimal(0)) for each in members if each.type.startswith(types)), Decimal(0))
        kinds = Counter(_kind(each) for each in members)
        if max(kinds.values()) > _NAMED:
            lines = [f"{count} × {kind}" for kind, count in kinds.items()]
        else:
            lines = [line for member in members for line in _lines(member, role, f"{plan.project}-{plan.stack}-")]
        found[role] = Box(title=title, lines=tuple(lines), cost=f"${money(own)}" if own else "")
    return found


def links(plan: Plan) -> set[tuple[str, str]]:
    """Pairs of roles of which the first depends on the second, directly or over resources without a role."""
    return {
        (role, other)
        for resource in plan.resources
        for role in roles(resource)
        for reached in _reached(resource)
        for other in roles(reached)
        if other != role
    }


def _reached(resource: Resource) -> Iterator[Resource]:
    """The nearest resources with a role that it depends on."""
    seen: set[str] = set()
    ahead = list(resource.dependencies)
    while ahead:
        each = ahead.pop()
        if each.urn in seen:
            continue
        seen.add(each.urn)
        if roles(each):
            yield each
        else:
            ahead.extend(each.dependencies)


def _kind(resource: Resource) -> str:
    return resource.type.rpartition(":")[2]


def _lines(resource: Resource, role: str, prefix: str) -> Iterator[str]:
    """Its name, without what all names of the stack begin with, and what is worth knowing of it."""
    of = {key: value for key, value in plain(resource.inputs).items() if isinstance(value, (str, int, float))}
    kind, name = _kind(resource), resource.name.removeprefix(prefix)
    if kind == "TargetGroup":
        return  # a step on the way to the tasks
    if kind == "TaskDefinition":
        yield f"each {of.get('cpu', '?')} CPU units, {of.get('memory', '?')} MiB"
    elif kind == "Target":
        yield f"{of.get('minCapacity', '?')} to {of.get('maxCapacity', '?')} tasks"
    elif role == "secrets" and "manageMasterUserPassword" in of:
        yield f"password of {name}"
    else:
        yield f"{name}, in two zones" if of.get("multiAz") is True else name
    if role == "database" and "instanceClass" in of:
        yield f"{of.get('engine', '')} {of.get('engineVersion', '')}"
        yield str(of["instanceClass"])
    elif resource.type.startswith("gcp:sql/databaseInstance:"):
        yield str(of.get("databaseVersion", ""))
        yield str(_in(resource, "settings").get("tier", ""))
    elif resource.type.startswith("aws:lambda/function:"):
        yield f"each {of.get('memorySize', 128)} MiB"
    elif resource.type.startswith("gcp:cloudrunv2/service:"):
        yield from _of_cloud_run(resource)


def _of_cloud_run(resource: Resource) -> Iterator[str]:
    """What each instance has, and how many there may be."""
    template, scaling = _in(resource, "template"), _in(resource, "scaling")
    containers = template.get("containers")
    limits = ((containers[0].get("resources") or {}).get("limits") or {}) if containers else {}
    if limits:
        yield f"each {limits.get('cpu', '?')} vCPU, {limits.get('memory', '?')}"
    if scaling:
        yield f"{scaling.get('minInstanceCount', 0)} to {scaling.get('maxInstanceCount', '?')} instances"


def _in(resource: Resource, key: str) -> Mapping[str, Any]:
    value = plain(resource.inputs).get(key)
    return value if isinstance(value, Mapping) else {}


def architecture(plan: Plan, estimate: Estimate) -> str:
    """The drawing, or nothing when the stack has none of the roles."""
    found, joined = boxes(plan, estimate), links(plan)
    if not found:
        return ""
    out: list[str] = []
    places: dict[str, tuple[float, float, float]] = {}  # x, y, width
    left, right = _LANE * 2, svg.WIDTH - _LANE * 2
    y, middle = 2.0, svg.WIDTH / 2

    def put(role: str, x: float, width: float) -> None:
        places[role] = (x, y, width)
        out.append(_box(found[role], x, y, width))

    if "entry" in found or "compute" in found:  # Cloud Run has an address of its own
        out.append(f'<text x="{middle:g}" y="14" text-anchor="middle" class="note">callers</text>')
        out.append(svg.arrow([(middle, 19), (middle, 19 + _GAP)]))
        y = 19 + _GAP
    for role in ("entry", "compute"):
        if role in found:
            put(role, left, right - left)
            y += found[role].height + _GAP
    if "entry" in places and "compute" in places and _either(joined, "entry", "compute"):
        out.append(svg.arrow([(middle, places["compute"][1] - _GAP), (middle, places["compute"][1])]))
    side = [role for role in _SIDE if role in found]
    half = (right - left - _GAP) / 2
    spine = y - _GAP
    for index in range(0, len(side), 2):
        pair = side[index : index + 2]
        for role, x in zip(pair, (left, middle + _GAP / 2), strict=False):
            put(role, x, half)
            if "compute" in found and ("compute", role) in joined:
                edge = left + half if x == left else x
                at = y + 13
                out.append(svg.arrow([(middle, spine), (middle, at), (edge, at)]))
        y += max(found[role].height for role in pair) + _GAP / 2
    if "alarms" in found:
        put("alarms", left, right - left)
        at = y + 13
        for role, (x, top, width) in places.items():
            if role != "alarms" and ("alarms", role) in joined:
                on_left = x == left and width < right - left
                edge, lane, end = (x, _LANE, left) if on_left else (x + width, svg.WIDTH - _LANE, right)
                out.append(svg.arrow([(edge, top + 13), (lane, top + 13), (lane, at), (end, at)], "link watch"))
        y += found["alarms"].height + _GAP / 2
    label = f"Architecture of {plan.project}/{plan.stack}: {', '.join(box.title for box in found.values())}"
    return svg.drawing(y, label, [svg.HEAD, *out])


def _either(joined: set[tuple[str, str]], one: str, other: str) -> bool:
    return (one, other) in joined or (other, one) in joined


def _box(box: Box, x: float, y: float, width: float) -> str:
    parts = [svg.rect(x, y, width, box.height, "box"), svg.text(x + 8, y + 18, box.title, "title")]
    if box.cost:
        parts.append(svg.text(x + width - 8, y + 18, box.cost, "note", end=True))
    for index, line in enumerate(box.lines, 1):
        parts.append(svg.text(x + 8, y + 20 + _LINE * index, line, "name", width=width - 14))
    return "".join(parts)
