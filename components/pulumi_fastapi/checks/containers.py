"""Rules for the containers of ECS tasks."""

import re
from collections.abc import Iterator
from typing import Any

from ..planned import Resource
from . import Facts, Problem, rule

TASK = "aws:ecs/taskDefinition:TaskDefinition"

_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL", re.IGNORECASE)
_NOT_THE_SECRET = re.compile(
    r"(_ARNS?|_DIGEST|_NAME|_ID|_FILE|_PATH|_URL|_URI|_TTL|_SECONDS|_MINUTES|_LIMIT|_ENABLED|_LENGTH)$", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"\w[\w+.-]*://[^/\s:@]*:[^/\s:@]+@")


def holds_secret(name: str, value: str) -> bool:
    """Whether a plain variable looks like a secret by its name, or has a password in its URL."""
    by_name = _SECRET_NAME.search(name) and not _NOT_THE_SECRET.search(name) and value
    return bool(by_name or _PASSWORD_IN_URL.search(value))


def _label(container: dict[str, Any]) -> str:
    return f"container {container.get('name', '?')!r}"


@rule(TASK, severity="error")
def plain_secret_in_environment(task: Resource, facts: Facts) -> Iterator[Problem]:
    """Plain variables are shown by the console, the API and Pulumi's state (ECS.8, CT.ECS.PR.12)."""
    for container in facts.containers(task):
        for variable in container.get("environment") or []:
            name = str(variable.get("name", ""))
            if holds_secret(name, str(variable.get("value", ""))):
                yield Problem(
                    f"{_label(container)} gets {name} as a plain variable",
                    "pass it as a secret: the value is kept in Secrets Manager and the task gets it by ARN",
                )


@rule(TASK, severity="warning")
def container_runs_as_root(task: Resource, facts: Facts) -> Iterator[Problem]:
    """Root in the container is one kernel flaw away from the host (CT.ECS.PR.3, ECS.20)."""
    for container in facts.containers(task):
        user = str(container.get("user") or "").partition(":")[0]
        if user in ("", "0", "root"):
            as_whom = "as root" if user else "as the image's user, which is root unless its Dockerfile says otherwise"
            yield Problem(f"{_label(container)} runs {as_whom}", "set user to a number above 0, such as 10001")


@rule(TASK, severity="warning")
def container_root_filesystem_writable(task: Resource, facts: Facts) -> Iterator[Problem]:
    """What cannot be written cannot be planted there (ECS.5, CT.ECS.PR.6, CKV_AWS_336)."""
    for container in facts.containers(task):
        if container.get("readonlyRootFilesystem") is not True:
            yield Problem(
                f"{_label(container)} can write to its own root filesystem",
                "set readonlyRootFilesystem to true and mount a volume at the paths it writes, such as /tmp",
            )


@rule(TASK, severity="error")
def container_privileged(task: Resource, facts: Facts) -> Iterator[Problem]:
    """A privileged container has the host's devices; Fargate refuses it (ECS.4, CT.ECS.PR.11, CKV_AWS_334)."""
    for container in facts.containers(task):
        if container.get("privileged") is True:
            yield Problem(f"{_label(container)} is privileged", "remove privileged")


@rule(TASK, severity="warning")
def container_without_logs(task: Resource, facts: Facts) -> Iterator[Problem]:
    """Without a log configuration nothing a Fargate task prints is ever seen (ECS.9, CT.ECS.PR.5)."""
    for container in facts.containers(task):
        if not container.get("logConfiguration"):
            yield Problem(
                f"{_label(container)} has no log configuration", "send its logs to a group with the awslogs driver"
            )


@rule(TASK, severity="error")
def stop_timeout_too_long(task: Resource, facts: Facts) -> Iterator[Problem]:
    """Fargate takes 120 seconds at most; a longer stop timeout is refused when the task definition is registered."""
    for container in facts.containers(task):
        stop = container.get("stopTimeout")
        if stop is not None and int(stop) > 120:
            yield Problem(
                f"{_label(container)} has a stop timeout of {stop} s, Fargate allows 120",
                "set stopTimeout to 120 or less",
            )
