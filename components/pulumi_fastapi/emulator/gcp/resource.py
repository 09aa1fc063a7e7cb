"""What a Google resource type is (one row of the table), and the generic engine that runs every row.

It does what the real provider does with a resource, call by call, as far as a program can tell the difference:
an update compares with the *state*, makes no call when nothing differs, and after a failed one the state holds the
wanted inputs with the old outputs. That is how a service can be broken and the next `up` green.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any, Literal

from pulumi_fastapi.emulator.gcp.cloud import GoogleCloud
from pulumi_fastapi.emulator.gcp.discovery import Method, understand
from pulumi_fastapi.emulator.gcp.errors import GoogleError, OperationFailed
from pulumi_fastapi.emulator.gcp.rules import violated_rules
from pulumi_fastapi.emulator.gcp.validation import violations
from pulumi_fastapi.emulator.mapping import Fields, Mapper, Problem, Request, dig, match_member, reconcile
from pulumi_fastapi.emulator.resource import DEFAULTED, AutoName, InitFailed
from pulumi_fastapi.emulator.schema import Schema, schema_of
from pulumi_fastapi.emulator.shapes import shape_problems
from pulumi_fastapi.emulator.values import Properties, has_unknown, same

_OF_THE_PROVIDER = frozenset({"project", "deletionPolicy", "deletionProtection", DEFAULTED})
"""Inputs that no API ever sees."""
_LABEL_OUTPUTS = frozenset({"effectiveLabels", "pulumiLabels"})
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass
class Context:
    """One operation on one resource: what a row's functions see."""

    cloud: GoogleCloud
    type: "ResourceType"
    project: str | None
    region: str | None
    name: str
    """Logical name in the program."""
    inputs: Properties
    """The program's values, defaults filled in."""
    id: str = ""
    old: Properties = field(default_factory=dict)
    """Outputs before an update; empty on create."""
    old_inputs: Properties = field(default_factory=dict)
    live: Properties = field(default_factory=dict)
    """The resource as Google describes it."""
    default_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def places(self) -> dict[str, Any]:
        """What the URLs of a type are filled with: inputs, and what the provider's configuration adds."""
        known = {**self.live, "project": self.project, **self.old, **self.inputs, "id": self.id}
        for name in ("region", "location"):
            place = known.get(name) or self.region
            if name in self.type.schema.inputs and place:
                known[name] = str(place).rpartition("/")[2]  # Compute answers with the URL of a region
        return known

    def url(self, template: str) -> str:
        """An API's URL; a ValueError that names the place which nothing fills."""

        def fill(found: re.Match[str]) -> str:
            value = self.places.get(found[1])
            if value is None:
                raise ValueError(f"{found[1]}: required field is not set: give it, or set gcp:{found[1]}")
            return str(value)

        return "https://" + _PLACE.sub(fill, template)

    @property
    def self_url(self) -> str:
        return self.url(self.type.self_template)

    def call(self, verb: str, url: str, body: Any = None) -> Properties:
        """Make a request and wait for the operation that it may begin."""
        answer = self.cloud.call(verb, url, body, self.name)
        request = understand(verb, url)
        assert request is not None
        if request.method.long_running:
            return self.cloud.wait(answer, request.method.api, self.name)
        return answer

    def changed(self, *names: str) -> bool:
        """Whether any of these inputs differs from the state (on create: whether any is given)."""
        return any(not same(self.old.get(name), self.inputs.get(name)) for name in names)


