"""What `Pulumi.<stack>.yaml` may say: one mapping per part, whose keys are the fields of that part's Args."""

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Optional, Protocol

import pulumi
import yaml
from pulumi import Output
from pulumi.runtime.config import CONFIG, is_config_secret
from pulumi_fastapi import ArgumentError, FastAPIApp
from pulumi_fastapi.connection_pool import ConnectionDemand
from pulumi_fastapi.validation import check_fields, from_mapping, snake_case

COMPONENTS = {"service": "on_fargate", "function": "on_lambda", "cloud_run": "on_cloud_run"}
"""The key of a component, of which a stack has one, and the program for it."""


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """The keys of a stack; those of a part are the fields of its Args, but for the keys that all parts share."""

    name: Optional[str] = None
    """Beginning of every name. Default: the project's name."""
    domain: Optional[str] = None
    """DNS name of the app. Default none: the name that the cloud gives."""
    zone_id: Optional[str] = None
    """AWS: Route 53 zone of `domain`."""
    alarm_emails: list[str] = field(default_factory=list)
    """Addresses that alarms go to; each must confirm once. Default none."""
    monthly_budget: Optional[float] = None
    """USD a month for the account, see `pulumi-fastapi cost`; `alarm_emails` are told at 80 % and when the forecast is
    above. Default none."""
    deletion_protection: bool = True
    """Refuse to delete what holds data, what answers, images and secrets. Default on."""
    origin_secret: Optional[str] = field(default=None, repr=False)
    """Function with a `domain`: what CloudFront proves itself with, encrypted. Default none."""
    app: dict[str, Any] = field(default_factory=dict)
    """`FastAPIApp`. The values of `app.secrets` are encrypted, nothing else is."""
    network: dict[str, Any] = field(default_factory=dict)
    """`NetworkArgs` or, with `vpc_id`, `ExistingNetwork`; on Google Cloud `VpcNetworkArgs` or, with `network_id`,
    `ExistingVpcNetwork`."""
    database: Optional[dict[str, Any]] = None
    """`DatabaseArgs` or, with `host`, `ExistingDatabase`; on Google Cloud `CloudSqlDatabaseArgs` or, with
    `connection_name`, `ExistingCloudSqlDatabase`. `{}` is a database with every default. Default: no database."""
    service: Optional[dict[str, Any]] = None
    """`FargateFastAPIServiceArgs`; the component of a stack that names none."""
    function: Optional[dict[str, Any]] = None
    """`LambdaFastAPIFunctionArgs`."""
    cloud_run: Optional[dict[str, Any]] = None
    """`CloudRunFastAPIServiceArgs`."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.monthly_budget is not None and not self.alarm_emails:
            raise ArgumentError("alarm_emails", [], "must name who is told of monthly_budget")
        named = [key for key in COMPONENTS if getattr(self, key) is not None]
        if len(named) > 1:
            raise ArgumentError(named[1], getattr(self, named[1]), f"a stack has one component, and {named[0]} is one")

    @property
    def component(self) -> str:
        """The key of the component."""
        return next((key for key in COMPONENTS if getattr(self, key) is not None), "service")

    @property
    def of_component(self) -> dict[str, Any]:
        """What the file says below that key."""
        return getattr(self, self.component) or {}

    @property
    def described_app(self) -> FastAPIApp:
        """What to run, its secrets marked."""
        app: FastAPIApp = part("app", FastAPIApp, self.app)
        secrets = {variable: Output.secret(value) for variable, value in (app.secrets or {}).items()}
        return replace(app, secrets=secrets) if secrets else app


class Stack(Protocol):
    """The Args of all parts, checked together before anything is created."""

    def create(self) -> Mapping[str, Any]:
        """Create the parts, and return what the stack exports."""
        ...


def load() -> Stack:
    """Read the configuration of this stack.

    Raises:
        ArgumentError: an unknown key or a bad value; names the file and the key.
    """
    project, stack = pulumi.get_project(), pulumi.get_stack()
    file = Path(__file__).with_name(f"Pulumi.{stack}.yaml")
    try:
        values = _values(project)
        _check_secrets(values, project, file)
        keys = from_mapping(StackFile, values)
        # Imported by need: a cloud's SDK takes seconds, and is not installed where only the other cloud is used.
        program = importlib.import_module(COMPONENTS[keys.component])
        # The name ends with the stack, so stacks in one account never meet.
        checked: Stack = program.checked(keys, f"{keys.name or project}-{stack}")
        return checked
    except ArgumentError as error:
        hidden = is_config_secret(f"{project}:app") and not isinstance(error.got, (int, float))
        raise ArgumentError(
            f"{file.parent.name}/{file.name}: {project}:{error.field}",
            "[secret]" if hidden and error.field.startswith("app") else error.got,
            error.problem + _how_to_write_text(error),
        ) from None


def _values(project: str) -> dict[str, Any]:
    """The project's configuration as plain data."""
    text = {each.name for each in fields(StackFile) if each.type == Optional[str]}
    values = {}
    for full_key, value in CONFIG.get().items():
        namespace, _, key = full_key.rpartition(":")
        if namespace == project:
            values[key] = value if snake_case(key) in text else _parsed(value)
        elif key in ("app", "network", "database", *COMPONENTS):  # a renamed project would lose its database
            raise ArgumentError(key, full_key, "keys begin with the name of the project in Pulumi.yaml")
    return values


