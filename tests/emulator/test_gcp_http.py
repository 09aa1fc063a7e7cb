"""The emulated Google Cloud over HTTP: as httpx, Google's own client and the real provider ask it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from google_world import REGION
from googleapiclient.errors import HttpError
from pulumi_fastapi.emulated_cloud import google_client

HOME = f"projects/shop-1/locations/{REGION}"
NAME = f"{HOME}/services/api"
LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
PUBLIC: dict[str, Any] = {"template": {"containers": [{"image": "x"}]}, "invokerIamDisabled": True}


@pytest.fixture
def endpoint(emulator) -> str:
    emulator.control.set_faults([])
    emulator.google.reset()
    return emulator.endpoint


@pytest.fixture
def run(endpoint) -> httpx.Client:
    """The API of Cloud Run, as the real provider's custom endpoint has it."""
    with httpx.Client(base_url=f"{endpoint}/_google/run.googleapis.com/v2/") as client:
        yield client


def created(run: httpx.Client, body: dict[str, Any] | None = None) -> dict[str, Any]:
    operation = run.post(f"{HOME}/services", params={"serviceId": "api"}, json=body or PUBLIC).json()
    ended = run.get(operation["name"]).json()
    assert ended["done"]
    return run.get(NAME).json()


# ------------------------------------------------------------------------------------------------------------- requests
def test_an_operation_is_polled_to_its_end(run):
    begun = run.post(f"{HOME}/services", params={"serviceId": "api"}, json=PUBLIC)
    ended = run.get(begun.json()["name"])

    assert begun.json()["done"] is False
    assert ended.json()["done"] is True
    assert ended.json()["response"]["name"] == NAME


def test_an_operation_takes_as_long_as_a_fault_says(run, emulator):
    emulator.control.set_faults([{"operation": "run:Operation", "effect": "pending", "times": 2}])
    name = run.post(f"{HOME}/services", params={"serviceId": "api"}, json=PUBLIC).json()["name"]

    assert [run.get(name).json()["done"] for _ in range(3)] == [False, False, True]


def test_an_operation_tells_why_it_failed(run, emulator):
    emulator.control.set_faults([{"operation": "run:Revision", "effect": "failed"}])
    name = run.post(f"{HOME}/services", params={"serviceId": "api"}, json=PUBLIC).json()["name"]

    error = run.get(name).json()["error"]

    assert error["code"] == 9
    assert "is not ready and cannot serve traffic" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", NAME, None, 404, f"Resource '{NAME}' was not found"),
        ("POST", f"{HOME}/services?serviceId=api", b"{", 400, "Invalid JSON payload received"),
        ("POST", f"{HOME}/services?serviceId=api", b'{"ingres": 1}', 400, 'Unknown name "ingres": Cannot find field'),
        ("POST", f"{HOME}/services?service=api", b"{}", 400, 'Unknown name "service": Cannot bind query parameter'),
        ("POST", f"{HOME}/services?serviceId=api", b"{}", 400, "a value is required at 'service.template'"),
        ("GET", f"{HOME}/nothing", None, 501, "none of the API documents in use has such a method"),
        ("POST", f"{HOME}/services/api:testIamPermissions", b"{}", 501, "is not emulated"),
    ],
)
def test_a_wrong_request_gets_an_error_as_google_writes_it(run, method, path, body, status, words):
    answer = run.request(method, path, content=body)

    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == status


