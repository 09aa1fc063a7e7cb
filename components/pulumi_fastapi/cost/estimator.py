"""Price all resources of a stack."""

from collections.abc import Sequence
from typing import Optional, Union

from ..planned import Plan
from . import aws, gcp, savings
from .bill import Estimate, Stack, after_free_tiers, price_all
from .free import is_free
from .prices import PriceTable, default_table
from .resources import Resource, from_plan
from .usage import UsageFile

PRICING = aws.PRICING | gcp.PRICING


def estimate(
    source: Union[Plan, Sequence[Resource]],
    *,
    usage: Optional[UsageFile] = None,
    region: Optional[str] = None,
    table: Optional[PriceTable] = None,
    free_tier: bool = False,
) -> Estimate:
    """What the resources of a plan, or those read with `from_file`, cost a month of 730 hours.

    - `usage`: traffic and what resources hold. Default: nobody calls.
    - `region`: of AWS resources that name none. Default: the plan's.
    - `table`: prices. Default: those of the package.
    - `free_tier`: leave out what an account gets free each month, as if nothing else in it used that. Default off.

    `.total` is a low, an expected and a high sum; `.at_least` says whether something that costs is not in it.
    """
    resources = from_plan(source, {"aws": region} if region else None) if isinstance(source, Plan) else source
    usage, table = usage or UsageFile(), table or default_table()
    now = price(resources, usage, table, free_tier)
    return now.with_savings(savings.largest(resources, now, lambda those: price(those, usage, table, free_tier)))


def price(resources: Sequence[Resource], usage: UsageFile, table: PriceTable, free_tier: bool = False) -> Estimate:
    """The estimate without looking for savings."""
    lines, not_priced, free = price_all(resources, PRICING, is_free, Stack(resources, table, usage))
    return Estimate(
        lines=tuple(after_free_tiers(lines, table.free_tiers) if free_tier else lines),
        not_priced=tuple(not_priced),
        free=free,
        traffic=usage.traffic,
        table=table,
        free_tier=free_tier,
    )
