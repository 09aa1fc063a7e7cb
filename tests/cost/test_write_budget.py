"""`pulumi-fastapi cost --write-budget`: the AWS Budget of a stack, set from its estimate."""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from cost_programs import at, balancer, cloud_run, price, resource, service
from pulumi_fastapi.cli import app
from pulumi_fastapi.cost import InputError
from pulumi_fastapi.cost.budget import budget, write
from pulumi_fastapi.cost.prices import default_table
from typer.testing import CliRunner

KEY = "shop:monthly_budget"
PROGRAM = """
import pulumi_aws as aws
aws.cloudwatch.Dashboard("one", dashboard_name="one", dashboard_body="{}")
"""
STACK = """# prod
config:
  # who is told
  shop:alarm_emails: [oncall@example.com]
  aws:region: us-east-1 # near
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.prod.yaml").write_text(STACK)
    (tmp_path / "__main__.py").write_text(PROGRAM)
    return tmp_path


def run(folder: Path, *more: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["cost", "--dir", str(folder), *more, "--write-budget"], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


# The amount


def test_amount_is_the_most_the_stack_may_cost_and_a_fifth():
    estimated = price(service(scaling=(1, 10)), balancer())

    assert budget(estimated) == (estimated.total.high * Decimal("1.2")).to_integral_value("ROUND_CEILING")
    assert budget(estimated) > estimated.total.expected * 2


def test_what_google_bills_is_not_in_a_budget_of_aws():
    assert budget(price(balancer(), cloud_run(minimum=5))) == budget(price(balancer()))


@pytest.mark.parametrize(
    ("resources", "problem"),
    [
        ([resource("aws:x/y:Z")], "not complete, a budget would be too low: resources of this type are not priced"),
        ([cloud_run(minimum=1)], "nothing that AWS bills"),
        ([], "nothing that AWS bills"),
    ],
)
def test_estimate_without_a_sum_for_aws_is_refused(resources, problem):
    with pytest.raises(InputError, match=problem):
        budget(price(resources))


def test_missing_price_is_named():
    with pytest.raises(InputError, match="ALB hours"):
        budget(price(balancer(), table=default_table().without("alb.hour"), usage=at(1)))


# The file


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("config:\n  a: 1\n", f"config:\n  {KEY}: 42 # USD a month, from pulumi-fastapi cost\n  a: 1\n"),
        ("config:\n\n    # b\n    a: 1\n", None),
        (f"config:\n  {KEY}: 7 # mine\n  a: 1\n", f"config:\n  {KEY}: 42 # mine\n  a: 1\n"),
        (f'config:\n  "{KEY}": 7\n', f'config:\n  "{KEY}": 42\n'),
        (f"config:\n  # {KEY}: 7\n  a: 1\n", None),
        ("", f"config:\n  {KEY}: 42\n"),
        ("encryptionsalt: v1:x", f"encryptionsalt: v1:x\nconfig:\n  {KEY}: 42\n"),
    ],
)
def test_number_is_put_in_and_the_rest_stays(tmp_path, before, after):
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(before)

    write(file, "shop", Decimal(42))

    old, new = (yaml.safe_load(text) or {} for text in (before, file.read_text()))
    assert new["config"] == {**(old.get("config") or {}), KEY: 42}
    assert after is None or file.read_text() == after
    assert [line for line in before.splitlines() if line not in file.read_text() and KEY not in line] == []


@pytest.mark.parametrize("text", ["config: {a: 1}\n", "config:\n- a\n", "config:\n"])
def test_file_that_is_laid_out_in_another_way_is_left_alone(tmp_path, text):
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(text)

    with pytest.raises(InputError, match=f"add to its config: {KEY}: 42"):
        write(file, "shop", Decimal(42))
    assert file.read_text() == text


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"Pulumi\.prod\.yaml.*No such file"):
        write(tmp_path / "Pulumi.prod.yaml", "shop", Decimal(42))


# The command


def test_command_writes_it_once_and_again(project):
    code, out, error = run(project)
    assert (code, error) == (0, f"{project / 'Pulumi.prod.yaml'}: {KEY} is 4 USD a month now\n")
    assert "$3.00 a month" in out
    (project / "__main__.py").write_text(PROGRAM + "aws.secretsmanager.Secret('two')\n" * 1)

    run(project)

    assert (project / "Pulumi.prod.yaml").read_text() == STACK.replace(
        "config:\n", f"config:\n  {KEY}: 5 # USD a month, from pulumi-fastapi cost\n"
    )


def test_stack_that_names_nobody_to_tell_is_left_alone(project):
    file = project / "Pulumi.prod.yaml"
    file.write_text("config:\n  aws:region: us-east-1\n")

    code, _, error = run(project)

    assert (code, file.read_text()) == (2, "config:\n  aws:region: us-east-1\n")
    assert "must say first who is told: shop:alarm_emails" in error


def test_file_of_a_state_has_no_stack_to_write_to(tmp_path):
    (tmp_path / "state.json").write_text('{"deployment": {}}')

    code, _, error = run(tmp_path, "--state", str(tmp_path / "state.json"))

    assert (code, error) == (
        2,
        "error: --write-budget is for a stack of a project, not for --state or --preview-json\n",
    )
