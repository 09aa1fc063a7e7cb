"""The engine's part of a plan: notes every registration and answers it from protobuf, without a server."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime._callbacks import _CallbackServicer
from pulumi.runtime.proto import alias_pb2, callback_pb2, resource_pb2
from pulumi.runtime.sync_await import _sync_await

from .offline import LOOKUPS, SECRET_RESULTS, Created, Place, stand_ins
from .planned import Message, Options, PlanError, Properties, Resource, Secret, Unknown, has_secret, names

_STACK_TYPE = "pulumi:pulumi:Stack"
_STACK_REFERENCE_TYPE = "pulumi:pulumi:StackReference"

# Documents that providers take as a mapping too, and give back as JSON text.
_JSON_TEXT = {"assumeRolePolicy", "containerDefinitions", "dashboardBody", "policy", "redrivePolicy"}

FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_STATE_MIGRATIONS,
)


class Log:
    """The engine's part that a program talks to: its log."""

    def __init__(self, messages: list[Message]) -> None:
        self._messages = messages

    def Log(self, request: Any) -> None:
        severity = ("debug", "info", "warning", "error")[request.severity]
        if severity != "debug":
            self._messages.append(Message(severity=severity, text=request.message))

    def RequirePulumiVersion(self, _: Any) -> Any:
        return empty_pb2.Empty()


class Callbacks(_CallbackServicer):
    """The SDK's callback server without the server: transforms are called, hooks are only noted."""

    def __init__(self, monitor: "Recorder") -> None:
        self._callbacks = {}
        self._transforms = {}
        self._state_migrations = {}
        self._monitor = monitor  # type: ignore[assignment]
        self._target = ""
        monitor.callbacks = self

    def run(self, token: str, request: Any) -> Any:
        return _sync_await(self._callbacks[token](request.SerializeToString()))


