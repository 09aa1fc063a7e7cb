import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import pulumi_aws as aws
import pytest
from pulumi_fastapi.aws import AlarmTopic
from pulumi_fastapi.aws.alarms import MIN_REQUESTS
from pulumi_fastapi.aws.dashboard import Graph, widgets
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan
from reading import PlanService, document

Series = Sequence[Optional[float]]


def alarms(result: Plan) -> dict[str, dict[str, Any]]:
    return {alarm.name.removeprefix("api-"): alarm.inputs for alarm in result.all(aws.cloudwatch.MetricAlarm)}


@pytest.fixture(scope="module")
def found(full: Plan) -> dict[str, dict[str, Any]]:
    return alarms(full)


# The error rate in CloudWatch's metric math (B14)


def metric_math(expression: str, series: Mapping[str, Series], *, fills_empty: bool) -> list[Optional[float]]:
    """Evaluate an expression minute by minute; None is a minute without data.

    `fills_empty` is whether FILL makes values of a metric that has none at all, which AWS does not document.
    """
    tree = ast.parse(expression, mode="eval").body
    minutes = len(next(iter(series.values())))
    return [_evaluate(tree, minute, series, fills_empty) for minute in range(minutes)]


def _evaluate(node: ast.expr, minute: int, series: Mapping[str, Series], fills_empty: bool) -> Optional[float]:
    def value(inner: ast.expr) -> Optional[float]:
        return _evaluate(inner, minute, series, fills_empty)

    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return series[name][minute]
        case ast.Call(func=ast.Name(id="FILL"), args=[ast.Name(id=name), ast.Constant(value=filling)]):
            empty = all(point is None for point in series[name])
            point = series[name][minute]
            return filling if point is None and (fills_empty or not empty) else point
        case ast.Call(func=ast.Name(id="IF"), args=[condition, true, false]):
            holds = value(condition)
            return None if holds is None else value(true if holds else false)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            a, b = value(left), value(right)
            if a is None or b is None:
                return None
            return float({ast.GtE: a >= b, ast.Gt: a > b, ast.Lt: a < b, ast.LtE: a <= b}[type(operator)])
        case ast.BinOp(left=left, op=operator, right=right):
            a, b = value(left), value(right)
            if a is None or b is None or (isinstance(operator, ast.Div) and b == 0):
                return None
            if isinstance(operator, ast.Div):
                return a / b
            return {ast.Add: a + b, ast.Sub: a - b, ast.Mult: a * b}[type(operator)]
    raise AssertionError(f"the interpreter does not know {ast.unparse(node)}")


def goes_off(alarm: Mapping[str, Any], points: Series) -> bool:
    """Whether the alarm is in ALARM at any time: M of the last N points beyond the threshold."""
    missing = {"notBreaching": False, "breaching": True}[alarm["treatMissingData"]]
    above = {"GreaterThanThreshold": True, "LessThanThreshold": False}[alarm["comparisonOperator"]]
    breaching = [
        missing if p is None else (p > alarm["threshold"] if above else p < alarm["threshold"]) for p in points
    ]
    window = alarm["evaluationPeriods"]
    return any(
        sum(breaching[end - window : end]) >= alarm["datapointsToAlarm"] for end in range(window, len(points) + 1)
    )


def error_alarm(found: dict[str, dict[str, Any]], requests: Series, errors: Series, fills_empty: bool) -> bool:
    alarm = found["errors"]
    (expression,) = [query["expression"] for query in alarm["metricQueries"] if query.get("returnData")]
    return goes_off(alarm, metric_math(expression, {"requests": requests, "errors": errors}, fills_empty=fills_empty))


NOTHING: Series = [None] * 60


@pytest.mark.parametrize("fills_empty", [True, False])
@pytest.mark.parametrize(
    ("requests", "errors", "alarm"),
    [
        pytest.param([2.0, None] * 30, [2.0, None] * 30, False, id="a scanner that only gets errors"),
        pytest.param([float(MIN_REQUESTS - 1)] * 60, [19.0] * 60, False, id="too few requests to tell"),
        pytest.param([300.0] * 60, [None] * 30 + [180.0] * 10 + [None] * 20, True, id="an outage of ten minutes"),
        pytest.param([300.0] * 60, [300.0] * 60, True, id="nothing but errors"),
        pytest.param([300.0] * 60, [None, None, 20.0] * 20, False, id="errors in one of three minutes"),
        pytest.param(NOTHING, NOTHING, False, id="silence"),
        pytest.param([300.0] * 60, [None] * 30 + [1.0] + [None] * 29, False, id="one error"),
        pytest.param([20.0] * 60, [None] * 30 + [20.0] + [None] * 29, False, id="one bad minute"),
        pytest.param([300.0] * 60, [15.0] * 60, False, id="exactly five percent"),
        pytest.param([300.0] * 60, NOTHING, False, id="a good day"),
    ],
)
def test_the_error_alarm_pages_for_outages_only(
    found: dict[str, dict[str, Any]], requests: Series, errors: Series, alarm: bool, fills_empty: bool
) -> None:
    assert error_alarm(found, requests, errors, fills_empty) is alarm


