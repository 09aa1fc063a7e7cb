"""What a resource type is (one row of a table), and the generic engine that runs every row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pulumi_fastapi.emulator.api import ACCOUNT_ID, Api, ApiError
from pulumi_fastapi.emulator.mapping import (
    Fields,
    Mapper,
    Problem,
    Request,
    dig,
    match_member,
    reconcile,
    text_of,
    validate,
)
from pulumi_fastapi.emulator.schema import Schema, schema_of, words
from pulumi_fastapi.emulator.tagging import TAGGING, Tagging, pairs_of, tags_of
from pulumi_fastapi.emulator.values import UNKNOWN, Properties, has_unknown, same, scalar_text

DEFAULTED = "__defaults"
_INTERNAL = frozenset({DEFAULTED, "tagsAll"})
_NEVER_SENT = frozenset({"tags", "tagsAll", "region", "namePrefix", "identifierPrefix", "bucketPrefix", DEFAULTED})
EVERYTHING: Literal["*"] = "*"


@dataclass
class Context:
    """One operation on one resource: what a row's functions see."""

    api: Api
    type: "ResourceType"
    region: str
    default_tags: Mapping[str, str]
    name: str
    """Logical name in the program."""
    inputs: Properties
    """The program's values, defaults filled in, without `tagsAll`."""
    id: str = ""
    old: Properties = field(default_factory=dict)
    """Outputs before an update; empty on create."""
    old_inputs: Properties = field(default_factory=dict)
    created: Properties = field(default_factory=dict)
    """The create operation's answer."""
    live: Properties = field(default_factory=dict)
    """The resource as AWS describes it."""
    validating: bool = False
    """Only the form of a request matters: there may be nothing yet to ask AWS about."""
    calls: int = 0
    """Calls that have gone through."""

    def call(self, operation: str, /, **params: Any) -> Properties:
        """Call the type's own service."""
        return self.call_service(self.type.service, operation, **params)

    def call_service(self, called_service: str, operation: str, /, **params: Any) -> Properties:
        answer = self.api.call(called_service, operation, params, self.region, self.name)
        self.calls += 1
        return answer

    def look_up(self, operation: str, /, **params: Any) -> Properties:
        """Ask something the program did not: never faulted, never counted as a call."""
        return self.api.look_up(self.type.service, operation, params, self.region)

    def changed(self, *names: str) -> bool:
        """Whether any of these inputs differs from what AWS has (on create: whether any is given)."""
        return any(not same(self.old.get(name), self.inputs.get(name)) for name in names)

    def arn(self, resource: str, service: str | None = None) -> str:
        return f"arn:aws:{service or self.type.service}:{self.region}:{ACCOUNT_ID}:{resource}"

    @property
    def all_tags(self) -> dict[str, str]:
        return {**self.default_tags, **(self.inputs.get("tags") or {})}


Function = Callable[[Context], Any]


@dataclass(frozen=True)
class Read:
    """How to find the resource again. `select` is a path into the answer or a function of it."""

    operation: str
    request: Callable[[Context], Mapping[str, Any]]
    select: str | Callable[[Context, Properties], Properties | None] = ""
    gone: Callable[[Properties], bool] | None = None


@dataclass(frozen=True)
class Call:
    operation: str
    request: Callable[[Context], Mapping[str, Any]]


@dataclass(frozen=True)
class AutoName:
    """The input that gets a name when the program gives none."""

    input: str = "name"
    max_length: int = 255
    lower: bool = False
    prefix: str = ""
    separator: str = "-"
    suffix: str = ""


class Step(Protocol):
    """A part of the configuration that has an API call of its own, made after creation and whenever it changes."""

    @property
    def properties(self) -> Sequence[str]: ...

    @property
    def updates_only(self) -> bool:
        """The create operation takes these inputs itself."""
        ...

    def apply(self, context: Context, creating: bool) -> None: ...

    def read(self, context: Context) -> Properties:
        """The live values of the inputs it applies, as far as the main read does not tell them."""
        ...


