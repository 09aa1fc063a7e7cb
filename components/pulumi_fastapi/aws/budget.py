"""A limit for the bill, which warns before it is passed."""

from collections.abc import Mapping, Sequence
from typing import Optional

import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from ..component import Component
from ..errors import ArgumentError
from ..validation import check_emails, in_range

_WARN_PERCENT = 80


class Budget(Component):
    """An AWS Budget by the month: mails at 80 % spent, and when the forecast is above the limit. Costs nothing.

    It counts the whole account, or, with `tags`, what has these cost allocation tags, which have to be activated in the
    billing console first. It stops nothing; `pulumi-fastapi cost --budget` and the cost policies do, before the deploy.
    """

    budget_name: Output[str]
    """Name of the budget."""

    def __init__(
        self,
        name: str,
        monthly_usd: float,
        emails: Sequence[str],
        tags: Optional[Mapping[str, str]] = None,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        in_range("monthly_usd", monthly_usd, 1, 10_000_000, "USD a month")
        if not emails:
            raise ArgumentError("emails", list(emails), "must name who is told")
        check_emails("emails", emails)
        super().__init__(name, None, opts)
        filters = [f"user:{key}${value}" for key, value in sorted((tags or {}).items())]
        budget = aws.budgets.Budget(
            self.child_name("budget"),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{monthly_usd:.2f}",
            limit_unit="USD",
            cost_filters=[{"name": "TagKeyValue", "values": filters}] if filters else None,
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": kind,
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_email_addresses": list(emails),
                }
                for kind, percent in (("ACTUAL", _WARN_PERCENT), ("FORECASTED", 100))
            ],
            opts=self.child,
        )
        self.publish(budget_name=budget.name)
