"""Web ACLs and what they protect."""

import json
from collections.abc import Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_id, by_input, delete_by
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import EVERYTHING, AutoName, Call, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties


def _acl_key(context: Context) -> Mapping[str, Any]:
    return {"Id": context.id, "Name": context.inputs["name"], "Scope": context.inputs["scope"]}


def _locked(context: Context) -> Mapping[str, Any]:
    """Every change has to prove that it knows the last one."""
    return {**_acl_key(context), "LockToken": context.look_up("GetWebACL", **_acl_key(context))["LockToken"]}


def _no_rules(context: Context) -> Mapping[str, Any]:
    """Leaving the rules out of an update would not take them away."""
    return {} if context.inputs.get("rules") or context.inputs.get("ruleJson") else {"Rules": []}


def _acl(_context: Context, answer: Properties) -> Properties:
    return {**answer["WebACL"], "LockToken": answer["LockToken"]}


def _bodies(items: list[Properties]) -> Properties:
    return {item["key"]: {"Content": item["content"], "ContentType": item["contentType"]} for item in items}


def _keyed_bodies(bodies: Properties) -> list[Properties]:
    return [
        {"key": key, "content": body["Content"], "contentType": body["ContentType"]} for key, body in bodies.items()
    ]


def _import_acl(context: Context) -> None:
    """`id/name/scope`."""
    context.id, context.inputs["name"], context.inputs["scope"] = context.id.split("/")


def _associated(context: Context, answer: Properties) -> Properties | None:
    acl = answer.get("WebACL")
    return acl if acl and acl["ARN"] == context.inputs["webAclArn"] else None


def _import_association(context: Context) -> None:
    """`acl,resource`."""
    context.inputs["webAclArn"], context.inputs["resourceArn"] = context.id.split(",", 1)


_LOGGING = "LoggingConfiguration"

ROWS = (
    ResourceType(
        pulumi_type="aws:wafv2/webAcl:WebAcl",
        service="wafv2",
        create="CreateWebACL",
        update="UpdateWebACL",
        update_key=_locked,
        id="Summary.Id",
        autoname=AutoName(max_length=128),
        added=_no_rules,
        fields={
            "customResponseBodies": Field("CustomResponseBodies", encode=_bodies, decode=_keyed_bodies),
            "ruleJson": Field("Rules", encode=json.loads),
        },
        read=Read("GetWebACL", _acl_key, _acl),
        delete=Call("DeleteWebACL", _locked),
        not_read=frozenset({"scope"}),
        replace_on=frozenset({"name", "namePrefix", "scope"}),
        outputs={"arn": "ARN", "capacity": "Capacity", "lockToken": "LockToken"},
        import_id=_import_acl,
    ),
    ResourceType(
        pulumi_type="aws:wafv2/webAclAssociation:WebAclAssociation",
        service="wafv2",
        create="AssociateWebACL",
        id=lambda context: f"{context.inputs['webAclArn']},{context.inputs['resourceArn']}",
        fields={"webAclArn": Field("WebACLArn", read="ARN")},
        read=Read("GetWebACLForResource", by_input(ResourceArn="resourceArn"), _associated),
        delete=Call("DisassociateWebACL", by_input(ResourceArn="resourceArn")),
        not_read=frozenset({"resourceArn"}),
        replace_on=EVERYTHING,
        # A resource has one web ACL: a second association would take the first one's place.
        delete_before_replace=True,
        import_id=_import_association,
    ),
    ResourceType(
        pulumi_type="aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        service="wafv2",
        create="PutLoggingConfiguration",
        update="PutLoggingConfiguration",
        id=lambda context: str(context.inputs["resourceArn"]),
        fields={
            "logDestinationConfigs": f"{_LOGGING}.LogDestinationConfigs",
            "loggingFilter": f"{_LOGGING}.LoggingFilter",
            "redactedFields": f"{_LOGGING}.RedactedFields",
            "resourceArn": f"{_LOGGING}.ResourceArn",
        },
        read=Read("GetLoggingConfiguration", by_id("ResourceArn")),
        delete=delete_by("DeleteLoggingConfiguration", "ResourceArn"),
        replace_on=frozenset({"resourceArn"}),
        import_id=lambda context: context.inputs.update({"resourceArn": context.id}),
    ),
)
