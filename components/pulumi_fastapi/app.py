"""What to run: one description of a FastAPI app for Fargate, Lambda and Cloud Run."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from pulumi import Input, Output

from .app_source import AppSource
from .build import Build
from .connection_pool import ConnectionPool
from .environment import DEFAULT_MODULE, DERIVED
from .errors import REDACTED, ArgumentError
from .timeouts import Timeouts
from .validation import check_fields, in_range, matches

_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"


@dataclass(frozen=True, kw_only=True)
class FastAPIApp:
    """A FastAPI app: where its code is, how it is configured, and how it behaves under load."""

    source: Optional[str] = None
    """Directory of the app. Default: the app bundled with this package, meant to be replaced."""
    image: Optional[Input[str]] = None
    """An image that exists already, by digest (`repository@sha256:...`); then nothing is built. It has `python` for the
    container's health check, and runs as user 10001 with read-only files: declare `VOLUME /tmp` if it writes there.
    Default: build `source`."""
    module: Optional[str] = None
    """The ASGI app to serve, as `package.module:attribute`, or `package.module:function()` for a factory. Default: the
    one FastAPI app in `source`; `app.main:app` where nothing is built from it."""
    build: Build = field(default_factory=Build)
    """How to build `source`, as far as its own files do not say."""
    command: Optional[list[str]] = None
    """Command of the container. Default: the image's own, which serves `module`."""
    environment: Optional[dict[str, Any]] = None
    """Plain variables: text or an Output; numbers, booleans, lists and mappings are written as JSON. A secret Output is
    refused: everyone who may see the service sees these; it belongs into `secrets`."""
    secrets: Optional[dict[str, Input[str]]] = field(default=None, repr=False, metadata={"secret": True})
    """Secret variables by value; they are stored in the cloud's secret manager and read from there."""
    secret_arns: Optional[dict[str, Input[str]]] = None
    """Secret variables that exist already: the secret's ARN, or `ARN:json-key::` for one key of it."""
    port: int = 8000
    """Port the container listens on."""
    pool: ConnectionPool = field(default_factory=ConnectionPool)
    """Database connections per worker."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """How long requests, idle connections and starting may take; every other timeout follows from these."""
    liveness_path: str = "/-/healthy"
    """Path that answers 200 while the process lives. The runtime serves the default outside the app's routes."""
    readiness_path: str = "/-/ready"
    """Path that answers 200 while the app can take traffic, 503 otherwise."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.source is not None and self.image is not None:
            raise ArgumentError("image", self.image, f"give either source or image, source is {self.source!r}")
        if self.build != Build() and self.source is None:
            raise ArgumentError("build", self.build, "is of use only with source")
        if self.module is None:
            object.__setattr__(self, "module", self._found_module())
        in_range("port", self.port, 1024, 65535)  # below 1024 a non-root process cannot listen
        matches(
            "module",
            self.module,
            rf"{_VARIABLE}(\.{_VARIABLE})*:{_VARIABLE}(\.{_VARIABLE})*(\(\))?",
            "'package.module:attribute'",
        )
        for path in ("liveness_path", "readiness_path"):
            matches(path, getattr(self, path), r"/[!-~]{0,1023}", "a path that starts with /")
        if self.pool.timeout >= self.timeouts.request:
            raise ArgumentError(
                "pool.timeout",
                self.pool.timeout,
                f"must be less than timeouts.request={self.timeouts.request}, or requests end while they wait for one",
            )
        for argument in self.command or ():
            if argument in ("--reload", "--debug"):
                raise ArgumentError(
                    "command", argument, "is for development: a reloader lives on when the app fails to start"
                )
        self._check_variables()
        object.__setattr__(
            self, "environment", {key: _text(key, value) for key, value in (self.environment or {}).items()}
        )

    @property
    def variables(self) -> set[str]:
        """Names of all variables that the app is given here; ours of the same name give way."""
        return {*(self.environment or ()), *(self.secrets or ()), *(self.secret_arns or ())}

    def _found_module(self) -> str:
        if self.source is None or self.build.dockerfile is not None:
            return DEFAULT_MODULE
        return AppSource(source=Path(self.source), build=self.build).module()

    def _check_variables(self) -> None:
        seen: dict[str, str] = {}
        for kind in ("environment", "secrets", "secret_arns"):
            for variable in getattr(self, kind) or {}:
                matches(f"{kind} variable", variable, _VARIABLE, "a name of letters, digits and underscores")
                if variable in DERIVED:
                    raise ArgumentError(
                        f"{kind}[{variable!r}]",
                        REDACTED if kind != "environment" else getattr(self, kind)[variable],
                        f"is derived, or the load balancer and the database would not agree; set {DERIVED[variable]}",
                    )
                if variable in seen:
                    raise ArgumentError(f"{kind}[{variable!r}]", variable, f"is set in {seen[variable]} too; keep one")
                seen[variable] = kind
        for variable, arn in (self.secret_arns or {}).items():
            if isinstance(arn, str) and not re.fullmatch(r"arn:[^:]+:(secretsmanager|ssm):.+", arn):
                # It may be the secret itself.
                raise ArgumentError(f"secret_arns[{variable!r}]", REDACTED, "must be the ARN of a secret or parameter")


def _text(variable: str, value: Any) -> Input[str]:
    """A variable's value as the container gets it; settings libraries read JSON for everything that is not text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Output):
        return _plain(variable, value)
    try:
        return json.dumps(_whole_numbers(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError):  # an object; NaN or a value inside itself; the same without an end
        raise ArgumentError(
            f"environment[{variable!r}]", value, "must be text, a number, true or false, a list or a mapping of those"
        ) from None


def _plain(variable: str, value: Output[Any]) -> Output[Any]:
    """The same Output, which fails when it turns out to be secret; that is known only later."""

    async def is_secret() -> bool:
        if await value.is_secret():
            raise ArgumentError(
                f"environment[{variable!r}]", REDACTED, "is secret and would be readable in the service; use secrets"
            )
        return False

    return Output(value.resources(), value.future(), value.is_known(), is_secret())


def _whole_numbers(value: Any) -> Any:
    """Other languages send every number as a float; a port must not become `8000.0`."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole_numbers(item) for item in value]
    return value