class Recorder:
    """The resource monitor: notes every registration and answers it from protobuf, without a server."""

    def __init__(
        self,
        project: str,
        stack: str,
        preview: bool,
        place: Place,
        stack_references: Mapping[str, Mapping[str, Any]],
        invokes: Mapping[str, Any],
    ) -> None:
        self.project = project
        self.stack = stack
        self.preview = preview
        self.place = place
        self.stack_references = stack_references
        self.invokes = invokes
        self.order: list[Resource] = []
        self.stack_resource: Optional[Resource] = None
        self.messages: list[Message] = []
        self.reads_stacks = False
        self.callbacks: Callbacks
        self._by_urn: dict[str, Resource] = {}
        self._state: dict[str, struct_pb2.Struct] = {}
        self._transforms: dict[str, list[str]] = {}
        self._stack_transforms: list[str] = []
        self._invoke_transforms: list[str] = []
        self._hooks: set[str] = set()

    # Resources

    def RegisterResource(self, request: Any) -> Any:
        urn = self._urn(request.parent, request.type, request.name)
        options = self._transformed(urn, request) if request.type != _STACK_TYPE else _requested_options(request)
        resource = self._record(urn, request, options)
        answer = resource_pb2.RegisterResourceResponse(urn=urn)
        if request.type == _STACK_TYPE:
            return answer
        _copy_echo(request.object, answer.object, custom=request.custom)
        if request.custom:
            answer.id = self._complete(resource, answer.object, getattr(options, "import"))
            answer.unknown = True  # what has no stand-in stays unknown, also when this is not a preview
        self._state[urn] = answer.object
        return answer

    def ReadResource(self, request: Any) -> Any:
        urn = self._urn(request.parent, request.type, request.name)
        options = resource_pb2.TransformResourceOptions(
            depends_on=sorted(request.dependencies), provider=request.provider
        )
        answer = resource_pb2.ReadResourceResponse(urn=urn, id=request.id)
        if request.type == _STACK_REFERENCE_TYPE:
            self.reads_stacks = True
            resource = self._record(urn, request, options, read=True)
            answer.properties.CopyFrom(self._referenced_stack(request.id))
        else:
            resource = self._record(urn, request, options, read=True)
            _copy_echo(request.properties, answer.properties, custom=True)
            self._complete(resource, answer.properties, request.id)
            answer.unknown = True
        self._state[urn] = answer.properties
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:
        resource = self._by_urn[request.urn]
        resource.outputs = Properties(repr(resource), self._read(request.outputs, repr(resource), {}, custom=False))
        return empty_pb2.Empty()

    def _urn(self, parent: str, type_: str, name: str) -> str:
        qualified = type_
        if parent and (above := parent.split("::")[2]) != _STACK_TYPE:
            qualified = f"{above}${type_}"
        return f"urn:pulumi:{self.stack}::{self.project}::{qualified}::{name}"

    def _record(self, urn: str, request: Any, options: Any, *, read: bool = False) -> Resource:
        if urn in self._by_urn:
            raise PlanError(
                f"two resources are {request.type} {request.name!r} under the same parent ({urn}); rename one"
            )
        parent = self._by_urn.get(request.parent)
        if parent is self.stack_resource:
            parent = None
        label = f"{request.type} {request.name!r}"
        sources = (
            {} if read else {key: self._resources(value.urns) for key, value in request.propertyDependencies.items()}
        )
        properties = request.properties if read else request.object
        custom = read or request.custom
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=custom,
            inputs=Properties(label, self._read(properties, label, sources, custom=custom)),
            outputs=Properties(label, {}),
            parent=parent,
            dependencies=self._resources(options.depends_on),
            property_dependencies=sources,
            options=_options(options, parent),
            provider=self._by_urn.get(_provider_urn(options.provider)),
            read=read,
        )
        self._by_urn[urn] = resource
        if request.type == _STACK_TYPE:
            self.stack_resource = resource
            return resource
        self.order.append(resource)
        if parent is not None:
            parent.children.append(resource)
        return resource

    def _resources(self, urns: Sequence[str]) -> tuple[Resource, ...]:
        return tuple(self._by_urn[urn] for urn in sorted(urns) if urn in self._by_urn)

    def _complete(self, resource: Resource, state: struct_pb2.Struct, known_id: str) -> str:
        """Add stand-in values to a custom resource's state unless in preview; returns its id, empty when unknown."""
        identity = known_id
        provider = resource.type.startswith("pulumi:providers:")
        if not self.preview and not provider:
            place = replace(self.place, region=self._region(resource))
            known = {key: value for key, value in resource.inputs.items() if not isinstance(value, (Secret, Unknown))}
            values = stand_ins(Created(resource.type, resource.name, resource.urn, known, place))
            identity = known_id or values["id"]
            for key, value in values.items():
                if key not in state.fields and key != "id":
                    state.fields[key].CopyFrom(wire(value))
        identity = identity or (resource.name if provider else "")
        outputs = self._read(state, repr(resource), {}, custom=True)
        resource.outputs = Properties(repr(resource), outputs | {"id": identity or Unknown(f"{resource!r} id")})
        return identity

    def _region(self, resource: Resource) -> str:
        for source in (resource, resource.provider):
            region = source.inputs.get("region") if source else None
            if isinstance(region, str):
                return region
        return self.place.region

    def _referenced_stack(self, name: str) -> struct_pb2.Struct:
        outputs = self.stack_references.get(name)
        if outputs is None:
            given = ", ".join(sorted(self.stack_references)) or "none"
            raise PlanError(
                f"the program reads the outputs of stack {name!r}, which are not given (given: {given}); "
                f'pass stack_references={{"{name}": {{"output": value}}}}'
            )
        secret = [key for key, value in outputs.items() if has_secret(value)]
        return _struct({"name": name, "outputs": dict(outputs), "secretOutputNames": secret})

    # Reading properties

    def _read(
        self, properties: struct_pb2.Struct, label: str, sources: Mapping[str, tuple[Resource, ...]], *, custom: bool
    ) -> dict[str, Any]:
        values = {}
        for key in sorted(properties.fields):
            made_from = names(sources.get(key, ()))
            origin = f" (made from {made_from})" if made_from else ""
            values[key] = self._python(properties.fields[key], f"{label} {key}", origin, custom)
        return values

    def _python(self, value: struct_pb2.Value, path: str, origin: str, custom: bool) -> Any:
        kind = value.WhichOneof("kind")
        if kind == "string_value":
            return Unknown(path + origin) if value.string_value == rpc.UNKNOWN else value.string_value
        if kind == "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        if kind == "list_value":
            return [
                self._python(item, f"{path}[{index}]", origin, custom)
                for index, item in enumerate(value.list_value.values)
            ]
        if kind == "struct_value":
            return self._python_mapping(value.struct_value, path, origin, custom)
        return value.bool_value if kind == "bool_value" else None

    def _python_mapping(self, struct: struct_pb2.Struct, path: str, origin: str, custom: bool) -> Any:
        fields = struct.fields
        signature = fields[rpc._special_sig_key].string_value if rpc._special_sig_key in fields else ""
        if not signature:
            return {key: self._python(fields[key], f"{path}.{key}", origin, custom) for key in sorted(fields)}
        if signature == rpc._special_secret_sig:
            return Secret(self._python(fields["value"], path, origin, custom))
        if signature == rpc._special_resource_sig:
            # A provider gets the id of a resource that is passed as a value; a component gets the resource.
            if custom and "id" in fields:
                return self._python(fields["id"], path, origin, custom)
            return self._by_urn.get(fields["urn"].string_value, fields["urn"].string_value)
        return rpc.deserialize_property(struct)  # assets and archives

    # Transforms and hooks

    def _transformed(self, urn: str, request: Any) -> Any:
        """Apply the transforms of the resource, of the components above and of the stack; returns the options."""
        options = _requested_options(request)
        own = [callback.token for callback in request.transforms]
        self._transforms[urn] = own
        above = self._by_urn.get(request.parent)
        inherited = [
            token
            for each in (above, *(above.ancestors() if above else ()))
            if each
            for token in self._transforms.get(each.urn, ())
        ]
        for token in (*own, *inherited, *self._stack_transforms):
            answer = self.callbacks.run(
                token,
                resource_pb2.TransformRequest(
                    type=request.type,
                    name=request.name,
                    custom=request.custom,
                    parent=request.parent,
                    properties=request.object,
                    options=options,
                ),
            )
            request.object.CopyFrom(answer.properties)
            if answer.HasField("options"):
                options = answer.options
        return options

    def RegisterStackTransform(self, callback: callback_pb2.Callback) -> Any:
        self._stack_transforms.append(callback.token)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, callback: callback_pb2.Callback) -> Any:
        self._invoke_transforms.append(callback.token)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: Any) -> Any:
        if request.name in self._hooks:
            raise PlanError(
                f"two resource hooks are called {request.name!r}; hook names are global, give one another name"
            )
        self._hooks.add(request.name)
        return empty_pb2.Empty()

    RegisterErrorHook = RegisterResourceHook

    # Provider functions

    def Invoke(self, request: Any) -> Any:
        if request.tok == "pulumi:pulumi:getResource":
            return self._rehydrated(request.args["urn"])
        arguments = request.args
        for token in self._invoke_transforms:
            arguments = self.callbacks.run(
                token, resource_pb2.TransformInvokeRequest(token=request.tok, args=arguments)
            ).args
        return resource_pb2.ResourceInvokeResponse(**{"return": self._answer(request.tok, arguments, request.provider)})

    def Call(self, request: Any) -> Any:
        return resource_pb2.ResourceInvokeResponse(
            **{"return": self._answer(request.tok, request.args, request.provider)}
        )

    def _answer(self, token: str, arguments: struct_pb2.Struct, provider: str) -> struct_pb2.Struct:
        args = self._read(arguments, token, {}, custom=True)
        if token in self.invokes:
            given = self.invokes[token]
            return _struct(given(args) if callable(given) else given)
        lookup = LOOKUPS.get(token)
        if lookup is None:
            close = ", ".join(difflib.get_close_matches(token, self.invokes, n=1))
            raise PlanError(
                f"the program calls {token}, which only a cloud can answer"
                f"{f' (an answer is given for {close})' if close else ''}; "
                f'pass invokes={{"{token}": {{...}}}} with the answer, or take the value as an argument'
            )
        answer = lookup(args, replace(self.place, region=self._provider_region(args, provider)))
        return _struct(
            {key: Secret(value) if key in SECRET_RESULTS.get(token, ()) else value for key, value in answer.items()}
        )

    def _provider_region(self, args: Mapping[str, Any], provider: str) -> str:
        explicit = self._by_urn.get(_provider_urn(provider))
        for source in (args, explicit.inputs if explicit else {}):
            if isinstance(source.get("region"), str):
                return str(source["region"])
        return self.place.region

    def _rehydrated(self, urn: str) -> Any:
        resource = self._by_urn.get(urn)
        if resource is None:
            raise PlanError(f"the program refers to {urn}, which it does not register")
        identity = resource.outputs.get("id")
        state = struct_pb2.Struct()
        state["urn"] = urn
        state["id"] = identity if isinstance(identity, str) else ""
        state.fields["state"].struct_value.CopyFrom(self._state[urn])
        return resource_pb2.ResourceInvokeResponse(**{"return": state})

    # The rest of the protocol

    def ExistsResource(self, request: Any) -> Any:
        raise PlanError(f"the program asks whether {request.type} {request.id!r} exists, which only a cloud can answer")

    def RegisterPackage(self, request: Any) -> Any:
        return resource_pb2.RegisterPackageResponse(ref=f"{request.name}@{request.version}")


