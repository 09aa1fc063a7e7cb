"""Projects and the APIs that are enabled in them."""

from pulumi_fastapi.emulator.gcp.cloud import Call, handles
from pulumi_fastapi.emulator.gcp.methods import finish
from pulumi_fastapi.emulator.values import Properties


@handles("cloudresourcemanager.projects.get")
def get_project(call: Call) -> Properties:
    number = call.cloud.project_number(call.project)
    return {"projectId": call.project, "projectNumber": number, "name": call.project, "lifecycleState": "ACTIVE"}


def _enabled(call: Call, name: str) -> Properties:
    number = call.cloud.project_number(call.project)
    service = {
        "name": f"projects/{number}/services/{name}",
        "parent": f"projects/{number}",
        "config": {"name": name},
        "state": "ENABLED",
    }
    call.cloud.put("serviceusage", f"projects/{call.project}/services/{name}", service)
    return service


@handles("serviceusage.services.enable")
def enable(call: Call) -> Properties:
    return finish(call, call.path, {"service": _enabled(call, call.path.rsplit("/", 1)[1])})


@handles("serviceusage.services.batchEnable")
def enable_all(call: Call) -> Properties:
    return finish(call, call.path, {"services": [_enabled(call, name) for name in call.body.get("serviceIds", [])]})


_AGENTS = {"run": "serverless-robot-prod", "sqladmin": "gcp-sa-cloud-sql"}
"""Projects of Google's in which an API has its service agents, where that is not `gcp-sa-API`."""


@handles("serviceusage.services.generateServiceIdentity")
def generate_identity(call: Call) -> Properties:
    api = call.path.rsplit("/", 1)[1].split(".")[0]
    number = call.cloud.project_number(call.project)
    email = f"service-{number}@{_AGENTS.get(api, f'gcp-sa-{api}')}.iam.gserviceaccount.com"
    return finish(call, call.path, {"email": email, "uniqueId": number})


@handles("serviceusage.services.disable")
def disable(call: Call) -> Properties:
    service = call.find()
    call.cloud.remove("serviceusage", call.path)
    return finish(call, call.path, {"service": {**service, "state": "DISABLED"}})
