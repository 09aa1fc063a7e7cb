"""Typical mistakes in Google programs: where each is caught, and with which words."""

from collections.abc import Callable
from typing import Any

import pytest
from google_world import REPOSITORY, build, inputs_of

Change = Callable[[dict[str, Any]], Any]


def container(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs["template"]["containers"][0]


def settings(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs["settings"]


# Refused by the preview: the name of a property, or words of the message where it has none.
CHECKED: list[tuple[str, str, Change, str]] = [
    ("unknown nested field", "service", lambda i: container(i).update(resource={}), "containers[0].resource'"),
    (
        "snake case in a raw dictionary",
        "service",
        lambda i: i["template"]["scaling"].update(max_instance_count=5),
        "did you mean maxInstanceCount",
    ),
    (
        "a list of ports",
        "service",
        lambda i: container(i).update(ports=[{"containerPort": 8080}]),
        "containers[0].ports'",
    ),
    ("a port by name", "service", lambda i: container(i)["ports"].update(containerPort="http"), "ports.containerPort'"),
    ("ingress", "service", lambda i: i.update(ingress="INTERNAL"), "thing.ingress'"),
    ("egress", "service", lambda i: i["template"]["vpcAccess"].update(egress="ALL"), "vpcAccess.egress'"),
    ("a timeout without its unit", "service", lambda i: i["template"].update(timeout="60"), "template.timeout'"),
    (
        "type of a traffic target",
        "service",
        lambda i: i.update(traffics=[{"type": "LATEST", "percent": 100}]),
        "traffics[0].type'",
    ),
    (
        "traffic of 90 %",
        "service",
        lambda i: i.update(traffics=[{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 90}]),
        "thing.traffics'",
    ),
    (
        "4 CPUs with 1 GiB",
        "service",
        lambda i: container(i)["resources"]["limits"].update(cpu="4", memory="1Gi"),
        "resources.limits.memory'",
    ),
    (
        "half a CPU with concurrency",
        "service",
        lambda i: container(i)["resources"]["limits"].update(cpu="500m"),
        "concurrency > 1",
    ),
    (
        "a start-up probe of 300 s",
        "service",
        lambda i: container(i)["startupProbe"].update(periodSeconds=10, failureThreshold=30),
        "startupProbe.failureThreshold'",
    ),
    (
        "a probe that waits longer than its period",
        "service",
        lambda i: container(i)["livenessProbe"].update(timeoutSeconds=60),
        "livenessProbe.timeoutSeconds'",
    ),
    (
        "PORT as a variable",
        "service",
        lambda i: container(i)["envs"].append({"name": "PORT", "value": "80"}),
        "envs[1].name'",
    ),
    (
        "a number as a variable",
        "service",
        lambda i: container(i)["envs"].append({"name": "WORKERS", "value": 5}),
        "envs[1].value'",
    ),
    ("a name of 60 characters", "service", lambda i: i.update(name="a" * 60), "thing.name'"),
    ("no image", "service", lambda i: container(i).pop("image"), "containers[0].image'"),
    ("a revision of another name", "service", lambda i: i["template"].update(revision="v1"), "template.revision'"),
    ("a tier of MySQL", "instance", lambda i: settings(i).update(tier="db-n1-standard-1"), "settings.tier'"),
    ("no edition", "instance", lambda i: settings(i).pop("edition"), "ENTERPRISE_PLUS"),
    ("a version to come", "instance", lambda i: i.update(databaseVersion="POSTGRES_61"), "thing.databaseVersion'"),
    (
        "a number as a flag",
        "instance",
        lambda i: settings(i)["databaseFlags"][0].update(value=200),
        "databaseFlags[0].value'",
    ),
    (
        "a misspelt flag",
        "instance",
        lambda i: settings(i)["databaseFlags"][0].update(name="max_conections"),
        "Invalid flag max_conections",
    ),
    ("an SSL mode", "instance", lambda i: settings(i)["ipConfiguration"].update(sslMode="REQUIRED"), "sslMode'"),
    ("no address at all", "instance", lambda i: settings(i)["ipConfiguration"].pop("privateNetwork"), "Private IP"),
    ("an underscore in a name", "network", lambda i: i.update(name="api_net"), "thing.name'"),
    ("a timeout of a serverless backend", "backend", lambda i: i.update(timeoutSec=60), "thing.timeoutSec'"),
    ("a protocol", "backend", lambda i: i.update(protocol="H2"), "thing.protocol'"),
    ("a group of nothing", "group", lambda i: i.pop("cloudRun"), "exactly one of cloudRun"),
    (
        "a comparison",
        "alert",
        lambda i: i["conditions"][0]["conditionThreshold"].update(comparison="GT"),
        "conditionThreshold.comparison'",
    ),
    ("an uptime check every two minutes", "check", lambda i: i.update(period="120s"), "thing.period'"),
    ("a goal in per cent", "objective", lambda i: i.update(goal=99.5), "thing.goal'"),
    (
        "an age in days",
        "repository",
        lambda i: i["cleanupPolicies"][1]["condition"].update(olderThan="7d"),
        "olderThan'",
    ),
    ("a format", "repository", lambda i: i.update(format="docker-image"), "thing.format'"),
    ("an account of 3 characters", "account", lambda i: i.update(accountId="api"), "thing.accountId'"),
    ("GitHub without a condition", "provider", lambda i: i.pop("attributeCondition"), "thing.attributeCondition'"),
    ("a wildcard certificate", "certificate", lambda i: i["managed"].update(domains=["*.example.com"]), "domains[0]'"),
]
# Refused by Google when the resource is made: the words.
REFUSED: list[tuple[str, str, Change, str]] = [
    ("a member without its kind", "client", lambda i: i.update(member="bob@example.com"), "Error 400: The member bob"),
    (
        "an account that is not there",
        "client",
        lambda i: i.update(member="serviceAccount:nope@shop-1.iam.gserviceaccount.com"),
        "Error 400: Service account nope@shop-1.iam.gserviceaccount.com does not exist",
    ),
    ("a grant on an automatic name", "invoker", lambda i: i.pop("name"), "Error 404: Resource"),
    (
        "an image that was not pushed",
        "service",
        lambda i: container(i).update(image=f"{REPOSITORY}/api:nope"),
        "Image '.*/api:nope' not found",
    ),
]
# Not caught, as docs/emulator.md says.
ACCEPTED: list[tuple[str, str, Change]] = [
    ("a filter", "alert", lambda i: i["conditions"][0]["conditionThreshold"].update(filter="resource.type==")),
    ("a role", "invoker", lambda i: i.update(role="roles/run.invoke")),
]


@pytest.fixture(scope="module")
def without(new_google) -> Callable[[str], Any]:
    """Deployer and everything but the resource that is to be made wrongly."""
    made: dict[str, Any] = {}

    def make(name: str) -> Any:
        if name not in made:
            google = new_google()
            made[name] = google, build(google, without=name)
        return made[name]

    return make


@pytest.mark.parametrize(("name", "change", "words"), [case[1:] for case in CHECKED], ids=[case[0] for case in CHECKED])
def test_a_preview_refuses(without, name, change, words):
    google, world = without(name)
    inputs, token = inputs_of(name, world), _token(name)
    assert google.checked(token, inputs_of(name, world), {})  # right before it is made wrong

    change(inputs)

    with pytest.raises(RuntimeError) as refused:
        google.checked(token, inputs, {})
    assert words in str(refused.value)
    assert "INVALID_ARGUMENT: " in str(refused.value)


@pytest.mark.parametrize(("name", "change", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_google_refuses(without, name, change, words):
    google, world = without(name)
    inputs = inputs_of(name, world)

    change(inputs)

    with pytest.raises(RuntimeError, match=words):
        google.create(_token(name), **inputs)


@pytest.mark.parametrize(("name", "change"), [case[1:] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED])
def test_nothing_catches(without, name, change):
    google, world = without(name)
    inputs = inputs_of(name, world)

    change(inputs)

    assert google.create(_token(name), **inputs).id


def _token(name: str) -> str:
    from google_world import TYPES

    return f"gcp:{TYPES[name][0]}"
