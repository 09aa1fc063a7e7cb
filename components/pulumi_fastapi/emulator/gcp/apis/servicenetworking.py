"""Private services access: the peering through which a network reaches Cloud SQL."""

from collections.abc import Iterator

from pulumi_fastapi.emulator.gcp.cloud import Call, GoogleCloud, full_name, handles
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.gcp.methods import finish
from pulumi_fastapi.emulator.values import Properties

PEERING = "servicenetworking-googleapis-com"


def _path(network: str, service: str) -> str:
    return f"services/{service}/connections/{network.replace('/', '|')}"


def network_path(cloud: GoogleCloud, network: str) -> str:
    """`projects/p/global/networks/n`, however the network was given."""
    path = network.rpartition("/projects/")[2]
    project, _, rest = path.removeprefix("projects/").partition("/")
    return f"projects/{cloud.project_id(project)}/{rest}"


def connection_of(cloud: GoogleCloud, network: str) -> Properties | None:
    path = _path(network_path(cloud, network), "servicenetworking.googleapis.com")
    return cloud.look_up("servicenetworking", path)


@handles("servicenetworking.services.connections.create")
def create_connection(call: Call) -> Properties:
    network = network_path(call.cloud, str(call.body["network"]))
    if call.cloud.look_up("compute", network) is None:
        raise GoogleError(404, f"The network {network} was not found")
    ranges = call.body.get("reservedPeeringRanges") or []
    if not ranges:
        raise GoogleError(400, "reserved_peering_ranges: at least one allocated range is needed")
    _check_ranges(call.cloud, network, ranges)
    service = call.path.split("/")[1]
    path = _path(network, service)
    if call.cloud.look_up("servicenetworking", path) is not None:
        raise GoogleError(400, f"Cannot modify allocated ranges in CreateConnection: {network} has one already")
    connection = {**call.body, "service": f"services/{service}", "peering": PEERING, "_network": network}
    call.cloud.put("servicenetworking", path, connection)
    return finish(call, path, connection)


def _check_ranges(cloud: GoogleCloud, network: str, ranges: list[str]) -> None:
    project = network.split("/")[1]
    for name in ranges:
        address = cloud.look_up("compute", f"projects/{project}/global/addresses/{name}")
        if address is None or address.get("purpose") != "VPC_PEERING":
            raise GoogleError(
                400, f"Invalid allocation resource: no address {name} of purpose VPC_PEERING in {network}"
            )


def _connections(call: Call, network: str | None) -> Iterator[Properties]:
    wanted = network_path(call.cloud, network) if network else None
    for _, connection in call.cloud.below("servicenetworking", "/".join(call.path.split("/")[:3])):
        if wanted in (None, connection["_network"]):
            yield connection


@handles("servicenetworking.services.connections.list")
def list_connections(call: Call) -> Properties:
    found = _connections(call, call.query.get("network"))
    return {"connections": [{key: value for key, value in each.items() if key[0] != "_"} for each in found]}


@handles("servicenetworking.services.connections.patch")
def patch_connection(call: Call) -> Properties:
    for connection in _connections(call, str(call.body["network"])):
        ranges = call.body.get("reservedPeeringRanges") or []
        _check_ranges(call.cloud, connection["_network"], ranges)
        connection["reservedPeeringRanges"] = ranges
        return finish(call, call.path, connection)
    raise GoogleError(404, f"No connection of {call.body['network']} was found")


@handles("servicenetworking.services.connections.deleteConnection")
def delete_connection(call: Call) -> Properties:
    network = network_path(call.cloud, str(call.body["consumerNetwork"]))
    connection = call.cloud.look_up("servicenetworking", _path(network, "servicenetworking.googleapis.com"))
    if connection is None:
        raise GoogleError(404, f"No connection of {network} was found")
    if any(uses_network(call.cloud, each, network) for each in call.cloud.resources.values()):
        text = "Producer services (e.g. CloudSQL, Cloud Memstore, etc.) are still using this connection"
        raise GoogleError(400, f"Failed to delete connection; {text}.", "FAILED_PRECONDITION")
    call.cloud.remove("servicenetworking", _path(network, "servicenetworking.googleapis.com"))
    return finish(call, call.path, connection)


def uses_network(cloud: GoogleCloud, resource: Properties, network: str) -> bool:
    """Whether a resource is a database with an address in the network."""
    settings = resource.get("settings")
    given = (settings.get("ipConfiguration") or {}).get("privateNetwork") if isinstance(settings, dict) else None
    return bool(given) and network_path(cloud, str(given)) == network


@handles("compute.networks.removePeering")
def remove_peering(call: Call) -> Properties:
    """Cuts the peering whatever uses it: what `deletion_policy = REMOVE_PEERING` does."""
    network = call.path.removesuffix("/removePeering")
    call.cloud.find("compute", network)
    path = _path(network, "servicenetworking.googleapis.com")
    if call.cloud.look_up("servicenetworking", path) is None:
        raise GoogleError(404, f"There is no peering {call.body.get('name')} on the network {network}")
    del call.cloud.resources[full_name("servicenetworking", path)]
    return finish(call, network, {})
