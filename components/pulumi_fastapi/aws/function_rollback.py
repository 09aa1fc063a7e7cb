"""Going back on purpose: the version of a function that served before, without a build."""

import asyncio
from dataclasses import dataclass
from typing import Any, Optional

from .credentials import Aws, DeployError
from .release import ALIAS
from .release_hooks import Move, require_ready, set_weight

_DEFAULT_READINESS = "/-/ready"


@dataclass(frozen=True, kw_only=True)
class FunctionRollback:
    """What a rollback of a function does."""

    function: str
    """Name of the function."""
    running: str
    """Version that serves."""
    to: str
    """Version to go back to."""
    image: str
    """Its image."""
    readiness_path: str
    """Path that it must answer with 200."""
    timeout: int
    """Longest invocation in seconds."""


def plan_function_rollback(aws: Aws, function: str, to: Optional[str] = None) -> FunctionRollback:
    """Find the newest older version that has another image, or check the one that is given.

    Raises:
        DeployError: there is no such function, or nothing to go back to.
    """
    client = aws.client("lambda")
    try:
        running = client.get_alias(FunctionName=function, Name=ALIAS)["FunctionVersion"]
    except client.exceptions.ResourceNotFoundException:
        raise DeployError(f"there is no function {function} with an alias {ALIAS}") from None
    if to is None:
        to = _previous(client, function, running)
    try:
        found = client.get_function(FunctionName=function, Qualifier=to)
    except client.exceptions.ResourceNotFoundException:
        raise DeployError(f"there is no version {to} of {function}") from None
    configuration = found["Configuration"]
    variables = configuration.get("Environment", {}).get("Variables", {})
    return FunctionRollback(
        function=configuration["FunctionName"],
        running=running,
        to=to,
        image=found["Code"].get("ImageUri", "a zip archive"),
        readiness_path=variables.get("READINESS_PATH", _DEFAULT_READINESS),
        timeout=configuration["Timeout"],
    )


def _previous(client: Any, function: str, running: str) -> str:
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    images = {
        int(version["Version"]): version["CodeSha256"]
        for page in pages
        for version in page["Versions"]
        if version["Version"].isdigit()
    }
    for number in sorted(images, reverse=True):
        if number < int(running) and images[number] != images[int(running)]:
            return str(number)
    raise DeployError(f"no version of {function} before {running} has another image")


def roll_back_function(aws: Aws, plan: FunctionRollback, timeout: int) -> None:
    """Send all traffic to the older version, once it has said that it is ready.

    Raises:
        DeployError: it is not, within `timeout` seconds; then nothing was changed.
    """
    move = Move(function=plan.function, alias=ALIAS, old=plan.running, new=plan.to)
    asyncio.run(require_ready(aws, move, plan.readiness_path, timeout, plan.timeout))
    set_weight(aws, move._replace(old=plan.to), 0)
