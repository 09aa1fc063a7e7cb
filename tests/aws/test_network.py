import ipaddress
from collections.abc import Callable
from typing import Any

import pulumi_aws as aws
import pytest
from pulumi import Output
from pulumi_fastapi.aws import ExistingNetwork, LoadBalancer, LoadBalancerArgs, Network, NetworkArgs, Outbound
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan
from reading import document

ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones"


def planned(**args: Any) -> Plan:
    return plan(lambda: Network("net", NetworkArgs(**args)), preview=False)


@pytest.fixture(scope="module")
def default() -> Plan:
    return planned()


@pytest.fixture(scope="module")
def endpoints() -> Plan:
    return planned(outbound="ENDPOINTS")


def test_nothing_may_enter_by_default(default: Plan) -> None:
    assert default.all(aws.vpc.SecurityGroupIngressRule) == []
    assert default.all(aws.ec2.SecurityGroup) == []


def test_the_default_security_group_allows_nothing(default: Plan) -> None:
    group = default.find(aws.ec2.DefaultSecurityGroup)
    assert (group.inputs["ingress"], group.inputs["egress"]) == ([], [])


def test_no_nat_gateway_and_no_billed_endpoint_by_default(default: Plan) -> None:
    assert default.all(aws.ec2.NatGateway) == []
    assert [endpoint.inputs["vpcEndpointType"] for endpoint in default.all(aws.ec2.VpcEndpoint)] == ["Gateway"]


def test_instances_get_no_public_address_unless_they_ask(default: Plan) -> None:
    assert {subnet.inputs["mapPublicIpOnLaunch"] for subnet in default.all(aws.ec2.Subnet)} == {False}


def test_isolated_subnets_have_no_route_out(default: Plan) -> None:
    tables = {route.inputs["routeTableId"] for route in default.all(aws.ec2.Route)}
    isolated = {table.outputs["id"] for table in default.all(aws.ec2.RouteTable) if "isolated" in table.name}
    assert len(isolated) == 2
    assert not tables & isolated


@pytest.mark.parametrize("outbound", list(Outbound))
def test_the_free_gateway_to_s3_serves_every_subnet(outbound: Outbound) -> None:
    result = planned(outbound=outbound)
    gateway = next(e for e in result.all(aws.ec2.VpcEndpoint) if e.inputs["vpcEndpointType"] == "Gateway")
    assert gateway.inputs["serviceName"] == "com.amazonaws.us-east-1.s3"
    assert set(gateway.inputs["routeTableIds"]) == {table.outputs["id"] for table in result.all(aws.ec2.RouteTable)}


@pytest.mark.parametrize("cidr_block", ["10.0.0.0/16", "192.168.4.0/22"])
def test_subnets_never_overlap_and_stay_inside_the_vpc(cidr_block: str) -> None:
    zones = {ZONES: {"id": "x", "names": ["a", "b", "c", "d"]}}
    result = plan(
        lambda: Network("net", NetworkArgs(cidr_block=cidr_block, availability_zones=4, outbound=Outbound.NAT)),
        invokes=zones,
    )
    blocks = [ipaddress.IPv4Network(subnet.inputs["cidrBlock"]) for subnet in result.all(aws.ec2.Subnet)]
    assert len(blocks) == 12
    assert all(block.subnet_of(ipaddress.IPv4Network(cidr_block)) for block in blocks)
    assert not [1 for i, one in enumerate(blocks) for other in blocks[:i] if one.overlaps(other)]


def test_each_kind_of_subnet_is_in_every_zone(default: Plan) -> None:
    for kind in ("public", "isolated"):
        subnets = [subnet for subnet in default.all(aws.ec2.Subnet) if kind in subnet.name]
        assert {subnet.inputs["availabilityZone"] for subnet in subnets} == {"us-east-1a", "us-east-1b"}


@pytest.mark.parametrize("gateways", [1, 2])
def test_private_subnets_go_out_through_the_nat_gateways_asked_for(gateways: int) -> None:
    result = planned(outbound="NAT", nat_gateways=gateways)
    assert len(result.all(aws.ec2.NatGateway)) == gateways
    routes = [route for route in result.all(aws.ec2.Route) if "private" in route.name]
    assert len(routes) == 2
    assert len({route.inputs["natGatewayId"] for route in routes}) == gateways
    assert {route.inputs["destinationCidrBlock"] for route in routes} == {"0.0.0.0/0"}


