"""Every Google type from its creation to its end, step by step as the engine asks for it."""

from typing import Any

import pytest
from google_world import TYPES, build, every, inputs_of
from pulumi_fastapi.emulator.gcp.types import RESOURCE_TYPES

UPDATES: dict[str, dict[str, Any]] = {
    "account": {"displayName": "other"},
    "alert": {"displayName": "other"},
    "armor": {"description": "other"},
    "backend": {"protocol": "HTTP"},
    "channel": {"displayName": "other"},
    "check": {"timeout": "5s"},
    "connection": {"reservedPeeringRanges": ["api-range", "api-range"]},
    "dashboard": {"dashboardJson": '{"displayName": "other"}'},
    "database": {"charset": "LATIN1"},
    "instance": {"maintenanceVersion": "POSTGRES_16_4.R20240910.01_02"},
    "metric": {"description": "other"},
    "objective": {"goal": 0.99},
    "own": {"displayName": "other"},
    "pool": {"displayName": "other"},
    "provider": {"displayName": "other"},
    "record": {"ttl": 60},
    "repository": {"description": "other"},
    "secret": {"labels": {"team": "other"}},
    "service": {"description": "other"},
    "subnetwork": {"privateIpGoogleAccess": True},
    "tls": {"profile": "RESTRICTED"},
    "watched": {"displayName": "other"},
}
REPLACEMENTS: dict[str, dict[str, Any]] = {
    "account": {"accountId": "other-runtime"},
    "access": {"role": "roles/secretmanager.viewer"},
    "armor": {"name": "other"},
    "backend": {"name": "other"},
    "certificate": {"managed": {"domains": ["other.example.com"]}},
    "check": {"httpCheck": {"path": "/-/ready", "port": 443, "useSsl": True, "requestMethod": "POST"}},
    "client": {"role": "roles/cloudsql.viewer"},
    "connection": {"network": "projects/shop-1/global/networks/other"},
    "database": {"name": "other"},
    "group": {"cloudRun": {"service": "other"}},
    "https": {"description": "other"},
    "instance": {"region": "europe-west1"},
    "invoker": {"member": "allAuthenticatedUsers"},
    "job": {"location": "europe-west1"},
    "map": {"name": "other"},
    "network": {"autoCreateSubnetworks": True},
    "objective": {"sloId": "other"},
    "pool": {"workloadIdentityPoolId": "other"},
    "range": {"prefixLength": 24},
    "record": {"type": "AAAA"},
    "repository": {"repositoryId": "other"},
    "rule": {"portRange": "80"},
    "secret": {"replication": {"userManaged": {"replicas": [{"location": "us-central1"}]}}},
    "service": {"name": "other"},
    "subnetwork": {"ipCidrRange": "10.9.0.0/24"},
    "tls": {"description": "other"},
    "user": {"name": "other"},
    "version": {"secretData": "other"},
    "watched": {"serviceId": "other"},
}
NOT_TOLD_APART = ("agent", "signed-in", "api", "reader", "deployer", "client", "access", "invoker")
"""Types without anything that could drift: they are there or not."""


@pytest.fixture(scope="module")
def standing(new_google) -> Any:
    """Everything made once, to be looked at only: the deployer and the resources."""
    google = new_google()
    return google, build(google)


def test_there_is_one_of_every_type():
    members = {"gcp:cloudrunv2/jobIamMember:JobIamMember"}  # as the one of a service

    assert {f"gcp:{token}" for token, _ in TYPES.values()} == RESOURCE_TYPES.keys() - members


def test_nothing_changes_on_the_second_up(standing):
    google, world = standing

    assert {name: google.changes(world[name], inputs_of(name, world)) for name in TYPES} == dict.fromkeys(TYPES, "same")


def test_a_refresh_finds_everything_as_it_was(standing):
    google, world = standing

    for name, resource in world.items():
        found = google.refresh(resource)
        assert found is not None, name
        assert (found.inputs, found.id) == (resource.inputs, resource.id), name
        assert found.outputs.keys() >= resource.outputs.keys() - {"etag"}, name
    assert google.changes(google.refresh(world["service"]), inputs_of("service", world)) == "same"


def test_everything_goes_and_leaves_nothing(google):
    world = build(google)

    for name in reversed(TYPES):
        google.delete(world[name])

    assert google.cloud.inventory() == []
    assert all(google.refresh(world[name]) is None for name in every("api", "agent"))  # enabled APIs stay enabled


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_arrives(google, name):
    world = build(google)
    news = {**inputs_of(name, world), **UPDATES[name]}

    changes = google.changes(world[name], news)
    updated = google.update(world[name], news)

    assert changes == "update"
    assert google.changes(updated, news) == "same"
    found = google.refresh(updated)
    assert {key: found.inputs[key] for key in UPDATES[name]} == UPDATES[name]


