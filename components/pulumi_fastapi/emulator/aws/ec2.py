"""Networks: VPCs and everything inside."""

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.api import ApiError
from pulumi_fastapi.emulator.aws.common import delete_by, id_output, pick, read_list
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import (
    EVERYTHING,
    AutoName,
    Call,
    Calls,
    Context,
    OneByOne,
    Read,
    ResourceType,
)
from pulumi_fastapi.emulator.values import Properties, same

Request = tuple[str, Mapping[str, Any]]


# ----------------------------------------------------------------------------------------------------------------- VPC
def _vpc_attributes(context: Context) -> Properties:
    live = {}
    for name in ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics"):
        answer = context.look_up("DescribeVpcAttribute", VpcId=context.id, Attribute=name)
        live[name] = answer[name[0].upper() + name[1:]]["Value"]
    return live


def _vpc_attribute(name: str) -> Any:
    return lambda context: _vpc_attributes(context)[name]


def _vpc_filter(context: Context) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [context.id]}]


def _default_security_group(context: Context) -> str | None:
    filters = [*_vpc_filter(context), {"Name": "group-name", "Values": ["default"]}]
    groups = context.look_up("DescribeSecurityGroups", Filters=filters)["SecurityGroups"]
    return groups[0]["GroupId"] if groups else None


def _main_route_table(context: Context) -> str | None:
    filters = [*_vpc_filter(context), {"Name": "association.main", "Values": ["true"]}]
    tables = context.look_up("DescribeRouteTables", Filters=filters)["RouteTables"]
    return tables[0]["RouteTableId"] if tables else None


def _default_network_acl(context: Context) -> str | None:
    filters = [*_vpc_filter(context), {"Name": "default", "Values": ["true"]}]
    acls = context.look_up("DescribeNetworkAcls", Filters=filters)["NetworkAcls"]
    return acls[0]["NetworkAclId"] if acls else None


# --------------------------------------------------------------------------------------------------- internet gateway
def _move_gateway(context: Context, creating: bool) -> Iterable[Request]:
    old, new = context.old.get("vpcId"), context.inputs.get("vpcId")
    if old and not creating:
        yield "DetachInternetGateway", {"InternetGatewayId": context.id, "VpcId": old}
    if new:
        yield "AttachInternetGateway", {"InternetGatewayId": context.id, "VpcId": new}


def _gateway_vpc(context: Context) -> Properties:
    attachments = context.live.get("Attachments") or []
    return {"vpcId": attachments[0]["VpcId"] if attachments else ""}


def _detach_gateway(context: Context) -> None:
    vpc = context.inputs.get("vpcId")
    if vpc:
        try:
            context.call("DetachInternetGateway", InternetGatewayId=context.id, VpcId=vpc)
        except ApiError as error:
            if error.code != "Gateway.NotAttached" and not error.not_found:
                raise


# -------------------------------------------------------------------------------------------------------------- routes
_ROUTE_MEMBERS = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "vpcEndpointId": "VpcEndpointId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
    "transitGatewayId": "TransitGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
}
_DESTINATIONS = ("cidrBlock", "ipv6CidrBlock", "destinationPrefixListId")


def _route_request(context: Context, route: Mapping[str, Any]) -> dict[str, Any]:
    members = {member: route[name] for name, member in _ROUTE_MEMBERS.items() if route.get(name)}
    return {"RouteTableId": context.id, **members}


