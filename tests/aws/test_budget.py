from typing import Any

import pulumi_aws as aws
import pytest
from pulumi_fastapi.aws import Budget
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import plan

WHO = ["oncall@example.com"]


def budget(**args: Any) -> dict[str, Any]:
    return plan(lambda: Budget("shop", **{"monthly_usd": 150, "emails": WHO, **args})).find(aws.budgets.Budget).inputs


def test_it_limits_the_month_in_dollars() -> None:
    found = budget()
    assert (found["budgetType"], found["timeUnit"], found["limitAmount"], found["limitUnit"]) == (
        "COST",
        "MONTHLY",
        "150.00",
        "USD",
    )
    assert "costFilters" not in found


def test_it_warns_before_the_money_is_spent() -> None:
    told = [(each["notificationType"], each["threshold"]) for each in budget()["notifications"]]
    assert told == [("ACTUAL", 80), ("FORECASTED", 100)]
    assert all(each["subscriberEmailAddresses"] == WHO for each in budget()["notifications"])


def test_it_can_count_what_has_a_tag_only() -> None:
    assert budget(tags={"stack": "prod"})["costFilters"] == [{"name": "TagKeyValue", "values": ["user:stack$prod"]}]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"monthly_usd": 0}, "monthly_usd: must be between 1 and"),
        ({"emails": []}, "emails: must name who is told"),
        ({"emails": ["nobody"]}, "emails: must be an e-mail address"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        budget(**args)
