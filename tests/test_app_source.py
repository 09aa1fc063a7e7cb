import re
from pathlib import Path
from typing import Any

import pytest
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.app_source import AppSource
from pulumi_fastapi.build import BASES, Build
from pulumi_fastapi.errors import ArgumentError

APP = "from fastapi import FastAPI\n\napp = FastAPI()\n"
FACTORY = "from fastapi import FastAPI\n\n\ndef create_app() -> FastAPI:\n    return FastAPI()\n"


def source(root: Path, files: dict[str, str], **build: Any) -> AppSource:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return AppSource(source=root, build=Build(**build))


def project(**tables: str) -> str:
    return "[project]\nname = 'shop'\nversion = '1'\n" + "".join(f"{key} = {value}\n" for key, value in tables.items())


# The module


@pytest.mark.parametrize(
    ("files", "module"),
    [
        ({"main.py": APP}, "main:app"),
        ({"shop/main.py": APP, "shop/__init__.py": ""}, "shop.main:app"),
        ({"shop/__init__.py": APP}, "shop:app"),
        ({"src/shop/main.py": APP}, "shop.main:app"),
        ({"src/__init__.py": "", "src/main.py": APP}, "src.main:app"),
        ({"main.py": APP.replace("app =", "backend_app =")}, "main:backend_app"),
        ({"main.py": "import fastapi\napp = fastapi.FastAPI(title='x')\n"}, "main:app"),
        ({"main.py": "from fastapi import FastAPI\napp: FastAPI = make()\n"}, "main:app"),
        ({"main.py": FACTORY}, "main:create_app()"),
        ({"main.py": FACTORY + "\napp = create_app()\n"}, "main:app"),
        ({"main.py": FACTORY.replace(" -> FastAPI", "")}, "main:create_app()"),
        ({"main.py": FACTORY.replace("-> FastAPI", "-> 'fastapi.FastAPI'")}, "main:create_app()"),
        ({"main.py": APP, "make.py": FACTORY}, "main:app"),
        ({"main.py": APP, "tests/test_main.py": APP, "shop/tests/test_x.py": APP}, "main:app"),
        ({"main.py": APP, "broken.py": "FastAPI = (\n", "with-dash.py": APP}, "main:app"),
        (
            {"main.py": APP, "a.py": APP, "Procfile": "release: x\nweb: uvicorn main:app --port ${PORT:-8000}\n"},
            "main:app",
        ),
        ({"m.py": FACTORY, "Procfile": "web: uvicorn --factory m:create_app\n"}, "m:create_app()"),
        ({"a.py": APP, "b.py": APP, "pyproject.toml": "[tool.fastapi]\nentrypoint = 'b:app'\n"}, "b:app"),
    ],
)
def test_the_app_is_found(tmp_path: Path, files: dict[str, str], module: str) -> None:
    assert source(tmp_path, files).module() == module
    assert FastAPIApp(source=str(tmp_path)).module == module


def test_it_is_looked_for_where_the_app_starts(tmp_path: Path) -> None:
    files = {"backend/main.py": APP, "admin/main.py": APP}
    assert source(tmp_path, files, directory="backend").module() == "main:app"


def test_several_apps_are_listed(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"^module: found several apps .*; choose one: admin:app, main:app"):
        source(tmp_path, {"main.py": APP, "admin.py": APP}).module()


@pytest.mark.parametrize("text", ["", "app = Flask()\n", "def create(name: str) -> FastAPI:\n    return FastAPI()\n"])
def test_none_is_an_error_that_says_how_to_name_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(ArgumentError, match=r"^module: found no FastAPI app in .*; name it as 'package.module"):
        source(tmp_path, {"main.py": text}).module()


# The Python


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({}, "3.13"),
        ({".python-version": "3.12\n"}, "3.12"),
        ({".python-version": "# ours\n3.14.2\n"}, "3.14"),
        ({".python-version": "cpython-3.11"}, "3.11"),
        ({"pyproject.toml": project(**{"requires-python": "'>=3.11'"})}, "3.13"),
        ({"pyproject.toml": project(**{"requires-python": "'>=3.14,<4'"})}, "3.14"),
        ({"pyproject.toml": project(**{"requires-python": "'<3.13'"})}, "3.12"),
        ({"pyproject.toml": project(**{"requires-python": "'==3.11.7'"})}, "3.11"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.11'\n"}, "3.13"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython = '~3.12'\n"}, "3.12"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython = '3.11.7'\n"}, "3.11"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython = '>=3.12,<3.13'\n"}, "3.12"),
    ],
)
def test_the_python_follows_the_project(tmp_path: Path, files: dict[str, str], python: str) -> None:
    app = source(tmp_path, {"main.py": APP, **files})
    assert app.python() == python
    assert app.arguments("main:app", {})["PYTHON"] == BASES[python]


