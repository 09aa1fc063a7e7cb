"""Members of roles: what every `...IamMember` is."""

from collections.abc import Iterator

from pulumi_fastapi.emulator.gcp.resource import Context, ResourceType
from pulumi_fastapi.emulator.mapping import dig
from pulumi_fastapi.emulator.resource import EVERYTHING, AutoName
from pulumi_fastapi.emulator.values import Properties, same

_ARTIFACTS = "artifactregistry.googleapis.com/v1/projects/{project}/locations/{location}"
_RUN = "run.googleapis.com/v2/projects/{project}/locations/{location}"
_SECRETS = "secretmanager.googleapis.com/v1"


def _iam_member(
    token: str, owner: str, id: str, *, get: str = "GET", place: str = "", autoname: bool = False
) -> ResourceType:
    """A member of a role: the real provider reads the policy, changes it and writes it back."""

    def read(context: Context) -> Properties:
        body: Properties | None = None if get == "GET" else {}
        return context.call(get, f"{context.url(owner)}:getIamPolicy", body)

    def binding_of(context: Context, policy: Properties) -> Properties | None:
        wanted = context.inputs.get("condition")
        for binding in policy.get("bindings", []):
            if binding["role"] == context.inputs["role"] and same(binding.get("condition"), wanted):
                return dict(binding)
        return None

    def write(context: Context, member: bool) -> None:
        policy = read(context)
        condition = context.inputs.get("condition")
        mine = binding_of(context, policy) or {"role": context.inputs["role"], "members": []}
        rest = [each for each in policy.get("bindings", []) if not same(visible_key(each), visible_key(mine))]
        members = [each for each in mine["members"] if each != context.inputs["member"]]
        members += [context.inputs["member"]] if member else []
        extra = {"condition": condition} if condition else {}
        policy["bindings"] = [*rest, {"role": mine["role"], "members": members, **extra}]
        policy["version"] = 3
        context.call("POST", f"{context.url(owner)}:setIamPolicy", {"policy": policy})

    def visible_key(binding: Properties) -> Properties:
        return {"role": binding["role"], "condition": binding.get("condition")}

    def fetch(context: Context) -> Properties | None:
        policy = read(context)
        mine = binding_of(context, policy)
        if mine is None or context.inputs["member"] not in mine["members"]:
            return None
        return {"etag": policy["etag"]}

    def delete(context: Context) -> None:
        write(context, member=False)

    def identify(context: Context) -> str:
        title = dig(context.inputs, "condition.title")
        owner_id = context.url(id).removeprefix("https://")
        return "/".join([owner_id, context.inputs["role"], context.inputs["member"], *([title] if title else [])])

    return ResourceType(
        pulumi_type=token,
        collection=owner,
        key=None,
        self_url=owner,
        id=identify,
        autoname=AutoName(max_length=63) if autoname else None,
        replace_on=EVERYTHING,
        creator=lambda context: write(context, member=True),
        reader=fetch,
        deleter=delete,
    )


def rows() -> Iterator[ResourceType]:
    run_service = "projects/{project}/locations/{location}/services/{name}"
    repository = "projects/{project}/locations/{location}/repositories/{repository}"
    yield _iam_member(
        "gcp:cloudrunv2/serviceIamMember:ServiceIamMember", f"{_RUN}/services/{{name}}", run_service, autoname=True
    )
    yield _iam_member(
        "gcp:cloudrunv2/jobIamMember:JobIamMember",
        f"{_RUN}/jobs/{{name}}",
        "projects/{project}/locations/{location}/jobs/{name}",
        autoname=True,
    )
    yield _iam_member(
        "gcp:iap/webCloudRunServiceIamMember:WebCloudRunServiceIamMember",
        "iap.googleapis.com/v1/projects/{project}/iap_web/cloud_run-{location}/services/{cloudRunServiceName}",
        "projects/{project}/iap_web/cloud_run-{location}/services/{cloudRunServiceName}",
        get="POST",
    )
    yield _iam_member(
        "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
        f"{_ARTIFACTS}/repositories/{{repository}}",
        repository,
    )
    yield _iam_member(
        "gcp:secretmanager/secretIamMember:SecretIamMember",
        f"{_SECRETS}/projects/{{project}}/secrets/{{secretId}}",
        "projects/{project}/secrets/{secretId}",
    )
    yield _iam_member(
        "gcp:serviceaccount/iAMMember:IAMMember",
        "iam.googleapis.com/v1/{serviceAccountId}",
        "{serviceAccountId}",
        get="POST",
    )
    yield _iam_member(
        "gcp:projects/iAMMember:IAMMember",
        "cloudresourcemanager.googleapis.com/v1/projects/{project}",
        "{project}",
        get="POST",
    )
