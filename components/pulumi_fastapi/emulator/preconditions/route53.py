"""Records."""

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before
from pulumi_fastapi.emulator.values import Properties


@before("route53:ChangeResourceRecordSets")
def _lonely_alias(api: Api, region: str, params: Properties) -> None:
    """A CNAME bears no other record of its name, and no zone's own name can be one."""
    zone = api.look_up("route53", "GetHostedZone", {"Id": params["HostedZoneId"]}, region)["HostedZone"]["Name"]
    query = {"HostedZoneId": params["HostedZoneId"]}
    existing = api.look_up("route53", "ListResourceRecordSets", query, region)["ResourceRecordSets"]
    for change in params["ChangeBatch"]["Changes"]:
        record = change["ResourceRecordSet"]
        name, kind = record["Name"].rstrip(".").lower(), record["Type"]
        others = {each["Type"] for each in existing if each["Name"].rstrip(".").lower() == name} - {kind}
        if change["Action"] == "DELETE":
            continue
        if kind == "CNAME" and name == zone.rstrip("."):
            text = f"RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {zone}"
        elif (kind == "CNAME" and others) or "CNAME" in others:
            text = (
                f"RRSet of type {kind} with DNS name {name}. is not permitted as it conflicts with other records with "
                f"the same DNS name in zone {zone}"
            )
        else:
            continue
        raise ApiError("route53", "ChangeResourceRecordSets", "InvalidChangeBatch", f"[{text}]")
