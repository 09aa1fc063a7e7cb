import json
import re
from collections.abc import Callable
from typing import Any, Optional

import pulumi_aws as aws
import pytest
from pulumi_fastapi.aws.dashboard import Dashboard
from pulumi_fastapi.aws.lambda_alarms import (
    MIN_ERRORS,
    MIN_RELEASE_ERRORS,
    EntryAlarms,
    EntryMetrics,
    LambdaAlarms,
    ReleaseAlarms,
    entry_graphs,
    function_graphs,
    function_target_metrics,
    http_api_metrics,
    url_metrics,
)
from pulumi_fastapi.plan import Plan, plan
from test_alarms import Series, goes_off, metric_math

TOPIC = "arn:aws:sns:us-east-1:123456789012:pager"
LOGS = "api-logs-1a2b3c4"
ALIAS = {"FunctionName": "shop", "Resource": "shop:live"}
ENTRIES: dict[str, Callable[[], EntryMetrics]] = {
    "url": lambda: url_metrics("shop", "live"),
    "api": lambda: http_api_metrics("a1b2"),
    "balancer": lambda: function_target_metrics("app/shared/1", "targetgroup/shop/2"),
}


def planned(**args: Any) -> Plan:
    given = {
        "function": "shop",
        "alias": "live",
        "log_group": LOGS,
        "timeout": 30,
        "topic_arn": TOPIC,
        "concurrency": 20,
        "dead_letter_queue": "dead",
    }

    def program() -> None:
        LambdaAlarms("api", **(given | args))
        ReleaseAlarms("api", function="shop", alias="live", version="7", log_group=LOGS, topic_arn=TOPIC)

    return plan(program, preview=False)


def planned_entry(entry: str, **args: Any) -> Plan:
    return plan(lambda: EntryAlarms("entry", ENTRIES[entry](), TOPIC, **args), preview=False)


def alarms(result: Plan) -> dict[str, dict[str, Any]]:
    found = result.all(aws.cloudwatch.MetricAlarm)
    return {alarm.name.partition("-")[2]: dict(alarm.inputs) for alarm in found}


@pytest.fixture(scope="module")
def full() -> Plan:
    return planned()


@pytest.fixture(scope="module")
def found(full: Plan) -> dict[str, dict[str, Any]]:
    return alarms(full)


def dimensions(alarm: dict[str, Any]) -> list[dict[str, str]]:
    """Those of every metric of an alarm."""
    queries = alarm.get("metricQueries", [])
    return [alarm["dimensions"]] if not queries else [query["metric"]["dimensions"] for query in queries[:-1]]


# The error rate in CloudWatch's metric math


def fires(alarm: dict[str, Any], requests: Series, errors: Series, fills_empty: bool) -> bool:
    (expression,) = [query["expression"] for query in alarm["metricQueries"] if query.get("returnData")]
    return goes_off(alarm, metric_math(expression, {"requests": requests, "errors": errors}, fills_empty=fills_empty))


@pytest.mark.parametrize("fills_empty", [True, False])
@pytest.mark.parametrize(
    ("requests", "errors", "fired"),
    [
        pytest.param([6.0], [6.0], True, id="a quiet API that is down"),
        pytest.param([4.0], [4.0], False, id="too few errors to tell"),
        pytest.param([40.0], [4.0], False, id="too few errors among a few requests"),
        pytest.param([3000.0], [200.0], True, id="a busy API of which a part is down"),
        pytest.param([3000.0], [100.0], False, id="errors now and then"),
        pytest.param([3000.0], [None], False, id="a good day"),
        pytest.param([None], [None], False, id="a night without requests"),
    ],
)
def test_failures_page_also_where_there_are_few_requests(
    found: dict[str, dict[str, Any]], requests: Series, errors: Series, fired: bool, fills_empty: bool
) -> None:
    assert fires(found["failures"], requests, errors, fills_empty) is fired


