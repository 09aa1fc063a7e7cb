"""Paths of an app that are called on time: jobs, and an environment that is kept warm."""

import json
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Optional

import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from ..component import Component, as_args
from ..errors import ArgumentError, nearest
from ..validation import check_fields, in_range, matches, one_of
from . import policies
from .http_event import http_event

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_AGENT = "pulumi-fastapi-schedule"
_UNITS = ("minute", "hour", "day")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_KEEP_WARM = "rate(5 minutes)"


@dataclass(frozen=True)
class _Field:
    """What one of the six fields of a cron expression may hold."""

    name: str
    low: int
    high: int
    names: Sequence[str] = ()
    special: str = ""
    """Pattern of what else stands for a value."""


_CRON = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31, special=r"\?|L|LW|\d{1,2}W"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 1, 7, _DAYS, special=r"\?|L|[1-7]L|[1-7]#[1-5]|(SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5])"),
    _Field("year", 1970, 2199),
)


@dataclass(frozen=True, kw_only=True)
class ScheduleArgs:
    """When a path of an app is called, and how."""

    expression: str
    """`rate(15 minutes)`, `cron(0 3 * * ? *)` (minutes, hours, day of month, month, day of week, year) or
    `at(2027-01-31T03:00:00)`."""
    path: str
    """Path to call, with its query if it has one, such as `/jobs/clean-up?days=30`. Anyone can call it through the
    entry, too: let it answer only a client with the address 127.0.0.1, as no other request has it."""
    method: str = "POST"
    """`GET`, `POST`, `PUT`, `PATCH` or `DELETE`. Default POST."""
    body: Optional[str] = None
    """JSON to send. Default none."""
    timezone: str = "UTC"
    """Time zone of the expression, such as `Europe/Berlin`; summer time is minded. Default UTC."""
    enabled: bool = True
    """Whether it runs. Default on."""
    retries: int = 2
    """How often the call is tried again where Lambda refuses it, within an hour, 0 to 185. Default 2."""
    host: str = "localhost"
    """`Host` of the request, for an app that answers for some only. Default localhost."""

    def __post_init__(self) -> None:
        check_fields(self)
        check_expression("expression", self.expression)
        matches("path", self.path, r"/[!-~]{0,1023}", "a path that starts with /")
        one_of("method", self.method, _METHODS)
        check_timezone("timezone", self.timezone)
        in_range("retries", self.retries, 0, 185)
        if self.body is not None:
            if self.method == "GET":
                raise ArgumentError("body", self.body, "is of use only with another method than GET")
            try:
                json.loads(self.body)
            except ValueError as error:
                raise ArgumentError("body", self.body, f"must be JSON: {error}") from None


def keep_warm(path: str = "/-/healthy") -> ScheduleArgs:
    """A call every five minutes, so that one environment stays: Lambda ends those that are idle for longer.

    It keeps one environment, not several, and not through a release; for more there is provisioned concurrency. Costs
    8,760 invocations a month.
    """
    return ScheduleArgs(expression=_KEEP_WARM, path=path, method="GET", retries=0)


class DeadLetters(Component):
    """The queue of scheduled calls that came to nothing, for 14 days, encrypted.

    It takes what EventBridge Scheduler could not deliver, and what the alias of a function failed at after two more
    tries. Costs nothing worth naming.
    """

    arn: Output[str]
    """ARN of the queue."""
    queue_name: Output[str]
    """Its name, the dimension of its metrics."""

    def __init__(
        self,
        name: str,
        function_name: Input[str],
        qualifier: Input[str],
        function_role_name: Input[str],
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Make the queue.

        Args:
            name: of the component.
            function_name: name of the function.
            qualifier: alias whose failed calls are kept.
            function_role_name: name of the function's role, which sends them.
            opts: options of the component.
        """
        super().__init__(name, None, opts)
        queue = aws.sqs.Queue(
            self.child_name("dead-letters"),
            message_retention_seconds=14 * 86400,
            sqs_managed_sse_enabled=True,
            opts=self.child,
        )
        aws.sqs.QueuePolicy(
            self.child_name("dead-letters"),
            queue_url=queue.id,
            policy=policies.document(
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "sqs:*",
                    "Resource": queue.arn,
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ),
            opts=self.child,
        )
        granted = aws.iam.RolePolicy(
            self.child_name("dead-letters"),
            role=function_role_name,
            policy=policies.document(policies.allow(["sqs:SendMessage"], queue.arn)),
            opts=self.child,
        )
        aws.lambda_.FunctionEventInvokeConfig(
            self.child_name("dead-letters"),
            function_name=function_name,
            qualifier=qualifier,
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=3600,
            destination_config={"on_failure": {"destination": queue.arn}},
            opts=self.child_options(depends_on=[granted]),  # Lambda refuses a queue that it may not send to
        )
        self.publish(arn=queue.arn, queue_name=queue.name)


class Schedule(Component):
    """A schedule that calls a path of an app on one alias of its function, as an HTTP request.

    Creates the schedule and a role that may call this alias and send to the dead-letter queue. Lambda takes the call
    in and answers at once: what the path answers is in the app's log, and a 5xx of it is neither tried again nor kept
    in the queue; a crash and a timeout are. Costs nothing by itself up to 14 million calls a month; its invocations do.
    """

    arn: Output[str]
    """ARN of the schedule."""
    role_arn: Output[str]
    """Role with which it calls."""

    def __init__(
        self,
        name: str,
        args: ScheduleArgs,
        alias_arn: Input[str],
        dead_letter_arn: Input[str],
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Make the schedule.

        Args:
            name: of the component.
            args: when to call what.
            alias_arn: ARN of the alias that is called.
            dead_letter_arn: ARN of the queue for calls that could not be delivered.
            opts: options of the component.
        """
        args = as_args(ScheduleArgs, args)
        super().__init__(name, args, opts)
        account = aws.get_caller_identity_output(opts=InvokeOptions(parent=self)).account_id
        role = aws.iam.Role(
            self.child_name("schedule", limit=64),
            assume_role_policy=policies.document(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "scheduler.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    # Else a schedule of another account could have Scheduler use it.
                    "Condition": {"StringEquals": {"aws:SourceAccount": account}},
                }
            ),
            opts=self.child,
        )
        granted = aws.iam.RolePolicy(
            self.child_name("schedule"),
            role=role.name,
            policy=policies.document(
                policies.allow(["lambda:InvokeFunction"], alias_arn),
                policies.allow(["sqs:SendMessage"], dead_letter_arn),
            ),
            opts=self.child,
        )
        schedule = aws.scheduler.Schedule(
            self.child_name("schedule", limit=64),
            description=f"{args.method} {args.path}"[:512],
            schedule_expression=args.expression,
            schedule_expression_timezone=args.timezone,
            state="ENABLED" if args.enabled else "DISABLED",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=alias_arn,
                role_arn=role.arn,
                input=json.dumps(request_of(args)),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=dead_letter_arn),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_retry_attempts=args.retries, maximum_event_age_in_seconds=3600
                ),
            ),
            opts=self.child_options(depends_on=[granted]),
        )
        self.publish(arn=schedule.arn, role_arn=role.arn)


