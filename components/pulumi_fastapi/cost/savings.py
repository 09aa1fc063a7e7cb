"""What a stack could save: each change is tried on its resources and the whole stack is priced again.

Of changes that exclude each other, one function gives all and the best is shown.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from . import aws, gcp
from .bill import CENT, ZERO, Estimate, Saving
from .resources import Resource

LARGEST = 3
EIP = "aws:ec2/eip:Eip"

Resources = Sequence[Resource]
Repriced = Callable[[Resources], Estimate]


def largest(resources: Resources, now: Estimate, price: Repriced) -> tuple[Saving, ...]:
    """The three changes that save most, of those that save anything."""
    savings = []
    for alternatives in _CHANGES:
        saved = [Saving(change=text, amount=_saved(now, price(left))) for text, left in alternatives(resources)]
        savings.append(max(saved, key=lambda saving: saving.amount, default=Saving(change="", amount=ZERO)))
    worth = [saving for saving in savings if saving.amount >= CENT]
    return tuple(sorted(worth, key=lambda saving: -saving.amount)[:LARGEST])


def _saved(now: Estimate, after: Estimate) -> Decimal:
    """A price that is not known is no saving."""
    if len(after.missing) > len(now.missing) or len(after.not_priced) > len(now.not_priced):
        return ZERO
    return now.total.expected - after.total.expected


def _of(resources: Resources, *types: str) -> list[Resource]:
    return [resource for resource in resources if resource.type in types]


def _without(resources: Resources, gone: Resources) -> Resources:
    urns = {resource.urn for resource in gone}
    return [resource for resource in resources if resource.urn not in urns]


def _with(resources: Resources, changed: Mapping[str, Mapping[str, Any]]) -> Resources:
    """Other inputs for the resources with these URNs."""
    return [
        dataclasses.replace(each, inputs={**each.inputs, **changed[each.urn]}) if each.urn in changed else each
        for each in resources
    ]


def _nat_addresses(resources: Resources, gateways: Resources) -> list[Resource]:
    urns = {urn for gateway in gateways for urn in gateway.links.get("allocationId", ())}
    return [each for each in _of(resources, EIP) if each.urn in urns]


def _with_public_addresses(resources: Resources) -> Resources:
    """Tasks with addresses of their own, which need neither NAT gateways nor interface endpoints."""
    services = {
        each.urn: {"networkConfiguration": {**each.inputs["networkConfiguration"], "assignPublicIp": True}}
        for each in _of(resources, aws.SERVICE)
        if isinstance(each.inputs.get("networkConfiguration"), Mapping)
    }
    return _with(resources, services)


def _fewer_nat_gateways(resources: Resources) -> Iterator[tuple[str, Resources]]:
    gateways = _of(resources, aws.NAT)
    count = len(gateways)
    if count > 1:
        gone = gateways[1:]
        yield (
            f"{count} NAT gateways: use 1, if a lost zone may cut the others off",
            _without(resources, [*gone, *_nat_addresses(resources, gone)]),
        )
    if count and _of(resources, aws.SERVICE):
        word = "1 NAT gateway" if count == 1 else f"{count} NAT gateways"
        left = _without(resources, [*gateways, *_nat_addresses(resources, gateways)])
        yield f"{word}: give the tasks public addresses instead", _with_public_addresses(left)


def _no_interface_endpoints(resources: Resources) -> Iterator[tuple[str, Resources]]:
    endpoints = [each for each in _of(resources, aws.ENDPOINT) if each.inputs.get("vpcEndpointType") == "Interface"]
    if endpoints and _of(resources, aws.NAT):
        yield f"{len(endpoints)} interface endpoints: let the NAT gateway carry that", _without(resources, endpoints)
    elif endpoints and _of(resources, aws.SERVICE):
        left = _without(resources, endpoints)
        text = f"{len(endpoints)} interface endpoints: give the tasks public addresses instead"
        yield text, _with_public_addresses(left)


def _one_load_balancer(resources: Resources) -> Iterator[tuple[str, Resources]]:
    balancers = _of(resources, *aws.BALANCERS)
    if len(balancers) > 1:
        yield f"{len(balancers)} load balancers: share one", _without(resources, balancers[1:])


def _arm(resources: Resources) -> Iterator[tuple[str, Resources]]:
    tasks: dict[str, dict[str, Any]] = {
        each.urn: {"runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}}
        for each in _of(resources, aws.TASK)
        if each.inputs.get("requiresCompatibilities") in (None, ["FARGATE"])
    }
    functions: dict[str, dict[str, Any]] = {
        each.urn: {"architectures": ["arm64"]} for each in _of(resources, aws.FUNCTION)
    }
    if tasks or functions:
        yield "x86: run on ARM64", _with(resources, tasks | functions)


def _single_zone(resources: Resources) -> Iterator[tuple[str, Resources]]:
    databases = [each for each in _of(resources, aws.DATABASE) if each.inputs.get("multiAz") is True]
    if databases:
        changed = {each.urn: {"multiAz": False} for each in databases}
        yield "Multi-AZ database: a single zone, if a lost zone may stop it for a while", _with(resources, changed)
    regional = {
        each.urn: {"settings": {**each.inputs["settings"], "availabilityType": "ZONAL"}}
        for each in _of(resources, gcp.SQL)
        if isinstance(each.inputs.get("settings"), Mapping)
    }
    if regional:
        yield "regional database: zonal, if a lost zone may stop it for a while", _with(resources, regional)


def _no_proxy(resources: Resources) -> Iterator[tuple[str, Resources]]:
    proxies = _of(resources, "aws:rds/proxy:Proxy")
    if proxies:
        yield "RDS Proxy: connect directly, with smaller pools", _without(resources, proxies)


def _fewer_tasks(resources: Resources) -> Iterator[tuple[str, Resources]]:
    targets = {each.urn: {"minCapacity": 1} for each in _of(resources, aws.SCALING)}
    services = {
        each.urn: {"desiredCount": 1} for each in _of(resources, aws.SERVICE) if each.inputs.get("desiredCount")
    }
    if targets or services:
        yield (
            "more than one task at the least: begin with 1, if a lost zone may stop the service",
            _with(resources, targets | services),
        )


def _other_cloud_run_billing(resources: Resources) -> Iterator[tuple[str, Resources]]:
    for by_request, text in (
        (True, "Cloud Run billed by instance: bill by request (cpuIdle true)"),
        (False, "Cloud Run billed by request: bill by instance (cpuIdle false)"),
    ):
        changed = {
            each.urn: {"template": _billed(each.inputs["template"], by_request)}
            for each in _of(resources, gcp.RUN)
            if isinstance(each.inputs.get("template"), Mapping)
        }
        if changed:
            yield text, _with(resources, changed)


def _billed(template: Mapping[str, Any], by_request: bool) -> Mapping[str, Any]:
    given = template.get("containers")
    containers = [
        {**each, "resources": {**(each.get("resources") or {}), "cpuIdle": by_request}}
        for each in (given if isinstance(given, list) else [])
        if isinstance(each, Mapping) and isinstance(each.get("resources") or {}, Mapping)
    ]
    return {**template, "containers": containers}


_CHANGES: tuple[Callable[[Resources], Iterator[tuple[str, Resources]]], ...] = (
    _fewer_nat_gateways,
    _no_interface_endpoints,
    _one_load_balancer,
    _arm,
    _single_zone,
    _no_proxy,
    _fewer_tasks,
    _other_cloud_run_billing,
)