Function = Callable[[Context], Any]
Update = Callable[[Context, Properties, frozenset[str]], None]
"""Send an update: the whole body, and which of its members differ from the state."""


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One row of the table: everything about a type that the API documents do not say."""

    pulumi_type: str
    collection: str
    """URL of the collection it lives in, with inputs in braces: `run.googleapis.com/v2/projects/{project}/...`."""
    key: str | None = "name"
    """The input that is the last part of its name; None when the API chooses it."""
    id_parameter: str | None = None
    """Query parameter in which a create gets the key (`serviceId`)."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """Inputs in its URL that are paths themselves, each with an example."""
    self_url: str | None = None
    """Its URL, where that is not collection and key."""
    create_url: str | None = None
    """Where it is created, if that is not the collection."""
    id: str | Function | None = None
    """Pulumi's ID, when it is not the resource's path; `live.x` is a member of what the API answers."""
    fields: Fields = field(default_factory=dict)
    """Inputs whose member is not found by name; None for those never sent."""
    added: Mapping[str, Any] = field(default_factory=dict)
    """Members of every body that are no inputs."""
    body: Callable[[Context], Properties] | None = None
    """The whole body, for the few that name matching cannot build."""
    not_sent: frozenset[str] = frozenset()
    """Inputs that only travel in the URL, or only steer the provider."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    autoname: AutoName | None = None
    replace_on: frozenset[str] | Literal["*"] = frozenset()
    """Inputs, or paths into them, that replace the resource."""
    keep_on: frozenset[str] = frozenset()
    """Inputs that do not although `replace_on` is everything."""
    replaces: Callable[[Properties, Properties], Iterable[str]] | None = None
    """Further inputs that replace it, by state and new inputs."""
    delete_before_replace: bool = False
    update: Update | None = None
    sticky: frozenset[str] = frozenset()
    """Inputs that a program may stop to give without anything changing: the last value is sent on."""
    outputs: Mapping[str, str | Function] = field(default_factory=dict)
    """Computed outputs: a path into the live answer or a function; others are found by name."""
    secret_outputs: frozenset[str] = frozenset()
    not_read: frozenset[str] = frozenset()
    """Inputs that the API does not tell."""
    tells: Mapping[str, Function] = field(default_factory=dict)
    """Inputs as the live resource tells them, where no member does."""
    tainted: bool = False
    """A create that failed half-way leaves the resource in the state."""
    after_create: Callable[[Context], None] | None = None
    """Calls that follow the creation."""
    before_delete: Callable[[Context], None] | None = None
    protected: bool | None = None
    """What `deletionProtection` is by default; None when the type has none."""
    creator: Callable[[Context], None] | None = None
    reader: Callable[[Context], Properties | None] | None = None
    deleter: Callable[[Context], None] | None = None
    """Instead of a POST to the collection, a GET and a DELETE of the resource itself."""

    @property
    def schema(self) -> Schema:
        return schema_of(self.pulumi_type)

    @property
    def mapper(self) -> Mapper:
        return Mapper(self.fields)

    @property
    def self_template(self) -> str:
        return self.self_url or f"{self.collection}/{{{self.key}}}"

    @property
    def all_secret_outputs(self) -> frozenset[str]:
        return self.secret_outputs | _LABEL_OUTPUTS

    def create_template(self) -> str:
        template = self.create_url or self.collection
        return f"{template}?{self.id_parameter}={{{self.key}}}" if self.id_parameter else template

    @property
    def create_method(self) -> Method:
        """The method that creates it: from the URL alone."""
        url = _PLACE.sub(lambda found: self.paths.get(found[1], "x"), self.create_template())
        request = understand("POST", f"https://{url}")
        assert request is not None, self.pulumi_type
        return request.method


# ---------------------------------------------------------------------------------------------------------- validation
def problems(context: Context) -> list[Problem]:
    """What Google would refuse, at the Pulumi properties that cause it."""
    found = list(shape_problems(context.type.schema.inputs, context.inputs))
    own = context.type.creator is not None or (context.type.body is not None and has_unknown(context.inputs))
    if found or own:
        return found
    request = build_body(context)
    found += request.problems
    shape = context.type.create_method.body
    if shape is not None:
        key = context.inputs.get(context.type.key or "")
        id = key if isinstance(key, str) else None
        wrong = [
            *violations(shape, request.params),
            *violated_rules(context.type.create_method.api, shape, request.params, id),
        ]
        found += [Problem(request.pulumi_path(path), message) for path, message in wrong]
    return list({(each.path, each.message): each for each in found}.values())


def build_body(context: Context, inputs: Properties | None = None) -> Request:
    """The body of a create or update from the inputs, and what is wrong with it."""
    row = context.type
    inputs = context.inputs if inputs is None else inputs
    shape = row.create_method.body
    if shape is None:
        return Request()
    if row.body is not None:
        try:
            return Request(params={**row.body(replace(context, inputs=inputs)), **row.added})
        except ValueError as error:
            return Request(problems=[Problem(next(iter(row.fields), ""), str(error))])
    kept_back = _OF_THE_PROVIDER | row.not_sent | ({row.key} if row.id_parameter else set())
    sent = {name: value for name, value in inputs.items() if name not in kept_back}
    if "region" in row.schema.inputs and "{region}" not in row.collection and sent.get("region") is None:
        sent["region"] = context.region  # no URL says it
    labels = labels_of(context, inputs)
    if labels and not has_unknown(labels):
        sent["labels"] = labels
    request = row.mapper.request(shape, sent)
    request.params.update(row.added)
    return request


def labels_of(context: Context, inputs: Properties) -> Properties:
    """The labels of a resource that takes any: those of the provider's configuration and its own."""
    given = inputs.get("labels")
    if "effectiveLabels" not in context.type.schema.outputs or not isinstance(given, (dict, NoneType)):
        return {}
    return {**context.default_labels, **(given or {})}


