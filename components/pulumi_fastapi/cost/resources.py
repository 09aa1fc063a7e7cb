"""What is priced: resources of a plan, of a `pulumi preview --json` file or of a `pulumi stack export` file."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Optional

from ..errors import nearest
from ..planned import Plan, Secret, Unknown
from ..planned import Resource as PlannedResource

UNKNOWN_TEXT = re.compile(r"04da6b54-80e4-46f7-96ec-b56ff0331ba9|6a19a0b0-7e62-4c92-b797-7f8e31da9cc2")
_SECRET_KEY = "4dabf18193072939515e22adb298388d"  # noqa: S105  how the engine marks a value as secret
_GONE = {"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace", "read", "read-discard"}
_PROVIDERS = "pulumi:providers:"
_ARN_REGION = re.compile(r"arn:[^:]*:[^:]*:([a-z]{2}(?:-[a-z]+)+-\d):")
_ZONE = re.compile(r"(.+-[a-z]+\d)-[a-z]")

Regions = Mapping[str, str]
"""Region by provider, `{"aws": "us-east-1", "gcp": "us-central1"}`, for resources that name none."""


class InputError(Exception):
    """What should be priced cannot be read; the message says what it is and what to do."""


class NotKnown(Exception):
    """An input that a price depends on is known only after a deployment, or is missing."""


@dataclass(frozen=True)
class _Hidden:
    """Stands for a value that is unknown or secret."""


HIDDEN = _Hidden()


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """A resource with what its price depends on; two are the same only if they are one object."""

    urn: str
    type: str
    name: str
    provider: str
    """`aws` or `gcp`; other packages have no prices."""
    region: str
    """Empty when nothing says it."""
    inputs: Mapping[str, Any]
    """By Pulumi name; what is unknown or secret is `HIDDEN`."""
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """URNs that each input is made from."""

    def get(self, path: str, default: Any = None) -> Any:
        """An input by path, `networkConfiguration.assignPublicIp`; `default` when it is not given.

        Raises:
            NotKnown: the input is given, and only a deployment knows it.
        """
        value: Any = self.inputs
        for key in path.split("."):
            if isinstance(value, _Hidden):
                break
            if isinstance(value, Sequence) and not isinstance(value, str):  # bridged providers make one-item lists
                value = value[0] if value else None
            if not isinstance(value, Mapping):
                return default
            value = value.get(key)
        if isinstance(value, _Hidden):
            raise NotKnown(f"{path} is known only after a deployment")
        return default if value is None else value

    def need(self, path: str) -> Any:
        """An input that must be there."""
        value = self.get(path)
        if value is None:
            raise NotKnown(f"{path} is not given")
        return value


def from_plan(plan: Plan, regions: Optional[Regions] = None) -> list[Resource]:
    """The resources of a program planned in this process."""
    given = {"aws": plan.region, **(regions or {})}
    return [
        resource_of(
            urn=each.urn,
            type_=each.type,
            inputs=_plain(each.inputs),
            outputs={},
            links={key: tuple(source.urn for source in sources) for key, sources in each.property_dependencies.items()},
            provider_inputs=_plain(each.provider.inputs) if each.provider else {},
            regions=given,
        )
        for each in plan.resources
        if each.custom and not each.read and not each.type.startswith(("pulumi:", _PROVIDERS))
    ]


def from_file(
    path: Path, kind: Literal["preview", "state"] | None = None, regions: Regions | None = None
) -> list[Resource]:
    """The resources of a file of `pulumi preview --json` or `pulumi stack export`; without `kind`, either.

    Raises:
        InputError: it cannot be read, is not such a file, or leaves resources out.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    found = _kind(document)
    if found is None or (kind is not None and kind != found):
        commands = {"preview": "pulumi preview --json", "state": "pulumi stack export"}
        wanted = commands[kind] if kind else "` or `".join(commands.values())
        what = f"the output of `{commands[found]}`" if found else "something else"
        raise InputError(f"{path} must be the output of `{wanted}`, and is {what}")
    try:
        return (from_preview if found == "preview" else from_state)(document, regions)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not shaped as Pulumi writes it ({type(error).__name__}: {error})") from None


