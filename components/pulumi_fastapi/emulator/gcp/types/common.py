"""What the types of several APIs have in common."""

from typing import Any

from pulumi_fastapi.emulator.gcp.resource import Context, ResourceType
from pulumi_fastapi.emulator.resource import AutoName

COMPUTE = "compute.googleapis.com/compute/v1/projects/{project}"


def short_name(context: Context) -> str:
    return str(context.live["name"]).rsplit("/", 1)[1]


def compute(kind: str, collection: str, scope: str = "global", **more: Any) -> ResourceType:
    token = f"{kind[0].lower()}{kind[1:]}:{kind}"
    return ResourceType(
        pulumi_type=f"gcp:compute/{token}",
        collection=f"{COMPUTE}/{scope}/{collection}",
        autoname=AutoName(max_length=63, lower=True),
        **more,
    )
