"""Going back on purpose: the image that ran before, without a build."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional

from .credentials import Aws, DeployError
from .deployment_hooks import describe_failure, image_of

_POLL_SECONDS = 2.0
_LOOKED_AT = 50
"""Revisions that are searched for another image."""


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """What a rollback does."""

    cluster: str
    """ARN of the cluster."""
    service: str
    """ARN of the service."""
    running: str
    """ARN of the revision that runs."""
    to: str
    """ARN of the revision to go back to."""
    image: str
    """Its image."""


def plan_rollback(aws: Aws, cluster: str, service: str, to: Optional[str] = None) -> Rollback:
    """Find the newest older revision of the service's task that has another image, or check the one that is given.

    Raises:
        DeployError: there is no such service, or nothing to go back to.
    """
    ecs = aws.client("ecs")
    found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    if not found or found[0]["status"] != "ACTIVE":
        raise DeployError(f"there is no service {service} in cluster {cluster}")
    running = found[0]["taskDefinition"]
    family, _, revision = running.rpartition(":")
    if to is None:
        to = _previous(ecs, running, family, int(revision))
    elif to.isdigit():
        to = f"{family}:{to}"
    return Rollback(
        cluster=found[0]["clusterArn"],
        service=found[0]["serviceArn"],
        running=running,
        to=to,
        image=image_of(ecs, to),
    )


def _previous(ecs: Any, running: str, family: str, revision: int) -> str:
    image, name = image_of(ecs, running), family.split("/")[-1]
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=name, status="ACTIVE", sort="DESC")
    older = [
        arn
        for page in pages
        for arn in page["taskDefinitionArns"]
        if arn.rpartition(":")[0] == family and int(arn.rpartition(":")[2]) < revision
    ]
    for arn in older[:_LOOKED_AT]:
        if image_of(ecs, arn) != image:
            return str(arn)
    raise DeployError(
        f"no active revision of {name} before {revision} has another image; deletion_protection=True keeps them"
    )


def roll_back(aws: Aws, plan: Rollback, timeout: float, say: Callable[[str], None]) -> None:
    """Deploy the older revision with the service's own strategy, and wait until it is the one that runs.

    Raises:
        DeployError: it did not become so in `timeout` seconds, or ECS went back again.
    """
    ecs = aws.client("ecs")
    ecs.update_service(cluster=plan.cluster, service=plan.service, taskDefinition=plan.to)
    deadline, said = time.monotonic() + timeout, ""
    while True:
        (service,) = ecs.describe_services(cluster=plan.cluster, services=[plan.service])["services"]
        newest = service["deployments"][0]
        state = newest.get("rolloutState", "IN_PROGRESS")
        ready = f"{newest['runningCount']} of {newest['desiredCount']} tasks run, {state}"
        if ready != said:
            say(ready)
            said = ready
        if newest["taskDefinition"] != plan.to or state == "FAILED" or time.monotonic() > deadline:
            raise DeployError(describe_failure(aws, plan.cluster, plan.service, plan.to))
        if state == "COMPLETED" and newest["runningCount"] == newest["desiredCount"]:
            return
        time.sleep(_POLL_SECONDS)
