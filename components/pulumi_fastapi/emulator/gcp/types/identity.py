"""Service accounts, enabled APIs and workload identity pools."""

from collections.abc import Iterator

from pulumi_fastapi.emulator.gcp.resource import Context, ResourceType, patch_masked
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import AutoName
from pulumi_fastapi.emulator.values import Properties, same

_IAM = "iam.googleapis.com/v1/projects/{project}"


def _patch_account(context: Context, body: Properties, differing: frozenset[str]) -> None:
    wanted = body.get("serviceAccount", {})
    before = {name: context.old.get(name) for name in ("displayName", "description")}
    mask = [name for name in before if not same(before[name], wanted.get(name))]
    context.call("PATCH", context.self_url, {"serviceAccount": wanted, "updateMask": ",".join(mask)})


def _enable_api(context: Context) -> None:
    context.call("POST", f"{context.self_url}:enable", {})


def _generate_identity(context: Context) -> None:
    context.live = context.call("POST", f"{context.self_url}:generateServiceIdentity", {})["response"]


def _disable_api(context: Context) -> None:
    if context.inputs.get("disableOnDestroy"):
        dependents = bool(context.inputs.get("disableDependentServices"))
        context.call("POST", f"{context.self_url}:disable", {"disableDependentServices": dependents})


def _read_pool(context: Context) -> Properties | None:
    pool = context.call("GET", context.self_url)
    return None if pool["state"] == "DELETED" else pool


def rows() -> Iterator[ResourceType]:
    account = {name: Field(f"serviceAccount.{name}", read=name) for name in ("displayName", "description")}
    yield ResourceType(
        pulumi_type="gcp:serviceaccount/account:Account",
        collection=f"{_IAM}/serviceAccounts",
        key="accountId",
        self_url=f"{_IAM}/serviceAccounts/{{email}}",
        autoname=AutoName(input="accountId", max_length=30),
        not_sent=frozenset({"createIgnoreAlreadyExists", "disabled"}),
        fields=account,
        defaults={"disabled": False},
        replace_on=frozenset({"accountId"}),
        update=_patch_account,
        outputs={"member": lambda context: f"serviceAccount:{context.live['email']}"},
    )
    yield ResourceType(
        pulumi_type="gcp:projects/service:Service",
        collection="serviceusage.googleapis.com/v1/projects/{project}/services",
        key="service",
        id="{project}/{service}",
        replace_on=frozenset({"service"}),
        creator=_enable_api,
        deleter=_disable_api,
    )
    yield ResourceType(
        pulumi_type="gcp:projects/serviceIdentity:ServiceIdentity",
        collection="serviceusage.googleapis.com/v1beta1/projects/{project}/services",
        key="service",
        id="projects/{project}/services/{service}",
        replace_on=frozenset({"service"}),
        creator=_generate_identity,
        reader=lambda context: context.live or context.old,  # no API tells it again
        deleter=lambda _: None,
        outputs={"member": lambda context: f"serviceAccount:{context.live['email']}"},
    )
    pools = f"{_IAM}/locations/global/workloadIdentityPools"
    yield ResourceType(
        pulumi_type="gcp:iam/workloadIdentityPool:WorkloadIdentityPool",
        collection=pools,
        key="workloadIdentityPoolId",
        id_parameter="workloadIdentityPoolId",
        replace_on=frozenset({"workloadIdentityPoolId"}),
        update=patch_masked,
        reader=_read_pool,
    )
    yield ResourceType(
        pulumi_type="gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
        collection=f"{pools}/{{workloadIdentityPoolId}}/providers",
        key="workloadIdentityPoolProviderId",
        id_parameter="workloadIdentityPoolProviderId",
        not_sent=frozenset({"workloadIdentityPoolId"}),
        replace_on=frozenset({"workloadIdentityPoolId", "workloadIdentityPoolProviderId"}),
        update=patch_masked,
        reader=_read_pool,
    )
