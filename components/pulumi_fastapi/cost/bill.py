"""An estimate: lines, totals by resource and part, and the difference between two estimates."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, Optional, TypeVar

from .prices import FreeTier, Price, PriceTable, age_note
from .resources import NotKnown, Resource
from .usage import NO_USAGE, Traffic, Usage, UsageFile

ZERO = Decimal(0)
CENT = Decimal("0.01")
_DIGITS = 12
_GRAIN = Decimal(1).scaleb(-_DIGITS)


_TRAFFIC_OF_ONE = {"requests_per_second", "latency_ms", "response_bytes"}
_Answer = TypeVar("_Answer")


class Part(StrEnum):
    """What a line is for."""

    COMPUTE = "compute"
    DATA = "data"
    NETWORK = "network"
    OBSERVABILITY = "observability"
    SECURITY = "security"


class Range(NamedTuple):
    """Low, expected and high: nobody calls and everything is at its least; the given traffic; all at its most."""

    low: Decimal
    expected: Decimal
    high: Decimal

    def __mul__(self, factor: Decimal | int) -> "Range":  # type: ignore[override]
        return Range(*(each * factor for each in self))

    def plus(self, other: "Range") -> "Range":
        return Range(*(one + two for one, two in zip(self, other, strict=True)))


NOTHING = Range(ZERO, ZERO, ZERO)


def fixed(quantity: Decimal | int) -> Range:
    """The same whatever happens."""
    return Range(*[Decimal(quantity)] * 3)


def used(quantity: Decimal) -> Range:
    """What comes with traffic: nothing at the least."""
    return Range(ZERO, quantity, quantity)


def between(low: Decimal | int, expected: Decimal | int, high: Decimal | int) -> Range:
    return Range(Decimal(low), Decimal(expected), Decimal(high))


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that is billed of one resource, in a month of 730 hours."""

    resource: Resource
    part: Part
    item: str
    price_id: str
    quantity: Range
    """In `unit`."""
    unit: str
    price: Optional[Price]
    """None when the table has no price for the region."""
    usage: bool
    """Whether it comes with traffic; otherwise it is billed as long as the resource exists."""
    note: str = ""
    """How the quantity comes about."""
    warning: str = ""
    """What a reader must know, shown in every format."""
    ceiling: Optional[Price] = None
    """Price of the high bound, where the usual one floats."""

    @cached_property
    def cost(self) -> Range:
        low, expected, high = self.quantity
        most = self.ceiling or self.price
        return Range(
            _exact(self.price.cost(low)) if self.price else ZERO,
            _exact(self.price.cost(expected)) if self.price else ZERO,
            _exact(most.cost(high)) if most else ZERO,
        )

    @property
    def missing(self) -> bool:
        """Whether something is billed here that no price is known for."""
        return self.price is None and (self.quantity.expected > 0 or (self.quantity.high > 0 and self.ceiling is None))


@dataclass(frozen=True, kw_only=True)
class NotPriced:
    """A resource that may cost something and is not, or not wholly, in the total."""

    resource: Resource
    reason: str


