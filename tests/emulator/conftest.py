"""Programs of raw `pulumi_aws` resources on the real engine, against one emulator for the whole session."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pulumi.automation as auto
import pytest
from pulumi_fastapi.emulator.server import Emulator, serve

REGION = "us-east-1"
_PROJECT = "emulated"
_ENGINE = Path(__file__).parents[2] / ".pulumi-fastapi" / "engine" / "bin" / "pulumi"


def engine_binary() -> Path | None:
    """The `pulumi` CLI: PULUMI_BIN, PATH, or the one that `make` puts into the project."""
    found = os.environ.get("PULUMI_BIN") or shutil.which("pulumi") or (str(_ENGINE) if _ENGINE.exists() else None)
    return Path(found) if found else None


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with serve() as running:
        yield running


@pytest.fixture
def cloud(emulator: Emulator) -> Emulator:
    """The emulator, empty."""
    emulator.control.reset()
    return emulator


@pytest.fixture
def aws(cloud: Emulator) -> Callable[[str], Any]:
    """boto3 clients that change the account behind Pulumi's back."""

    def client(service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=cloud.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106
        )

    return client


@dataclass
class Stack:
    """One stack of the engine. `run(program)` is `pulumi up`; the program may change between runs."""

    name: str
    workspace: Path
    environment: Mapping[str, str]
    command: auto.PulumiCommand
    output: list[str] = field(default_factory=list)
    events: list[auto.EngineEvent] = field(default_factory=list)

    def _stack(self, program: Callable[[], None]) -> auto.Stack:
        options = auto.LocalWorkspaceOptions(
            work_dir=str(self.workspace),
            env_vars=dict(self.environment),
            pulumi_command=self.command,
            project_settings=auto.ProjectSettings(
                name=_PROJECT,
                runtime="python",
                backend=auto.ProjectBackend(url=f"file://{self.workspace}/state"),
            ),
        )
        stack = auto.create_or_select_stack(self.name, project_name=_PROJECT, program=program, opts=options)
        stack.set_config("aws:region", auto.ConfigValue(REGION))
        return stack

    def up(self, program: Callable[[], None]) -> auto.UpResult:
        self._clear()
        return self._stack(program).up(on_output=self.output.append, on_event=self.events.append)

    def preview(self, program: Callable[[], None]) -> auto.PreviewResult:
        self._clear()
        return self._stack(program).preview(on_output=self.output.append, on_event=self.events.append)

    def refresh(self, program: Callable[[], None] = lambda: None) -> auto.RefreshResult:
        self._clear()
        return self._stack(program).refresh(on_output=self.output.append, on_event=self.events.append)

    def destroy(self, program: Callable[[], None] = lambda: None) -> auto.DestroyResult:
        self._clear()
        return self._stack(program).destroy(on_output=self.output.append, on_event=self.events.append)

    def state(self) -> list[dict[str, Any]]:
        """The resources in the engine's state, secrets encrypted."""
        deployment = self._stack(lambda: None).export_stack().deployment
        assert deployment is not None
        resources: list[dict[str, Any]] = deployment.get("resources") or []
        return resources

    def resource(self, name: str) -> dict[str, Any]:
        """The one resource of that logical name in the state."""
        found = [item for item in self.state() if item["urn"].rsplit("::", 1)[1] == name]
        assert len(found) == 1, [item["urn"] for item in found]
        return found[0]

    def failure(self, program: Callable[[], None], *, preview: bool = False) -> str:
        """What a run that has to fail prints."""
        with pytest.raises(auto.CommandError):
            self.preview(program) if preview else self.up(program)
        return self.text

    @property
    def text(self) -> str:
        return "\n".join(self.output)

    def steps(self) -> dict[str, str]:
        """Logical name -> what the engine did to it in the last run (`create`, `update`, `replace`, ...)."""
        done: dict[str, str] = {}
        for event in self.events:
            pre = event.resource_pre_event
            if pre is not None and pre.metadata.op.value not in ("same", "read"):
                done[pre.metadata.urn.rsplit("::", 1)[1]] = pre.metadata.op.value
        return {name: step for name, step in done.items() if not name.startswith(_PROJECT)}

    def _clear(self) -> None:
        self.output.clear()
        self.events.clear()


@pytest.fixture(scope="session")
def pulumi_command() -> auto.PulumiCommand:
    binary = engine_binary()
    if binary is None:
        pytest.fail("no `pulumi` command found: run `make engine`, or set PULUMI_BIN")
    root = binary.resolve().parent.parent
    return auto.PulumiCommand(root=str(root))


@pytest.fixture
def stack(cloud: Emulator, tmp_path: Path, pulumi_command: auto.PulumiCommand) -> Stack:
    (tmp_path / "state").mkdir()
    environment = {
        **cloud.environment,
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    return Stack(f"t{uuid.uuid4().hex[:8]}", tmp_path, environment, pulumi_command)
