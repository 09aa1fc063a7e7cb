"""Install what the app depends on, and what the runtime needs beside it, into /venv.

`dependencies.py install` works from the files that name dependencies alone; `dependencies.py project` then makes the
app's own code importable as `uv sync` or `poetry install` do on a developer's machine: the package stays where its
source is. Which files count, the first that is there:

1. `REQUIREMENTS`, if that build argument names one;
2. `uv.lock`, in the app's directory or above it (a workspace);
3. `poetry.lock`;
4. `pylock.toml`;
5. `requirements.txt`;
6. `pyproject.toml`, without a lock.

The secret `environment` (JSON) is set for the installers, for instance UV_INDEX_PRIVATE_PASSWORD, and is in no layer.
"""

import json
import os
import re
import sys
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import bill
from tools import APP, RESOLVED, RUNTIME, VENV, compile_python, fail, run, same_time, words

SECRET = Path("/run/secrets/environment")
POETRY = Path("/poetry")
WORK = Path("/build")
PIN = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*(?:===?\s*[^\s;*]+\s*(?:;|\\|--|#|$)|@)")
HINTS = {
    "Git executable not found|git executable": "A dependency comes from git: add 'git' to build_packages.",
    "lockfile .* needs to be updated|poetry.lock was last generated": "The lock is older than pyproject.toml: lock it.",
    "does not satisfy|incompatible with .*[Pp]ython": "The image follows .python-version and requires-python.",
    "Extra .* is not defined|does not have (an )?extra": "pyproject.toml has no such extra.",
    "Group .* is not defined|[Gg]roup\\(s\\) not found": "pyproject.toml has no such group.",
    "error: command '?(gcc|cc)|linker .*cc|pg_config": "A dependency has no wheel for this Python and is"
    " compiled: choose a version that has one, another Python, or add compiler and headers to build_packages.",
}


@dataclass(frozen=True)
class Project:
    """The app's dependency files."""

    directory: Path
    """Where they are: the app's directory, or the nearest one above that has some."""
    kind: str
    """The name of the file that counts, or an empty text: the app bundled with the runtime."""

    @cached_property
    def settings(self) -> dict[str, Any]:
        file = self.directory / "pyproject.toml"
        try:
            return tomllib.loads(file.read_text()) if file.is_file() else {}
        except tomllib.TOMLDecodeError as error:
            fail(f"{file.relative_to(APP)}: {error}")

    @property
    def tool(self) -> dict[str, Any]:
        return dict(self.settings.get("tool", {}))

    @property
    def is_package(self) -> bool:
        """Whether its own code is to be installed."""
        return "build-system" in self.settings and self.tool.get("poetry", {}).get("package-mode", True) is not False


def find_project() -> Project:
    """The files that count.

    Raises:
        SystemExit: the build argument REQUIREMENTS names a file that is not there.
    """
    start = APP / os.environ.get("DIRECTORY", ".")
    if named := os.environ.get("REQUIREMENTS"):
        if not (APP / named).is_file():
            fail(f"requirements={named}: there is no such file in the source")
        return Project((APP / named).parent, named)
    above = [directory for directory in (start, *start.parents) if directory.is_relative_to(APP)]
    kinds = ("uv.lock", "poetry.lock", "pylock.toml", "requirements.txt", "pyproject.toml")
    for directory in above:
        present = {kind for kind in kinds if (directory / kind).is_file()}
        if "pyproject.toml" in present and "poetry.lock" not in present:
            present |= {"uv.lock"} & {"uv.lock" for parent in above if (parent / "uv.lock").is_file()}
        if present:
            return Project(directory, next(kind for kind in kinds if kind in present))
    return Project(start, "")


def uv(*arguments: str | Path) -> str:
    return run("uv", *arguments, hints=HINTS)


def flags(name: str, values: list[str]) -> list[str]:
    return [part for value in values for part in (name, value)]


def install() -> None:
    """Everything but the app's own code."""
    project = find_project()
    pins = install_locked(project)
    chosen = freeze()
    install_runtime(project, chosen)
    record(project, pins, chosen)
    strip()
    (VENV / ".lock").unlink(missing_ok=True)  # uv's, which everybody may write
    compile_python(VENV)
    same_time(VENV, RUNTIME)


def install_locked(project: Project) -> set[str]:
    """Install the app's dependencies; returns the names of those whose version a file gives."""
    extras, groups = words("EXTRAS"), words("GROUPS")
    constraints = flags("--constraints", [str(APP / name) for name in words("CONSTRAINTS")])
    requirements: Path | None = WORK / "locked.txt"
    os.chdir(project.directory)
    if project.kind == "uv.lock":
        options = [*flags("--extra", extras), *flags("--group", groups)]
        uv("export", "--locked", *UV_EXPORT, *options, "--no-emit-workspace", "--output-file", WORK / "locked.txt")
    elif project.kind == "poetry.lock":
        uv("venv", "--python", sys.executable, POETRY)
        uv("pip", "install", "--python", POETRY, "--require-hashes", "-r", WORK / "poetry.txt")
        options = [*flags("--extras", extras), *flags("--with", groups)]
        run(POETRY / "bin/poetry", "export", *options, "--output", WORK / "locked.txt", hints=HINTS)
    elif project.kind == "pyproject.toml":
        options = [*flags("--extra", extras), *flags("--group", groups)]
        uv("pip", "install", "--python", VENV, "-r", "pyproject.toml", *options, *constraints)
        requirements = None
    elif project.kind:
        if extras or groups:
            fail(f"extras and groups are named in pyproject.toml, but {project.kind} is what counts for this app")
        requirements = APP / project.kind if os.environ.get("REQUIREMENTS") else project.directory / project.kind
    else:
        requirements = None
    if requirements is None:
        return set()
    uv("pip", "install", "--python", VENV, "-r", requirements, *constraints)
    if requirements.suffix == ".toml":
        return {normal(package["name"]) for package in tomllib.loads(requirements.read_text())["packages"]}
    return {normal(match[1]) for line in requirements.read_text().splitlines() if (match := PIN.match(line))}


UV_EXPORT = ("--quiet", "--no-default-groups", "--no-header", "--no-annotate")


def install_runtime(project: Project, chosen: str) -> None:
    """What the runtime needs: the app's choice where it has made one, else the version in the runtime's own lock."""
    lock = RUNTIME / "requirements.txt"
    if project.kind:
        (WORK / "chosen.txt").write_text(chosen)
        extras = flags("--extra", words("RUNTIME_EXTRAS"))
        # An existing output is what uv prefers, as far as the constraints allow.
        uv(
            *("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--python", str(VENV)),
            *("--constraints", str(WORK / "chosen.txt"), "--output-file", str(lock), *extras),
            RUNTIME / "pyproject.toml",
        )
    uv("pip", "install", "--python", VENV, "-r", lock)


def record(project: Project, pins: set[str], chosen: str) -> None:
    """Keep in the image what was installed, and what of it no lock has chosen."""
    loose = [name for line in chosen.splitlines() if normal(name := re.split(r"[ =@]", line)[0]) not in pins]
    origin = f"# {project.kind or 'the lock of the runtime'}"
    if loose:
        origin += f" does not lock {len(loose)} of {len(chosen.splitlines())} packages: {' '.join(loose)}"
    RESOLVED.write_text(f"{origin}\n{freeze()}")


def project() -> None:
    """Make the app's own code importable, from where it is."""
    project = find_project()
    os.chdir(project.directory)
    own: list[str] = []
    if project.kind == "uv.lock":
        options = [*flags("--extra", words("EXTRAS")), *flags("--group", words("GROUPS"))]
        emitted = uv("export", "--frozen", *UV_EXPORT, *options, "--no-hashes")
        root = next(
            parent for parent in (project.directory, *project.directory.parents) if (parent / "uv.lock").is_file()
        )
        own = [str(root / line.split()[1]) for line in emitted.splitlines() if line.startswith("-e ")]
        own += [str(root / line.split()[0]) for line in emitted.splitlines() if line.startswith((".", "/"))]
    elif project.kind in ("poetry.lock", "pylock.toml", "pyproject.toml") and project.is_package:
        own = [str(project.directory)]
    if own:
        uv("pip", "install", "--python", VENV, "--no-deps", *flags("--editable", own))
    # An app in src/ that is no package is found there; after everything else, so that it hides nothing.
    places = [APP / os.environ.get("DIRECTORY", "."), project.directory / "src"]
    (site_packages() / "app.pth").write_text("".join(f"{place}\n" for place in places if place.is_dir()))
    for left in (VENV / ".lock", *site_packages().glob("*.dist-info/uv_cache.json")):  # the latter: when it was built
        left.unlink(missing_ok=True)
    compile_python(APP, RUNTIME)
    bill.write()
    same_time(VENV, APP, RUNTIME)


def strip() -> None:
    """Drop what only debuggers read, a fifth of the image; libraries that a wheel bundles had that done already."""
    libraries = [path for path in VENV.rglob("*.so") if path.is_file() and not path.parent.name.endswith(".libs")]
    if libraries:
        run("strip", "--strip-debug", *libraries)


def site_packages() -> Path:
    return next(VENV.glob("lib/python*/site-packages"))


def freeze() -> str:
    return uv("pip", "freeze", "--quiet", "--exclude-editable", "--python", VENV)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    os.umask(0o022)
    if SECRET.is_file():
        os.environ.update(json.loads(SECRET.read_text()))
    {"install": install, "project": project}[sys.argv[1]]()
