"""Run a program on the real Pulumi engine against the emulated clouds: what the `emulated_cloud` fixture hands out."""

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Optional
from unittest.mock import patch

import pulumi.automation as automation
import yaml
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS

from .emulator.control import Control
from .emulator.gcp.paths import API_PATH
from .planned import Secret, has_secret

REGION = "us-east-1"
GOOGLE_PROJECT = "emulated-project"
GOOGLE_REGION = "us-central1"
_REGIONS = {"aws:region": REGION, "gcp:project": GOOGLE_PROJECT, "gcp:region": GOOGLE_REGION}
_START_SECONDS = 60
_STOP_SECONDS = 5
_LOCAL_ENGINE = Path(".pulumi-fastapi") / "engine" / "bin" / "pulumi"

# A test session runs many engines, and a port of an earlier one comes back: with gRPC sharing connections, the SDK
# would inherit the earlier engine's failed one with its waiting time, and report "Connection refused".
_OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)

Program = Callable[[], Any]


class SetUpError(Exception):
    """Something the fixture needs is not installed; the message says what to do."""


class DeploymentError(Exception):
    """The engine reported a failure; the message holds its error lines, `output` everything it printed."""

    def __init__(self, errors: list[str], output: str) -> None:
        self.errors = errors
        self.output = output
        super().__init__("\n".join(errors) or output)


class Operation(NamedTuple):
    """One step of the engine."""

    kind: str
    """`create`, `update`, `replace`, `delete`, `same` and so on."""
    urn: str


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What one run of the engine did."""

    outputs: dict[str, Any]
    """The stack's exports; secret ones are `Secret`."""
    changes: dict[str, int]
    """Number of resources by operation, the stack itself included; those left as they are count as `same`."""
    operations: list[Operation]
    """Every step, in the order in which the engine began them."""
    output: str
    """What the engine printed."""

    @property
    def changed(self) -> bool:
        """Whether it did, or would do, anything."""
        return any(kind not in ("same", "read", "refresh") for kind in self.changes)


@dataclass(kw_only=True)
class EmulatedCloud:
    """An empty emulated AWS account, an empty emulated Google Cloud and an empty Pulumi backend."""

    engine: automation.PulumiCommand
    control: Control
    environment: Mapping[str, str]
    """What the engine and the clients of either cloud need to talk to the emulator."""
    folder: Path
    _stacks: dict[tuple[str, str], automation.Stack] = field(default_factory=dict)
    _loops: list[asyncio.AbstractEventLoop] = field(default_factory=list)

    def up(
        self,
        program: Program,
        *,
        config: Optional[Mapping[str, Any]] = None,
        stack: str = "test",
        project: str = "project",
    ) -> Deployment:
        """`pulumi up`."""
        selected = self._select(program, config, stack, project)
        return self._run(selected, lambda listen, show: selected.up(on_event=listen, on_output=show))

    def preview(
        self,
        program: Program,
        *,
        config: Optional[Mapping[str, Any]] = None,
        stack: str = "test",
        project: str = "project",
    ) -> Deployment:
        """`pulumi preview`."""
        selected = self._select(program, config, stack, project)
        return self._run(selected, lambda listen, show: selected.preview(on_event=listen, on_output=show))

    def refresh(self, *, stack: str = "test", project: str = "project") -> Deployment:
        """`pulumi refresh`: `changes` shows what was changed behind Pulumi's back."""
        selected = self._deployed(stack, project)
        return self._run(selected, lambda listen, show: selected.refresh(on_event=listen, on_output=show))

    def destroy(self, *, stack: str = "test", project: str = "project") -> Deployment:
        """`pulumi destroy`."""
        selected = self._deployed(stack, project)
        return self._run(selected, lambda listen, show: selected.destroy(on_event=listen, on_output=show))

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Make API calls of the provider fail from now on: `{"operation": "ec2:CreateVpc", "code": "Throttling"}`."""
        self.control.set_faults(faults)

    def resources(self) -> list[dict[str, str]]:
        """Everything alive in the account."""
        return self.control.resources()

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of the emulated account, to look inside or to change things behind Pulumi's back."""
        import boto3

        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def google(self, api: str, version: str) -> Any:
        """A client of one of Google's APIs, of google-api-python-client: `google("run", "v2")`."""
        return google_client(self.control.endpoint, api, version)

    def _select(
        self, program: Program, config: Optional[Mapping[str, Any]], stack: str, project: str
    ) -> automation.Stack:
        workspace = self.folder / project
        workspace.mkdir(exist_ok=True)
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        settings = automation.ProjectSettings(
            name=project, runtime="python", backend=automation.ProjectBackend(url=f"file://{state}")
        )
        options = automation.LocalWorkspaceOptions(
            work_dir=str(workspace),
            project_settings=settings,
            pulumi_command=self.engine,
            env_vars={
                **self.environment,
                "PULUMI_CONFIG_PASSPHRASE": "test",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "PULUMI_HOME": str(self.folder / "home"),
                "PULUMI_SKIP_UPDATE_CHECK": "true",
            },
        )

        def noting_its_loop() -> Any:
            self._loops.append(asyncio.get_running_loop())
            return program()

        selected = automation.create_or_select_stack(stack, project_name=project, program=noting_its_loop, opts=options)
        self._stacks[stack, project] = selected
        _write_config(selected, workspace / f"Pulumi.{stack}.yaml", _REGIONS | dict(config or {}))
        return selected

    def _deployed(self, stack: str, project: str) -> automation.Stack:
        if (stack, project) not in self._stacks:
            raise ValueError(f"stack {stack!r} of project {project!r} was not deployed in this test; call up() first")
        return self._stacks[stack, project]

    def _run(self, stack: automation.Stack, run: Callable[[Any, Any], Any]) -> Deployment:
        events: list[automation.EngineEvent] = []
        lines: list[str] = []
        self.control.set_directory(os.getcwd())
        own_connections()
        try:
            with patch.dict(os.environ, self.environment):  # the program's own calls, as those of resource hooks
                result = run(events.append, lines.append)
        except automation.CommandError as error:
            raise DeploymentError(_errors(events), _text(lines) or str(error)) from None
        finally:
            while self._loops:
                _close(self._loops.pop())
        summary = getattr(result, "change_summary", None)
        if summary is None:
            summary = result.summary.resource_changes or {}
        return Deployment(
            outputs=_outputs(stack),
            changes={str(getattr(kind, "value", kind)): count for kind, count in summary.items()},
            operations=[
                Operation(str(getattr(step.op, "value", step.op)), step.urn)
                for event in events
                if event.resource_pre_event is not None and (step := event.resource_pre_event.metadata) is not None
            ],
            output=_text(lines),
        )