def _parsed(value: str) -> Any:
    """Pulumi hands over everything but text as JSON."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _check_secrets(values: Mapping[str, Any], project: str, file: Path) -> None:
    """Refuse what is encrypted outside `app.secrets`, or not encrypted inside it: somewhere it would be in plain text.

    Pulumi only tells which top-level key holds something encrypted; the file tells what.
    """
    secrets = "run: pulumi config set --secret --path app.secrets.NAME"
    for key in values:
        if key not in ("app", "origin_secret") and is_config_secret(f"{project}:{key}"):
            raise ArgumentError(key, "[secret]", f"only app.secrets is encrypted; {secrets}")
    if "origin_secret" in values and not is_config_secret(f"{project}:origin_secret"):
        raise ArgumentError("origin_secret", "plain text", "must be encrypted; add --secret to pulumi config set")
    document = yaml.safe_load(file.read_text()) if file.exists() else None
    written = ((document or {}).get("config") or {}).get(f"{project}:app") or {}
    for path, encrypted in _leaves(written):
        if encrypted and not path.startswith("secrets."):
            raise ArgumentError(f"app.{path}", "[secret]", f"would be readable in the task definition; {secrets}")
        if not encrypted and path.startswith("secrets."):
            raise ArgumentError(f"app.{path}", "plain text", "must be encrypted; add --secret to pulumi config set")
    app = values.get("app")
    if isinstance(app, Mapping) and app.get("secrets") and not is_config_secret(f"{project}:app"):
        raise ArgumentError("app.secrets", "plain text", f"must be encrypted; {secrets}")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, bool]]:
    """The path of each value below a key of the file, and whether it is encrypted."""
    if isinstance(value, Mapping) and set(value) != {"secure"}:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, isinstance(value, Mapping)


def part(name: str, cls: type, values: Mapping[str, Any], **given: Any) -> Any:
    """The Args of a part: what the stack file says below its key, and what the program gives it."""
    for key, value in values.items():
        if snake_case(key) in given:
            own = {each.name for each in fields(StackFile)} & {snake_case(key)}
            raise ArgumentError(
                f"{name}.{key}", value, f"is a key of its own, not of {name}" if own else "is given by the program"
            )
    try:
        return from_mapping(cls, {**values, **given})
    except ArgumentError as error:
        raise (error if error.field.split(".")[0] in given else error.inside(f"{name}.")) from None


def existing_or_new(name: str, values: Mapping[str, Any], key: str, existing: type, new: type, **given: Any) -> Any:
    """What the file says of a part that exists already, if it has the `key` that names one, else of one to make."""
    return part(name, existing, values) if key in values else part(name, new, values, **given)


def check_connections(database: Any, demand: ConnectionDemand) -> None:
    """Refuse what the database, if there is one and its size is known, cannot hold.

    Raises:
        ArgumentError: gives the numbers and the ways out.
    """
    budget = database.budget if database is not None else None
    if budget is not None:
        try:
            budget.with_demand(demand)
        except ArgumentError as error:
            raise error.inside("app.") from None


def _how_to_write_text(error: ArgumentError) -> str:
    if not error.problem.startswith("must be text") or not isinstance(error.got, (int, float)):
        return ""
    return " (quoted in the file, or pulumi config set --type string)"
