"""Where a service runs: subnets for the load balancer, the tasks and the data, and the tasks' way out."""

import ipaddress
from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Optional, Union

import pulumi
import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from ..component import Component, as_args
from ..errors import ArgumentError
from ..validation import check_fields, in_range, matches
from . import policies
from .logs import check_retention

TASK_ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", "secretsmanager")
"""AWS services that a Fargate task must reach to start; ECR's layers come through the S3 gateway endpoint."""


class Outbound(StrEnum):
    """How tasks reach AWS and the internet."""

    PUBLIC_IP = "PUBLIC_IP"
    """Tasks have a public address and accept only the load balancer. Billed per address and hour."""
    NAT = "NAT"
    """Tasks are private; NAT gateways carry what they send. Billed per gateway and hour, and per GB."""
    ENDPOINTS = "ENDPOINTS"
    """Tasks are private and reach AWS only, no internet. Billed per endpoint, zone and hour: four endpoints in two
    zones cost more than one NAT gateway."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Inputs of `Network`."""

    cidr_block: str = "10.0.0.0/16"
    """Addresses of the VPC, /16 to /22. Default 10.0.0.0/16."""
    availability_zones: int = 2
    """Zones to spread over, 2 to 4. Default 2, the least a load balancer takes."""
    outbound: Outbound = Outbound.PUBLIC_IP
    """`PUBLIC_IP`, `NAT` or `ENDPOINTS`. Default PUBLIC_IP, the cheapest."""
    nat_gateways: int = 1
    """With `outbound="NAT"`: how many; one per zone survives the loss of a zone. Default 1."""
    extra_endpoints: Optional[list[str]] = None
    """With `outbound="ENDPOINTS"`: further AWS services that tasks call, such as `ssmmessages` for ECS Exec or `sqs`;
    each billed per zone and hour. Default none."""
    exclude_zone_ids: Optional[list[str]] = None
    """Zone ids to stay out of, such as `use1-az3`, where Fargate has no capacity. Default none."""
    flow_logs: bool = False
    """Record accepted and rejected connections in CloudWatch Logs. Default off, it is billed by volume."""
    log_retention_days: int = 30
    """Days that flow logs are kept, of those CloudWatch Logs offers. Default 30."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("availability_zones", self.availability_zones, 2, 4)
        in_range("nat_gateways", self.nat_gateways, 1, self.availability_zones)
        check_retention("log_retention_days", self.log_retention_days)
        if self.extra_endpoints is not None and self.outbound is not Outbound.ENDPOINTS:
            raise ArgumentError("extra_endpoints", self.extra_endpoints, "is of use only with outbound='ENDPOINTS'")
        for service in self.extra_endpoints or ():
            matches("extra_endpoints", service, r"[a-z0-9-]+(\.[a-z0-9-]+)*", "the name of a service such as sqs")
            if service in TASK_ENDPOINTS:
                raise ArgumentError("extra_endpoints", service, "is among the endpoints that tasks get anyway")
        for zone in self.exclude_zone_ids or ():
            matches("exclude_zone_ids", zone, r"[a-z0-9]+-az\d", "the id of a zone such as use1-az3, not its name")
        try:
            network = ipaddress.IPv4Network(self.cidr_block)
        except ValueError as error:
            raise ArgumentError(
                "cidr_block", self.cidr_block, f"must be an IPv4 network such as 10.0.0.0/16 ({str(error)[:80]})"
            ) from None
        in_range("cidr_block prefix", network.prefixlen, 16, 22)
        if not network.is_private:
            raise ArgumentError("cidr_block", self.cidr_block, "must be a private network such as 10.0.0.0/16")


@dataclass(frozen=True, kw_only=True)
class ExistingNetwork(ABC):
    """A VPC that exists already, for where a `Network` would be made."""

    vpc_id: Input[str]
    """ID of the VPC."""
    public_subnet_ids: Optional[Input[Sequence[Input[str]]]] = None
    """Subnets with a route to an internet gateway, in two or more zones. Default none: the load balancer is
    internal."""
    private_subnet_ids: Optional[Input[Sequence[Input[str]]]] = None
    """Subnets for the tasks, in two or more zones. Default: tasks run in the public subnets."""
    isolated_subnet_ids: Optional[Input[Sequence[Input[str]]]] = None
    """Subnets for the database, in two or more zones. Default: the private subnets."""
    outbound: Optional[Outbound] = None
    """How tasks in the private subnets reach ECR, logs and secrets: `NAT` or `ENDPOINTS`. Required with private
    subnets."""

    def __post_init__(self) -> None:
        check_fields(self)
        for field in ("public_subnet_ids", "private_subnet_ids", "isolated_subnet_ids"):
            subnets = getattr(self, field)
            if isinstance(subnets, Sequence) and len(subnets) < 2:
                raise ArgumentError(field, list(subnets), "needs subnets in at least two availability zones")
            if isinstance(subnets, Sequence) and len(set(subnets)) < len(subnets):
                raise ArgumentError(field, list(subnets), "names a subnet twice")
        if self.public_subnet_ids is None and self.private_subnet_ids is None:
            raise ArgumentError("private_subnet_ids", None, "give public_subnet_ids, private_subnet_ids or both")
        if self.private_subnet_ids is not None and self.outbound not in (Outbound.NAT, Outbound.ENDPOINTS):
            raise ArgumentError(
                "outbound",
                self.outbound,
                "tasks in private subnets start only if they reach ECR, CloudWatch Logs and Secrets Manager: say NAT"
                " if the subnets route to a NAT gateway, ENDPOINTS if the VPC has the endpoints"
                f" {', '.join(TASK_ENDPOINTS)} and s3",
            )

    @property
    def load_balancer_subnet_ids(self) -> Input[Sequence[Input[str]]]:
        """Subnets of an internet-facing load balancer, or of an internal one where there is no public subnet."""
        return self.public_subnet_ids or self.private_subnet_ids  # type: ignore[return-value]

    @property
    def task_subnet_ids(self) -> Input[Sequence[Input[str]]]:
        """Subnets of the tasks."""
        return self.private_subnet_ids or self.public_subnet_ids  # type: ignore[return-value]

    @property
    def data_subnet_ids(self) -> Input[Sequence[Input[str]]]:
        """Subnets of the database."""
        return self.isolated_subnet_ids or self.task_subnet_ids

    def function_subnet_ids(self, _services: Sequence[str]) -> Input[Sequence[Input[str]]]:
        """Subnets for functions, which have no public address: private ones, whose way out `outbound` names."""
        if self.private_subnet_ids is None:
            raise ArgumentError(
                "network.private_subnet_ids",
                None,
                "a function has no public address: give subnets that reach Secrets Manager, by NAT or an endpoint",
            )
        return self.private_subnet_ids

    @property
    def assign_public_ip(self) -> bool:
        """Whether a task needs a public address to reach anything."""
        return self.private_subnet_ids is None

    @property
    def internal(self) -> bool:
        """Whether no public subnet exists."""
        return self.public_subnet_ids is None


class Network(Component):
    """A VPC whose default security group lets nothing in or out; what stands in it opens what it needs.

    Creates a VPC, public subnets for load balancer and tasks, isolated subnets for data, an internet gateway, route
    tables, an S3 gateway endpoint and, if asked for, private subnets with NAT gateways or interface endpoints, and flow
    logs.
    Costs nothing by itself; see `Outbound` for what its choices cost.
    """

    vpc_id: Output[str]
    """ID of the VPC."""
    cidr_block: str
    """Addresses of the VPC."""
    load_balancer_subnet_ids: list[Output[str]]
    """Public subnets."""
    task_subnet_ids: list[Output[str]]
    """Public subnets, or private ones with NAT or endpoints."""
    data_subnet_ids: list[Output[str]]
    """Subnets without any route out."""
    assign_public_ip: bool
    """Whether a task needs a public address to reach anything."""
    internal: bool
    """Always false: there are public subnets."""

    def __init__(self, name: str, args: Optional[NetworkArgs] = None, opts: Optional[ResourceOptions] = None) -> None:
        self.args = args = as_args(NetworkArgs, args)
        super().__init__(name, args, opts)
        self.zones = aws.get_availability_zones_output(
            state="available",
            # Without it an account that opted into local zones gets its subnets there.
            exclude_zone_ids=args.exclude_zone_ids,
            filters=[aws.GetAvailabilityZonesFilterArgs(name="zone-type", values=["availability-zone"])],
            opts=InvokeOptions(parent=self),
        ).names.apply(self._enough_zones)
        self.blocks = list(ipaddress.IPv4Network(args.cidr_block).subnets(prefixlen_diff=4))
        self.vpc = aws.ec2.Vpc(
            self.child_name("vpc"),
            cidr_block=args.cidr_block,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": self.resource_name},
            opts=self.child,
        )
        self.ways_out: list[pulumi.CustomResource] = []
        self._close_default_security_group()
        self._endpoints: dict[str, aws.ec2.VpcEndpoint] = {}
        public, public_routes = self._public_subnets()
        self.isolated, isolated_routes = self._subnets("isolated", first_block=8)
        tasks, route_tables = public, [*public_routes, *isolated_routes]
        if args.outbound is not Outbound.PUBLIC_IP:
            tasks, private_routes = self._subnets("private", first_block=4)
            route_tables += private_routes
            if args.outbound is Outbound.NAT:
                self._nat_gateways(public, private_routes)
            else:
                services = (*TASK_ENDPOINTS, *(args.extra_endpoints or ()))
                self.ways_out += [self._interface_endpoint(service, tasks) for service in services]
        self._gateway_endpoint(route_tables)
        if args.flow_logs:
            self._flow_logs()
        self.publish(
            vpc_id=self.vpc.id,
            cidr_block=args.cidr_block,
            load_balancer_subnet_ids=self._usable(public),
            task_subnet_ids=self._usable(tasks),
            data_subnet_ids=[subnet.id for subnet in self.isolated],
            assign_public_ip=args.outbound is Outbound.PUBLIC_IP,
            internal=False,
        )

    def _usable(self, subnets: list[aws.ec2.Subnet]) -> list[Output[str]]:
        """IDs that are known once the ways out exist.

        ELB refuses a VPC that has no internet gateway yet, and a task without a route pulls no image.
        """
        ways_out = [way_out.id for way_out in self.ways_out]
        return [Output.all(subnet.id, *ways_out).apply(lambda ids: str(ids[0])) for subnet in subnets]

    def _enough_zones(self, zones: Sequence[str]) -> Sequence[str]:
        if len(zones) < self.args.availability_zones:
            raise ArgumentError(
                "availability_zones", self.args.availability_zones, f"this region has {len(zones)}: {', '.join(zones)}"
            )
        return zones

    def _close_default_security_group(self) -> None:
        """The group that resources get when nobody names one must allow nothing (FSBP EC2.2)."""
        aws.ec2.DefaultSecurityGroup(
            self.child_name("default"), vpc_id=self.vpc.id, ingress=[], egress=[], opts=self.child
        )

    def _public_subnets(self) -> tuple[list[aws.ec2.Subnet], list[aws.ec2.RouteTable]]:
        gateway = aws.ec2.InternetGateway(
            self.child_name("internet"), vpc_id=self.vpc.id, tags={"Name": self.resource_name}, opts=self.child
        )
        subnets, tables = self._subnets("public", first_block=0)
        for zone, table in enumerate(tables):
            route = aws.ec2.Route(
                self.child_name(f"public-{zone}-internet"),
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                gateway_id=gateway.id,
                opts=self.child,
            )
            self.ways_out.append(route)
        return subnets, tables

    def _subnets(self, kind: str, first_block: int) -> tuple[list[aws.ec2.Subnet], list[aws.ec2.RouteTable]]:
        """One subnet per zone, each with its own route table, so that zones fail apart."""
        subnets, tables = [], []
        for zone in range(self.args.availability_zones):
            label = f"{kind}-{zone}"
            tags = {"Name": f"{self.resource_name}-{label}"}
            subnet = aws.ec2.Subnet(
                self.child_name(label),
                vpc_id=self.vpc.id,
                availability_zone=self.zones[zone],
                cidr_block=str(self.blocks[first_block + zone]),
                map_public_ip_on_launch=False,
                tags=tags,
                opts=self.child,
            )
            table = aws.ec2.RouteTable(self.child_name(label), vpc_id=self.vpc.id, tags=tags, opts=self.child)
            association = aws.ec2.RouteTableAssociation(
                self.child_name(label), subnet_id=subnet.id, route_table_id=table.id, opts=self.child
            )
            self.ways_out.append(association)
            subnets.append(subnet)
            tables.append(table)
        return subnets, tables

    def _nat_gateways(self, public: list[aws.ec2.Subnet], private_routes: list[aws.ec2.RouteTable]) -> None:
        internet, gateways = list(self.ways_out), []
        for zone in range(self.args.nat_gateways):
            address = aws.ec2.Eip(self.child_name(f"nat-{zone}"), domain="vpc", opts=self.child)
            gateways.append(
                aws.ec2.NatGateway(
                    self.child_name(f"nat-{zone}"),
                    subnet_id=public[zone].id,
                    allocation_id=address.id,
                    tags={"Name": f"{self.resource_name}-{zone}"},
                    opts=self.child_options(depends_on=internet),
                )
            )
        for zone, table in enumerate(private_routes):
            route = aws.ec2.Route(
                self.child_name(f"private-{zone}-nat"),
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                nat_gateway_id=gateways[zone % len(gateways)].id,
                opts=self.child,
            )
            self.ways_out.append(route)

    def function_subnet_ids(self, services: Sequence[str]) -> Sequence[Output[str]]:
        """Subnets for functions, which have no public address: private ones, or isolated ones with an endpoint for each
        of the AWS services that the functions call, billed per zone and hour."""
        if self.args.outbound is not Outbound.PUBLIC_IP:
            return self.task_subnet_ids
        endpoints = [self._interface_endpoint(service, self.isolated).id for service in services]
        return [Output.all(subnet.id, *endpoints).apply(lambda ids: str(ids[0])) for subnet in self.isolated]

    def _interface_endpoint(self, service: str, subnets: list[aws.ec2.Subnet]) -> aws.ec2.VpcEndpoint:
        """One per service: a second one could not have the service's name."""
        if service not in self._endpoints:
            self._endpoints[service] = aws.ec2.VpcEndpoint(
                self.child_name(service.replace(".", "-")),
                vpc_id=self.vpc.id,
                service_name=self._service_name(service),
                vpc_endpoint_type="Interface",
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[self._endpoint_group],
                private_dns_enabled=True,
                opts=self.child,
            )
        return self._endpoints[service]

    @cached_property
    def _endpoint_group(self) -> Output[str]:
        group = aws.ec2.SecurityGroup(
            self.child_name("endpoints"),
            vpc_id=self.vpc.id,
            description="AWS endpoints, for the VPC only",
            opts=self.child,
        )
        aws.vpc.SecurityGroupIngressRule(
            self.child_name("endpoints-https"),
            security_group_id=group.id,
            description="HTTPS from the VPC",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=self.args.cidr_block,
            opts=self.child,
        )
        return group.id

    def _gateway_endpoint(self, route_tables: list[aws.ec2.RouteTable]) -> None:
        """ECR's image layers come from S3; through the gateway they cost nothing."""
        endpoint = aws.ec2.VpcEndpoint(
            self.child_name("s3"),
            vpc_id=self.vpc.id,
            service_name=self._service_name("s3"),
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in route_tables],
            opts=self.child,
        )
        if self.args.outbound is Outbound.ENDPOINTS:  # then it is the only way to the layers
            self.ways_out.append(endpoint)

    def _service_name(self, service: str) -> Output[str]:
        region = aws.get_region_output(opts=InvokeOptions(parent=self)).region
        return Output.concat("com.amazonaws.", region, ".", service)

    def _flow_logs(self) -> None:
        group = aws.cloudwatch.LogGroup(
            self.child_name("flow-logs"), retention_in_days=self.args.log_retention_days, opts=self.child
        )
        role = aws.iam.Role(
            self.child_name("flow-logs"),
            assume_role_policy=policies.trust("vpc-flow-logs.amazonaws.com"),
            opts=self.child,
        )
        aws.iam.RolePolicy(
            self.child_name("flow-logs"),
            role=role.name,
            policy=policies.document(
                policies.allow(
                    ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                    Output.concat(group.arn, ":*"),
                )
            ),
            opts=self.child,
        )
        aws.ec2.FlowLog(
            self.child_name("flow-logs"),
            vpc_id=self.vpc.id,
            traffic_type="ALL",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags={"Name": self.resource_name},
            opts=self.child,
        )


# A Network can stand wherever an existing one can; the provider schema, read at run time, knows no unions.
ExistingNetwork.register(Network)
if TYPE_CHECKING:
    NetworkLike = Union[Network, ExistingNetwork]
else:
    NetworkLike = ExistingNetwork


def check_same_network(network: NetworkLike, part: str, own: NetworkLike) -> None:
    """Refuse a part that stands in another network: a service reaches only what is in its own.

    Raises:
        ArgumentError: both are known, and are two.
    """
    if own is not network and isinstance(own, Network) and isinstance(network, Network):
        raise ArgumentError("network", network.resource_name, f"the {part} stands in network {own.resource_name!r}")


def allow_anywhere(component: Component, client: str, security_group_id: Input[str]) -> None:
    """Let a client out to anywhere, as an app calls what it calls."""
    aws.vpc.SecurityGroupEgressRule(
        component.child_name(f"{client}-out"),
        security_group_id=security_group_id,
        description="To anywhere",
        ip_protocol="-1",
        cidr_ipv4="0.0.0.0/0",
        opts=component.child,
    )