@dataclass(frozen=True)
class Calls:
    """A step that is some calls: each with its request, or None when there is nothing to send."""

    properties: Sequence[str]
    calls: Callable[[Context, bool], Iterable[tuple[str, Mapping[str, Any]]]]
    reader: Callable[[Context], Properties] | None = None
    always: bool = False
    """Make the calls after every creation, whether or not an input is given."""
    updates_only: bool = False

    def apply(self, context: Context, creating: bool) -> None:
        if creating and self.updates_only:
            return
        given = self.always or any(context.inputs.get(name) is not None for name in self.properties)
        if given if creating else context.changed(*self.properties):
            for operation, request in self.calls(context, creating):
                context.call(operation, **request)

    def read(self, context: Context) -> Properties:
        return self.reader(context) if self.reader is not None else {}


@dataclass(frozen=True)
class OneByOne:
    """Attributes that an operation takes one per call (`ModifyVpcAttribute`)."""

    operation: str
    key: str
    members: Mapping[str, str]
    wrapped: bool = True
    reader: Callable[[Context], Properties] | None = None
    updates_only: bool = False

    @property
    def properties(self) -> Sequence[str]:
        return tuple(self.members)

    def apply(self, context: Context, creating: bool) -> None:
        for name, member in self.members.items():
            value = context.inputs.get(name)
            if context.changed(name) and value is not None and not (creating and value is False):
                sent = {"Value": value} if self.wrapped else value
                context.call(self.operation, **{self.key: context.id, member: sent})

    def read(self, context: Context) -> Properties:
        return self.reader(context) if self.reader is not None else {}


@dataclass(frozen=True)
class KeyValueAttributes:
    """Settings that travel as a list of key and value (load balancers and target groups)."""

    write: str
    describe: str
    key: str
    names: Mapping[str, str]
    """Input, or `object.member` of an object input, to attribute key."""
    updates_only: bool = False
    applies: Callable[[Context, str], bool] = lambda _context, _name: True
    """Whether this kind of resource has the input at all."""

    @property
    def properties(self) -> Sequence[str]:
        return tuple(dict.fromkeys(name.split(".")[0] for name in self.names))

    def apply(self, context: Context, creating: bool) -> None:
        attributes = [
            {"Key": key, "Value": scalar_text(value)}
            for name, key in self.names.items()
            if (value := dig(context.inputs, name)) is not None
            and (creating or not same(value, dig(context.old, name)))
            and self.applies(context, name)
        ]
        if attributes:
            context.call(self.write, **{self.key: context.id, "Attributes": attributes})

    def read(self, context: Context) -> Properties:
        answer = context.look_up(self.describe, **{self.key: context.id})
        live = {item["Key"]: item["Value"] for item in answer["Attributes"]}
        found: Properties = {}
        for name, key in self.names.items():
            if key in live:
                top, _, nested = name.partition(".")
                if nested:
                    found.setdefault(top, {})[nested] = live[key]
                else:
                    found[top] = live[key]
        return found


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One row of the table: everything about a type that the generic engine cannot find out by itself."""

    pulumi_type: str
    service: str
    """botocore's name of the service."""
    create: str
    id: str | Callable[[Context], str]
    """Path into the create operation's answer, or a function."""
    read: Read
    delete: Call | None
    """None: the resource ends with its owner, there is no call for it."""
    update: str | None = None
    """Operation that takes the same inputs as create."""
    update_key: Callable[[Context], Mapping[str, Any]] | None = None
    """Members that identify the resource in `update`, when the inputs do not."""
    fields: Fields = field(default_factory=dict)
    """Inputs whose member is not found by name; None for those never sent."""
    added: Callable[[Context], Mapping[str, Any]] | None = None
    """Members of the create and update requests that are no inputs."""
    request: Callable[[Context], Mapping[str, Any]] | None = None
    """The whole request, for the few operations that name matching cannot build."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    autoname: AutoName | None = None
    replace_on: frozenset[str] | Literal["*"] = frozenset()
    keep_on: frozenset[str] = frozenset()
    """Inputs that never replace although `replace_on` is everything."""
    delete_before_replace: bool = False
    steps: Sequence[Step] = ()
    outputs: Mapping[str, str | Function] = field(default_factory=dict)
    """Computed outputs: a path into the live answer or a function; others are found by name."""
    secret_outputs: frozenset[str] = frozenset()
    extended: frozenset[str] = frozenset()
    """Object inputs that get members of AWS's own: as outputs they are only known once the resource is there."""
    tag_type: str | None = None
    """EC2's resource type in tag specifications, when it is not the type's name in kebab case."""
    tags_after_create: bool = False
    """The create operation cannot tag."""
    not_read: frozenset[str] = frozenset()
    """Inputs AWS does not tell or tells in another form: kept as the program wrote them."""
    filled_in: frozenset[str] = frozenset()
    """Inputs for which AWS chooses a value when the program gives none: no import takes them for the program's own."""
    kept_by: str | None = None
    """Input that makes the resource outlive its deletion from the program (`skipDestroy`)."""
    before_delete: Callable[[Context], None] | None = None
    after_update: Callable[[Context], None] | None = None
    """Waiters: what has to hold before creation or update counts as done."""
    import_id: Callable[[Context], None] | None = None
    """Set `context.id` and the inputs that `read` needs from an import ID."""
    volatile: Callable[[Properties, Properties], Iterable[str]] | None = None
    """Outputs that an update from these outputs to these inputs will change."""
    nouns: tuple[str, ...] = ()
    """Further prefixes of API members (`DBInstance` for an RDS instance)."""
    tagging: Tagging | None = None
    """Tag operations of its own, where the service's usual ones do not apply."""

    @property
    def schema(self) -> Schema:
        return schema_of(self.pulumi_type)

    @property
    def mapper(self) -> Mapper:
        parts = words(self.pulumi_type.rsplit(":", 1)[1])
        tails = tuple("".join(parts[start:]) for start in range(len(parts)))
        return Mapper(self.fields, (*self.nouns, *tails))

    @property
    def step_properties(self) -> frozenset[str]:
        """Inputs that steps apply, on updates at least."""
        return frozenset(name for step in self.steps for name in step.properties)

    @property
    def late_properties(self) -> frozenset[str]:
        """Inputs that the create operation does not take."""
        return frozenset(name for step in self.steps if not step.updates_only for name in step.properties)

    def sent_inputs(self, inputs: Mapping[str, Any]) -> Properties:
        apart = _NEVER_SENT | self.late_properties
        return {name: value for name, value in inputs.items() if name not in apart}


