"""Compute Engine as far as networks and load balancers need it."""

import ipaddress
import itertools
import re
from collections.abc import Iterator
from typing import Any

from pulumi_fastapi.emulator.gcp.cloud import COMPLETIONS, Call, completes, handles, refuses_deletion
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.gcp.methods import finish
from pulumi_fastapi.emulator.values import Properties

_REFERENCES = {
    "addresses": ("network", "subnetwork"),
    "backendServices": ("backends[].group", "securityPolicy"),
    "forwardingRules": ("target", "network", "subnetwork"),
    "subnetworks": ("network",),
    "targetHttpProxies": ("urlMap",),
    "targetHttpsProxies": ("urlMap", "sslCertificates[]", "sslPolicy"),
    "urlMaps": ("defaultService", "pathMatchers[].defaultService"),
}
"""Members that name other Compute resources, by collection."""
_SHORT_NAMES = {"network": "global/networks"}
"""Where a bare name is looked for."""


def resource_path(call: Call, reference: str, member: str) -> str:
    """`projects/p/global/networks/n` of a URL, a path or a bare name."""
    path = reference.rpartition("/projects/")[2] if "/projects/" in reference else reference.removeprefix("projects/")
    if "/" in path:
        project, _, rest = path.partition("/")
        return f"projects/{call.cloud.project_id(project)}/{rest}"
    return f"projects/{call.project}/{_SHORT_NAMES.get(member, member)}/{path}"


def references(call: Call, collection: str, resource: Properties) -> Iterator[str]:
    """Paths of what a resource names."""
    for place in _REFERENCES.get(collection, ()):
        member = place.split("[")[0].split(".")[0]
        for reference in _values(resource, place):
            yield resource_path(call, reference, member)


def _values(value: Any, place: str) -> Iterator[str]:
    head, _, rest = place.partition(".")
    name = head.removesuffix("[]")
    found = value.get(name) if isinstance(value, dict) else None
    for item in found if isinstance(found, list) else [found]:
        if rest:
            yield from _values(item, rest)
        elif isinstance(item, str) and item:
            yield item


def _complete(call: Call, path: str, resource: Properties, before: Properties | None) -> None:
    """Whatever is written: what it names has to exist."""
    for reference in references(call, call.collection, resource):
        if call.cloud.look_up("compute", reference) is None:
            raise GoogleError(404, f"The resource '{reference}' was not found", "notFound")
    region = re.match(r"projects/[^/]+/regions/[^/]+", path)
    if region is not None:
        resource["region"] = f"https://www.googleapis.com/compute/v1/{region[0]}"


for _collection in (
    "backendServices",
    "forwardingRules",
    "networkEndpointGroups",
    "targetHttpProxies",
    "targetHttpsProxies",
    "urlMaps",
):
    COMPLETIONS["compute", _collection] = _complete


@completes("compute", "networks")
def complete_network(call: Call, path: str, network: Properties, before: Properties | None) -> None:
    network.setdefault("routingConfig", {"routingMode": "REGIONAL"})
    networks = path.rsplit("/", 1)[0]
    network["selfLinkWithId"] = f"https://www.googleapis.com/compute/v1/{networks}/{network['id']}"


@completes("compute", "subnetworks")
def complete_subnetwork(call: Call, path: str, subnetwork: Properties, before: Properties | None) -> None:
    _complete(call, path, subnetwork, before)
    wanted = ipaddress.ip_network(subnetwork["ipCidrRange"])
    mine = next(references(call, "subnetworks", subnetwork))
    for name, other in call.cloud.resources.items():
        if "/subnetworks/" not in name or name.endswith(f"/{path}"):
            continue
        if mine == next(references(call, "subnetworks", other)) and wanted.overlaps(
            ipaddress.ip_network(other["ipCidrRange"])
        ):
            text = f"IPCidrRange {wanted} conflicts with existing subnetwork '{other['name']}'"
            raise GoogleError(400, f"Invalid IPCidrRange: {text}.", "invalid")
    subnetwork["gatewayAddress"] = str(wanted[1])
    subnetwork.setdefault("privateIpGoogleAccess", False)
    subnetwork.setdefault("purpose", "PRIVATE")
    subnetwork.setdefault("stackType", "IPV4_ONLY")


_public = itertools.count(9)


@completes("compute", "addresses")
def complete_address(call: Call, path: str, address: Properties, before: Properties | None) -> None:
    _complete(call, path, address, before)
    address.setdefault("addressType", "EXTERNAL")
    internal = address.get("purpose") == "VPC_PEERING"
    if internal and not address.get("prefixLength"):
        raise GoogleError(400, "Invalid value for field 'resource.prefixLength': a range of VPC_PEERING needs it.")
    number = next(_public)
    address.setdefault("address", "10.77.0.0" if internal else f"34.120.{number // 250}.{number % 250}")
    address["status"] = "RESERVED"


