"""DNS records."""

from collections.abc import Callable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import pick
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties


def _name(context: Context) -> str:
    """The record's full name: inside its zone a program may leave the zone out, as with the real provider."""
    name = str(context.inputs["name"]).rstrip(".").lower()
    if context.validating:
        return name
    zone = str(context.look_up("GetHostedZone", Id=context.inputs["zoneId"])["HostedZone"]["Name"]).rstrip(".")
    if not name:
        return zone
    return name if name == zone or name.endswith(f".{zone}") else f"{name}.{zone}"


def _quoted(kind: str, value: str) -> str:
    return f'"{value}"' if kind in ("TXT", "SPF") and not value.startswith('"') else value


def _record_set(context: Context) -> dict[str, Any]:
    inputs = context.inputs
    record: dict[str, Any] = {"Name": _name(context), "Type": inputs["type"]}
    if inputs.get("aliases"):
        alias = inputs["aliases"][0]
        record["AliasTarget"] = {
            "HostedZoneId": alias["zoneId"],
            "DNSName": alias["name"],
            "EvaluateTargetHealth": bool(alias["evaluateTargetHealth"]),
        }
    else:
        record["TTL"] = int(inputs.get("ttl") or 0)
        record["ResourceRecords"] = [{"Value": _quoted(inputs["type"], value)} for value in inputs.get("records") or []]
    optional: dict[str, Any] = {
        "SetIdentifier": inputs.get("setIdentifier"),
        "HealthCheckId": inputs.get("healthCheckId"),
        "Weight": _first(inputs, "weightedRoutingPolicies", "weight"),
        "Failover": _first(inputs, "failoverRoutingPolicies", "type"),
        "Region": _first(inputs, "latencyRoutingPolicies", "region"),
    }
    if optional["Weight"] is not None:
        optional["Weight"] = int(optional["Weight"])
    return {**record, **{member: value for member, value in optional.items() if value is not None}}


def _first(inputs: Properties, name: str, member: str) -> Any:
    policies = inputs.get(name)
    return policies[0][member] if policies else None


def _change(action: str) -> Callable[[Context], Mapping[str, Any]]:
    def request(context: Context) -> Mapping[str, Any]:
        overwrite = action == "CREATE" and context.inputs.get("allowOverwrite")
        change = {"Action": "UPSERT" if overwrite else action, "ResourceRecordSet": _record_set(context)}
        return {"HostedZoneId": context.inputs["zoneId"], "ChangeBatch": {"Changes": [change]}}

    return request


def _id(context: Context) -> str:
    parts = [context.inputs["zoneId"], str(context.inputs["name"]).rstrip("."), context.inputs["type"]]
    return "_".join([*parts, *filter(None, [context.inputs.get("setIdentifier")])])


def _is_record(context: Context, record: Properties) -> bool:
    return (
        record["Name"].rstrip(".").replace("\\052", "*") == _name(context)
        and record["Type"] == context.inputs["type"]
        and record.get("SetIdentifier") == context.inputs.get("setIdentifier")
    )


def _import_record(context: Context) -> None:
    zone, rest = context.id.split("_", 1)
    name, kind = rest.rsplit("_", 1)
    context.inputs.update({"zoneId": zone, "name": name, "type": kind})


def _decode_values(records: list[Properties]) -> list[str]:
    return [record["Value"].strip('"') for record in records]


ROWS = (
    ResourceType(
        pulumi_type="aws:route53/record:Record",
        service="route53",
        create="ChangeResourceRecordSets",
        id=_id,
        request=_change("CREATE"),
        read=Read(
            "ListResourceRecordSets",
            lambda context: {
                "HostedZoneId": context.inputs["zoneId"],
                "StartRecordName": _name(context),
                "StartRecordType": context.inputs["type"],
            },
            pick("ResourceRecordSets", _is_record),
        ),
        delete=Call("ChangeResourceRecordSets", _change("DELETE")),
        fields={
            "records": Field("ResourceRecords", encode=list, decode=_decode_values),
            "aliases": "AliasTarget",
            "aliases.name": "DNSName",
            "aliases.zoneId": "HostedZoneId",
            "zoneId": None,
        },
        not_read=frozenset({"name", "zoneId", "weightedRoutingPolicies", "failoverRoutingPolicies"}),
        # The real provider deletes and creates inside one update for these; the outcome is the same.
        replace_on=frozenset({"name", "zoneId", "type", "setIdentifier"}),
        delete_before_replace=True,
        steps=[
            Calls(
                (
                    "records",
                    "ttl",
                    "aliases",
                    "healthCheckId",
                    "weightedRoutingPolicies",
                    "failoverRoutingPolicies",
                    "latencyRoutingPolicies",
                ),
                lambda context, _creating: [("ChangeResourceRecordSets", _change("UPSERT")(context))],
                updates_only=True,
            )
        ],
        outputs={"fqdn": _name},
        import_id=_import_record,
    ),
)
