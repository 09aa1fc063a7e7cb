"""What the emulated Google Cloud refuses, computes and tells, besides the life of single resources."""

import base64
import json
import subprocess
import sys
from typing import Any

import pytest
from google_world import REGION, REPOSITORY, build, inputs_of
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_fastapi.emulator.gcp.apis.artifactregistry import find_image, push
from pulumi_fastapi.emulator.gcp.discovery import shape, understand
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.gcp.types import RESOURCE_TYPES
from pulumi_fastapi.emulator.gcp.validation import violations
from pulumi_fastapi.emulator.values import UNKNOWN

DIGEST = f"sha256:{'a' * 64}"
SECRET = "gcp:secretmanager/secret:Secret"  # noqa: S105  a type
AUTO: dict[str, Any] = {"auto": {}}


# ------------------------------------------------------------------------------------------------------------- deletion
@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("network", "subnetworks/api-sub"),
        ("subnetwork", "services/api"),
        ("range", None),  # the peering keeps the addresses, not the range
        ("group", "backendServices/api-backend"),
        ("armor", "backendServices/api-backend"),
        ("backend", "urlMaps/api-map"),
        ("map", "targetHttp"),
        ("certificate", "targetHttpsProxies/api-https"),
        ("tls", "targetHttpsProxies/api-https"),
        ("https", "forwardingRules/api-rule"),
        ("connection", "still using this connection"),
        ("channel", "alertPolicies/"),
    ],
)
def test_what_is_used_is_not_deleted(google, name, user):
    world = build(google)
    if user is None:
        google.delete(world[name])
        return

    with pytest.raises(RuntimeError, match=user):
        google.delete(world[name])
    assert google.refresh(world[name]) is not None


def test_a_network_outlives_its_peering_only_when_that_is_cut(google):
    world = build(google)
    cut = google.update(world["connection"], {**inputs_of("connection", world), "deletionPolicy": "REMOVE_PEERING"})

    google.delete(cut)  # although the database still uses it

    assert google.refresh(cut) is None


def test_the_name_of_a_deleted_pool_is_taken(google):
    pool = google.create("gcp:iam/workloadIdentityPool:WorkloadIdentityPool", workloadIdentityPoolId="github")
    google.delete(pool)

    assert google.cloud.inventory() == []
    with pytest.raises(RuntimeError, match="Error 409"):
        google.create("gcp:iam/workloadIdentityPool:WorkloadIdentityPool", workloadIdentityPoolId="github")


def test_the_name_of_a_database_is_taken_for_a_week(google):
    world = build(google)
    google.delete(world["instance"])

    with pytest.raises(RuntimeError, match=r"Error 409: .* deleted within the last week"):
        google.create("gcp:sql/databaseInstance:DatabaseInstance", **inputs_of("instance", world))


# ----------------------------------------------------------------------------------------------------------- references
@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("subnetwork", {"network": "projects/shop-1/global/networks/nope"}, "networks/nope' was not found"),
        ("backend", {"backends": [{"group": f"projects/shop-1/regions/{REGION}/networkEndpointGroups/nope"}]}, "nope"),
        ("map", {"defaultService": "projects/shop-1/global/backendServices/nope"}, "backendServices/nope"),
        ("connection", {"reservedPeeringRanges": ["nope"]}, "no address nope of purpose VPC_PEERING"),
        ("alert", {"notificationChannels": ["projects/shop-1/notificationChannels/1"]}, "notification channel"),
        ("database", {"instance": "nope"}, "instances/nope' was not found"),
        ("version", {"secret": "projects/shop-1/secrets/nope"}, "secrets/nope' was not found"),
        ("objective", {"service": "nope"}, "services/nope' was not found"),
        ("reader", {"repository": "nope"}, "repositories/nope' was not found"),
        ("channel", {"labels": {}}, "needs 'email_address'"),
        ("user", {"type": "CLOUD_IAM_SERVICE_ACCOUNT"}, "cloudsql.iam_authentication"),
        ("record", {"name": "api.example.com"}, "end with a dot"),
    ],
)
def test_what_a_resource_names_has_to_be_there(google, name, change, words):
    world = build(google, without=name)
    row_inputs = {**inputs_of(name, world), **change}

    with pytest.raises(RuntimeError, match=words):
        google.create(_token(name), **row_inputs)


def test_a_private_database_needs_the_peering_first(google):
    world = build(google, without="connection")
    assert "instance" not in world

    with pytest.raises(RuntimeError, match=r"Create Service Networking connection .* NETWORK_NOT_PEERED"):
        google.create("gcp:sql/databaseInstance:DatabaseInstance", **inputs_of("instance", world))


