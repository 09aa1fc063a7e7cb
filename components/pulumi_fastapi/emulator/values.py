"""Property values as the engine sends them (protobuf structs) and as the emulator works on them (plain Python)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

Properties = dict[str, Any]

_SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  the SDK's mark, no secret
_OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN_WIRE: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string, and what every SDK sends for any unknown
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class Unknown:
    """A value that is only known once something else has been created (previews)."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value the engine has to encrypt in its state and hide on screen."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


def decode_struct(struct: struct_pb2.Struct) -> Properties:
    """The engine's properties as Python values; secrets stay wrapped in `Secret`."""
    return {key: decode_value(value) for key, value in struct.fields.items()}


def decode_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWN_WIRE else value.string_value
    if kind == "number_value":
        return value.number_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [decode_value(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _decode_object(value.struct_value)
    return None


def _decode_object(struct: struct_pb2.Struct) -> Any:
    fields = struct.fields
    signature = fields[_SIGNATURE_KEY].string_value if _SIGNATURE_KEY in fields else None
    if signature == _SECRET_SIGNATURE:
        return Secret(decode_value(fields["value"]))
    if signature == _OUTPUT_SIGNATURE:
        inner = decode_value(fields["value"]) if "value" in fields else UNKNOWN
        return Secret(inner) if fields["secret"].bool_value else inner
    return {key: decode_value(item) for key, item in fields.items()}


def encode_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    return struct_pb2.Struct(fields={key: encode_value(value) for key, value in properties.items()})


def encode_value(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, Unknown):
        return struct_pb2.Value(string_value="04da6b54-80e4-46f7-96ec-b56ff0331ba9")
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, (int, float)):
        return struct_pb2.Value(number_value=float(value))
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Secret):
        fields = {
            _SIGNATURE_KEY: struct_pb2.Value(string_value=_SECRET_SIGNATURE),
            "value": encode_value(value.value),
        }
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode_struct(value))
    if isinstance(value, (list, tuple)):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[encode_value(item) for item in value]))
    raise TypeError(f"{type(value).__name__} is not a property value")


def reveal(value: Any) -> Any:
    """The same value without its secret marks."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def conceal(properties: Properties, marked: Mapping[str, Any], always: frozenset[str] = frozenset()) -> Properties:
    """`properties` with secret marks put back.

    Marked is: what stands where `marked` has a secret, what is named in `always`, and any other property that contains
    the text of such a secret under another name (`tagsAll` repeats `tags`).
    """
    secrets = {text for value in marked.values() for text in _secret_strings(value)}

    def conceal_property(key: str, value: Any) -> Any:
        concealed = _conceal(value, marked.get(key))
        if isinstance(concealed, Secret):
            return concealed
        if key in always or (concealed == value and any(text in secrets for text in _strings(value))):
            return Secret(value)
        return concealed

    return {key: conceal_property(key, value) for key, value in properties.items()}


def _conceal(value: Any, marked: Any) -> Any:
    if isinstance(marked, Secret):
        return Secret(value)
    if isinstance(value, dict) and isinstance(marked, dict):
        return {key: _conceal(item, marked.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(marked, list) and len(value) == len(marked):
        return [_conceal(item, mark) for item, mark in zip(value, marked, strict=True)]
    if isinstance(value, list) and _has_secret(marked):
        return Secret(value)
    return value


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_secret(item) for item in value)
    return isinstance(value, Secret)


def _secret_strings(value: Any) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from (text for text in _strings(value.value) if text)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secret_strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _secret_strings(item)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return isinstance(value, Unknown)


def parse_json(text: str) -> Any:
    """The value of a JSON document, or None for any other text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def same(left: Any, right: Any) -> bool:
    """Whether two values mean the same to AWS: JSON by content, numbers and booleans however they are written."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return all(same(left.get(key), right.get(key)) for key in left.keys() | right.keys())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, str) and isinstance(right, str):
        parsed = parse_json(left)
        return left == right or (parsed is not None and same(parsed, parse_json(right)))
    if isinstance(left, (dict, list)) or isinstance(right, (dict, list)):
        return False
    return left == right or (left is not None and right is not None and _text(left) == _text(right))


def _text(scalar: Any) -> str:
    if isinstance(scalar, bool):
        return str(scalar).lower()
    if isinstance(scalar, float) and scalar.is_integer():
        return str(int(scalar))
    return str(scalar)


def scalar_text(scalar: Any) -> str:
    """A number, boolean or string as AWS' attribute APIs write it."""
    return _text(scalar)
