"""Reads what an app's own files say about it: the ASGI app, the Python, whether its dependencies are locked."""

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from . import build_context
from .build import BASES, Build
from .errors import ArgumentError

_PREFERRED = ("3.13", "3.14", "3.12", "3.11")
_DEPENDENCY_FILES = ("uv.lock", "poetry.lock", "pylock.toml", "requirements.txt", "pyproject.toml")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\(\))?")
_PINNED = re.compile(r"\s*(#|-|$)|\s*[\w.-]+\s*(\[[^]]*\])?\s*(===?\s*[^\s;*]+\s*(;|\\|--|#|$)|@)|\s+--hash")


@dataclass(frozen=True, kw_only=True)
class AppSource:
    """The app in a directory, as far as its files can be read without running them."""

    source: Path
    """What is sent to the build."""
    build: Build

    def __post_init__(self) -> None:
        self.files  # noqa: B018 (says what is wrong with the source)
        if not self.start.is_dir():
            raise ArgumentError("build.directory", self.build.directory, f"there is no such directory in {self.source}")
        for name in ("requirements", "constraints", "dockerfile"):
            value = getattr(self.build, name)
            if value is not None and not (self.source / value).is_file():
                raise ArgumentError(f"build.{name}", value, f"there is no such file in {self.source}")

    @cached_property
    def files(self) -> list[Path]:
        """What goes into the image, relative to the source."""
        return build_context.files(self.source)

    @property
    def start(self) -> Path:
        """The directory that the app starts in."""
        return self.source / self.build.directory

    @cached_property
    def above(self) -> list[Path]:
        """That directory and those above it, up to the source."""
        top = self.source.resolve()
        start = self.start.resolve()
        return [place for place in (start, *start.parents) if place.is_relative_to(top)]

    @cached_property
    def directory(self) -> Path:
        """Where the dependency files are: the nearest directory that has some."""
        return next(
            (place for place in self.above if any((place / name).is_file() for name in _DEPENDENCY_FILES)), self.start
        )

    @cached_property
    def project(self) -> dict[str, Any]:
        """`pyproject.toml`, or nothing."""
        file = self.directory / "pyproject.toml"
        try:
            return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ArgumentError("source", str(file), f"cannot be read: {error}") from None

    def arguments(self, module: str, environment: Mapping[str, str]) -> dict[str, str]:
        """The build arguments of the image's Dockerfile.

        Args:
            environment: the variables that the app is imported with; those of `build.environment` win.
        """
        build = self.build
        chosen = {
            "PYTHON": BASES[self.python()],
            "APP_MODULE": module,
            "DIRECTORY": "" if build.directory == "." else build.directory,
            "REQUIREMENTS": build.requirements,
            "CONSTRAINTS": build.constraints,
            "EXTRAS": " ".join(build.extras or ()),
            "GROUPS": " ".join(build.groups or ()),
            "RUNTIME_EXTRAS": " ".join(build.runtime_extras or ()),
            "SYSTEM_PACKAGES": " ".join(build.system_packages or ()),
            "BUILD_PACKAGES": " ".join(build.build_packages or ()),
            "IMPORT_ENVIRONMENT": json.dumps({**environment, **(build.environment or {})}, sort_keys=True),
        }
        return {name: value for name, value in chosen.items() if value}

    # -------------------------------------------------------------------------------------------------------- Python
    def python(self) -> str:
        """The Python to build with, such as `3.13`.

        Raises:
            ArgumentError: what the project says cannot be had, or it says two things.
        """
        required, pinned = self._requires_python(), self._python_version()
        chosen = self.build.python or pinned
        if self.build.python and pinned and pinned != self.build.python:
            raise ArgumentError(
                "build.python", self.build.python, f".python-version says {pinned}; leave one of them out"
            )
        if chosen is None:
            chosen = next((python for python in _PREFERRED if _allows(required, python)), None)
            if chosen is None:
                raise ArgumentError("source", str(required), f"requires-python allows none of {', '.join(BASES)}")
        elif not _allows(required, chosen):
            origin = "build.python" if self.build.python else ".python-version"
            raise ArgumentError(origin, chosen, f"requires-python of {self.directory / 'pyproject.toml'} is {required}")
        if not _allows_release(required, chosen) and (self.directory / "uv.lock").is_file():
            raise ArgumentError(
                "source",
                str(required),
                f"requires-python names one release, uv refuses another, and images have {_release(chosen)}: write"
                f" >={chosen}",
            )
        return chosen

    def _python_version(self) -> Optional[str]:
        """What `.python-version` says, without the patch release."""
        file = next((place / ".python-version" for place in self.above if (place / ".python-version").is_file()), None)
        if file is None:
            return None
        lines = [line.split("#")[0].strip() for line in file.read_text(errors="replace").splitlines()]
        said = next((line for line in lines if line), "")
        match = re.fullmatch(r"(?:cpython[-@]|python-)?(3\.\d+)(\.\d+)?", said)
        if match is None or match[1] not in BASES:
            raise ArgumentError(".python-version", said, f"{file} must name one of {', '.join(BASES)}")
        return match[1]

    def _requires_python(self) -> SpecifierSet:
        said = self.project.get("project", {}).get("requires-python")
        if said is None:
            poetry = self.project.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python", "")
            said = _from_poetry(poetry) if isinstance(poetry, str) else ""
        try:
            return SpecifierSet(said)
        except InvalidSpecifier:
            raise ArgumentError(
                "requires-python", said, f"{self.directory / 'pyproject.toml'}: cannot be read"
            ) from None

    # -------------------------------------------------------------------------------------------------- dependencies
    def warnings(self) -> list[str]:
        """What the build will do, but the developer may not expect."""
        found = []
        required = self._requires_python()
        if (chosen := self.python()) and not _allows_release(required, chosen):
            found.append(
                f"Python is {_release(chosen)} in the image, the latest of {chosen}; the project names {required}."
            )
        counts = self._dependency_file()
        if counts is None:
            found.append(f"{self.source} has no dependency file: the image has what the runtime needs, nothing else.")
        elif counts.name == "pyproject.toml":
            found.append(f"{counts} has no lock: every build resolves anew, and may be another app. Run uv lock.")
        elif counts.suffix == ".txt" and (loose := _loose(counts)):
            found.append(
                f"{counts} does not lock {', '.join(loose[:5])}{' ...' if len(loose) > 5 else ''}: every build resolves"
                " anew, and may be another app. Run uv pip compile --universal, or uv lock."
            )
        if counts is not None and self.build.requirements is None:
            nested = [path for path in self.source.glob(f"*/{counts.name}") if path.parent.resolve() != counts.parent]
            if nested and counts.suffix == ".txt":
                found.append(f"{counts} counts, {', '.join(map(str, nested))} does not: choose with build.directory.")
        return found

    def check_names(self) -> None:
        """Refuse extras and groups that the project does not have.

        Raises:
            ArgumentError: no such extra or group; or no `pyproject.toml` that could have one.
        """
        poetry = self.project.get("tool", {}).get("poetry", {})
        extras = {**self.project.get("project", {}).get("optional-dependencies", {}), **poetry.get("extras", {})}
        groups = {**self.project.get("dependency-groups", {}), **poetry.get("group", {})}
        for name, known in (("extras", extras), ("groups", groups)):
            for index, value in enumerate(getattr(self.build, name) or ()):
                if value not in known:
                    there = f"has {', '.join(known)}" if known else "has none"
                    raise ArgumentError(f"build.{name}[{index}]", value, f"{self.directory / 'pyproject.toml'} {there}")

    def _dependency_file(self) -> Optional[Path]:
        if self.build.requirements is not None:
            return self.source / self.build.requirements
        for name in _DEPENDENCY_FILES:
            if name == "uv.lock":
                locks = [place / name for place in self.above if (place / name).is_file()]
                if locks and (self.directory / "pyproject.toml").is_file():
                    return locks[0]
            elif (self.directory / name).is_file():
                return self.directory / name
        return None

    # ------------------------------------------------------------------------------------------------------- module
    def module(self) -> str:
        """The ASGI app as `package.module:attribute`, or `:attribute()` for a factory.

        It is what `[tool.fastapi] entrypoint` or the Procfile says, else the one FastAPI app, else the one factory.

        Raises:
            ArgumentError: there is none, or there are several.
        """
        declared = self.project.get("tool", {}).get("fastapi", {}).get("entrypoint")
        if isinstance(declared, str) and _MODULE.fullmatch(declared):
            return declared
        if from_procfile := self._from_procfile():
            return from_procfile
        found = sorted({candidate for file in self._python_files() for candidate in _candidates(*file)})
        apps = [candidate for candidate in found if not candidate.endswith("()")] or found
        if len(apps) == 1:
            return apps[0]
        if not apps:
            raise ArgumentError(
                "module", None, f"found no FastAPI app in {self.start}; name it as 'package.module:attribute'"
            )
        raise ArgumentError("module", None, f"found several apps in {self.start}; choose one: {', '.join(apps)}")

    def _from_procfile(self) -> Optional[str]:
        file = self.start / "Procfile"
        if not file.is_file():
            return None
        for line in file.read_text(errors="replace").splitlines():
            name, _, command = line.partition(":")
            if name.strip() == "web":
                try:
                    found = [word for word in shlex.split(command) if _MODULE.fullmatch(word)]
                except ValueError:
                    return None
                factory = "()" if found and "--factory" in command and not found[0].endswith("()") else ""
                return found[0] + factory if found else None
        return None

    def _python_files(self) -> Iterator[tuple[str, str]]:
        """Module name and text of each file that may hold the app."""
        start = self.build.directory.strip("/").removeprefix("./")
        for path in self.files:
            inside = path if start in ("", ".") else path.relative_to(start) if path.is_relative_to(start) else None
            if inside is None or path.suffix != ".py" or (self.source / path).is_symlink():
                continue
            parts = inside.with_suffix("").parts
            if parts[0] == "src" and not (self.start / "src" / "__init__.py").exists():
                parts = parts[1:]
            if parts[-1] == "__init__":
                parts = parts[:-1]
            if parts and all(part.isidentifier() for part in parts) and not {"tests", "test"} & set(parts):
                yield ".".join(parts), (self.source / path).read_text(encoding="utf-8", errors="replace")