def test_subnetworks_do_not_overlap(google):
    world = build(google)

    with pytest.raises(RuntimeError, match="conflicts with existing subnetwork 'api-sub'"):
        google.create(
            _token("subnetwork"), **{**inputs_of("subnetwork", world), "name": "other", "ipCidrRange": "10.8.0.128/25"}
        )


def test_the_same_name_twice_is_a_conflict(google):
    google.create(SECRET, secretId="url", replication=AUTO)

    with pytest.raises(RuntimeError, match="Error 409: Resource 'projects/shop-1/secrets/url' already exists"):
        google.create(SECRET, secretId="url", replication=AUTO)


def test_a_private_address_is_not_given_up_in_place(google):
    world = build(google)
    news = inputs_of("instance", world)
    news["settings"]["ipConfiguration"] = {"ipv4Enabled": True}

    assert google.changes(world["instance"], news) == "replace"


# --------------------------------------------------------------------------------------------------------------- values
def test_a_missing_project_is_named(google):
    google.configure()

    with pytest.raises(RuntimeError, match="project: required field is not set"):
        google.create(SECRET, secretId="url", replication=AUTO)


def test_names_are_made_up_as_the_real_provider_does(google):
    made = google.checked(SECRET, {"replication": AUTO}, {})
    kept = google.checked(SECRET, {"replication": AUTO}, made)

    assert made["secretId"] == "thing-0123456"
    assert kept == made


def test_unknown_values_are_taken_as_right(google):
    world = build(google)
    inputs = inputs_of("service", world)
    inputs["template"]["serviceAccount"] = UNKNOWN
    inputs["template"]["containers"][0]["image"] = UNKNOWN
    inputs["template"]["volumes"] = UNKNOWN
    inputs["template"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]

    assert google.checked(_token("service"), inputs, {})["name"] == "api"


@pytest.mark.parametrize("name", sorted(RESOURCE_TYPES))
def test_a_type_with_everything_unknown_passes(google, name):
    inputs = {key: UNKNOWN for key, each in RESOURCE_TYPES[name].schema.inputs.items() if each.required}
    if name.endswith(":RegionNetworkEndpointGroup"):
        inputs["cloudRun"] = UNKNOWN  # one of three has to be there

    assert google.checked(name, inputs, {})


def test_a_password_is_not_told_again(google):
    world = build(google)

    stored = next(each for key, each in google.cloud.resources.items() if key.endswith("/users/app"))

    assert "not-told" not in json.dumps(stored)
    assert google.refresh(world["user"]).inputs["password"] == "not-told"  # noqa: S105


def test_a_secret_version_holds_what_it_was_given(google):
    world = build(google)

    answer = google.cloud.call("GET", f"https://secretmanager.googleapis.com/v1/{world['version'].id}:access")

    assert base64.b64decode(answer["payload"]["data"]) == b"postgresql://"


def test_versions_of_a_secret_count_up(google):
    world = build(google)
    google.delete(world["version"])

    again = google.create(_token("version"), secret=world["secret"].id, secretData="other")

    assert again.outputs["version"] == "2"


def test_a_policy_keeps_the_members_of_others(google):
    world = build(google)
    role = {"name": "api", "location": REGION, "role": "roles/run.invoker"}
    google.create(_token("invoker"), **role, member=world["account"].outputs["member"])

    google.delete(world["invoker"])

    policy = google.cloud.policies[f"//run.googleapis.com/projects/shop-1/locations/{REGION}/services/api"]
    assert policy["bindings"] == [{"role": "roles/run.invoker", "members": [world["account"].outputs["member"]]}]


# --------------------------------------------------------------------------------------------------------------- images
@pytest.fixture
def repository(google) -> str:
    google.create(_token("repository"), **inputs_of("repository", {}))
    return f"{REPOSITORY}/api"


def test_an_image_is_found_by_tag_and_digest(google, repository):
    push(google.cloud, f"{repository}:1", DIGEST)

    found = find_image(google.cloud, f"{repository}:1")

    assert found is not None
    assert found["uri"] == f"{repository}@{DIGEST}"
    assert find_image(google.cloud, f"{repository}@{DIGEST}") == found
    assert find_image(google.cloud, f"{repository}:2") is None


def test_a_pushed_image_is_listed_and_told(google, repository):
    push(google.cloud, f"{repository}:1", DIGEST)
    images = (
        f"https://artifactregistry.googleapis.com/v1/projects/shop-1/locations/{REGION}/repositories/api/dockerImages"
    )

    assert google.cloud.call("GET", images)["dockerImages"] == [google.cloud.call("GET", f"{images}/api@{DIGEST}")]


def test_an_immutable_tag_stays(google, repository):
    push(google.cloud, f"{repository}:1", DIGEST)
    push(google.cloud, f"{repository}:1", DIGEST)

    with pytest.raises(GoogleError, match="immutable"):
        push(google.cloud, f"{repository}:1", f"sha256:{'b' * 64}")


