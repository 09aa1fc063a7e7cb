"""Service accounts, workload identity pools, and the IAM policy that every resource may have."""

import re
import uuid

from pulumi_fastapi.emulator.gcp.cloud import Call, GoogleCloud, completes, full_name, handles, now, visible
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.gcp.methods import finish
from pulumi_fastapi.emulator.values import Properties

_ROLE = re.compile(r"roles/[A-Za-z0-9_.]+|(projects|organizations)/[^/]+/roles/[A-Za-z0-9_.]+")
_MEMBER = re.compile(
    r"(user|serviceAccount|group|domain|principal|principalSet|projectOwner|projectEditor|projectViewer|deleted:\w+):.+"
)
_EVERYONE = ("allUsers", "allAuthenticatedUsers")
_OWN_ACCOUNT = re.compile(r"serviceAccount:([^@]+@(.+)\.iam\.gserviceaccount\.com)")


# ------------------------------------------------------------------------------------------------------------- policies
def empty_policy() -> Properties:
    return {"version": 1, "etag": "ACAB", "bindings": []}


def _policy_owner(call: Call) -> str:
    """The resource that a policy belongs to; projects exist, everything else has to."""
    if call.api == "iap":
        call.cloud.find("run", _behind_iap(call.path))
    elif call.api != "cloudresourcemanager":
        call.find()
    return full_name(call.api, call.path)


def _behind_iap(path: str) -> str:
    """The Cloud Run service that Identity-Aware Proxy knows as `iap_web/cloud_run-LOCATION/services/NAME`."""
    found = re.fullmatch(r"projects/([^/]+)/iap_web/cloud_run-([^/]+)/services/([^/]+)", path)
    if found is None:
        raise GoogleError(400, f"{path} is nothing that IAP protects")
    return f"projects/{found[1]}/locations/{found[2]}/services/{found[3]}"


def get_policy(call: Call) -> Properties:
    return call.cloud.policies.get(_policy_owner(call), empty_policy())


def set_policy(call: Call) -> Properties:
    owner = _policy_owner(call)
    policy: Properties = dict(call.body.get("policy") or {})
    current = call.cloud.policies.get(owner, empty_policy())
    if policy.get("etag") not in (None, "", current["etag"]):
        raise GoogleError(
            409, "There were concurrent policy changes. Please retry the whole read-modify-write", "ABORTED"
        )
    for binding in policy.get("bindings", []):
        _check_binding(call, binding)
    policy["bindings"] = [binding for binding in policy.get("bindings", []) if binding.get("members")]
    policy |= {"etag": uuid.uuid4().hex[:12], "version": policy.get("version", 1)}
    call.cloud.policies[owner] = policy
    return policy


def _check_binding(call: Call, binding: Properties) -> None:
    role = str(binding.get("role", ""))
    if not _ROLE.fullmatch(role):
        raise GoogleError(400, f"Role {role} is not supported for this resource.")
    for member in binding.get("members", []):
        if member in _EVERYONE:
            if call.api == "cloudresourcemanager":
                raise GoogleError(400, f"Member {member} cannot be used in the policy of a project")
            continue
        if not _MEMBER.fullmatch(member):
            raise GoogleError(
                400, f"The member {member} is of an unknown type. Set a valid type prefix for the member."
            )
        check_account_exists(call.cloud, member)


def check_account_exists(cloud: GoogleCloud, member: str) -> None:
    """Accounts of projects are ours to know; those of Google and of its services are not."""
    own = _OWN_ACCOUNT.fullmatch(member)
    if own is None or own[2].startswith(("gcp-sa-", "service-", "serverless-robot-")):
        return
    if cloud.look_up("iam", f"projects/{own[2]}/serviceAccounts/{own[1]}") is None:
        raise GoogleError(400, f"Service account {own[1]} does not exist.")


def has_role(cloud: GoogleCloud, member: str, role: str, *owners: str) -> bool:
    """Whether a policy of any of these resources (full names) gives the role."""
    return any(
        binding["role"] == role and member in binding["members"]
        for owner in owners
        for binding in cloud.policies.get(owner, empty_policy())["bindings"]
    )


_WITH_POLICIES = (
    "artifactregistry.projects.locations.repositories",
    "cloudresourcemanager.projects",
    "iam.projects.serviceAccounts",
    "iap",
    "run.projects.locations.jobs",
    "run.projects.locations.services",
    "secretmanager.projects.secrets",
)
handles(*(f"{collection}.getIamPolicy" for collection in _WITH_POLICIES))(get_policy)
handles(*(f"{collection}.setIamPolicy" for collection in _WITH_POLICIES))(set_policy)


# ----------------------------------------------------------------------------------------------------- service accounts
@handles("iam.projects.serviceAccounts.create")
def create_account(call: Call) -> Properties:
    email = f"{call.body['accountId']}@{call.project}.iam.gserviceaccount.com"
    path = f"{call.path}/{email}"
    if call.cloud.look_up("iam", path) is not None:
        place = f"within project projects/{call.project}"
        raise GoogleError(409, f"Service account {call.body['accountId']} already exists {place}.")
    account = {
        **(call.body.get("serviceAccount") or {}),
        "name": path,
        "projectId": call.project,
        "uniqueId": str(uuid.uuid4().int)[:21],
        "email": email,
        "oauth2ClientId": str(uuid.uuid4().int)[:21],
    }
    call.cloud.put("iam", path, account)
    return account


@handles("iam.projects.serviceAccounts.patch")
def patch_account(call: Call) -> Properties:
    """The one patch whose mask travels in the body."""
    account = call.find()
    wanted = call.body.get("serviceAccount") or {}
    for field in str(call.body.get("updateMask", "")).split(","):
        key = {"display_name": "displayName"}.get(field, field)
        if key not in ("displayName", "description"):
            raise GoogleError(400, f"Invalid update mask: {field}")
        account[key] = wanted.get(key, "")
    return visible(account)


@handles("iam.projects.serviceAccounts.disable", "iam.projects.serviceAccounts.enable")
def switch_account(call: Call) -> Properties:
    call.find()["disabled"] = call.method.name == "disable"
    return {}


# -------------------------------------------------------------------------------------------------- workload identity
@completes("iam", "workloadIdentityPools", "providers")
def complete_pool(call: Call, path: str, pool: Properties, before: Properties | None) -> None:
    pool["name"] = path.replace(f"projects/{call.project}", f"projects/{call.cloud.project_number(call.project)}", 1)
    pool["state"] = "ACTIVE"
    for key in ("createTime", "updateTime"):
        pool.pop(key, None)


@handles("iam.projects.locations.workloadIdentityPools.listAttestationRules")
def list_attestation_rules(call: Call) -> Properties:
    call.find()
    return {}


@handles(
    "iam.projects.locations.workloadIdentityPools.delete",
    "iam.projects.locations.workloadIdentityPools.providers.delete",
)
def delete_softly(call: Call) -> Properties:
    """What is deleted stays for 30 days, and so long its name is taken."""
    pool = call.find()
    if pool["state"] == "DELETED":
        raise GoogleError(404, f"{call.path} has been deleted")
    pool |= {"state": "DELETED", "expireTime": now()}
    return finish(call, call.path, pool)
