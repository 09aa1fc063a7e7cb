"""What a method does when its API adds nothing to it: keep, tell, change and forget resources."""

import re
import uuid

from pulumi_fastapi.emulator.gcp.cloud import (
    COMPLETIONS,
    HANDLERS,
    REFUSALS,
    USUAL,
    Call,
    camel_case,
    now,
    visible,
)
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.gcp.operations import pending
from pulumi_fastapi.emulator.values import Properties


def create(call: Call) -> Properties:
    path = f"{call.path}/{call.id or _server_id()}"
    cloud = call.cloud
    if cloud.look_up(call.api, path) is not None:
        raise GoogleError(409, f"Resource '{path}' already exists")
    resource: Properties = {**call.body, **_identity(call, path)}
    error = complete(call, path, resource, None)
    cloud.put(call.api, path, resource)
    return finish(call, path, resource, error)


def complete(call: Call, path: str, resource: Properties, before: Properties | None) -> GoogleError | None:
    completion = COMPLETIONS.get((call.api, call.collection))
    return completion(call, path, resource, before) if completion is not None else None


def _identity(call: Call, path: str) -> Properties:
    """What every new resource of an API is told to be."""
    shape = call.method.body
    members = shape.members if shape is not None else {}
    if shape is not None and call.api == "compute":
        made: Properties = {
            "kind": f"compute#{shape.name[:1].lower()}{shape.name[1:]}",
            "id": _server_id(),
            "name": call.id,
            "creationTimestamp": now(),
            "selfLink": f"https://www.googleapis.com/compute/v1/{path}",
        }
        fingerprints = {key: uuid.uuid4().hex[:12] for key in ("fingerprint", "labelFingerprint") if key in members}
        return {key: value for key, value in made.items() if key in members} | fingerprints
    if call.api in ("sqladmin", "logging", "dns"):
        return {"name": call.id}
    return {"name": path, **{key: now() for key in ("createTime", "updateTime") if key in members}}


def _server_id() -> str:
    return str(uuid.uuid4().int)[:19]


def get(call: Call) -> Properties:
    return visible(call.find())


def list_(call: Call) -> Properties:
    items = [visible(resource) for _, resource in call.cloud.below(call.api, call.path)]
    return {"items" if call.api in ("compute", "sqladmin") else call.collection: items}


def patch(call: Call) -> Properties:
    """Change what the mask names; without one, what the body holds."""
    before = call.find()
    shape = call.method.body
    assert shape is not None
    mask = call.query.get("updateMask") or call.query.get("update_mask")
    named = (
        [camel_case(each.strip()).split(".")[0] for each in mask.split(",")] if mask else [*call.body, *call.cleared]
    )
    changed = dict(before)
    for key in named:
        member = shape.members.get(key)
        if member is None:
            raise GoogleError(400, f"Invalid update_mask path: {key}")
        if member.read_only:
            continue
        if key in call.body:
            changed[key] = call.body[key]
        else:
            changed.pop(key, None)
    return _written(call, before, changed)


def replace(call: Call) -> Properties:
    """Put the body in the place of what was; what Google computes stays."""
    before = call.find()
    shape = call.method.body
    assert shape is not None
    kept = {
        key: value
        for key, value in before.items()
        if key.startswith("_") or key in _NEVER_SENT or (key in shape.members and shape.members[key].read_only)
    }
    return _written(call, before, {**kept, **call.body})


_NEVER_SENT = frozenset(
    {
        "name",
        "kind",
        "id",
        "selfLink",
        "creationTimestamp",
        "fingerprint",
        "labelFingerprint",
        "etag",
        "region",
        "project",
    }
)


def _written(call: Call, before: Properties, changed: Properties) -> Properties:
    if "updateTime" in before:
        changed["updateTime"] = now()
    error = complete(call, call.path, changed, before)
    call.cloud.put(call.api, call.path, changed)
    return finish(call, call.path, changed, error)


def delete(call: Call) -> Properties:
    resource = call.find()
    refusal = REFUSALS.get((call.api, call.collection))
    if refusal is not None:
        refusal(call, resource)
    call.cloud.remove(call.api, call.path)
    return finish(call, call.path, resource) if call.method.long_running else {}


# ---------------------------------------------------------------------------------------------------------- operations
def finish(call: Call, path: str, resource: Properties, error: GoogleError | None = None) -> Properties:
    """The answer to a write: the resource, or the operation that has begun."""
    if not call.method.long_running:
        if error is not None:
            raise error
        return visible(resource)
    operation = _operation(call, path, visible(resource), error)
    call.cloud.operations[f"{call.api}:{operation['name']}"] = operation
    return pending(operation)


def _operation(call: Call, path: str, resource: Properties, error: GoogleError | None) -> Properties:
    id = str(uuid.uuid4())
    if call.api in ("compute", "sqladmin"):
        failed: Properties = {}
        if error is not None:
            failed = {"error": {"errors": [{"code": error.status, "message": error.api_message}]}}
        kind = {"insert": "CREATE", "delete": "DELETE"}.get(call.method.name, "UPDATE")
        return {
            "kind": f"{call.method.id.split('.')[0]}#operation",
            "name": f"operation-{id}",
            "status": "DONE",
            "operationType": kind,
            "targetLink": f"https://www.googleapis.com/compute/v1/{path}",
            "targetId": path.rsplit("/", 1)[-1],
            "startTime": now(),
            "endTime": now(),
            **failed,
        }
    place = re.match(r"projects/[^/]+/locations/[^/]+", call.path)
    home = path if call.api == "iam" else place[0] if place else None
    name = f"{home}/operations/{id}" if home else f"operations/{id}"
    begun = {"name": name, "metadata": {"@type": f"type.googleapis.com/{call.api}.OperationMetadata", "target": path}}
    if error is not None:
        return {**begun, "done": True, "error": {"code": error.rpc_code, "message": error.api_message}}
    kind = call.method.body.name if call.method.body is not None else "Empty"
    return {**begun, "done": True, "response": {"@type": f"type.googleapis.com/{call.api}.{kind}", **resource}}


def _get_operation(call: Call) -> Properties:
    name = call.path
    if call.api in ("compute", "sqladmin"):  # named without the place they happen in
        name = call.path.removesuffix("/wait").rsplit("/", 1)[-1]
    return call.cloud.operation(call.api, name)


USUAL.update(
    {
        "create": create,
        "insert": create,
        "get": get,
        "list": list_,
        "patch": patch,
        "update": replace,
        "delete": delete,
    }
)
HANDLERS.update(
    {
        f"{prefix}.{verb}": _get_operation
        for prefix in (
            "artifactregistry.projects.locations.operations",
            "compute.globalOperations",
            "compute.regionOperations",
            "iam.projects.locations.workloadIdentityPools.operations",
            "iam.projects.locations.workloadIdentityPools.providers.operations",
            "run.projects.locations.operations",
            "servicenetworking.operations",
            "serviceusage.operations",
            "sql.operations",
        )
        for verb in ("get", "wait")
    }
)