def test_nothing_is_pushed_into_a_repository_that_is_not_there(google):
    with pytest.raises(GoogleError, match="Repository 'api' not found"):
        push(google.cloud, f"{REPOSITORY}/api:1", DIGEST)


# ------------------------------------------------------------------------------------------------------------ functions
def test_functions_answer(google, repository):
    push(google.cloud, f"{repository}:1", DIGEST)
    made = google.create(
        "gcp:cloudrunv2/service:Service",
        name="api",
        location=REGION,
        template={"containers": [{"image": f"{repository}:1"}]},
    )

    project = google.invoke("gcp:organizations/getProject:getProject")
    client = google.invoke("gcp:organizations/getClientConfig:getClientConfig")
    place = {"location": REGION, "repositoryId": "api"}
    image = google.invoke("gcp:artifactregistry/getDockerImage:getDockerImage", **place, imageName="api:1")
    service = google.invoke("gcp:cloudrunv2/getService:getService", name="api", location=REGION)

    assert project["projectId"] == "shop-1"
    assert made.outputs["urls"][0] == f"https://api-{project['number']}.{REGION}.run.app"
    assert (client["project"], client["region"]) == ("shop-1", REGION)
    assert image["selfLink"] == f"{repository}@{DIGEST}"
    assert service["uri"] == made.outputs["uri"]
    assert service["templates"][0]["containers"][0]["image"] == f"{repository}:1"


@pytest.mark.parametrize(
    ("token", "arguments", "words"),
    [
        (
            "gcp:artifactregistry/getDockerImage:getDockerImage",
            {"location": REGION, "repositoryId": "api", "imageName": "x"},
            "no Docker image x",
        ),
        ("gcp:cloudrunv2/getService:getService", {"name": "nope", "location": REGION}, "nope not found"),
        ("gcp:compute/getNetwork:getNetwork", {}, "is not emulated"),
    ],
)
def test_a_function_says_what_it_lacks(google, token, arguments, words):
    with pytest.raises(RuntimeError, match=words):
        google.invoke(token, **arguments)


# --------------------------------------------------------------------------------------------------------------- faults
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            {"code": "PERMISSION_DENIED", "status": 403, "message": "no"},
            "Error creating Secret: googleapi: Error 403: no, PERMISSION_DENIED",
        ),
        ({"code": "RESOURCE_EXHAUSTED", "status": 429}, "Error 429"),
    ],
)
def test_an_injected_fault_is_an_error_of_google(google, fault, words):
    google.cloud.faults.replace([{"operation": "secretmanager.projects.secrets.create", **fault, "times": 1}])

    with pytest.raises(RuntimeError, match=words):
        google.create(SECRET, secretId="url", replication=AUTO)
    assert google.create(SECRET, secretId="url", replication=AUTO).id


def test_a_slow_operation_is_waited_for(google):
    google.cloud.faults.replace([{"operation": "compute:Operation", "effect": "pending", "times": 3}])

    made = google.create(_token("network"), name="api-net")

    assert made.outputs["selfLink"].endswith("/global/networks/api-net")


def test_a_type_that_is_not_emulated_says_so(google):
    with pytest.raises(RuntimeError, match="gcp:pubsub/topic:Topic is not emulated"):
        google.checked("gcp:pubsub/topic:Topic", {}, {})


def test_types_are_read_by_many_threads_at_once():
    """As in a refresh, which begins with everything at the same time."""
    program = """
from concurrent.futures import ThreadPoolExecutor
from pulumi_fastapi.emulator.schema import schema_of
names = ["projects/service:Service", "projects/iAMMember:IAMMember", "secretmanager/secret:Secret"] * 6
with ThreadPoolExecutor(len(names)) as threads:
    print(sum(1 for _ in threads.map(schema_of, [f"gcp:{name}" for name in names])))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)

    assert ran.stdout.strip() == "18", ran.stderr


# ------------------------------------------------------------------------------------------------------------ documents
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
SERVICE = shape("run.v2", "GoogleCloudRunV2Service")


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*SERVICE.members, "nothing"]), JSON, max_size=6))
def test_any_body_is_judged(body):
    found = list(violations(SERVICE, body))

    assert ("nothing" in body) == any("Unknown name" in message and '"nothing"' in message for _, message in found)
    assert all((path and path[0] in {*SERVICE.members, *body}) or '"nothing"' in message for path, message in found)


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=20), st.sampled_from(["GET", "POST", "PATCH", "DELETE"]))
def test_any_path_is_understood_or_not(path, verb):
    request = understand(verb, f"https://run.googleapis.com/v2/{path}")

    assert request is None or request.method.verb == verb


def _token(name: str) -> str:
    from google_world import TYPES

    return f"gcp:{TYPES[name][0]}"
