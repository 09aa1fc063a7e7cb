"""Run-time checks of the Args dataclasses, so that a wrong argument fails before the first resource.

Python does not check annotations, and values also come from YAML and from other languages through the component
provider: there numbers arrive as floats (`256.0`), nested objects as dicts with camelCase keys, and lists as any
sequence.
"""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Awaitable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, ForwardRef, Union

from pulumi import Output

from .errors import REDACTED, ArgumentError, nearest

# What `str(output)` yields: in a string it means that an Output was formatted instead of applied.
_FORMATTED_OUTPUT = re.compile(r"Calling __str__ on an Output|<pulumi\.output\.Output object")


def check_fields(args: Any) -> None:
    """Check and normalise every field of a frozen Args dataclass against its annotation, in place.

    Raises:
        ArgumentError: wrong type, an `Output` where a plain value is needed, or a string that swallowed an `Output`.
    """
    for field in dataclasses.fields(args):
        value = getattr(args, field.name)
        try:
            if isinstance(value, str) and not value.strip():
                raise ArgumentError(field.name, value, "must not be empty; leave it out for the default")
            normalised = _normalise(field.name, value, field.type)
        except ArgumentError as error:
            if field.metadata.get("secret"):
                raise ArgumentError(error.field, REDACTED, error.problem) from None
            raise
        if normalised is not value:
            object.__setattr__(args, field.name, normalised)


def check_text(field: str, value: str) -> None:
    """Refuse text that contains the representation of an `Output` (`f"{bucket.id}"`)."""
    if _FORMATTED_OUTPUT.search(value):
        raise ArgumentError(
            field,
            "text with an Output inside",
            "an Output cannot be put into an f-string; use pulumi.Output.format('https://{0}/', other.url) or .apply()",
        )


def one_of(field: str, value: object, allowed: Collection[object]) -> None:
    """Refuse a value outside `allowed`, naming the nearest one."""
    if value not in allowed:
        choices = ", ".join(map(str, allowed))
        raise ArgumentError(field, value, f"must be one of {choices}{nearest(value, allowed)}")


def in_range(field: str, value: float, low: float, high: float, unit: str = "") -> None:
    """Refuse a number outside `low..high`."""
    if not low <= value <= high:
        raise ArgumentError(field, value, f"must be between {low} and {high}{' ' + unit if unit else ''}")


def matches(field: str, value: object, pattern: str, meaning: str) -> None:
    """Refuse a plain string that does not match; an `Output` is known too late to be checked here."""
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        raise ArgumentError(field, value, f"must be {meaning}")


def snake_case(name: str) -> str:
    """`tasksMax` -> `tasks_max`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel_case(name: str) -> str:
    """`tasks_max` -> `tasksMax`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def from_mapping(cls: type, values: Mapping[str, Any], path: str = "") -> Any:
    """Build the Args dataclass `cls` from a mapping with snake_case or camelCase keys; an unknown key is an error."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(key, str):
            raise ArgumentError(path.rstrip(".") or cls.__name__, key, "the names of arguments must be text")
        name = snake_case(key)
        if name not in fields:  # its value is not repeated: a misspelt `secrets` holds secrets
            raise ArgumentError(f"{path}{key}", key, f"unknown argument of {cls.__name__}{nearest(name, fields)}")
        if name in arguments:
            raise ArgumentError(f"{path}{key}", key, f"is given twice; {name} is the same argument")
        arguments[name] = value
    for name, field in fields.items():
        if name not in arguments and not has_default(field):
            raise ArgumentError(f"{path}{name}", None, "a value is required")
    try:
        return cls(**arguments)
    except ArgumentError as error:
        raise error.inside(path) from None


def has_default(field: "dataclasses.Field[Any]") -> bool:
    """Whether a field of a dataclass can be left out."""
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _normalise(field: str, value: Any, annotation: Any) -> Any:
    options = _options(annotation)
    if value is None:
        if type(None) in options:
            return None
        raise ArgumentError(field, None, "a value is required")
    if isinstance(value, (Output, Awaitable)):
        if Output in options or Any in options:
            # A coroutine can be awaited once only, an Output be read by many.
            return value if isinstance(value, Output) else Output.from_input(value)
        raise ArgumentError(field, "an Output", "must be a plain value, because it decides which resources exist")
    for option in options:
        if option not in (Output, type(None)):
            accepted, normalised = _accept(field, value, option)
            if accepted:
                return normalised
    raise ArgumentError(field, value, f"must be {_describe(options)}")


def _options(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of an annotation, flattened; `Input[T]` is `T`, `Awaitable[T]` or the forward reference
    `Output[T]`."""
    origin = typing.get_origin(annotation)
    if origin in (Union, types.UnionType):
        return tuple(dict.fromkeys(option for arg in typing.get_args(annotation) for option in _options(arg)))
    if origin in (Output, Awaitable) or isinstance(annotation, ForwardRef):
        return (Output,)
    return (annotation,)