def _by_destination(routes: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {next(str(route[name]) for name in _DESTINATIONS if route.get(name)): route for route in routes}


def _change_routes(context: Context, creating: bool) -> Iterable[Request]:
    old = {} if creating else _by_destination(context.old.get("routes") or [])
    new = _by_destination(context.inputs.get("routes") or [])
    for destination, route in new.items():
        if destination not in old:
            yield "CreateRoute", _route_request(context, route)
        elif not same(route, old[destination]):
            yield "ReplaceRoute", _route_request(context, route)
    for destination in old.keys() - new.keys():
        request = _route_request(context, old[destination])
        yield "DeleteRoute", {key: value for key, value in request.items() if key.startswith(("Route", "Destination"))}


def _table_routes(context: Context) -> Properties:
    """The routes the program could have written: AWS adds the local one and those of gateway endpoints."""
    return {
        "routes": [
            {name: route[member] for name, member in _ROUTE_MEMBERS.items() if route.get(member)}
            for route in context.live.get("Routes") or []
            if route.get("GatewayId") != "local" and not str(route.get("GatewayId", "")).startswith("vpce-")
        ]
    }


_ROUTE_DESTINATIONS = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")


def _route_destination(context: Context) -> str:
    return next(str(context.inputs[name]) for name in _ROUTE_DESTINATIONS if context.inputs.get(name))


def _is_route(context: Context, route: Properties) -> bool:
    members = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    return _route_destination(context) in {route.get(member) for member in members}


def _route_key(context: Context) -> dict[str, Any]:
    destination = {
        name[0].upper() + name[1:]: context.inputs[name] for name in _ROUTE_DESTINATIONS if context.inputs.get(name)
    }
    return {"RouteTableId": context.inputs["routeTableId"], **destination}


def _import_route(context: Context) -> None:
    table, destination = context.id.split("_", 1)
    name = "destinationIpv6CidrBlock" if ":" in destination else "destinationCidrBlock"
    context.inputs.update({"routeTableId": table, name: destination})
    context.id = _route_id(context)


def _route_id(context: Context) -> str:
    return f"r-{context.inputs['routeTableId']}{zlib.crc32(_route_destination(context).encode())}"


def _import_association(context: Context) -> None:
    target, table = context.id.split("/", 1)
    context.inputs.update({"subnetId" if target.startswith("subnet-") else "gatewayId": target, "routeTableId": table})
    answer = context.look_up("DescribeRouteTables", RouteTableIds=[table])
    for association in answer["RouteTables"][0]["Associations"]:
        if target in (association.get("SubnetId"), association.get("GatewayId")):
            context.id = association["RouteTableAssociationId"]


# ----------------------------------------------------------------------------------------------------- security groups
def _permission(group: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    """An inline rule as EC2's IpPermission."""
    described = {"Description": rule["description"]} if rule.get("description") else {}
    permission: dict[str, Any] = {
        "IpProtocol": str(rule["protocol"]),
        "FromPort": int(rule["fromPort"]),
        "ToPort": int(rule["toPort"]),
    }
    groups = [*(rule.get("securityGroups") or []), *([group] if rule.get("self") else [])]
    ranges = {
        "IpRanges": [{"CidrIp": cidr, **described} for cidr in rule.get("cidrBlocks") or []],
        "Ipv6Ranges": [{"CidrIpv6": cidr, **described} for cidr in rule.get("ipv6CidrBlocks") or []],
        "PrefixListIds": [{"PrefixListId": prefix, **described} for prefix in rule.get("prefixListIds") or []],
        "UserIdGroupPairs": [{"GroupId": other, **described} for other in groups],
    }
    return {**permission, **{member: items for member, items in ranges.items() if items}}


def _change_rules(context: Context, creating: bool) -> Iterable[Request]:
    if creating:
        yield from _revoke_default_egress(context)
    for name, direction in (("ingress", "Ingress"), ("egress", "Egress")):
        old = [] if creating else context.old.get(name) or []
        new = context.inputs.get(name) or []
        gone = [_permission(context.id, rule) for rule in old if not any(same(rule, other) for other in new)]
        added = [_permission(context.id, rule) for rule in new if not any(same(rule, other) for other in old)]
        if gone:
            yield f"RevokeSecurityGroup{direction}", {"GroupId": context.id, "IpPermissions": gone}
        if added:
            yield f"AuthorizeSecurityGroup{direction}", {"GroupId": context.id, "IpPermissions": added}


def _revoke_default_egress(context: Context) -> Iterable[Request]:
    """As the real provider: what a program does not allow is not allowed."""
    group = context.look_up("DescribeSecurityGroups", GroupIds=[context.id])["SecurityGroups"][0]
    for permission in group["IpPermissionsEgress"]:
        kept = {key: value for key, value in permission.items() if value != []}
        yield "RevokeSecurityGroupEgress", {"GroupId": context.id, "IpPermissions": [kept]}


def _live_rules(context: Context) -> Properties:
    return {
        "ingress": _reconciled_rules(context, "ingress", "IpPermissions"),
        "egress": _reconciled_rules(context, "egress", "IpPermissionsEgress"),
    }


def _reconciled_rules(context: Context, name: str, member: str) -> Any:
    """The program's rules when AWS has exactly these; else AWS's, one per source."""
    given = context.inputs.get(name) or []
    live = _grants(context.live.get(member) or [])
    if _grants([_permission(context.id, rule) for rule in given]) == live:
        return given
    return [_inline_rule(*grant) for grant in sorted(live, key=str)]


Grant = tuple[str, int, int, str, str]


def _grants(permissions: Iterable[Mapping[str, Any]]) -> set[Grant]:
    found: set[Grant] = set()
    for permission in permissions:
        protocol = permission["IpProtocol"]
        ports = (0, 0) if protocol == "-1" else (permission.get("FromPort", 0), permission.get("ToPort", 0))
        sources = (
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId"),
            ("UserIdGroupPairs", "GroupId"),
        )
        for member, key in sources:
            for source in permission.get(member) or []:
                found.add((protocol, *ports, source[key], source.get("Description") or ""))
    return found


def _inline_rule(protocol: str, start: int, end: int, source: str, description: str) -> Properties:
    if source.startswith("sg-"):
        name = "securityGroups"
    elif source.startswith("pl-"):
        name = "prefixListIds"
    else:
        name = "ipv6CidrBlocks" if ":" in source else "cidrBlocks"
    rule: Properties = {"protocol": protocol, "fromPort": float(start), "toPort": float(end), name: [source]}
    return {**rule, "description": description} if description else rule


def _only_inline_rules(context: Context) -> None:
    """A default security group is adopted: whatever it allows and the program does not say is taken away."""
    group = context.look_up("DescribeSecurityGroups", GroupIds=[context.id])["SecurityGroups"][0]
    for name, member, direction in (
        ("ingress", "IpPermissions", "Ingress"),
        ("egress", "IpPermissionsEgress", "Egress"),
    ):
        wanted = _grants([_permission(context.id, rule) for rule in context.inputs.get(name) or []])
        for permission in group[member]:
            if not _grants([permission]) <= wanted:
                kept = {key: value for key, value in permission.items() if value != []}
                context.call(f"RevokeSecurityGroup{direction}", GroupId=context.id, IpPermissions=[kept])
        present = _grants(group[member])
        for rule in context.inputs.get(name) or []:
            granted = _permission(context.id, rule)
            if not _grants([granted]) <= present:
                context.call(f"AuthorizeSecurityGroup{direction}", GroupId=context.id, IpPermissions=[granted])


def _default_group_request(context: Context) -> dict[str, Any]:
    filters = [{"Name": "group-name", "Values": ["default"]}]
    if context.inputs.get("vpcId"):
        filters.append({"Name": "vpc-id", "Values": [context.inputs["vpcId"]]})
    return {"Filters": filters}


def _rule_permission(context: Context) -> dict[str, Any]:
    """A rule resource as EC2's IpPermission with its one source."""
    rule = context.inputs
    described = {"Description": rule["description"]} if rule.get("description") else {}
    permission: dict[str, Any] = {"IpProtocol": str(rule["ipProtocol"])}
    for name, member in (("fromPort", "FromPort"), ("toPort", "ToPort")):
        if rule.get(name) is not None:
            permission[member] = int(rule[name])
    sources = {
        "cidrIpv4": ("IpRanges", "CidrIp"),
        "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    for name, (member, key) in sources.items():
        if rule.get(name):
            permission[member] = [{key: rule[name], **described}]
    return permission


def _change_rule(context: Context, _creating: bool) -> Iterable[Request]:
    rule = context.inputs
    members = {
        "IpProtocol": rule["ipProtocol"],
        "FromPort": int(rule.get("fromPort", -1)),
        "ToPort": int(rule.get("toPort", -1)),
        "CidrIpv4": rule.get("cidrIpv4"),
        "CidrIpv6": rule.get("cidrIpv6"),
        "PrefixListId": rule.get("prefixListId"),
        "ReferencedGroupId": rule.get("referencedSecurityGroupId"),
        "Description": rule.get("description"),
    }
    given = {member: value for member, value in members.items() if value is not None}
    yield (
        "ModifySecurityGroupRules",
        {
            "GroupId": rule["securityGroupId"],
            "SecurityGroupRules": [{"SecurityGroupRuleId": context.id, "SecurityGroupRule": given}],
        },
    )


def _security_group_rule(direction: str) -> ResourceType:
    name = f"SecurityGroup{direction}Rule"
    return ResourceType(
        pulumi_type=f"aws:vpc/{name[0].lower()}{name[1:]}:{name}",
        service="ec2",
        create=f"AuthorizeSecurityGroup{direction}",
        id="SecurityGroupRules[0].SecurityGroupRuleId",
        request=lambda context: {
            "GroupId": context.inputs["securityGroupId"],
            "IpPermissions": [_rule_permission(context)],
        },
        read=read_list("DescribeSecurityGroupRules", "SecurityGroupRuleIds", "SecurityGroupRules[0]"),
        delete=Call(
            f"RevokeSecurityGroup{direction}",
            lambda context: {
                "GroupId": context.inputs["securityGroupId"],
                "SecurityGroupRuleIds": [context.id],
            },
        ),
        replace_on=frozenset({"securityGroupId"}),
        steps=[
            Calls(
                (
                    "ipProtocol",
                    "fromPort",
                    "toPort",
                    "cidrIpv4",
                    "cidrIpv6",
                    "prefixListId",
                    "referencedSecurityGroupId",
                    "description",
                ),
                _change_rule,
                updates_only=True,
            )
        ],
        fields={
            "securityGroupId": "GroupId",
            "referencedSecurityGroupId": "ReferencedGroupInfo.GroupId",
        },
        tags_after_create=True,
        outputs={
            "securityGroupRuleId": id_output,
            "arn": lambda context: context.arn(f"security-group-rule/{context.id}"),
        },
    )


# ----------------------------------------------------------------------------------------------------------- endpoints
def _change_endpoint(context: Context, _creating: bool) -> Iterable[Request]:
    request: dict[str, Any] = {"VpcEndpointId": context.id}
    for name, member in (
        ("subnetIds", "SubnetIds"),
        ("securityGroupIds", "SecurityGroupIds"),
        ("routeTableIds", "RouteTableIds"),
    ):
        old, new = set(context.old.get(name) or []), set(context.inputs.get(name) or [])
        if new - old:
            request[f"Add{member}"] = sorted(new - old)
        if old - new:
            request[f"Remove{member}"] = sorted(old - new)
    if context.changed("policy"):
        given = context.inputs.get("policy")
        request.update({"PolicyDocument": given} if given else {"ResetPolicy": True})
    if context.changed("privateDnsEnabled"):
        request["PrivateDnsEnabled"] = bool(context.inputs.get("privateDnsEnabled"))
    yield "ModifyVpcEndpoint", request


def _dns_entries(context: Context) -> list[dict[str, Any]]:
    return [
        {"dnsName": entry.get("DnsName"), "hostedZoneId": entry.get("HostedZoneId")}
        for entry in context.live.get("DnsEntries") or []
    ]


# ----------------------------------------------------------------------------------------------------------- flow logs
_FLOW_LOG_SUBJECTS = {"vpcId": "VPC", "subnetId": "Subnet", "eniId": "NetworkInterface"}


def _flow_log_subject(context: Context) -> dict[str, Any]:
    for name, kind in _FLOW_LOG_SUBJECTS.items():
        if context.inputs.get(name):
            return {"ResourceIds": [context.inputs[name]], "ResourceType": kind}
    return {}


def _flow_log_id(context: Context) -> str:
    # CreateFlowLogs answers 200 even when it creates nothing.
    for failed in context.created.get("Unsuccessful") or []:
        error = failed["Error"]
        raise ApiError("ec2", "CreateFlowLogs", error["Code"], error["Message"])
    return str(context.created["FlowLogIds"][0])


# --------------------------------------------------------------------------------------------------------- elastic IP
def _associate_address(context: Context, creating: bool) -> Iterable[Request]:
    association = (context.live or {}).get("AssociationId") or context.old.get("associationId")
    if association and not creating:
        yield "DisassociateAddress", {"AssociationId": association}
    target = {
        member: context.inputs[name]
        for name, member in (("instance", "InstanceId"), ("networkInterface", "NetworkInterfaceId"))
        if context.inputs.get(name)
    }
    if target:
        yield "AssociateAddress", {"AllocationId": context.id, **target}


ROWS = (
    ResourceType(
        pulumi_type="aws:ec2/vpc:Vpc",
        service="ec2",
        create="CreateVpc",
        id="Vpc.VpcId",
        read=read_list("DescribeVpcs", "VpcIds", "Vpcs[0]"),
        delete=delete_by("DeleteVpc", "VpcId"),
        fields={"assignGeneratedIpv6CidrBlock": "AmazonProvidedIpv6CidrBlock"},
        defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
        replace_on=frozenset({"cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"}),
        steps=[
            OneByOne(
                "ModifyVpcAttribute",
                "VpcId",
                {
                    "enableDnsSupport": "EnableDnsSupport",
                    "enableDnsHostnames": "EnableDnsHostnames",
                    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
                },
                reader=_vpc_attributes,
            )
        ],
        outputs={
            "arn": lambda context: context.arn(f"vpc/{context.id}"),
            "defaultSecurityGroupId": _default_security_group,
            "mainRouteTableId": _main_route_table,
            "defaultRouteTableId": _main_route_table,
            "defaultNetworkAclId": _default_network_acl,
            "enableDnsSupport": _vpc_attribute("enableDnsSupport"),
            "enableDnsHostnames": _vpc_attribute("enableDnsHostnames"),
            "enableNetworkAddressUsageMetrics": _vpc_attribute("enableNetworkAddressUsageMetrics"),
        },
    ),
    ResourceType(
        pulumi_type="aws:ec2/subnet:Subnet",
        service="ec2",
        create="CreateSubnet",
        id="Subnet.SubnetId",
        read=read_list("DescribeSubnets", "SubnetIds", "Subnets[0]"),
        delete=delete_by("DeleteSubnet", "SubnetId"),
        defaults={
            "mapPublicIpOnLaunch": False,
            "assignIpv6AddressOnCreation": False,
            "enableDns64": False,
            "enableResourceNameDnsARecordOnLaunch": False,
            "enableResourceNameDnsAaaaRecordOnLaunch": False,
            "ipv6Native": False,
        },
        replace_on=frozenset(
            {"vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6Native", "outpostArn"}
        ),
        steps=[
            OneByOne(
                "ModifySubnetAttribute",
                "SubnetId",
                {
                    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
                    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
                    "enableDns64": "EnableDns64",
                    "enableResourceNameDnsARecordOnLaunch": "EnableResourceNameDnsARecordOnLaunch",
                    "enableResourceNameDnsAaaaRecordOnLaunch": "EnableResourceNameDnsAAAARecordOnLaunch",
                },
            ),
            OneByOne(
                "ModifySubnetAttribute",
                "SubnetId",
                {"privateDnsHostnameTypeOnLaunch": "PrivateDnsHostnameTypeOnLaunch"},
                wrapped=False,
            ),
        ],
        outputs={"arn": "SubnetArn"},
    ),
    ResourceType(
        pulumi_type="aws:ec2/internetGateway:InternetGateway",
        service="ec2",
        create="CreateInternetGateway",
        id="InternetGateway.InternetGatewayId",
        read=read_list("DescribeInternetGateways", "InternetGatewayIds", "InternetGateways[0]"),
        delete=delete_by("DeleteInternetGateway", "InternetGatewayId"),
        before_delete=_detach_gateway,
        steps=[Calls(("vpcId",), _move_gateway, _gateway_vpc)],
        outputs={
            "arn": lambda context: context.arn(f"internet-gateway/{context.id}"),
            "vpcId": "Attachments[0].VpcId",
        },
    ),
    ResourceType(
        pulumi_type="aws:ec2/routeTable:RouteTable",
        service="ec2",
        create="CreateRouteTable",
        id="RouteTable.RouteTableId",
        read=read_list("DescribeRouteTables", "RouteTableIds", "RouteTables[0]"),
        delete=delete_by("DeleteRouteTable", "RouteTableId"),
        replace_on=frozenset({"vpcId"}),
        steps=[Calls(("routes",), _change_routes, _table_routes)],
        outputs={"arn": lambda context: context.arn(f"route-table/{context.id}")},
    ),
    ResourceType(
        pulumi_type="aws:ec2/route:Route",
        service="ec2",
        create="CreateRoute",
        update="ReplaceRoute",
        id=_route_id,
        read=Read(
            "DescribeRouteTables",
            lambda context: {"RouteTableIds": [context.inputs["routeTableId"]]},
            pick("RouteTables[0].Routes", _is_route),
        ),
        delete=Call("DeleteRoute", _route_key),
        fields={"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"},
        replace_on=frozenset({"routeTableId", *_ROUTE_DESTINATIONS}),
        import_id=_import_route,
    ),
    ResourceType(
        pulumi_type="aws:ec2/routeTableAssociation:RouteTableAssociation",
        service="ec2",
        create="AssociateRouteTable",
        id="AssociationId",
        read=Read(
            "DescribeRouteTables",
            lambda context: {"Filters": [{"Name": "association.route-table-association-id", "Values": [context.id]}]},
            pick("RouteTables[0].Associations", lambda context, item: item["RouteTableAssociationId"] == context.id),
        ),
        delete=delete_by("DisassociateRouteTable", "AssociationId"),
        # ReplaceRouteTableAssociation gives a new association ID, which an update cannot return.
        replace_on=frozenset({"subnetId", "gatewayId", "routeTableId"}),
        delete_before_replace=True,
        import_id=_import_association,
    ),
    ResourceType(
        pulumi_type="aws:ec2/securityGroup:SecurityGroup",
        service="ec2",
        create="CreateSecurityGroup",
        id="GroupId",
        autoname=AutoName(max_length=255),
        fields={"name": "GroupName", "revokeRulesOnDelete": None},
        read=read_list("DescribeSecurityGroups", "GroupIds", "SecurityGroups[0]"),
        delete=delete_by("DeleteSecurityGroup", "GroupId"),
        defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
        replace_on=frozenset({"name", "namePrefix", "description", "vpcId"}),
        steps=[Calls(("ingress", "egress"), _change_rules, _live_rules, always=True)],
        outputs={"arn": "SecurityGroupArn"},
    ),
    ResourceType(
        pulumi_type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        service="ec2",
        create="DescribeSecurityGroups",
        id="SecurityGroups[0].GroupId",
        request=_default_group_request,
        fields={"name": "GroupName", "revokeRulesOnDelete": None},
        read=read_list("DescribeSecurityGroups", "GroupIds", "SecurityGroups[0]"),
        delete=None,
        tags_after_create=True,
        defaults={"revokeRulesOnDelete": False},
        replace_on=frozenset({"vpcId"}),
        after_update=_only_inline_rules,
        steps=[Calls(("ingress", "egress"), lambda _context, _creating: (), _live_rules)],
        outputs={"arn": "SecurityGroupArn"},
    ),
    _security_group_rule("Ingress"),
    _security_group_rule("Egress"),
    ResourceType(
        pulumi_type="aws:ec2/natGateway:NatGateway",
        service="ec2",
        create="CreateNatGateway",
        id="NatGateway.NatGatewayId",
        tag_type="natgateway",
        fields={"privateIp": Field("PrivateIpAddress", read="NatGatewayAddresses[0].PrivateIp")},
        read=read_list(
            "DescribeNatGateways", "NatGatewayIds", "NatGateways[0]", lambda live: live.get("State") == "deleted"
        ),
        delete=delete_by("DeleteNatGateway", "NatGatewayId"),
        defaults={"connectivityType": "public"},
        replace_on=frozenset({"allocationId", "connectivityType", "privateIp", "subnetId"}),
        outputs={
            "allocationId": "NatGatewayAddresses[0].AllocationId",
            "publicIp": "NatGatewayAddresses[0].PublicIp",
            "privateIp": "NatGatewayAddresses[0].PrivateIp",
            "networkInterfaceId": "NatGatewayAddresses[0].NetworkInterfaceId",
            "associationId": "NatGatewayAddresses[0].AssociationId",
        },
    ),
    ResourceType(
        pulumi_type="aws:ec2/eip:Eip",
        service="ec2",
        create="AllocateAddress",
        id="AllocationId",
        tag_type="elastic-ip",
        fields={"publicIpv4Pool": "PublicIpv4Pool", "associateWithPrivateIp": None},
        read=read_list("DescribeAddresses", "AllocationIds", "Addresses[0]"),
        delete=delete_by("ReleaseAddress", "AllocationId"),
        defaults={"domain": "vpc"},
        replace_on=frozenset({"address", "domain", "networkBorderGroup", "publicIpv4Pool"}),
        not_read=frozenset({"instance", "networkInterface"}),
        steps=[Calls(("instance", "networkInterface"), _associate_address)],
        outputs={"arn": lambda context: context.arn(f"elastic-ip/{context.id}")},
    ),
    ResourceType(
        pulumi_type="aws:ec2/vpcEndpoint:VpcEndpoint",
        service="ec2",
        create="CreateVpcEndpoint",
        id="VpcEndpoint.VpcEndpointId",
        fields={
            "policy": "PolicyDocument",
            "autoAccept": None,
            "securityGroupIds": Field(
                "SecurityGroupIds",
                encode=list,
                decode=lambda groups: [group["GroupId"] for group in groups],
                read="Groups",
            ),
        },
        read=read_list(
            "DescribeVpcEndpoints",
            "VpcEndpointIds",
            "VpcEndpoints[0]",
            lambda live: str(live.get("State", "")).lower() == "deleted",
        ),
        delete=Call("DeleteVpcEndpoints", lambda context: {"VpcEndpointIds": [context.id]}),
        defaults={"vpcEndpointType": "Gateway"},
        # moto keeps neither of these and ignores PrivateDnsEnabled in ModifyVpcEndpoint.
        not_read=frozenset({"ipAddressType", "dnsOptions", "privateDnsEnabled", "policy"}),
        replace_on=frozenset({"vpcId", "serviceName", "vpcEndpointType", "serviceRegion"}),
        steps=[
            Calls(
                ("subnetIds", "securityGroupIds", "routeTableIds", "policy", "privateDnsEnabled"),
                _change_endpoint,
                updates_only=True,
            )
        ],
        outputs={
            "arn": lambda context: context.arn(f"vpc-endpoint/{context.id}"),
            "dnsEntries": _dns_entries,
        },
    ),
    ResourceType(
        pulumi_type="aws:ec2/flowLog:FlowLog",
        service="ec2",
        create="CreateFlowLogs",
        id=_flow_log_id,
        tag_type="vpc-flow-log",
        fields={
            "iamRoleArn": "DeliverLogsPermissionArn",
            "vpcId": None,
            "subnetId": None,
            "eniId": None,
        },
        added=_flow_log_subject,
        read=read_list("DescribeFlowLogs", "FlowLogIds", "FlowLogs[0]"),
        delete=Call("DeleteFlowLogs", lambda context: {"FlowLogIds": [context.id]}),
        defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600.0},
        replace_on=EVERYTHING,
        outputs={"arn": lambda context: context.arn(f"vpc-flow-log/{context.id}")},
    ),
)
