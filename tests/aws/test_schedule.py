import asyncio
import json
from typing import Any

import pulumi_aws as aws
import pytest
from mangum import Mangum
from pulumi_fastapi.aws.schedule import DeadLetters, Schedule, ScheduleArgs, check_expression, keep_warm, request_of
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan
from reading import document

ALIAS = "arn:aws:lambda:us-east-1:123456789012:function:shop:live"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:dead"


def job(**args: Any) -> ScheduleArgs:
    return ScheduleArgs(**{"expression": "rate(1 hour)", "path": "/jobs/clean-up", **args})


def planned(args: ScheduleArgs) -> Plan:
    return plan(lambda: Schedule("job", args, ALIAS, QUEUE), preview=False)


def schedule(result: Plan) -> dict[str, Any]:
    return dict(result.find(aws.scheduler.Schedule).inputs)


@pytest.fixture(scope="module")
def hourly() -> Plan:
    return planned(job())


# What it may do


def test_it_may_call_this_alias_and_keep_what_came_to_nothing(hourly: Plan) -> None:
    assert document(hourly.find(aws.iam.RolePolicy)) == [
        {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": ALIAS},
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": QUEUE},
    ]


def test_only_schedules_of_this_account_take_its_role(hourly: Plan) -> None:
    assert document(hourly.find(aws.iam.Role), "assumeRolePolicy") == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
        }
    ]


def test_the_role_has_its_rights_before_the_first_call(hourly: Plan) -> None:
    assert hourly.find(aws.iam.RolePolicy) in hourly.find(aws.scheduler.Schedule).dependencies


# When and what


def test_it_calls_on_time(hourly: Plan) -> None:
    made = schedule(hourly)
    assert (made["scheduleExpression"], made["scheduleExpressionTimezone"]) == ("rate(1 hour)", "UTC")
    assert made["flexibleTimeWindow"] == {"mode": "OFF"}
    assert made["state"] == "ENABLED"


def test_it_can_be_switched_off() -> None:
    assert schedule(planned(job(enabled=False)))["state"] == "DISABLED"


def test_what_cannot_be_delivered_is_tried_again_and_kept(hourly: Plan) -> None:
    target = schedule(hourly)["target"]
    assert target["retryPolicy"] == {"maximumRetryAttempts": 2, "maximumEventAgeInSeconds": 3600}
    assert target["deadLetterConfig"] == {"arn": QUEUE}