def _copy_echo(inputs: struct_pb2.Struct, answer: struct_pb2.Struct, *, custom: bool) -> None:
    """A resource's outputs start as its inputs, as in the engine's preview."""
    for key, value in inputs.fields.items():
        refers = _refers_to_resource(value)
        if refers and not custom:
            continue
        bare = _without_references(value) if refers else value
        if custom and key in _JSON_TEXT and value.WhichOneof("kind") == "struct_value":
            bare = _as_json_text(bare.struct_value)
        answer.fields[key].CopyFrom(bare)


def _as_json_text(document: struct_pb2.Struct) -> struct_pb2.Value:
    content = rpc.deserialize_property(document, keep_unknowns=True)
    text = rpc.unwrap_rpc_secret(content)
    if not isinstance(text, str):
        text = rpc.UNKNOWN if rpc.contains_unknowns(text) else json.dumps(text, sort_keys=True)
    return wire(Secret(text) if rpc.is_rpc_secret(content) else text)


def _refers_to_resource(value: struct_pb2.Value) -> bool:
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        return any(_refers_to_resource(item) for item in value.list_value.values)
    if kind != "struct_value":
        return False
    fields = value.struct_value.fields
    if rpc._special_sig_key in fields and fields[rpc._special_sig_key].string_value == rpc._special_resource_sig:
        return True
    return any(_refers_to_resource(item) for item in fields.values())


