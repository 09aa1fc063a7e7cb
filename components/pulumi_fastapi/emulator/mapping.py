"""Pulumi inputs -> AWS request, request -> problems, AWS response -> Pulumi inputs, all from botocore's own API models.

Names are matched by rule (`cidrBlock` is `CidrBlock`, `subnets` may be `SubnetIds`' singular, `name` of a target group
is `TargetGroupName`); a resource type only lists the exceptions (`fields`). Because an exception names a path rather
than a function, it is used in both directions: to build the request and to read the answer back.
"""

import datetime
import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi_fastapi.emulator.schema import PropertyType
from pulumi_fastapi.emulator.values import UNKNOWN, Properties, Unknown, has_unknown, parse_json, same, scalar_text

ApiPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Field:
    """An input whose API member has another name, place or form.

    `to` is a dotted member path inside the structure that holds the input; `read` the path in responses when it
    differs.
    """

    to: str
    encode: Callable[[Any], Any] | None = None
    decode: Callable[[Any], Any] | None = None
    read: str | None = None


@dataclass(frozen=True)
class Flatten:
    """An object whose members stand in the structure that holds it (`healthCheck.path` is `HealthCheckPath`)."""

    members: Mapping[str, "str | Field"]


FieldSpec = str | Field | Flatten | None
Fields = Mapping[str, FieldSpec]


@dataclass(frozen=True)
class Problem:
    """Something AWS would refuse: where (Pulumi property path), why, and AWS's error code when a rule knows it."""

    path: str
    message: str
    code: str | None = None


