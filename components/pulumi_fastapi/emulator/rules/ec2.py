"""Networks."""

import ipaddress
import re
from typing import Any

from pulumi_fastapi.emulator.rules.judges import (
    Rule,
    as_number,
    between,
    matches,
    one_of,
)
from pulumi_fastapi.emulator.values import Properties, scalar_text


def _network(value: Any, low: int, high: int) -> str | None:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        return f"{value!r} is not a network: {error}"
    if not low <= network.prefixlen <= high:
        return f"{value!r}: the prefix has to be between /{low} and /{high}"
    return None


def _vpc_network(value: Any, _inputs: Properties) -> str | None:
    return _network(value, 16, 28)


def _any_cidr(value: Any, _inputs: Properties) -> str | None:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        return f"CIDR block {value} is malformed: {error}"
    return None


_PROTOCOLS = re.compile(r"-1|all|tcp|udp|icmp|icmpv6|[0-9]{1,3}")


def _protocol(value: Any, _inputs: Properties) -> str | None:
    text = scalar_text(value)
    if _PROTOCOLS.fullmatch(text) and (not text.isdigit() or int(text) <= 255):
        return None
    return f"Invalid value '{text}' for IP protocol. Unknown protocol"


def _port(value: Any, inputs: Properties) -> str | None:
    return between(-1, 65535)(value, inputs)


def _port_order(rule: Any, _inputs: Properties) -> str | None:
    start, end = as_number(rule.get("fromPort")), as_number(rule.get("toPort"))
    if start is not None and end is not None and start > end and start != -1:
        return f"the range {scalar_text(start)} to {scalar_text(end)} is empty"
    return None


def _one_source(inputs: Properties, _all: Properties) -> str | None:
    sources = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
    given = [name for name in sources if inputs.get(name) is not None]
    return None if len(given) == 1 else f"exactly one of {', '.join(sources)} has to be given, not {len(given)}"


def _group_name(value: Any, _inputs: Properties) -> str | None:
    if isinstance(value, str) and value.startswith("sg-"):
        return f"{value!r}: a group name may not start with sg-"
    return matches(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}", "invalid characters in the group name")(value, {})


_GROUP_TEXT = r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}"

_RULE_TEXT = matches(_GROUP_TEXT, "Character sets beyond ASCII are not supported, nor are < > and quotes")


def _public_nat(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("connectivityType", "public") == "public" and inputs.get("allocationId") is None:
        return "a public NAT gateway needs an allocationId"
    if inputs.get("connectivityType") == "private" and inputs.get("allocationId") is not None:
        return "a private NAT gateway takes no allocationId"
    return None


RULES: tuple[Rule, ...] = (
    Rule("ec2/vpc:Vpc", "cidrBlock", "InvalidVpc.Range", _vpc_network),
    Rule("ec2/vpc:Vpc", "instanceTenancy", "InvalidParameterValue", one_of("default", "dedicated")),
    Rule("ec2/subnet:Subnet", "cidrBlock", "InvalidSubnet.Range", _vpc_network),
    Rule("ec2/route:Route", "destinationCidrBlock", "InvalidParameterValue", _any_cidr),
    Rule("ec2/routeTable:RouteTable", "routes[].cidrBlock", "InvalidParameterValue", _any_cidr),
    Rule("ec2/securityGroup:SecurityGroup", "name", "InvalidParameterValue", _group_name),
    Rule("ec2/securityGroup:SecurityGroup", "description", "InvalidParameterValue", _RULE_TEXT),
    *(
        Rule("ec2/securityGroup:SecurityGroup", f"{direction}[]{path}", code, judge)
        for direction in ("ingress", "egress")
        for path, code, judge in (
            (".protocol", "InvalidParameterValue", _protocol),
            (".fromPort", "InvalidParameterValue", _port),
            (".toPort", "InvalidParameterValue", _port),
            ("", "InvalidParameterValue", _port_order),
            (".cidrBlocks[]", "InvalidParameterValue", _any_cidr),
            (".ipv6CidrBlocks[]", "InvalidParameterValue", _any_cidr),
            (".description", "InvalidParameterValue", _RULE_TEXT),
        )
    ),
    *(
        Rule(f"vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule", path, code, judge)
        for direction in ("Ingress", "Egress")
        for path, code, judge in (
            ("ipProtocol", "InvalidParameterValue", _protocol),
            ("fromPort", "InvalidParameterValue", _port),
            ("toPort", "InvalidParameterValue", _port),
            ("", "InvalidParameterValue", _port_order),
            ("", "InvalidParameterCombination", _one_source),
            ("cidrIpv4", "InvalidParameterValue", _any_cidr),
            ("cidrIpv6", "InvalidParameterValue", _any_cidr),
            ("description", "InvalidParameterValue", _RULE_TEXT),
        )
    ),
    Rule("ec2/natGateway:NatGateway", "", "MissingParameter", _public_nat),
    Rule(
        "ec2/vpcEndpoint:VpcEndpoint",
        "serviceName",
        "InvalidServiceName",
        matches(r"(com|aws|cn|vpce)\.[a-z0-9.-]+", "The Vpc Endpoint Service does not exist"),
    ),
    Rule("ec2/flowLog:FlowLog", "maxAggregationInterval", "InvalidParameter", one_of(60, 600)),
)
