"""Records."""

import ipaddress

from pulumi_fastapi.emulator.rules.judges import (
    Rule,
    one_of,
)
from pulumi_fastapi.emulator.values import Properties


def _alias_or_records(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("aliases"):
        if inputs.get("records") or inputs.get("ttl") is not None:
            return "an alias record takes neither records nor ttl"
        return None
    if not inputs.get("records"):
        return "one of records or aliases is needed"
    return "ttl is required with records" if inputs.get("ttl") is None else None


def _record_values(inputs: Properties, _all: Properties) -> str | None:
    for value in inputs.get("records") or []:
        if not isinstance(value, str):
            continue
        if inputs.get("type") in ("A", "AAAA"):
            try:
                address = ipaddress.ip_address(value)
            except ValueError:
                return f"{value!r} is not an IP address"
            if (address.version == 4) != (inputs["type"] == "A"):
                return f"{value!r} is no address for an {inputs['type']} record"
    return None


RULES: tuple[Rule, ...] = (
    Rule("route53/record:Record", "", "InvalidChangeBatch", _alias_or_records),
    Rule("route53/record:Record", "", "InvalidChangeBatch", _record_values),
    Rule(
        "route53/record:Record",
        "type",
        "InvalidInput",
        one_of(
            "A",
            "AAAA",
            "CAA",
            "CNAME",
            "DS",
            "HTTPS",
            "MX",
            "NAPTR",
            "NS",
            "PTR",
            "SOA",
            "SPF",
            "SRV",
            "SSHFP",
            "SVCB",
            "TLSA",
            "TXT",
        ),
    ),
)
