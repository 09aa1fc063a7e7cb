"""`pulumi-fastapi compare`: where lines cross, what is planned for a rate, and what is shown."""

import dataclasses
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest
from pulumi_fastapi.cli import app
from pulumi_fastapi.cost import Traffic
from pulumi_fastapi.cost import compare as comparing
from pulumi_fastapi.cost.compare import Comparison, Planner, compare, rates
from pulumi_fastapi.cost.compare_text import sentences, table
from pulumi_fastapi.cost.platforms import PLATFORMS, Fit, Load, Platform
from pulumi_fastapi.cost.plot import draw
from pulumi_fastapi.cost.prices import default_table
from pulumi_fastapi.cost.resources import InputError
from pulumi_fastapi.errors import ArgumentError
from typer.testing import CliRunner

DOCS = Path(__file__).parents[2] / "docs"
QUIET = Traffic(response_bytes=Decimal(0), log_bytes=Decimal(0))
REGIONS = {"aws": "us-east-1", "gcp": "us-central1"}


def planner(**load: Any) -> Planner:
    return Planner(regions=REGIONS, load=Load(**{"traffic": QUIET, "cpu_ms": Decimal(5)} | load), table=default_table())


def platform(name: str, create: Callable[[], None]) -> Platform:
    """With one way to run there, in one size."""
    return Platform(
        name=name, provider="aws", fits=lambda load: [Fit(size=1, create=create, usage=load.usage(), model="m")]
    )


def steady(addresses: int, name: str = "Steady") -> Platform:
    """Costs 3.65 dollars a month for each address, whatever the traffic."""

    def create() -> None:
        for each in range(addresses):
            aws.ec2.Eip(f"address-{each}")

    return platform(name, create)


def by_request(name: str = "By request") -> Platform:
    def create() -> None:
        aws.lambda_.Function("fn", role="r", memory_size=1024, architectures=["arm64"], package_type="Image")

    return platform(name, create)


STEADY = Decimal("3.65")
DOLLARS_PER_RPS = Decimal(2_628_000) * (Decimal("0.0000002") + Decimal("0.0000133334") / 10)


def found(*platforms: Platform, low: str = "0.01", high: str = "1000") -> Comparison:
    return compare(platforms, planner(), Decimal(low), Decimal(high))


# Crossings


def test_crossing_is_where_both_cost_the_same():
    (crossing,) = found(steady(1), by_request()).crossings

    assert float(crossing.rps) == pytest.approx(float(STEADY / DOLLARS_PER_RPS), rel=0.002)
    assert float(crossing.monthly) == pytest.approx(float(STEADY), rel=0.002)
    assert (crossing.below, crossing.above) == ("By request", "Steady")


def test_a_million_requests_more_cost_what_their_requests_and_seconds_do():
    comparison = found(steady(1), by_request())

    assert comparison.a_million("Steady") == 0
    assert float(comparison.a_million("By request")) == pytest.approx(float(DOLLARS_PER_RPS) / 2.628)


def test_order_of_the_platforms_does_not_matter():
    one, other = found(steady(1), by_request()), found(by_request(), steady(1))

    assert [each[1:] for each in one.crossings] == [each[1:] for each in other.crossings]


def test_cheapest_changes_where_lines_cross():
    comparison = found(steady(1), by_request(), steady(2, "Double"))

    assert [each.name for each in comparison.cheapest] == ["By request", "Steady"]
    assert comparison.cheapest[0].end == comparison.crossings[0].rps == comparison.cheapest[1].start
    assert [{each.below, each.above} for each in comparison.crossings] == [
        {"By request", "Steady"},
        {"By request", "Double"},
    ]


def test_lines_that_do_not_cross_are_said_so():
    text = list(sentences(found(steady(1), steady(2, "Double"))))

    assert text == ["Cheapest: Steady at every rate.", "Steady is cheaper than Double at every rate."]


def test_sentence_names_the_crossing():
    text = list(sentences(found(steady(1), by_request())))

    assert text[0] == "Cheapest: By request up to 0.91 requests/s, then Steady."
    assert text[1] == "Below 0.91 requests/s By request is cheaper than Steady ($3.65 there), above it Steady."


def test_sentences_of_lines_that_cross_twice_and_more():
    def saw(load: Load) -> list[Fit]:
        """Cheap and dear by turns: as instances that are added would make it."""
        dear = int(load.traffic.requests_per_second) // 10 % 2
        return [dataclasses.replace(steady(1 + 2 * dear).fits(load)[0], size=dear)]

    platforms = (steady(2), Platform(name="Saw", provider="aws", fits=saw))
    twice = list(sentences(found(*platforms, low="1", high="25")))
    often = list(sentences(found(*platforms, low="1", high="38")))

    assert twice[1] == "Between 10 and 20 requests/s Steady is cheaper than Saw, elsewhere Saw."
    assert often[1].startswith(
        "Below 10 requests/s Saw is cheaper than Steady, above 30 Steady; between these it changes"
    )