@dataclass
class Request:
    params: Properties = field(default_factory=dict)
    pulumi_paths: dict[ApiPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def pulumi_path(self, api_path: ApiPath) -> str:
        """The input behind a place in the request; for a missing member, the name the input would have."""
        for length in range(len(api_path), 0, -1):
            known = self.pulumi_paths.get(api_path[:length])
            if known is not None:
                return _join(known, api_path[length:])
        return _join("", api_path)


def _join(path: str, rest: Iterable[str | int]) -> str:
    for part in rest:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = part[:1].lower() + part[1:]
            path = f"{path}.{name}" if path else name
    return path


# --------------------------------------------------------------------------------------------------------------- names
def normalise(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


@functools.lru_cache(maxsize=4096)
def _index(members: tuple[str, ...]) -> dict[str, str]:
    return {normalise(member): member for member in members}


def _spellings(name: str) -> Iterator[str]:
    yield name
    if name.endswith("ies"):
        yield name[:-3] + "y"
    if name.endswith(("ses", "xes")):
        yield name[:-2]
    if name.endswith("s"):
        yield name[:-1]
        yield name[:-1] + "list"
    yield name + "s"
    yield name + "list"
    if name.endswith("y"):
        yield name[:-1] + "ies"


@functools.lru_cache(maxsize=65536)
def match_member(name: str, members: tuple[str, ...], nouns: tuple[str, ...] = ()) -> str | None:
    """The member that means `name`: equal but for case and plural, or prefixed with one of the type's nouns."""
    index = _index(members)
    plain = normalise(name)
    for prefix in ("", *map(normalise, nouns)):
        for spelling in _spellings(prefix + plain):
            if spelling in index:
                return index[spelling]
    return None


def without_indices(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path)


# ------------------------------------------------------------------------------------------------------------- request
@dataclass(frozen=True)
class Mapper:
    fields: Fields
    nouns: tuple[str, ...] = ()

    def request(self, shape: Any, properties: Mapping[str, Any], *, ignore_unmatched: bool = False) -> Request:
        """The request for an operation whose input is `shape`."""
        request = Request()
        known = properties
        if ignore_unmatched:
            known = {name: value for name, value in properties.items() if self._has_member(shape, name)}
        request.params = self._structure(shape, known, "", (), request)
        return request

    def _has_member(self, shape: Any, name: str) -> bool:
        spec = self.fields.get(name, name)
        if spec is None:
            return False
        if isinstance(spec, Flatten):
            return any(_target(member).split(".")[0] in shape.members for member in spec.members.values())
        if name in self.fields:
            return _target(spec).split(".")[0] in shape.members
        return match_member(name, tuple(shape.members), self.nouns) is not None

    def _structure(
        self, shape: Any, values: Mapping[str, Any], path: str, api_path: ApiPath, request: Request
    ) -> Properties:
        params: Properties = {}
        for name, value in values.items():
            if value is None:
                continue
            child = f"{path}.{name}" if path else name
            key = without_indices(child)
            if key not in self.fields:
                member = match_member(name, tuple(shape.members), () if path else self.nouns)
                if member is None:
                    request.problems.append(Problem(child, f"{shape.name} has no member for it"))
                    continue
                self._place(Field(member), shape, value, child, api_path, params, request)
                continue
            spec = self.fields[key]
            if isinstance(spec, Flatten):
                self._flatten(spec, shape, value, child, api_path, params, request)
            elif spec is not None:
                field_spec = Field(spec) if isinstance(spec, str) else spec
                self._place(field_spec, shape, value, child, api_path, params, request)
        return params

    def _flatten(
        self,
        spec: Flatten,
        shape: Any,
        value: Any,
        path: str,
        api_path: ApiPath,
        params: Properties,
        request: Request,
    ) -> None:
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, Unknown):
            return
        if not isinstance(value, Mapping):
            request.problems.append(Problem(path, f"expected an object, got {_kind(value)}"))
            return
        for name, item in value.items():
            if item is None:
                continue
            if name not in spec.members:
                request.problems.append(Problem(f"{path}.{name}", f"{shape.name} has no member for it"))
                continue
            member = spec.members[name]
            member_field = Field(member) if isinstance(member, str) else member
            self._place(member_field, shape, item, f"{path}.{name}", api_path, params, request)

    def _place(
        self,
        spec: Field,
        shape: Any,
        value: Any,
        path: str,
        api_path: ApiPath,
        params: Properties,
        request: Request,
    ) -> None:
        """Put one input at its (possibly nested) place in the request."""
        *parents, last = spec.to.split(".")
        container, container_shape, place = params, shape, api_path
        for parent in parents:
            place = (*place, parent)
            request.pulumi_paths.setdefault(place, path)
            container = container.setdefault(parent, {})
            container_shape = container_shape.members[parent]
        if last not in container_shape.members:
            request.problems.append(Problem(path, f"{container_shape.name} has no member {last}"))
            return
        place = (*place, last)
        request.pulumi_paths[place] = path
        if spec.encode is None:
            encoded = self._value(container_shape.members[last], value, path, place, request)
        elif has_unknown(value):
            encoded = UNKNOWN
        else:
            try:
                encoded = spec.encode(value)
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                request.problems.append(Problem(path, f"{value!r} cannot be used here ({error})"))
                return
        if isinstance(container.get(last), dict) and isinstance(encoded, dict):
            container[last].update(encoded)
        else:
            container[last] = encoded

    def _value(self, shape: Any, value: Any, path: str, api_path: ApiPath, request: Request) -> Any:
        if isinstance(value, Unknown):
            return UNKNOWN
        if shape.type_name == "structure":
            return self._object(shape, value, path, api_path, request)
        if shape.type_name == "list":
            return self._list(shape, value, path, api_path, request)
        if shape.type_name == "map":
            return self._map(shape, value, path, api_path, request)
        try:
            return _SCALARS.get(shape.type_name, _unchanged)(value)
        except (TypeError, ValueError):
            request.problems.append(Problem(path, f"expected {_article(shape.type_name)}, got {value!r}"))
            return None

    def _object(self, shape: Any, value: Any, path: str, api_path: ApiPath, request: Request) -> Any:
        if isinstance(value, Mapping) and value.keys() == {"items"} and _is_counted(shape):
            value, path = value["items"], f"{path}.items"
        if isinstance(value, list) and _is_counted(shape):
            place = (*api_path, "Items")
            request.pulumi_paths[place] = path
            items = self._list(shape.members["Items"], value, path, place, request)
            return {"Quantity": len(items), **({"Items": items} if items else {})}
        if isinstance(value, list) and len(value) <= 1:
            value = value[0] if value else {}
        if isinstance(value, Unknown):
            return UNKNOWN
        if not isinstance(value, Mapping):
            request.problems.append(Problem(path, f"expected an object, got {_kind(value)}"))
            return None
        return self._structure(shape, value, path, api_path, request)

    def _list(self, shape: Any, value: Any, path: str, api_path: ApiPath, request: Request) -> Any:
        if isinstance(value, Mapping) and shape.member.type_name == "structure" and len(shape.member.members) == 2:
            # A map stands for a list of pairs (dimensions, tags), unless it is the one object of a list of objects.
            key, entry = list(shape.member.members)
            if match_member(next(iter(value), ""), tuple(shape.member.members)) is None:
                return [{key: name, entry: scalar_text(item)} for name, item in value.items()]
        items = value if isinstance(value, list) else [value]
        converted = []
        for position, item in enumerate(items):
            place = (*api_path, position)
            child = f"{path}[{position}]" if isinstance(value, list) else path
            request.pulumi_paths[place] = child
            converted.append(self._value(shape.member, item, child, place, request))
        return converted

    def _map(self, shape: Any, value: Any, path: str, api_path: ApiPath, request: Request) -> Any:
        if not isinstance(value, Mapping):
            request.problems.append(Problem(path, f"expected a map, got {_kind(value)}"))
            return None
        converted = {}
        for key, item in value.items():
            place = (*api_path, key)
            request.pulumi_paths[place] = f"{path}.{key}"
            converted[key] = self._value(shape.value, item, f"{path}.{key}", place, request)
        return converted

    # ------------------------------------------------------------------------------------------------------- read-back
    def inputs_from(self, properties: Mapping[str, Any], answer: Mapping[str, Any]) -> Properties:
        """Every input of the type that the answer tells, in Pulumi's form. `properties` is the type's schema."""
        found: Properties = {}
        for name, declared in properties.items():
            value = self._read(name, name, declared.type, answer, self.nouns)
            if value is not None:
                found[name] = value
        return found

    def _read(
        self, name: str, path: str, declared: PropertyType, answer: Mapping[str, Any], nouns: tuple[str, ...] = ()
    ) -> Any:
        if path not in self.fields:
            member = match_member(name, tuple(answer), nouns)
            return None if member is None else self._decode(declared, answer[member], path)
        spec = self.fields[path]
        if spec is None:
            return None
        if isinstance(spec, Flatten):
            return self._read_flattened(spec, declared, answer, path)
        spec = Field(spec) if isinstance(spec, str) else spec
        value = dig(answer, spec.read or spec.to)
        if value is None:
            return None
        if spec.decode is not None:
            return spec.decode(value)
        return None if spec.encode is not None else self._decode(declared, value, path)

    def _read_flattened(
        self, spec: Flatten, declared: PropertyType, answer: Mapping[str, Any], path: str
    ) -> Properties | None:
        found: Properties = {}
        for name, member in spec.members.items():
            nested = Field(member) if isinstance(member, str) else member
            value = dig(answer, nested.read or nested.to)
            if value is None or name not in declared.properties:
                continue
            if nested.decode is not None:
                found[name] = nested.decode(value)
            else:
                found[name] = self._decode(declared.properties[name].type, value, f"{path}.{name}")
        return found or None

    def _decode(self, declared: PropertyType, value: Any, path: str) -> Any:
        if declared.kind == "list":
            if isinstance(value, Mapping) and "Quantity" in value:
                value = value.get("Items") or []
            items = value if isinstance(value, (list, tuple)) else [value]
            assert declared.element is not None
            return [self._decode(declared.element, item, path) for item in items]
        if isinstance(value, (list, tuple)) and declared.kind != "string":
            if declared.kind == "map":
                return _pairs(value)
            value = value[0] if len(value) == 1 else None
        if declared.kind == "object" and isinstance(value, Mapping):
            nested = {
                name: self._read(name, f"{path}.{name}", child.type, value)
                for name, child in declared.properties.items()
            }
            return {name: item for name, item in nested.items() if item is not None}
        if declared.kind == "map" and isinstance(value, Mapping):
            assert declared.element is not None
            return {key: self._decode(declared.element, item, path) for key, item in value.items()}
        return _scalar_from(declared, value)


def _target(spec: "str | Field | Flatten") -> str:
    assert not isinstance(spec, Flatten)
    return spec if isinstance(spec, str) else spec.to


def _is_counted(shape: Any) -> bool:
    """CloudFront tells the length of a list beside it."""
    return "Quantity" in shape.members and "Items" in shape.members


def _pairs(items: Iterable[Any]) -> Properties:
    pairs: Properties = {}
    for item in items:
        if isinstance(item, Mapping) and len(item) >= 2:
            key, value = list(item.values())[:2]
            pairs[str(key)] = value
    return pairs


def _scalar_from(declared: PropertyType, value: Any) -> Any:
    if value is None or declared.kind in ("any", "object", "map", "list"):
        return None
    if declared.kind == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if declared.kind == "number":
        try:
            return float(value)
        except (TypeError, ValueError):
            return None
    return text_of(value)


def text_of(value: Any) -> str:
    """An API value as a Pulumi string."""
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, default=str)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return scalar_text(value)


