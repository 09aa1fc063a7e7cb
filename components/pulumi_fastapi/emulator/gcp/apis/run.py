"""Cloud Run: services with their revisions and traffic, jobs with their executions.

A new revision gets traffic only once it is ready. One that fails leaves the traffic where it was: the service is
`CONDITION_FAILED`, the operation fails, `trafficStatuses`, `observedGeneration` and `latestReadyRevision` stay.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator

from pulumi_fastapi.emulator.gcp.apis.artifactregistry import is_missing
from pulumi_fastapi.emulator.gcp.apis.compute import resource_path
from pulumi_fastapi.emulator.gcp.apis.iam import has_role
from pulumi_fastapi.emulator.gcp.cloud import Call, completes, full_name, handles, now, visible
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.gcp.methods import finish, patch, replace
from pulumi_fastapi.emulator.values import Properties

LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
REVISION = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
INVOKER = "roles/run.invoker"
_SECRET_ACCESSOR = "roles/secretmanager.secretAccessor"  # noqa: S105
_CREATOR = "emulated@example.com"


# ------------------------------------------------------------------------------------------------------------- services
@completes("run", "services")
def complete_service(call: Call, path: str, service: Properties, before: Properties | None) -> GoogleError | None:
    template = service.get("template") or {}
    _check_surroundings(call, path, template)
    generation = str(int((before or {}).get("generation", 0)) + 1)
    service.setdefault("uid", str(uuid.uuid4()))
    service.setdefault("creator", _CREATOR)
    service.setdefault("launchStage", "GA")
    service.setdefault("ingress", "INGRESS_TRAFFIC_ALL")
    if not service.get("traffic"):
        service["traffic"] = [{"type": LATEST, "percent": 100}]
    service.setdefault("trafficStatuses", [])
    service |= {
        "generation": generation,
        "etag": f'"{uuid.uuid4().hex[:12]}"',
        "lastModifier": _CREATOR,
        "uri": uri(call, path),
        "urls": _urls(call, path),
        "reconciling": False,
    }
    revision = _revision_of(call, path, service, before, generation)
    service["latestCreatedRevision"] = revision["name"]
    failure = _settle(call, path, service, revision)
    state = "CONDITION_FAILED" if failure else "CONDITION_SUCCEEDED"
    service["terminalCondition"] = condition("Ready", state, failure, revisionReason=revision["_reason"])
    service["conditions"] = [condition("RoutesReady", state, failure), condition("ConfigurationsReady", state, failure)]
    if failure:
        return GoogleError(400, failure, "FAILED_PRECONDITION")
    service["observedGeneration"] = generation
    return None


@handles("run.projects.locations.services.patch", "run.projects.locations.jobs.patch")
def patch_or_replace(call: Call) -> Properties:
    """Without a mask the body is the whole new service."""
    return patch(call) if call.query.get("updateMask") else replace(call)


def _revision_of(
    call: Call, service_path: str, service: Properties, before: Properties | None, generation: str
) -> Properties:
    """The revision of the service's template: a new one unless that is what it was."""
    cloud, template = call.cloud, service.get("template") or {}
    name = template.get("revision")
    if before is not None and template == before.get("template") and call.query.get("forceNewRevision") != "true":
        return cloud.find("run", before["latestCreatedRevision"])
    if name is None:
        name = f"{service_path.rsplit('/', 1)[1]}-{int(generation):05d}-{uuid.uuid4().hex[:3]}"
    path = f"{service_path}/revisions/{name}"
    known = cloud.look_up("run", path)
    if known is not None:
        if known["_template"] != template:
            text = f"Revision named '{name}' with different configuration already exists."
            raise GoogleError(409, text)
        return known
    failure, reason = _start(call, service_path, template)
    state = "CONDITION_FAILED" if failure else "CONDITION_SUCCEEDED"
    message = f"Revision '{name}' is not ready and cannot serve traffic. {failure}" if failure else None
    revision = {
        **{key: value for key, value in template.items() if key != "revision"},
        "name": path,
        "service": service_path.rsplit("/", 1)[1],
        "uid": str(uuid.uuid4()),
        "generation": "1",
        "observedGeneration": "1",
        "createTime": now(),
        "creator": _CREATOR,
        "reconciling": False,
        "logUri": f"https://console.cloud.google.com/logs/viewer?project={call.project}",
        "conditions": [condition("Ready", state, message, revisionReason=reason)],
        "_template": template,
        "_failure": message,
        "_reason": reason,
    }
    cloud.put("run", path, revision)
    return revision