def test_a_fault_is_an_error_over_http_too(run, emulator):
    fault = {
        "operation": "run.projects.locations.services.*",
        "code": "RESOURCE_EXHAUSTED",
        "status": 429,
        "message": "quota",
    }
    emulator.control.set_faults([fault])

    answer = run.get(NAME)

    assert (answer.status_code, answer.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")


def test_googles_own_client_works(endpoint):
    services = google_client(endpoint, "run", "v2").projects().locations().services()

    services.create(parent=HOME, serviceId="api", body=PUBLIC).execute()
    services.patch(name=NAME, body={**PUBLIC, "description": "other"}).execute()

    assert [each["description"] for each in services.list(parent=HOME).execute()["services"]] == ["other"]
    with pytest.raises(HttpError, match="was not found"):
        services.get(name=f"{HOME}/services/nope").execute()


def test_every_custom_endpoint_of_the_provider_leads_to_an_api(emulator):
    lists = {
        "ARTIFACT_REGISTRY": f"{HOME}/repositories",
        "CLOUD_RUN_V2": f"{HOME}/services",
        "COMPUTE": "projects/shop-1/global/networks",
        "DNS": "projects/shop-1/managedZones/zone/rrsets",
        "IAM": "projects/shop-1/serviceAccounts",
        "LOGGING": "projects/shop-1/metrics",
        "MONITORING": "v3/projects/shop-1/alertPolicies",
        "RESOURCE_MANAGER": "projects/shop-1",
        "SECRET_MANAGER": "projects/shop-1/secrets",
        "SERVICE_NETWORKING": "services/servicenetworking.googleapis.com/connections",
        "SERVICE_USAGE": "projects/shop-1/services",
        "SQL": "projects/shop-1/instances",
    }
    given = {key: value for key, value in emulator.environment.items() if key.endswith("_CUSTOM_ENDPOINT")}

    answers = {
        name: httpx.get(given[f"GOOGLE_{name}_CUSTOM_ENDPOINT"] + path).status_code for name, path in lists.items()
    }

    assert answers == dict.fromkeys(lists, 200)
    assert given.keys() == {f"GOOGLE_{name}_CUSTOM_ENDPOINT" for name in lists}


OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ARTIFACT_REGISTRY": (f"{HOME}/repositories?repositoryId=api", "", {"format": "DOCKER"}),
    "COMPUTE": ("projects/shop-1/global/networks", "projects/shop-1/global/operations/", {"name": "api-net"}),
    "IAM": (
        "projects/shop-1/locations/global/workloadIdentityPools?workloadIdentityPoolId=github",
        "",
        {"displayName": "GitHub"},
    ),
    "SERVICE_USAGE": ("projects/shop-1/services/run.googleapis.com:enable", "", {}),
    "SQL": (
        "projects/shop-1/instances",
        "projects/shop-1/operations/",
        {"name": "db", "databaseVersion": "POSTGRES_16", "settings": {"tier": "db-f1-micro", "edition": "ENTERPRISE"}},
    ),
}
"""By API: what is made, and what stands before the name of its operation."""


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.usefixtures("endpoint")
def test_operations_of_every_api_are_found_where_its_clients_look(emulator, name):
    path, before, body = OPERATIONS[name]
    base = emulator.environment[f"GOOGLE_{name}_CUSTOM_ENDPOINT"]
    begun = httpx.post(base + path, json=body).json()

    ended = httpx.get(f"{base}{before}{begun['name']}").json()

    assert (begun.get("done"), begun.get("status")) in ((False, None), (None, "RUNNING"))
    assert (ended.get("done"), ended.get("status")) in ((True, None), (None, "DONE"))


def test_revisions_are_listed_newest_first(run):
    created(run)
    body = {**PUBLIC, "template": {"containers": [{"image": "y"}]}}
    run.get(run.patch(NAME, json=body).json()["name"])

    images = [each["containers"][0]["image"] for each in run.get(f"{NAME}/revisions").json()["revisions"]]

    assert images == ["y", "x"]


# ------------------------------------------------------------------------------------------------------------- services
@pytest.fixture
def serving(run, emulator) -> Any:
    """A service of that configuration, whose URLs lead to the emulator."""
    emulator.control.serve_google_services()

    def make(**more: Any) -> dict[str, Any]:
        return created(run, {**PUBLIC, **more})

    return make


def test_a_service_answers_for_the_revision_that_serves(serving):
    service = serving(traffic=[{"type": LATEST, "percent": 100, "tag": "candidate"}])
    revision = service["latestReadyRevision"].rsplit("/", 1)[1]

    plain = httpx.get(f"{service['uri']}/-/ready")
    tagged = httpx.get(f"{service['trafficStatuses'][0]['uri']}/-/ready")

    assert plain.json() == {"status": "ready", "revision": revision, "path": "/-/ready"}
    assert tagged.json() == plain.json()


def test_a_revision_can_be_made_unready(serving, emulator):
    service = serving()
    revision = service["latestReadyRevision"].rsplit("/", 1)[1]
    fault = {"operation": "run:Request", "name": revision, "code": "UNAVAILABLE", "status": 503, "times": 1}
    emulator.control.set_faults([fault])

    assert [httpx.get(f"{service['uri']}/-/ready").status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"}, 404),
        ({"defaultUriDisabled": True}, 404),
        ({"invokerIamDisabled": False}, 403),
        ({"iapEnabled": True}, 403),
    ],
)
def test_a_closed_service_does_not_answer(serving, more, status):
    assert httpx.get(f"{serving(**more)['uri']}/-/ready").status_code == status


def test_a_private_service_answers_who_says_who_it_is(serving):
    service = serving(invokerIamDisabled=False)

    assert httpx.get(f"{service['uri']}/", headers={"Authorization": "Bearer token"}).status_code == 200


def test_an_unknown_tag_is_not_found(serving):
    home, _, name = serving()["uri"].rpartition("/")

    assert httpx.get(f"{home}/nope---{name}/").status_code == 404


def test_urls_are_as_google_gives_them_unless_asked_for(run):
    assert created(run)["uri"].startswith("https://api-")


# -------------------------------------------------------------------------------------------------------------- metrics
END = datetime(2026, 1, 1, 12, tzinfo=UTC)


