"""Encryption keys and their aliases."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_id, delete_by, input_id, pick
from pulumi_fastapi.emulator.mapping import Field, json_text
from pulumi_fastapi.emulator.resource import AutoName, Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties

Request = tuple[str, Mapping[str, Any]]


def _change_rotation(context: Context, creating: bool) -> Iterable[Request]:
    if context.inputs.get("enableKeyRotation"):
        period = context.inputs.get("rotationPeriodInDays")
        days = {"RotationPeriodInDays": int(period)} if period else {}
        yield "EnableKeyRotation", {"KeyId": context.id, **days}
    elif not creating:
        yield "DisableKeyRotation", {"KeyId": context.id}


def _rotation(context: Context) -> Properties:
    return {"enableKeyRotation": context.look_up("GetKeyRotationStatus", KeyId=context.id)["KeyRotationEnabled"]}


def _change_state(context: Context, creating: bool) -> Iterable[Request]:
    if context.inputs.get("isEnabled") is False:
        yield "DisableKey", {"KeyId": context.id}
    elif not creating:
        yield "EnableKey", {"KeyId": context.id}


def _state(context: Context) -> Properties:
    return {"isEnabled": context.live.get("Enabled")}


def _change_policy(context: Context, _creating: bool) -> Iterable[Request]:
    policy = json_text(context.inputs["policy"])
    yield "PutKeyPolicy", {"KeyId": context.id, "PolicyName": "default", "Policy": policy}


def _policy(context: Context) -> Properties:
    return {"policy": context.look_up("GetKeyPolicy", KeyId=context.id, PolicyName="default")["Policy"]}


def _change_description(context: Context, _creating: bool) -> Iterable[Request]:
    yield "UpdateKeyDescription", {"KeyId": context.id, "Description": context.inputs.get("description") or ""}


ROWS = (
    ResourceType(
        pulumi_type="aws:kms/key:Key",
        service="kms",
        create="CreateKey",
        id="KeyMetadata.KeyId",
        fields={
            "customerMasterKeySpec": "KeySpec",
            "policy": Field("Policy", encode=json_text, decode=json_text),
            "deletionWindowInDays": None,
        },
        read=Read("DescribeKey", by_id("KeyId"), "KeyMetadata", lambda live: live.get("KeyState") == "PendingDeletion"),
        delete=Call(
            "ScheduleKeyDeletion",
            lambda context: {
                "KeyId": context.id,
                "PendingWindowInDays": int(context.inputs.get("deletionWindowInDays") or 30),
            },
        ),
        defaults={
            "bypassPolicyLockoutSafetyCheck": False,
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "isEnabled": True,
            "keyUsage": "ENCRYPT_DECRYPT",
        },
        # moto keeps no rotation period.
        not_read=frozenset({"rotationPeriodInDays"}),
        replace_on=frozenset({"customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"}),
        steps=[
            Calls(("enableKeyRotation", "rotationPeriodInDays"), _change_rotation, _rotation),
            Calls(("isEnabled",), _change_state, _state),
            Calls(("policy",), _change_policy, _policy, updates_only=True),
            Calls(("description",), _change_description, updates_only=True),
        ],
        outputs={"arn": "Arn", "keyId": "KeyId"},
    ),
    ResourceType(
        pulumi_type="aws:kms/alias:Alias",
        service="kms",
        create="CreateAlias",
        update="UpdateAlias",
        id=input_id("name"),
        autoname=AutoName(max_length=256, prefix="alias/"),
        fields={"name": "AliasName"},
        # Given as ARN or as ID; AWS tells the ID.
        not_read=frozenset({"targetKeyId"}),
        read=Read(
            "ListAliases",
            lambda _context: {},
            pick("Aliases", lambda context, alias: alias["AliasName"] == context.id),
        ),
        delete=delete_by("DeleteAlias", "AliasName"),
        replace_on=frozenset({"name", "namePrefix"}),
        outputs={
            "arn": "AliasArn",
            "targetKeyArn": lambda context: context.arn(f"key/{context.live['TargetKeyId']}"),
        },
    ),
)