@completes("compute", "forwardingRules")
def complete_rule(call: Call, path: str, rule: Properties, before: Properties | None) -> None:
    _complete(call, path, rule, before)
    number = next(_public)
    rule.setdefault("IPAddress", f"34.120.{number // 250}.{number % 250}")
    rule.setdefault("IPProtocol", "TCP")


@completes("compute", "sslCertificates")
def complete_certificate(call: Call, path: str, certificate: Properties, before: Properties | None) -> None:
    if "managed" in certificate:
        domains = certificate["managed"].get("domains", [])
        certificate["managed"] = {**certificate["managed"], "status": "PROVISIONING"}
        certificate["subjectAlternativeNames"] = list(domains)


@completes("compute", "sslPolicies")
def complete_ssl_policy(call: Call, path: str, policy: Properties, before: Properties | None) -> None:
    policy.setdefault("profile", "COMPATIBLE")
    policy.setdefault("minTlsVersion", "TLS_1_0")
    policy["enabledFeatures"] = policy.get("customFeatures", [])


@completes("compute", "securityPolicies")
def complete_security_policy(call: Call, path: str, policy: Properties, before: Properties | None) -> None:
    policy.setdefault("type", "CLOUD_ARMOR")
    if not policy.get("rules"):
        match = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}
        policy["rules"] = [{"priority": 2**31 - 1, "action": "allow", "match": match, "description": "default rule"}]


@refuses_deletion(
    "compute",
    "addresses",
    "backendServices",
    "networkEndpointGroups",
    "networks",
    "securityPolicies",
    "sslCertificates",
    "sslPolicies",
    "subnetworks",
    "targetHttpProxies",
    "targetHttpsProxies",
    "urlMaps",
)
def keep_used(call: Call, resource: Properties) -> None:
    user = next(_users(call, resource), None)
    if user is not None:
        kind = call.collection.removesuffix("es") if call.collection.endswith("ies") else call.collection[:-1]
        text = f"The {kind} resource '{call.path}' is already being used by '{user}'"
        raise GoogleError(400, text, "resourceInUseByAnotherResource")


def _users(call: Call, resource: Properties) -> Iterator[str]:
    for name, other in call.cloud.resources.items():
        path = name.split(".googleapis.com/", 1)[1]
        collection = path.split("/")[-2]
        if name.startswith("//compute."):
            if call.path in references(call, collection, other):
                yield path
            if collection == "forwardingRules" and other.get("IPAddress") == resource.get("address", other):
                yield path
        elif other.get("_network") == call.path:  # the peering of private services access
            yield f"{call.path} (peering {other['peering']})"
        elif name.startswith("//run.") and call.path in _run_interfaces(call, other):
            yield f"{path}, whose instances have addresses in it"


def _run_interfaces(call: Call, resource: Properties) -> Iterator[str]:
    """Networks and subnetworks of a Cloud Run service or job."""
    template = resource.get("template")
    template = template.get("template", template) if isinstance(template, dict) else {}
    region = resource.get("name", "///").split("/")[3]
    for interface in (template.get("vpcAccess") or {}).get("networkInterfaces") or []:
        if interface.get("network"):
            yield resource_path(call, interface["network"], "network")
        if interface.get("subnetwork"):
            yield resource_path(call, interface["subnetwork"], f"regions/{region}/subnetworks")


# ----------------------------------------------------------------------------------- members with a method of their own
@handles(
    "compute.backendServices.setSecurityPolicy",
    "compute.globalAddresses.setLabels",
    "compute.globalForwardingRules.setLabels",
    "compute.globalForwardingRules.setTarget",
    "compute.securityPolicies.setLabels",
    "compute.subnetworks.setPrivateIpGoogleAccess",
    "compute.targetHttpProxies.setUrlMap",
    "compute.targetHttpsProxies.setQuicOverride",
    "compute.targetHttpsProxies.setSslCertificates",
    "compute.targetHttpsProxies.setSslPolicy",
    "compute.targetHttpsProxies.setUrlMap",
)
def set_member(call: Call) -> Properties:
    path = call.path.rpartition("/")[0]
    if call.cloud.look_up("compute", path) is None and "/global/" not in path:
        head, project, rest = path.split("/", 2)  # the proxies' methods have no `global` in their path
        path = f"{head}/{project}/global/{rest}"
    resource = call.cloud.find("compute", path)
    changed = {**resource, **{key: value for key, value in call.body.items() if key != "labelFingerprint"}}
    if call.method.name in ("setSecurityPolicy", "setSslPolicy") and not call.body:
        changed.pop("securityPolicy" if call.method.name == "setSecurityPolicy" else "sslPolicy", None)
    for reference in references(call, path.split("/")[-2], changed):
        call.cloud.find("compute", reference)
    call.cloud.put("compute", path, changed)
    return finish(call, path, changed)