@pytest.mark.parametrize("name", ["account", "armor", "repository", "service"])
def test_what_is_no_longer_given_goes(google, name):
    world = build(google)
    described = google.update(world[name], {**inputs_of(name, world), "description": "for now"})

    google.update(described, inputs_of(name, world))

    stored = next(each for key, each in google.cloud.resources.items() if key.endswith(f"/{world[name].id}"))
    assert not stored.get("description")


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_what_cannot_change_replaces(standing, name):
    google, world = standing

    assert google.changes(world[name], {**inputs_of(name, world), **REPLACEMENTS[name]}) == "replace"


def test_a_subnetwork_grows_in_place(standing):
    google, world = standing

    assert (
        google.changes(world["subnetwork"], {**inputs_of("subnetwork", world), "ipCidrRange": "10.8.0.0/20"})
        == "update"
    )


def test_a_refresh_sees_what_is_gone(google):
    world = build(google)
    google.cloud.reset()

    assert [name for name in every("api", "agent") if google.refresh(world[name]) is not None] == []


@pytest.mark.parametrize(
    ("name", "member", "value", "told"),
    [
        ("account", "displayName", "by hand", {"displayName": "by hand"}),
        ("service", "ingress", "INGRESS_TRAFFIC_INTERNAL_ONLY", {}),  # the program has not said it
        ("repository", "cleanupPolicies", {}, {"cleanupPolicies": []}),
        ("tls", "profile", "COMPATIBLE", {"profile": "COMPATIBLE"}),
        ("record", "ttl", 5, {"ttl": 5}),
        ("objective", "goal", 0.9, {"goal": 0.9}),
    ],
)
def test_a_refresh_sees_drift(google, name, member, value, told):
    resource = build(google)[name]
    stored = next(each for key, each in google.cloud.resources.items() if key.endswith(f"/{resource.id}"))
    stored[member] = value

    found = google.refresh(resource)

    assert found.inputs == resource.inputs | told


@pytest.mark.parametrize("name", every("alert", "channel", "connection", "user", *NOT_TOLD_APART))
def test_an_import_finds_what_the_program_would_say(standing, name):
    google, world = standing
    given, resource = world[name].inputs, world[name]
    needed = [key for key, each in RESOURCE_TYPES[resource.type].schema.inputs.items() if each.required]

    adopted = google.adopt(resource.type, resource.id)

    assert adopted is not None
    assert adopted.id == resource.id
    assert {key: _told(adopted.inputs[key], given[key]) for key in needed} == {key: given[key] for key in needed}


@pytest.mark.parametrize("name", ["secret", "group", "map", "http", "pool"])
def test_a_program_need_not_say_what_the_configuration_says(standing, name):
    google, world = standing

    adopted = google.adopt(world[name].type, world[name].id)

    assert adopted.inputs["project"] == "shop-1"
    assert google.changes(adopted, inputs_of(name, world)) == "same"


def _told(found: Any, given: Any) -> Any:
    """What was found of what the program says; the defaults that Google fills in are left out."""
    if isinstance(given, dict):
        return {key: _told(found.get(key), item) for key, item in given.items()}
    if isinstance(given, list):
        return [_told(one, item) for one, item in zip(found, given, strict=True)]
    return found


def test_default_labels_are_sent_and_are_no_drift(google):
    google.configure(project="shop-1", defaultLabels='{"stack": "prod"}')

    secret = google.create(
        "gcp:secretmanager/secret:Secret", secretId="url", replication={"auto": {}}, labels={"a": "b"}
    )

    assert google.cloud.find("secretmanager", secret.id)["labels"] == {"stack": "prod", "a": "b"}
    assert secret.outputs["effectiveLabels"] == {"stack": "prod", "a": "b"}
    assert google.refresh(secret).inputs == secret.inputs


def test_a_protected_service_is_not_deleted(google):
    service = google.create(
        "gcp:cloudrunv2/service:Service", name="api", location="us-central1", template={"containers": [{"image": "x"}]}
    )

    with pytest.raises(RuntimeError, match="deletion_protection=false"):
        google.delete(service)


def test_an_abandoned_resource_stays(google):
    secret = google.create(
        "gcp:secretmanager/secret:Secret", secretId="url", replication={"auto": {}}, deletionPolicy="ABANDON"
    )

    google.delete(secret)

    assert google.refresh(secret) is not None