def _start(call: Call, service_path: str, template: Properties) -> tuple[str | None, str | None]:
    """Why the first instance of a template does not become ready, and Google's reason; None when it does."""
    for container in template.get("containers") or []:
        if is_missing(call.cloud, str(container.get("image", ""))):
            return f"Image '{container['image']}' not found.", None
    failure = next(_unreadable_secrets(call, template), None)
    if failure is not None:
        return failure, None
    fault = call.cloud.faults.strike("run:Revision", service_path.rsplit("/", 1)[1])
    if fault is None or fault.effect != "failed":
        return None, None
    text = "The user-provided container failed the configured startup probe checks."
    return (f"{text} Container said: {fault.log}" if fault.log else text), "HEALTH_CHECK_CONTAINER_ERROR"


def _settle(call: Call, path: str, service: Properties, revision: Properties) -> str | None:
    """Route the traffic as wanted, if that can be; otherwise say why not and leave it where it is."""
    targets = service["traffic"]
    wanted = {target["revision"] for target in targets if target.get("revision")}
    latest = revision["name"].rsplit("/", 1)[1]
    found = {name: call.cloud.look_up("run", f"{path}/revisions/{name}") for name in wanted}
    missing = sorted(name for name, known in found.items() if known is None)
    if missing:
        return f"Revision '{missing[0]}' does not exist or is deleted."
    unready = [known["_failure"] for known in found.values() if known is not None and known["_failure"]]
    follows_latest = any(target.get("type", LATEST) == LATEST for target in targets)
    failure: str | None = revision["_failure"]
    if unready or (follows_latest and failure):
        return unready[0] if unready else failure
    service["trafficStatuses"] = [_status(call, path, target) for target in targets]
    if not failure and any(_share(target, latest) for target in targets):
        service["latestReadyRevision"] = revision["name"]
    return failure


def _share(target: Properties, latest: str) -> int:
    """Per cent of the traffic that a target sends to the latest revision."""
    leads_there = target.get("type", LATEST) == LATEST or target.get("revision") == latest
    return int(target.get("percent", 0)) if leads_there else 0


def _status(call: Call, path: str, target: Properties) -> Properties:
    return {**target, "uri": uri(call, path, target["tag"])} if target.get("tag") else dict(target)


def uri(call: Call, path: str, tag: str = "") -> str:
    """Where a service, or what is under a tag of it, is served."""
    _, project, _, location, _, name = path.split("/")
    host = f"{tag}---{name}" if tag else name
    if call.cloud.services_at:
        return f"{call.cloud.services_at}{project}/{location}/{host}"
    return f"https://{host}-{hashlib.sha256(project.encode()).hexdigest()[:10]}-{_short(location)}.a.run.app"


def _urls(call: Call, path: str) -> list[str]:
    _, project, _, location, _, name = path.split("/")
    return [f"https://{name}-{call.cloud.project_number(project)}.{location}.run.app", uri(call, path)]


def _short(location: str) -> str:
    """`us-central1` is `uc`."""
    words = re.findall(r"[a-z]+", location)
    return "".join(word[0] for word in words)[:2]


def condition(kind: str, state: str, message: str | None = None, *, revisionReason: str | None = None) -> Properties:
    told: Properties = {"type": kind, "state": state, "lastTransitionTime": now()}
    if message:
        told["message"] = message
    if revisionReason:
        told["revisionReason"] = revisionReason
    return told