def series(metric: str, value: dict[str, Any], age: float = 60, **labels: str) -> dict[str, Any]:
    """One point of one revision, `age` seconds old."""
    revision = labels.pop("revision", "api-two")
    moment = (END - timedelta(seconds=age)).isoformat()
    resource = {"service_name": "api", "revision_name": revision}
    return {
        "metric": {"type": f"run.googleapis.com/{metric}", "labels": labels},
        "resource": {"type": "cloud_run_revision", "labels": resource},
        "points": [{"interval": {"endTime": moment}, "value": value}],
    }


def ask(endpoint: str, metric: str = "request_count", seconds: int = 600, **more: str) -> httpx.Response:
    filter = f'metric.type = "run.googleapis.com/{metric}" AND resource.labels.revision_name = "api-two"'
    start = (END - timedelta(seconds=seconds)).isoformat()
    interval = {"interval.startTime": start, "interval.endTime": END.isoformat()}
    url = f"{endpoint}/_google/monitoring.googleapis.com/v3/projects/shop-1/timeSeries"
    return httpx.get(url, params={"filter": filter, **interval, **more})


def summed(aligner: str, reducer: str, **more: str) -> dict[str, str]:
    aggregation = {"alignmentPeriod": "600s", "perSeriesAligner": aligner, "crossSeriesReducer": reducer, **more}
    return {f"aggregation.{key}": value for key, value in aggregation.items()}


def values(answer: httpx.Response) -> list[float]:
    return [each["points"][0]["value"]["doubleValue"] for each in answer.json().get("timeSeries", [])]


def test_requests_are_counted_by_class_of_answer(endpoint, emulator):
    counts = [({"int64Value": "90"}, "2xx"), ({"int64Value": "6"}, "5xx"), ({"int64Value": "4"}, "5xx")]
    emulator.control.set_time_series(
        [series("request_count", value, response_code_class=kind) for value, kind in counts]
        + [series("request_count", {"int64Value": "7"}, revision="api-one", response_code_class="5xx")]
    )

    by_class = summed("ALIGN_DELTA", "REDUCE_SUM", groupByFields="metric.labels.response_code_class")
    answer = ask(endpoint, **by_class)

    found = {each["metric"]["labels"]["response_code_class"]: each["points"] for each in answer.json()["timeSeries"]}
    assert {kind: points[0]["value"]["doubleValue"] for kind, points in found.items()} == {"2xx": 90, "5xx": 10}


def test_a_percentile_is_taken_over_the_distributions(endpoint, emulator):
    buckets = {"explicitBuckets": {"bounds": [100, 200, 400]}}
    fast = {"count": "95", "mean": 50, "bucketCounts": ["95", "0", "0"], "bucketOptions": buckets}
    slow = {"count": "5", "mean": 350, "bucketCounts": ["0", "0", "5"], "bucketOptions": buckets}
    given = [series("request_latencies", {"distributionValue": each}) for each in (fast, slow)]
    emulator.control.set_time_series(given)

    assert values(ask(endpoint, "request_latencies", **summed("ALIGN_DELTA", "REDUCE_PERCENTILE_95"))) == [400]
    assert values(ask(endpoint, "request_latencies", **summed("ALIGN_DELTA", "REDUCE_PERCENTILE_50"))) == [100]


def test_a_rate_is_by_second(endpoint, emulator):
    emulator.control.set_time_series([series("request_count", {"int64Value": "60"})])

    assert values(ask(endpoint, **summed("ALIGN_RATE", "REDUCE_SUM"))) == [0.1]


def test_points_outside_the_interval_do_not_count(endpoint, emulator):
    emulator.control.set_time_series([series("request_count", {"int64Value": "60"}, age=700)])

    assert ask(endpoint).json() == {}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"filter": 'resource.type=="x"'}, "could not parse"),
        ({"filter": 'resource.type="x"'}, "has to name a metric.type"),
        ({"interval.endTime": "noon"}, "Timestamp"),
        (summed("ALIGN_DELTA", "REDUCE_MODE"), "REDUCE_MODE"),
        (summed("ALIGN_DELTA", "REDUCE_SUM", alignmentPeriod="1s"), "at least 60s"),
    ],
)
def test_a_wrong_question_is_refused(endpoint, emulator, more, words):
    emulator.control.set_time_series([series("request_count", {"int64Value": "1"})])

    answer = ask(endpoint, **more)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([{"metric": {"typo": "x"}}], "Cannot find field"),
        ([{"metric": {"type": "x"}}], "resource is missing"),
    ],
)
def test_metrics_are_given_as_google_writes_them(emulator, given, words):
    with pytest.raises(ValueError, match=words):
        emulator.control.set_time_series(given)


# -------------------------------------------------------------------------------------------------------------- control
def test_what_is_alive_and_was_called_is_told(run, emulator):
    created(run)

    found = [each for each in emulator.google.inventory() if each["service"] == "run"]

    assert found == [{"service": "run", "type": "services", "id": NAME, "region": REGION}]
    assert emulator.control.google_calls()[0] == "run.projects.locations.services.create"
