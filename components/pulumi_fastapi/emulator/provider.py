"""The `aws` provider the engine talks to: its protocol, and nothing about any resource type.

A raw gRPC servicer rather than `pulumi.provider.experimental`: that one cannot attach, cannot send unknown values or a
partial creation, and prints a traceback for every error.
"""

import functools
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from pulumi_fastapi.emulator import resource
from pulumi_fastapi.emulator.api import MODEL_ERROR_CODES, Api, ApiError, NotEmulated
from pulumi_fastapi.emulator.invokes import INVOKES, InvokeContext
from pulumi_fastapi.emulator.mapping import Problem
from pulumi_fastapi.emulator.resource import DEFAULTED, EVERYTHING, AutoName, Context, InitFailed, ResourceType
from pulumi_fastapi.emulator.rules import broken_rules
from pulumi_fastapi.emulator.values import (
    UNKNOWN,
    Properties,
    Secret,
    conceal,
    decode_struct,
    encode_struct,
    has_unknown,
    reveal,
    same,
)

DEFAULT_REGION = "us-east-1"
_log = logging.getLogger(__name__)
_Method = TypeVar("_Method", bound=Callable[..., Any])


@dataclass
class Configuration:
    """One provider instance of a program: the engine opens a connection for each."""

    region: str = DEFAULT_REGION
    default_tags: Mapping[str, str] = field(default_factory=dict)