# Points


@pytest.mark.parametrize(("low", "high"), [("0.01", "1000"), ("1", "2"), ("0.3", "77"), ("5", "5.001")])
def test_rates_rise_from_end_to_end(low, high):
    found = rates(Decimal(low), Decimal(high))

    assert (found[0], found[-1]) == (Decimal(low), Decimal(high))
    assert all(one < other for one, other in itertools.pairwise(found))


def test_component_is_planned_once_for_each_size(monkeypatch):
    planned = []
    monkeypatch.setattr(comparing, "plan", lambda *a, **k: planned.append(a) or real(*a, **k))

    def sized(load: Load) -> list[Fit]:
        size = 1 if load.traffic.requests_per_second < 10 else 2
        return [dataclasses.replace(steady(size).fits(load)[0], size=size)]

    found(Platform(name="Sized", provider="aws", fits=sized), by_request())

    assert len(planned) == 3


real = comparing.plan


def test_cheapest_way_to_run_on_a_platform_is_taken():
    def both(load: Load) -> list[Fit]:
        ways = {"always on": steady(1), "on demand": by_request()}
        return [dataclasses.replace(each.fits(load)[0], variant=way) for way, each in ways.items()]

    comparison = found(Platform(name="Both", provider="aws", fits=both), steady(2, "Double"))

    ways = [point.variant for point in comparison.points["Both"]]
    assert (ways[0], ways[-1]) == ("on demand", "always on")
    assert comparison.points["Both"][-1].monthly == STEADY


def test_component_that_cannot_be_that_large_is_named():
    def refuse(_: Load) -> list[Fit]:
        raise ArgumentError("tasks_max", 9999, "must be 1 to 5000")

    with pytest.raises(InputError, match=r"Fargate at 10 requests/s: tasks_max.*must be 1 to 5000"):
        planner().point(Platform(name="Fargate", provider="aws", fits=refuse), Decimal(10))


# The real components


