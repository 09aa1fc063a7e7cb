"""Cloud Run: services and jobs."""

from collections.abc import Iterator

from pulumi_fastapi.emulator.gcp.resource import ResourceType, patch_whole
from pulumi_fastapi.emulator.resource import AutoName

_RUN = "run.googleapis.com/v2/projects/{project}/locations/{location}"


def rows() -> Iterator[ResourceType]:
    yield ResourceType(
        pulumi_type="gcp:cloudrunv2/service:Service",
        collection=f"{_RUN}/services",
        id_parameter="serviceId",
        autoname=AutoName(max_length=50),
        not_sent=frozenset({"location", "tags"}),
        fields={"buildConfig": None},
        replace_on=frozenset({"location", "name", "tags"}),
        update=patch_whole,
        sticky=frozenset({"traffics", "ingress", "launchStage"}),
        tainted=True,
        protected=True,
        defaults={"deletionProtection": True},
    )
    yield ResourceType(
        pulumi_type="gcp:cloudrunv2/job:Job",
        collection=f"{_RUN}/jobs",
        id_parameter="jobId",
        autoname=AutoName(max_length=63),
        not_sent=frozenset({"location", "tags"}),
        replace_on=frozenset({"location", "name", "tags"}),
        update=patch_whole,
        sticky=frozenset({"launchStage"}),
        tainted=True,
        protected=True,
        defaults={"deletionProtection": True},
        outputs={
            "latestCreatedExecutions": lambda context: (
                [context.live["latestCreatedExecution"]] if "latestCreatedExecution" in context.live else []
            )
        },
    )
