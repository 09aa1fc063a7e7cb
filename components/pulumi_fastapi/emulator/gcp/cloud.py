"""The emulated Google Cloud: one store, and `call`, through which both front ends make their requests."""

import copy
import datetime
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_fastapi.emulator.api import NotEmulated
from pulumi_fastapi.emulator.faults import Faults
from pulumi_fastapi.emulator.gcp.discovery import Method, understand
from pulumi_fastapi.emulator.gcp.errors import GoogleError, OperationFailed
from pulumi_fastapi.emulator.gcp.operations import is_done, pending
from pulumi_fastapi.emulator.gcp.rules import violated_rules
from pulumi_fastapi.emulator.gcp.validation import readable, violations
from pulumi_fastapi.emulator.values import Properties

OPERATION_SECONDS = 600
"""How long a caller that waits for an operation waits at most."""
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Call:
    """One request understood: what a handler sees."""

    cloud: "GoogleCloud"
    method: Method
    path: str
    """Name of the resource or collection it is about."""
    query: Mapping[str, str]
    body: Properties
    cleared: frozenset[str]
    """Members that the body says to be null: a PATCH takes those away."""

    @property
    def api(self) -> str:
        return self.method.api

    @property
    def project(self) -> str:
        found = re.match(r"projects/([^/]+)", self.path)
        return found[1] if found else ""

    @property
    def collection(self) -> str:
        """`services` of a service, and of the list of them."""
        parts = self.path.split("/")
        return parts[-1] if self.method.name in ("create", "insert", "list", "batchEnable") else parts[-2]

    @property
    def id(self) -> str | None:
        """The short name in the URL: its last part, or what a create gives as `serviceId`."""
        if self.method.name in ("create", "insert"):
            return id_in_query(self.method, self.query) or self.body.get("accountId") or self.body.get("name")
        return self.path.rsplit("/", 1)[-1]

    def find(self) -> Properties:
        return self.cloud.find(self.api, self.path)


Handler = Callable[[Call], Properties]
Completion = Callable[[Call, str, Properties, Properties | None], GoogleError | None]
Refusal = Callable[[Call, Properties], None]

HANDLERS: dict[str, Handler] = {}
"""Methods that do something of their own, by their ID."""
USUAL: dict[str, Handler] = {}
"""What all other methods of a name do (`create`)."""
COMPLETIONS: dict[tuple[str, str], Completion] = {}
"""What Google computes when a resource of an API's collection is written: call, path, resource, what was before.

An error that a completion returns is one that comes after the resource has been written."""
REFUSALS: dict[tuple[str, str], Refusal] = {}
"""What has to hold before a resource may be deleted."""


def handles(*method_ids: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(method_ids, handler))
        return handler

    return register


def completes(api: str, *collections: str) -> Callable[[Completion], Completion]:
    def register(completion: Completion) -> Completion:
        COMPLETIONS.update({(api, collection): completion for collection in collections})
        return completion

    return register


def refuses_deletion(api: str, *collections: str) -> Callable[[Refusal], Refusal]:
    def register(refusal: Refusal) -> Refusal:
        REFUSALS.update({(api, collection): refusal for collection in collections})
        return refusal

    return register