def _candidates(module: str, text: str) -> Iterator[str]:
    """The FastAPI apps that a module makes at its top, and the functions there that return one."""
    if "FastAPI" not in text:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    factories = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _is_factory(node)}
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call):
            called = _name(node.value.func)
            annotated = isinstance(node, ast.AnnAssign) and _name(node.annotation) == "FastAPI"
            if called == "FastAPI" or called in factories or annotated:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (f"{module}:{target.id}" for target in targets if isinstance(target, ast.Name))
    yield from (f"{module}:{name}()" for name in factories)


def _is_factory(function: ast.FunctionDef) -> bool:
    """Whether a function can be called without arguments and returns a FastAPI app: it says so, or it makes one."""
    arguments = function.args
    needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    if needed or any(default is None for default in arguments.kw_defaults):
        return False
    if function.returns is not None:
        return _name(function.returns) == "FastAPI"
    makes = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _name(node.value.func) == "FastAPI"
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    returns = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return any(
        (isinstance(value, ast.Name) and value.id in makes)
        or (isinstance(value, ast.Call) and _name(value.func) == "FastAPI")
        for value in returns
    )


def _name(node: Optional[ast.expr]) -> str:
    """`FastAPI` of `FastAPI`, `fastapi.FastAPI` and `'FastAPI'`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.rpartition(".")[2]
    return node.id if isinstance(node, ast.Name) else ""


def _release(python: str) -> str:
    return BASES[python].partition(":")[2].partition("-")[0]


def _allows_release(required: SpecifierSet, python: str) -> bool:
    return required.contains(_release(python))


def _allows(required: SpecifierSet, python: str) -> bool:
    """Whether some patch release will do; images always have the latest."""
    return any(required.contains(f"{python}.{patch}") for patch in range(40))


def _from_poetry(said: str) -> str:
    """Poetry's `^3.11`, `~3.11`, `3.11.7` and `3.11.*` as Python's own specifiers."""
    specifiers = []
    for part in filter(None, (part.strip() for part in said.split(","))):
        match = re.fullmatch(r"(\^|~)?\s*(\d+(?:\.\d+)*(?:\.\*)?)", part)
        if match is None:
            specifiers.append(part)
        elif match[1] == "^":
            specifiers.append(f">={match[2]},<{int(match[2].split('.')[0]) + 1}")
        elif match[1] == "~":
            specifiers.append(f">={match[2]},=={'.'.join(match[2].split('.')[:2])}.*")
        else:
            specifiers.append(f"=={match[2]}" if match[2] != "*" else "")
    return ",".join(filter(None, specifiers))


def _loose(requirements: Path) -> list[str]:
    """The names in a requirement file that have no exact version."""
    lines = requirements.read_text(errors="replace").splitlines()
    return [re.split(r"[^\w.-]", line.strip())[0] for line in lines if not _PINNED.match(line)]