def test_nat_gateways_stand_in_public_subnets() -> None:
    result = planned(outbound="NAT")
    public = {subnet.outputs["id"] for subnet in result.all(aws.ec2.Subnet) if "public" in subnet.name}
    assert result.find(aws.ec2.NatGateway).inputs["subnetId"] in public


def test_endpoints_are_those_a_task_needs_to_start(endpoints: Plan) -> None:
    interfaces = [e for e in endpoints.all(aws.ec2.VpcEndpoint) if e.inputs["vpcEndpointType"] == "Interface"]
    services = {e.inputs["serviceName"].removeprefix("com.amazonaws.us-east-1.") for e in interfaces}
    assert services == {"ecr.api", "ecr.dkr", "logs", "secretsmanager"}
    assert {e.inputs["privateDnsEnabled"] for e in interfaces} == {True}


def test_further_endpoints_can_be_asked_for() -> None:
    result = planned(outbound="ENDPOINTS", extra_endpoints=["ssmmessages", "sqs"])
    assert {"net-ssmmessages", "net-sqs"} <= {endpoint.name for endpoint in result.all(aws.ec2.VpcEndpoint)}


def test_endpoints_open_only_https_to_the_vpc_only(endpoints: Plan) -> None:
    rule = endpoints.find(aws.vpc.SecurityGroupIngressRule)
    assert (rule.inputs["fromPort"], rule.inputs["toPort"], rule.inputs["ipProtocol"]) == (443, 443, "tcp")
    assert rule.inputs["cidrIpv4"] == "10.0.0.0/16"


def test_subnets_with_endpoints_have_no_route_out(endpoints: Plan) -> None:
    assert endpoints.all(aws.ec2.NatGateway) == []
    assert all("public" in route.name for route in endpoints.all(aws.ec2.Route))


@pytest.mark.parametrize(("outbound", "public"), [("PUBLIC_IP", True), ("NAT", False), ("ENDPOINTS", False)])
def test_tasks_get_a_public_address_only_where_nothing_else_leads_out(outbound: str, public: bool) -> None:
    network = planned(outbound=outbound).find(Network)
    assert network.outputs["assignPublicIp"] is public
    assert (network.outputs["taskSubnetIds"] == network.outputs["loadBalancerSubnetIds"]) is public


def test_local_zones_are_not_used() -> None:
    asked: list[dict[str, Any]] = []

    def answer(args: dict[str, Any]) -> dict[str, Any]:
        asked.append(args)
        return {"id": "x", "names": ["us-west-2a", "us-west-2b"]}

    plan(lambda: Network("net"), invokes={ZONES: answer})
    assert asked == [{"state": "available", "filters": [{"name": "zone-type", "values": ["availability-zone"]}]}]


def test_zones_without_capacity_can_be_left_out() -> None:
    asked = []

    def answer(inputs: Any) -> dict[str, Any]:
        asked.append(inputs)
        return {"id": "x", "names": ["us-east-1a", "us-east-1b"]}

    plan(lambda: Network("net", NetworkArgs(exclude_zone_ids=["use1-az3"])), invokes={ZONES: answer})
    assert asked[0]["excludeZoneIds"] == ["use1-az3"]


def test_a_region_with_too_few_zones_is_named() -> None:
    zones = {ZONES: {"id": "x", "names": ["us-west-1a", "us-west-1c"]}}
    with pytest.raises(ArgumentError, match="availability_zones: this region has 2: us-west-1a, us-west-1c, got 3"):
        plan(lambda: Network("net", NetworkArgs(availability_zones=3)), invokes=zones)


