"""Our Python language host under the real engine: programs, components, exit codes, signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pulumi_fastapi.emulated_cloud import find_engine

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
HOST = "pulumi-language-python"
SECONDS = 60


def find_executor(cli: Path) -> Path:
    """The SDK's runner of programs: beside the CLI, where `make` put it, or on PATH."""
    installed = sorted((ROOT / ".pulumi-fastapi" / "engine").glob(f"*/{HOST}-exec"))
    candidates = [*installed, cli.resolve().parent / f"{HOST}-exec", Path(shutil.which(f"{HOST}-exec") or "")]
    found = next((each for each in candidates if each.is_file()), None)
    if found is None:
        pytest.fail(f"no {HOST}-exec found: run `make setup`")
    return found


@dataclass
class Project:
    """A Pulumi project whose language host is ours, even where there is an official one."""

    folder: Path
    cli: Path
    environment: dict[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.cli, *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=SECONDS)
        return process.returncode, output

    def up(self) -> tuple[int, str]:
        return self.run("up", "--yes", "--skip-preview", "--stack", "test")

    def outputs(self) -> dict[str, object]:
        code, text = self.run("stack", "output", "--json", "--stack", "test")
        assert code == 0, text
        outputs: dict[str, object] = json.loads(text)
        return outputs


@pytest.fixture
def project(tmp_path) -> Callable[[str], Project]:
    cli = find_engine(ROOT)
    executor = find_executor(cli)
    host = tmp_path / "host" / HOST
    host.parent.mkdir()
    command = f'exec "{sys.executable}" "{ROOT}/engine/language_host.py" "$@"'
    host.write_text(f'#!/bin/sh\nPULUMI_PYTHON_EXECUTOR="{executor}" {command}\n')
    host.chmod(0o755)
    folder = tmp_path / "project"
    (folder / "state").mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")} | {
        "PATH": f"{host.parent}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def make(program: str) -> Project:
        (folder / "Pulumi.yaml").write_text("name: sample\nruntime: python\nmain: program\n")
        (folder / "program").mkdir()
        (folder / "program" / "__main__.py").write_text(program)
        made = Project(folder, cli, environment)
        code, output = made.run("stack", "init", "test")
        assert code == 0, output
        return made

    return make


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_program_gets_configuration_arguments_and_folder(project):
    sample = project(
        "import os, pulumi\n"
        "config = pulumi.Config()\n"
        'pulumi.export("plain", config.require("plain"))\n'
        'pulumi.export("secret", config.require_secret("secret").apply(len))\n'
        'pulumi.export("folder", os.path.basename(os.getcwd()))\n'
        'pulumi.export("names", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization()])\n'
        'pulumi.export("root", pulumi.runtime.get_root_directory())\n'
    )
    sample.run("config", "set", "plain", "a b", "--stack", "test")
    sample.run("config", "set", "--secret", "secret", "1234567", "--stack", "test")

    code, output = sample.up()

    assert code == 0, output
    assert "1234567" not in output
    assert sample.outputs() == {
        "plain": "a b",
        "secret": "[secret]",
        "folder": "program",
        "names": ["sample", "test", "organization"],
        "root": str(sample.folder),
    }