class InitFailed(Exception):
    """The resource exists, but something after its creation (or part of its update) failed."""

    def __init__(self, id: str, properties: Properties, inputs: Properties, reason: str) -> None:
        super().__init__(reason)
        self.id = id
        self.properties = properties
        self.inputs = inputs


# ---------------------------------------------------------------------------------------------------------- operations
def build_request(
    context: Context, operation: str, *, ignore_unmatched: bool = False
) -> tuple[Properties, list[Problem]]:
    """The request for an operation from the resource's inputs, and what is wrong with it."""
    row = context.type
    shape = context.api.input_shape(row.service, operation)
    if row.request is not None:
        return dict(row.request(context)), []
    request = row.mapper.request(shape, row.sent_inputs(context.inputs), ignore_unmatched=ignore_unmatched)
    if row.added is not None:
        request.params = _with_added(request.params, row.added(context))
    if operation != row.create and row.update_key is not None:
        request.params.update(row.update_key(context))
    if operation == row.create and not row.tags_after_create:
        request.params.update(_tag_members(context, shape))
    return request.params, [*request.problems, *validate(shape, request)]


def _with_added(params: Properties, added: Mapping[str, Any]) -> Properties:
    for member, value in added.items():
        within = params.get(member)
        if isinstance(within, dict) and isinstance(value, dict):
            _with_added(within, value)
        else:
            params[member] = value
    return params


def _tag_members(context: Context, shape: Any) -> Properties:
    tags = context.all_tags
    if not tags or "tags" not in context.type.schema.inputs or has_unknown(tags):
        return {}
    if "TagSpecifications" in shape.members and "Tags" not in shape.members:
        kind = context.type.tag_type or "-".join(words(context.type.pulumi_type.rsplit(":", 1)[1])).lower()
        return {"TagSpecifications": [{"ResourceType": kind, "Tags": pairs_of(tags)}]}
    member = match_member("tags", tuple(shape.members))
    if member is None:
        return {}
    tag_shape = shape.members[member]
    return {member: tags if tag_shape.type_name == "map" else pairs_of(tags, *list(tag_shape.member.members)[:2])}


def fetch(context: Context) -> Properties | None:
    """The resource as AWS describes it, or None when it is gone."""
    read = context.type.read
    try:
        answer = context.api.call(
            context.type.service, read.operation, dict(read.request(context)), context.region, context.name
        )
    except ApiError as error:
        if error.not_found:
            return None
        raise
    found = read.select(context, answer) if callable(read.select) else dig(answer, read.select)
    if not found or (read.gone is not None and read.gone(found)):
        return None
    return dict(found)


