"""The components as a Pulumi provider, for programs in other languages and in YAML."""

import dataclasses
import inspect
import json
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version
from importlib.util import find_spec
from typing import Any, Optional

import pulumi
from pulumi.errors import InputPropertyError
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.analyzer import (
    Analyzer,
    ComponentDefinition,
    PropertyDefinition,
    is_optional,
    unwrap_optional,
)
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.schema import generate_schema
from pulumi.provider.provider import Provider
from pulumi.provider.server import ComponentInitError

from .errors import ArgumentError
from .validation import camel_case, has_default

NAME = "pulumi-fastapi"


def installed_components() -> list[type[pulumi.ComponentResource]]:
    """The components of each cloud whose SDK is installed."""
    found: list[type[pulumi.ComponentResource]] = []
    if find_spec("pulumi_aws"):
        from .aws import Database, FargateFastAPIService, LambdaFastAPIFunction, LoadBalancer, Network, Registry

        found += [FargateFastAPIService, LambdaFastAPIFunction, Network, LoadBalancer, Database, Registry]
    if find_spec("pulumi_gcp"):
        from .gcp import CloudRunFastAPIService, CloudSqlDatabase, HttpsLoadBalancer, VpcNetwork

        found += [CloudRunFastAPIService, VpcNetwork, HttpsLoadBalancer, CloudSqlDatabase]
    return found


COMPONENTS = installed_components()
"""Those of the installed clouds whose arguments can be written down: the other parts take values that only
Python has."""


class _DefaultsAnalyzer(Analyzer):
    """Infers a schema in which what has a default can be left out; the SDK's asks for everything not `Optional`."""

    def analyze_type(
        self, typ: type, *, is_component_output: bool
    ) -> tuple[dict[str, PropertyDefinition], dict[str, str]]:
        if is_optional(typ):  # a component whose `args` can be left out
            typ = unwrap_optional(typ)
        properties, names = super().analyze_type(typ, is_component_output=is_component_output)
        fields = {field.name: field for field in dataclasses.fields(typ)} if dataclasses.is_dataclass(typ) else {}
        for schema_name, name in names.items():
            if name in fields and has_default(fields[name]):
                properties[schema_name].optional = True
        return properties, names


class FastAPIProvider(ComponentProvider):
    """Serves the components; only their own checks of arguments count: every language gets the same messages."""

    def __init__(self, version: str) -> None:
        self._name = NAME
        self.analyzer = _DefaultsAnalyzer(NAME)
        found = self.analyzer.analyze(COMPONENTS)
        self._components = {component.__name__: component for component in COMPONENTS}
        self._component_defs = found["component_definitions"]
        for component in COMPONENTS:
            self._component_defs[component.__name__].description = inspect.getdoc(component)
        self._type_defs = found["type_definitions"]
        self._external_enum_types = found["external_enum_types"]
        self._dependencies = sorted(found["dependencies"], key=lambda dependency: dependency.name)
        schema = generate_schema(NAME, version, None, self._component_defs, self._type_defs, self._dependencies)
        Provider.__init__(self, version, json.dumps(schema.to_json()))

    def map_inputs(self, inputs: pulumi.Inputs, component_def: ComponentDefinition) -> pulumi.Inputs:
        return inputs

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: Optional[pulumi.ResourceOptions] = None,
    ) -> ConstructResult:
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, ArgumentError):
                raise _property_error(error.inner) from None
            raise


def _property_error(error: ArgumentError) -> InputPropertyError:
    """The error under the argument's name in other languages."""
    path = ".".join(camel_case(part) for part in error.field.split("."))
    return InputPropertyError(path, str(ArgumentError(path, error.got, error.problem)))


def serve(arguments: Any = None) -> None:
    """Serve until the engine is done."""
    try:
        version = distribution_version(NAME)
    except PackageNotFoundError:  # started from a checkout
        version = "0.0.0"
    main(FastAPIProvider(version), sys.argv[1:] if arguments is None else arguments)