def test_program_runs_in_the_virtual_environment_of_its_project(project):
    sample = project('import os, sys, pulumi\npulumi.export("run", [sys.prefix, os.environ["VIRTUAL_ENV"]])\n')
    venv.create(sample.folder / ".venv", symlinks=True)
    packages = next((sample.folder / ".venv" / "lib").glob("python3*")) / "site-packages"
    (packages / "shared.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))

    code, output = sample.up()

    assert code == 0, output
    assert sample.outputs()["run"] == [str(sample.folder / ".venv")] * 2


def test_what_a_program_prints_is_shown(project):
    sample = project('import sys\nprint("to stdout")\nprint("to stderr", file=sys.stderr)\n')

    code, output = sample.up()

    assert code == 0, output
    assert "to stdout" in output
    assert "to stderr" in output


def test_error_for_the_user_is_shown_without_traceback(project):
    sample = project('import pulumi\nraise pulumi.RunError("cpu: 3 is no size that Fargate has")\n')

    code, output = sample.up()

    assert code != 0
    assert "error: cpu: 3 is no size that Fargate has" in output
    assert "Traceback" not in output


def test_unhandled_exception_is_shown_once_and_nothing_more(project):
    sample = project('raise ValueError("boom")\n')

    code, output = sample.up()

    assert code != 0
    assert output.count("ValueError: boom") == 1
    assert "exit code" not in output
    assert "an unhandled error" not in output


def test_exit_code_of_a_program_is_named(project):
    sample = project("import sys\nsys.exit(3)\n")

    code, output = sample.up()

    assert code != 0
    assert "Program exited with non-zero exit code: 3" in output


def test_program_that_a_signal_ends_is_an_error(project):
    sample = project("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")

    code, output = sample.up()

    assert code != 0
    assert "Program was ended by SIGKILL" in output


def test_component_package_runs_as_a_plugin(project):
    sample = project("")
    package = sample.folder / "package"
    package.mkdir()
    (package / "PulumiPlugin.yaml").write_text("runtime: python\n")
    (package / "__main__.py").write_text(
        "from typing import Optional, TypedDict\n"
        "import pulumi\n"
        "from pulumi.provider.experimental import component_provider_host\n"
        "class GreetingArgs(TypedDict):\n"
        "    name: pulumi.Input[str]\n"
        "class Greeting(pulumi.ComponentResource):\n"
        "    text: pulumi.Output[str]\n"
        "    def __init__(self, name: str, args: GreetingArgs, opts: Optional[pulumi.ResourceOptions] = None):\n"
        '        super().__init__("greet:index:Greeting", name, {}, opts)\n'
        '        self.text = pulumi.Output.concat("hello ", args["name"])\n'
        'component_provider_host(name="greet", components=[Greeting])\n'
    )

    process = subprocess.run(
        [sample.cli, "package", "get-schema", str(package)],
        cwd=sample.folder,
        env=sample.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

    assert process.returncode == 0, process.stderr
    assert list(json.loads(process.stdout)["resources"]) == ["greet:index:Greeting"]


def test_plugin_that_fails_shows_what_it_printed(project):
    sample = project("")
    package = sample.folder / "package"
    package.mkdir()
    (package / "PulumiPlugin.yaml").write_text("runtime: python\n")
    (package / "__main__.py").write_text('raise SystemExit("no greeting today")\n')

    code, output = sample.run("package", "get-schema", str(package))

    assert code != 0
    assert "no greeting today" in output


def test_about_names_the_python_and_what_is_installed(project):
    sample = project("")

    code, output = sample.run("about", "--json")

    assert code == 0, output
    about = json.loads(output[output.index("{") : output.rindex("}") + 1])
    assert about["runtime"]["executable"] == sys.executable
    assert "pulumi-aws" in {each["name"] for each in about["dependencies"]}


SLEEPER = (
    "import os, pathlib, time\n"
    'pathlib.Path("../pids").write_text(f"{os.getpid()} {os.getppid()}")\n'
    'pathlib.Path("../pids").rename("../started")\n'
    "time.sleep(600)\n"
)


def started(sample: Project) -> list[int]:
    """The processes of a sleeping program and of its language host."""
    file = sample.folder / "started"
    assert wait_until(file.exists), "the program did not start"
    return [int(pid) for pid in file.read_text().split()]


def test_killed_engine_leaves_no_process_behind(project):
    sample = project(SLEEPER)
    engine = sample.start("up", "--yes", "--skip-preview", "--stack", "test")
    pids = started(sample)

    engine.kill()
    engine.communicate()

    assert wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_ctrl_c_ends_program_and_host_without_a_traceback(project):
    sample = project(SLEEPER)
    engine = sample.start("up", "--yes", "--skip-preview", "--stack", "test")
    pids = started(sample)

    os.killpg(engine.pid, signal.SIGINT)
    output, _ = engine.communicate(timeout=SECONDS)

    assert engine.returncode != 0
    assert "Traceback" not in output
    assert wait_until(lambda: not any(is_alive(pid) for pid in pids))