def request_of(args: ScheduleArgs) -> Mapping[str, object]:
    """The call as an event; Scheduler fills in its execution and the time it was due."""
    return http_event(
        args.path,
        agent=_AGENT,
        request_id="<aws.scheduler.execution-id>",
        time="<aws.scheduler.scheduled-time>",
        method=args.method,
        host=args.host,
        headers={"content-type": "application/json"} if args.body is not None else None,
        body=args.body,
    )


def check_timezone(field: str, timezone: str) -> None:
    """Refuse a time zone that there is not, where this machine knows them."""
    known = zoneinfo.available_timezones()
    if known and timezone not in known:
        raise ArgumentError(field, timezone, f"must be a time zone such as Europe/Berlin{nearest(timezone, known)}")


def check_expression(field: str, expression: str) -> None:
    """Refuse what EventBridge Scheduler refuses, naming the part of it that is wrong.

    Raises:
        ArgumentError: it is no `rate(...)`, `cron(...)` or `at(...)`, or holds a value that there is not.
    """
    kind, _, rest = expression.partition("(")
    if kind not in ("rate", "cron", "at") or not rest.endswith(")"):
        raise ArgumentError(field, expression, "must be rate(...), cron(...) or at(...), such as rate(15 minutes)")
    inner = rest[:-1]
    problem = {"rate": _rate_problem, "cron": _cron_problem, "at": _at_problem}[kind](inner)
    if problem:
        raise ArgumentError(field, expression, problem)


def _rate_problem(inner: str) -> Optional[str]:
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", inner)
    if match is None:
        return f"must be rate(N unit) with a unit of {', '.join(f'{unit}s' for unit in _UNITS)}, as in rate(15 minutes)"
    if (match[1] == "1") == bool(match[3]):
        return f"must say {match[2] if match[1] == '1' else match[2] + 's'} for {match[1]}"
    return None


def _at_problem(inner: str) -> Optional[str]:
    try:
        datetime.strptime(inner, "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return "must be at(yyyy-mm-ddThh:mm:ss), without a zone, which timezone says"
    return None


def _cron_problem(inner: str) -> Optional[str]:
    values = inner.split(" ")
    if len(values) != len(_CRON):
        fields = ", ".join(field.name for field in _CRON)
        return f"must have the six fields {fields}, one space between them; got {len(values)}"
    for field, value in zip(_CRON, values, strict=True):
        for part in value.split(","):
            if not _is_part(field, part):
                return f"{value!r} is no {field.name}, which is {field.low} to {field.high}"
    if (values[2] == "?") == (values[4] == "?"):
        return "one of day of month and day of week must be ?, and the other not"
    return None


def _is_part(field: _Field, part: str) -> bool:
    """`5`, `MON`, `5-9`, `*`, each with a step `/2`, or one of the field's own signs."""
    if field.special and re.fullmatch(field.special, part):
        return True
    whole, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and 1 <= int(step) <= field.high):
        return False
    if whole == "*":
        return True
    low, dash, high = whole.partition("-")
    numbers = [_number(field, end) for end in ((low, high) if dash else (low,))]
    return all(number is not None for number in numbers)


def _number(field: _Field, text: str) -> Optional[int]:
    if text in field.names:
        return field.low + list(field.names).index(text)
    return int(text) if text.isdecimal() and field.low <= int(text) <= field.high else None
