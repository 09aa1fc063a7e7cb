"""Show a comparison as a table, as sentences and as JSON."""

import datetime
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from .bill import Range
from .compare import STEPS, Comparison, Crossing, Point
from .prices import age_note
from .render import money

FORMAT = 1
_ROWS = STEPS // 2
"""A row of the table for each so many points: two to a factor of ten."""


def rate(rps: Decimal) -> str:
    """Two digits: 0.34, 3.1, 310."""
    return f"{float(f'{rps:.2g}'):,g}"


def title(comparison: Comparison) -> str:
    """What is compared, in one line."""
    load, traffic = comparison.load, comparison.load.traffic
    return (
        f"One app, answers of {traffic.response_bytes:f} bytes in {traffic.latency_ms:f} ms, {load.cpu_ms:f} ms of it"
        f" work of a vCPU; {', '.join(comparison.regions.values())}"
    )


def sentences(comparison: Comparison) -> Iterator[str]:
    """Which platform is the cheapest, and below which rate one is cheaper than another."""
    first, *later = comparison.cheapest
    then = "".join(
        f", then {each.name}" + (f" up to {rate(each.end)}" if each is not later[-1] else "") for each in later
    )
    yield f"Cheapest: {first.name}" + (f" up to {rate(first.end)} requests/s{then}." if later else " at every rate.")
    for one, other in itertools.combinations(comparison.points, 2):
        crossings = [each for each in comparison.crossings if {each.below, each.above} == {one, other}]
        yield _of_two(one, other, crossings, comparison)


def _of_two(one: str, other: str, crossings: list[Crossing], comparison: Comparison) -> str:
    if not crossings:
        names = sorted((one, other), key=lambda name: comparison.points[name][0].monthly)
        return f"{names[0]} is cheaper than {names[1]} at every rate."
    first, last = crossings[0], crossings[-1]
    below, above, rps = first.below, first.above, rate(first.rps)
    if len(crossings) == 1:
        cost = f"${money(first.monthly)} there"
        return f"Below {rps} requests/s {below} is cheaper than {above} ({cost}), above it {above}."
    if len(crossings) == 2:
        return f"Between {rps} and {rate(last.rps)} requests/s {above} is cheaper than {below}, elsewhere {below}."
    return (
        f"Below {rps} requests/s {below} is cheaper than {above}, above {rate(last.rps)} {last.above};"
        " between these it changes with each instance that is added."
    )


def notes(comparison: Comparison) -> Iterator[str]:
    """What a million requests cost, and what a reader must know to trust the numbers."""
    low, high = rate(comparison.rates[0]), rate(comparison.rates[-1])
    million = ", ".join(f"${money(comparison.a_million(name))} on {name}" for name in comparison.points)
    yield f"A million requests more cost {million}, on average from {low} to {high} requests/s."
    for name, model in comparison.models.items():
        yield f"{name}: {model}{_variants(comparison.points[name])}."
    estimates = [point.estimate for points in comparison.points.values() for point in points]
    without = (
        "tax and discounts, after the free tiers of an account"
        if estimates[0].free_tier
        else "tax, discounts and free tiers"
    )
    yield f"Traffic is even over the month. List prices in USD for 730 hours, without {without}."
    for name, points in comparison.points.items():
        last = points[-1].estimate
        missing = {f"{line.item} (price not found)" for line in last.missing} | {
            each.reason for each in last.not_priced
        }
        if missing:
            yield f"{name} costs at least this; not in it: {', '.join(sorted(missing))}."
    prices = [line.price for each in estimates for line in each.lines if line.price and any(line.quantity)]
    if age := age_note(prices, datetime.date.today()):
        yield age


def _variants(points: Sequence[Point]) -> str:
    """Which way to run there was the cheapest up to which rate."""
    parts = []
    for variant, group in itertools.groupby(points, lambda point: point.variant):
        last = list(group)[-1]
        if variant:
            parts.append(variant + (f" up to about {rate(last.rps)} requests/s" if last is not points[-1] else ""))
    return "".join(f"; {part}" for part in parts)


def table(comparison: Comparison) -> None:
    """Print all of it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Rich itself honours NO_COLOR; in a pipe lines are better left whole.
    console = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 160)
    console.print(Text(title(comparison), style="bold"))
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("requests/s", justify="right")
    for name in comparison.points:
        grid.add_column(f"{name}, $ a month", justify="right")
    grid.add_column("cheapest")
    for points in _rows(comparison):
        costs = {name: point.monthly for name, point in points.items()}
        best = min(costs, key=lambda name: costs[name])
        cells = [Text(_amount(point), style="bold green" if name == best else "") for name, point in points.items()]
        grid.add_row(rate(points[best].rps), *cells, best)
    console.print(grid)
    console.print()
    for sentence in sentences(comparison):
        console.print(Text(sentence, style="bold"))
    console.print()
    for note in notes(comparison):
        console.print(Text(note, style="dim"))


def _rows(comparison: Comparison) -> Iterator[dict[str, Point]]:
    """The rates of the table: both ends, and about 1, 3, 10, 30 between them."""
    last = len(comparison.rates) - 1
    for index, rps in enumerate(comparison.rates):
        if index in (0, last) or round(rps.log10() * STEPS) % _ROWS == 0:
            yield {name: points[index] for name, points in comparison.points.items()}


def _amount(point: Point) -> str:
    return f"{'at least ' if point.estimate.at_least else ''}{money(point.monthly)}"


def as_json(comparison: Comparison) -> str:
    return json.dumps(as_data(comparison), indent=2)


def as_data(comparison: Comparison) -> dict[str, Any]:
    """What `--json` prints; amounts are text, so that no reader rounds them."""
    load = comparison.load
    return {
        "format": FORMAT,
        "regions": dict(comparison.regions),
        "load": {
            "latency_ms": _text(load.traffic.latency_ms),
            "response_bytes": _text(load.traffic.response_bytes),
            "cpu_ms": _text(load.cpu_ms),
        },
        "platforms": {
            name: {
                "model": comparison.models[name],
                "a_million_requests": f"{comparison.a_million(name):.2f}",
                "points": [
                    {
                        "requests_per_second": f"{float(point.rps):.4g}",
                        "monthly": _cents(point.estimate.total),
                        "baseline": f"{point.estimate.baseline:.2f}",
                        "at_least": point.estimate.at_least,
                        "variant": point.variant,
                    }
                    for point in points
                ],
            }
            for name, points in comparison.points.items()
        },
        "crossings": [
            {
                "requests_per_second": f"{float(each.rps):.3g}",
                "monthly": f"{each.monthly:.2f}",
                "below": each.below,
                "above": each.above,
            }
            for each in comparison.crossings
        ],
        "cheapest": [
            {"from": f"{float(each.start):.3g}", "to": f"{float(each.end):.3g}", "platform": each.name}
            for each in comparison.cheapest
        ],
        "sentences": list(sentences(comparison)),
        "notes": list(notes(comparison)),
    }


def _cents(cost: Range) -> dict[str, str]:
    return {key: f"{value:.2f}" for key, value in cost._asdict().items()}


def _text(value: Decimal) -> str:
    return format(value.normalize(), "f")