def test_the_python_of_a_workspace_lies_above_its_member(tmp_path: Path) -> None:
    files = {".python-version": "3.12", "backend/pyproject.toml": project(), "backend/main.py": APP}
    assert source(tmp_path, files, directory="backend").python() == "3.12"


@pytest.mark.parametrize(
    ("files", "build", "problem"),
    [
        ({".python-version": "3.9"}, {}, r"\.python-version: .* must name one of 3.11, 3.12, 3.13, 3.14, got '3.9'"),
        ({".python-version": "pypy3.10"}, {}, r"\.python-version: .* must name one of"),
        (
            {".python-version": "3.12", "pyproject.toml": project(**{"requires-python": "'>=3.13'"})},
            {},
            r"\.python-version: requires-python of .*pyproject.toml is >=3.13, got '3.12'",
        ),
        ({".python-version": "3.12"}, {"python": "3.13"}, r"build\.python: \.python-version says 3.12"),
        (
            {"pyproject.toml": project(**{"requires-python": "'>=3.14'"})},
            {"python": "3.13"},
            r"build\.python: requires-python of .* is >=3.14, got '3.13'",
        ),
        ({"pyproject.toml": project(**{"requires-python": "'<3.10'"})}, {}, "source: requires-python allows none of"),
        ({"pyproject.toml": project(**{"requires-python": "'3 or so'"})}, {}, "requires-python: .* cannot be read"),
        ({"pyproject.toml": "[project"}, {}, "source: cannot be read"),
        (
            {"pyproject.toml": project(**{"requires-python": "'==3.13.1'"}), "uv.lock": ""},
            {},
            "source: requires-python names one release, uv refuses another, .* write >=3.13",
        ),
    ],
)
def test_a_python_that_cannot_be_had_is_refused(
    tmp_path: Path, files: dict[str, str], build: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        source(tmp_path, {"main.py": APP, **files}, **build).python()


# Dependencies


@pytest.mark.parametrize(
    ("files", "warning"),
    [
        ({"requirements.txt": "fastapi\nuvicorn==0.38.0\n"}, "requirements.txt does not lock fastapi: every build"),
        ({"requirements.txt": "fastapi>=0.1\nx==1.*\n"}, "does not lock fastapi, x: "),
        ({"pyproject.toml": project()}, "pyproject.toml has no lock: .* Run uv lock"),
        ({}, "has no dependency file"),
        (
            {"requirements.txt": "fastapi==0.120.0\n", "src/requirements.txt": "fastapi==0.110.0\n"},
            r"requirements.txt counts, .*src/requirements.txt does not: choose with build.directory",
        ),
        (
            {"pyproject.toml": "[tool.poetry.dependencies]\npython = '3.11.7'\n", "poetry.lock": ""},
            "Python is 3.11.15 in the image, the latest of 3.11; the project names ==3.11.7",
        ),
    ],
)
def test_what_may_surprise_is_said(tmp_path: Path, files: dict[str, str], warning: str) -> None:
    (said,) = source(tmp_path, {"main.py": APP, **files}).warnings()
    assert re.search(warning, said)


@pytest.mark.parametrize(
    "files",
    [
        {
            "requirements.txt": "# ours\nfastapi[all]==0.120.0 ; python_version > '3'\n  --hash=sha256:a\n-e .\nx @ git+https://x\n"
        },
        {"pyproject.toml": project(), "uv.lock": ""},
        {"pyproject.toml": project(), "poetry.lock": "", "requirements.txt": "fastapi\n"},
        {"pylock.toml": ""},
    ],
)
def test_a_locked_project_is_nothing_to_talk_about(tmp_path: Path, files: dict[str, str]) -> None:
    assert source(tmp_path, {"main.py": APP, **files}).warnings() == []


def test_a_lock_above_a_member_counts(tmp_path: Path) -> None:
    files = {"uv.lock": "", "backend/pyproject.toml": project(), "backend/main.py": APP}
    assert source(tmp_path, files, directory="backend").warnings() == []


def test_extras_and_groups_have_to_exist(tmp_path: Path) -> None:
    files = {
        "main.py": APP,
        "pyproject.toml": project() + "[project.optional-dependencies]\napi = []\n[dependency-groups]\nprod = []\n",
    }
    source(tmp_path, files, extras=["api"], groups=["prod"]).check_names()
    with pytest.raises(ArgumentError, match=r"^build.extras\[0\]: .*pyproject.toml has api, got 'server'"):
        source(tmp_path, files, extras=["server"]).check_names()
    with pytest.raises(ArgumentError, match=r"^build.groups\[1\]: .*pyproject.toml has prod, got 'dev'"):
        source(tmp_path, files, groups=["prod", "dev"]).check_names()


def test_the_build_gets_only_what_was_said(tmp_path: Path) -> None:
    arguments = source(tmp_path, {"main.py": APP}).arguments("main:app", {"B": "2", "A": "1"})
    assert arguments == {
        "PYTHON": BASES["3.13"],
        "APP_MODULE": "main:app",
        "IMPORT_ENVIRONMENT": '{"A": "1", "B": "2"}',
    }


def test_the_build_gets_all_that_was_said(tmp_path: Path) -> None:
    build = {
        "directory": "api",
        "requirements": "api/prod.txt",
        "constraints": "limits.txt",
        "runtime_extras": ["cache", "sentry"],
        "system_packages": ["libpq5"],
        "build_packages": ["git", "g++"],
        "environment": {"A": "3"},
    }
    files = {"api/main.py": APP, "api/prod.txt": "", "limits.txt": ""}
    arguments = source(tmp_path, files, **build).arguments("main:app", {"A": "1"})
    assert arguments == {
        "PYTHON": BASES["3.13"],
        "APP_MODULE": "main:app",
        "DIRECTORY": "api",
        "REQUIREMENTS": "api/prod.txt",
        "CONSTRAINTS": "limits.txt",
        "RUNTIME_EXTRAS": "cache sentry",
        "SYSTEM_PACKAGES": "libpq5",
        "BUILD_PACKAGES": "git g++",
        "IMPORT_ENVIRONMENT": '{"A": "3"}',
    }


# Wrong arguments


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        ({"directory": "backend"}, "build.directory: there is no such directory in"),
        ({"requirements": "prod.txt"}, "build.requirements: there is no such file in"),
        ({"dockerfile": "Dockerfile"}, "build.dockerfile: there is no such file in"),
    ],
)
def test_what_is_not_there_is_refused(tmp_path: Path, build: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        source(tmp_path, {"main.py": APP}, **build)


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        ({"directory": "/srv"}, "directory: must be a path inside source, without '..', got '/srv'"),
        ({"directory": "../x"}, "directory: must be a path inside source"),
        ({"requirements": "a/../../x"}, "requirements: must be a path inside source"),
        ({"python": "3.9"}, "python: must be one of 3.11, 3.12, 3.13, 3.14"),
        ({"python": 3.13}, "python: must be text"),
        ({"extras": ["a b"]}, r"extras\[0\]: must be the name of an extra, got 'a b'"),
        ({"extras": "api"}, "extras: must be a list of text"),
        ({"system_packages": ["libpq5", "-o=x"]}, r"system_packages\[1\]: must be the name of a Debian package"),
        ({"extra_files": {"../etc": "x"}}, "extra_files key: must be a path inside the image's copy"),
        ({"environment": {"MY-VAR": "x"}}, "environment variable: must be a name of letters"),
        ({"dockerfile": "Dockerfile", "extras": ["api"]}, "extras: is of no use with dockerfile='Dockerfile'"),
    ],
)
def test_wrong_arguments_are_refused(build: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        Build(**build)


def test_an_error_never_shows_a_secret() -> None:
    for build in ({"secrets": {"BAD-NAME": "hunter2"}}, {"secrets": {"A": "hunter2"}, "dockerfile": "Dockerfile"}):
        with pytest.raises(ArgumentError) as error:
            Build(**build)  # type: ignore[arg-type]
        assert "hunter2" not in str(error.value)
    assert "hunter2" not in repr(Build(secrets={"A": "hunter2"}))


def test_a_build_without_a_source_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^build: is of use only with source"):
        FastAPIApp(build=Build(extras=["api"]))