def from_preview(document: Mapping[str, Any], regions: Optional[Regions] = None) -> list[Resource]:
    """The resources there will be after a previewed update.

    Raises:
        InputError: unchanged resources are left out of it.
    """
    steps = document["steps"]
    same = document.get("changeSummary", {}).get("same", 0) - sum(step["op"] == "same" for step in steps)
    if same > 0:
        raise InputError(f"{same} unchanged resources are left out; run `pulumi preview --json --show-sames`")
    states: dict[str, Mapping[str, Any]] = {}
    for step in steps:  # a replacement is several steps of one URN
        if step["op"] not in _GONE and step.get("newState"):
            states[step["urn"]] = step["newState"]
    configuration = document.get("config") or {}
    return _from_states(states.values(), _configured(configuration) | dict(regions or {}))


def from_state(document: Mapping[str, Any], regions: Optional[Regions] = None) -> list[Resource]:
    """The resources of a deployed stack."""
    states = document["deployment"].get("resources") or []
    alive = [state for state in states if not state.get("delete") and not state.get("pendingReplacement")]
    return _from_states(alive, regions or {})


def _kind(document: Any) -> Literal["preview", "state", None]:
    if isinstance(document, Mapping):
        if isinstance(document.get("deployment"), Mapping):
            return "state"
        if isinstance(document.get("steps"), list):
            return "preview"
    return None


def _from_states(states: Iterable[Mapping[str, Any]], regions: Regions) -> list[Resource]:
    ordered = list(states)
    providers = {
        state["urn"]: _revealed(state.get("inputs") or {}) for state in ordered if state["type"].startswith(_PROVIDERS)
    }
    return [
        resource_of(
            urn=state["urn"],
            type_=state["type"],
            inputs=_revealed(state.get("inputs") or {}),
            outputs=_revealed(state.get("outputs") or {}),
            links={key: tuple(urns or ()) for key, urns in (state.get("propertyDependencies") or {}).items()},
            provider_inputs=providers.get(state.get("provider", "").rpartition("::")[0], {}),
            regions=regions,
        )
        for state in ordered
        if state.get("custom", True) and not state.get("external") and not state["type"].startswith("pulumi:")
    ]


def resource_of(
    *,
    urn: str,
    type_: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    links: Mapping[str, tuple[str, ...]],
    provider_inputs: Mapping[str, Any],
    regions: Regions,
) -> Resource:
    """A resource from its parts; `outputs` and `regions` are only asked for its region."""
    provider = type_.partition(":")[0]
    return Resource(
        urn=urn,
        type=type_,
        name=urn.rpartition("::")[2],
        provider=provider,
        region=_region(inputs, outputs, provider_inputs, regions.get(provider, "")),
        inputs=inputs,
        links={key: urns for key, urns in links.items() if urns},
    )


def _region(
    inputs: Mapping[str, Any], outputs: Mapping[str, Any], provider_inputs: Mapping[str, Any], default: str
) -> str:
    """What the resource says, else its provider, else what its id says, else the stack's."""
    for values, keys in (
        (inputs, ("region", "location")),
        (provider_inputs, ("region",)),
        (outputs, ("region", "location")),
    ):
        for key in keys:
            if isinstance(value := values.get(key), str):
                return value.lower()
    for value in (inputs.get("zone"), provider_inputs.get("zone")):
        if isinstance(value, str) and (match := _ZONE.fullmatch(value)):
            return match[1]
    arn = outputs.get("arn")
    match = _ARN_REGION.match(arn) if isinstance(arn, str) else None
    return match[1] if match else default


def _configured(configuration: Mapping[str, Any]) -> dict[str, str]:
    regions = {key.partition(":")[0]: value for key, value in configuration.items() if key.endswith(":region")}
    return {provider: value for provider, value in regions.items() if isinstance(value, str)}


def _plain(value: Any) -> Any:
    """Values of a plan as data."""
    if isinstance(value, (Unknown, Secret)):
        return HIDDEN
    if isinstance(value, PlannedResource):
        return value.urn
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return Decimal(str(value)) if isinstance(value, float) else value


def _revealed(value: Any) -> Any:
    """Values of the engine's JSON as data."""
    if isinstance(value, str):
        return HIDDEN if UNKNOWN_TEXT.search(value) or value == "[secret]" else value
    if isinstance(value, Mapping):
        if _SECRET_KEY in value:
            return HIDDEN
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_revealed(item) for item in value]
    return Decimal(str(value)) if isinstance(value, float) else value


def check_region(region: str, known: Iterable[str], option: str = "--region") -> None:
    """Refuse a region that no price table has.

    Raises:
        InputError: names the nearest region.
    """
    regions = sorted(set(known) - {"*"})
    if region not in regions:
        raise InputError(f"{option} {region!r}: no prices there{nearest(region, regions)}; known: {', '.join(regions)}")
