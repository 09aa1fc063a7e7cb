"""Rules for networks: who gets in, and whether tasks get out."""

from collections.abc import Iterator
from typing import Any, Optional

from ..planned import Resource, is_unknown, known
from . import Facts, Problem, enabled, get, rule

SERVICE = "aws:ecs/service:Service"
SUBNET = "aws:ec2/subnet:Subnet"
ROUTE_TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
NAT = "aws:ec2/natGateway:NatGateway"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
TASK = "aws:ecs/taskDefinition:TaskDefinition"

_WORLD = ("0.0.0.0/0", "::/0")
_PUBLIC_PORTS = (80, 443)
WAYS_OUT = (
    "natGatewayId",
    "transitGatewayId",
    "networkInterfaceId",
    "vpcPeeringConnectionId",
    "coreNetworkArn",
    "localGatewayId",
)
_MONTH = 730  # hours, as AWS' own calculator has it
_NAT_HOUR = 0.045
_ENDPOINT_HOUR = 0.01


@rule(
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    severity="error",
)
def open_to_the_world(resource: Resource, _: Facts) -> Iterator[Problem]:
    """Only a web port may face the internet; the rest is scanned within minutes (EC2.18, EC2.19, CT.EC2.PR.3)."""
    for permission in _ingress(resource):
        sources = [known(each) for key in ("cidrBlocks", "ipv6CidrBlocks") for each in known(permission.get(key)) or []]
        sources += [known(permission[key]) for key in ("cidrIpv4", "cidrIpv6") if permission.get(key) is not None]
        world = [source for source in sources if source in _WORLD]
        ports = _ports(permission)
        if world and (
            ports is None or any(port not in _PUBLIC_PORTS for port in {ports.start, ports.stop - 1} | set(ports[:9]))
        ):
            what = (
                "every port"
                if ports is None
                else f"port {ports.start}"
                if len(ports) == 1
                else f"ports {ports.start}-{ports.stop - 1}"
            )
            yield Problem(
                f"opens {what} to {', '.join(world)}",
                "allow the security group of whoever connects instead of an address range, or only ports 80 and 443",
            )


def _ingress(resource: Resource) -> list[dict[str, Any]]:
    if resource.type.endswith(":SecurityGroupRule"):
        return [dict(resource.inputs)] if get(resource, "type") == "ingress" else []
    if resource.type.endswith(":SecurityGroupIngressRule"):
        return [dict(resource.inputs)]
    return [known(each) for each in get(resource, "ingress", default=[])]


def _ports(permission: dict[str, Any]) -> Optional[range]:
    """The ports it opens; None for all of them."""
    protocol = str(known(permission.get("protocol", permission.get("ipProtocol", "-1"))))
    first, last = known(permission.get("fromPort")), known(permission.get("toPort"))
    if protocol in ("-1", "all") or first is None or last is None or int(first) < 0:
        return None
    return range(int(first), int(last) + 1)


@rule(SERVICE, severity="error")
def tasks_cannot_pull_their_image(service: Resource, facts: Facts) -> Iterator[Problem]:
    """A task without a way out never starts: `CannotPullContainerError`, after minutes."""
    public = enabled(service, "networkConfiguration", "assignPublicIp")
    for subnet in subnets_of(service, ("networkConfiguration", "subnets"), facts):
        routes = routes_of(subnet, facts)
        if routes is None:
            continue
        internet = any(goes_to(route, ("gatewayId",)) for route in routes)
        if (public and internet) or any(goes_to(route, WAYS_OUT) for route in routes):
            continue
        missing = _missing_endpoints(service, subnet, facts)
        if missing:
            yield Problem(
                f"runs in subnet {subnet.name!r}, which has no way to the image registry"
                + ("" if public or not internet else " for a task without a public address"),
                "run tasks in public subnets with assignPublicIp (no charge but the address), add a NAT gateway (about "
                f"${_NAT_HOUR * _MONTH:.0f} a month), or add the endpoints {', '.join(missing)} (about "
                f"${_ENDPOINT_HOUR * _MONTH:.2f} a month each and zone, s3 free)",
            )
            return