@dataclass(frozen=True, kw_only=True)
class Saving:
    """Something that could be changed, and what that would save a month."""

    change: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a stack costs a month, in US dollars, at list prices without tax or discounts."""

    lines: tuple[Line, ...]
    not_priced: tuple[NotPriced, ...]
    free: int
    """Resources of types that cost nothing."""
    traffic: Traffic
    table: PriceTable
    free_tier: bool = False
    """Whether what an account gets free is left out."""
    savings: tuple[Saving, ...] = ()
    """The largest things that could be changed."""

    def with_savings(self, savings: tuple[Saving, ...]) -> "Estimate":
        return replace(self, savings=savings)

    @cached_property
    def total(self) -> Range:
        return add(line.cost for line in self.lines)

    @cached_property
    def baseline(self) -> Decimal:
        """The expected cost that does not come with traffic."""
        return sum((line.cost.expected for line in self.lines if not line.usage), ZERO)

    @property
    def usage(self) -> Decimal:
        """The expected cost that comes with traffic."""
        return self.total.expected - self.baseline

    @property
    def at_least(self) -> bool:
        """Whether something that costs is not in the total."""
        return bool(self.missing or self.not_priced)

    @cached_property
    def missing(self) -> tuple[Line, ...]:
        """Lines without a price."""
        return tuple(line for line in self.lines if line.missing)

    def parts(self) -> dict[Part, Range]:
        """Subtotals, the largest first."""
        sums = {part: add(line.cost for line in self.lines if line.part is part) for part in Part}
        return dict(
            sorted(((part, cost) for part, cost in sums.items() if any(cost)), key=lambda each: -each[1].expected)
        )

    def resources(self) -> dict[str, tuple[Line, ...]]:
        """The lines of each resource by URN, the dearest first."""
        groups: dict[str, list[Line]] = {}
        for line in self.lines:
            groups.setdefault(line.resource.urn, []).append(line)
        costs = {urn: add(line.cost for line in lines) for urn, lines in groups.items()}
        ordered = sorted(groups, key=lambda urn: (-costs[urn].expected, -costs[urn].high, urn))
        return {urn: tuple(groups[urn]) for urn in ordered}

    def age(self, today: Optional[datetime.date] = None) -> str:
        """One sentence on prices older than 90 days; empty when there are none."""
        return age_note(
            (line.price for line in self.lines if line.price and any(line.quantity)), today or datetime.date.today()
        )


def _exact(cost: Decimal) -> Decimal:
    """So few digits that sums are exact, in whatever order."""
    exponent = cost.as_tuple().exponent
    return cost.quantize(_GRAIN) if isinstance(exponent, int) and exponent < -_DIGITS else cost


def add(costs: Iterable[Range]) -> Range:
    total = NOTHING
    for cost in costs:
        total = total.plus(cost)
    return total


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens to the cost of one resource."""

    kind: str
    """`+`, `-` or `~`."""
    resource: Resource
    old: Decimal
    new: Decimal

    @property
    def delta(self) -> Decimal:
        return self.new - self.old


def diff(base: Estimate, now: Estimate) -> list[Change]:
    """What changes, by resource, the largest first; the deltas add up to the difference of the totals."""
    old, new = base.resources(), now.resources()
    changes = []
    for urn in [*new, *(urn for urn in old if urn not in new)]:
        before = add(line.cost for line in old.get(urn, ())).expected
        after = add(line.cost for line in new.get(urn, ())).expected
        kind = "~" if urn in old and urn in new else "+" if urn in new else "-"
        if kind != "~" or before != after:
            line = (new.get(urn) or old[urn])[0]
            changes.append(Change(kind=kind, resource=line.resource, old=before, new=after))
    return sorted(changes, key=lambda change: (-abs(change.delta), change.resource.urn))


class Stack:
    """All resources together: what a pricing function may look at besides its own resource."""

    def __init__(self, resources: Sequence[Resource], table: PriceTable, usage: UsageFile) -> None:
        self.resources = resources
        self.table = table
        self.usage = usage
        self.by_urn = {resource.urn: resource for resource in resources}
        self._by_type: dict[str, list[Resource]] = {}
        self._linking: dict[tuple[str, str, str], list[Resource]] = {}
        for resource in resources:
            self._by_type.setdefault(resource.type, []).append(resource)
            for key, urns in resource.links.items():
                for urn in dict.fromkeys(urns):
                    self._linking.setdefault((resource.type, key, urn), []).append(resource)
        self._answers: dict[object, Any] = {}
        self._shares: dict[int, Traffic] = {}

    def all(self, *types: str) -> list[Resource]:
        return [resource for type_ in types for resource in self._by_type.get(type_, ())]

    def linked(self, resource: Resource, key: str, type_: str) -> list[Resource]:
        """The resources of a type that an input of `resource` is made from."""
        urns = dict.fromkeys(resource.links.get(key, ()))
        return [self.by_urn[urn] for urn in urns if urn in self.by_urn and self.by_urn[urn].type == type_]

    def linking(self, type_: str, key: str, resource: Resource) -> list[Resource]:
        """The resources of a type whose input `key` is made from `resource`."""
        return self._linking.get((type_, key, resource.urn), [])

    def once(self, work: "Callable[[Stack], _Answer]") -> "_Answer":
        """The answer of a function of the stack, worked out the first time."""
        if work not in self._answers:
            self._answers[work] = work(self)
        return self._answers[work]  # type: ignore[no-any-return]

    def share(self, parts: int) -> Traffic:
        """What one of `parts` gets of the traffic."""
        if parts not in self._shares:
            self._shares[parts] = self.usage.traffic.share(max(1, parts))
        return self._shares[parts]


