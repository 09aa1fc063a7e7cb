"""What decides in a release: the gate, and the traffic of each step."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_fastapi.deploy.gate import FEW, Gate, Observed
from pulumi_fastapi.deploy.release import CONFIGURATION, LATEST, REVISION, Release
from pulumi_fastapi.errors import ArgumentError
from run_reading import planned_service, service_of


@pytest.mark.parametrize(
    ("observed", "problem"),
    [
        (Observed(requests=1000, errors=10, latency=0.5), None),
        (Observed(requests=1000, errors=11, latency=0.5), "1.1 % of 1000 requests were answered 5xx, more than 1 %"),
        (Observed(requests=1000, latency=1.5), "5 % of 1000 requests took 1.5 s or longer, more than 1 s"),
        (Observed(requests=0), None),
    ],
)
def test_a_step_ends_well_only_within_the_limits(observed: Observed, problem: str | None) -> None:
    assert Gate().problem(observed, last=True) == problem


def test_a_few_requests_are_judged_at_the_end_of_a_step_only() -> None:
    observed = Observed(requests=FEW - 1, errors=1)
    assert Gate().problem(observed, last=False) is None
    assert "5xx" in str(Gate().problem(observed, last=True))


def test_a_bad_revision_goes_back_before_its_time_is_over() -> None:
    assert "5xx" in str(Gate().problem(Observed(requests=FEW, errors=FEW), last=False))


def test_silence_is_no_proof_where_requests_are_asked_for() -> None:
    gate = Gate(min_requests=50)
    assert gate.problem(Observed(), last=False) is None
    assert (
        gate.problem(Observed(requests=49), last=True) == "49 requests are too few to tell, at least 50 are asked for"
    )


@pytest.mark.parametrize("args", [{"max_error_percent": 101}, {"max_latency": 0}, {"min_requests": -1}])
def test_limits_that_mean_nothing_are_refused(args: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(args))):
        Gate(**args)


@given(percent=st.integers(0, 100), same=st.booleans())
def test_the_traffic_is_always_all_of_it(percent: int, same: bool) -> None:
    traffic = Release(stable="shop-a", candidate="shop-b", percent=percent).traffic("shop-a" if same else "shop-b")
    assert sum(each["percent"] for each in traffic) == 100
    assert {each["type"] for each in traffic} == {REVISION}


def test_a_revision_that_was_not_tried_gets_nothing() -> None:
    """The program changed in the middle of a release: the new revision starts from the beginning."""
    traffic = Release(stable="shop-a", candidate="shop-b", percent=50).traffic("shop-c")
    assert {each["revision"]: each["percent"] for each in traffic} == {"shop-a": 100, "shop-c": 0}


def released(release: Any) -> Any:
    return planned_service("shop", config={CONFIGURATION: {"shop": release}})


def test_the_configuration_of_the_stack_says_where_the_traffic_goes() -> None:
    new = service_of(planned_service("shop"))["template"]["revision"]
    traffic = service_of(released({"stable": "shop-a", "candidate": new, "percent": 10}))["traffics"]
    assert traffic == [
        {"type": REVISION, "revision": new, "percent": 10, "tag": "candidate"},
        {"type": REVISION, "revision": "shop-a", "percent": 90, "tag": "stable"},
    ]


def test_another_service_of_the_stack_is_not_meant() -> None:
    result = planned_service("shop", config={CONFIGURATION: {"other": {"stable": "other-a"}}})
    assert service_of(result)["traffics"] == [{"type": LATEST, "percent": 100}]


def test_an_update_that_moves_no_traffic_says_so() -> None:
    (message,) = [each for each in released({"stable": "shop-a"}).messages if each.severity == "warning"]
    assert "revision shop-a has 100 % of the traffic" in message.text
    assert "pulumi-fastapi deploy" in message.text


@pytest.mark.parametrize(
    ("release", "problem"),
    [
        ({"candidate": "shop-b"}, r"releases.shop.stable: a value is required"),
        ({"stable": "shop-a", "percent": 101}, r"releases.shop.percent: must be between 0 and 100 %"),
        ({"stable": "shop-a", "share": 1}, r"releases.shop.share: unknown argument of Release"),
        ("shop-a", r"releases.shop: must have stable, candidate and percent"),
    ],
)
def test_a_release_that_cannot_be_is_refused_by_its_key(release: Any, problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"pulumi-fastapi:{problem}"):
        released(release)
