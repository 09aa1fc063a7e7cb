"""What `pulumi-fastapi deploy` refuses before it does anything."""

from pathlib import Path

import pytest
from pulumi_fastapi.cli import app
from pulumi_fastapi.deploy.stack import services
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def _a_project_without_a_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "__main__.py").write_text("")
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: program\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PULUMI_BIN", raising=False)
    monkeypatch.delenv("PULUMI_STACK", raising=False)


def refused(*options: str) -> str:
    result = CliRunner().invoke(app, ["deploy", *options])
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


@pytest.mark.parametrize("steps", ["50,10", "10,10,100", "0,100", "10,50", "ten,100", "10,,100", ""])
def test_steps_that_do_not_grow_to_all_of_the_traffic(steps: str) -> None:
    assert refused("--steps", steps).startswith("error: --steps must grow from 1 or more to 100, such as 10,50,100")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--strategy", "rolling", "--steps", "100"],
            "error: --steps is of use only with --strategy canary or blue-green",
        ),
        (["--to", "shop-1"], "error: --to is of use only with --rollback"),
        (["--stack", "dev"], "error: no stack 'dev'"),
        ([], "error: there is no pulumi on PATH, and PULUMI_BIN is not set"),
    ],
)
def test_options_and_surroundings_that_do_not_fit(options: list[str], message: str) -> None:
    assert refused(*options).startswith(message)


def test_a_cli_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BIN", "/nowhere/pulumi")
    assert refused() == "error: PULUMI_BIN is '/nowhere/pulumi', and there is no such file\n"


def test_the_state_of_an_update_that_failed_still_tells_of_the_release() -> None:
    """The program did not come to its outputs; what the service was asked to be is there."""
    component = "urn:pulumi:prod::shop::pulumi-fastapi:index:CloudRunFastAPIService::shop"
    part = "urn:pulumi:prod::shop::pulumi-fastapi:index:CloudRunFastAPIService$pulumi-fastapi:index:Service::shop"
    traffic = [
        {"revision": "shop-b", "percent": 10.0, "tag": "candidate"},
        {"revision": "shop-a", "percent": 90.0, "tag": "stable"},
    ]
    inputs = {"name": "shop", "project": "p", "location": "l", "traffics": traffic}
    state = {
        "resources": [
            {"urn": component, "type": "pulumi-fastapi:index:CloudRunFastAPIService"},
            {"urn": part, "type": "pulumi-fastapi:index:Service", "parent": component},
            {"urn": "urn:service", "type": "gcp:cloudrunv2/service:Service", "parent": part, "inputs": inputs},
            {"urn": "urn:other", "type": "gcp:cloudrunv2/service:Service", "inputs": {"name": "not ours"}},
        ]
    }
    (found,) = services(state)
    assert (found.component, found.name, found.urn) == ("shop", "shop", "urn:service")
    assert found.release is not None
    assert vars(found.release) == {"stable": "shop-a", "candidate": "shop-b", "percent": 10}