def test_without_a_minimum_a_scanner_would_page() -> None:
    """What others ran into; the interpreter must be able to show it."""
    series = {"requests": [2.0, None] * 30, "errors": [2.0, None] * 30}
    points = metric_math("100 * FILL(errors, 0) / requests", series, fills_empty=True)
    alarm = {
        "treatMissingData": "notBreaching",
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 5,
        "evaluationPeriods": 5,
        "datapointsToAlarm": 3,
    }
    assert goes_off(alarm, points)


def test_silence_of_the_load_balancer_is_an_outage(found: dict[str, dict[str, Any]]) -> None:
    assert goes_off(found["down"], NOTHING)
    assert goes_off(found["tasks"], NOTHING)


def test_a_deploy_of_a_minute_does_not_page(found: dict[str, dict[str, Any]]) -> None:
    one_task_less: Series = [2.0] * 20 + [1.0] * 3 + [2.0] * 20
    assert not goes_off(found["tasks"], one_task_less)
    assert not goes_off(found["unhealthy"], [0.0] * 20 + [1.0] * 3 + [0.0] * 20)


def test_a_crash_loop_pages(found: dict[str, dict[str, Any]]) -> None:
    assert goes_off(found["tasks"], [2.0] * 20 + [1.0] * 10)
    assert goes_off(found["down"], [2.0] * 20 + [0.0] * 2)


# What every alarm has


def test_the_alarms_of_a_service_and_its_database(found: dict[str, dict[str, Any]]) -> None:
    service = {"errors", "connections", "latency", "unhealthy", "down", "tasks", "cpu", "memory", "logged-errors"}
    database = {"db-db-connections", "db-db-cpu", "db-db-memory", "db-db-storage"}
    assert set(found) == service | database | {"lb-errors"}


def test_answers_of_the_load_balancer_itself_are_watched(found: dict[str, dict[str, Any]]) -> None:
    """A 502 or 504 that it makes is in no count of the targets."""
    assert found["lb-errors"]["metricName"] == "HTTPCode_ELB_5XX_Count"
    assert set(found["lb-errors"]["dimensions"]) == {"LoadBalancer"}


def test_one_task_has_one_alarm_for_its_absence(service: PlanService) -> None:
    assert "tasks" not in alarms(service(tasks_min=1))


def test_an_address_that_goes_leaves_the_subscriptions_of_the_others() -> None:
    def names(*emails: str) -> set[str]:
        result = plan(lambda: AlarmTopic("api", emails))
        return {subscription.name for subscription in result.all(aws.sns.TopicSubscription)}

    assert names("b@example.com") < names("a@example.com", "b@example.com")


def test_every_alarm_says_what_to_do_and_fits(found: dict[str, dict[str, Any]]) -> None:
    for alarm in found.values():
        assert len(alarm["alarmDescription"]) > 60
        assert len(alarm["alarmDescription"]) <= 1024


def test_every_alarm_goes_to_the_topic_and_says_when_it_is_over(full: Plan, found: dict[str, dict[str, Any]]) -> None:
    topic = full.find(aws.sns.Topic).outputs["arn"]
    for alarm in found.values():
        assert alarm["alarmActions"] == [topic] == alarm["okActions"]


def test_missing_data_never_notifies(found: dict[str, dict[str, Any]]) -> None:
    assert not any("insufficientDataActions" in alarm for alarm in found.values())


def test_errors_of_the_caller_never_page(found: dict[str, dict[str, Any]]) -> None:
    assert "4XX" not in json.dumps(found)


def test_latency_is_the_slowest_five_percent(service: PlanService) -> None:
    alarm = alarms(service(alarm_latency=0.25))["latency"]
    assert (alarm["metricName"], alarm["extendedStatistic"]) == ("TargetResponseTime", "p95")
    assert alarm["threshold"] == 0.25
    assert alarm["evaluateLowSampleCountPercentiles"] == "ignore"


