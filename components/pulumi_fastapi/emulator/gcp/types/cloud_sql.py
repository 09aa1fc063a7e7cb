"""Cloud SQL: instances, databases and users."""

from collections.abc import Iterator
from urllib.parse import quote

from pulumi_fastapi.emulator.gcp.resource import Context, ResourceType, patch_differing, put
from pulumi_fastapi.emulator.mapping import FieldSpec, dig
from pulumi_fastapi.emulator.resource import AutoName
from pulumi_fastapi.emulator.values import Properties

_SQL = "sqladmin.googleapis.com/v1/projects/{project}"


def _address(context: Context, kind: str) -> str:
    return next((each["ipAddress"] for each in context.live["ipAddresses"] if each["type"] == kind), "")


def _instance_replaces(state: Properties, inputs: Properties) -> Iterator[str]:
    network = "settings.ipConfiguration.privateNetwork"
    if dig(state, network) and not dig(inputs, network):
        yield "settings"
    before, after = dig(state, "settings.diskSize"), dig(inputs, "settings.diskSize")
    if before and after and float(after) < float(before) and dig(inputs, "settings.diskAutoresize") is False:
        yield "settings"


def _user_url(context: Context) -> str:
    return f"{context.url(f'{_SQL}/instances/{{instance}}/users')}?name={quote(str(context.inputs['name']))}"


def _read_user(context: Context) -> Properties | None:
    users = context.call("GET", context.url(f"{_SQL}/instances/{{instance}}/users"))
    return next((user for user in users.get("items", []) if user["name"] == context.inputs["name"]), None)


def _update_user(context: Context, body: Properties, differing: frozenset[str]) -> None:
    context.call("PUT", _user_url(context), body)


def _delete_user(context: Context) -> None:
    context.call("DELETE", _user_url(context))


def rows() -> Iterator[ResourceType]:
    settings = {
        "diskSize": "dataDiskSizeGb",
        "diskType": "dataDiskType",
        "diskAutoresize": "storageAutoResize",
        "diskAutoresizeLimit": "storageAutoResizeLimit",
    }
    fields: dict[str, FieldSpec] = {f"settings.{name}": member for name, member in settings.items()}
    yield ResourceType(
        pulumi_type="gcp:sql/databaseInstance:DatabaseInstance",
        collection=f"{_SQL}/instances",
        autoname=AutoName(max_length=98),
        id="{name}",
        fields={**fields, "encryptionKeyName": "diskEncryptionConfiguration.kmsKeyName"},
        not_sent=frozenset({"rootPasswordWo", "rootPasswordWoVersion"}),
        defaults={"deletionProtection": True},
        protected=True,
        replace_on=frozenset({"name", "region", "encryptionKeyName", "settings.collation"}),
        replaces=_instance_replaces,
        update=put,
        not_read=frozenset({"rootPassword"}),
        outputs={
            "firstIpAddress": lambda context: dig(context.live, "ipAddresses[0].ipAddress") or "",
            "privateIpAddress": lambda context: _address(context, "PRIVATE"),
            "publicIpAddress": lambda context: _address(context, "PRIMARY"),
            "serverCaCerts": lambda context: [context.live["serverCaCert"]],
        },
        secret_outputs=frozenset({"rootPassword", "serverCaCerts"}),
    )
    yield ResourceType(
        pulumi_type="gcp:sql/database:Database",
        collection=f"{_SQL}/instances/{{instance}}/databases",
        autoname=AutoName(),
        replace_on=frozenset({"name", "instance"}),
        update=patch_differing,
    )
    yield ResourceType(
        pulumi_type="gcp:sql/user:User",
        collection=f"{_SQL}/instances/{{instance}}/users",
        autoname=AutoName(),
        id=lambda context: f"{context.inputs['name']}/{context.inputs.get('host', '')}/{context.inputs['instance']}",
        not_sent=frozenset({"passwordWo", "passwordWoVersion"}),
        not_read=frozenset({"password"}),
        replace_on=frozenset({"name", "instance", "host", "type"}),
        update=_update_user,
        reader=_read_user,
        deleter=_delete_user,
        secret_outputs=frozenset({"password"}),
    )