def _accept(field: str, value: Any, option: Any) -> tuple[bool, Any]:
    origin = typing.get_origin(option)
    if option is Any:
        _check_texts(field, value)
        return True, value
    if option is str:
        if isinstance(value, str):
            check_text(field, value)
        return isinstance(value, str), value
    if option is bool:
        return isinstance(value, bool), value
    if option in (int, float):
        return _number(value, option)
    if origin in (list, Sequence) or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return _sequence(field, value, typing.get_args(option)[0])
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return _mapping(field, value, typing.get_args(option)[1])
    if isinstance(option, type) and issubclass(option, Enum):
        if isinstance(value, str) and not isinstance(value, option):
            one_of(field, value.upper(), [member.value for member in option])
            value = option(value.upper())
        return isinstance(value, option), value
    if dataclasses.is_dataclass(option) and isinstance(value, Mapping):
        return True, from_mapping(typing.cast("type", option), value, f"{field}.")
    return isinstance(value, option), value


def _check_texts(field: str, value: Any, depth: int = 8) -> None:
    """`check_text` for every text inside a value of any type."""
    if isinstance(value, str):
        check_text(field, value)
    elif isinstance(value, (Mapping, Sequence)) and not isinstance(value, bytes) and depth:
        for item in [*value, *value.values()] if isinstance(value, Mapping) else value:
            _check_texts(field, item, depth - 1)


def _number(value: Any, kind: type) -> tuple[bool, Any]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False, value
    if kind is float:
        return isinstance(value, int) or math.isfinite(value), value
    whole = isinstance(value, int) or value.is_integer()
    return whole, int(value) if whole else value


def _sequence(field: str, value: Any, item: Any) -> tuple[bool, Any]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return False, value
    normalised = [_normalise(f"{field}[{index}]", element, item) for index, element in enumerate(value)]
    return True, value if normalised == value and isinstance(value, list) else normalised


def _mapping(field: str, value: Any, item: Any) -> tuple[bool, Any]:
    if not isinstance(value, Mapping):
        return False, value
    for key in value:
        if not isinstance(key, str):
            raise ArgumentError(field, key, "keys must be text")
        check_text(f"{field} key", key)
    return True, {key: _normalise(f"{field}[{key!r}]", element, item) for key, element in value.items()}


def _describe(options: tuple[Any, ...]) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    described = []
    for option in options:
        if option in (Output, type(None)):
            continue
        origin = typing.get_origin(option)
        if isinstance(option, type) and issubclass(option, Enum):
            described.append(f"one of {', '.join(member.value for member in option)}")
        elif origin is not None:
            inner = _describe(_options(typing.get_args(option)[-1]))
            described.append(f"a {'mapping' if len(typing.get_args(option)) == 2 else 'list'} of {inner}")
        else:
            name = getattr(option, "__name__", str(option))
            if name.startswith("Existing"):  # a part of this package can stand wherever an existing one can
                name = f"{name.removeprefix('Existing')} or {name}"
            described.append(names.get(option, name))
    return " or ".join(dict.fromkeys(described))


def check_emails(field: str, emails: Sequence[str]) -> None:
    """Refuse what is no address, or one that is named twice."""
    for email in emails:
        matches(field, email, r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")
    if len({email.lower() for email in emails}) != len(emails):
        raise ArgumentError(field, list(emails), "an address is named twice")