def create(context: Context) -> Properties:
    """Create the resource; sets `context.id` and returns its outputs."""
    row = context.type
    params, problems = build_request(context, row.create)
    if problems:
        raise ValueError("; ".join(f"{problem.path}: {problem.message}" for problem in problems))
    context.created = context.call(row.create, **params)
    context.id = row.id(context) if callable(row.id) else str(dig(context.created, row.id))
    done: set[str] = set()
    try:
        if row.tags_after_create and context.all_tags:
            _write_tags(context, {}, context.all_tags)
        for step in row.steps:
            step.apply(context, creating=True)
            done.update(step.properties)
        if row.after_update is not None:
            row.after_update(context)
        return settle(context)
    except ApiError as error:
        # Only what was really applied: the next update compares with it and makes up for the rest.
        missing = row.late_properties - done
        applied = {name: value for name, value in context.inputs.items() if name not in missing}
        raise InitFailed(context.id, applied, applied, str(error)) from None


def update(context: Context) -> Properties:
    row = context.type
    before = context.calls
    try:
        if _differs_in(context, row.sent_inputs(context.inputs).keys() | row.sent_inputs(context.old_inputs).keys()):
            _update_main(context)
        for step in row.steps:
            if context.changed(*step.properties):
                step.apply(context, creating=False)
        if "tags" in row.schema.inputs:
            _write_tags(context, context.old.get("tagsAll") or {}, context.all_tags)
        if row.after_update is not None:
            row.after_update(context)
        return settle(context)
    except ApiError as error:
        if context.calls == before:
            raise
        outputs, inputs = read_back(context, context.old_inputs)
        raise InitFailed(context.id, outputs, inputs, str(error)) from None


def _differs_in(context: Context, names: Iterable[str]) -> bool:
    return any(context.changed(name) for name in names if name not in context.type.step_properties)


def _update_main(context: Context) -> None:
    row = context.type
    if row.update is None:
        return
    params, problems = build_request(context, row.update, ignore_unmatched=True)
    if problems:
        raise ValueError("; ".join(f"{problem.path}: {problem.message}" for problem in problems))
    context.call(row.update, **params)