def dig(value: Any, path: str) -> Any:
    """`dig(answer, "Vpcs[0].VpcId")`, or None where the way ends; an empty path is the value itself."""
    for part in re.findall(r"[^.\[\]]+|\[\d+\]", path):
        if part.startswith("["):
            position = int(part[1:-1])
            value = value[position] if isinstance(value, (list, tuple)) and len(value) > position else None
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is None:
            return None
    return value


def reconcile(old: Any, live: Any, declared: PropertyType | None) -> Any:
    """The live value in the shape the program wrote it: what the program did not say is left out (defaults), what means
    the same is left as written, so that only real drift differs from `old`."""
    if live is None:
        return old
    if declared is not None and declared.kind == "object" and isinstance(old, dict) and isinstance(live, dict):
        if old and live and not old.keys() & live.keys():  # one of several kinds, and now of another one
            return live
        return {
            name: reconcile(
                item, live.get(name), declared.properties[name].type if name in declared.properties else None
            )
            for name, item in old.items()
        }
    if isinstance(old, list) and isinstance(live, list):
        return _reconcile_list(old, live, declared.element if declared is not None else None)
    return old if same(old, live) else live


def _reconcile_list(old: list[Any], live: list[Any], element: PropertyType | None) -> list[Any]:
    if len(old) != len(live):
        return live
    remaining = list(live)
    matched: list[Any] = []
    for item in old:
        for candidate in remaining:
            if same(item, reconcile(item, candidate, element)):
                remaining.remove(candidate)
                matched.append(item)
                break
        else:
            break
    if len(matched) == len(old):
        return old
    return [reconcile(item, candidate, element) for item, candidate in zip(old, live, strict=True)]


