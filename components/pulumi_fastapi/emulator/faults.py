"""Faults that tests inject: an API error, a delay, or a deployment that goes wrong."""

import fnmatch
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FAULTS_FILE_VARIABLE = "PULUMI_FASTAPI_EMULATOR_FAULTS"


class Fault(BaseModel):
    """One rule: which calls it hits, how often, and what happens to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: str
    """`service:Operation`, with `*` and `?` as wildcards; `ecs:Deployment` is the outcome of an ECS deployment,
    `ecs:Task` that of a task someone runs; for those of functions, see `lambda_invocations`."""
    name: str = "*"
    """Logical name of the resource, with wildcards; for `ecs:Task` the family, for functions `name:version`."""
    code: str | None = None
    """AWS error code to answer with; without one the call goes through (after the delay)."""
    message: str = "injected fault"
    status: int = Field(default=400, ge=400, le=599)
    times: int | None = Field(default=None, ge=1)
    """How many calls it hits; without a number, all."""
    delay: float = Field(default=0, ge=0)
    """Seconds to wait before the call."""
    effect: str | None = Field(default=None, pattern="^(rollback|rollback-silent|timeout|init-failure|pending|failed)$")
    """What becomes of a deployment, a task or a function: `rollback`, `rollback-silent` and `timeout` for
    `ecs:Deployment`; `timeout`, it runs on, for `ecs:Task`; `init-failure` and `timeout` for `lambda:Invoke`; `timeout`
    for `lambda:Command`; `pending` and `failed` for `lambda:State` and `lambda:ProvisionedConcurrency`."""
    exit_code: int = 1
    """For `ecs:Deployment`, `ecs:Task` and `lambda:Command`: with what the container or command ends."""
    log: str | None = None
    """What it writes before."""


class Faults:
    """The faults in force, and how often each has struck."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._struck: list[int] = []
        self._file_stamp: tuple[int, int] | None = None

    def replace(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Put these faults in force instead of the present ones; a malformed fault is a ValueError."""
        try:
            parsed = [Fault.model_validate(fault) for fault in faults]
        except ValidationError as error:
            raise ValueError(f"not a list of faults: {error}") from error
        with self._lock:
            self._faults, self._struck = parsed, [0] * len(parsed)

    def as_dicts(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.model_dump(exclude_defaults=True) for fault in self._faults]

    def strike(self, operation: str, name: str) -> Fault | None:
        """The fault that hits this call, if any, counted and with its delay waited for."""
        self._load_file()
        with self._lock:
            fault = self._next(operation, name)
        if fault is not None and fault.delay:
            time.sleep(fault.delay)
        return fault

    def _next(self, operation: str, name: str) -> Fault | None:
        for position, fault in enumerate(self._faults):
            hits = fnmatch.fnmatchcase(operation, fault.operation) and fnmatch.fnmatchcase(name, fault.name)
            if hits and (fault.times is None or self._struck[position] < fault.times):
                self._struck[position] += 1
                return fault
        return None

    def _load_file(self) -> None:
        location = os.environ.get(FAULTS_FILE_VARIABLE)
        if not location or not Path(location).exists():
            return
        status = Path(location).stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._file_stamp:
            self.replace(json.loads(Path(location).read_text(encoding="utf-8")))
            self._file_stamp = stamp
