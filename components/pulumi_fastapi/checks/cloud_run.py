"""Rules for Cloud Run services."""

from collections.abc import Iterator
from typing import Any

from ..planned import Resource, known
from . import Facts, Problem, get, rule
from .containers import holds_secret

SERVICE = "gcp:cloudrunv2/service:Service"
JOB = "gcp:cloudrunv2/job:Job"
GROUP = "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup"

_OWN_LIMIT = 100


def _template(resource: Resource) -> dict[str, Any]:
    path = ("template", "template") if resource.type == JOB else ("template",)
    found: dict[str, Any] = get(resource, *path, default={})
    return found


def _containers(resource: Resource) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = known(_template(resource).get("containers") or [])
    return found


def _serving(service: Resource) -> dict[str, Any]:
    """The container that gets the requests: the one with a port, or the only one."""
    containers = _containers(service)
    return next((each for each in containers if each.get("ports")), containers[0] if containers else {})


@rule(SERVICE, JOB, severity="error")
def cloud_run_plain_secret(resource: Resource, _: Facts) -> Iterator[Problem]:
    """Plain variables are shown by the console, the API and Pulumi's state."""
    for container in _containers(resource):
        for variable in container.get("envs") or []:
            name, value = str(variable.get("name", "")), variable.get("value")
            if isinstance(value, str) and holds_secret(name, value):
                yield Problem(
                    f"gets {name} as a plain variable",
                    "keep it in Secret Manager and name the secret and its version in valueSource.secretKeyRef",
                )


@rule(SERVICE, JOB, severity="warning")
def cloud_run_latest_secret(resource: Resource, _: Facts) -> Iterator[Problem]:
    """Instances that start after a change read another value than those that run, and no revision says so."""
    for container in _containers(resource):
        for variable in container.get("envs") or []:
            reference = (variable.get("valueSource") or {}).get("secretKeyRef") or {}
            version = reference.get("version")
            if isinstance(version, str) and version == "latest":
                yield Problem(
                    f"reads the latest version of the secret of {variable.get('name')}",
                    "name the version by its number: a new one is then a new revision, which can be taken back",
                )


@rule(SERVICE, JOB, severity="warning")
def cloud_run_default_service_account(resource: Resource, _: Facts) -> Iterator[Problem]:
    """The account that every workload of a project gets by default may often change the whole project."""
    if _template(resource).get("serviceAccount") is None:
        yield Problem(
            "runs as the project's default service account, which often has the role Editor",
            "give it a service account of its own with the roles that it needs",
        )


@rule(SERVICE, severity="warning")
def cloud_run_around_load_balancer(service: Resource, facts: Facts) -> Iterator[Problem]:
    """Who asks the service's own URL meets no rate limit, no rule and no certificate of the load balancer."""
    if get(service, "ingress", default="INGRESS_TRAFFIC_ALL") != "INGRESS_TRAFFIC_ALL":
        return
    if get(service, "defaultUriDisabled", default=False) is True:
        return
    for group in facts.all(GROUP):
        named = get(group, "cloudRun", default={}).get("service")
        by_name = isinstance(named, str) and named == service.inputs.get("name")
        if by_name or service in group.property_dependencies.get("cloudRun", ()):
            yield Problem(
                f"can be reached around the load balancer of {group.name!r}, by its own URL",
                "set ingress to INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
            )
            return


@rule(SERVICE, severity="warning")
def cloud_run_instances_unbounded(service: Resource, _: Facts) -> Iterator[Problem]:
    """What nobody limits grows with every flood of requests: the bill, and the connections to the database."""
    of_the_revision = get(service, "template", "scaling", "maxInstanceCount")
    if of_the_revision is None and get(service, "scaling", "maxInstanceCount") is None:
        yield Problem(
            f"scales to Google's own limit, about {_OWN_LIMIT} instances",
            "set scaling.maxInstanceCount to what the database holds: instances x 2 x workers x pool",
        )


@rule(SERVICE, severity="warning")
def cloud_run_ready_when_the_port_is(service: Resource, _: Facts) -> Iterator[Problem]:
    """A port opens long before an app is imported: without a start-up probe over HTTP the first requests wait, and time
    out."""
    probe = known(_serving(service).get("startupProbe")) or {}
    if not (probe.get("httpGet") or probe.get("grpc")):
        yield Problem(
            "gets requests as soon as its port is open, which is all that is asked at the start",
            "add a startupProbe with httpGet on the path that says the app is ready",
        )


@rule(SERVICE, severity="warning")
def cloud_run_cpu_always_billed(service: Resource, _: Facts) -> Iterator[Problem]:
    """With `resources` but without `cpuIdle` CPU is billed as long as an instance lives, not while it answers."""
    resources = known(_serving(service).get("resources")) or {}
    if resources and resources.get("cpuIdle") is None:
        yield Problem(
            "is billed for CPU between requests too, as cpuIdle is not said",
            "set resources.cpuIdle to true; to false only for work after the answer",
        )
