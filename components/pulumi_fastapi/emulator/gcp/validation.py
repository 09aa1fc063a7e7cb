"""What Google refuses in a request for its form, in Google's words."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_fastapi.emulator.gcp.discovery import Shape
from pulumi_fastapi.emulator.mapping import ApiPath
from pulumi_fastapi.emulator.values import Unknown

Violation = tuple[ApiPath, str]

_RANGES = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
_DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")
_SHOWN = 80


def violations(shape: Shape, body: Any, *, complete: bool = True) -> Iterator[Violation]:
    """What the API's document forbids in a body. Unknown values are taken as right; `complete` says that what the
    document calls required has to be there."""
    yield from _value(shape, body, (), complete)


def readable(path: ApiPath, root: str) -> str:
    """`service.template.containers[0].image`, as Google writes places."""
    text = root[:1].lower() + root[1:]
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text


def _value(shape: Shape, value: Any, path: ApiPath, complete: bool) -> Iterator[Violation]:
    if value is None or isinstance(value, Unknown):
        return
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path, complete)
    elif kind == "map":
        if not isinstance(value, Mapping):
            yield path, f"Invalid value (map), {_shown(value)}"
            return
        for key, item in value.items():
            yield from _value(shape.value, item, (*path, key), complete)
    elif kind == "list":
        if not isinstance(value, list):
            yield path, f"Invalid value (repeated field), {_shown(value)}"
            return
        for position, item in enumerate(value):
            yield from _value(shape.member, item, (*path, position), complete)
    elif kind == "string":
        yield from ((path, message) for message in _string(shape, value))
    elif kind in ("integer", "double"):
        yield from ((path, message) for message in _number(shape, value))
    elif kind == "boolean" and not isinstance(value, bool):
        yield path, f"Invalid value (TYPE_BOOL), {_shown(value)}"


def _structure(shape: Shape, value: Any, path: ApiPath, complete: bool) -> Iterator[Violation]:
    if not isinstance(value, Mapping):
        yield path, f"Invalid value (type object), {_shown(value)}"
        return
    for key, item in value.items():
        member = shape.members.get(key)
        if member is None:
            yield path, f'Invalid JSON payload received. Unknown name "{key}": Cannot find field.'
        elif not member.read_only:
            yield from _value(member, item, (*path, key), complete)
    if complete:
        for key, member in shape.members.items():
            # The name of a resource travels in the URL although its document calls it required.
            if member.required and value.get(key) is None and key != "name":
                yield (*path, key), "a value is required"


def _string(shape: Shape, value: Any) -> Iterator[str]:
    if shape.format in ("int64", "uint64"):
        if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
            yield f"Invalid value (TYPE_{shape.format.upper()}), {_shown(value)}"
        return
    if not isinstance(value, str):
        yield f"Invalid value (TYPE_STRING), {_shown(value)}"
        return
    if shape.enum and value not in shape.enum:
        allowed = [each for each in shape.enum if not each.endswith(("UNSPECIFIED", "UNDEFINED"))]
        yield f"Invalid value (enum), {value!r} is not one of {', '.join(allowed[:12])}"
    if shape.format == "google-duration" and not _DURATION.fullmatch(value):
        yield f"Invalid value (Duration), {value!r}: a duration is a number of seconds that ends with 's'"
    if shape.format == "byte" and not _is_base64(value):
        yield "Invalid value (TYPE_BYTES), Base64 decoding failed"
    if shape.pattern and value and not re.fullmatch(shape.pattern, value):
        yield f"Invalid value: {value!r}. Must be a match of regex '{shape.pattern}'"


def _number(shape: Shape, value: Any) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield f"Invalid value (TYPE_{(shape.format or 'int32').upper()}), {_shown(value)}"
    elif shape.type_name == "integer":
        low, high = _RANGES.get(shape.format or "", (-(2**63), 2**63 - 1))
        if int(value) != value or not low <= value <= high:
            yield f"Invalid value (TYPE_{(shape.format or 'int32').upper()}), {_shown(value)}"


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _shown(value: Any) -> str:
    return json.dumps(value, default=repr)[:_SHOWN]
