"""What a plan is made of: resources, their options, and values that are secret or not known yet."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Optional, Union

import pulumi

from .errors import REDACTED

NOT_KNOWN = "[unknown]"


class PlanError(pulumi.RunError):
    """The program cannot be planned offline as it stands: says what is missing and how to give it."""


class UnknownValueError(Exception):
    """A value was read that only a deployment knows, so whatever was concluded from it would mean nothing."""


class ResourceLookupError(LookupError):
    """A plan has no such resource, or several; lists what there is."""


class Unknown:
    """A value that only a deployment knows. Using it in any way raises `UnknownValueError`; test with `is_unknown`."""

    __slots__ = ("_where",)

    def __init__(self, where: str) -> None:
        self._where = where

    def __repr__(self) -> str:
        return f"<unknown: {self._where}>"

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise UnknownValueError(
            f"{self._where} is known only after a deployment. "
            "Assert on what it comes from (Resource.property_dependencies), test it with is_unknown(), "
            "or plan with preview=False, which fills in ids, ARNs and common attributes"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # asked for by copy, pickle, inspect: they want a plain "no"
            raise AttributeError(name)
        self._refuse()

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = __bool__ = __str__ = __bytes__ = __int__ = __float__ = __index__ = __complex__ = _refuse
    __format__ = __iter__ = __len__ = __contains__ = __getitem__ = __reversed__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __mod__ = __call__ = _refuse


def is_unknown(value: object) -> bool:
    """Whether `value` is known only after a deployment. A secret is as unknown as what it holds."""
    return isinstance(value.value if isinstance(value, Secret) else value, Unknown)


class Secret:
    """A value that is never shown. `.value` reads it."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((Secret, self.value))


