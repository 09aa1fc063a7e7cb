"""The cost policies on the real engine."""

import json
import subprocess

import pytest
from cost_engine import SERVICE, Project
from pulumi_fastapi.cli import app
from pulumi_fastapi.cost import estimate, from_file
from pulumi_fastapi.cost.render import money
from typer.testing import CliRunner

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi_aws as aws
aws.cloudwatch.Dashboard("one", dashboard_name="one", dashboard_body="{\\"widgets\\": []}")
aws.secretsmanager.Secret("two")
"""


@pytest.fixture
def real(project) -> Project:
    made: Project = project(PROGRAM)
    return made


def pulumi(real: Project, command: str, config: dict[str, object] | None = None) -> tuple[int, str]:
    pack = CliRunner().invoke(app, ["policy-pack"]).stdout.strip()
    arguments = [command, "--policy-pack", pack]
    if config is not None:
        file = real.folder / "cost.json"
        file.write_text(json.dumps(config))
        arguments += ["--policy-pack-config", str(file)]
    if command == "up":
        arguments += ["--yes", "--skip-preview"]
    result = subprocess.run(
        [real.cli, *arguments, "--stack", "test", "--non-interactive", "--color", "never"],
        cwd=real.folder,
        env=real.environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    return result.returncode, result.stdout + result.stderr


def test_preview_shows_the_estimate_as_an_advisory(real):
    code, output = pulumi(real, "preview")

    assert code == 0, output
    assert "cost-estimate" in output
    assert "$3.40 a month (3.40 to 3.40)" in output


def test_update_above_the_budget_is_stopped(real):
    code, output = pulumi(real, "up", {"cost-budget": {"monthlyBudget": 3.39}})

    assert code != 0
    assert "[mandatory]" in output
    assert "Over the budget of $3.39 a month: $3.40 a month" in output


def test_update_within_the_budget_goes_through(real):
    code, output = pulumi(real, "up", {"cost-budget": {"monthlyBudget": 3.4}})

    assert code == 0, output
    assert "$3.40 a month" in output


def test_estimate_of_a_service_is_that_of_its_preview_although_much_is_unknown(project):
    real = project(SERVICE)
    total = estimate(from_file(real.file("preview.json", "preview", "--json"))).total

    code, output = pulumi(real, "preview")

    assert code == 0, output
    assert f"${money(total.expected)} a month ({money(total.low)} to {money(total.high)})" in output
    assert "not in the total" not in output
    assert "2 to 4 tasks, expected 2" in output