# ---------------------------------------------------------------------------------------------------------- operations
def create(context: Context) -> Properties:
    """Create the resource; sets `context.id` and returns its outputs."""
    row = context.type
    noun = row.pulumi_type.rsplit(":", 1)[1]
    try:
        if row.creator is not None:
            row.creator(context)
        else:
            context.live = context.call("POST", context.url(row.create_template()), build_body(context).params)
    except OperationFailed as failure:
        reason = f"Error waiting to create {noun}: {failure}"
        if not row.tainted:
            raise ValueError(reason) from None
        context.id = identify(context)
        given = {name: value for name, value in context.inputs.items() if name != DEFAULTED}
        raise InitFailed(context.id, given, context.inputs, reason) from None
    except GoogleError as error:
        raise ValueError(f"Error creating {noun}: {error}") from None
    context.id = identify(context)
    if row.after_create is not None:
        row.after_create(context)
    return settle(context)


def identify(context: Context) -> str:
    row = context.type
    if callable(row.id):
        return str(row.id(context))
    if row.id is not None and row.id.startswith("live."):
        return str(dig(context.live, row.id.removeprefix("live.")))
    if row.id is not None:
        return _PLACE.sub(lambda found: str(context.places[found[1]]), row.id)
    request = understand("GET", context.self_url)
    assert request is not None
    return request.path


def update(context: Context) -> Properties:
    """Bring the resource to the new inputs; nothing is called when the state has them already."""
    row = context.type
    noun = row.pulumi_type.rsplit(":", 1)[1]
    given = {name: value for name, value in context.inputs.items() if name != DEFAULTED}
    kept = _sticky(context)
    body = build_body(context, {**kept, **context.inputs}).params
    compared = context.inputs.keys() | context.old_inputs.keys() | kept.keys()
    before = build_body(context, {name: value for name, value in context.old.items() if name in compared}).params
    differing = frozenset(name for name in body.keys() | before.keys() if not same(body.get(name), before.get(name)))
    if row.update is None or not differing:
        return {**context.old, **given}
    try:
        row.update(context, body, differing)
    except OperationFailed as failure:
        reason = f"Error waiting to update {noun}: {failure}"
        raise InitFailed(context.id, {**context.old, **given}, context.inputs, reason) from None
    except GoogleError as error:
        reason = f"Error updating {noun} {context.id!r}: {error}"
        raise InitFailed(context.id, {**context.old, **given}, context.inputs, reason) from None
    return settle(context)


def _sticky(context: Context) -> Properties:
    kept = context.type.sticky - context.inputs.keys()
    return {name: context.old[name] for name in kept if context.old.get(name) is not None}


def delete(context: Context) -> None:
    row = context.type
    noun = row.pulumi_type.rsplit(":", 1)[1]
    policy = context.inputs.get("deletionPolicy")
    if policy == "PREVENT" or (row.protected is not None and context.inputs.get("deletionProtection", row.protected)):
        raise ValueError(
            f"cannot destroy {noun} without setting deletion_protection=false"
            if policy != "PREVENT"
            else f"cannot destroy {noun}: its deletion_policy is PREVENT"
        )
    if policy == "ABANDON":
        return
    try:
        if row.before_delete is not None:
            row.before_delete(context)
        if row.deleter is not None:
            row.deleter(context)
        else:
            context.call("DELETE", context.self_url)
    except GoogleError as error:
        if not error.not_found:
            raise ValueError(f"Error when reading or editing {noun}: {error}") from None
    except OperationFailed as failure:
        raise ValueError(f"Error waiting to delete {noun}: {failure}") from None


def fetch(context: Context) -> Properties | None:
    """The resource as Google describes it, or None when it is gone."""
    try:
        if context.type.reader is not None:
            return context.type.reader(context)
        return context.call("GET", context.self_url)
    except GoogleError as error:
        if error.not_found:
            return None
        raise


def settle(context: Context) -> Properties:
    """The outputs after a create or update: the inputs as given plus everything Google computed."""
    live = fetch(context)
    if live is None:
        raise ValueError(f"{context.id or context.name} is gone right after it was written")
    context.live = live
    return outputs_of(context, context.inputs)


def outputs_of(context: Context, inputs: Properties) -> Properties:
    row, live = context.type, context.live
    outputs = {name: value for name, value in inputs.items() if name != DEFAULTED}
    told = row.mapper.inputs_from(row.schema.inputs, live)
    for name in row.schema.outputs - outputs.keys():
        source = row.outputs.get(name)
        if source is not None:
            outputs[name] = source(context) if callable(source) else dig(live, source)
        elif name == "project":
            outputs[name] = context.project
        elif name in ("region", "location"):
            outputs[name] = context.places.get(name)
        elif name in _LABEL_OUTPUTS:
            outputs[name] = labels_of(context, inputs)
        elif name == "effectiveAnnotations":
            outputs[name] = dict(inputs.get("annotations") or {})
        elif name in told:
            outputs[name] = told[name]
        elif name not in row.schema.inputs:
            outputs[name] = _computed(name, live)
    return {name: value for name, value in outputs.items() if value is not None}


