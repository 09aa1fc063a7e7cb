"""`python -m pulumi_fastapi.emulator`: a project comes up in the emulated AWS and goes again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from pulumi_fastapi.emulated_cloud import find_engine
from pulumi_fastapi.emulator.control import Control

ROOT = Path(__file__).parents[2]
PROGRAM = """\
import pulumi
import pulumi_aws as aws

vpc = aws.ec2.Vpc("shop", cidr_block="10.0.0.0/16")
aws.ec2.Subnet("shop", vpc_id=vpc.id, cidr_block="10.0.0.0/24")
pulumi.export("url", "http://shop.test")
"""
LOCAL = "config: { 'aws:region': us-east-1 } # keep this\n"


@dataclass
class Sample:
    """A project of a user of the package."""

    folder: Path
    environment: dict[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "pulumi_fastapi.emulator", *arguments],
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
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def details(self) -> dict[str, Any]:
        details: dict[str, Any] = json.loads((self.folder / ".pulumi-fastapi" / "emulator.json").read_text())
        return details

    @property
    def control(self) -> Control:
        return Control(self.details()["endpoint"])

    def resources(self) -> list[str]:
        return sorted(each["type"] for each in self.control.resources())

    def write(self, program: str) -> None:
        (self.folder / "program" / "__main__.py").write_text(program)


def make_sample(folder: Path) -> Sample:
    (folder / "program").mkdir(parents=True)
    (folder / "stacks").mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: program\nstackConfigDir: stacks\n")
    (folder / "stacks" / "Pulumi.local.yaml").write_text(LOCAL)
    (folder / "stacks" / "Pulumi.dev.yaml").write_text(LOCAL)
    environment = {name: value for name, value in os.environ.items() if name != "MAKELEVEL"}
    made = Sample(folder, environment | {"NO_COLOR": "1", "PULUMI_BIN": str(find_engine(ROOT))})
    made.write(PROGRAM)
    return made


@pytest.fixture
def sample(tmp_path) -> Iterator[Sample]:
    """A project that nothing was done with."""
    made = make_sample(tmp_path / "shop")
    try:
        yield made
    finally:
        made.run("stop")


@pytest.fixture
def deployed(sample) -> Sample:
    """A project that is up, to be changed."""
    code, output = sample.run("up")
    assert code == 0, output
    return sample


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[tuple[Sample, str]]:
    """A project that is up and stays so, and what the first `up` printed."""
    made = make_sample(tmp_path_factory.mktemp("shared") / "shop")
    try:
        code, output = made.run("up")
        assert code == 0, output
        yield made, output
    finally:
        made.run("stop")


@pytest.mark.engine
def test_up_says_what_was_created_and_what_to_do_next(shop):
    _, output = shop

    assert "+ 3 created" in output
    assert "2 resources in the emulated account" in output
    assert "http://shop.test  emulated: " in output
    assert "python -m pulumi_fastapi.emulator down" in output
    assert "up --stack dev" in output


@pytest.mark.engine
def test_second_up_changes_nothing(shop):
    code, output = shop[0].run("up")

    assert code == 0, output
    assert "3 unchanged" in output
    assert "(running)" in output


@pytest.mark.engine
def test_files_of_the_project_stay_as_they_are(shop):
    folder = shop[0].folder

    assert (folder / "stacks" / "Pulumi.local.yaml").read_text() == LOCAL
    assert (folder / ".pulumi-fastapi" / ".gitignore").read_text() == "*\n"
    assert sorted(each.name for each in folder.iterdir()) == [".pulumi-fastapi", "Pulumi.yaml", "program", "stacks"]


@pytest.mark.engine
def test_environment_points_a_cli_at_the_stack_that_is_up(shop):
    sample, _ = shop
    code, exports = sample.run("env")
    shell = f'{exports}\n"$PULUMI_BIN" stack output url --stack local'

    output = subprocess.run(
        ["sh", "-c", shell], cwd=sample.folder, env=sample.environment, capture_output=True, text=True
    ).stdout

    assert code == 0, output
    assert output == "http://shop.test\n"


@pytest.mark.engine
def test_up_after_a_restart_creates_everything_again(shop):
    sample, _ = shop
    sample.run("stop")

    code, output = sample.run("up")

    assert code == 0, output
    assert "what the stack had is created again" in output
    assert sample.resources() == ["subnet", "vpc"]


@pytest.mark.engine
def test_down_leaves_nothing_behind(deployed):
    control = deployed.control

    code, output = deployed.run("down")

    assert code == 0, output
    assert "The emulated account is empty, and the emulated cloud has stopped." in output
    with pytest.raises(ConnectionError):
        control.health()
    assert deployed.run("down") == (0, "Nothing is up.\n")


@pytest.mark.engine
def test_down_after_a_restart_leaves_nothing_behind(deployed):
    deployed.run("stop")

    code, output = deployed.run("down")

    assert code == 0, output
    assert "The emulated account is empty" in output


@pytest.mark.engine
def test_down_fails_and_lists_what_no_stack_knows(deployed):
    access = deployed.details()["environment"]
    client = boto3.client(
        "sns",
        region_name="us-east-1",
        endpoint_url=access["AWS_ENDPOINT_URL"],
        aws_access_key_id=access["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=access["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_topic(Name="forgotten")

    code, output = deployed.run("down")

    assert code == 1
    assert "still holds 1 resources that no stack knows" in output
    assert "forgotten" in output


@pytest.mark.engine
def test_exit_code_of_pulumi_passes_through(sample):
    sample.write('import pulumi\nraise pulumi.RunError("cpu: 3 is no size")\n')

    code, output = sample.run("up")

    assert code not in (0, 2)
    assert "cpu: 3 is no size" in output
    assert "Traceback" not in output


@pytest.mark.engine
def test_ctrl_c_leaves_a_state_that_the_next_up_finishes(sample):
    sample.run("start")
    sample.control.set_faults([{"operation": "ec2:CreateVpc", "delay": 3}])
    process = sample.start("up")
    wait_for_call(sample.control, "ec2:CreateVpc")

    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    interrupted = sample.resources()
    sample.control.set_faults([])
    code, again = sample.run("up")

    assert process.returncode != 0
    assert "Traceback" not in output
    assert interrupted == ["vpc"]
    assert code == 0, again
    assert "pending" not in again
    assert sample.resources() == ["subnet", "vpc"]


def wait_for_call(control: Control, operation: str) -> None:
    deadline = time.monotonic() + 60
    while operation not in control.calls():
        assert time.monotonic() < deadline, f"{operation} was not called"
        time.sleep(0.05)


def test_stack_that_is_meant_for_aws_is_refused(sample):
    code, output = sample.run("up", "--stack", "dev")

    assert code == 2
    assert "stack dev is meant for a real cloud: pulumi up --stack dev" in output
    assert not (sample.folder / ".pulumi-fastapi").exists()


@pytest.mark.engine
@pytest.mark.parametrize(("said", "option"), [("true", []), ("false", ["--force"])])
def test_stack_for_aws_runs_when_told_so(sample, said, option):
    file = sample.folder / "stacks" / "Pulumi.dev.yaml"
    file.write_text(f"config:\n  aws:region: us-east-1\n  pulumi-fastapi:emulated: {said}\n")
    before = file.read_text()

    code, output = sample.run("up", "--stack", "dev", *option)

    assert code == 0, output
    assert file.read_text() == before


def test_unknown_stack_is_refused_with_the_nearest_name(sample):
    code, output = sample.run("up", "--stack", "locale")

    assert code == 2
    assert "no stack 'locale', did you mean 'local'?" in output


def test_folder_without_a_project_is_refused(sample, tmp_path):
    code, output = Sample(tmp_path, sample.environment).run("up")

    assert code == 2
    assert "no Pulumi.yaml in" in output


def test_emulator_that_cannot_start_shows_why(sample, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "moto.py").write_text('raise ImportError("moto [broken] here")\n')
    sample.environment["PYTHONPATH"] = str(tmp_path / "broken")

    code, output = sample.run("start")

    assert code == 2
    assert "the emulated cloud ended with code 1" in output
    assert "moto [broken] here" in output


def test_status_says_whether_it_runs(sample):
    before = sample.run("status")
    sample.run("start")
    code, after = sample.run("status")

    assert before == (1, "The emulated cloud does not run.\n")
    assert code == 0, after
    assert f"process {sample.details()['pid']}" in after
    assert "0 resources in the emulated account" in after


def test_started_twice_is_one_process(sample):
    sample.run("start")
    first = sample.details()["pid"]
    sample.run("start")

    assert sample.details()["pid"] == first
