import json
from typing import Any

import pulumi_gcp as gcp
import pytest
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.gcp.alerts import DatabaseAlerts, NotificationChannels, ServiceAlerts, UptimeAlert
from pulumi_fastapi.gcp.dashboard import Dashboard
from pulumi_fastapi.gcp.slo import ServiceLevelObjectives, ServiceLevelObjectivesArgs
from pulumi_fastapi.plan import Plan, Resource, plan

CONFIG = {"gcp:project": "shop-1", "gcp:region": "europe-west1"}
SERVICE: dict[str, Any] = {"service": "api", "location": "europe-west1"}
REVISIONS = (
    'resource.type = "cloud_run_revision" AND resource.labels.service_name = "api"'
    ' AND resource.labels.location = "europe-west1"'
)
INSTANCE = 'resource.type = "cloudsql_database" AND resource.labels.database_id = "shop-1:db"'


@pytest.fixture(scope="module")
def watched() -> Plan:
    def program() -> None:
        ids = NotificationChannels("ops", ["ops@example.com"]).ids
        ServiceAlerts("api", **SERVICE, max_instances=10, channel_ids=ids, latency_seconds=0.5)
        UptimeAlert("api", "https://api.example.com", "/-/ready", "shop-1", ids)
        DatabaseAlerts("api", "shop-1:db", connections=90, disk_size_limit_gb=100, channel_ids=ids)
        ServiceLevelObjectives("api", ServiceLevelObjectivesArgs(**SERVICE, channel_ids=list(ids)))
        Dashboard("api", **SERVICE, database_id="shop-1:db")

    return plan(program, config=CONFIG, preview=False)


def alert(result: Plan, label: str) -> dict[str, Any]:
    return result.find(gcp.monitoring.AlertPolicy, f"api-{label}").inputs


def thresholds(result: Plan, label: str) -> list[dict[str, Any]]:
    return [each["conditionThreshold"] for each in alert(result, label)["conditions"]]


def alerts(result: Plan) -> list[Resource]:
    return result.all(gcp.monitoring.AlertPolicy)


def test_every_alert_tells_somebody_what_to_do(watched: Plan) -> None:
    channel = watched.find(gcp.monitoring.NotificationChannel).outputs["id"]
    assert len(alerts(watched)) == 14
    for each in alerts(watched):
        assert each.inputs["notificationChannels"] == [channel]
        assert len(each.inputs["documentation"]["content"]) > 100
        assert each.inputs["alertStrategy"]["autoClose"] == "1800s"


def test_addresses_become_channels(watched: Plan) -> None:
    channel = watched.find(gcp.monitoring.NotificationChannel).inputs
    assert (channel["type"], channel["labels"]) == ("email", {"email_address": "ops@example.com"})


def test_one_address_less_leaves_the_others_alone() -> None:
    def names(*emails: str) -> set[str]:
        result = plan(lambda: NotificationChannels("ops", emails), config=CONFIG)
        return {each.name for each in result.all(gcp.monitoring.NotificationChannel)}

    assert names("b@example.com") < names("a@example.com", "b@example.com")


@pytest.mark.parametrize("emails", [["ops"], ["a@example.com", "A@example.com"]])
def test_a_wrong_address_is_refused(emails: list[str]) -> None:
    with pytest.raises(ArgumentError, match="alert_emails"):
        plan(lambda: NotificationChannels("ops", emails), config=CONFIG)


def test_errors_count_as_a_share_of_enough_requests(watched: Plan) -> None:
    share, enough = thresholds(watched, "errors")
    requests = f'{REVISIONS} AND metric.type = "run.googleapis.com/request_count"'
    assert share["filter"] == f'{requests} AND metric.labels.response_code_class = "5xx"'
    assert (share["denominatorFilter"], share["thresholdValue"]) == (requests, 0.05)
    assert share["denominatorAggregations"] == share["aggregations"]
    assert (enough["filter"], enough["thresholdValue"]) == (requests, 100)
    assert alert(watched, "errors")["combiner"] == "AND"


def test_latency_is_that_of_the_slowest_twentieth_in_milliseconds(watched: Plan) -> None:
    (latency,) = thresholds(watched, "latency")
    assert latency["filter"] == f'{REVISIONS} AND metric.type = "run.googleapis.com/request_latencies"'
    assert latency["aggregations"][0]["crossSeriesReducer"] == "REDUCE_PERCENTILE_95"
    assert latency["thresholdValue"] == 500


def test_instances_of_all_revisions_together_reach_the_limit(watched: Plan) -> None:
    (instances,) = thresholds(watched, "instances")
    assert (instances["comparison"], instances["thresholdValue"]) == ("COMPARISON_GT", 9)
    assert instances["aggregations"][0]["crossSeriesReducer"] == "REDUCE_SUM"
    assert instances["duration"] == "600s"


@pytest.mark.parametrize(("least", "most"), [(0, 1), (3, 3)])
def test_a_service_that_cannot_scale_is_not_at_a_limit(least: int, most: int) -> None:
    def program() -> None:
        ServiceAlerts("api", **SERVICE, max_instances=most, min_instances=least)

    labels = {each.name for each in alerts(plan(program, config=CONFIG))}
    assert "api-errors" in labels
    assert "api-instances" not in labels