# ---------------------------------------------------------------------------------------------------------- validation
def validate(shape: Any, request: Request) -> list[Problem]:
    """What the API model forbids in a request. Unknown values are taken as right."""
    return [Problem(request.pulumi_path(path), message) for path, message in _violations(shape, request.params, ())]


def _violations(shape: Any, value: Any, path: ApiPath) -> Iterator[tuple[ApiPath, str]]:
    if value is None or isinstance(value, Unknown):
        return
    if shape.type_name == "structure":
        yield from _structure_violations(shape, value, path)
    elif shape.type_name == "list":
        yield from _range_violations(len(value), shape, path, "number of items")
        for position, item in enumerate(value):
            yield from _violations(shape.member, item, (*path, position))
    elif shape.type_name == "map":
        yield from _range_violations(len(value), shape, path, "number of entries")
        for key, item in value.items():
            yield from _violations(shape.key, key, (*path, key))
            yield from _violations(shape.value, item, (*path, key))
    elif shape.type_name == "string":
        yield from _string_violations(shape, value, path)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _range_violations(value, shape, path, "value")


_LENGTH_IN_NAME = re.compile(r"LengthBetween(\d+)And(\d+)$")
"""API Gateway states the length of a string in the name of its shape, and nowhere else."""


def _structure_violations(shape: Any, value: Mapping[str, Any], path: ApiPath) -> Iterator[tuple[ApiPath, str]]:
    for member in shape.metadata.get("required", ()):
        if value.get(member) is None:
            yield (*path, member), "a value is required"
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        yield path, f"exactly one of {', '.join(shape.members)} is needed"
    for member, item in value.items():
        if member in shape.members:
            yield from _violations(shape.members[member], item, (*path, member))
        else:
            yield (*path, member), f"{shape.name} has no member {member}"


