import json
import os
import shutil
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker_build as docker_build
import pytest
from pulumi_fastapi.aws import Image, ImageArgs, Registry
from pulumi_fastapi.build import Build
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, Secret, plan

MAIN = "from fastapi import FastAPI\n\napp = FastAPI()\n"


def planned(**args: Any) -> Plan:
    return plan(lambda: Image("api", Registry("api"), ImageArgs(**args)), preview=False)


def image(result: Plan) -> dict[str, Any]:
    return result.find(docker_build.Image).inputs


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An app as it lies in a repository."""
    source = tmp_path / "checkout"
    (source / "app").mkdir(parents=True)
    (source / "app" / "main.py").write_text(MAIN)
    (source / "requirements.txt").write_text("fastapi==0.120.0\n")
    (source / "README.md").write_text("# App\n")
    return source


def other_clone(checkout: Path) -> Path:
    """The same commit on a machine with another umask, later, with caches and a virtual environment."""
    clone = shutil.copytree(checkout, checkout.parent / "clone")
    for junk in (".git/HEAD", ".venv/bin/python", "app/__pycache__/main.cpython-311.pyc", ".env"):
        (clone / junk).parent.mkdir(parents=True, exist_ok=True)
        (clone / junk).write_text("junk")
    for path in clone.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() else 0o600)
    return clone


def test_the_platform_is_the_tasks_architecture() -> None:
    assert image(planned(architecture="X86_64"))["platforms"] == ["linux/amd64"]
    assert image(planned(architecture="ARM64"))["platforms"] == ["linux/arm64"]


def test_nothing_is_built_in_preview() -> None:
    assert image(planned())["buildOnPreview"] is False
    assert image(planned())["push"] is True


def test_it_is_deployed_by_digest() -> None:
    result = planned()
    reference = result.find(Image).outputs["reference"]
    assert reference.endswith("@" + result.find(docker_build.Image).outputs["digest"])


def test_the_layer_cache_lies_in_the_same_registry() -> None:
    inputs = image(planned())
    (repository, _), cache = inputs["tags"][0].rsplit(":", 1), inputs["cacheTo"][0]["registry"]
    assert cache["ref"] == f"{repository}:cache-arm64" == inputs["cacheFrom"][0]["registry"]["ref"]
    assert cache["imageManifest"] is True  # ECR refuses a cache that is none


def test_the_login_of_the_registry_is_secret() -> None:
    (login,) = image(planned())["registries"]
    assert isinstance(login["password"], Secret)


def test_another_clone_of_the_same_commit_changes_nothing(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = []
    for number, source in enumerate([checkout, other_clone(checkout)]):
        program = tmp_path / f"program-{number}"
        program.mkdir()
        monkeypatch.chdir(program)
        inputs.append(image(planned(source=str(source))))
    assert inputs[0] == inputs[1]
    contexts = [sorted(tree(tmp_path / f"program-{number}")) for number in (0, 1)]
    assert contexts[0] == contexts[1]


def tree(program: Path) -> list[tuple[str, int, bytes]]:
    """What the provider hashes: paths, modes and contents."""
    context = program / ".pulumi-fastapi" / "build" / "api"
    return [
        (path.relative_to(context).as_posix(), path.stat().st_mode, path.read_bytes())
        for path in context.rglob("*")
        if path.is_file()
    ]


def test_a_changed_line_of_code_is_another_image(checkout: Path) -> None:
    before = image(planned(source=str(checkout)))["tags"]
    (checkout / "app" / "main.py").write_text(MAIN + "\n")
    assert image(planned(source=str(checkout)))["tags"] != before


def test_a_changed_readme_is_the_same_image(checkout: Path) -> None:
    before = image(planned(source=str(checkout)))["tags"]
    (checkout / "README.md").write_text("# Better\n")
    assert image(planned(source=str(checkout)))["tags"] == before


@pytest.mark.parametrize("change", [{"architecture": "X86_64"}, {"module": "app.other:app"}])
def test_what_else_goes_into_the_build_is_another_image(change: dict[str, str]) -> None:
    """The tag never moves, so the same tag for other content could not be pushed."""
    assert image(planned(**change))["tags"] != image(planned())["tags"]


def test_any_app_gets_the_runtime_around_it(checkout: Path) -> None:
    planned(source=str(checkout))
    context = Path(".pulumi-fastapi", "build", "api")
    assert (context / "Dockerfile").is_file()
    assert (context / "source" / "app" / "main.py").read_text() == MAIN


def test_the_build_is_told_what_the_project_does_not_say(checkout: Path) -> None:
    build = Build(system_packages=["libpq5"], runtime_extras=["cache"])
    arguments = image(planned(source=str(checkout), build=build))["buildArgs"]
    assert arguments["SYSTEM_PACKAGES"] == "libpq5"
    assert arguments["RUNTIME_EXTRAS"] == "cache"
    assert arguments["APP_MODULE"] == "app.main:app"


def test_the_app_is_imported_with_its_variables_and_placeholders(checkout: Path) -> None:
    def program() -> None:
        environment = {"MODE": "live", "HOST": pulumi.Output.from_input("db.internal")}
        Image("api", Registry("api"), ImageArgs(source=str(checkout), environment=environment))

    arguments = image(plan(program, preview=False))["buildArgs"]
    variables = json.loads(arguments["IMPORT_ENVIRONMENT"])
    assert variables["MODE"] == "live"
    assert variables["HOST"] == "placeholder"
    assert variables["AWS_REGION"]


def test_the_secrets_of_the_build_are_secret_and_no_argument(checkout: Path) -> None:
    inputs = image(planned(source=str(checkout), build=Build(secrets={"UV_INDEX_ACME_PASSWORD": "hunter2"})))
    assert isinstance(inputs["secrets"], Secret) or isinstance(inputs["secrets"]["environment"], Secret)
    assert "hunter2" not in str(inputs["buildArgs"])


def test_a_dockerfile_of_ones_own_is_built_alone(checkout: Path) -> None:
    (checkout / "deploy").mkdir()
    (checkout / "deploy" / "Dockerfile").write_text("FROM scratch\n")
    inputs = image(planned(source=str(checkout), build=Build(dockerfile="deploy/Dockerfile")))
    context = Path(".pulumi-fastapi", "build", "api")
    assert inputs["dockerfile"]["location"] == str(context / "deploy" / "Dockerfile")
    assert not inputs["buildArgs"]
    assert (context / "app" / "main.py").read_text() == MAIN
    assert not (context / "build").exists()


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"build": {"dockerfile": "Dockerfile"}}, "build.dockerfile: is of use only with source"),
        ({"architecture": "arm"}, "architecture: must be one of ARM64, X86_64, did you mean 'ARM64'"),
        ({"source": "no/such/place"}, "source: does not exist"),
        ({"source": ""}, "source: must not be empty"),
        ({"source": Path()}, "source: must be text, got a PosixPath"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        ImageArgs(**args)


def test_an_empty_directory_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArgumentError, match=r"^source: has no file for an image"):
        ImageArgs(source=str(tmp_path / "empty"))
