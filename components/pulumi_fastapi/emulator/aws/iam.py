"""Roles and their policies."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_id, by_input, delete_by, id_output, pick
from pulumi_fastapi.emulator.mapping import Field, json_text
from pulumi_fastapi.emulator.resource import EVERYTHING, AutoName, Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.tagging import Tagging
from pulumi_fastapi.emulator.values import Properties, same

Request = tuple[str, Mapping[str, Any]]


def _change_trust(context: Context, _creating: bool) -> Iterable[Request]:
    yield (
        "UpdateAssumeRolePolicy",
        {"RoleName": context.id, "PolicyDocument": json_text(context.inputs["assumeRolePolicy"])},
    )


def _change_boundary(context: Context, _creating: bool) -> Iterable[Request]:
    boundary = context.inputs.get("permissionsBoundary")
    if boundary:
        yield "PutRolePermissionsBoundary", {"RoleName": context.id, "PermissionsBoundary": boundary}
    else:
        yield "DeleteRolePermissionsBoundary", {"RoleName": context.id}


def _change_description(context: Context, _creating: bool) -> Iterable[Request]:
    yield (
        "UpdateRole",
        {
            "RoleName": context.id,
            "Description": context.inputs.get("description") or "",
            "MaxSessionDuration": int(context.inputs.get("maxSessionDuration") or 3600),
        },
    )


def _change_managed_policies(context: Context, creating: bool) -> Iterable[Request]:
    old = set() if creating else set(context.old.get("managedPolicyArns") or [])
    new = set(context.inputs.get("managedPolicyArns") or [])
    for arn in sorted(new - old):
        yield "AttachRolePolicy", {"RoleName": context.id, "PolicyArn": arn}
    for arn in sorted(old - new):
        yield "DetachRolePolicy", {"RoleName": context.id, "PolicyArn": arn}


def _attached_policies(context: Context) -> Properties:
    answer = context.look_up("ListAttachedRolePolicies", RoleName=context.id)
    return {"managedPolicyArns": [policy["PolicyArn"] for policy in answer["AttachedPolicies"]]}


def _change_inline_policies(context: Context, creating: bool) -> Iterable[Request]:
    old = {} if creating else {policy["name"]: policy for policy in context.old.get("inlinePolicies") or []}
    new = {policy["name"]: policy for policy in context.inputs.get("inlinePolicies") or []}
    for name, policy in new.items():
        if not same(old.get(name), policy):
            document = json_text(policy["policy"])
            yield "PutRolePolicy", {"RoleName": context.id, "PolicyName": name, "PolicyDocument": document}
    for name in old.keys() - new.keys():
        yield "DeleteRolePolicy", {"RoleName": context.id, "PolicyName": name}


def _inline_policies(context: Context) -> Properties:
    names = context.look_up("ListRolePolicies", RoleName=context.id)["PolicyNames"]
    policies = []
    for name in names:
        answer = context.look_up("GetRolePolicy", RoleName=context.id, PolicyName=name)
        policies.append({"name": name, "policy": json_text(answer["PolicyDocument"])})
    return {"inlinePolicies": policies}


def _strip_role(context: Context) -> None:
    """What the role resource itself attached goes with it (everything, when asked to)."""
    force = bool(context.inputs.get("forceDetachPolicies"))
    if force or context.inputs.get("managedPolicyArns"):
        for arn in _attached_policies(context)["managedPolicyArns"]:
            context.call("DetachRolePolicy", RoleName=context.id, PolicyArn=arn)
    if force or context.inputs.get("inlinePolicies"):
        for policy in _inline_policies(context)["inlinePolicies"]:
            context.call("DeleteRolePolicy", RoleName=context.id, PolicyName=policy["name"])


def _role_policy_key(context: Context) -> Mapping[str, Any]:
    role, name = context.id.split(":", 1)
    return {"RoleName": role, "PolicyName": name}


def _import_role_policy(context: Context) -> None:
    role, name = context.id.split(":", 1)
    context.inputs.update({"role": role, "name": name})


def _import_attachment(context: Context) -> None:
    role, arn = context.id.split("/", 1)
    context.inputs.update({"role": role, "policyArn": arn})


def _change_client_ids(context: Context, _creating: bool) -> Iterable[Request]:
    old, new = set(context.old.get("clientIdLists") or []), set(context.inputs["clientIdLists"])
    for id in sorted(new - old):
        yield "AddClientIDToOpenIDConnectProvider", {"OpenIDConnectProviderArn": context.id, "ClientID": id}
    for id in sorted(old - new):
        yield "RemoveClientIDFromOpenIDConnectProvider", {"OpenIDConnectProviderArn": context.id, "ClientID": id}


def _change_thumbprints(context: Context, _creating: bool) -> Iterable[Request]:
    thumbprints = context.inputs.get("thumbprintLists") or []
    yield (
        "UpdateOpenIDConnectProviderThumbprint",
        {"OpenIDConnectProviderArn": context.id, "ThumbprintList": thumbprints},
    )


def _https(url: str) -> str:
    """AWS tells it without the scheme."""
    return url if url.startswith("https://") else f"https://{url}"


_attachment_key = by_input(RoleName="role", PolicyArn="policyArn")

ROWS = (
    ResourceType(
        pulumi_type="aws:iam/role:Role",
        service="iam",
        create="CreateRole",
        id="Role.RoleName",
        autoname=AutoName(max_length=64),
        fields={
            "name": "RoleName",
            "assumeRolePolicy": Field("AssumeRolePolicyDocument", encode=json_text, decode=json_text),
            "permissionsBoundary": Field(
                "PermissionsBoundary",
                read="PermissionsBoundary.PermissionsBoundaryArn",
            ),
            "forceDetachPolicies": None,
        },
        read=Read("GetRole", by_id("RoleName"), "Role"),
        delete=delete_by("DeleteRole", "RoleName"),
        before_delete=_strip_role,
        defaults={"path": "/", "maxSessionDuration": 3600.0, "forceDetachPolicies": False},
        replace_on=frozenset({"name", "namePrefix", "path"}),
        steps=[
            Calls(("assumeRolePolicy",), _change_trust, updates_only=True),
            Calls(("permissionsBoundary",), _change_boundary, updates_only=True),
            Calls(("description", "maxSessionDuration"), _change_description, updates_only=True),
            Calls(("managedPolicyArns",), _change_managed_policies, _attached_policies),
            Calls(("inlinePolicies",), _change_inline_policies, _inline_policies),
        ],
        outputs={"arn": "Arn", "uniqueId": "RoleId"},
    ),
    ResourceType(
        pulumi_type="aws:iam/rolePolicy:RolePolicy",
        service="iam",
        create="PutRolePolicy",
        update="PutRolePolicy",
        id=lambda context: f"{context.inputs['role']}:{context.inputs['name']}",
        autoname=AutoName(max_length=128),
        fields={
            "name": "PolicyName",
            "role": "RoleName",
            "policy": Field("PolicyDocument", encode=json_text, decode=json_text),
        },
        read=Read("GetRolePolicy", _role_policy_key),
        delete=Call("DeleteRolePolicy", _role_policy_key),
        replace_on=frozenset({"name", "namePrefix", "role"}),
        import_id=_import_role_policy,
    ),
    ResourceType(
        pulumi_type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        service="iam",
        create="AttachRolePolicy",
        id=lambda context: f"{context.inputs['role']}/{context.inputs['policyArn']}",
        fields={"role": "RoleName"},
        read=Read(
            "ListAttachedRolePolicies",
            by_input(RoleName="role"),
            pick("AttachedPolicies", lambda context, item: item["PolicyArn"] == context.inputs["policyArn"]),
        ),
        delete=Call("DetachRolePolicy", _attachment_key),
        replace_on=EVERYTHING,
        import_id=_import_attachment,
    ),
    ResourceType(
        pulumi_type="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        service="iam",
        create="CreateOpenIDConnectProvider",
        id="OpenIDConnectProviderArn",
        fields={
            "clientIdLists": "ClientIDList",
            "thumbprintLists": "ThumbprintList",
            "url": Field("Url", decode=_https),
        },
        read=Read("GetOpenIDConnectProvider", by_id("OpenIDConnectProviderArn")),
        delete=delete_by("DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn"),
        replace_on=frozenset({"url"}),
        steps=[
            Calls(("clientIdLists",), _change_client_ids, updates_only=True),
            Calls(("thumbprintLists",), _change_thumbprints, updates_only=True),
        ],
        outputs={"arn": id_output},
        import_id=lambda _context: None,
        tagging=Tagging(
            tag="TagOpenIDConnectProvider",
            untag="UntagOpenIDConnectProvider",
            identify=lambda arn, _id: {"OpenIDConnectProviderArn": arn},
            list_operation="ListOpenIDConnectProviderTags",
        ),
    ),
)