def google_client(endpoint: str, api: str, version: str) -> Any:
    """A client of an API of the emulated Google Cloud at that endpoint."""
    from google.auth.credentials import AnonymousCredentials
    from googleapiclient.discovery import build

    return build(
        api,
        version,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": f"{endpoint}{API_PATH}{api}.googleapis.com/"},
        static_discovery=True,
    )


def own_connections() -> None:
    """Keep every gRPC channel of the SDK to a connection of its own."""
    if _OWN_CONNECTION not in _GRPC_CHANNEL_OPTIONS:
        _GRPC_CHANNEL_OPTIONS.append(_OWN_CONNECTION)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """The SDK leaves a program's loop open when the engine ends before the program, as it does after a failure."""
    deadline = time.monotonic() + _STOP_SECONDS
    while loop.is_running() and time.monotonic() < deadline:
        time.sleep(0.01)
    if loop.is_closed() or loop.is_running():
        return
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    try:
        if tasks:  # gather() of nothing belongs to another loop
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    except RuntimeError as error:
        if "stopped before Future completed" not in str(error):  # the SDK has told it to stop; then it may close too
            raise
    finally:
        loop.close()


def _text(lines: list[str]) -> str:
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _outputs(stack: automation.Stack) -> dict[str, Any]:
    return {key: Secret(output.value) if output.secret else output.value for key, output in stack.outputs().items()}


def _errors(events: list[automation.EngineEvent]) -> list[str]:
    diagnostics = [event.diagnostic_event for event in events if event.diagnostic_event is not None]
    return [each.message.strip() for each in diagnostics if each.severity == "error" and each.message.strip()]


def _write_config(stack: automation.Stack, file: Path, config: Mapping[str, Any]) -> None:
    """Plain values straight into the stack's file, which takes no call of the CLI; secret ones through the CLI."""
    document = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
    project = stack.workspace.project_settings().name
    values = {key if ":" in key else f"{project}:{key}": value for key, value in config.items()}
    document["config"] = {
        key: _without_secrets(value) for key, value in values.items() if not isinstance(value, Secret)
    }
    file.write_text(yaml.safe_dump(document))
    for key, value in values.items():
        for path, secret in _secrets(key, value):
            stack.set_config(path, automation.ConfigValue(str(secret.value), secret=True), path=path != key)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_secrets(item) for key, item in value.items() if not isinstance(item, Secret)}
    if isinstance(value, (list, tuple)):
        if has_secret(value):
            raise ValueError("a Secret inside a list of the configuration is not supported; use a mapping")
        return list(value)
    return value


def _secrets(path: str, value: Any) -> Iterator[tuple[str, Secret]]:
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(f"{path}.{key}", item)


# What it needs


def find_engine(start: Path) -> Path:
    """The Pulumi CLI: PULUMI_BIN, PATH, or the one `make` keeps in a project, looked for upwards from `start`."""
    given = os.environ.get("PULUMI_BIN")
    if given:
        if not Path(given).is_file():
            raise SetUpError(f"PULUMI_BIN is {given!r}, and there is no such file")
        return Path(given)
    found = shutil.which("pulumi")
    if found:
        return Path(found)
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / _LOCAL_ENGINE).is_file():
            return folder / _LOCAL_ENGINE
    raise SetUpError(
        "this test runs the real Pulumi engine and there is no `pulumi`: "
        "install it (https://www.pulumi.com/docs/install/), set PULUMI_BIN to it, "
        "or run `make engine` in a clone of pulumi-fastapi"
    )


def command(engine: Path, folder: Path) -> automation.PulumiCommand:
    """The SDK's handle of a CLI at any path; it looks for `bin/pulumi` below a root."""
    (folder / "bin").mkdir()
    (folder / "bin" / "pulumi").symlink_to(engine.resolve())
    return automation.PulumiCommand(root=str(folder))


@contextmanager
def running_emulator() -> Iterator[dict[str, Any]]:
    """The emulator as a process of its own; yields what it says about itself."""
    if importlib.util.find_spec("moto") is None:
        raise SetUpError("this test needs the emulated AWS: pip install 'pulumi-fastapi[emulator]'")
    arguments = [sys.executable, "-m", "pulumi_fastapi.emulator.server"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        # A timer instead of a wait with a timeout: reading a pipe has none.
        deadline = threading.Timer(_START_SECONDS, process.kill)
        deadline.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            deadline.cancel()
            if not line:
                raise SetUpError(f"the emulated AWS did not start within {_START_SECONDS} s; its output is above")
            yield json.loads(line)
        finally:
            deadline.cancel()
            process.terminate()
