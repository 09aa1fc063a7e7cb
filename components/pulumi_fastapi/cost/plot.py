"""The picture of a comparison; its lines differ by dashes too, and their colours for any kind of colour vision."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .compare import Comparison, Crossing, Stretch
from .compare_text import rate, title

_STYLES = (("#0072B2", "-"), ("#D55E00", (0, (6, 2))), ("#007A5A", (0, (2, 1.5))))
_INK, _SOFT = "#1a1a1a", "#5c5c5c"
_SETTINGS: Any = {
    "svg.hashsalt": "compare",  # the same file for the same figures
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.edgecolor": _SOFT,
}


def draw(comparison: Comparison, files: Sequence[Path]) -> None:
    """Write the picture into each file, in the format that its name says."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(9, 5.4), layout="constrained")
        axes = figure.add_subplot()
        ends, rates = {}, [float(each) for each in comparison.rates]
        for (name, points), (colour, dashes) in zip(comparison.points.items(), _STYLES, strict=False):
            costs = [float(point.monthly) for point in points]
            axes.plot(rates, costs, color=colour, linestyle=dashes, linewidth=2.4)
            ends[name] = costs[-1], colour, any(point.estimate.at_least for point in points)
        axes.set_xscale("log")
        axes.set_yscale("log", nonpositive="clip")
        billed = [point.monthly for points in comparison.points.values() for point in points if point.monthly > 0]
        low, high = float(min(billed, default=1)) / 2, float(max(billed, default=1)) * 3  # above: who is the cheapest
        axes.set_ylim(low, high)
        axes.set_xlim(rates[0], rates[-1])
        heights = {name: max(end[0], low) for name, end in ends.items()}
        for name, y in _apart(heights, (high / low) ** 0.05).items():
            _, colour, at_least = ends[name]
            axes.annotate(
                f"{name}{', at least' if at_least else ''}",
                (rates[-1], y),
                xytext=(7, 0),
                textcoords="offset points",
                color=colour,
                va="center",
                weight="bold",
                annotation_clip=False,
            )
        for stretch in comparison.cheapest:
            _shade(axes, stretch, ends[stretch.name][1])
        for number, crossing in enumerate(comparison.crossings, 1):
            _mark(axes, crossing, number)
        _list(axes, comparison.crossings)
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda each, _: f"{each:,g}"))
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda cost, _: f"${cost:,.{0 if cost >= 1 else 2}f}"))
        axes.set_xlabel("requests per second, the mean of the month")
        axes.set_ylabel("US dollars a month")
        axes.grid(which="major", color="#dddddd", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(title(comparison), loc="left", fontsize=10, color=_SOFT)
        for file in files:
            dateless = {"Date": None} if file.suffix == ".svg" else {"Software": None}
            figure.savefig(file, dpi=160, metadata=dateless)


def _apart(ends: Mapping[str, float], factor: float) -> dict[str, float]:
    """Heights of the labels at the ends of the lines, each at least by that factor above the other."""
    placed: dict[str, float] = {}
    least = 0.0
    for name, y in sorted(ends.items(), key=lambda each: each[1]):
        placed[name] = max(y, least * factor)
        least = placed[name]
    return placed


def _shade(axes: Axes, stretch: Stretch, colour: str) -> None:
    """Where one platform is the cheapest."""
    start, end = float(stretch.start), float(stretch.end)
    axes.axvspan(start, end, color=colour, alpha=0.07, linewidth=0)
    axes.text(
        math.sqrt(start * end),
        0.97,
        f"{stretch.name}\nis cheapest",
        transform=axes.get_xaxis_transform(),
        ha="center",
        va="top",
        fontsize=10,
        color=colour,
    )


_AROUND = ((-10, 9), (3, -14), (11, -9), (-3, 13))
"""Where the number of a dot stands: of dots beside each other, on other sides."""


def _mark(axes: Axes, crossing: Crossing, number: int) -> None:
    """A numbered dot where two lines cross."""
    place = float(crossing.rps), float(crossing.monthly)
    axes.plot(*place, "o", color="white", markeredgecolor=_INK, markersize=6, markeredgewidth=1.4, zorder=5)
    axes.annotate(
        str(number),
        place,
        xytext=_AROUND[number % len(_AROUND)],
        textcoords="offset points",
        fontsize=9,
        weight="bold",
        ha="center",
        va="center",
        zorder=6,
    )


def _list(axes: Axes, crossings: Sequence[Crossing]) -> None:
    """What the numbers mean, in the corner that rising lines leave free."""
    lines = [
        f"{number}  below {rate(each.rps)} req/s {each.below} is cheaper than {each.above}"
        for number, each in enumerate(crossings, 1)
    ]
    axes.text(
        0.985,
        0.03,
        "\n".join(lines),
        transform=axes.transAxes,
        ha="right",
        va="bottom",
        multialignment="left",
        fontsize=9.5,
        linespacing=1.5,
        bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "#bbbbbb"},
    )