def test_flow_logs_may_write_their_own_log_group_only() -> None:
    result = planned(flow_logs=True, log_retention_days=90)
    group, (statement,) = result.find(aws.cloudwatch.LogGroup), document(result.find(aws.iam.RolePolicy))
    assert group.inputs["retentionInDays"] == 90
    assert statement["Resource"] == f"{group.outputs['arn']}:*"
    log = result.find(aws.ec2.FlowLog)
    assert (log.inputs["trafficType"], log.inputs["logDestination"]) == ("ALL", group.outputs["arn"])


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("cidr_block", "10.0.0.1/16", "such as 10.0.0.0/16"),
        ("cidr_block", "ten", "such as 10.0.0.0/16"),
        ("cidr_block", "8.8.0.0/16", "private network"),
        ("cidr_block", "10.0.0.0/28", "between 16 and 22"),
        ("availability_zones", 1, "between 2 and 4"),
        ("availability_zones", 2.5, "whole number"),
        ("nat_gateways", 3, "between 1 and 2"),
        ("outbound", "NATT", "did you mean 'NAT'"),
        ("outbound", 5, "one of PUBLIC_IP, NAT, ENDPOINTS"),
        ("extra_endpoints", ["sqs"], "only with outbound='ENDPOINTS'"),
        ("exclude_zone_ids", ["us-east-1a"], "the id of a zone"),
        ("flow_logs", "yes", "true or false"),
        ("log_retention_days", 31, "did you mean '30'|must be one of"),
    ],
)
def test_wrong_arguments_are_refused(field: str, value: object, problem: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^{field}.*({problem})"):
        NetworkArgs(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({}, "private_subnet_ids: give public_subnet_ids, private_subnet_ids or both"),
        ({"public_subnet_ids": ["subnet-a"]}, "public_subnet_ids: needs subnets in at least two"),
        ({"public_subnet_ids": ["subnet-a", "subnet-a"]}, "public_subnet_ids: names a subnet twice"),
        ({"public_subnet_ids": "subnet-a"}, "public_subnet_ids: must be a list of text"),
        ({"private_subnet_ids": ["subnet-a", "subnet-b"]}, "outbound: tasks in private subnets .* NAT .* ENDPOINTS"),
        ({"private_subnet_ids": ["a", "b"], "outbound": "PUBLIC_IP"}, "outbound: tasks in private subnets"),
        ({"vpc_id": "", "public_subnet_ids": ["a", "b"]}, "vpc_id: must not be empty"),
        ({"vpc_id": 7, "public_subnet_ids": ["a", "b"]}, "vpc_id: must be text, got 7"),
    ],
)
def test_wrong_existing_networks_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        ExistingNetwork(**{"vpc_id": "vpc-1", **args})


def test_subnets_of_an_existing_network_may_be_known_later() -> None:
    def program() -> None:
        later = Output.from_input(["subnet-a", "subnet-b"])
        network = ExistingNetwork(vpc_id=Output.from_input("vpc-1"), private_subnet_ids=later, outbound=Outbound.NAT)
        assert network.task_subnet_ids is later
        assert network.load_balancer_subnet_ids is later

    plan(program)


def subnets(kinds: str) -> dict[str, list[str]]:
    return {f"{kind}_subnet_ids": [f"{kind}-a", f"{kind}-b"] for kind in kinds.split()}


@pytest.mark.parametrize(
    ("kinds", "load_balancer", "tasks", "data", "internal"),
    [
        ("public", "public", "public", "public", False),
        ("private", "private", "private", "private", True),
        ("public private", "public", "private", "private", False),
        ("public private isolated", "public", "private", "isolated", False),
    ],
)
def test_each_part_finds_its_subnets(kinds: str, load_balancer: str, tasks: str, data: str, internal: bool) -> None:
    outbound = Outbound.NAT if "private" in kinds else None
    network = ExistingNetwork(vpc_id="vpc-1", outbound=outbound, **subnets(kinds))  # type: ignore[arg-type]
    found = (network.load_balancer_subnet_ids, network.task_subnet_ids, network.data_subnet_ids)
    assert found == tuple([f"{kind}-a", f"{kind}-b"] for kind in (load_balancer, tasks, data))
    assert network.internal is internal
    assert network.assign_public_ip is ("private" not in kinds)


def test_arguments_may_be_a_mapping_with_the_names_of_other_languages() -> None:
    network: Callable[[], object] = lambda: Network("net", {"cidrBlock": "10.9.0.0/16", "availability_zones": 3.0})  # type: ignore[arg-type]  # noqa: E731
    result = plan(network)
    assert result.find(aws.ec2.Vpc).inputs["cidrBlock"] == "10.9.0.0/16"
    assert len(result.all(aws.ec2.Subnet)) == 6


def test_load_balancer_waits_for_the_way_out() -> None:
    """ELB refuses a VPC that has no internet gateway yet."""
    made = plan(lambda: LoadBalancer("shop", LoadBalancerArgs(network=Network("shop"))), preview=False)

    balancer = made.find(aws.lb.LoadBalancer)
    waits_for = {resource.name for resource in balancer.dependencies}
    assert {"shop-public-0-internet", "shop-public-1-internet", "shop-public-0", "shop-public-1"} <= waits_for