def test_a_container_that_stops_is_found_in_the_log(watched: Plan) -> None:
    inputs = alert(watched, "restarts")
    logged = inputs["conditions"][0]["conditionMatchedLog"]["filter"]
    assert logged.startswith(f'{REVISIONS} AND log_id("run.googleapis.com/varlog/system")')
    # A policy that matches a log must say how often it notifies, and have this one condition.
    assert inputs["alertStrategy"]["notificationRateLimit"] == {"period": "3600s"}
    assert len(inputs["conditions"]) == 1


@pytest.mark.parametrize("what", ["cpu", "memory"])
def test_full_instances_are_an_alert(watched: Plan, what: str) -> None:
    (found,) = thresholds(watched, what)
    assert found["filter"] == f'{REVISIONS} AND metric.type = "run.googleapis.com/container/{what}/utilizations"'
    assert (found["thresholdValue"], found["duration"]) == (0.9, "900s")


def test_the_public_address_is_asked_each_minute(watched: Plan) -> None:
    check = watched.find(gcp.monitoring.UptimeCheckConfig).inputs
    assert (check["period"], check["httpCheck"]["path"]) == ("60s", "/-/ready")
    assert check["httpCheck"]["useSsl"] is check["httpCheck"]["validateSsl"] is True
    labels = {"project_id": "shop-1", "host": "api.example.com"}
    assert check["monitoredResource"] == {"type": "uptime_url", "labels": labels}


def test_one_place_that_cannot_reach_it_is_no_outage(watched: Plan) -> None:
    (failing,) = thresholds(watched, "uptime")
    assert (failing["comparison"], failing["thresholdValue"]) == ("COMPARISON_GT", 1)


@pytest.mark.parametrize(
    ("label", "metric", "value"),
    [
        ("db-connections", "database/postgresql/num_backends", 72),
        ("db-cpu", "database/cpu/utilization", 0.8),
        ("db-disk", "database/disk/bytes_used", 90 * 1024**3),
    ],
)
def test_the_database_is_watched_before_it_is_full(watched: Plan, label: str, metric: str, value: float) -> None:
    (found,) = thresholds(watched, label)
    assert found["filter"] == f'{INSTANCE} AND metric.type = "cloudsql.googleapis.com/{metric}"'
    assert found["thresholdValue"] == value


# Objectives


def test_objectives_are_those_of_the_service(watched: Plan) -> None:
    service = watched.find(gcp.monitoring.GenericService).inputs
    assert service["basicService"] == {
        "serviceType": "CLOUD_RUN",
        "serviceLabels": {"service_name": "api", "location": "europe-west1"},
    }
    indicators = {each.name: each.inputs["basicSli"] for each in watched.all(gcp.monitoring.Slo)}
    assert indicators == {
        "api-availability": {"availability": {"enabled": True}},
        "api-latency": {"latency": {"threshold": "1s"}},
    }


@pytest.mark.parametrize("objective", ["availability", "latency"])
@pytest.mark.parametrize(("speed", "windows", "rate"), [("fast", (3600, 300), 14.4), ("slow", (21600, 1800), 6)])
def test_a_budget_that_is_used_too_fast_counts_in_a_long_and_a_short_window(
    watched: Plan, objective: str, speed: str, windows: tuple[int, int], rate: float
) -> None:
    name = watched.find(gcp.monitoring.Slo, f"api-{objective}").outputs["name"]
    found = thresholds(watched, f"{objective}-{speed}")
    assert [each["filter"] for each in found] == [f'select_slo_burn_rate("{name}", "{each}s")' for each in windows]
    assert {each["thresholdValue"] for each in found} == {rate}
    assert not any("aggregations" in each for each in found)
    assert alert(watched, f"{objective}-{speed}")["combiner"] == "AND"


@pytest.mark.parametrize(
    ("args", "field"),
    [({"availability": 0.99999}, "availability"), ({"fast": 0.9}, "fast"), ({"days": 31}, "days")],
)
def test_an_objective_that_cannot_be_kept_or_missed_is_refused(args: dict[str, Any], field: str) -> None:
    with pytest.raises(ArgumentError, match=field):
        ServiceLevelObjectivesArgs(**SERVICE, **args)


# The dashboard


def body(result: Plan) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.find(gcp.monitoring.Dashboard).inputs["dashboardJson"])
    return found["mosaicLayout"]


def test_graphs_lie_side_by_side_and_nowhere_twice(watched: Plan) -> None:
    layout = body(watched)
    taken = [(x, y) for tile in layout["tiles"] for x in columns(tile) for y in rows(tile)]
    assert len(taken) == len(set(taken)) == 9 * 16 * 16
    assert max(x for x, _ in taken) < layout["columns"]


def columns(tile: dict[str, int]) -> range:
    return range(tile["xPos"], tile["xPos"] + tile["width"])


def rows(tile: dict[str, int]) -> range:
    return range(tile["yPos"], tile["yPos"] + tile["height"])


def test_graphs_show_this_service_and_its_database(watched: Plan) -> None:
    charts = [tile["widget"]["xyChart"]["dataSets"][0] for tile in body(watched)["tiles"]]
    filters = [chart["timeSeriesQuery"]["timeSeriesFilter"]["filter"] for chart in charts]
    assert [text.startswith(REVISIONS) for text in filters] == [True] * 6 + [False] * 3
    assert [text.startswith(INSTANCE) for text in filters] == [False] * 6 + [True] * 3


def test_a_service_without_a_database_has_no_graphs_of_one() -> None:
    result = plan(lambda: Dashboard("api", **SERVICE), config=CONFIG, preview=False)
    assert len(body(result)["tiles"]) == 6
