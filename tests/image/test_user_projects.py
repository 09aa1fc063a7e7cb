"""Apps as people have them, in miniature and unmodified: each is built by what its own files say, and answers."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from container_engine import BuildApp, Built, Container, Engine, lock
from private_index import private_index
from pulumi_fastapi.build import Build

Project = Callable[..., Path]

ORDERS = {"DATABASE_URL": "postgresql://orders@db/orders", "SENTRY_DSN": "", "ENV": "prod"}
PASSWORD = "correct-horse-battery-staple-7"  # noqa: S105
EDGE = {"x-from-edge": "yes"}
ENGLISH = "A German greeting: Guten Tag"
MAGIC = """import ctypes

library = ctypes.CDLL("libmagic.so.1")


def version() -> int:
    return library.magic_version()
"""


@pytest.fixture(scope="module")
def workspace(engine: Engine, build_app: BuildApp, project: Project) -> Iterator[Container]:
    """A member of a uv workspace: the lock lies above it."""
    source = project("workspace")
    lock(source)
    build = Build(directory="backend", extras=["api"], groups=["prod"])
    environment = {"SECRET_KEY": "placeholder", "PROJECT_NAME": "Acme"}
    built = build_app("workspace", source, build=build, environment=environment)
    assert built.succeeded, built.log
    with engine.running(built.image, **environment) as container:
        container.until_ready()
        yield container


def test_a_workspace_member_finds_its_files_and_the_other_member(workspace: Container) -> None:
    assert workspace.get("/catalogue").json()["prices"] == {"tea": 3, "coffee": 6}


def test_a_dynamic_version_is_the_one_in_the_source(workspace: Container) -> None:
    assert workspace.get("/catalogue").json()["version"] == "4.2"


def test_only_the_chosen_extra_and_group_are_installed(workspace: Container) -> None:
    installed = set(workspace.get("/catalogue").json()["installed"])
    assert {"itsdangerous", "orjson"} <= installed
    assert not installed & {"cloudpickle", "iniconfig"}


def test_a_path_keeps_its_trailing_slash(workspace: Container) -> None:
    assert workspace.get("/api/v1/utils/health-check/").json() is True


@pytest.fixture(scope="module")
def poetry(engine: Engine, build_app: BuildApp, project: Project) -> Iterator[Container]:
    """Two packages side by side, not installed, and variables without which there is no import."""
    build = Build(groups=["prod"], runtime_extras=["sentry"])
    environment = ORDERS | {"SENTRY_DSN": "https://key@sentry.example/1"}
    built = build_app("poetry", project("poetry"), build=build, environment=environment)
    assert built.succeeded, built.log
    with engine.running(built.image, **ORDERS, CORS_ORIGINS='["https://a.example"]') as container:
        container.until_ready()
        yield container


@pytest.mark.parametrize("prefix", ["", "/v0.1"])
def test_a_poetry_project_answers_below_its_prefix_and_without(poetry: Container, prefix: str) -> None:
    answer = poetry.get(f"{prefix}/healthcheck")
    assert answer.json() == {"origins": ["https://a.example"], "debug": False}


def test_poetry_itself_and_its_dev_group_are_not_in_the_image(poetry: Container) -> None:
    code = "from importlib.metadata import distributions as d; print(*sorted(p.metadata['Name'] for p in d()))"
    installed = poetry.run(code).split()
    assert {"orjson", "fastapi"} <= set(installed)
    assert not {"poetry", "poetry-core", "iniconfig"} & set(installed)


@pytest.fixture(scope="module")
def loose(build_app: BuildApp, project: Project) -> Built:
    """A flat app with unpinned requirements, a Debian package and a file from elsewhere."""
    source = project("requirements", {"../greeting.txt": ENGLISH, "magic.py": MAGIC})
    with (source / "main.py").open("a") as main:
        main.write("\n\nimport magic  # noqa: E402\n\napp.get('/magic')(magic.version)\n")
    greeting = str(source.parent / "greeting.txt")
    build = Build(system_packages=["libmagic1"], extra_files={"texts/greeting.txt": greeting})
    # What is said at the end is said again, whatever layers there are already.
    built = build_app("requirements", source, build=build, environment={"STARTED": str(time.time())})
    assert built.succeeded, built.log
    return built


@pytest.fixture(scope="module")
def flat(engine: Engine, loose: Built) -> Iterator[Container]:
    with engine.running(loose.image, MAX_BODY_BYTES=100 << 20) as container:
        container.until_ready()
        yield container


def test_files_are_found_from_the_working_directory(flat: Container) -> None:
    assert flat.get("/", headers=EDGE).text == "<h1>Acme</h1>\n"
    assert flat.get("/static/site.css", headers=EDGE).status_code == 200


def test_a_foreign_app_can_be_mounted(flat: Container) -> None:
    assert flat.get("/below/x", headers=EDGE).text.startswith("below /")


def test_health_is_outside_of_what_the_apps_middleware_refuses(flat: Container) -> None:
    assert flat.get("/").status_code == 403
    assert flat.get("/-/healthy").status_code == 200


def test_an_upload_larger_than_shared_memory_is_taken(flat: Container) -> None:
    size = 80 << 20
    answer = httpx.post(f"{flat.url}/upload", files={"file": bytes(size)}, headers=EDGE, timeout=60)
    assert answer.json() == {"size": size, "directory": "/tmp"}  # noqa: S108


def test_a_library_of_a_debian_package_is_loaded(flat: Container) -> None:
    assert flat.get("/magic", headers=EDGE).json() > 500


def test_a_file_from_elsewhere_is_in_the_image(flat: Container) -> None:
    assert flat.run("print(open('texts/greeting.txt').read())") == ENGLISH


def test_what_no_lock_has_chosen_is_said_and_recorded(engine: Engine, loose: Built) -> None:
    assert re.search(r"warning: requirements.txt does not lock \d+ of \d+ packages", loose.log)
    with engine.mounted(loose.image) as root:
        origin, *resolved = (root / "opt/runtime/resolved.txt").read_text().splitlines()
    assert re.match(r"# requirements.txt does not lock \d+ of \d+ packages: ", origin)
    assert any(line.startswith("starlette==") for line in resolved)
    assert all(line.partition("==")[0] in origin for line in resolved if line.startswith(("starlette==", "pydantic==")))


@pytest.fixture(scope="module")
def namespace_images(build_app: BuildApp, project: Project) -> list[str]:
    """A plain pyproject: part of a namespace package, a factory that is found, an extra, a dependency that is private.

    The image, and that of the stage which has installed the dependencies.
    """
    source = project("namespace")
    with private_index("acme", PASSWORD) as index:
        build = Build(extras=["server"], secrets={"UV_INDEX": f"http://acme:{PASSWORD}@{index}/simple/"})
        built = [
            build_app("namespace", source, build=build),
            build_app("namespace-build", source, build=build, options=("--target=build",)),
        ]
    assert all(each.succeeded for each in built), built[0].log
    assert not any(PASSWORD in each.log for each in built)
    return [each.image for each in built]


@pytest.fixture(scope="module")
def namespace(engine: Engine, namespace_images: list[str]) -> Iterator[Container]:
    with engine.running(namespace_images[0]) as container:
        container.until_ready()
        yield container


def test_a_private_dependency_is_installed_with_a_secret_of_the_build(namespace: Container) -> None:
    assert namespace.run("import acme_private; print(acme_private.ANSWER)") == "42"


def test_the_secret_is_in_no_layer_and_in_no_history(engine: Engine, namespace_images: list[str]) -> None:
    for image in namespace_images:
        layers = engine.layers(image)
        assert holding("ANSWER = 42", layers)
        assert not holding(PASSWORD, layers)
        assert PASSWORD not in str(engine.config(image))


def holding(text: str, layers: list[Path]) -> list[str]:
    """The files with this text, in whatever layer."""
    done = subprocess.run(["grep", "-rlF", text, *layers], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


def test_a_project_that_needs_its_metadata_is_installed(namespace: Container) -> None:
    assert namespace.get("/_mgmt/ping").json() == ["inventory"]
    assert namespace.get("/openapi.json").json()["info"]["version"] == "1.5.0"


def test_a_dockerfile_of_the_user_is_built_as_it_is(engine: Engine, build_app: BuildApp, project: Project) -> None:
    own = (
        "FROM docker.io/library/python:3.13.15-slim-trixie\nCOPY main.py /own/\n"
        'USER 10001\nENTRYPOINT ["python", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "/own"]\n'
    )
    source = project("requirements", {"deploy/Dockerfile": own})
    built = build_app("own", source, build=Build(dockerfile="deploy/Dockerfile"))
    assert built.succeeded, built.log
    assert engine.config(built.image)["Config"]["Entrypoint"][:3] == ["python", "-m", "http.server"]


@pytest.fixture(scope="module")
def twice(build_app: BuildApp, project: Project) -> list[str]:
    """One app, built again without a layer of before, from another copy with other times."""
    files = {
        "src/main.py": "import fastapi\n\napp = fastapi.FastAPI()\n",
        "deploy/prod.txt": "fastapi==0.120.0\n",
        "deploy/limits.txt": "starlette<0.48\n",
        "Procfile": None,
    }
    build = Build(directory="src", requirements="deploy/prod.txt", constraints="deploy/limits.txt")
    builds = [
        build_app(f"twice-{number}", project("requirements", files), build=build, options=options)
        for number, options in enumerate([(), ("--no-cache",)])
    ]
    assert all(built.succeeded for built in builds), [built.log for built in builds]
    return [built.image for built in builds]


def test_the_same_files_are_the_same_image(engine: Engine, twice: list[str]) -> None:
    first, second = map(engine.config, twice)
    assert first["RootFS"]["Layers"] == second["RootFS"]["Layers"]
    assert first["Config"] == second["Config"]


def test_the_named_requirements_count_within_their_constraints(engine: Engine, twice: list[str]) -> None:
    with engine.mounted(twice[0]) as root:
        origin, *resolved = (root / "opt/runtime/resolved.txt").read_text().splitlines()
    assert origin.startswith("# deploy/prod.txt does not lock ")
    assert "fastapi==0.120.0" in resolved
    assert any(line.startswith("starlette==0.47.") for line in resolved)


def test_an_app_starts_in_its_directory(engine: Engine, twice: list[str]) -> None:
    assert engine.config(twice[0])["Config"]["WorkingDir"] == "/srv/src"


def test_a_small_uv_project_needs_nothing_said(engine: Engine, build_app: BuildApp, project: Project) -> None:
    """Its package is not called app, and is none that could be installed."""
    source = project("nano")
    lock(source)
    built = build_app("nano", source)
    assert built.succeeded, built.log
    with engine.running(built.image) as container:
        container.until_ready()
        assert container.get("/").json() == {"message": "Hello"}
        assert container.get("/docs").status_code == 200


def test_of_two_requirements_those_beside_the_app_count(engine: Engine, build_app: BuildApp, project: Project) -> None:
    built = build_app("src_root", project("src_root"), build=Build(directory="src"))
    assert built.succeeded, built.log
    with engine.running(built.image) as container:
        container.until_ready()
        assert container.get("/ping").json() == {"ping": "pong!", "directory": "/srv/src"}
