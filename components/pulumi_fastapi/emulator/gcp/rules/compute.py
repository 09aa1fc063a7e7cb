"""Compute: load balancers and networks."""

import ipaddress
from collections.abc import Iterator, Mapping

from pulumi_fastapi.emulator.gcp.rules.judging import Rule, items, known, number
from pulumi_fastapi.emulator.gcp.validation import Violation
from pulumi_fastapi.emulator.mapping import dig
from pulumi_fastapi.emulator.values import Properties, Unknown


def _endpoint_group(body: Properties, id: str | None) -> Iterator[Violation]:
    kinds = [kind for kind in ("cloudRun", "appEngine", "cloudFunction") if body.get(kind) is not None]
    if body.get("networkEndpointType", "SERVERLESS") == "SERVERLESS" and len(kinds) != 1:
        yield (), "a serverless network endpoint group needs exactly one of cloudRun, appEngine and cloudFunction"


def _backend_service(body: Properties, id: str | None) -> Iterator[Violation]:
    groups = [backend.get("group") for _, backend in items(body.get("backends"))]
    if not any("/networkEndpointGroups/" in group for group in groups if isinstance(group, str)):
        return
    if body.get("healthChecks"):
        text = "A backend service cannot have a healthcheck with Serverless network endpoint group backends"
        yield ("healthChecks",), text
    if number(body, "timeoutSec", 30) not in (None, 30):
        text = "Timeout sec is not supported for a backend service with Serverless network endpoint groups"
        yield ("timeoutSec",), text


def _certificate(body: Properties, id: str | None) -> Iterator[Violation]:
    domains = dig(body, "managed.domains")
    for position, domain in enumerate(domains if isinstance(domains, list) else []):
        if isinstance(domain, str) and domain.startswith("*"):
            text = "Wildcard domains are not supported by Google-managed SSL certificates; Certificate Manager has them"
            yield ("managed", "domains", position), f"{text}: {domain}"
    if isinstance(domains, list) and not 1 <= len(domains) <= 100:
        yield ("managed", "domains"), f"1 to 100 domains are possible, not {len(domains)}"


def _subnetwork(body: Properties, id: str | None) -> Iterator[Violation]:
    text = body.get("ipCidrRange")
    if not isinstance(text, str):
        return
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        yield ("ipCidrRange",), f"Invalid IPCidrRange: {error}"
        return
    if network.version == 4 and not 8 <= network.prefixlen <= 29:
        yield ("ipCidrRange",), f"Invalid IPCidrRange: {text} is not between /8 and /29"


def _security_policy(body: Properties, id: str | None) -> Iterator[Violation]:
    rules = list(items(body.get("rules")))
    priorities = [rule.get("priority") for _, rule in rules]
    if rules and not any(isinstance(each, Unknown) for each in priorities) and 2**31 - 1 not in priorities:
        yield ("rules",), "a security policy needs a default rule, of priority 2147483647"
    for position, rule in rules:
        if known(rule.get("priority")) and priorities.count(rule["priority"]) > 1:
            yield ("rules", position, "priority"), f"priority {rule['priority']:g} is used more than once"
        limited = rule.get("action") in ("throttle", "rate_based_ban")
        if limited and rule.get("rateLimitOptions") is None:
            yield ("rules", position, "rateLimitOptions"), f"an action of {rule['action']} needs it"


RULES: Mapping[str, Rule] = {
    "compute.BackendService": _backend_service,
    "compute.NetworkEndpointGroup": _endpoint_group,
    "compute.SecurityPolicy": _security_policy,
    "compute.SslCertificate": _certificate,
    "compute.Subnetwork": _subnetwork,
}
