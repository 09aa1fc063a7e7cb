"""The dollars that the comments of the stack files name are those of the price table."""

from collections import defaultdict
from decimal import Decimal

import pytest
from planned_stacks import STACKS, PlanStack
from pulumi_fastapi.cost import estimate
from pulumi_fastapi.cost.render import money


def monthly(plan_stack: PlanStack, stack: str) -> dict[str, Decimal]:
    """Dollars of each item of the stack, all resources together."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in estimate(plan_stack(stack)).lines:
        found[line.item] += line.cost.expected
    return found


@pytest.mark.parametrize(
    ("stack", "items", "tasks"),
    [
        ("dev", ["db.t4g.micro, Single-AZ", "gp3 storage, Single-AZ", "public IPv4 of tasks"], 1),
        ("prod", ["db.t4g.medium, Multi-AZ", "gp3 storage, Multi-AZ"], 2),
    ],
)
def test_comments_state_what_the_estimate_says(plan_stack: PlanStack, stack: str, items: list[str], tasks: int) -> None:
    text = (STACKS / f"Pulumi.{stack}.yaml").read_text()
    found = monthly(plan_stack, stack)
    always = ["ALB hours", "public IPv4 of the load balancer", "secret of the master password"]
    for item in (*items, *always):
        assert money(found[item]) in text, item
    for item in ("Fargate vCPU, ARM", "Fargate memory, ARM"):
        assert f"{money(found[item] / tasks)} a task" in text, item
    watching = sum(found[item] for item in ("dashboard", "alarm, standard resolution", "custom metric"))
    assert watching <= Decimal("4.80")
    assert "alarms, dashboard and a metric at most 4.80" in text


def test_prod_states_the_price_of_its_nat_gateways(plan_stack: PlanStack) -> None:
    found = monthly(plan_stack, "prod")
    gateways = money(found["NAT gateway hours"] + found["public IPv4"])
    assert f"{gateways} with their addresses" in (STACKS / "Pulumi.prod.yaml").read_text()
