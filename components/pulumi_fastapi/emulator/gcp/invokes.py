"""Functions (`get_...`) that a program calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pulumi_fastapi.emulator.gcp.apis.artifactregistry import find_image
from pulumi_fastapi.emulator.gcp.cloud import GoogleCloud, visible
from pulumi_fastapi.emulator.values import Properties

ACCESS_TOKEN = "emulated"  # noqa: S105  nothing looks at it


@dataclass(frozen=True)
class InvokeContext:
    cloud: GoogleCloud
    project: str | None
    region: str | None
    zone: str | None


def _get_project(context: InvokeContext, arguments: Properties) -> Properties:
    project = arguments.get("projectId") or context.project
    if not project:
        raise ValueError("projectId: required field is not set: give it, or set gcp:project")
    number = context.cloud.project_number(project)
    return {
        "id": f"projects/{project}",
        "projectId": project,
        "number": number,
        "name": project,
        "autoCreateNetwork": False,
        "billingAccount": "",
        "deletionPolicy": "PREVENT",
        "effectiveLabels": {},
        "folderId": "",
        "labels": {},
        "orgId": "",
        "pulumiLabels": {},
        "tags": {},
    }


def _get_client_config(context: InvokeContext, arguments: Properties) -> Properties:
    region, zone = context.region or "", context.zone or ""
    return {
        "id": f'projects/"{context.project or ""}"/regions/"{region}"/zones/"{zone}"/scopes/[]',
        "accessToken": ACCESS_TOKEN,
        "defaultLabels": {},
        "project": context.project or "",
        "region": region,
        "zone": zone,
    }


def _get_docker_image(context: InvokeContext, arguments: Properties) -> Properties:
    project = arguments.get("project") or context.project
    place = f"{arguments['location']}-docker.pkg.dev/{project}/{arguments['repositoryId']}"
    wanted = arguments["imageName"]
    image = find_image(context.cloud, f"{place}/{wanted}")
    if image is None:
        raise ValueError(f"Error: no Docker image {wanted} was found in {place}")
    return {
        **{key: value for key, value in arguments.items() if value is not None},
        "id": image["name"],
        "name": image["name"],
        "buildTime": image["uploadTime"],
        "updateTime": image["uploadTime"],
        "project": project,
        "selfLink": image["uri"],
        **{key: image[key] for key in ("imageSizeBytes", "mediaType", "tags", "uploadTime")},
    }


def _get_service(context: InvokeContext, arguments: Properties) -> Properties:
    from pulumi_fastapi.emulator.gcp.resource import Context, fetch, outputs_of
    from pulumi_fastapi.emulator.gcp.types import RESOURCE_TYPES

    row = RESOURCE_TYPES["gcp:cloudrunv2/service:Service"]
    inputs = {key: value for key, value in arguments.items() if value is not None}
    operation = Context(context.cloud, row, inputs.get("project") or context.project, context.region, "", inputs)
    live = fetch(operation)
    if live is None:
        raise ValueError(f"{inputs['name']} not found in {inputs.get('location')}")
    operation.live = visible(live)
    outputs = outputs_of(operation, inputs)
    # What a function declares as a list of at most one, where the resource has an object.
    lists = {
        key: [outputs[key]]
        for key in ("template", "scaling", "binaryAuthorization")
        if isinstance(outputs.get(key), dict)
    }
    return {**outputs, **{f"{key}s": value for key, value in lists.items()}, "id": live["name"]}


INVOKES: Mapping[str, Callable[[InvokeContext, Properties], Properties]] = {
    "gcp:artifactregistry/getDockerImage:getDockerImage": _get_docker_image,
    "gcp:cloudrunv2/getService:getService": _get_service,
    "gcp:organizations/getClientConfig:getClientConfig": _get_client_config,
    "gcp:organizations/getProject:getProject": _get_project,
}