@pytest.fixture(scope="module")
def real_comparison(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What the command prints as JSON, and the texts of its picture."""
    picture = tmp_path_factory.mktemp("picture") / "compare.svg"
    result = CliRunner().invoke(app, ["compare", "--json", "--out", str(picture)], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout), picture.read_text()


def test_all_three_are_priced_in_full_and_rise_with_traffic(real_comparison):
    data, _ = real_comparison

    assert list(data["platforms"]) == ["Fargate", "Lambda", "Cloud Run"]
    for platform in data["platforms"].values():
        costs = [Decimal(point["monthly"]["expected"]) for point in platform["points"]]
        assert costs == sorted(costs)
        assert not any(point["at_least"] for point in platform["points"])


@pytest.mark.parametrize(
    ("platform", "rps", "type_", "key", "size"),
    [
        ("Fargate", 10, "aws:appautoscaling/target:Target", "maxCapacity", 4),
        ("Fargate", 1000, "aws:appautoscaling/target:Target", "maxCapacity", 17),
        ("Cloud Run", 10_000, "gcp:cloudrunv2/service:Service", "maxInstanceCount", 84),
    ],
)
def test_component_is_as_large_as_its_traffic_needs(platform, rps, type_, key, size):
    """5 ms of work: a task of half a vCPU at 60 % answers 60 requests a second, an instance of one vCPU 120."""
    plans = planner()
    chosen = next(each for each in PLATFORMS if each.name == platform)

    plans.point(chosen, Decimal(rps))

    (planned, *_) = plans._planned.values()
    resource = next(each for each in planned if each.type == type_)
    assert re.search(rf"'{key}': {size}\b", str(resource.inputs))


def test_function_takes_longer_with_less_than_a_whole_vcpu():
    load = Load(traffic=Traffic(latency_ms=Decimal(100)), cpu_ms=Decimal(50))
    (fit,) = next(each for each in PLATFORMS if each.name == "Lambda").fits(load)

    assert round(fit.usage.traffic.latency_ms) == round(100 + 50 * (1769 / 1024 - 1))


def test_picture_in_the_documentation_is_what_the_command_draws_today(real_comparison):
    data, picture = real_comparison

    assert len(data["crossings"]) > 1
    assert texts(picture) == texts((DOCS / "pictures" / "compare.svg").read_text())
    for each in data["crossings"]:
        assert f"{each['below']} is cheaper than {each['above']}" in picture


def texts(svg: str) -> list[str]:
    return re.findall(r">([^<>\n]+)</(?:text|tspan)>", svg)


def test_sentences_and_figures_of_the_documentation_are_todays(real_comparison):
    data, _ = real_comparison
    text = (DOCS / "cost.md").read_text()

    for sentence in (*data["sentences"], data["notes"][0]):
        assert sentence in text
    for points in zip(*(each["points"] for each in data["platforms"].values()), strict=True):
        rps = points[0]["requests_per_second"]
        if rps in ("0.01", "0.1", "1", "10", "100", "1000"):
            cells = " | ".join(f"{Decimal(point['monthly']['expected']):,.2f}" for point in points)
            assert f"| {float(rps):,g} | {cells} |" in text


# The command


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["compare", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only two cheap platforms."""
    monkeypatch.setattr("pulumi_fastapi.cost.platforms.PLATFORMS", (steady(1), by_request()))


@pytest.mark.usefixtures("two")
def test_table_names_the_cheapest_and_the_crossing():
    code, out, _ = run("--rps-from", "0.1", "--rps-to", "10", "--response-bytes", "0")

    assert code == 0
    assert re.search(r"^ +0\.1 +3\.65 +0\.\d\d +By request", out, re.MULTILINE)
    assert re.search(r"^ +10 +3\.65 +\d+\.\d\d +Steady", out, re.MULTILINE)
    assert re.search(r"Below 0\.\d+ requests/s By request is cheaper than Steady", out)
    assert "\x1b" not in out


@pytest.mark.usefixtures("two")
def test_free_tier_moves_the_crossing():
    crossings = [
        json.loads(run("--json", *more)[1])["crossings"][0]["requests_per_second"] for more in ([], ["--free-tier"])
    ]

    assert float(crossings[1]) > float(crossings[0])


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("name", ["x.svg", "x.png"])
def test_picture_is_the_same_for_the_same_figures(tmp_path, name):
    for each in ("one", "two"):
        (tmp_path / each).mkdir()
        assert run("--out", tmp_path / each / name)[0] == 0

    one, other = ((tmp_path / each / name).read_bytes() for each in ("one", "two"))
    assert one == other
    assert one.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")


def test_labels_at_the_ends_of_lines_do_not_lie_on_each_other(tmp_path):
    alike = found(steady(1, "One"), steady(1, "Other"), by_request())

    draw(alike, [tmp_path / "x.svg"])

    bold = re.findall(r'700[^>]* y="([\d.]+)"[^>]*>(One|Other)<', (tmp_path / "x.svg").read_text())
    heights = [float(height) for height, _ in bold]
    assert len(heights) == 2
    assert abs(heights[0] - heights[1]) > 12


def test_platform_without_all_prices_is_said_to_cost_at_least_that(tmp_path, capsys):
    plans = dataclasses.replace(planner(), table=default_table().without("ipv4.hour"))
    partly = compare((steady(1), by_request()), plans, Decimal("0.1"), Decimal(10))

    draw(partly, [tmp_path / "x.svg"])
    table(partly)

    # Nothing of it has a price here, and a scale of tens has no zero.
    assert ">Steady, at least<" in (tmp_path / "x.svg").read_text()
    assert "at least 0.00" in (shown := capsys.readouterr().out)
    assert "Steady costs at least this; not in it: public IPv4 (price not found)." in shown


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--rps-from", "0"], "--rps-from: must be above 0, got '0'"),
        (["--rps-to", "many"], "--rps-to: must be an amount"),
        (["--rps-from", "10", "--rps-to", "1"], "--rps-to: must be above --rps-from 10, got 1"),
        (["--latency-ms", "-1"], "latency_ms"),
        (["--cpu-ms", "0"], "--cpu-ms: must be above 0"),
        (["--aws-region", "us-central1"], "--aws-region 'us-central1': no prices there"),
        (["--gcp-region", "moon"], "--gcp-region 'moon': no prices there"),
        (["--out", "x.pdf"], "--out: must end with .svg or .png, got 'x.pdf'"),
        (["--out", "nowhere/x.svg"], "--out: there is no folder nowhere"),
    ],
)
def test_wrong_argument_is_named(arguments, problem):
    code, out, error = run(*arguments)

    assert (code, out) == (2, "")
    assert problem in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("two")
def test_picture_without_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "pulumi_fastapi.cost.plot", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    code, _, error = run("--out", "x.svg")

    assert (code, error) == (2, "error: --out needs matplotlib: pip install 'pulumi-fastapi[cost]'\n")


@pytest.mark.usefixtures("two")
def test_platform_whose_sdk_is_not_installed_is_left_out_and_named(monkeypatch):
    there = dataclasses.replace(steady(1, "Elsewhere"), provider="nowhere")
    monkeypatch.setattr("pulumi_fastapi.cost.platforms.PLATFORMS", (steady(1), by_request(), there))

    code, out, error = run()

    assert code == 0
    assert "Elsewhere" not in out
    assert "Elsewhere is left out, as its SDK is not installed: pip install 'pulumi-fastapi[nowhere]'" in error


def test_comparing_without_a_picture_does_not_load_matplotlib():
    program = (
        "import sys, pulumi_fastapi.cli, pulumi_fastapi.cost.compare_text, pulumi_fastapi.cost.platforms;"
        "sys.exit('matplotlib' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
