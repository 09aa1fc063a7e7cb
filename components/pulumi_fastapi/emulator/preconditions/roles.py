"""What roles let services do."""

import fnmatch
import json

from pulumi_fastapi.emulator.api import Api, ApiError


def allows(api: Api, region: str, role: str, action: str) -> bool:
    """Whether a policy of the role allows the action on anything; resources and conditions are not looked at."""
    name = role.rsplit("/", 1)[-1]
    documents = [
        api.look_up("iam", "GetRolePolicy", {"RoleName": name, "PolicyName": each}, region)["PolicyDocument"]
        for each in api.look_up("iam", "ListRolePolicies", {"RoleName": name}, region)["PolicyNames"]
    ]
    for attached in api.look_up("iam", "ListAttachedRolePolicies", {"RoleName": name}, region)["AttachedPolicies"]:
        policy = api.look_up("iam", "GetPolicy", {"PolicyArn": attached["PolicyArn"]}, region)["Policy"]
        query = {"PolicyArn": attached["PolicyArn"], "VersionId": policy["DefaultVersionId"]}
        documents.append(api.look_up("iam", "GetPolicyVersion", query, region)["PolicyVersion"]["Document"])
    allowed: list[str] = []
    for document in documents:
        given = document["Statement"]
        for statement in [given] if isinstance(given, dict) else given:
            actions = statement.get("Action", []) if statement["Effect"] == "Allow" else []
            allowed += [actions] if isinstance(actions, str) else actions
    return any(fnmatch.fnmatchcase(action.lower(), each.lower()) for each in allowed)


def trusts(api: Api, region: str, arn: str, service: str) -> bool:
    """Whether the role exists and lets the service assume it."""
    try:
        role = api.look_up("iam", "GetRole", {"RoleName": arn.rsplit("/", 1)[-1]}, region)["Role"]
    except ApiError:
        return False
    return f"{service}.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"])
