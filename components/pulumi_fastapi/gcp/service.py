"""The Cloud Run service: revisions named by what is in them, stated traffic, and a deploy that tells the truth."""

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Optional, cast

import pulumi
import pulumi_gcp as gcp
from pulumi import CustomTimeouts, Input, Output, ResourceOptions

from ..app import FastAPIApp
from ..deploy.release import CANDIDATE, ROLLING, Release
from ..timeouts import CloudRunTimeouts
from .component import GoogleComponent, google_name
from .container import Resources, mounts, probes, variables
from .secrets import SecretVersion

LONGEST_NAME = 37
"""Characters of a service's name: with a tag in front it is part of one DNS label, and Google allows 46 for both."""
_HASH = 10
_DEPLOY_SECONDS = 1200
_SUCCEEDED = "CONDITION_SUCCEEDED"


class Ingress(StrEnum):
    """From where requests reach the service."""

    ALL = "INGRESS_TRAFFIC_ALL"
    INTERNAL = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    LOAD_BALANCER = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"


def service_name(name: str) -> str:
    """The name of the Cloud Run service of a component: the same each time, as revisions are named after it."""
    return google_name(name, "", LONGEST_NAME + 8)  # 8 for a suffix that it does not get


class Service(GoogleComponent):
    """A Cloud Run service with one container.

    Costs CPU and memory while requests are answered, less for idle instances that are kept, and a price per request.
    """

    service_name: Output[str]
    """Name of the service."""
    service_id: Output[str]
    """`projects/P/locations/L/services/S`."""
    url: Output[str]
    """Address at run.app, once the revision that was asked for is known to be ready."""
    revision: Output[str]
    """Name of the revision that was asked for; ready if this is not a preview."""
    candidate_url: Output[Optional[str]]
    """Address of the revision that is tried, while a release is under way."""

    def __init__(
        self,
        name: str,
        app: FastAPIApp,
        timeouts: CloudRunTimeouts,
        resources: Resources,
        *,
        location: str,
        image: Input[str],
        service_account: Input[str],
        environment: Mapping[str, Input[str]],
        secrets: Mapping[str, SecretVersion],
        concurrency: int,
        instances_min: int,
        instances_max: int,
        project: Optional[Input[str]] = None,
        ingress: Ingress = Ingress.ALL,
        public: bool = False,
        iap: bool = False,
        surroundings: Optional[Mapping[str, Any]] = None,
        labels: Optional[Mapping[str, str]] = None,
        redeploy: str = "",
        release: Optional[Release] = None,
        deletion_protection: bool = True,
        depends_on: Sequence[pulumi.Resource] = (),
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        physical = service_name(name)
        template: Any = {
            "service_account": service_account,
            "timeout": f"{timeouts.request}s",
            "max_instance_request_concurrency": concurrency,
            "execution_environment": resources.execution_environment,
            "containers": [
                {
                    "name": "app",
                    "image": image,
                    **({"args": app.command} if app.command else {}),
                    "ports": {"name": "http1", "container_port": app.port},
                    "envs": variables(environment, secrets),
                    "volume_mounts": mounts(surroundings or {}),
                    "resources": {
                        "limits": resources.limits,
                        "cpu_idle": resources.cpu_idle,
                        "startup_cpu_boost": resources.startup_cpu_boost,
                    },
                    **probes(app.port, app.liveness_path, app.readiness_path, timeouts),
                }
            ],
            **(surroundings or {}),
            **({"labels": labels} if labels else {}),
        }
        revision = revision_name(physical, template, redeploy)
        scaling: Any = {"min_instance_count": instances_min, "max_instance_count": instances_max}
        traffic: Any = ROLLING if release is None else revision.apply(release.traffic)
        made = gcp.cloudrunv2.Service(
            google_name(name, "service"),
            name=physical,
            project=project,
            location=location,
            ingress=ingress.value,
            invoker_iam_disabled=public,
            iap_enabled=iap or None,
            default_uri_disabled=ingress is Ingress.LOAD_BALANCER,
            # Of the service and not of a revision: two that share the traffic share the instances, and the database's
            # connections, too.
            scaling=scaling,
            template=cast("Any", {**template, "revision": revision}),
            traffics=traffic,
            labels=labels,
            deletion_protection=deletion_protection,
            opts=self.child_options(
                depends_on=list(depends_on),
                custom_timeouts=CustomTimeouts(create=f"{_DEPLOY_SECONDS}s", update=f"{_DEPLOY_SECONDS}s"),
            ),
        )
        ready = ready_revision(made, revision)
        self.publish(
            service_name=Output.all(ready, made.name).apply(lambda known: str(known[1])),
            service_id=made.id,
            url=Output.all(ready, made.uri).apply(lambda known: str(known[1])),
            revision=ready,
            candidate_url=made.traffic_statuses.apply(_url_of_candidate),
        )


def revision_name(service: str, template: Mapping[str, Any], redeploy: str = "") -> Output[str]:
    """The name of the revision that a template makes: equal for equal templates, so that the state of the service tells
    whether Cloud Run has made it.

    Args:
        redeploy: makes another name for the same template; that of a revision which failed cannot be used again.
    """
    text: Output[str] = Output.json_dumps({"template": template, "redeploy": redeploy}, sort_keys=True)
    return text.apply(lambda known: f"{service}-{hashlib.sha256(known.encode()).hexdigest()[:_HASH]}")


def ready_revision(service: gcp.cloudrunv2.Service, revision: Output[str]) -> Output[str]:
    """`revision`, once Cloud Run says that it made it and that the service is well.

    After an update that failed, the provider's state holds what was asked for, and the next `up` finds nothing to do;
    the engine would call that a success. What Cloud Run made last is the old revision then, or, after a refresh, one
    that is not ready: either fails the program, until the service is well.
    """
    if pulumi.runtime.is_dry_run():
        return revision
    known = Output.all(revision, service.name, service.latest_created_revision, service.terminal_conditions)
    return known.apply(lambda values: _checked(*values))


def _checked(revision: str, service: str, created: Optional[str], conditions: Optional[Sequence[Any]]) -> str:
    made = (created or "none").rpartition("/")[2]
    if made != revision:
        raise pulumi.RunError(
            f"{service}: revision {revision} was not made, the last one is {made}: the update before failed, and what"
            " it asked for was not tried again. Change what made it fail; to try the same again, change redeploy; if"
            " you made it well by other means: pulumi up --refresh"
        )
    for condition in conditions or ():
        if condition["state"] != _SUCCEEDED:
            raise pulumi.RunError(
                f"{service}: revision {revision} is not ready ({condition['state']}): {condition.get('message') or '-'}"
                " The revision before keeps the traffic. Change what makes it fail; to try the same again, change"
                " redeploy"
            )
    return revision


def _url_of_candidate(statuses: Optional[Sequence[Any]]) -> Optional[str]:
    return next((str(each["uri"]) for each in statuses or () if each.get("tag") == CANDIDATE and each.get("uri")), None)
