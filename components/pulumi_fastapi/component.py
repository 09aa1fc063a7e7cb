"""The base of every component: names, recorded inputs, parented children, published outputs."""

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Optional, TypeVar, Union

import pulumi
from pulumi import Output, ResourceOptions

from .errors import ArgumentError
from .validation import camel_case, check_text, from_mapping

# Pulumi appends "-" and seven hexadecimal digits to a resource name to make the physical name.
_AUTONAME_SUFFIX = 8

# Beginnings that ELB, EC2 (security groups) and S3 keep for themselves.
_RESERVED = ("internal-", "sg-", "sthree-", "amzn-s3-demo-")

Args = TypeVar("Args")


class Component(pulumi.ComponentResource):
    """Records its inputs, so that the engine diffs it and hooks see it, and publishes its outputs."""

    def __init__(self, name: str, args: Any, opts: Optional[ResourceOptions]) -> None:
        check_name(name)
        super().__init__(f"pulumi-fastapi:index:{type(self).__name__}", name, recorded_inputs(args), opts)
        # For tags and descriptions, whose characters and length AWS limits too.
        self.resource_name = fitting_name(name, "", 128)
        self.child = ResourceOptions(parent=self)

    def child_options(self, **options: Any) -> ResourceOptions:
        """Options of a child: parented here, plus what only that child needs."""
        return ResourceOptions(parent=self, **options)

    def child_name(self, suffix: str, limit: int = 63) -> str:
        """The logical name of a child whose physical name may have `limit` characters."""
        return fitting_name(self.resource_name, suffix, limit)

    def publish(self, **outputs: Any) -> None:
        """Set the outputs as attributes and register them with the engine."""
        for name, value in outputs.items():
            setattr(self, name, value)
        self.register_outputs(
            {camel_case(name): value for name, value in outputs.items() if not isinstance(value, pulumi.Resource)}
        )


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a component."""
    if not isinstance(name, str) or not name.strip():
        raise ArgumentError("name", name, "must be text, such as 'api'")
    check_text("name", name)


def claims_on(shared: object, identity: object = None) -> dict[Any, Any]:
    """What the components of this program have taken so far of one thing that they share, such as a listener.

    Kept on the stack and not on the thing, which tests may make once and use in many programs. Two descriptions of the
    same thing are one if they have the same text as `identity`.
    """
    root: object = pulumi.runtime.settings.get_root_resource() or shared
    all_claims = root.__dict__.setdefault("_pulumi_fastapi_claims", {})
    key = identity if isinstance(identity, str) else id(shared)
    # `shared` is kept too: while it lives nothing else gets its id.
    claims: dict[Any, Any] = all_claims.setdefault(key, (shared, {}))[1]
    return claims


def as_args(cls: type[Args], args: Union[Args, Mapping[str, Any], None]) -> Args:
    """The typed arguments: other languages and dict users send a mapping (pulumi/pulumi#18526)."""
    if isinstance(args, cls):
        return args
    if args is None or isinstance(args, Mapping):
        return from_mapping(cls, args or {})  # type: ignore[no-any-return]
    raise ArgumentError("args", args, f"must be {cls.__name__} or a mapping")


def fitting_name(name: str, suffix: str, limit: int) -> str:
    """`name-suffix`, made of letters, digits and single hyphens, starting with a letter, short enough for a physical
    name.

    AWS limits physical names (32 characters for a load balancer) while stacks and projects can be called anything. A
    name that has to change keeps its beginning and gets a hash of the original, so that two long names stay different.
    """
    room = limit - _AUTONAME_SUFFIX - (len(suffix) + 1 if suffix else 0)
    clean = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    if not clean[:1].isalpha() or f"{clean}-".lower().startswith(_RESERVED):
        clean = f"s-{clean}".strip("-")
    if clean != name or len(clean) > room:
        clean = f"{clean[: room - 7].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return f"{clean}-{suffix}" if suffix else clean


def recorded_inputs(args: Any) -> dict[str, Any]:
    """The fields of an Args dataclass as component inputs: camelCase, secrets marked, other components left out."""
    inputs: dict[str, Any] = {}
    for field in dataclasses.fields(args) if args is not None else ():
        value = getattr(args, field.name)
        if value is None or isinstance(value, pulumi.Resource):
            continue
        inputs[camel_case(field.name)] = _secret(value) if field.metadata.get("secret") else _recorded(value)
    return inputs


def _recorded(value: Any) -> Any:
    if isinstance(value, list):
        return [_recorded(item) for item in value]
    return recorded_inputs(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


def _secret(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: Output.secret(secret) for key, secret in value.items()}
    return Output.secret(value)
