"""What a plan answers where Google Cloud would: lookups without a project, stand-in values for what it makes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .offline import Created, Lookup, Place, Properties

NUMBER = "123456789012"
"""Number of every project."""


def _client_config(_: "Properties", place: "Place") -> dict[str, Any]:
    return {
        "id": "offline-plan",
        "accessToken": "offline-plan",
        "project": place.project,
        "region": place.region,
        "zone": f"{place.region}-b",
        "defaultLabels": {},
    }


def _project(args: "Properties", place: "Place") -> dict[str, Any]:
    project = args.get("projectId") or place.project
    return {"id": f"projects/{project}", "projectId": project, "name": project, "number": NUMBER, "labels": {}}


LOOKUPS: dict[str, "Lookup"] = {
    "gcp:organizations/getClientConfig:getClientConfig": _client_config,
    "gcp:organizations/getProject:getProject": _project,
}
SECRET_RESULTS = {"gcp:organizations/getClientConfig:getClientConfig": ("accessToken",)}


def stand_ins(made: "Created") -> dict[str, Any]:
    """Values for `id`, `name`, `project` and what programs build on; everything else stays unknown."""
    names = _NAMES.get(made.type, ())
    known = made.physical_name(*names)
    project = made.text("project", made.place.project)
    kind = made.type.rpartition(":")[2]
    plural = f"{kind[:1].lower()}{kind[1:]}s"
    location = made.text("location", made.text("region", ""))
    where = f"/{'regions' if made.type.startswith('gcp:compute') else 'locations'}/{location}" if location else ""
    if made.type.startswith("gcp:compute") and not location:
        where = "/global"
    values = {"id": f"projects/{project}{where}/{plural}/{known}", "name": known, "project": project}
    values |= {names[0]: known} if names else {}
    values |= {"selfLink": f"https://www.googleapis.com/compute/v1/{values['id']}"} if "compute" in made.type else {}
    return values | (_MADE[made.type](made, values) if made.type in _MADE else {})


def _service(made: "Created", values: dict[str, Any]) -> dict[str, Any]:
    name, location = values["name"], made.text("location", made.place.region)
    template = made.inputs.get("template")
    revision = template.get("revision") if isinstance(template, dict) else None
    if not isinstance(revision, str):
        revision = f"{name}-00001-{made.hex(3)}"
    uri = f"https://{name}-{made.hex(10)}.{location}.run.app"
    traffic = made.inputs.get("traffics")
    statuses = [
        {"type": each.get("type"), "percent": each.get("percent", 0), "revision": each.get("revision", "")}
        | ({"tag": each["tag"], "uri": uri.replace("https://", f"https://{each['tag']}---")} if "tag" in each else {})
        for each in (traffic if isinstance(traffic, list) else [])
        if isinstance(each, dict)
    ]
    full = f"{values['id']}/revisions/{revision}"
    return {
        "uri": uri,
        "urls": [uri],
        "latestCreatedRevision": full,
        "latestReadyRevision": full,
        "terminalConditions": [{"type": "Ready", "state": "CONDITION_SUCCEEDED"}],
        "trafficStatuses": statuses,
        "reconciling": False,
    }


def _job(made: "Created", values: dict[str, Any]) -> dict[str, Any]:
    return {
        "latestCreatedExecutions": [{"name": f"{values['name']}-{made.text('runExecutionToken', 'run')}"}],
        "terminalConditions": [{"type": "Ready", "state": "CONDITION_SUCCEEDED"}],
    }


def _repository(made: "Created", values: dict[str, Any]) -> dict[str, Any]:
    location = made.text("location", made.place.region)
    return {"registryUri": f"{location}-docker.pkg.dev/{values['project']}/{values['repositoryId']}"}


def _secret(_: "Created", values: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"projects/{NUMBER}/secrets/{values['secretId']}"}


def _secret_version(made: "Created", _: dict[str, Any]) -> dict[str, Any]:
    name = f"{made.text('secret', 'secret')}/versions/1"
    return {"id": name, "name": name, "version": "1"}


def _account(made: "Created", values: dict[str, Any]) -> dict[str, Any]:
    email = f"{values['accountId']}@{values['project']}.iam.gserviceaccount.com"
    name = f"projects/{values['project']}/serviceAccounts/{email}"
    return {"id": name, "name": name, "email": email, "member": f"serviceAccount:{email}", "uniqueId": made.hex(21)}


def _agent(made: "Created", _: dict[str, Any]) -> dict[str, Any]:
    service = made.text("service", "service").partition(".")[0]
    email = f"service-{NUMBER}@gcp-sa-{service}.iam.gserviceaccount.com"
    return {"email": email, "member": f"serviceAccount:{email}"}


def _database(made: "Created", values: dict[str, Any]) -> dict[str, Any]:
    name, region = values["name"], made.text("region", made.place.region)
    settings = made.inputs.get("settings")
    addresses = settings.get("ipConfiguration", {}) if isinstance(settings, dict) else {}
    private = {"privateIpAddress": "10.1.0.3"} if "privateNetwork" in addresses else {}
    certificate = "-----BEGIN CERTIFICATE-----\noffline plan\n-----END CERTIFICATE-----"
    return {
        "id": name,
        "connectionName": f"{values['project']}:{region}:{name}",
        "serverCaCerts": [{"cert": certificate, "commonName": "", "createTime": "", "expirationTime": ""}],
        **private,
    }


def _address(made: "Created", _: dict[str, Any]) -> dict[str, Any]:
    return {"address": f"192.0.2.{int(made.hex(2), 16) % 254 + 1}"}


def _numbered(kind: str) -> Callable[["Created", dict[str, Any]], dict[str, Any]]:
    def made_of(made: "Created", values: dict[str, Any]) -> dict[str, Any]:
        name = f"projects/{values['project']}/{kind}/{int(made.hex(12), 16)}"
        return {"id": name, "name": name}

    return made_of


# Properties that name the resource, where that is not `name`.
_NAMES = {
    "gcp:artifactregistry/repository:Repository": ("repositoryId",),
    "gcp:monitoring/genericService:GenericService": ("serviceId",),
    "gcp:monitoring/slo:Slo": ("sloId",),
    "gcp:secretmanager/secret:Secret": ("secretId",),
    "gcp:serviceaccount/account:Account": ("accountId",),
}

_MADE: dict[str, Callable[["Created", dict[str, Any]], dict[str, Any]]] = {
    "gcp:artifactregistry/repository:Repository": _repository,
    "gcp:cloudrunv2/job:Job": _job,
    "gcp:cloudrunv2/service:Service": _service,
    "gcp:compute/globalAddress:GlobalAddress": _address,
    "gcp:monitoring/alertPolicy:AlertPolicy": _numbered("alertPolicies"),
    "gcp:monitoring/dashboard:Dashboard": _numbered("dashboards"),
    "gcp:monitoring/notificationChannel:NotificationChannel": _numbered("notificationChannels"),
    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": _numbered("uptimeCheckConfigs"),
    "gcp:projects/serviceIdentity:ServiceIdentity": _agent,
    "gcp:secretmanager/secret:Secret": _secret,
    "gcp:secretmanager/secretVersion:SecretVersion": _secret_version,
    "gcp:serviceaccount/account:Account": _account,
    "gcp:sql/databaseInstance:DatabaseInstance": _database,
}
