"""The README promises only what runs."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
PROGRAMS = [code for language, code in BLOCKS if language == "python" and "def test_" not in code]
TESTS = [code for language, code in BLOCKS if language == "python" and "def test_" in code]
SERVICES = ("aws:ecs/service:Service", "aws:lambda/function:Function", "gcp:cloudrunv2/service:Service")
COMMANDS = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines()]


@pytest.mark.parametrize("code", PROGRAMS)
def test_program_plans(code, plan, tmp_path, monkeypatch):
    (tmp_path / "main.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n")
    monkeypatch.chdir(tmp_path)

    result = plan(lambda: exec(code, {}), secret_config={"project:apiKey": "key"})  # noqa: S102

    assert any(result.all(type_) for type_ in SERVICES)


@pytest.mark.parametrize("code", TESTS)
def test_test_passes(code, tmp_path):
    (tmp_path / "test_shop.py").write_text(code)

    run = subprocess.run([sys.executable, "-m", "pytest", "-q", tmp_path], cwd=tmp_path, capture_output=True, text=True)

    assert "1 passed" in run.stdout, run.stdout


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make ")])
def test_make_target_exists(command):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)

    assert command.split()[1] in targets


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("pulumi-fastapi ")])
def test_command_runs(command):
    executable, *arguments = command.split()

    run = subprocess.run(
        [Path(sys.executable).with_name(executable), *arguments], cwd=ROOT, capture_output=True, text=True
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_what_is_shown_below_a_command_is_what_it_prints_today():
    shown = [(before[1], code) for before, (language, code) in pairwise(BLOCKS) if language == "text"]

    assert shown
    for command, text in shown:
        executable, *arguments = command.split()
        run = subprocess.run(
            [Path(sys.executable).with_name(executable), *arguments], cwd=ROOT, capture_output=True, text=True
        )
        printed = [line.rstrip() for line in run.stdout.splitlines()]
        assert printed[: len(text.splitlines())] == text.splitlines()


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)", (ROOT / "README.md").read_text())

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
