"""Apps that cannot run: the build ends with one message that says what to do, and there is no image to push."""

from collections.abc import Callable
from pathlib import Path

import pytest
from container_engine import HARDENED, READ_ONLY, BuildApp, Built, Engine
from pulumi_fastapi.build import Build

Project = Callable[..., Path]
FASTAPI = "from fastapi import FastAPI\n"
APP = "app = FastAPI()\n"
ALONE = (*READ_ONLY, *HARDENED, "--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")


def refused(engine: Engine, build_app: BuildApp, source: Path, **options: object) -> str:
    """What the build says at its end."""
    built = build_app("refused", source, **options)
    assert not built.succeeded, built.log
    assert engine.call("podman", "image", "exists", built.image).returncode == 1
    assert "\nerror: " in built.log, built.log
    return built.log.partition("\nerror: ")[2]


@pytest.fixture(scope="module")
def importable(build_app: BuildApp, project: Project) -> Built:
    built = build_app("importable", project("requirements"))
    assert built.succeeded, built.log
    return built


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import nothing_installs_this\n" + FASTAPI + APP,
            "ModuleNotFoundError: No module named 'nothing_installs_this' (main.py, line 1)\n"
            "  No dependency installs 'nothing_installs_this': add it",
        ),
        (
            "import os\n" + FASTAPI + "key = os.environ['SHOP_KEY']\n" + APP,
            "KeyError: 'SHOP_KEY' (main.py, line 3)\n  Variables it needs and does not get: SHOP_KEY.",
        ),
        (
            "import os\n" + FASTAPI + "if not os.getenv('EDGE_HEADER'): raise ValueError('header is empty')\n" + APP,
            "ValueError: header is empty (main.py, line 3)\n  Variables it looked for and did not find: EDGE_HEADER.",
        ),
        (
            "from pydantic import BaseSettings\n" + FASTAPI + APP,
            "requirements.txt does not lock ",
        ),
        (
            "import logging\n" + FASTAPI + "logging.basicConfig(filename='shop.log')\n" + APP,
            "The files of the image are read-only: write /srv/shop.log to /tmp, or log to stdout.",
        ),
        (FASTAPI + "application = 1\n", 'LookupError: Attribute "app" not found in module "main".'),
        ("app = 'not an app'\n", "LookupError: main:app is a str, not an app."),
    ],
    ids=["module", "variable", "looked-for", "unlocked", "writes", "attribute", "no-app"],
)
def test_an_app_that_cannot_be_imported(
    engine: Engine, runtime: Path, importable: Built, tmp_path: Path, code: str, said: str
) -> None:
    """What the last step of the build does, without the steps before it."""
    (tmp_path / "main.py").write_text(code)
    tmp_path.chmod(0o755)
    mounts = [f"--volume={tmp_path}:/srv:ro", f"--volume={runtime / 'build'}:/build:ro"]
    done = engine.call("podman", "run", "--rm", *ALONE, *mounts, importable.image, "python", "/build/try_import.py")
    assert done.returncode == 1
    assert "\nerror: main:app cannot be imported as it will run.\n" in done.stderr
    assert said in done.stderr


def test_an_app_that_cannot_be_imported_is_no_image(engine: Engine, build_app: BuildApp, project: Project) -> None:
    code = FASTAPI + "import nothing_installs_this\n" + APP
    log = refused(engine, build_app, project("requirements", {"main.py": code}))
    assert "No dependency installs 'nothing_installs_this': add it" in log


def test_settings_that_miss_variables_are_named(engine: Engine, build_app: BuildApp, project: Project) -> None:
    log = refused(engine, build_app, project("poetry"), build=Build(groups=["prod"]), environment={"ENV": "prod"})
    assert "Variables it needs and does not get: DATABASE_URL, SENTRY_DSN." in log


def test_a_lock_older_than_the_project(engine: Engine, build_app: BuildApp, project: Project) -> None:
    source = project("poetry")
    file = source / "pyproject.toml"
    file.write_text(file.read_text().replace('fastapi = ">=0.115"', 'fastapi = ">=0.115"\nhttpx = "^0.28"'))
    log = refused(engine, build_app, source, environment={"ENV": "prod"})
    assert "The lock is older than pyproject.toml: lock it." in log


def test_a_debian_package_that_does_not_exist(engine: Engine, build_app: BuildApp, project: Project) -> None:
    log = refused(engine, build_app, project("requirements"), build=Build(system_packages=["no-such-package"]))
    assert "Give names of Debian packages" in log


def test_what_the_runtime_would_refuse(engine: Engine, build_app: BuildApp, project: Project) -> None:
    environment = {"SENTRY_DSN": "https://key@sentry.example/1"}
    log = refused(engine, build_app, project("requirements"), environment=environment)
    assert "SENTRY_DSN is set, but sentry_sdk is not installed" in log
    assert "build.runtime_extras" in log
