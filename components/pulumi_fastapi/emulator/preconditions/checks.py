"""How a rule is tied to the operation before which it is looked at."""

from collections.abc import Callable
from typing import Any

from pulumi_fastapi.emulator.api import Api, ApiError, Precondition
from pulumi_fastapi.emulator.values import Properties

CHECKS: dict[str, Precondition] = {}


def before(*operations: str) -> Callable[[Precondition], Precondition]:
    def register(check: Precondition) -> Precondition:
        for operation in operations:
            CHECKS[operation] = check
        return check

    return register


def find(api: Api, service: str, operation: str, path: str, region: str, **params: Any) -> list[Properties]:
    """The items of a describe call; none when what is asked about does not exist (the call itself then says so)."""
    try:
        answer = api.look_up(service, operation, params, region)
    except ApiError as error:
        if error.not_found or "NotFound" in error.code or "Malformed" in error.code:
            return []
        raise
    items: list[Properties] = answer[path]
    return items