@pytest.mark.parametrize("label", ["release-failures", "release-errors"])
@pytest.mark.parametrize(
    ("requests", "errors", "fired"),
    [
        pytest.param([30.0, 30.0], [None, 30.0], True, id="every request of the share fails"),
        pytest.param([3.0], [3.0], True, id="the smallest share that can be judged"),
        pytest.param([2.0], [2.0], False, id="too few to tell"),
        pytest.param([300.0], [3.0], False, id="as many as before"),
    ],
)
def test_a_release_is_judged_within_a_minute(
    found: dict[str, dict[str, Any]], label: str, requests: Series, errors: Series, fired: bool
) -> None:
    assert found[label]["metricQueries"][0]["metric"]["period"] == 60
    assert fires(found[label], requests, errors, True) is fired


def test_the_least_errors_are_in_the_expressions(found: dict[str, dict[str, Any]]) -> None:
    assert f">= {MIN_ERRORS}," in found["failures"]["metricQueries"][-1]["expression"]
    assert f">= {MIN_RELEASE_ERRORS}," in found["release-errors"]["metricQueries"][-1]["expression"]


# The release


def test_a_release_is_judged_by_the_new_version_alone(full: Plan, found: dict[str, dict[str, Any]]) -> None:
    """An old version that fails must not keep out the one that is better."""
    watched = full.find(ReleaseAlarms).outputs["alarmNames"]
    names = {alarm.outputs["name"]: alarm.name.partition("-")[2] for alarm in full.all(aws.cloudwatch.MetricAlarm)}
    assert [names[name] for name in watched] == ["release-failures", "release-errors", "release-latency"]
    for label in ("release-failures", "release-errors", "release-latency"):
        for each in dimensions(found[label]):
            assert each in ({**ALIAS, "ExecutedVersion": "7"}, {"Version": "7"})


def test_the_alarms_of_a_release_start_without_the_state_of_the_one_before(full: Plan) -> None:
    for alarm in full.all(aws.cloudwatch.MetricAlarm):
        anew = alarm.name.startswith("api-release-")
        assert alarm.options.replace_on_changes == (("dimensions", "metricQueries") if anew else ())


def test_errors_that_the_app_answers_are_no_errors_to_lambda_so_the_log_counts_them(
    full: Plan, found: dict[str, dict[str, Any]]
) -> None:
    transformation = full.find(aws.cloudwatch.LogMetricFilter, "api-server-errors").inputs["metricTransformation"]
    assert transformation["dimensions"] == {"Version": "$.version"}
    counted = found["release-errors"]["metricQueries"][1]["metric"]
    assert (counted["namespace"], counted["metricName"]) == (transformation["namespace"], transformation["name"])


def selected(pattern: str) -> Callable[[str], bool]:
    """What a JSON filter pattern of equalities and comparisons, joined by &&, selects."""
    terms = re.findall(r'\(\$\.(\w+) (=|>=) ("[^"]*"|\d+)\)', pattern)
    assert pattern == "{ " + " && ".join(f"($.{field} {sign} {value})" for field, sign, value in terms) + " }"

    def selects(line: str) -> bool:
        fields = json.loads(line)
        return all(
            field in fields and (fields[field] == json.loads(value) if sign == "=" else fields[field] >= int(value))
            for field, sign, value in terms
        )

    return selects


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        ('{"logger": "access", "status": 500, "version": "7"}', True),
        ('{"logger": "access", "status": 504, "version": "7"}', True),
        ('{"logger": "access", "status": 499, "version": "7"}', False),
        ('{"logger": "app", "message": "500", "status": 500}', False),
    ],
)
def test_the_answers_with_5xx_are_counted(full: Plan, line: str, counted: bool) -> None:
    pattern = full.find(aws.cloudwatch.LogMetricFilter, "api-server-errors").inputs["pattern"]
    assert selected(pattern)(line) is counted


# Starts


