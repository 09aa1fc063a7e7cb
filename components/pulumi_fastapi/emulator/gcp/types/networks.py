"""Networks, addresses, private services access and DNS records."""

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pulumi_fastapi.emulator.gcp.resource import Context, ResourceType, patch_differing
from pulumi_fastapi.emulator.gcp.types.common import compute
from pulumi_fastapi.emulator.resource import EVERYTHING
from pulumi_fastapi.emulator.values import Properties

_DNS = "dns.googleapis.com/dns/v1/projects/{project}"
_CONNECTIONS = "servicenetworking.googleapis.com/v1/services/{service}/connections"


def _subnetwork_replaces(state: Properties, inputs: Properties) -> Iterator[str]:
    before, after = state.get("ipCidrRange"), inputs.get("ipCidrRange")
    if not (isinstance(before, str) and isinstance(after, str)):
        return
    if not ipaddress.ip_network(before).subnet_of(ipaddress.ip_network(after)):  # type: ignore[arg-type]
        yield "ipCidrRange"


def _connection_name(context: Context) -> str:
    return f"{quote(str(context.inputs['network']), safe='')}:{context.inputs['service']}"


_CONNECTIONS = "servicenetworking.googleapis.com/v1/services/{service}/connections"


def _network_with_number(context: Context, network: Any) -> str:
    project, _, rest = str(network).rpartition("projects/")[2].partition("/")
    return f"projects/{context.cloud.project_number(project)}/{rest}"


def _connection_body(context: Context) -> Properties:
    network = _network_with_number(context, context.inputs["network"])
    return {"network": network, "reservedPeeringRanges": context.inputs["reservedPeeringRanges"]}


def _read_connection(context: Context) -> Properties | None:
    network = _network_with_number(context, context.inputs["network"])
    listed = context.call("GET", f"{context.url(_CONNECTIONS)}?network={network}")
    return next(iter(listed["connections"]), None)


def _update_connection(context: Context, body: Properties, differing: frozenset[str]) -> None:
    url = f"{context.url(_CONNECTIONS)}/-?updateMask=reservedPeeringRanges&force=true"
    context.call("PATCH", url, body)


def _delete_connection(context: Context) -> None:
    network = str(context.inputs["network"])
    if context.inputs.get("deletionPolicy") == "REMOVE_PEERING":
        path = network.rpartition("projects/")[2]
        url = f"https://compute.googleapis.com/compute/v1/projects/{path}/removePeering"
        context.call("POST", url, {"name": context.old.get("peering", "servicenetworking-googleapis-com")})
        return
    url = f"{context.url(_CONNECTIONS)}/servicenetworking-googleapis-com"
    context.call("POST", url, {"consumerNetwork": _network_with_number(context, network)})


def rows() -> Iterator[ResourceType]:
    yield compute(
        "Network",
        "networks",
        fields={"routingMode": "routingConfig.routingMode"},
        not_sent=frozenset({"deleteDefaultRoutesOnCreate", "deleteBgpAlwaysCompareMed"}),
        defaults={"autoCreateSubnetworks": True},
        replace_on=frozenset({"name", "autoCreateSubnetworks", "description", "internalIpv6Range", "networkProfile"}),
        update=patch_differing,
        outputs={"networkId": "id", "numericId": "id"},
    )
    yield compute(
        "Subnetwork",
        "subnetworks",
        "regions/{region}",
        not_sent=frozenset({"region", "sendSecondaryIpRangeIfEmpty", "resolveSubnetMask"}),
        replace_on=frozenset({"name", "network", "region", "description", "purpose"}),
        replaces=_subnetwork_replaces,
        update=patch_differing,
        outputs={"subnetworkId": "id"},
    )
    yield compute("GlobalAddress", "addresses", replace_on=EVERYTHING, keep_on=frozenset({"labels"}))
    yield ResourceType(
        pulumi_type="gcp:servicenetworking/connection:Connection",
        collection=_CONNECTIONS,
        key=None,
        self_url=f"{_CONNECTIONS}/-",
        id=_connection_name,
        body=_connection_body,
        not_read=frozenset({"network", "service"}),
        replace_on=frozenset({"network", "service"}),
        update=_update_connection,
        reader=_read_connection,
        deleter=_delete_connection,
    )
    yield ResourceType(
        pulumi_type="gcp:dns/recordSet:RecordSet",
        collection=f"{_DNS}/managedZones/{{managedZone}}/rrsets",
        self_url=f"{_DNS}/managedZones/{{managedZone}}/rrsets/{{name}}/{{type}}",
        id="projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}",
        not_sent=frozenset({"managedZone"}),
        replace_on=frozenset({"managedZone", "name", "type"}),
        update=patch_differing,
    )