def _string_violations(shape: Any, value: Any, path: ApiPath) -> Iterator[tuple[ApiPath, str]]:
    if not isinstance(value, str):
        yield path, f"expected a string, got {_kind(value)}"
        return
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        shown = ", ".join(allowed[:12]) + (", ..." if len(allowed) > 12 else "")
        yield path, f"{value!r} is not one of {shown}"
    yield from _range_violations(len(value), shape, path, "length")
    named = _LENGTH_IN_NAME.search(shape.name)
    if named is not None and not int(named[1]) <= len(value) <= int(named[2]):
        yield path, f"length {len(value)} is not between {named[1]} and {named[2]}"
    pattern = _compile(shape.metadata["pattern"]) if "pattern" in shape.metadata else None
    if pattern is not None and not pattern.fullmatch(value):
        yield path, f"{value!r} does not match {shape.metadata['pattern']}"


def _range_violations(number: float, shape: Any, path: ApiPath, what: str) -> Iterator[tuple[ApiPath, str]]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and number < low:
        yield path, f"{what} {scalar_text(number)} is less than the minimum {low}"
    if high is not None and number > high:
        yield path, f"{what} {scalar_text(number)} is greater than the maximum {high}"


_JAVA_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
    r"\p{Alpha}": "a-zA-Z",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{Digit}": "0-9",
    r"\p{ASCII}": r"\x00-\x7f",
    r"\p{IsLetter}": r"\w",
}


@functools.cache
def _compile(pattern: str) -> re.Pattern[str] | None:
    """The model's (Java) pattern; None for the few that Python cannot express, which then go unchecked."""
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _integer(value: Any) -> int:
    number = float(value)
    if isinstance(value, bool) or not number.is_integer():
        raise ValueError(value)
    return int(number)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError(value)
    return float(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError(value)


def _string(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        raise ValueError(value)
    return scalar_text(value)


def _unchanged(value: Any) -> Any:
    return value


_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "string": _string,
}


def _article(type_name: str) -> str:
    name = {"long": "integer", "float": "number", "double": "number"}.get(type_name, type_name)
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list) else repr(value)


def json_text(value: Any) -> str:
    """A policy given as text or as an object, as text."""
    return value if isinstance(value, str) else json.dumps(value)


def json_value(text: Any) -> Any:
    """The parsed document of an input that is JSON in a string."""
    if not isinstance(text, str):
        return text
    parsed = parse_json(text)
    if parsed is None:
        raise ValueError("not a JSON document")
    return parsed
