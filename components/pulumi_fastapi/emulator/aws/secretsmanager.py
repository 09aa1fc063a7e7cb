"""Secrets and their versions."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_id, delete_by
from pulumi_fastapi.emulator.mapping import Field, json_text
from pulumi_fastapi.emulator.resource import AutoName, Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties

Request = tuple[str, Mapping[str, Any]]


def _delete_secret(context: Context) -> Mapping[str, Any]:
    window = context.inputs.get("recoveryWindowInDays")
    if window == 0:
        return {"SecretId": context.id, "ForceDeleteWithoutRecovery": True}
    return {"SecretId": context.id, "RecoveryWindowInDays": int(30 if window is None else window)}


def _change_secret(context: Context, _creating: bool) -> Iterable[Request]:
    key = {"KmsKeyId": context.inputs["kmsKeyId"]} if context.inputs.get("kmsKeyId") else {}
    yield "UpdateSecret", {"SecretId": context.id, "Description": context.inputs.get("description") or "", **key}


def _change_policy(context: Context, _creating: bool) -> Iterable[Request]:
    policy = context.inputs.get("policy")
    if policy:
        yield "PutResourcePolicy", {"SecretId": context.id, "ResourcePolicy": json_text(policy)}
    else:
        yield "DeleteResourcePolicy", {"SecretId": context.id}


def _policy(context: Context) -> Properties:
    return {"policy": context.look_up("GetResourcePolicy", SecretId=context.id).get("ResourcePolicy")}


def _given_policy(answer: Properties) -> Properties | None:
    """Of a secret without a policy AWS tells its name only."""
    return answer if answer.get("ResourcePolicy") else None


def _version_key(context: Context) -> Mapping[str, Any]:
    secret, version = context.id.split("|")
    return {"SecretId": secret, "VersionId": version}


def _import_version(context: Context) -> None:
    context.inputs["secretId"] = context.id.split("|")[0]


ROWS = (
    ResourceType(
        pulumi_type="aws:secretsmanager/secret:Secret",
        service="secretsmanager",
        create="CreateSecret",
        id="ARN",
        autoname=AutoName(max_length=512),
        fields={"recoveryWindowInDays": None, "replicas": "AddReplicaRegions"},
        read=Read("DescribeSecret", by_id("SecretId"), "", lambda live: bool(live.get("DeletedDate"))),
        delete=Call("DeleteSecret", _delete_secret),
        defaults={"forceOverwriteReplicaSecret": False, "recoveryWindowInDays": 30.0},
        not_read=frozenset({"replicas"}),
        replace_on=frozenset({"name", "namePrefix"}),
        steps=[
            Calls(("description", "kmsKeyId"), _change_secret, updates_only=True),
            Calls(("policy",), _change_policy, _policy),
        ],
        outputs={"arn": "ARN"},
    ),
    ResourceType(
        pulumi_type="aws:secretsmanager/secretVersion:SecretVersion",
        service="secretsmanager",
        create="PutSecretValue",
        id=lambda context: f"{context.inputs['secretId']}|{context.created['VersionId']}",
        fields={"hasSecretStringWo": None},
        read=Read("GetSecretValue", _version_key),
        # Old versions go when the secret goes, or when newer ones push them out.
        delete=None,
        not_read=frozenset({"secretId"}),
        replace_on=frozenset({"secretId", "secretString", "secretBinary"}),
        secret_outputs=frozenset({"secretString", "secretBinary"}),
        outputs={"arn": "ARN", "versionId": "VersionId", "versionStages": "VersionStages"},
        import_id=_import_version,
    ),
    ResourceType(
        pulumi_type="aws:secretsmanager/secretPolicy:SecretPolicy",
        service="secretsmanager",
        create="PutResourcePolicy",
        update="PutResourcePolicy",
        id="ARN",
        fields={
            "policy": Field("ResourcePolicy", encode=json_text, decode=json_text),
            "secretArn": Field("SecretId", read="ARN"),
        },
        read=Read("GetResourcePolicy", by_id("SecretId"), lambda _context, answer: _given_policy(answer)),
        delete=delete_by("DeleteResourcePolicy", "SecretId"),
        replace_on=frozenset({"secretArn"}),
        import_id=lambda context: context.inputs.update({"secretArn": context.id}),
    ),
    ResourceType(
        pulumi_type="aws:secretsmanager/secretRotation:SecretRotation",
        service="secretsmanager",
        create="RotateSecret",
        update="RotateSecret",
        id="ARN",
        fields={
            "rotationEnabled": None,
            "rotationLambdaArn": "RotationLambdaARN",
            "secretId": Field("SecretId", read="ARN"),
        },
        read=Read("DescribeSecret", by_id("SecretId"), "", lambda live: not live.get("RotationEnabled")),
        delete=delete_by("CancelRotateSecret", "SecretId"),
        defaults={"rotateImmediately": True},
        replace_on=frozenset({"secretId"}),
        outputs={"rotationEnabled": "RotationEnabled"},
        import_id=lambda context: context.inputs.update({"secretId": context.id}),
    ),
)