@dataclass(frozen=True)
class Pricer:
    """What a pricing function gets: its resource, the stack around it, and a way to write lines."""

    resource: Resource
    stack: Stack

    @cached_property
    def usage(self) -> Usage:
        return self.stack.usage.of(self.resource)

    def traffic(self, parts: int = 1) -> Traffic:
        """What this resource gets when `parts` of its kind share the stack's traffic."""
        own = self.usage.model_dump(include=_TRAFFIC_OF_ONE, exclude_none=True) if self.usage is not NO_USAGE else {}
        traffic = self.stack.usage.traffic if "requests_per_second" in own else self.stack.share(parts)
        return traffic.model_copy(update=own) if own else traffic

    def price(self, price_id: str) -> Optional[Price]:
        return self.stack.table.find(self.resource.provider, self.resource.region, price_id)  # type: ignore[arg-type]

    def line(
        self,
        part: Part,
        item: str,
        price_id: str,
        quantity: Range,
        unit: str,
        *,
        usage: bool = False,
        note: str = "",
        warning: str = "",
        ceiling: str = "",
    ) -> Line:
        """A line; `unit` must be the one the table's price is for."""
        price = self.price(price_id)
        if price is not None and price.unit != unit:
            raise AssertionError(f"{price_id} is priced per {price.unit}, not per {unit}")
        return Line(
            resource=self.resource,
            part=part,
            item=item,
            price_id=price_id,
            quantity=quantity,
            unit=unit,
            price=price,
            usage=usage,
            note=note,
            warning=warning,
            ceiling=self.price(ceiling) if ceiling else None,
        )


Pricing = Callable[[Pricer], Iterator[Line]]


def price_resource(pricing: Pricing, pricer: Pricer) -> tuple[list[Line], list[NotPriced]]:
    """The lines of one resource, as far as its inputs are known."""
    if not pricer.resource.region:
        return [], [NotPriced(resource=pricer.resource, reason="its region is not known; say --region")]
    lines: list[Line] = []
    try:
        for line in pricing(pricer):
            lines.append(line)  # one by one: those before a failure are kept
    except NotKnown as unknown:
        return lines, [NotPriced(resource=pricer.resource, reason=str(unknown))]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"an input has an unexpected shape ({type(error).__name__}: {error})"
        return lines, [NotPriced(resource=pricer.resource, reason=reason)]
    return lines, []


def after_free_tiers(lines: Iterable[Line], tiers: Iterable[FreeTier]) -> list[Line]:
    """The lines without what an account gets free; lines that share a free tier take of it in their order."""
    tiers = list(tiers)
    shared = {(tier.provider, id_): index for index, tier in enumerate(tiers) for id_ in tier.prices}
    left = {index: fixed(tier.quantity) for index, tier in enumerate(tiers)}
    found = []
    for line in lines:
        index = shared.get((line.resource.provider, line.price_id))  # type: ignore[arg-type]
        if index is not None:
            taken = Range(*map(min, line.quantity, left[index]))
            left[index] = left[index].plus(taken * -1)
            line = replace(line, quantity=line.quantity.plus(taken * -1))
        found.append(line)
    return found


def price_all(
    resources: Sequence[Resource], pricing: Mapping[str, Pricing], is_free: Callable[[str], bool], stack: Stack
) -> tuple[list[Line], list[NotPriced], int]:
    """Lines, what could not be priced, and the number of free resources."""
    lines: list[Line] = []
    not_priced: list[NotPriced] = []
    free = 0
    for resource in resources:
        function = pricing.get(resource.type)
        if function is not None:
            own, reasons = price_resource(function, Pricer(resource, stack))
            lines += own
            not_priced += reasons
        elif is_free(resource.type):
            free += 1
        else:
            not_priced.append(NotPriced(resource=resource, reason="resources of this type are not priced"))
    return lines, not_priced, free
