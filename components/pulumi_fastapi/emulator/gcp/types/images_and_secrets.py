"""Artifact Registry and Secret Manager."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_fastapi.emulator.gcp.resource import Context, ResourceType, patch_masked
from pulumi_fastapi.emulator.gcp.types.common import short_name
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import AutoName
from pulumi_fastapi.emulator.values import Properties

_ARTIFACTS = "artifactregistry.googleapis.com/v1/projects/{project}/locations/{location}"
_SECRETS = "secretmanager.googleapis.com/v1"


def _policies_by_id(policies: Any) -> Properties:
    return {policy["id"]: {name: value for name, value in policy.items() if name != "id"} for policy in policies}


def _policies_as_list(policies: Mapping[str, Any]) -> list[Properties]:
    return [
        {"id": id, **{name: value for name, value in policy.items() if name != "id"}} for id, policy in policies.items()
    ]


def _secret_version_body(context: Context) -> Properties:
    data = str(context.inputs.get("secretData") or context.inputs.get("secretDataWo") or "")
    encoded = data if context.inputs.get("isSecretDataBase64") else base64.b64encode(data.encode()).decode()
    return {"payload": {"data": encoded}}


def _secret_of_version(context: Context) -> str:
    _, number, rest = context.id.rpartition("/versions/")[0].split("/", 2)
    return f"projects/{context.cloud.project_id(number)}/{rest}"


def _switch_secret_version(context: Context) -> None:
    verb = "disable" if context.inputs.get("enabled") is False else "enable"
    context.call("POST", f"https://{_SECRETS}/{context.live['name']}:{verb}", {})


def _delete_secret_version(context: Context) -> None:
    verb = "disable" if context.inputs.get("deletionPolicy") == "DISABLE" else "destroy"
    context.call("POST", f"https://{_SECRETS}/{context.id}:{verb}", {})


def _read_secret_version(context: Context) -> Properties | None:
    version = context.call("GET", f"https://{_SECRETS}/{context.id}")
    return None if version["state"] == "DESTROYED" else version


def rows() -> Iterator[ResourceType]:
    yield ResourceType(
        pulumi_type="gcp:artifactregistry/repository:Repository",
        collection=f"{_ARTIFACTS}/repositories",
        key="repositoryId",
        id_parameter="repositoryId",
        not_sent=frozenset({"location"}),
        fields={"cleanupPolicies": Field("cleanupPolicies", encode=_policies_by_id, decode=_policies_as_list)},
        defaults={"mode": "STANDARD_REPOSITORY"},
        replace_on=frozenset({"location", "repositoryId", "format", "kmsKeyName", "mode", "remoteRepositoryConfig"}),
        update=patch_masked,
        outputs={"name": short_name},
    )
    yield ResourceType(
        pulumi_type="gcp:secretmanager/secret:Secret",
        collection=f"{_SECRETS}/projects/{{project}}/secrets",
        key="secretId",
        id_parameter="secretId",
        autoname=AutoName(input="secretId"),
        not_sent=frozenset({"tags", "secretType"}),
        fields={"replication.auto": "automatic"},
        defaults={"deletionProtection": False},
        protected=False,
        replace_on=frozenset({"secretId", "replication", "tags"}),
        delete_before_replace=True,
        update=patch_masked,
    )
    yield ResourceType(
        pulumi_type="gcp:secretmanager/secretVersion:SecretVersion",
        collection=f"{_SECRETS}/{{secret}}/versions",
        key=None,
        paths={"secret": "projects/x/secrets/x"},
        create_url=f"{_SECRETS}/{{secret}}:addVersion",
        self_url=f"{_SECRETS}/{{id}}",
        id="live.name",
        body=_secret_version_body,
        defaults={"enabled": True},
        replace_on=frozenset({"secret", "secretData", "isSecretDataBase64", "secretDataWoVersion"}),
        after_create=_switch_secret_version,
        reader=_read_secret_version,
        deleter=_delete_secret_version,
        tells={"secret": _secret_of_version},
        outputs={"version": short_name, "enabled": lambda context: context.live["state"] == "ENABLED"},
        secret_outputs=frozenset({"secretData"}),
    )
