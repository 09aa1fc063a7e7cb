"""The same app on each platform, by traffic: what it costs, and where one becomes cheaper than another.

Every figure is the estimate of a plan of the real component, as large as its traffic needs it. A plan is made once for
each size; between two sizes only the usage differs.
"""

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from ..errors import ArgumentError
from ..plan import plan
from .bill import Estimate
from .estimator import price
from .platforms import Fit, Load, Platform
from .prices import PriceTable
from .resources import InputError, Regions, Resource, from_plan
from .usage import SECONDS

STEPS = 8
"""Points to a factor of ten."""
_EXACT = Decimal("1.002")
"""Crossings are known to this factor."""


class Point(NamedTuple):
    """What a platform costs a month at a rate."""

    rps: Decimal
    estimate: Estimate
    variant: str
    """Which way to run there it is of."""

    @property
    def monthly(self) -> Decimal:
        return self.estimate.total.expected


class Crossing(NamedTuple):
    """Where two platforms cost the same: below that rate `below` is cheaper, above it `above`."""

    rps: Decimal
    monthly: Decimal
    below: str
    above: str


class Stretch(NamedTuple):
    """Between these rates one platform is the cheapest."""

    start: Decimal
    end: Decimal
    name: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All of it."""

    regions: Regions
    load: Load
    points: Mapping[str, Sequence[Point]]
    """By platform, at the same rates."""
    models: Mapping[str, str]
    """What was planned, by platform."""
    crossings: Sequence[Crossing]
    cheapest: Sequence[Stretch]

    @property
    def rates(self) -> list[Decimal]:
        return [point.rps for point in next(iter(self.points.values()))]

    def a_million(self, platform: str) -> Decimal:
        """What a million requests more cost, on average from the lowest to the highest rate."""
        first, last = self.points[platform][0], self.points[platform][-1]
        return (last.monthly - first.monthly) / ((last.rps - first.rps) * SECONDS) * 1_000_000


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Plans platforms and prices them, each size once."""

    regions: Regions
    load: Load
    table: PriceTable
    free_tier: bool = False
    _planned: dict[tuple[str, str, int], list[Resource]] = field(default_factory=dict)

    def point(self, platform: Platform, rps: Decimal) -> Point:
        """
        Raises:
            InputError: the component cannot be that large.
        """
        try:
            fits = platform.fits(self.load.at(rps))
            planned = [self._resources(platform, fit) for fit in fits]
        except ArgumentError as error:
            raise InputError(f"{platform.name} at {float(rps):,g} requests/s: {error}; compare lower rates") from error
        points = [
            Point(rps, price(resources, fit.usage, self.table, self.free_tier), fit.variant)
            for fit, resources in zip(fits, planned, strict=True)
        ]
        return min(points, key=lambda point: point.monthly)

    def _resources(self, platform: Platform, fit: Fit) -> list[Resource]:
        key = platform.name, fit.variant, fit.size
        if key not in self._planned:
            self._planned[key] = self._plan(fit)
        return self._planned[key]

    def _plan(self, fit: Fit) -> list[Resource]:
        config = {f"{provider}:region": region for provider, region in self.regions.items()} | {
            "gcp:project": "compare"
        }
        # A plan puts the build context of the image where the program runs.
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            planned = plan(fit.create, project="compare", config=config, preview=False)
        return from_plan(planned, self.regions)


def rates(low: Decimal, high: Decimal) -> list[Decimal]:
    """From low to high, evenly on a scale of tens: 1, 1.33, 1.78, ... with both ends."""
    grid = [Decimal(10) ** (Decimal(step) / STEPS) for step in range(_step(low), _step(high) + 1)]
    return [low, *(each for each in grid if low * _EXACT < each < high / _EXACT), high]


def _step(rate: Decimal) -> int:
    return int((rate.log10() * STEPS).to_integral_value())


def compare(platforms: Sequence[Platform], planner: Planner, low: Decimal, high: Decimal) -> Comparison:
    """All platforms between two rates, and where they cross."""
    at = rates(low, high)
    points = {each.name: [planner.point(each, rps) for rps in at] for each in platforms}
    crossings = [
        crossing
        for one, other in itertools.combinations(platforms, 2)
        for crossing in _crossings(planner, one, other, points[one.name], points[other.name])
    ]
    return Comparison(
        regions=planner.regions,
        load=planner.load,
        points=points,
        models={each.name: each.fits(planner.load.at(low))[0].model for each in platforms},
        crossings=sorted(crossings),
        cheapest=_stretches(platforms, planner, low, high, sorted(each.rps for each in crossings)),
    )


def _crossings(
    planner: Planner, one: Platform, other: Platform, of_one: Sequence[Point], of_other: Sequence[Point]
) -> list[Crossing]:
    def dearer(rps: Decimal) -> bool:
        return planner.point(one, rps).monthly > planner.point(other, rps).monthly

    signs = [(first.rps, first.monthly > second.monthly) for first, second in zip(of_one, of_other, strict=True)]
    found = []
    for (start, before), (end, after) in itertools.pairwise(signs):
        if before != after:
            rps = _where(dearer, start, end)
            below, above = (other, one) if before else (one, other)
            found.append(Crossing(rps, planner.point(below, rps).monthly, below.name, above.name))
    return found


def _where(dearer: Callable[[Decimal], bool], start: Decimal, end: Decimal) -> Decimal:
    """The rate between two at which the answer changes, by halving."""
    before = dearer(start)
    while end / start > _EXACT:
        middle = (start * end).sqrt()
        if dearer(middle) == before:
            start = middle
        else:
            end = middle
    return (start * end).sqrt()


def _stretches(
    platforms: Sequence[Platform], planner: Planner, low: Decimal, high: Decimal, changes: Sequence[Decimal]
) -> list[Stretch]:
    found: list[Stretch] = []
    for start, end in itertools.pairwise([low, *changes, high]):
        middle = (start * end).sqrt()
        name = min(platforms, key=lambda each: planner.point(each, middle).monthly).name
        if found and found[-1].name == name:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Stretch(start, end, name))
    return found