class GoogleCloud:
    """Every project there is. Nothing in it outlives the process."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.calls: list[str] = []
        """IDs of the methods called, reads included."""
        self.resources: dict[str, Properties] = {}
        """By full name: `//run.googleapis.com/projects/p/locations/l/services/s`. Members with `_` are our own."""
        self.policies: dict[str, Properties] = {}
        """IAM policies, by the same names."""
        self.operations: dict[str, Properties] = {}
        self.retired: set[str] = set()
        """Paths of Cloud SQL instances that are gone: their names cannot be used again for a week."""
        self.time_series: list[Properties] = []
        """What monitoring answers with, as its API writes it."""
        self.services_at = ""
        """Where the URLs of Cloud Run services lead; empty: to names as Google gives them, where nothing answers."""
        self._projects: dict[str, str] = {}
        self._lock = threading.RLock()

    def reset(self) -> None:
        with self._lock:
            for held in (self.calls, self.resources, self.policies, self.operations, self.retired, self.time_series):
                held.clear()
            self.services_at = ""

    # ------------------------------------------------------------------------------------------------------- requests
    def call(self, verb: str, url: str, body: Any = None, name: str = "") -> Properties:
        """Make one request for the resource of that logical name; a GoogleError when Google would refuse it."""
        from pulumi_fastapi.emulator.gcp import apis  # its modules register themselves, and import this one

        assert apis
        request = understand(verb, url)
        if request is None:
            raise NotEmulated(f"{verb} {url} is not emulated: none of the API documents in use has such a method")
        method = request.method
        fault = self.faults.strike(method.id, name)
        if fault is not None and fault.code is not None:
            raise GoogleError(fault.status, fault.message, fault.code)
        with self._lock:
            self.calls.append(method.id)
            path = self._with_project_id(request.path)
            nulls = (
                frozenset(key for key, value in body.items() if value is None)
                if isinstance(body, dict)
                else frozenset()
            )
            call = Call(self, method, path, request.query, without_nulls(copy.deepcopy(body)) or {}, nulls)
            self._check(call, body)
            handler = HANDLERS.get(method.id) or USUAL.get(method.name)
            if handler is None:
                raise NotEmulated(f"{method.id} is not emulated")
            return copy.deepcopy(handler(call))

    def wait(self, operation: Properties, api: str, name: str = "") -> Properties:
        """The end of a long-running operation, waited for; an OperationFailed when it went wrong."""
        deadline = time.monotonic() + OPERATION_SECONDS
        while not is_done(operation):
            if time.monotonic() > deadline:
                raise OperationFailed(4, f"operation {operation['name']} has not ended in {OPERATION_SECONDS} s")
            time.sleep(_POLL_SECONDS if operation.get("_polled") else 0)
            operation = {**self.operation(api, operation["name"]), "_polled": True}
        error = operation.get("error")
        if error:
            first = error["errors"][0] if "errors" in error else error
            raise OperationFailed(first.get("code", 2), first["message"])
        return operation

    def operation(self, api: str, name: str) -> Properties:
        """An operation as it stands, which a fault of the kind `run:Operation` may hold up."""
        known = self.operations.get(f"{api}:{name}")
        if known is None:
            raise GoogleError(404, f"Operation {name} does not exist.")
        fault = self.faults.strike(f"{api}:Operation", name)
        if fault is not None and fault.effect == "pending":
            return pending(known)
        return copy.deepcopy(known)

    def _check(self, call: Call, body: Any) -> None:
        shape = call.method.body
        problems = [
            f'Invalid JSON payload received. Unknown name "{key}": Cannot bind query parameter.'
            for key in call.query
            if camel_case(key) not in call.method.query_names | _STANDARD_PARAMETERS
        ]
        if shape is not None and body is not None:
            complete = call.method.name in ("create", "insert")
            found = [
                *violations(shape, call.body, complete=complete),
                *violated_rules(call.api, shape, call.body, call.id),
            ]
            problems += [f"{message} at '{readable(path, shape.name)}'" for path, message in found]
        if problems:
            raise GoogleError(400, "; ".join(problems))

    def set_time_series(self, series: Any) -> None:
        """What monitoring answers from now on; a ValueError when it is nothing that its API could hold."""
        from pulumi_fastapi.emulator.gcp.apis.monitoring import check_time_series

        checked = check_time_series(series)
        with self._lock:
            self.time_series = checked

    # -------------------------------------------------------------------------------------------------------- projects
    def inventory(self) -> list[dict[str, str]]:
        """Everything alive: service, type, id and region. What lives inside another resource goes with it, and
        enabled APIs stay enabled."""
        listed = []
        for name, resource in list(self.resources.items()):
            api, _, path = name.removeprefix("//").partition(".googleapis.com/")
            collection = "rrsets" if api == "dns" else path.split("/")[-2]  # a record is named by name and type
            if api == "serviceusage" or collection in _INSIDE or resource.get("state") == "DELETED":
                continue
            place = re.search(r"/(?:locations|regions)/([^/]+)/", path)
            listed.append({"service": api, "type": collection, "id": path, "region": place[1] if place else "global"})
        return listed

    def project_number(self, project: str) -> str:
        """Any project exists; its number follows from its ID."""
        number = str(100_000_000_000 + zlib.crc32(project.encode()))
        self._projects[number] = project
        return number

    def project_id(self, project: str) -> str:
        """The ID of a project that may be given by its number."""
        return self._projects.get(project, project)

    def _with_project_id(self, path: str) -> str:
        head, _, rest = path.partition("/")
        project, slash, tail = rest.partition("/")
        return f"projects/{self.project_id(project)}{slash}{tail}" if head == "projects" else path

    # ----------------------------------------------------------------------------------------------------------- store
    def find(self, api: str, path: str) -> Properties:
        """A resource as it is stored; a GoogleError when there is none."""
        found = self.look_up(api, path)
        if found is None:
            raise GoogleError(404, f"Resource '{path}' was not found")
        return found

    def look_up(self, api: str, path: str) -> Properties | None:
        return self.resources.get(full_name(api, self._with_project_id(path)))

    def put(self, api: str, path: str, resource: Properties) -> None:
        self.resources[full_name(api, path)] = resource

    def below(self, api: str, path: str) -> Iterator[tuple[str, Properties]]:
        """Path and resource of everything directly in a collection."""
        prefix = f"{full_name(api, path)}/"
        for name, resource in list(self.resources.items()):
            if name.startswith(prefix) and "/" not in name.removeprefix(prefix):
                yield name.removeprefix(full_name(api, "")), resource

    def remove(self, api: str, path: str) -> None:
        """Take a resource away with everything that lives in it."""
        name = full_name(api, path)
        for held in (self.resources, self.policies):
            for each in [each for each in held if each == name or each.startswith(f"{name}/")]:
                del held[each]


_INSIDE = ("revisions", "executions", "versions", "dockerImages")
_STANDARD_PARAMETERS = frozenset({"alt", "$alt", "fields", "key", "prettyPrint", "quotaUser", "userProject"})


def full_name(api: str, path: str) -> str:
    return f"//{api}.googleapis.com/{path}"


def id_in_query(method: Method, query: Mapping[str, str]) -> str | None:
    """What a create calls `serviceId` or the like."""
    for key, value in query.items():
        if camel_case(key) in method.query_names and key.lower().endswith("id") and camel_case(key) != "requestId":
            return value
    return None


def camel_case(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def without_nulls(value: Any) -> Any:
    """An explicit null means the same as nothing: the real provider sends many."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def visible(resource: Properties) -> Properties:
    """A resource without what only we know of it."""
    return {key: value for key, value in resource.items() if not key.startswith("_")}
