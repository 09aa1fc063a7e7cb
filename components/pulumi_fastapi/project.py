"""A Pulumi project on disk: its program, its stacks and their configuration, read without Pulumi."""

import difflib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
_STACK_FILE = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9_.-]+)\.(yaml|yml|json)")


class ProjectError(Exception):
    """A project, stack or configuration file is missing or wrong; the message says which and what to do."""


@dataclass(frozen=True)
class Encrypted:
    """A value that only the stack's key opens. Its stand-in says where it stands in the configuration."""

    path: str

    @property
    def stand_in(self) -> str:
        return f"encrypted-value-of-{self.path}"


@dataclass(frozen=True, kw_only=True)
class Project:
    """What `Pulumi.yaml` says."""

    name: str
    file: Path
    program: Path
    """The file to run."""
    stack_directory: Path
    """Where the stacks' files are."""
    values: Mapping[str, Any]
    """Configuration that all stacks share."""

    def stacks(self) -> list[str]:
        """The stacks that have a file."""
        if not self.stack_directory.is_dir():
            return []
        matches = (_STACK_FILE.fullmatch(path.name) for path in self.stack_directory.iterdir())
        return sorted({match["stack"] for match in matches if match})

    def choose_stack(self, asked: str | None) -> str:
        """The stack asked for, else the one in PULUMI_STACK, else the only one there is."""
        stacks = self.stacks()
        wanted = asked or os.environ.get("PULUMI_STACK")
        there = (
            f"stacks of {self.name} in {self.stack_directory}: {', '.join(stacks) or 'none (add Pulumi.<stack>.yaml)'}"
        )
        if not wanted:
            if len(stacks) == 1:
                return stacks[0]
            raise ProjectError(f"say which stack with --stack or PULUMI_STACK; {there}")
        name = wanted.rpartition("/")[2]  # organization/project/stack
        if name not in stacks:
            close = difflib.get_close_matches(name, stacks, n=1)
            raise ProjectError(f"no stack {name!r}{f', did you mean {close[0]!r}?' if close else ''}; {there}")
        return name

    def configuration(self, stack: str) -> dict[str, Any]:
        """The stack's values by full key, over the project's; encrypted ones are `Encrypted`."""
        file = next(
            path
            for path in self.stack_directory.iterdir()
            if (match := _STACK_FILE.fullmatch(path.name)) and match["stack"] == stack
        )
        document = _read(file)
        given = document.get("config") or {}
        if not isinstance(given, dict):
            raise ProjectError(f"{file}: config must be a mapping of keys to values")
        own = {self._full_key(str(key)): _decoded(value, str(key)) for key, value in given.items()}
        return {**self.values, **own}

    def _full_key(self, key: str) -> str:
        return key if ":" in key else f"{self.name}:{key}"


def find(start: Path) -> Project:
    """The project of a directory: the nearest Pulumi.yaml in it or above it."""
    directory = start.resolve()
    if not directory.is_dir():
        raise ProjectError(f"{start} is not a directory")
    for folder in (directory, *directory.parents):
        for name in _PROJECT_FILES:
            if (folder / name).is_file():
                return _project(folder / name)
    raise ProjectError(f"no Pulumi.yaml in {directory} or above; say where the project is with --dir")


def read_answers(file: Path | None) -> dict[str, Any]:
    """What a plan cannot know by itself, from a file: `stack_references` and `invokes`."""
    document = {} if file is None else _read(file)
    unknown = sorted(set(document) - {"stack_references", "invokes"})
    if unknown:
        raise ProjectError(f"{file}: unknown key {unknown[0]!r}; there are stack_references and invokes")
    for key, answers in document.items():
        if not isinstance(answers, dict) or not all(isinstance(each, dict) for each in answers.values()):
            raise ProjectError(f"{file}: {key} must map each name to a mapping")
    return document


def _project(file: Path) -> Project:
    document = _read(file)
    name = document.get("name")
    if not isinstance(name, str):
        raise ProjectError(f"{file}: name is missing")
    runtime = document.get("runtime")
    language = runtime.get("name") if isinstance(runtime, dict) else runtime
    if language != "python":
        raise ProjectError(f"{file}: the program is written in {language}; only Python programs can be planned here")
    legacy_or_values = document.get("config")
    folder = document.get("stackConfigDir") or (legacy_or_values if isinstance(legacy_or_values, str) else ".")
    shared = legacy_or_values if isinstance(legacy_or_values, dict) else {}
    return Project(
        name=name,
        file=file,
        program=_program(file, str(document.get("main") or ".")),
        stack_directory=(file.parent / str(folder)).resolve(),
        values={(key if ":" in key else f"{name}:{key}"): value for key, value in _shared_values(shared).items()},
    )


def _program(file: Path, main: str) -> Path:
    path = (file.parent / main).resolve()
    program = path / "__main__.py" if path.is_dir() else path
    if not program.is_file():
        raise ProjectError(f"{file}: main is {main!r}, and there is no {program}")
    return program


def _shared_values(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Values and defaults declared in Pulumi.yaml: `key: value`, or a mapping with `value` or `default`."""
    values = {}
    for key, entry in declared.items():
        if isinstance(entry, dict):
            if (value := entry.get("value", entry.get("default"))) is not None:
                values[key] = value
        else:
            values[key] = entry
    return values


def _decoded(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return Encrypted(path)
        return {key: _decoded(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_decoded(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return value


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Pulumi reads it: `yes`, `on` and `2026-01-01` are text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        document = json.loads(text) if file.suffix == ".json" else yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file} cannot be read: {error}") from None
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise ProjectError(f"{file} is not valid: {' '.join(str(error).split())}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ProjectError(f"{file} must be a mapping of keys to values")
    return document