def test_fewer_tasks_than_the_minimum_is_an_alarm(service: PlanService) -> None:
    assert alarms(service(tasks_min=3))["tasks"]["threshold"] == 3


def test_alarms_of_the_target_group_watch_this_service(full: Plan, found: dict[str, dict[str, Any]]) -> None:
    expected = {
        "LoadBalancer": full.find(aws.lb.LoadBalancer).outputs["arnSuffix"],
        "TargetGroup": full.find(aws.lb.TargetGroup, "api-tg").outputs["arnSuffix"],
    }
    for label in ("latency", "unhealthy", "down", "tasks"):
        assert found[label]["dimensions"] == expected


def test_logged_errors_of_two_stacks_are_counted_apart(full: Plan, found: dict[str, dict[str, Any]]) -> None:
    """One account holds many stacks whose services have one name; the log group's name is random."""
    transformation = full.find(aws.cloudwatch.LogMetricFilter).inputs["metricTransformation"]
    group = full.find(aws.cloudwatch.LogGroup, "api-logs").outputs["name"]
    assert transformation["namespace"] == group == found["logged-errors"]["namespace"]


def test_tracebacks_and_errors_are_counted(full: Plan) -> None:
    pattern = full.find(aws.cloudwatch.LogMetricFilter).inputs["pattern"]
    assert "?ERROR" in pattern
    assert '?"Traceback (most recent call last)"' in pattern


# The topic


def test_a_topic_takes_alarms_of_its_own_account_only() -> None:
    result = plan(lambda: AlarmTopic("pager"), preview=False)
    alarms_only, insecure = document(result.find(aws.sns.TopicPolicy))
    assert alarms_only["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms_only["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert alarms_only["Resource"] == result.find(aws.sns.Topic).outputs["arn"]
    assert (insecure["Effect"], insecure["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_people_are_told_by_mail(service: PlanService) -> None:
    result = service(alarm_emails=["a@example.com", "b@example.com"])
    subscriptions = result.all(aws.sns.TopicSubscription)
    assert {(s.inputs["protocol"], s.inputs["endpoint"]) for s in subscriptions} == {
        ("email", "a@example.com"),
        ("email", "b@example.com"),
    }
    assert {s.inputs["topic"] for s in subscriptions} == {result.find(aws.sns.Topic).outputs["arn"]}


@pytest.mark.parametrize(
    ("emails", "problem"),
    [
        (["nobody"], "must be an e-mail address, got 'nobody'"),
        (["a@example.com", "a@example.com"], "an address is named twice"),
        ("a@example.com", "must be a list of text"),
    ],
)
def test_wrong_addresses_are_refused(emails: Any, problem: str, service: PlanService) -> None:
    with pytest.raises(ArgumentError, match=f"^alarm_emails: {problem}"):
        service(alarm_emails=emails)


def test_a_topic_that_exists_is_used_by_all_alarms(service: PlanService) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:pager"
    result = service(alarm_topic_arn=topic)
    assert result.all(aws.sns.Topic) == []
    assert {tuple(alarm["alarmActions"]) for alarm in alarms(result).values()} == {(topic,)}


# The dashboard


def shown(result: Plan) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(result.find(aws.cloudwatch.Dashboard).inputs["dashboardBody"])["widgets"]
    return shown


def test_the_dashboard_shows_the_service_and_its_database(full: Plan, service: PlanService) -> None:
    without = [widget["properties"]["title"] for widget in shown(service())]
    assert without == ["Requests", "Errors", "Latency", "Ready tasks", "Task CPU and memory"]
    database = full.find(aws.rds.Instance).inputs["identifier"]
    metrics = [metric for widget in shown(full)[len(without) :] for metric in widget["properties"]["metrics"]]
    assert {tuple(metric[2:]) for metric in metrics} == {("DBInstanceIdentifier", database)}
    assert {metric[1] for metric in metrics} >= {"DatabaseConnections", "CPUUtilization", "FreeStorageSpace"}


def test_widgets_do_not_cover_each_other() -> None:
    places = [(widget["x"], widget["y"]) for widget in widgets([Graph("one", "Sum", [])] * 8, "eu-west-1")]
    assert len(set(places)) == len(places)
    assert all(x + 8 <= 24 for x, _ in places)


def test_two_stacks_do_not_overwrite_each_others_dashboard(full: Plan) -> None:
    dashboard = full.find(aws.cloudwatch.Dashboard)
    assert dashboard.inputs["dashboardName"] == full.find(aws.ecs.Service).outputs["name"]
    assert "name" not in full.find(aws.ecs.Service).inputs