def _check_surroundings(call: Call, path: str, template: Properties) -> None:
    """What Cloud Run refuses at once: an identity or a network that is not there."""
    account = str(template.get("serviceAccount") or "")
    own = re.fullmatch(r"[^@]+@(.+)\.iam\.gserviceaccount\.com", account)
    if own and call.cloud.look_up("iam", f"projects/{own[1]}/serviceAccounts/{account}") is None:
        text = f"Permission 'iam.serviceaccounts.actAs' denied on service account {account} (or it may not exist)."
        raise GoogleError(403, text)
    region = path.split("/")[3]
    for interface in (template.get("vpcAccess") or {}).get("networkInterfaces") or []:
        for member, home in (("network", "network"), ("subnetwork", f"regions/{region}/subnetworks")):
            given = interface.get(member)
            if given and call.cloud.look_up("compute", resource_path(call, given, home)) is None:
                raise GoogleError(400, f"VPC {member} {given} does not exist, or Cloud Run has no access to it.")


def _unreadable_secrets(call: Call, template: Properties) -> Iterator[str]:
    """Secrets that the template's account cannot read."""
    number = call.cloud.project_number(call.project)
    account = template.get("serviceAccount") or f"{number}-compute@developer.gserviceaccount.com"
    for secret, version in _secrets_of(template):
        path = secret if "/" in secret else f"projects/{call.project}/secrets/{secret}"
        stored = call.cloud.look_up("secretmanager", f"{path}/versions/{version}")
        if version == "latest":
            stored = next((each for _, each in call.cloud.below("secretmanager", f"{path}/versions")), None)
        shown = f"projects/{number}/secrets/{path.rsplit('/', 1)[1]}/versions/{version}"
        if stored is None or stored["state"] != "ENABLED":
            yield f"Secret {shown} was not found."
            continue
        owners = (full_name("secretmanager", path), full_name("cloudresourcemanager", f"projects/{call.project}"))
        if not has_role(call.cloud, f"serviceAccount:{account}", _SECRET_ACCESSOR, *owners):
            yield (
                f"Permission denied on secret: {shown} for Revision service account {account}. "
                "The service account used must be granted the 'Secret Manager Secret Accessor' role "
                f"({_SECRET_ACCESSOR}) at the secret, project or higher level."
            )


def _secrets_of(template: Properties) -> Iterator[tuple[str, str]]:
    for container in template.get("containers") or []:
        for variable in container.get("env") or []:
            reference = (variable.get("valueSource") or {}).get("secretKeyRef")
            if reference:
                yield str(reference["secret"]), str(reference.get("version", "latest"))
    for volume in template.get("volumes") or []:
        secret = volume.get("secret")
        for item in (secret or {}).get("items") or [{}] if secret else []:
            yield str(secret["secret"]), str(item.get("version", "latest"))


@handles("run.projects.locations.services.revisions.list")
def list_revisions(call: Call) -> Properties:
    """The newest first."""
    call.cloud.find("run", call.path.removesuffix("/revisions"))
    revisions = [visible(revision) for _, revision in call.cloud.below("run", call.path)]
    return {"revisions": sorted(revisions, key=lambda each: str(each["createTime"]), reverse=True)}


@handles("run.projects.locations.services.revisions.delete")
def delete_revision(call: Call) -> Properties:
    revision = call.find()
    service_path, _, name = call.path.rpartition("/revisions/")
    service = call.cloud.find("run", service_path)
    serving = [target.get("revision") for target in service["trafficStatuses"]]
    if name in serving or service["latestCreatedRevision"] == call.path:
        raise GoogleError(
            400, f"Revision '{name}' is in use: traffic or the latest of the service", "FAILED_PRECONDITION"
        )
    call.cloud.remove("run", call.path)
    return finish(call, call.path, revision)