def _write_tags(context: Context, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    tagging = context.type.tagging or TAGGING.get(context.type.service)
    changed = {key: value for key, value in new.items() if old.get(key) != value}
    removed = [key for key in old if key not in new]
    if tagging is None or not (changed or removed):
        return
    arn = str(context.old.get("arn") or _arn_output(context) or context.id)
    for operation, params in tagging.write(arn, context.id, changed, removed, dict(new)):
        context.call(operation, **params)


def _arn_output(context: Context) -> Any:
    source = context.type.outputs.get("arn")
    if source is None:
        return None
    if not context.live:
        context.live = fetch(context) or {}
    return source(context) if callable(source) else dig(context.live, source)


def delete(context: Context) -> None:
    row = context.type
    if row.kept_by is not None and context.inputs.get(row.kept_by):
        return
    try:
        if row.before_delete is not None:
            row.before_delete(context)
        if row.delete is not None:
            context.call(row.delete.operation, **row.delete.request(context))
    except ApiError as error:
        if not error.not_found:
            raise


def settle(context: Context) -> Properties:
    """The outputs after a create or update: the inputs as given plus everything AWS computed."""
    live = fetch(context)
    if live is None:
        raise ApiError(context.type.service, context.type.read.operation, "NotFound", f"{context.id} is gone")
    context.live = live
    return outputs_of(context, context.inputs)


def outputs_of(context: Context, inputs: Properties) -> Properties:
    row = context.type
    outputs = {name: value for name, value in inputs.items() if name not in _INTERNAL}
    nouns = row.mapper.nouns
    for name in row.schema.outputs - outputs.keys() - row.outputs.keys() - {"tagsAll", "region"}:
        member = match_member(name, tuple(context.live), nouns)
        value = context.live[member] if member is not None else None
        if value is not None and not isinstance(value, (dict, list, tuple)):
            outputs[name] = value if isinstance(value, (bool, int, float)) else text_of(value)
    for name, source in row.outputs.items():
        value = source(context) if callable(source) else dig(context.live, source)
        if value is not None:
            outputs[name] = value if isinstance(value, (bool, int, float, list, dict)) else text_of(value)
    if "region" in row.schema.outputs:
        outputs["region"] = inputs.get("region") or context.region
    if "tagsAll" in row.schema.outputs:
        outputs["tagsAll"] = context.all_tags if inputs is context.inputs else _all_tags(context, inputs)
    return outputs


def _all_tags(context: Context, inputs: Properties) -> dict[str, str]:
    return {**context.default_tags, **(inputs.get("tags") or {})}


def read_back(context: Context, old_inputs: Properties | None) -> tuple[Properties, Properties]:
    """Outputs and inputs as AWS has them now: in the shape of the old inputs, or all of them for an import."""
    row = context.type
    context.live = context.live or fetch(context) or {}
    live = row.mapper.inputs_from(row.schema.inputs, context.live)
    for step in row.steps:
        live.update({name: value for name, value in step.read(context).items() if name in row.schema.inputs})
    inputs = _imported(context, live) if old_inputs is None else _refreshed(context, live, old_inputs)
    _read_tags(context, inputs)
    outputs = outputs_of(context, inputs)
    if "tagsAll" in row.schema.outputs:
        inputs["tagsAll"] = outputs["tagsAll"]
    return outputs, inputs


def _imported(context: Context, live: Properties) -> Properties:
    inputs = {**context.type.defaults, **context.inputs}
    for name, value in live.items():
        declared = context.type.schema.inputs[name].type
        if value not in ("", [], {}) and name not in context.type.filled_in | {"tags", "region"}:
            inputs[name] = _typed(declared.kind, value)
    return inputs


def _refreshed(context: Context, live: Properties, old_inputs: Properties) -> Properties:
    row = context.type
    inputs: Properties = {}
    for name, old in old_inputs.items():
        declared = row.schema.inputs.get(name)
        if declared is None or name in ("tags", "region") or name in row.not_read or has_unknown(old):
            inputs[name] = old
            continue
        refreshed = reconcile(old, live.get(name), declared.type)
        inputs[name] = refreshed if refreshed is old else _typed(declared.type.kind, refreshed)
    return inputs


def _typed(kind: str, value: Any) -> Any:
    """Attribute APIs tell numbers and booleans as text."""
    if kind == "number" and isinstance(value, str):
        return float(value)
    if kind == "boolean" and isinstance(value, str):
        return value == "true"
    return value


def _read_tags(context: Context, inputs: Properties) -> None:
    if "tags" not in context.type.schema.inputs:
        return
    live = _live_tags(context)
    if live is None:
        return
    given = inputs.get("tags") or {}
    own = {
        key: value
        for key, value in live.items()
        if not key.startswith("aws:") and (key in given or context.default_tags.get(key) != value)
    }
    if own or "tags" in inputs:
        inputs["tags"] = own


def _live_tags(context: Context) -> dict[str, str] | None:
    for member in ("Tags", "tags", "TagList"):
        if isinstance(context.live.get(member), (list, dict)):
            return tags_of(context.live[member])
    tagging = context.type.tagging or TAGGING.get(context.type.service)
    if tagging is None or tagging.list_operation is None:
        return None
    arn = str(_arn_output(context) or context.id)
    try:
        answer = context.look_up(tagging.list_operation, **tagging.list_request(arn, context.id))
    except ApiError as error:
        if error.not_found:  # S3 answers NoSuchTagSet for a bucket without tags
            return {}
        raise
    return tags_of(dig(answer, tagging.list_path) or [])


def preview_update(row: ResourceType, old: Properties, news: Properties) -> Properties:
    """Outputs as far as they are known before an update."""
    outputs = {**old, **{name: value for name, value in news.items() if name not in _INTERNAL - {"tagsAll"}}}
    for name in old.keys() & row.schema.inputs.keys() - news.keys():
        del outputs[name]
    for name in row.volatile(old, news) if row.volatile is not None else ():
        outputs[name] = UNKNOWN
    return outputs


def validate_own(context: Context, params: Properties) -> list[Problem]:
    """Problems of a request the row built itself, laid at the inputs that resemble the members by name."""
    row = context.type
    names = tuple(row.schema.inputs)
    problems = []
    for problem in validate(context.api.input_shape(row.service, row.create), Request(params=params)):
        parts = [part for part in problem.path.replace("[", ".").replace("]", "").split(".") if not part.isdigit()]
        known = [match_member(part, names) for part in parts]
        problems.append(Problem(next((name for name in known if name), problem.path), problem.message))
    return problems
