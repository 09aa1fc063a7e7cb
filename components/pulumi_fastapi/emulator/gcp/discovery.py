"""Google's own API documents: which method a URL means, and what a request may look like.

They ship inside google-api-python-client, one file per API and version.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

VERSIONS: Mapping[str, tuple[str, ...]] = {
    "artifactregistry": ("v1",),
    "cloudresourcemanager": ("v1",),
    "compute": ("v1",),
    "dns": ("v1",),
    "iam": ("v1",),
    "iap": ("v1",),
    "logging": ("v2",),
    "monitoring": ("v3", "v1"),
    "run": ("v2",),
    "secretmanager": ("v1",),
    "servicenetworking": ("v1",),
    "serviceusage": ("v1", "v1beta1"),
    "sqladmin": ("v1", "v1beta4"),
}
"""The emulated APIs, by the first word of their host name."""

_ANY_RESOURCE = re.compile(r"v\d/\{v\dId\}(:\w+)?")
"""A path that takes the name of any resource, however many parts it has."""
_VARIABLE = re.compile(r"\{\+?[^}]+\}")
_VERSION_PREFIX = re.compile(r"^((compute|dns|sql)/)?v\d+\w*/")
_OUTPUT_ONLY = re.compile(r"\[?output[ -]only", re.IGNORECASE)
_REQUIRED = re.compile(r"required\b(?! (for|if)\b)", re.IGNORECASE)  # not what some kinds alone must have


class Shape:
    """A schema in the words of botocore's shapes, so that one mapper serves both clouds."""

    def __init__(self, document: str, schema: Mapping[str, Any], name: str = "") -> None:
        self.description = str(schema.get("description", ""))
        self.read_only = bool(schema.get("readOnly")) or bool(_OUTPUT_ONLY.match(self.description))
        self.required = bool(_REQUIRED.match(self.description)) and not self.read_only
        if "$ref" in schema:
            name = schema["$ref"]
            schema = _document(document)["schemas"][name]
        self.name = re.sub(r"^\w*V\d(?:beta\d|alpha\d)?(?=[A-Z])", "", name)
        self._document = document
        self._schema = schema

    @property
    def type_name(self) -> str:
        kind = str(self._schema.get("type", "object"))
        if kind == "object":
            return "map" if "additionalProperties" in self._schema else "structure"
        return {"array": "list", "number": "double"}.get(kind, kind)

    @functools.cached_property
    def members(self) -> dict[str, "Shape"]:
        return {key: Shape(self._document, value, key) for key, value in self._schema.get("properties", {}).items()}

    @functools.cached_property
    def member(self) -> "Shape":
        return Shape(self._document, self._schema["items"])

    @functools.cached_property
    def value(self) -> "Shape":
        return Shape(self._document, self._schema["additionalProperties"])

    @property
    def format(self) -> str | None:
        return self._schema.get("format")

    @property
    def enum(self) -> tuple[str, ...]:
        return tuple(self._schema.get("enum", ()))

    @property
    def pattern(self) -> str | None:
        return self._schema.get("pattern")


@dataclass(frozen=True)
class Method:
    """One method of an API."""

    document: str
    """Name and version: `run.v2`."""
    id: str
    """`run.projects.locations.services.create`."""
    verb: str
    path: str
    parameters: Mapping[str, Mapping[str, Any]]
    request: str | None
    response: str | None

    @property
    def api(self) -> str:
        return self.document.split(".")[0]

    @property
    def name(self) -> str:
        """The last word of the ID: `create`."""
        return self.id.rsplit(".", 1)[1]

    @property
    def body(self) -> Shape | None:
        return shape(self.document, self.request) if self.request is not None else None

    @property
    def long_running(self) -> bool:
        return self.response is not None and self.response.endswith("Operation") and "perations." not in self.id

    @property
    def query_names(self) -> frozenset[str]:
        return frozenset(key for key, value in self.parameters.items() if value.get("location") == "query")


@dataclass(frozen=True)
class Request:
    """A URL understood."""

    method: Method
    path: str
    """Name of the resource or collection: `projects/p/locations/l/services`, without version and custom verb."""
    query: Mapping[str, str]


@functools.cache
def shape(document: str, name: str) -> Shape:
    return Shape(document, {"$ref": name})


def understand(verb: str, url: str) -> Request | None:
    """The method that a request means; None when the documents know none."""
    parts = urlsplit(url)
    api = parts.netloc.split(".")[0]
    for version in VERSIONS.get(api, ()):
        for method_verb, pattern, method in _routes(f"{api}.{version}"):
            if method_verb == verb and pattern.fullmatch(parts.path.lstrip("/")):
                path = _VERSION_PREFIX.sub("", parts.path.lstrip("/"))
                custom = re.search(r":(\w+)$", method.path)
                if custom is not None:
                    path = path.removesuffix(f":{custom[1]}")
                return Request(method, unquote(path), _query(parts.query))
    return None


def _query(text: str) -> dict[str, str]:
    """The parameters; the values of a repeated one with commas between them."""
    return {key: ",".join(values) for key, values in parse_qs(text, keep_blank_values=True).items()}


@functools.cache
def _document(name: str) -> dict[str, Any]:
    file = resources.files("googleapiclient.discovery_cache") / "documents" / f"{name}.json"
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


@functools.cache
def _routes(name: str) -> list[tuple[str, re.Pattern[str], Method]]:
    """The methods with their paths as patterns, those with the most literal text first."""
    document = _document(name)
    methods = sorted(_methods(name, document), key=lambda each: -len(_VARIABLE.sub("", each.path)))
    return [(each.verb, _pattern(each.path), each) for each in methods]


def _methods(name: str, node: Mapping[str, Any]) -> Iterator[Method]:
    service_path = _document(name)["servicePath"]
    for method in node.get("methods", {}).values():
        yield Method(
            document=name,
            id=method["id"],
            verb=method["httpMethod"],
            path=service_path + (method.get("flatPath") or method["path"]),
            parameters=method.get("parameters", {}),
            request=method.get("request", {}).get("$ref"),
            response=method.get("response", {}).get("$ref"),
        )
    for nested in node.get("resources", {}).values():
        yield from _methods(name, nested)


def _pattern(path: str) -> re.Pattern[str]:
    """A path with its variables: an identifier may hold an encoded slash or colon, and a digest a bare colon."""
    pattern, position = "", 0
    for variable in _VARIABLE.finditer(path):
        pattern += re.escape(path[position : variable.start()])
        if _ANY_RESOURCE.fullmatch(path):
            pattern += "(.+)"
        else:
            pattern += "([^/]+)" if variable[0] == "{dockerImagesId}" else "([^/:]+)"
        position = variable.end()
    return re.compile(pattern + re.escape(path[position:]))