# ----------------------------------------------------------------------------------------------------------------- jobs
@completes("run", "jobs")
def complete_job(call: Call, path: str, job: Properties, before: Properties | None) -> GoogleError | None:
    template = (job.get("template") or {}).get("template") or {}
    _check_surroundings(call, path, template)
    for container in template.get("containers") or []:
        if is_missing(call.cloud, str(container.get("image", ""))):
            raise GoogleError(400, f"Image '{container['image']}' not found.")
    failure = next(_unreadable_secrets(call, template), None)
    if failure is not None:
        raise GoogleError(400, failure)
    generation = str(int((before or {}).get("generation", 0)) + 1)
    job.setdefault("uid", str(uuid.uuid4()))
    job.setdefault("creator", _CREATOR)
    job.setdefault("launchStage", "GA")
    job.setdefault("executionCount", 0)
    job |= {
        "generation": generation,
        "observedGeneration": generation,
        "etag": f'"{uuid.uuid4().hex[:12]}"',
        "lastModifier": _CREATOR,
        "reconciling": False,
        "terminalCondition": condition("Ready", "CONDITION_SUCCEEDED"),
    }
    started = job.get("startExecutionToken")
    if started and started != (before or {}).get("startExecutionToken"):
        _execute(call, path, job, started, {})  # the job is ready whatever becomes of it
    token = job.get("runExecutionToken")
    if not token or token == (before or {}).get("runExecutionToken"):
        return None
    # The job is ready once this execution of it is over.
    _, message = _execute(call, path, job, token, {})
    if message is None:
        return None
    job["terminalCondition"] = condition("Ready", "CONDITION_FAILED", message)
    return GoogleError(400, message, "FAILED_PRECONDITION")


@handles("run.projects.locations.jobs.run")
def run_job(call: Call) -> Properties:
    """Run a job to its end, which a fault `run:Execution` (named by the job) decides."""
    overrides = call.body.get("overrides") or {}
    execution, message = _execute(call, call.path, call.find(), uuid.uuid4().hex[:5], overrides)
    error = GoogleError(500, message, "UNKNOWN") if message else None
    return finish(call, str(execution["name"]), execution, error)


def _execute(
    call: Call, job_path: str, job: Properties, token: str, overrides: Properties
) -> tuple[Properties, str | None]:
    """The execution of that token, at its end, and why it failed; None when it did not."""
    job["executionCount"] = job.get("executionCount", 0) + 1
    short = job_path.rsplit("/", 1)[1]
    name = f"{short}-{token}"
    path = f"{job_path}/executions/{name}"
    tasks = int(overrides.get("taskCount") or (job.get("template") or {}).get("taskCount") or 1)
    fault = call.cloud.faults.strike("run:Execution", short)
    code = fault.exit_code if fault is not None else 0
    message = None
    if code:
        message = f"Task {name}-task0 failed with message: The container exited with code {code}."
        message += f" Container said: {fault.log}" if fault is not None and fault.log else ""
    state = "CONDITION_FAILED" if code else "CONDITION_SUCCEEDED"
    execution = {
        "name": path,
        "job": short,
        "uid": str(uuid.uuid4()),
        "generation": "1",
        "createTime": now(),
        "startTime": now(),
        "completionTime": now(),
        "taskCount": tasks,
        "parallelism": tasks,
        "succeededCount": 0 if code else tasks,
        "failedCount": tasks if code else 0,
        "template": _overridden((job.get("template") or {}).get("template") or {}, overrides),
        "reconciling": False,
        "logUri": f"https://console.cloud.google.com/logs/viewer?project={call.project}",
        "conditions": [
            {**condition("Completed", state, message), **({"executionReason": "NON_ZERO_EXIT_CODE"} if code else {})}
        ],
    }
    call.cloud.put("run", path, execution)
    job["latestCreatedExecution"] = {
        "name": name,
        "createTime": execution["createTime"],
        "completionTime": execution["completionTime"],
        "completionStatus": "EXECUTION_FAILED" if code else "EXECUTION_SUCCEEDED",
    }
    return execution, message


def _overridden(template: Properties, overrides: Properties) -> Properties:
    """The task's template with what one execution changes: arguments and variables."""
    containers = [dict(container) for container in template.get("containers") or []]
    for position, override in enumerate(overrides.get("containerOverrides") or []):
        if position >= len(containers):
            raise GoogleError(
                400, f"overrides.containerOverrides[{position}]: the job has {len(containers)} containers"
            )
        container = containers[position]
        if override.get("args") or override.get("clearArgs"):
            container["args"] = override.get("args") or []
        changed = {variable["name"]: variable for variable in override.get("env") or []}
        kept = [variable for variable in container.get("env") or [] if variable["name"] not in changed]
        container["env"] = [*kept, *changed.values()]
    return {**template, "containers": containers}