def _computed(name: str, live: Properties) -> Any:
    member = match_member(name, tuple(live))
    if member is None:
        return None
    value = live[member]
    # An object that the provider declares as a list of at most one has a plural name of the SDK's making.
    return [value] if isinstance(value, dict) and member != name else value


def read_back(context: Context, old_inputs: Properties | None) -> tuple[Properties, Properties]:
    """Outputs and inputs as Google has them now: in the shape of the old inputs, or all of them for an import."""
    row = context.type
    told = row.mapper.inputs_from(row.schema.inputs, context.live)
    told = {name: value for name, value in told.items() if name not in row.not_read | row.not_sent | {row.key}}
    told.update({name: tell(context) for name, tell in row.tells.items()})
    if old_inputs is None:
        inputs = {**row.defaults, **context.inputs}
        inputs.update({name: value for name, value in told.items() if value not in ("", [], {})})
    else:
        if isinstance(told.get("labels"), dict):
            mine = old_inputs.get("labels") or {}
            told["labels"] = {
                key: value
                for key, value in told["labels"].items()
                if key in mine or context.default_labels.get(key) != value
            }
        inputs = {
            name: reconcile(old, told[name], row.schema.inputs[name].type)
            if name in told and not has_unknown(old)
            else old
            for name, old in old_inputs.items()
        }
    return outputs_of(context, inputs), inputs


def import_identity(context: Context) -> None:
    """Take the inputs that only the name of a resource tells from an import ID."""
    row = context.type
    template = row.id if isinstance(row.id, str) and not row.id.startswith("live.") else None
    if template is None:
        request = understand("GET", "https://" + _PLACE.sub(lambda found: f"\x00{found[1]}\x00", row.self_template))
        template = re.sub(r"\x00(\w+)\x00", r"{\1}", request.path) if request is not None else "{id}"
    pattern = _PLACE.sub(lambda found: f"(?P<{found[1]}>.+?)", re.sub(r"([.?/:])", r"\\\1", template))
    found = re.fullmatch(pattern, context.id)
    if found is None:
        raise ValueError(f"import ID {context.id!r} does not have the form {template!r}")
    told = found.groupdict()
    context.inputs.update({name: value for name, value in told.items() if name in row.schema.inputs})
    context.old.update({name: value for name, value in told.items() if name not in row.schema.inputs})


# -------------------------------------------------------------------------------------------------------------- updates
def patch_masked(context: Context, body: Properties, differing: frozenset[str]) -> None:
    """PATCH with an updateMask of what differs."""
    mask = ",".join(sorted(differing - context.type.added.keys()))
    context.call("PATCH", f"{context.self_url}?updateMask={mask}", {name: body.get(name) for name in differing})


def patch_whole(context: Context, body: Properties, differing: frozenset[str]) -> None:
    """PATCH without a mask: the body is the whole new resource."""
    context.call("PATCH", context.self_url, body)


def patch_differing(context: Context, body: Properties, differing: frozenset[str]) -> None:
    """PATCH without a mask of what differs."""
    context.call("PATCH", context.self_url, {name: body.get(name) for name in differing})


def put(context: Context, body: Properties, differing: frozenset[str]) -> None:
    """PUT the whole new resource."""
    context.call("PUT", context.self_url, body)


def set_one_by_one(methods: Mapping[str, str], at: Callable[[Context, str], str] | None = None) -> Update:
    """Members with a POST method each (`setUrlMap`)."""

    def apply(context: Context, body: Properties, differing: frozenset[str]) -> None:
        for name in sorted(differing & methods.keys()):
            url = at(context, methods[name]) if at is not None else f"{context.self_url}/{methods[name]}"
            context.call("POST", url, {name: body[name]} if name in body else {})

    return apply


def in_turn(*updates: Update) -> Update:
    def apply(context: Context, body: Properties, differing: frozenset[str]) -> None:
        for each in updates:
            each(context, body, differing)

    return apply


def only_differing(names: Sequence[str], inner: Update, *, without: bool = False) -> Update:
    """An update that is made when any of these members differs (or, `without`, when any other does)."""

    def apply(context: Context, body: Properties, differing: frozenset[str]) -> None:
        mine = differing - set(names) if without else differing & set(names)
        if mine:
            inner(context, {name: value for name, value in body.items() if not without or name not in names}, mine)

    return apply