def picked(pattern: str, line: str) -> Optional[dict[str, str]]:
    """The fields of a line that a space-delimited filter pattern selects; None where it does not."""
    *fields, rest = pattern.strip("[]").split(", ")
    words = line.split()
    if rest != "..." or len(words) < len(fields):
        return None
    values = {}
    for field, word in zip(fields, words, strict=False):
        name, _, wanted = field.partition("=")
        if wanted and word != json.loads(wanted):
            return None
        values[name] = word
    return values


REPORT = (
    "REPORT RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\tDuration: 3.60 ms\tBilled Duration: 1204 ms\t"
    "Memory Size: 1024 MB\tMax Memory Used: 98 MB\t"
)


def test_the_time_of_a_start_is_read_from_the_report_of_its_first_invocation(full: Plan) -> None:
    made = full.find(aws.cloudwatch.LogMetricFilter, "api-init").inputs
    fields = picked(made["pattern"], f"{REPORT}Init Duration: 1199.73 ms\t\nXRAY TraceId: 1-5e\tSegmentId: 1\t")
    assert fields is not None
    assert fields[made["metricTransformation"]["value"].removeprefix("$")] == "1199.73"


@pytest.mark.parametrize("ending", ["", "\nXRAY TraceId: 1-5e34a614\tSegmentId: 7d64\tSampled: true\t"])
def test_later_invocations_are_no_starts(full: Plan, ending: str) -> None:
    pattern = full.find(aws.cloudwatch.LogMetricFilter, "api-init").inputs["pattern"]
    assert picked(pattern, REPORT + ending) is None


def test_a_slow_start_pages_before_lambda_starts_it_over(found: dict[str, dict[str, Any]]) -> None:
    alarm = found["init"]
    assert (alarm["namespace"], alarm["metricName"], alarm["threshold"]) == (LOGS, "InitDuration", 8000)


# The function


def test_the_alarms_of_a_function(found: dict[str, dict[str, Any]]) -> None:
    assert set(found) == {
        *("failures", "throttles", "duration", "concurrency", "init", "logged-errors", "dead-letters"),
        *("release-failures", "release-errors", "release-latency"),
    }


def test_the_alias_is_watched_and_not_what_is_not_released(found: dict[str, dict[str, Any]]) -> None:
    for label in ("failures", "throttles", "duration"):
        assert all(each == ALIAS for each in dimensions(found[label]))


def test_time_pages_before_lambda_cuts_it() -> None:
    alarm = alarms(planned(timeout=10))["duration"]
    assert (alarm["threshold"], alarm["extendedStatistic"]) == (8000, "p95")
    assert "more than 8 s" in alarm["alarmDescription"]


@pytest.mark.parametrize(("limit", "threshold"), [(20, 16), (5, 4), (1, 1)])
def test_concurrency_pages_before_requests_are_refused(limit: int, threshold: int) -> None:
    alarm = alarms(planned(concurrency=limit))["concurrency"]
    assert alarm["threshold"] == threshold
    assert alarm["dimensions"] == {"FunctionName": "shop"}


def test_without_a_reservation_the_quota_of_the_account_is_the_limit() -> None:
    alarm = alarms(planned(concurrency=None))["concurrency"]
    usage, share = alarm["metricQueries"]
    assert usage["metric"]["namespace"] == "AWS/Usage"
    assert usage["metric"]["dimensions"]["Resource"] == "ConcurrentExecutions"
    assert share["expression"] == "100 * used / SERVICE_QUOTA(used)"
    assert alarm["threshold"] == 80


def test_throttles_page(found: dict[str, dict[str, Any]]) -> None:
    assert goes_off(found["throttles"], [None, 3.0, 1.0, None, 2.0])
    assert not goes_off(found["throttles"], [None, 3.0, None, None, 2.0])


def test_a_dead_letter_pages(found: dict[str, dict[str, Any]]) -> None:
    assert goes_off(found["dead-letters"], [0.0, 1.0])
    assert found["dead-letters"]["dimensions"] == {"QueueName": "dead"}


def test_without_a_queue_there_is_no_alarm_on_it() -> None:
    assert "dead-letters" not in alarms(planned(dead_letter_queue=None))