def _without_references(value: struct_pb2.Value) -> struct_pb2.Value:
    """The same value with the id in place of each resource: what a provider is given."""
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        items = [_without_references(item) for item in value.list_value.values]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
    if kind != "struct_value":
        return value
    fields = value.struct_value.fields
    if rpc._special_sig_key in fields and fields[rpc._special_sig_key].string_value == rpc._special_resource_sig:
        return fields["id"] if "id" in fields else fields["urn"]
    return struct_pb2.Value(
        struct_value=struct_pb2.Struct(fields={key: _without_references(item) for key, item in fields.items()})
    )


def _requested_options(request: Any) -> Any:
    options = resource_pb2.TransformResourceOptions(
        depends_on=sorted(request.dependencies),
        ignore_changes=request.ignoreChanges,
        replace_on_changes=request.replaceOnChanges,
        version=request.version,
        aliases=request.aliases,
        provider=request.provider,
        plugin_download_url=request.pluginDownloadURL,
        deleted_with=request.deletedWith,
        additional_secret_outputs=request.additionalSecretOutputs,
        providers=request.providers,
        hide_diff=request.hideDiffs,
        replace_with=request.replace_with,
        **{"import": request.importId},
    )
    for source, target in (("protect", "protect"), ("retainOnDelete", "retain_on_delete")):
        if request.HasField(source):
            setattr(options, target, getattr(request, source))
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    for source, target in (
        ("customTimeouts", "custom_timeouts"),
        ("hooks", "hooks"),
        ("replacement_trigger", "replacement_trigger"),
    ):
        if request.HasField(source):
            getattr(options, target).CopyFrom(getattr(request, source))
    return options


def _options(options: Any, parent: Optional[Resource]) -> Options:
    above = parent.options if parent else Options()
    timeouts = {moment: getattr(options.custom_timeouts, moment) for moment in ("create", "update", "delete", "read")}
    hooks = {descriptor.name: tuple(names) for descriptor, names in options.hooks.ListFields()}
    return Options(
        protect=options.protect if options.HasField("protect") else above.protect,
        retain_on_delete=options.retain_on_delete if options.HasField("retain_on_delete") else above.retain_on_delete,
        delete_before_replace=options.delete_before_replace if options.HasField("delete_before_replace") else None,
        deleted_with=options.deleted_with or above.deleted_with,
        ignore_changes=tuple(options.ignore_changes),
        replace_on_changes=tuple(options.replace_on_changes),
        replace_with=tuple(options.replace_with),
        hide_diffs=tuple(options.hide_diff),
        additional_secret_outputs=tuple(options.additional_secret_outputs),
        aliases=tuple(_alias(alias) for alias in options.aliases),
        import_=getattr(options, "import"),
        custom_timeouts={moment: text for moment, text in timeouts.items() if text},
        hooks=hooks,
        provider=_provider_urn(options.provider),
        providers={package: _provider_urn(reference) for package, reference in options.providers.items()},
        version=options.version,
        plugin_download_url=options.plugin_download_url,
    )


def _alias(alias: alias_pb2.Alias) -> Any:
    if alias.HasField("urn"):
        return alias.urn
    spec = alias.spec
    values = {
        "name": spec.name,
        "type": spec.type,
        "stack": spec.stack,
        "project": spec.project,
        "parent": spec.parentUrn,
    }
    return {key: value for key, value in values.items() if value} | ({"parent": None} if spec.noParent else {})


def _provider_urn(reference: str) -> str:
    """The URN in `urn::id`."""
    return reference.rpartition("::")[0]


# Values on the wire


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return struct_pb2.Struct(fields={key: wire(value) for key, value in values.items() if value is not None})


def wire(value: Any) -> struct_pb2.Value:
    if isinstance(value, Secret):
        wrapped = {rpc._special_sig_key: rpc._special_secret_sig, "value": value.value}
        return struct_pb2.Value(struct_value=_struct(wrapped))
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, (int, float)):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=_struct(value))
    if isinstance(value, (list, tuple)):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[wire(item) for item in value]))
    raise PlanError(f"an answer for a plan must be plain data or Secret(...), got {type(value).__name__}")
