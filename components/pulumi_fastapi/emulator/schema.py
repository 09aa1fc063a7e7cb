"""Property names and types of each Pulumi type, read from the installed provider SDK when a type is first used."""

import functools
import importlib
import inspect
import keyword
import re
import sys
import threading
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi import _types as sdk_types  # the only place where the SDK keeps the wire names

Kind = typing.Literal["string", "number", "boolean", "list", "map", "object", "any"]


@dataclass(frozen=True)
class PropertyType:
    kind: Kind
    element: "PropertyType | None" = None
    properties: "Mapping[str, Property]" = field(default_factory=dict)


@dataclass(frozen=True)
class Property:
    type: PropertyType
    required: bool


@dataclass(frozen=True)
class Schema:
    inputs: Mapping[str, Property]
    outputs: frozenset[str]


_IMPORTING = threading.Lock()
"""The SDKs load their modules on first use, which two threads at a time make an empty module of."""


@functools.cache
def schema_of(token: str) -> Schema:
    """The schema of a token such as `aws:ec2/vpc:Vpc`."""
    package, path, name = token.split(":")
    module_name = path.split("/")[0].replace("-", "_")
    if keyword.iskeyword(module_name):
        module_name += "_"
    suffix = "" if module_name == "index" else f".{module_name}"
    with _IMPORTING:
        module = importlib.import_module(f"pulumi_{package.replace('-', '_')}{suffix}")
        resource = getattr(module, name)
        outputs = sdk_types.resource_types(resource)
        return Schema(inputs=_properties(_args_of(resource)), outputs=frozenset(outputs))


def _args_of(resource: type) -> type:
    """The class of a resource's inputs: `<Name>Args`, or `<Name>InitArgs` where a nested type has that name."""
    home = sys.modules[resource.__module__]
    found: type = getattr(home, f"{resource.__name__}InitArgs", None) or getattr(home, f"{resource.__name__}Args")
    return found


@functools.cache
def _properties(args_class: type) -> dict[str, Property]:
    types = sdk_types.input_type_types(args_class)
    parameters = inspect.signature(args_class.__init__).parameters  # type: ignore[misc]
    names = sdk_types.input_type_py_to_pulumi_names(args_class)
    return {
        pulumi_name: Property(
            type=_property_type(types[pulumi_name]),
            required=parameters[python_name].default is inspect.Parameter.empty,
        )
        for python_name, pulumi_name in names.items()
    }


class _LazyProperties(Mapping[str, Property]):
    """Properties of a nested object, read on first use: WAF statements nest into themselves."""

    def __init__(self, args_class: type) -> None:
        self._args_class = args_class

    def __getitem__(self, key: str) -> Property:
        return _properties(self._args_class)[key]

    def __iter__(self) -> typing.Iterator[str]:
        return iter(_properties(self._args_class))

    def __len__(self) -> int:
        return len(_properties(self._args_class))


def _property_type(annotation: Any) -> PropertyType:
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, getattr(__import__("types"), "UnionType", None)):
        return _property_type(_most_specific(arguments))
    if origin is not None and issubclass(origin, Mapping):
        return PropertyType("map", element=_property_type(arguments[1]))
    if origin is not None and issubclass(origin, Sequence):
        return PropertyType("list", element=_property_type(arguments[0]))
    if isinstance(annotation, type):
        if issubclass(annotation, bool):
            return PropertyType("boolean")
        if issubclass(annotation, str):
            return PropertyType("string")
        if issubclass(annotation, (int, float)):
            return PropertyType("number")
        if sdk_types.is_input_type(annotation):
            return PropertyType("object", properties=_LazyProperties(annotation))
    return PropertyType("any")


def _most_specific(arguments: tuple[Any, ...]) -> Any:
    choices = [argument for argument in arguments if argument is not type(None)]
    for choice in choices:
        if isinstance(choice, type) and sdk_types.is_input_type(choice):
            return choice
    return choices[0]


def words(name: str) -> list[str]:
    """`TargetGroup` -> `["Target", "Group"]`."""
    return re.findall(r"[A-Z][a-z0-9]*", name)
