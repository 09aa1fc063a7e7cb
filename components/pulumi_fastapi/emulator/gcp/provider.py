"""The `gcp` provider the engine talks to: its protocol, and nothing about any resource type."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from pulumi_fastapi.emulator.api import NotEmulated
from pulumi_fastapi.emulator.gcp import resource
from pulumi_fastapi.emulator.gcp.cloud import GoogleCloud
from pulumi_fastapi.emulator.gcp.invokes import INVOKES, InvokeContext
from pulumi_fastapi.emulator.gcp.resource import Context, ResourceType
from pulumi_fastapi.emulator.gcp.types import RESOURCE_TYPES
from pulumi_fastapi.emulator.mapping import Problem, dig
from pulumi_fastapi.emulator.provider import (
    ProviderLifeCycle,
    completed,
    differences,
    has_fixed_name,
    name_of,
    one_line_errors,
    property_difference,
    secret_marks,
    type_of,
)
from pulumi_fastapi.emulator.resource import DEFAULTED, EVERYTHING
from pulumi_fastapi.emulator.values import Properties, conceal, decode_struct, encode_struct, has_unknown, reveal, same

_PLACES = frozenset({"project", "region", "location"})
"""Inputs that the provider's configuration stands in for."""


@dataclass
class Configuration:
    """One provider instance of a program: the engine opens a connection for each."""

    project: str | None = None
    region: str | None = None
    zone: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Default labels of everything that takes labels."""


class GcpProvider(ProviderLifeCycle):
    name = "gcp"
    marked = staticmethod(secret_marks)

    def __init__(self, cloud: GoogleCloud, version: str, types: Mapping[str, ResourceType] = RESOURCE_TYPES) -> None:
        super().__init__(version)
        self._cloud = cloud
        self._types = types
        self._configurations: dict[str, Configuration] = {}

    # ----------------------------------------------------------------------------------------------------- life cycle
    @one_line_errors
    def Configure(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ConfigureResponse:
        arguments = reveal(decode_struct(request.args))
        labels = arguments.get("defaultLabels")
        self._configurations[context.peer()] = Configuration(
            project=arguments.get("project"),
            region=arguments.get("region"),
            zone=arguments.get("zone"),
            labels=(json.loads(labels) if isinstance(labels, str) else labels) or {},
        )
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def _configuration(self, context: grpc.ServicerContext) -> Configuration:
        return self._configurations.setdefault(context.peer(), Configuration())

    def _row(self, urn: str) -> ResourceType:
        row = self._types.get(type_of(urn))
        if row is None:
            raise NotEmulated(f"{type_of(urn)} is not emulated")
        return row

    def _context(
        self, context: grpc.ServicerContext, urn: str, inputs: Properties, *, id: str = "", **more: Any
    ) -> Context:
        configuration = self._configuration(context)
        project = inputs.get("project")
        return Context(
            cloud=self._cloud,
            type=self._row(urn),
            project=project if isinstance(project, str) else configuration.project,
            region=configuration.region,
            default_labels=configuration.labels,
            name=name_of(urn),
            inputs={name: value for name, value in inputs.items() if name != DEFAULTED},
            id=id,
            **more,
        )

    # ------------------------------------------------------------------------------------------------------- resources
    @one_line_errors
    def Check(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        marked = decode_struct(request.news)
        if type_of(request.urn) not in self._types:
            failure = provider_pb2.CheckFailure(reason=f"{type_of(request.urn)} is not emulated")
            return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])
        row, name = self._row(request.urn), name_of(request.urn)
        inputs, found = completed(row, reveal(marked), reveal(decode_struct(request.olds)), request, name)
        found = found or resource.problems(self._context(context, request.urn, inputs))
        failures = [provider_pb2.CheckFailure(reason=_reason(name, problem)) for problem in found]
        return provider_pb2.CheckResponse(inputs=encode_struct(conceal(inputs, marked)), failures=failures)

    @one_line_errors
    def Diff(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        row = self._row(request.urn)
        old_inputs = reveal(decode_struct(request.old_inputs))
        olds, news = reveal(decode_struct(request.olds)), reveal(decode_struct(request.news))
        changed = [
            name
            for name in differences(olds, news, old_inputs, set(request.ignoreChanges))
            if name in news or name not in row.sticky | _PLACES
        ]
        replaces = list(_replacing(row, changed, olds, news))
        old = {**old_inputs, **{name: value for name, value in olds.items() if name in news}}
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            hasDetailedDiff=True,
            detailedDiff={name: property_difference(name, old, news, name in replaces) for name in changed},
            deleteBeforeReplace=bool(replaces) and (row.delete_before_replace or _keeps_its_name(row, olds, news)),
        )

    @one_line_errors
    def Create(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        marked = decode_struct(request.properties)
        properties = reveal(marked)
        if request.preview:
            known = {name: value for name, value in properties.items() if name != DEFAULTED}
            return provider_pb2.CreateResponse(properties=encode_struct(conceal(known, marked)))
        operation = self._context(context, request.urn, properties)
        outputs = resource.create(operation)
        secret = operation.type.all_secret_outputs
        return provider_pb2.CreateResponse(id=operation.id, properties=encode_struct(conceal(outputs, marked, secret)))

    @one_line_errors
    def Update(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        marked = {**decode_struct(request.olds), **decode_struct(request.news)}
        old, news = reveal(decode_struct(request.olds)), reveal(decode_struct(request.news))
        old_inputs = reveal(decode_struct(request.old_inputs))
        operation = self._context(context, request.urn, news, id=request.id, old=old, old_inputs=old_inputs)
        if request.preview:
            removed = old.keys() & operation.type.schema.inputs.keys() & old_inputs.keys() - news.keys()
            outputs = {name: value for name, value in {**old, **operation.inputs}.items() if name not in removed}
        else:
            outputs = resource.update(operation)
        secret = operation.type.all_secret_outputs
        return provider_pb2.UpdateResponse(properties=encode_struct(conceal(outputs, marked, secret)))

    @one_line_errors
    def Delete(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        properties = reveal(decode_struct(request.properties))
        resource.delete(self._context(context, request.urn, properties, id=request.id, old=properties))
        return empty_pb2.Empty()

    @one_line_errors
    def Read(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        marked = self.marked(request)
        properties, inputs = reveal(decode_struct(request.properties)), reveal(decode_struct(request.inputs))
        row = self._row(request.urn)
        importing = not properties
        known = inputs or {name: value for name, value in properties.items() if name in row.schema.inputs}
        operation = self._context(context, request.urn, known, id=request.id, old=properties)
        if importing:
            resource.import_identity(operation)
        live = resource.fetch(operation)
        if live is None:
            return provider_pb2.ReadResponse()
        operation.live = live
        outputs, refreshed = resource.read_back(operation, None if importing else known)
        secret = row.all_secret_outputs
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
        place = InvokeContext(self._cloud, configuration.project, configuration.region, configuration.zone)
        result = function(place, reveal(decode_struct(request.args)))
        return provider_pb2.InvokeResponse(**{"return": encode_struct(result)})


# ----------------------------------------------------------------------------------------------------------- decisions
def _replacing(row: ResourceType, changed: Iterable[str], olds: Properties, news: Properties) -> Iterable[str]:
    """The changed inputs that the API cannot change in place."""
    own = set(row.replaces(olds, news)) if row.replaces is not None else set()
    for name in changed:
        if row.replace_on == EVERYTHING:
            forced = name not in row.keep_on and name != "deletionPolicy"
        else:
            inside = [path for path in row.replace_on if path.startswith(f"{name}.")]
            forced = name in row.replace_on | {"project"} or any(_differs(path, olds, news) for path in inside)
        if forced or name in own:
            yield name


def _keeps_its_name(row: ResourceType, olds: Properties, news: Properties) -> bool:
    """Whether the new resource wants the name that the old one has: it cannot be made before that has gone."""
    return (
        row.autoname is not None
        and has_fixed_name(row, news)
        and same(olds.get(row.autoname.input), news.get(row.autoname.input))
    )


def _differs(path: str, olds: Properties, news: Properties) -> bool:
    return has_unknown(dig(news, path)) or not same(dig(olds, path), dig(news, path))


def _reason(name: str, problem: Problem) -> str:
    place = f" Examine values at '{name}.{problem.path}'." if problem.path else ""
    return f"{problem.code or 'INVALID_ARGUMENT'}: {problem.message}.{place}"
