"""The stack that a release updates, through Pulumi's Automation API."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import pulumi.automation as automation

from ..project import ProjectError
from ..validation import from_mapping
from .release import CANDIDATE, CONFIGURATION, STABLE, Release
from .steps import DeployFailed

COMPONENT = "pulumi-fastapi:index:CloudRunFastAPIService"
SERVICE = "gcp:cloudrunv2/service:Service"


@dataclass(frozen=True, kw_only=True)
class DeployedService:
    """A `CloudRunFastAPIService` as the state of its stack has it."""

    component: str
    """Name of the component."""
    arguments: Mapping[str, Any]
    """Its arguments."""
    outputs: Mapping[str, Any]
    """Its outputs; none after an update that failed, as the program did not come that far."""
    urn: str
    """URN of its Cloud Run service, for updates of nothing else."""
    inputs: Mapping[str, Any]
    """What the Cloud Run service was last asked to be."""
    url: Optional[str]
    """Where it answers at run.app."""

    @property
    def name(self) -> str:
        """Name of the Cloud Run service."""
        return str(self.inputs["name"])

    @property
    def release(self) -> Optional[Release]:
        """The release that its traffic tells of; None if the newest revision that is ready has all."""
        targets = {each.get("tag"): each for each in self.inputs.get("traffics") or []}
        if STABLE not in targets:
            return None
        candidate = targets.get(CANDIDATE, {})
        return Release(
            stable=targets[STABLE]["revision"],
            candidate=candidate.get("revision"),
            percent=int(candidate.get("percent", 0)),
        )


def services(state: Mapping[str, Any]) -> list[DeployedService]:
    """The services in an exported state."""
    resources = {each["urn"]: each for each in state.get("resources", [])}
    found = []
    for resource in resources.values():
        part = resources.get(resource.get("parent", ""), {})
        component = resources.get(part.get("parent", ""), {})
        if resource["type"] == SERVICE and component.get("type") == COMPONENT:
            found.append(
                DeployedService(
                    component=component["urn"].rpartition("::")[2],
                    arguments=component.get("inputs", {}),
                    outputs=component.get("outputs", {}),
                    urn=resource["urn"],
                    inputs=resource.get("inputs", {}),
                    url=resource.get("outputs", {}).get("uri"),
                )
            )
    return found


class ServiceStack:
    """A stack, and the one service of it that is released."""

    def __init__(self, stack: automation.Stack, name: Optional[str] = None) -> None:
        self._stack = stack
        self._name = name
        self._services: Optional[list[DeployedService]] = None

    def service(self) -> Optional[DeployedService]:
        """The service; None before its first update.

        Raises:
            DeployFailed: there are several and none is named, or none of that name, or something else altogether.
        """
        if self._services is None:
            state = self._stack.export_stack().deployment or {}
            self._services = services(state)
            if not self._services and any(each.get("custom") for each in state.get("resources", [])):
                raise DeployFailed(
                    "the stack has no CloudRunFastAPIService; if the program makes one, run pulumi up this first time"
                )
        there = self._services
        names = ", ".join(each.component for each in there)
        if self._name is not None:
            chosen = [each for each in there if each.component == self._name]
            if there and not chosen:
                raise DeployFailed(f"no service {self._name!r} in the stack; there are: {names}")
        else:
            chosen = there
        if len(chosen) > 1:
            raise DeployFailed(f"the stack has several services, say which with --service: {names}")
        return chosen[0] if chosen else None

    def release(self) -> Optional[Release]:
        """The release that is under way: in the configuration, else, where its file was not kept, in the state."""
        service = self.service()
        if service is None:
            return None
        configured = self._releases().get(service.name)
        return service.release if configured is None else from_mapping(Release, configured)

    def set_release(self, release: Optional[Release]) -> None:
        """Write the step into the stack's configuration; None takes it out."""
        service = self.service()
        if service is None:
            return
        path = f"{CONFIGURATION}.{service.name}"
        if release is None:
            others = self._releases().keys() - {service.name}
            self._stack.remove_config(path if others else CONFIGURATION, path=True)
            return
        values = {key: str(value) for key, value in vars(release).items() if value is not None}
        if release.candidate is None:  # it may hold that of an earlier release
            self._stack.remove_config(f"{path}.candidate", path=True)
        config = {f"{path}.{key}": automation.ConfigValue(value) for key, value in values.items()}
        self._stack.set_all_config(config, path=True)

    def up(self, message: str, *, traffic_only: bool = False) -> None:
        """Update the stack; or nothing but the service.

        Raises:
            DeployFailed: with the errors of the engine.
        """
        service = self.service()
        only = [service.urn] if traffic_only and service is not None else None
        events: list[automation.EngineEvent] = []
        self._services = None
        try:
            self._stack.up(
                message=f"pulumi-fastapi deploy: {message}",
                target=only,
                refresh=only is None and service is not None,
                on_event=events.append,
                suppress_outputs=True,
            )
        except automation.CommandError as error:
            diagnostics = [each.diagnostic_event for each in events if each.diagnostic_event is not None]
            told = [each.message.strip() for each in diagnostics if each.severity == "error" and each.message.strip()]
            raise DeployFailed("\n".join(dict.fromkeys(told)) or str(error)) from None

    def _releases(self) -> dict[str, Any]:
        configured = self._stack.get_all_config().get(CONFIGURATION)
        return json.loads(configured.value) if configured is not None else {}

    def revision(self) -> str:
        """The revision that the last update asked for."""
        service = self.service()
        if service is None:
            raise DeployFailed("the program makes no CloudRunFastAPIService")
        return str(service.outputs["revision"])


@contextmanager
def selected(folder: Path, stack: str) -> Iterator[automation.Stack]:
    """The stack of the project in a folder, with the Pulumi CLI of PULUMI_BIN, or that on PATH.

    Raises:
        ProjectError: there is no CLI or no such stack; or a command of the CLI failed meanwhile.
    """
    with tempfile.TemporaryDirectory() as root:  # the SDK looks for bin/pulumi below a root
        (Path(root) / "bin").mkdir()
        (Path(root) / "bin" / "pulumi").symlink_to(_cli())
        options = automation.LocalWorkspaceOptions(pulumi_command=automation.PulumiCommand(root=root))
        try:
            yield automation.select_stack(stack_name=stack, work_dir=str(folder), opts=options)
        except automation.CommandError as error:
            raise ProjectError(_told(error)) from None


def _cli() -> Path:
    given = os.environ.get("PULUMI_BIN")
    if given and not Path(given).is_file():
        raise ProjectError(f"PULUMI_BIN is {given!r}, and there is no such file")
    found = given or shutil.which("pulumi")
    if not found:
        raise ProjectError(
            "there is no pulumi on PATH, and PULUMI_BIN is not set: https://www.pulumi.com/docs/install/"
        )
    return Path(found).resolve()


def _told(error: automation.CommandError) -> str:
    """What the CLI said, without how the SDK packs it."""
    said = [line.strip().removeprefix("stderr: ") for line in str(error).splitlines()]
    errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    return "; ".join(errors) or " ".join(said)