class Properties(dict[str, Any]):
    """Inputs or outputs by their Pulumi (camelCase) names."""

    def __init__(self, owner: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._owner = owner

    def __missing__(self, key: str) -> NoReturn:
        raise KeyError(f"{self._owner} has no {key!r}; it has: {', '.join(sorted(self)) or 'nothing'}")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Resource options as the engine would apply them, those that children inherit included."""

    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: Optional[bool] = None
    deleted_with: str = ""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replace_with: tuple[str, ...] = ()
    hide_diffs: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[Any, ...] = ()
    """URNs, or mappings with what differs: `name`, `type`, `parent`, `stack`, `project`."""
    import_: str = ""
    custom_timeouts: Mapping[str, str] = field(default_factory=dict)
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of the hooks by moment: `after_update` and so on."""
    provider: str = ""
    """URN of the explicit provider; empty for the default one."""
    providers: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    plugin_download_url: str = ""


@dataclass(eq=False, repr=False, kw_only=True)
class Resource:
    """A resource the program asks for."""

    urn: str
    type: str
    name: str
    custom: bool
    """False for a component."""
    inputs: Properties
    """As the provider would get them. Secrets are `Secret`, values known only later are `Unknown`."""
    outputs: Properties
    """What a component registered, or what the plan answered for a custom resource."""
    parent: Optional["Resource"] = None
    """The component above; None at the top."""
    dependencies: tuple["Resource", ...] = ()
    property_dependencies: Mapping[str, tuple["Resource", ...]] = field(default_factory=dict)
    """What each input is made from, known or not."""
    options: Options = field(default_factory=Options)
    provider: Optional["Resource"] = None
    """The explicit provider; None for the default one."""
    children: list["Resource"] = field(default_factory=list)
    read: bool = False
    """True when the program looks an existing resource up (`Vpc.get(...)`) and does not manage it."""

    def __repr__(self) -> str:
        return f"<{self.type} {self.name!r}>"

    def ancestors(self) -> Iterator["Resource"]:
        """The components above, nearest first."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent


@dataclass(frozen=True, kw_only=True)
class Message:
    """Something the program logged."""

    severity: str
    text: str


@dataclass(repr=False, kw_only=True)
class Plan:
    """What a program asks for."""

    project: str
    stack: str
    preview: bool
    region: str
    """Region of the default AWS provider."""
    resources: list[Resource]
    """In order of registration, without the stack itself."""
    outputs: Properties
    """The stack's exports."""
    messages: list[Message]
    secrets: frozenset[str]
    """Secret texts the program was given; for checks that look for leaks. Never printed."""

    def __repr__(self) -> str:
        return f"<Plan of {self.project}/{self.stack}: {len(self.resources)} resources>"

    def all(self, type: Union[str, type[pulumi.Resource]]) -> list[Resource]:
        """Every resource of a type, given as its class or its token."""
        token = _token(type)
        return [resource for resource in self.resources if resource.type == token]

    def find(self, type: Union[str, type[pulumi.Resource]], name: Optional[str] = None) -> Resource:
        """The one resource of a type, and of a name where there are several."""
        token = _token(type)
        same_type = self.all(token)
        found = [resource for resource in same_type if name is None or resource.name == name]
        if len(found) == 1:
            return found[0]
        wanted = token if name is None else f"{token} {name!r}"
        if found:
            raise ResourceLookupError(f"{len(found)} resources are {wanted}, give a name: {names(found)}")
        if same_type:
            raise ResourceLookupError(f"no resource is {wanted}; of that type there are: {names(same_type)}")
        types = sorted({resource.type for resource in self.resources})
        close = difflib.get_close_matches(token, types, n=3) or types
        raise ResourceLookupError(
            f"no resource is {wanted}; the plan has these types: {', '.join(close) or 'none at all'}"
        )

    def roots(self) -> list[Resource]:
        """The resources without a parent."""
        return [resource for resource in self.resources if resource.parent is None]

    def tree(self) -> str:
        """All resources as indented text, one a line."""
        lines: list[str] = []

        def add(resource: Resource, depth: int) -> None:
            lines.append(f"{'  ' * depth}{resource.type} {resource.name}")
            for child in resource.children:
                add(child, depth + 1)

        for root in self.roots():
            add(root, 0)
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the same for the same program; secrets as `[secret]`, unknown values as `[unknown]`."""
        return {
            "project": self.project,
            "stack": self.stack,
            "region": self.region,
            "resources": [
                _resource_as_dict(resource) for resource in sorted(self.resources, key=lambda each: each.urn)
            ],
            "outputs": plain(self.outputs),
        }

    def to_json(self) -> str:
        """`to_dict` as text, the same for the same program."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True)


def plain(value: Any) -> Any:
    """Plain data to show or store: secrets, unknown values, resources and files by a text that gives nothing away."""
    if isinstance(value, Secret):
        return REDACTED
    if isinstance(value, Unknown):
        return NOT_KNOWN
    if isinstance(value, Resource):
        return value.urn
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (pulumi.Asset, pulumi.Archive)):
        return {type(value).__name__: plain(vars(value))}
    return value


def _resource_as_dict(resource: Resource) -> dict[str, Any]:
    default = Options()
    options = {key: plain(value) for key, value in vars(resource.options).items() if value != getattr(default, key)}
    return {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "custom": resource.custom,
        "parent": resource.parent.urn if resource.parent else None,
        "inputs": plain(resource.inputs),
        "dependencies": [dependency.urn for dependency in resource.dependencies],
        "propertyDependencies": {
            key: [dependency.urn for dependency in sources]
            for key, sources in resource.property_dependencies.items()
            if sources
        },
        "options": options,
        **({} if resource.custom else {"outputs": plain(resource.outputs)}),
        **({"read": True} if resource.read else {}),
    }


def _token(type_: Union[str, type[pulumi.Resource]]) -> str:
    token = type_ if isinstance(type_, str) else getattr(type_, "pulumi_type", None)
    if token is None:  # components of this package carry their class name in the token
        token = f"pulumi-fastapi:index:{type_.__name__}"  # type: ignore[union-attr]
    return token


def names(resources: Sequence[Resource]) -> str:
    return ", ".join(f"{resource.type.rpartition(':')[2]} {resource.name!r}" for resource in resources)


def has_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(has_secret(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(has_secret(item) for item in value)
    return isinstance(value, Secret)


def known(value: Any) -> Any:
    """The value itself, taken out of a `Secret`; raises `UnknownValueError` when only a deployment knows it."""
    bare = value.value if isinstance(value, Secret) else value
    if isinstance(bare, Unknown):
        bare._refuse()
    return bare