def one_line_errors(method: _Method) -> _Method:
    """Turn failures into what the engine prints as exactly one line under the resource."""

    @functools.wraps(method)
    def wrapper(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except InitFailed as failure:
            _abort_partial(context, failure, self.marked(request))
        except (ApiError, NotEmulated, ValueError) as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except Exception as error:
            if not context.is_active() or type(error) is Exception:  # how grpc unwinds after an abort
                raise
            _log.exception("%s failed", method.__name__)
            context.abort(grpc.StatusCode.INTERNAL, f"fault in the emulator: {type(error).__name__}: {error}")

    return wrapper  # type: ignore[return-value]


def _abort_partial(context: grpc.ServicerContext, failure: InitFailed, marked: Properties) -> None:
    """Tell the engine that the resource exists although the operation failed."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=failure.id,
        properties=encode_struct(conceal(failure.properties, marked)),
        inputs=encode_struct(conceal(failure.inputs, marked)),
        reasons=[str(failure)],
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure))
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(failure))


def secret_marks(request: Any) -> Properties:
    """The request's properties with their secret marks, new values over old ones."""
    marked: Properties = {}
    for name in ("inputs", "properties", "olds", "news"):
        if name in request.DESCRIPTOR.fields_by_name:
            marked.update(decode_struct(getattr(request, name)))
    return marked


def type_of(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    return urn.split("::", 3)[3]


class ProviderLifeCycle(provider_pb2_grpc.ResourceProviderServicer):
    """What the engine asks of every provider before and after the resources."""

    name: str

    def __init__(self, version: str) -> None:
        self._version = version

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "no handshake needed")

    def Attach(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._version)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": self.name, "version": self._version}))

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        old, new = decode_struct(request.olds), decode_struct(request.news)
        # DIFF_NONE would make the engine configure with the old inputs.
        changes = provider_pb2.DiffResponse.DIFF_NONE if old == new else provider_pb2.DiffResponse.DIFF_SOME
        return provider_pb2.DiffResponse(changes=changes)


class AwsProvider(ProviderLifeCycle):
    name = "aws"

    def __init__(self, api: Api, types: Mapping[str, ResourceType], version: str) -> None:
        super().__init__(version)
        self._api = api
        self._types = types
        self._configurations: dict[str, Configuration] = {}

    # ----------------------------------------------------------------------------------------------------- life cycle
    @one_line_errors
    def Configure(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ConfigureResponse:
        arguments = reveal(decode_struct(request.args))
        tags = arguments.get("defaultTags")
        tags = json.loads(tags) if isinstance(tags, str) else tags
        self._configurations[context.peer()] = Configuration(
            region=arguments.get("region") or DEFAULT_REGION, default_tags=(tags or {}).get("tags") or {}
        )
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def _configuration(self, context: grpc.ServicerContext) -> Configuration:
        return self._configurations.setdefault(context.peer(), Configuration())

    @staticmethod
    def marked(request: Any) -> Properties:
        return secret_marks(request)

    def _context(
        self, context: grpc.ServicerContext, urn: str, inputs: Properties, *, id: str = "", **more: Any
    ) -> Context:
        row = self._types.get(type_of(urn))
        if row is None:
            raise NotEmulated(f"{type_of(urn)} is not emulated")
        configuration = self._configuration(context)
        own = {name: value for name, value in inputs.items() if name not in ("tagsAll", DEFAULTED)}
        region = own.get("region")
        return Context(
            api=self._api,
            type=row,
            region=region if isinstance(region, str) else configuration.region,
            default_tags=configuration.default_tags,
            name=name_of(urn),
            inputs=own,
            id=id,
            **more,
        )

    # ------------------------------------------------------------------------------------------------------- resources
    @one_line_errors
    def Check(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        marked = decode_struct(request.news)
        token, name = type_of(request.urn), name_of(request.urn)
        if token not in self._types:
            failure = provider_pb2.CheckFailure(reason=f"{token} is not emulated")
            return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])
        row = self._types[token]
        inputs, problems = with_defaults(row, reveal(marked), reveal(decode_struct(request.olds)), request, name)
        configuration = self._configuration(context)
        if "tagsAll" in row.schema.outputs:
            tags = inputs.get("tags")
            inputs["tagsAll"] = UNKNOWN if has_unknown(tags) else {**configuration.default_tags, **(tags or {})}
        problems = problems or self._problems(self._context(context, request.urn, inputs, validating=True))
        failures = [provider_pb2.CheckFailure(reason=_reason(row, name, problem)) for problem in problems]
        return provider_pb2.CheckResponse(inputs=encode_struct(conceal(inputs, marked)), failures=failures)

    def _problems(self, context: Context) -> list[Problem]:
        row = context.type
        problems = list(broken_rules(row.pulumi_type, context.inputs))
        if row.request is None:
            _, found = resource.build_request(context, row.create)
        elif has_unknown(context.inputs):
            return problems
        else:
            found = self._problems_of_own_request(context)
        ruled = {problem.path for problem in problems}
        return problems + [problem for problem in found if problem.path not in ruled]

    def _problems_of_own_request(self, context: Context) -> list[Problem]:
        try:
            params, _ = resource.build_request(context, context.type.create)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            return [Problem("", f"the inputs make no request: {error}")]
        return resource.validate_own(context, params)

    @one_line_errors
    def Diff(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        row = self._types[type_of(request.urn)]
        old_inputs = reveal(decode_struct(request.old_inputs))
        olds, news = reveal(decode_struct(request.olds)), reveal(decode_struct(request.news))
        changed = differences(olds, news, old_inputs, set(request.ignoreChanges))
        replaces = [name for name in changed if forces_replacement(row, name)]
        old = {**old_inputs, **{name: value for name, value in olds.items() if name in news}}
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            hasDetailedDiff=True,
            detailedDiff={name: property_difference(name, old, news, name in replaces) for name in changed},
            deleteBeforeReplace=bool(replaces) and (row.delete_before_replace or has_fixed_name(row, news)),
        )

    @one_line_errors
    def Create(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        marked = decode_struct(request.properties)
        properties = reveal(marked)
        row = self._types[type_of(request.urn)]
        if request.preview:
            known = {name: value for name, value in properties.items() if name != DEFAULTED}
            known.update(dict.fromkeys(row.extended & known.keys(), UNKNOWN))
            return provider_pb2.CreateResponse(properties=encode_struct(conceal(known, marked)))
        operation = self._context(context, request.urn, properties)
        outputs = resource.create(operation)
        return provider_pb2.CreateResponse(
            id=operation.id, properties=encode_struct(conceal(outputs, marked, row.secret_outputs))
        )

    @one_line_errors
    def Update(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        row = self._types[type_of(request.urn)]
        marked = {**decode_struct(request.olds), **decode_struct(request.news)}
        old, news = reveal(decode_struct(request.olds)), reveal(decode_struct(request.news))
        if request.preview:
            outputs = resource.preview_update(row, old, news)
        else:
            old_inputs = reveal(decode_struct(request.old_inputs))
            operation = self._context(context, request.urn, news, id=request.id, old=old, old_inputs=old_inputs)
            outputs = resource.update(operation)
        return provider_pb2.UpdateResponse(properties=encode_struct(conceal(outputs, marked, row.secret_outputs)))

    @one_line_errors
    def Delete(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        properties = reveal(decode_struct(request.properties))
        resource.delete(self._context(context, request.urn, properties, id=request.id, old=properties))
        return empty_pb2.Empty()

    @one_line_errors
    def Read(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        marked = self.marked(request)
        properties, inputs = reveal(decode_struct(request.properties)), reveal(decode_struct(request.inputs))
        importing = not properties
        known = inputs or {
            name: value
            for name, value in properties.items()
            if type_of(request.urn) in self._types and name in self._types[type_of(request.urn)].schema.inputs
        }
        operation = self._context(context, request.urn, known, id=request.id, old=properties)
        if importing:
            import_identity(operation)
        live = resource.fetch(operation)
        if live is None:
            return provider_pb2.ReadResponse()
        operation.live = live
        outputs, refreshed = resource.read_back(operation, None if importing else known)
        secret = operation.type.secret_outputs
        return provider_pb2.ReadResponse(
            id=operation.id,
            properties=encode_struct(conceal(outputs, marked, secret)),
            inputs=encode_struct(conceal(refreshed, marked, secret)),
        )

    @one_line_errors
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        function = INVOKES.get(request.tok)
        if function is None:
            raise NotEmulated(f"{request.tok} is not emulated")
        configuration = self._configuration(context)
        arguments = reveal(decode_struct(request.args))
        region = arguments.get("region") or configuration.region
        result = function(InvokeContext(self._api, region, configuration.default_tags), arguments)
        return provider_pb2.InvokeResponse(**{"return": encode_struct(result)})


# ----------------------------------------------------------------------------------------------------------- decisions
class Named(Protocol):
    """A type of resource, as far as its defaults and its automatic name go."""

    @property
    def autoname(self) -> AutoName | None: ...

    @property
    def defaults(self) -> Mapping[str, Any]: ...


def with_defaults(
    row: ResourceType, news: Properties, olds: Properties, request: Any, name: str
) -> tuple[Properties, list[Problem]]:
    """The program's inputs completed, and what the type's schema forbids in them."""
    known = row.schema.inputs
    inputs, problems = completed(row, news, olds, request, name)
    unknown = [Problem(key, "the type has no such property") for key in news if key not in known and key != DEFAULTED]
    missing = [
        Problem(key, "a value is required", "MissingParameter")
        for key, declared in known.items()
        if declared.required and inputs.get(key) is None
    ]
    return inputs, [*unknown, *problems, *missing]


def completed(
    row: Named, news: Properties, olds: Properties, request: Any, name: str
) -> tuple[Properties, list[Problem]]:
    """The program's inputs completed as the real provider does: defaults and the automatic name."""
    inputs = {key: value for key, value in news.items() if value is not None}
    for key, value in row.defaults.items():
        inputs.setdefault(key, value)
    if row.autoname is None or row.autoname.input in inputs:
        return inputs, []
    generated, problem = automatic_name(row, inputs, olds, request, name)
    if problem is not None:
        return inputs, [problem]
    return {**inputs, row.autoname.input: generated, DEFAULTED: [row.autoname.input]}, []


def automatic_name(
    row: Named, inputs: Properties, olds: Properties, request: Any, name: str
) -> tuple[str, Problem | None]:
    """`name-1234abc` as the real provider makes it: kept over updates, and never cut to fit."""
    rule = row.autoname
    assert rule is not None
    previous = olds.get(rule.input)
    given_prefix = inputs.get(f"{rule.input}Prefix")
    if isinstance(previous, str) and rule.input in (olds.get(DEFAULTED) or []):
        return previous, None
    seed = request.randomSeed.hex()
    if given_prefix is not None:
        return f"{given_prefix}{seed[:26]}{rule.suffix}", None
    proposal = request.autonaming if request.HasField("autonaming") else None
    options = provider_pb2.CheckRequest.AutonamingOptions
    if proposal is not None and proposal.mode == options.DISABLE:
        return "", Problem(rule.input, f"automatic naming is disabled but resource requires a name: {rule.input}")
    if proposal is not None and (proposal.mode == options.ENFORCE or proposal.proposed_name):
        generated = f"{rule.prefix}{proposal.proposed_name}"
    else:
        base = f"{rule.prefix}{name}{rule.separator}"
        random = 7
        if len(base) + random + len(rule.suffix) > rule.max_length:
            text = f"name '{base}' plus {random} random chars is longer than maximum length {rule.max_length}"
            return "", Problem(rule.input, text)
        generated = f"{base}{seed[:random]}{rule.suffix}"
    if len(generated) > rule.max_length:
        return "", Problem(rule.input, f"name '{generated}' is longer than maximum length {rule.max_length}")
    return (generated.lower() if rule.lower else generated), None


def _reason(row: ResourceType, name: str, problem: Problem) -> str:
    code = problem.code or MODEL_ERROR_CODES.get(row.service, "ValidationException")
    place = f" Examine values at '{name}.{problem.path}'." if problem.path else ""
    return f"{code}: {problem.message}.{place}"


def differences(olds: Properties, news: Properties, old_inputs: Properties, ignored: set[str]) -> list[str]:
    """Inputs that differ from what AWS has; removals come from the old inputs.

    Comparing with old *outputs* is what shows a rolled-back deployment, or drift after a refresh.
    """
    changed = []
    for name in sorted(news.keys() | old_inputs.keys()):
        if name == DEFAULTED or name in ignored:
            continue
        live = olds.get(name, old_inputs.get(name)) if name in news else old_inputs.get(name)
        if not covers(news.get(name), live, old_inputs.get(name)):
            changed.append(name)
    return changed


def covers(new: Any, live: Any, old_input: Any) -> bool:
    """Whether the program's value is what is live; members of an object that only AWS computes do not count."""
    if isinstance(new, dict) and isinstance(live, dict):
        given = old_input if isinstance(old_input, dict) else {}
        return all(covers(new.get(key), live.get(key), given.get(key)) for key in new.keys() | given.keys())
    if isinstance(new, list) and isinstance(live, list) and len(new) == len(live):
        items = old_input if isinstance(old_input, list) and len(old_input) == len(new) else [None] * len(new)
        return all(covers(a, b, c) for a, b, c in zip(new, live, items, strict=True))
    return same(new, live)


def forces_replacement(row: ResourceType, name: str) -> bool:
    if row.replace_on == EVERYTHING:
        return name not in ("tags", "tagsAll") and name not in row.keep_on
    return name in row.replace_on or name == "region"


def has_fixed_name(row: Named, news: Properties) -> bool:
    """A name of the program's own: the old resource has to go before the new one can have it."""
    return row.autoname is not None and row.autoname.input not in (news.get(DEFAULTED) or [])


def property_difference(name: str, old: Properties, news: Properties, replaces: bool) -> provider_pb2.PropertyDiff:
    kinds = provider_pb2.PropertyDiff
    if name not in old:
        kind = kinds.ADD_REPLACE if replaces else kinds.ADD
    elif name not in news:
        kind = kinds.DELETE_REPLACE if replaces else kinds.DELETE
    else:
        kind = kinds.UPDATE_REPLACE if replaces else kinds.UPDATE
    return provider_pb2.PropertyDiff(kind=kind)


def import_identity(context: Context) -> None:
    """Prepare reading a resource of which only the import ID is known."""
    row = context.type
    if row.import_id is not None:
        row.import_id(context)
    elif row.autoname is not None:
        context.inputs.setdefault(row.autoname.input, context.id)


__all__ = ["AwsProvider", "Configuration", "Secret"]
