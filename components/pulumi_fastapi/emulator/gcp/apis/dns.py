"""Record sets of managed zones that exist already: any zone does."""

from pulumi_fastapi.emulator.gcp.cloud import Call, handles
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.values import Properties


@handles("dns.resourceRecordSets.create")
def create_record_set(call: Call) -> Properties:
    name, kind = call.body.get("name"), call.body.get("type")
    if not isinstance(name, str) or not name.endswith("."):
        raise GoogleError(400, f"Invalid value for 'entity.rrset.name': {name!r} has to end with a dot")
    path = f"{call.path}/{name}/{kind}"
    if call.cloud.look_up("dns", path) is not None:
        raise GoogleError(409, f"The 'entity.rrset' resource named '{name} ({kind})' already exists")
    record = {"kind": "dns#resourceRecordSet", **call.body}
    call.cloud.put("dns", path, record)
    return record
