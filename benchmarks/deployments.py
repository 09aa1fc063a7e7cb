"""How long a deploy takes by strategy, and against the defaults of other tools, by one formula. No clock is involved.

Usage: python benchmarks/deployments.py [--picture FILE.svg]
"""

import argparse
from dataclasses import replace
from pathlib import Path

from pulumi_fastapi.rollout import DeploymentTime, Rollout, Strategy, happy_path_seconds, worst_case_seconds
from pulumi_fastapi.timeouts import TimeoutLadder, Timeouts, ladder
from rich.console import Console
from rich.table import Table

TASKS = 2
OURS = ladder(Timeouts())

# Defaults of the other tools (their sources and documentation): deregistration 300 s everywhere; checks as named.
OTHERS: dict[str, tuple[TimeoutLadder, Rollout]] = {
    # Target group as the AWS provider makes it: every 30 s, 3 checks to be healthy.
    "awsx": (replace(OURS, drain=300, health_interval=30, healthy_threshold=3), Rollout()),
    # Every 30 s, 5 checks to be healthy. That half of the tasks may go at once is left out, in its favour.
    "CDK ecs-patterns": (replace(OURS, drain=300, health_interval=30, healthy_threshold=5), Rollout()),
}


def rows() -> dict[str, tuple[DeploymentTime, DeploymentTime | None]]:
    """Usual and longest time by name; the longest of other tools' is not known, as they wait for nothing."""
    found: dict[str, tuple[DeploymentTime, DeploymentTime | None]] = {}
    for strategy in Strategy:
        rollout = Rollout(strategy=strategy)
        found[strategy.value] = (
            happy_path_seconds(OURS, rollout, tasks=TASKS),
            worst_case_seconds(OURS, rollout, tasks=TASKS),
        )
    for name, (times, rollout) in OTHERS.items():
        found[name] = (happy_path_seconds(times, rollout, tasks=TASKS), None)
    return found


def table(found: dict[str, tuple[DeploymentTime, DeploymentTime | None]]) -> Table:
    """The times in seconds, and as multiples of our rolling deploy."""
    shown = Table(title=f"A deploy of {TASKS} tasks with every default, in seconds")
    for column in ("", "usual", "ratio", "at most", "terms of the usual one"):
        shown.add_column(column, justify="left" if column in ("", "terms of the usual one") else "right")
    base = found[Strategy.ROLLING.value][0].total
    for name, (usual, longest) in found.items():
        terms = ", ".join(f"{term} {seconds}" for term, seconds in usual.terms.items() if seconds)
        shown.add_row(
            name, str(usual.total), f"{usual.total / base:.1f}", str(longest.total) if longest else "-", terms
        )
    return shown


def picture(found: dict[str, tuple[DeploymentTime, DeploymentTime | None]], file: Path) -> None:
    """Each deploy as a bar whose parts are its terms."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "deployments"  # the same picture for the same numbers
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 3.6), layout="constrained")
    names = list(found)[::-1]
    terms = list(dict.fromkeys(term for usual, _ in found.values() for term in usual.terms))
    order = ["provision", "startup", "health", "canary", "linear", "bake", "drain", "stop"]
    colours = dict(zip(order, pyplot.get_cmap("tab10").colors, strict=False))
    for term in sorted(terms, key=order.index):
        lefts = [
            sum(s for t, s in found[name][0].terms.items() if order.index(t) < order.index(term)) for name in names
        ]
        widths = [found[name][0].terms.get(term, 0) for name in names]
        axes.barh(names, widths, left=lefts, label=term, color=colours[term])
    axes.set_xlabel("seconds until the old tasks are gone")
    figure.legend(ncols=8, fontsize="small", loc="outside upper center", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, help="write the bars there, as SVG")
    arguments = parser.parse_args()
    measured = rows()
    Console(width=160).print(table(measured))
    if arguments.picture:
        picture(measured, arguments.picture)
