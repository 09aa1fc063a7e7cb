"""Networks."""

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.preconditions.lambda_ import functions_in
from pulumi_fastapi.emulator.values import Properties


@before("ec2:DeleteSecurityGroup")
def _group_in_use(api: Api, region: str, params: Properties) -> None:
    group = params["GroupId"]
    filters = [{"Name": "group-id", "Values": [group]}]
    used = [
        interface
        for interface in find(api, "ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", region, Filters=filters)
        if interface.get("Status") == "in-use"
    ]
    if used or _group_users(api, region, group) or functions_in(api, region, "SecurityGroupIds", group):
        raise ApiError("ec2", "DeleteSecurityGroup", "DependencyViolation", f"resource {group} has a dependent object")


def _group_users(api: Api, region: str, group: str) -> bool:
    """moto makes no network interfaces for managed services: look at the services themselves."""
    balancers = find(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region)
    databases = find(api, "rds", "DescribeDBInstances", "DBInstances", region)
    endpoints = find(api, "ec2", "DescribeVpcEndpoints", "VpcEndpoints", region)
    referring = find(
        api,
        "ec2",
        "DescribeSecurityGroups",
        "SecurityGroups",
        region,
        Filters=[{"Name": "ip-permission.group-id", "Values": [group]}],
    )
    return (
        any(group in (balancer.get("SecurityGroups") or []) for balancer in balancers)
        or any(group == item["VpcSecurityGroupId"] for db in databases for item in db.get("VpcSecurityGroups") or [])
        or any(
            group == item["GroupId"]
            for endpoint in endpoints
            if str(endpoint.get("State", "")).lower() != "deleted"
            for item in endpoint.get("Groups") or []
        )
        or any(other["GroupId"] != group for other in referring)
    )


@before("ec2:DeleteSubnet")
def _subnet_in_use(api: Api, region: str, params: Properties) -> None:
    subnet = params["SubnetId"]
    filters = [{"Name": "subnet-id", "Values": [subnet]}, {"Name": "state", "Values": ["available", "pending"]}]
    gateways = find(api, "ec2", "DescribeNatGateways", "NatGateways", region, Filter=filters)
    balancers = [
        balancer
        for balancer in find(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region)
        if any(zone["SubnetId"] == subnet for zone in balancer.get("AvailabilityZones") or [])
    ]
    if gateways or balancers or functions_in(api, region, "SubnetIds", subnet):
        raise ApiError(
            "ec2",
            "DeleteSubnet",
            "DependencyViolation",
            f"The subnet '{subnet}' has dependencies and cannot be deleted.",
        )


@before("ec2:ReleaseAddress")
def _address_in_use(api: Api, region: str, params: Properties) -> None:
    for gateway in find(api, "ec2", "DescribeNatGateways", "NatGateways", region):
        addresses = gateway.get("NatGatewayAddresses") or []
        if gateway["State"] != "deleted" and any(
            address.get("AllocationId") == params["AllocationId"] for address in addresses
        ):
            raise ApiError(
                "ec2",
                "ReleaseAddress",
                "InvalidIPAddress.InUse",
                f"The address with allocation id {params['AllocationId']} cannot be released because it is in use",
            )


@before("ec2:CreateNatGateway")
def _nat_address(api: Api, _region: str, params: Properties) -> None:
    del api
    if params.get("ConnectivityType", "public") == "public" and not params.get("AllocationId"):
        raise ApiError(
            "ec2",
            "CreateNatGateway",
            "MissingParameter",
            "The request must contain the parameter AllocationId for a public NAT gateway",
        )


@before("ec2:AssociateRouteTable")
def _already_associated(api: Api, region: str, params: Properties) -> None:
    subnet = params.get("SubnetId")
    if not subnet:
        return
    filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
    for table in find(api, "ec2", "DescribeRouteTables", "RouteTables", region, Filters=filters):
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet:
                raise ApiError(
                    "ec2",
                    "AssociateRouteTable",
                    "Resource.AlreadyAssociated",
                    f"the specified association for route table {table['RouteTableId']} conflicts with an existing "
                    "association",
                )


@before("ec2:CreateVpcEndpoint")
def _private_names(api: Api, region: str, params: Properties) -> None:
    if not params.get("PrivateDnsEnabled"):
        return
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        query = {"VpcId": params["VpcId"], "Attribute": attribute}
        told = api.look_up("ec2", "DescribeVpcAttribute", query, region)
        if not told[attribute[0].upper() + attribute[1:]]["Value"]:
            raise ApiError(
                "ec2",
                "CreateVpcEndpoint",
                "InvalidParameter",
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true "
                f"for {params['VpcId']}",
            )


@before("ec2:CreateRoute")
def _nat_exists(api: Api, region: str, params: Properties) -> None:
    gateway = params.get("NatGatewayId")
    if gateway and not find(api, "ec2", "DescribeNatGateways", "NatGateways", region, NatGatewayIds=[gateway]):
        raise ApiError(
            "ec2",
            "CreateRoute",
            "InvalidNatGatewayID.NotFound",
            f"The natGateway ID '{gateway}' does not exist",
        )
