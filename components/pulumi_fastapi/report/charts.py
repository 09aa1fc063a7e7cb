"""Bars: the bill, the connections, the timeouts, the time of a deploy."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..cost.bill import Estimate
from ..cost.render import money, spread
from ..preview import PHASES
from . import svg

_ROW = 42.0
_BAR = 12.0
_COLOURS = 8
"""Classes c0 to c7 of the page's style."""
_RUNGS = {
    "answer": "answer",
    "request": "request",
    "function": "function",
    "entry": "entry",
    "drain": "drain",
    "stop": "stop",
    "idle": "balancer idle",
    "client": "client",
    "keepAlive": "keep-alive",
    "init": "startup",
    "startup": "startup",
}
"""Rungs to what their bar is called."""


def costs(estimate: Estimate) -> str:
    """A bar for the expected cost of each part, and a line from its low to its high."""
    parts = estimate.parts()
    scale = svg.WIDTH / float(max((cost.high for cost in parts.values()), default=0) or 1)
    out = []
    for index, (part, cost) in enumerate(parts.items()):
        y = index * _ROW
        low, expected, high = (float(each) * scale for each in cost)
        out.append(svg.text(0, y + 14, part.value, "title"))
        out.append(svg.text(svg.WIDTH, y + 14, f"${money(cost.expected)}", "name", end=True))
        out.append(svg.rect(0, y + 19, expected, _BAR, f"c{index % _COLOURS}", f"{part.value}: {spread(cost)}"))
        if high > low:
            out.append(f'<path d="M{low:.2f} {y + 34:g}H{high:.2f}" class="range"/>')
    return svg.drawing(len(parts) * _ROW or 1, "Expected cost of each part a month", out) if parts else ""


def connections(budget: Mapping[str, Any]) -> str:
    """What each client may take of max_connections, what is free and what is reserved."""
    scale = svg.WIDTH / budget["maxConnections"]
    taken = [
        (each["client"], each["connections"], f"c{index % _COLOURS}") for index, each in enumerate(budget["demands"])
    ]
    free = max(budget["available"] - budget["used"], 0)
    # More than there is: the bar is full, and the finding beside it says so.
    pieces = [*taken, ("free", free, "free"), ("reserved", budget["reserved"], "reserved")]
    return _stacked(pieces, scale, f"{budget['used']} connections used of {budget['maxConnections']}")


def timeouts(rungs: Mapping[str, Any]) -> str:
    """The rungs that must be in order, as bars of their seconds."""
    numbers = {key: each for key, each in rungs.items() if isinstance(each, (int, float))}
    if "init" in numbers:
        numbers.pop("startup", None)  # that is how long others may take; a function has less
    shown = [(label, numbers[key]) for key, label in _RUNGS.items() if key in numbers]
    most = max((seconds for _, seconds in shown), default=0) or 1
    start, room = 96.0, svg.WIDTH - 96.0 - 48
    out = []
    for index, (label, seconds) in enumerate(shown):
        y = index * 22.0
        width = room * seconds / most
        out.append(svg.text(0, y + 13, label, "name"))
        out.append(svg.rect(start, y + 3, width, _BAR, "c0"))
        out.append(svg.text(start + width + 6, y + 13, f"{seconds} s", "name"))
    return svg.drawing(len(shown) * 22 or 1, "Timeouts in seconds", out)


def deployment(terms: Mapping[str, Any]) -> str:
    """The longest that each phase of a deploy may take, one after the other."""
    pieces = [(phase, terms[phase], f"c{index % _COLOURS}") for index, phase in enumerate(_phases(terms))]
    return _stacked(pieces, svg.WIDTH / (terms["total"] or 1), f"{terms['total']} seconds at worst", " s")


def _phases(terms: Mapping[str, Any]) -> list[str]:
    return [phase for phase in PHASES if terms.get(phase)]


def _stacked(pieces: Sequence[tuple[str, float, str]], scale: float, label: str, unit: str = "") -> str:
    """Pieces beside each other, and a legend: in two columns, when its texts are short."""
    x, out = 0.0, []
    for name, amount, kind in pieces:
        width = min(amount * scale, svg.WIDTH - x)
        out.append(svg.rect(x, 0, width - 1, 18, kind, f"{name}: {amount}{unit}"))
        x += width
    columns = 2 if all(len(f"{amount}{unit} {name}") < 22 for name, amount, _ in pieces) else 1
    room = svg.WIDTH / columns
    for index, (name, amount, kind) in enumerate(pieces):
        column, y = index % columns * room, 26 + index // columns * 18
        out.append(svg.rect(column, y, 10, 10, kind))
        out.append(svg.text(column + 16, y + 9, f"{amount}{unit} {name}", "name", width=room - 20))
    return svg.drawing(26 + (len(pieces) + columns - 1) // columns * 18, label, out)
