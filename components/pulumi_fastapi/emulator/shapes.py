"""Whether inputs have the names and the shapes that the provider's SDK declares."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pulumi_fastapi.emulator.mapping import Problem
from pulumi_fastapi.emulator.schema import Property, PropertyType
from pulumi_fastapi.emulator.values import Unknown

_EXPECTED: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "list": (list,),
    "map": (dict,),
    "object": (dict,),
}


def shape_problems(declared: Mapping[str, Property], values: Mapping[str, Any], path: str = "") -> Iterator[Problem]:
    """Properties that do not exist, are missing, or hold something of another kind; unknown values are right."""
    for name, value in values.items():
        place = f"{path}.{name}" if path else name
        if name.startswith("__"):
            continue
        if name not in declared:
            near = get_close_matches(name, list(declared), 1)
            yield Problem(place, "the type has no such property" + (f"; did you mean {near[0]}?" if near else ""))
        elif value is not None:
            yield from _value_problems(declared[name].type, value, place)
    for name, item in declared.items():
        if item.required and values.get(name) is None:
            yield Problem(f"{path}.{name}" if path else name, "a value is required")


def _value_problems(declared: PropertyType, value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, Unknown):
        return
    expected = _EXPECTED.get(declared.kind)
    wrong_boolean = isinstance(value, bool) and declared.kind == "number"
    if expected is not None and (not isinstance(value, expected) or wrong_boolean):
        yield Problem(path, f"expected a {declared.kind}, got {value!r}")
    elif declared.kind == "object":
        yield from shape_problems(declared.properties, value, path)
    elif declared.element is not None and declared.kind == "list":
        for position, item in enumerate(value):
            yield from _value_problems(declared.element, item, f"{path}[{position}]")
    elif declared.element is not None and declared.kind == "map":
        for key, item in value.items():
            yield from _value_problems(declared.element, item, f"{path}.{key}")
