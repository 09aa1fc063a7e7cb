"""Secrets and their versions."""

from pulumi_fastapi.emulator.gcp.cloud import Call, completes, handles, now, visible
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.values import Properties


@completes("secretmanager", "secrets")
def complete_secret(call: Call, path: str, secret: Properties, before: Properties | None) -> None:
    if not secret.get("replication"):
        raise GoogleError(400, "The Secret.replication field is required.")
    secret["name"] = path.replace(f"projects/{call.project}", f"projects/{call.cloud.project_number(call.project)}", 1)
    secret["etag"] = f'"{now()}"'
    secret.pop("updateTime", None)


@handles("secretmanager.projects.secrets.addVersion")
def add_version(call: Call) -> Properties:
    secret = call.find()
    data = (call.body.get("payload") or {}).get("data")
    if not data:
        raise GoogleError(400, "Secret Payload cannot be empty.")
    number = secret["_versions"] = secret.get("_versions", 0) + 1  # a destroyed version's number is not used again
    version = {
        "name": f"{secret['name']}/versions/{number}",
        "createTime": now(),
        "state": "ENABLED",
        "etag": f'"{now()}"',
        "_data": data,
    }
    call.cloud.put("secretmanager", f"{call.path}/versions/{number}", version)
    return visible(version)


@handles("secretmanager.projects.secrets.versions.get")
def get_version(call: Call) -> Properties:
    return visible(find_version(call))


@handles("secretmanager.projects.secrets.versions.access")
def access_version(call: Call) -> Properties:
    version = find_version(call)
    if version["state"] != "ENABLED":
        text = f"Secret Version [{version['name']}] is in {version['state']} state."
        raise GoogleError(400, text, "FAILED_PRECONDITION")
    return {"name": version["name"], "payload": {"data": version["_data"]}}


_STATES = {"enable": "ENABLED", "disable": "DISABLED", "destroy": "DESTROYED"}


@handles(*(f"secretmanager.projects.secrets.versions.{verb}" for verb in _STATES))
def change_state(call: Call) -> Properties:
    version = find_version(call)
    if version["state"] == "DESTROYED":
        text = f"Secret Version [{version['name']}] is in DESTROYED state."
        raise GoogleError(400, text, "FAILED_PRECONDITION")
    version["state"] = _STATES[call.method.name]
    if call.method.name == "destroy":
        version["_data"] = ""
    return visible(version)


def find_version(call: Call) -> Properties:
    """A version by its number, or `latest`: the last one made, in whatever state."""
    secret, _, number = call.path.rpartition("/versions/")
    if number == "latest":
        number = str(call.cloud.find("secretmanager", secret).get("_versions", 0))
    return call.cloud.find("secretmanager", f"{secret}/versions/{number}")