# What every alarm has

ALL = [pytest.param(lambda: planned(), id="function")] + [
    pytest.param(lambda entry=entry: planned_entry(entry), id=entry) for entry in ENTRIES
]


@pytest.mark.parametrize("make", ALL)
def test_every_alarm_says_what_to_do_and_fits(make: Callable[[], Plan]) -> None:
    for alarm in alarms(make()).values():
        assert 60 < len(alarm["alarmDescription"]) <= 1024


@pytest.mark.parametrize("make", ALL)
def test_every_alarm_goes_to_the_topic_and_says_when_it_is_over(make: Callable[[], Plan]) -> None:
    for alarm in alarms(make()).values():
        assert alarm["alarmActions"] == [TOPIC] == alarm["okActions"]


@pytest.mark.parametrize("make", ALL)
def test_errors_of_the_caller_never_page(make: Callable[[], Plan]) -> None:
    assert "4xx" not in json.dumps(list(alarms(make()).values())).lower()


@pytest.mark.parametrize("make", ALL)
def test_silence_is_no_alarm(make: Callable[[], Plan]) -> None:
    """A function without requests has no data."""
    assert {alarm["treatMissingData"] for alarm in alarms(make()).values()} == {"notBreaching"}


# Entries


@pytest.mark.parametrize(
    ("entry", "namespace", "metrics", "of"),
    [
        ("url", "AWS/Lambda", ["UrlRequestCount", "Url5xxCount"], ALIAS),
        ("api", "AWS/ApiGateway", ["Count", "5xx"], {"ApiId": "a1b2"}),
        (
            "balancer",
            "AWS/ApplicationELB",
            ["RequestCount", "HTTPCode_Target_5XX_Count"],
            {"LoadBalancer": "app/shared/1", "TargetGroup": "targetgroup/shop/2"},
        ),
    ],
)
def test_an_entry_is_watched_by_its_own_metrics(entry: str, namespace: str, metrics: list[str], of: Any) -> None:
    alarm = alarms(planned_entry(entry))["errors"]
    watched = [query["metric"] for query in alarm["metricQueries"][:-1]]
    assert [each["metricName"] for each in watched] == metrics
    assert {each["namespace"] for each in watched} == {namespace}
    assert dimensions(alarm) == [of, of]


@pytest.mark.parametrize(
    ("entry", "statistic", "threshold"), [("url", "Average", 2500), ("api", "p95", 2500), ("balancer", "p95", 2.5)]
)
def test_latency_is_measured_as_the_entry_measures_it(entry: str, statistic: str, threshold: float) -> None:
    alarm = alarms(planned_entry(entry, latency_seconds=2.5))["latency"]
    assert alarm.get("extendedStatistic", alarm.get("statistic")) == statistic
    assert alarm["threshold"] == threshold
    assert alarm.get("evaluateLowSampleCountPercentiles") == ("ignore" if statistic == "p95" else None)


def test_errors_of_an_entry_page_for_outages() -> None:
    alarm = alarms(planned_entry("api"))["errors"]
    assert fires(alarm, [10.0], [9.0], True)
    assert not fires(alarm, [1000.0], [20.0], True)


# Dashboard


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_graphs_show_the_function_and_its_entry(entry: str) -> None:
    def program() -> None:
        Dashboard("api", "shop", [*entry_graphs(ENTRIES[entry]()), *function_graphs("shop", "live", LOGS)])

    body = json.loads(plan(program, preview=False).find(aws.cloudwatch.Dashboard).inputs["dashboardBody"])
    shown = {each["properties"]["title"]: each["properties"]["metrics"] for each in body["widgets"]}
    assert list(shown)[:3] == ["Requests", "Answers with 5xx", "Latency"]
    assert ["AWS/Lambda", "Errors", "FunctionName", "shop", "Resource", "shop:live"] in shown["Failures and throttles"]
    assert [metric[:2] for metric in shown["Starts"]] == [[LOGS, "InitDuration"]] * 2
