"""What an account gets free each month: only when asked for, and once, however many resources share it."""

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from cost_programs import at, cents, cloud_run, items, price, resource
from pulumi_fastapi.cost import Estimate, Resource, UsageFile, estimate
from pulumi_fastapi.cost.prices import DATA, PriceDataError, default_table, load
from pulumi_fastapi.cost.render import Report, as_data


def free(*resources: Resource, usage: UsageFile) -> Estimate:
    return estimate(resources, usage=usage, free_tier=True)


def function(name: str = "fn") -> Resource:
    return resource("aws:lambda/function:Function", name, memorySize=1024, architectures=["arm64"])


def test_nothing_is_free_unless_asked_for():
    assert items(price(function(), usage=at("0.1")))["Lambda duration, arm64"] == "0.35"


def test_small_function_is_free():
    assert items(free(function(), usage=at("0.1", log_bytes=0))) == {}


def test_what_is_above_the_free_tier_is_billed():
    estimated = free(function(), usage=at(10, log_bytes=0))

    seconds = Decimal(10) * 2_628_000 / 10
    assert items(estimated)["Lambda requests"] == f"{(Decimal(26_280_000) - 1_000_000) * Decimal('0.0000002'):.2f}"
    assert items(estimated)["Lambda duration, arm64"] == cents((seconds - 400_000) * Decimal("0.0000133334"))


def test_two_functions_share_one_free_tier():
    one, two = (free(*[function(f"fn-{each}") for each in range(count)], usage=at(10)) for count in (1, 2))

    assert items(one)["Lambda duration, arm64"] == items(two)["Lambda duration, arm64"]


def test_low_and_high_bounds_take_their_own_share():
    run = cloud_run(maximum=2)

    _, expected, high = free(run, usage=at("0.01", log_bytes=0, response_bytes=0)).total

    assert expected == 0
    seconds = 2 * 2_628_000
    vcpus, memory = Decimal(seconds - 180_000), Decimal(seconds) / 2 - 360_000
    assert cents(high) == cents(vcpus * Decimal("0.000024") + memory * Decimal("0.0000025"))


def test_bill_says_whether_free_tiers_are_in_it():
    notes = [as_data(Report(title="", estimate=each))["notes"][0] for each in (price(), free(usage=at(0)))]

    assert "without tax, discounts and free tiers" in notes[0]
    assert "after the free tiers of an account" in notes[1]


def test_every_free_tier_is_of_a_known_price():
    known = {(provider, id_) for provider, _, id_ in default_table().entries}

    assert {(tier.provider, id_) for tier in default_table().free_tiers for id_ in tier.prices} <= known


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"unit": "hour"}, "lambda.request is per request, not per hour"),
        ({"prices": ["lambda.requst"]}, "lambda.requst is per None"),
        ({"sources": ["RUMOUR"]}, "names source 'RUMOUR'"),
        ({"quantity": "-1"}, "quantity: .*greater than or equal to 0"),
    ],
)
def test_wrong_free_tier_is_refused(tmp_path, change, problem):
    folder = Path(shutil.copytree(DATA, tmp_path / "data"))
    file = folder / "free_tiers.json"
    document = json.loads(file.read_text())
    document["Lambda requests"] |= change
    file.write_text(json.dumps(document))

    with pytest.raises(PriceDataError, match=problem):
        load(folder)
