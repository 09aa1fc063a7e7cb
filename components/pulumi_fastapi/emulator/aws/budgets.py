"""Budgets and whom they warn."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.api import ACCOUNT_ID
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import AutoName, Call, Calls, Context, Read, ResourceType, build_request
from pulumi_fastapi.emulator.tagging import Tagging
from pulumi_fastapi.emulator.values import Properties, scalar_text

Request = tuple[str, Mapping[str, Any]]

_TIME = "%Y-%m-%d_%H:%M"


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, _TIME).replace(tzinfo=datetime.UTC)


def _time_text(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime(_TIME)


def _filters(items: list[Properties]) -> Properties:
    return {item["name"]: item["values"] for item in items}


def _named_filters(filters: Properties) -> list[Properties]:
    return [{"name": name, "values": values} for name, values in filters.items()]


def _planned(items: list[Properties]) -> Properties:
    return {
        str(int(_time(item["startTime"]).timestamp())): {"Amount": item["amount"], "Unit": item["unit"]}
        for item in items
    }


def _plan(limits: Properties) -> list[Properties]:
    return [
        {
            "startTime": _time_text(datetime.datetime.fromtimestamp(int(start), datetime.UTC)),
            "amount": limit["Amount"],
            "unit": limit["Unit"],
        }
        for start, limit in limits.items()
    ]


def _notification(given: Mapping[str, Any]) -> Properties:
    return {
        "NotificationType": given["notificationType"],
        "ComparisonOperator": given["comparisonOperator"],
        "Threshold": float(given["threshold"]),
        "ThresholdType": given["thresholdType"],
    }


_SUBSCRIBERS = {"EMAIL": "subscriberEmailAddresses", "SNS": "subscriberSnsTopicArns"}


def _subscribers(given: Mapping[str, Any]) -> list[Properties]:
    return [
        {"SubscriptionType": kind, "Address": address}
        for kind, name in _SUBSCRIBERS.items()
        for address in given.get(name) or []
    ]


def _with_subscribers(items: list[Properties]) -> list[Properties]:
    return [{"Notification": _notification(item), "Subscribers": _subscribers(item)} for item in items]


def _change_notifications(context: Context, _creating: bool) -> Iterable[Request]:
    key = _key(context)
    for given in context.old.get("notifications") or []:
        yield "DeleteNotification", {**key, "Notification": _notification(given)}
    for item in _with_subscribers(context.inputs.get("notifications") or []):
        yield "CreateNotification", {**key, **item}


def _notifications(context: Context) -> Properties:
    found = []
    for told in context.look_up("DescribeNotificationsForBudget", **_key(context))["Notifications"]:
        told.pop("NotificationState", None)
        notification = {
            "notificationType": told["NotificationType"],
            "comparisonOperator": told["ComparisonOperator"],
            "threshold": told["Threshold"],
            "thresholdType": told.get("ThresholdType", "PERCENTAGE"),
        }
        answer = context.look_up("DescribeSubscribersForNotification", **_key(context), Notification=told)
        for subscriber in answer["Subscribers"]:
            notification.setdefault(_SUBSCRIBERS[subscriber["SubscriptionType"]], []).append(subscriber["Address"])
        found.append(notification)
    return {"notifications": found}


_INSIDE: Mapping[str, str | Field] = {
    "autoAdjustData": "AutoAdjustData",
    "billingViewArn": "BillingViewArn",
    "budgetType": "BudgetType",
    "costFilters": Field("CostFilters", encode=_filters, decode=_named_filters),
    "costTypes": "CostTypes",
    "filterExpression": "FilterExpression",
    "limitAmount": Field("BudgetLimit.Amount", encode=scalar_text, decode=str),
    "limitUnit": "BudgetLimit.Unit",
    "metrics": "Metrics",
    "name": "BudgetName",
    "plannedLimits": Field("PlannedBudgetLimits", encode=_planned, decode=_plan),
    "timePeriodEnd": Field("TimePeriod.End", encode=_time, decode=_time_text),
    "timePeriodStart": Field("TimePeriod.Start", encode=_time, decode=_time_text),
    "timeUnit": "TimeUnit",
}


def _within(spec: str | Field) -> Field:
    """The same member, of the `Budget` that the request holds and the answer is."""
    inner = Field(spec) if isinstance(spec, str) else spec
    return Field(f"Budget.{inner.to}", inner.encode, inner.decode, inner.to)


def _change_budget(context: Context, _creating: bool) -> Iterable[Request]:
    params, _ = build_request(context, "CreateBudget")
    yield "UpdateBudget", {"AccountId": _account(context), "NewBudget": params["Budget"]}


def _account(context: Context) -> str:
    return str(context.inputs.get("accountId") or ACCOUNT_ID)


def _key(context: Context) -> Properties:
    account, name = context.id.split(":", 1)
    return {"AccountId": account, "BudgetName": name}


def _import_budget(context: Context) -> None:
    """`account:name`."""
    context.inputs["name"] = context.id.split(":", 1)[1]


ROWS = (
    ResourceType(
        pulumi_type="aws:budgets/budget:Budget",
        service="budgets",
        create="CreateBudget",
        id=lambda context: f"{_account(context)}:{context.inputs['name']}",
        autoname=AutoName(max_length=100),
        added=lambda context: {"AccountId": _account(context)},
        fields={
            **{name: _within(spec) for name, spec in _INSIDE.items()},
            "notifications": Field("NotificationsWithSubscribers", encode=_with_subscribers),
        },
        read=Read("DescribeBudget", _key, "Budget"),
        delete=Call("DeleteBudget", _key),
        defaults={"timePeriodEnd": "2087-06-15_00:00"},
        filled_in=frozenset({"costTypes", "timePeriodStart"}),
        replace_on=frozenset({"name", "namePrefix", "accountId"}),
        steps=[
            Calls(tuple(_INSIDE), _change_budget, updates_only=True),
            Calls(("notifications",), _change_notifications, _notifications, updates_only=True),
        ],
        tags_after_create=True,
        outputs={
            "accountId": lambda context: context.id.split(":")[0],
            "arn": lambda context: f"arn:aws:budgets::{context.id.replace(':', ':budget/', 1)}",
            "timePeriodStart": lambda context: _time_text(context.live["TimePeriod"]["Start"]),
        },
        import_id=_import_budget,
        tagging=Tagging(
            tag="TagResource",
            untag="UntagResource",
            identify=lambda arn, _id: {"ResourceARN": arn},
            tags_member="ResourceTags",
            keys_member="ResourceTagKeys",
            list_operation="ListTagsForResource",
            list_path="ResourceTags",
        ),
    ),
)