def asked(args: ScheduleArgs) -> dict[str, Any]:
    """The request that an app gets of a schedule's event, through the adapter of the runtime."""
    seen: dict[str, Any] = {}

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        seen.update(scope, body=message["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    event = json.loads(schedule(planned(args))["target"]["input"])
    with asyncio.Runner() as runner:  # Mangum runs on the loop of its thread
        asyncio.set_event_loop(runner.get_loop())
        assert Mangum(app, lifespan="off")(event, None)["statusCode"] == 204
        asyncio.set_event_loop(None)
    return seen


def test_the_app_gets_a_request() -> None:
    request = asked(job(path="/jobs/clean-up?days=30&dry", body='{"ü": 1}'))
    assert (request["method"], request["path"]) == ("POST", "/jobs/clean-up")
    assert request["query_string"] == b"days=30&dry"
    assert json.loads(request["body"]) == {"ü": 1}
    headers = {name.decode(): value.decode() for name, value in request["headers"]}
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == "9"


def test_the_app_can_tell_it_from_a_request_of_anyone_else() -> None:
    request = asked(job())
    assert request["client"] == ("127.0.0.1", 0)
    assert not [name for name, _ in request["headers"] if name == b"x-forwarded-for"]


def test_the_app_is_asked_by_a_name_that_it_answers_to() -> None:
    assert dict(asked(job(host="api.example.com"))["headers"])[b"host"] == b"api.example.com"


def test_the_execution_and_its_time_are_filled_in_by_the_scheduler() -> None:
    context: Any = request_of(job())["requestContext"]
    assert context["requestId"] == "<aws.scheduler.execution-id>"
    assert context["time"] == "<aws.scheduler.scheduled-time>"


def test_an_environment_is_kept_warm_by_asking_whether_it_lives() -> None:
    """C19: an app whose middleware refuses what has no header of CloudFront is not asked."""
    warm = keep_warm()
    assert warm.expression == "rate(5 minutes)"
    request = asked(warm)
    assert (request["method"], request["path"]) == ("GET", "/-/healthy")


# Dead letters


@pytest.fixture(scope="module")
def dead() -> Plan:
    return plan(lambda: DeadLetters("api", "shop", "live", "shop-role"), preview=False)


def test_calls_that_the_function_failed_at_are_kept(dead: Plan) -> None:
    config = dead.find(aws.lambda_.FunctionEventInvokeConfig)
    queue = dead.find(aws.sqs.Queue)
    assert (config.inputs["functionName"], config.inputs["qualifier"]) == ("shop", "live")
    assert config.inputs["maximumRetryAttempts"] == 2
    assert config.inputs["destinationConfig"] == {"onFailure": {"destination": queue.outputs["arn"]}}


def test_the_function_may_send_them_before_it_is_told_to(dead: Plan) -> None:
    policy = dead.find(aws.iam.RolePolicy)
    assert policy.inputs["role"] == "shop-role"
    assert document(policy) == [
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": dead.find(aws.sqs.Queue).outputs["arn"]}
    ]
    assert policy in dead.find(aws.lambda_.FunctionEventInvokeConfig).dependencies


def test_dead_letters_are_encrypted_and_kept_for_two_weeks(dead: Plan) -> None:
    queue = dead.find(aws.sqs.Queue).inputs
    assert queue["sqsManagedSseEnabled"] is True
    assert queue["messageRetentionSeconds"] == 14 * 24 * 3600


def test_nobody_reads_them_without_tls(dead: Plan) -> None:
    (statement,) = document(dead.find(aws.sqs.QueuePolicy))
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


# Expressions


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minute)",
        "rate(5 minutes)",
        "rate(1 day)",
        "rate(12 hours)",
        "cron(0 3 * * ? *)",
        "cron(0/15 8-17 ? * MON-FRI *)",
        "cron(0 18 L * ? *)",
        "cron(0 18 15W * ? *)",
        "cron(0 9 ? JAN,JUL 2#1 2027)",
        "cron(0 9 ? * FRIL 2027-2030)",
        "cron(*/10 * ? * 1,7 *)",
        "at(2027-01-31T03:00:00)",
    ],
)
def test_expressions_of_the_scheduler_are_taken(expression: str) -> None:
    check_expression("expression", expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("every 5 minutes", r"must be rate\(...\), cron\(...\) or at\(...\)"),
        ("rate(5 minutes", r"must be rate\(...\), cron\(...\) or at\(...\)"),
        ("rate(1 minutes)", "must say minute for 1"),
        ("rate(5 minute)", "must say minutes for 5"),
        ("rate(0 minutes)", r"must be rate\(N unit\) with a unit of minutes, hours, days"),
        ("rate(30 seconds)", r"must be rate\(N unit\) with a unit of minutes, hours, days"),
        ("cron(0 3 * * *)", "must have the six fields .* got 5"),
        ("cron(0 3  * ? *)", "'' is no day of month"),
        ("cron(60 3 * * ? *)", "'60' is no minutes, which is 0 to 59"),
        ("cron(0 24 * * ? *)", "'24' is no hours, which is 0 to 23"),
        ("cron(0 3 32 * ? *)", "'32' is no day of month"),
        ("cron(0 3 * 13 ? *)", "'13' is no month"),
        ("cron(0 3 ? * 0 *)", "'0' is no day of week, which is 1 to 7"),
        ("cron(0 3 ? * MONDAY *)", "'MONDAY' is no day of week"),
        ("cron(0/0 3 * * ? *)", "'0/0' is no minutes"),
        ("cron(0 3 * * * *)", r"one of day of month and day of week must be \?"),
        ("cron(0 3 ? * ? *)", r"one of day of month and day of week must be \?"),
        ("at(2027-02-30T03:00:00)", r"must be at\(yyyy-mm-ddThh:mm:ss\)"),
        ("at(2027-01-31T03:00:00Z)", r"must be at\(yyyy-mm-ddThh:mm:ss\)"),
    ],
)
def test_wrong_expressions_are_refused_with_what_is_wrong(expression: str, problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^expression: .*{problem}"):
        job(expression=expression)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"path": "jobs"}, "path: must be a path that starts with /"),
        ({"path": "/jobs/clean up"}, "path: must be a path that starts with /"),
        ({"method": "HEAD"}, "method: must be one of GET, POST, PUT, PATCH, DELETE"),
        ({"timezone": "Europe/Berlim"}, "timezone: must be a time zone such as Europe/Berlin.*Europe/Berlin"),
        ({"retries": 186}, "retries: must be between 0 and 185"),
        ({"body": "{days: 3}"}, "body: must be JSON"),
        ({"method": "GET", "body": "{}"}, "body: is of use only with another method than GET"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        job(**args)
