"""What a stack is used for: one set of traffic numbers, and what each resource holds or moves besides."""

import difflib
import fnmatch
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Optional, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .resources import InputError, Resource

Quantity = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]

HOURS = Decimal(730)
SECONDS = Decimal(730 * 3600)
GIB = Decimal(2**30)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Parsed = TypeVar("_Parsed", bound=_Model)


class Traffic(_Model):
    """What the whole stack gets, all month; several entry points share it evenly."""

    requests_per_second: Quantity = Decimal(0)
    """Mean over the month. Default 0: the bill of a stack that nobody calls."""
    latency_ms: Positive = Decimal(100)
    """Milliseconds an answer takes."""
    response_bytes: Quantity = Decimal(5000)
    """Bytes of an answer."""
    log_bytes: Quantity = Decimal(300)
    """Bytes logged for a request."""
    database_bytes: Quantity = Decimal(2000)
    """Bytes exchanged with the database for a request, both directions together."""
    requests_per_second_per_task: Optional[Positive] = None
    """What one task or instance serves, measured. Default unknown: the expected number of tasks is the least."""
    requests_per_connection: Positive = Decimal(1)
    """Requests a client sends over one connection. Default 1, no keep-alive."""

    @property
    def monthly_requests(self) -> Decimal:
        return self.requests_per_second * SECONDS

    def gib(self, bytes_per_request: Decimal) -> Decimal:
        """GiB a month, for bytes per request."""
        return self.monthly_requests * bytes_per_request / GIB

    def share(self, parts: int) -> "Traffic":
        """The part of it that one of `parts` gets."""
        return self.model_copy(update={"requests_per_second": self.requests_per_second / parts})


class Usage(_Model):
    """What one resource holds or moves a month. What is not given is derived from the traffic, or zero."""

    requests_per_second: Optional[Quantity] = None
    latency_ms: Optional[Positive] = None
    response_bytes: Optional[Quantity] = None
    storage_gb: Optional[Quantity] = None
    """GB kept: bucket, registry, file system."""
    backup_gb: Optional[Quantity] = None
    """GB of backups: database."""
    data_gb: Optional[Quantity] = None
    """GB that pass: NAT gateway, endpoint, load balancer, distribution."""
    ingest_gb: Optional[Quantity] = None
    """GB written: log group."""
    requests: Optional[Quantity] = None
    """Calls a month: secret, key, topic, queue, zone, event bus, schedule, web ACL, function."""
    metrics: Optional[Quantity] = None
    """Metrics that Container Insights makes of a cluster, or MiB of custom metrics (Google Cloud)."""
    image_gb: Optional[Quantity] = None
    """Size of one container image: registry."""
    deploys_per_month: Optional[Quantity] = None
    """Images pushed: registry."""


NO_USAGE = Usage()


class UsageFile(_Model):
    """A usage file: traffic of the stack, defaults by type token, values by resource name (wildcards allowed)."""

    traffic: Traffic = Traffic()
    defaults: dict[str, Usage] = Field(default_factory=dict)
    resources: dict[str, Usage] = Field(default_factory=dict)

    def of(self, resource: Resource) -> Usage:
        """Usage of one resource: the defaults of its type, then each matching name in the file's order."""
        if not self.defaults and not self.resources:
            return NO_USAGE
        values: dict[str, Any] = {}
        if default := self.defaults.get(resource.type):
            values |= default.model_dump(exclude_unset=True)
        for pattern, usage in self.resources.items():
            if fnmatch.fnmatchcase(resource.name, pattern):
                values |= usage.model_dump(exclude_unset=True)
        return Usage(**values)


def read(path: Path) -> UsageFile:
    """A usage file in YAML.

    Raises:
        InputError: it cannot be read, or a key or value is wrong; names the nearest valid key.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    return parsed(UsageFile, document or {}, str(path))


def parsed(model: type[_Parsed], values: Any, where: str) -> _Parsed:
    """Validate, with one readable line on what is wrong."""
    try:
        return model.model_validate(_exact(values))
    except ValidationError as error:
        raise InputError(f"{where}: {_problem(error)}") from None


def _exact(value: Any) -> Any:
    """Numbers as they are written: 0.1 is a tenth."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {str(key): _exact(item) for key, item in value.items()}
    return value


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    path = [str(each) for each in first["loc"]]
    if first["type"] != "extra_forbidden":
        return f"{'.'.join(path) or 'the file'}: {first['msg']}, got {first['input']!r}"
    model: Any = UsageFile
    if len(path) > 1 or error.title != "UsageFile":
        model = Traffic if error.title == "Traffic" or path[0] == "traffic" else Usage
    keys = list(model.model_fields)
    close = difflib.get_close_matches(path[-1], keys, n=1, cutoff=0)
    return f"unknown key {'.'.join(path)!r}, did you mean {close[0]!r}? There are: {', '.join(keys)}"