def subnets_of(resource: Resource, path: tuple[str, str], facts: Facts) -> list[Resource]:
    """The subnets of this plan that a resource runs in; `path` is the input that names them."""
    candidates = facts.referred(resource, path[0], SUBNET)
    given = get(resource, *path, default=[])
    if any(is_unknown(each) for each in given):
        return candidates
    return [subnet for subnet in candidates or facts.all(SUBNET) if subnet.outputs.get("id") in given]


def routes_of(subnet: Resource, facts: Facts) -> Optional[list[dict[str, Any]]]:
    """The routes of the subnet's own table; None when that is not in this plan."""
    associations = facts.referring(ASSOCIATION, "subnetId", subnet)
    if not associations:
        vpcs = subnet.property_dependencies.get("vpcId", ())
        # The main table of a VPC made here leads nowhere; of one that exists nothing is known.
        return [] if any(not vpc.read for vpc in vpcs) else None
    tables = [table for each in associations for table in facts.referred(each, "routeTableId", ROUTE_TABLE)]
    if not tables:
        return None
    routes = [known(route) for table in tables for route in get(table, "routes", default=[])]
    for table in tables:
        routes += [dict(route.inputs) for route in facts.referring(ROUTE, "routeTableId", table)]
    return routes


def goes_to(route: dict[str, Any], targets: tuple[str, ...]) -> bool:
    """Whether a route leads from anywhere to one of these."""
    default_route = any(
        is_unknown(route.get(key)) or route.get(key) in _WORLD
        for key in ("destinationCidrBlock", "cidrBlock", "destinationIpv6CidrBlock", "ipv6CidrBlock")
        if route.get(key) is not None
    )
    return default_route and any(route.get(target) is not None for target in targets)


def _missing_endpoints(service: Resource, subnet: Resource, facts: Facts) -> list[str]:
    """The endpoints a task needs to start without any other way out."""
    needed = {"ecr.api", "ecr.dkr", "s3"}
    for task in facts.referred(service, "taskDefinition", TASK):
        for container in facts.containers(task):
            if (container.get("logConfiguration") or {}).get("logDriver") == "awslogs":
                needed.add("logs")
            if container.get("secrets"):
                needed.add("secretsmanager")
    return without_endpoint(needed, subnet, facts)


def without_endpoint(needed: set[str], subnet: Resource, facts: Facts) -> list[str]:
    """Those of the services that have no endpoint in the subnet's VPC."""
    vpcs = subnet.property_dependencies.get("vpcId", ())
    here = [each for vpc in vpcs for each in facts.referring(ENDPOINT, "vpcId", vpc)]
    services = [str(get(each, "serviceName", default="")) for each in here]
    return sorted(name for name in needed if not any(service.endswith(f".{name}") for service in services))


@rule(NAT, severity="info")
def nat_gateway_cost(_gateway: Resource, _: Facts) -> Iterator[Problem]:
    """A NAT gateway is often the largest line of a small service's bill, and nobody asked for it by name."""
    yield Problem(
        f"costs about ${_NAT_HOUR * _MONTH:.0f} a month, and $0.045 for each GB through it (us-east-1 list price)",
        "tasks that run in public subnets behind the load balancer's security group do without it",
    )


@rule(ENDPOINT, severity="info")
def endpoint_cost(endpoint: Resource, _: Facts) -> Iterator[Problem]:
    """Interface endpoints are billed by the hour in each zone; several cost more than a NAT gateway."""
    if get(endpoint, "vpcEndpointType", default="Gateway") == "Interface":
        zones = max(1, len(get(endpoint, "subnetIds", default=[])))
        yield Problem(
            f"costs about ${_ENDPOINT_HOUR * _MONTH * zones:.2f} a month in {zones} zone{'s' if zones > 1 else ''}, "
            "and $0.01 for each GB through it (us-east-1 list price)",
            "gateway endpoints (S3, DynamoDB) are free; compare the sum with one NAT gateway",
        )
