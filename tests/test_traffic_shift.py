from typing import Any

import pytest
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.traffic_shift import ShiftStrategy, Step, TrafficShift


def test_everything_at_once_has_no_steps() -> None:
    assert TrafficShift().steps == []
    assert TrafficShift().seconds == 0


def test_a_canary_is_a_share_and_then_all() -> None:
    shift = TrafficShift(strategy="CANARY", canary_percent=5, canary_bake_minutes=3, bake_minutes=2)  # type: ignore[arg-type]
    assert shift.steps == [Step(5, 180), Step(100, 120)]
    assert shift.seconds == 300


@pytest.mark.parametrize(
    ("percent", "shares"), [(25, [25, 50, 75, 100]), (40, [40, 80, 100]), (33.4, [33.4, 66.8, 100]), (99, [99, 100])]
)
def test_linear_steps_are_even_and_end_with_all(percent: float, shares: list[float]) -> None:
    shift = TrafficShift(strategy=ShiftStrategy.LINEAR, step_percent=percent)
    assert [step.percent for step in shift.steps] == shares


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"strategy": "CANARY", "canary_percent": 100}, "canary_percent: must be between 0.1 and 99 %"),
        ({"strategy": "CANARY", "canary_bake_minutes": 0}, "canary_bake_minutes: must be between 1 and 1440 minutes"),
        ({"strategy": "LINEAR", "step_percent": 1}, "step_percent: must be between 3 and 99 %"),
        ({"strategy": "LINEAR", "canary_percent": 5}, "canary_percent: is of use only with strategy CANARY"),
        ({"bake_minutes": 1}, "bake_minutes: is of use only with strategy CANARY or LINEAR"),
        ({"strategy": "ROLLING"}, "strategy: must be one of ALL_AT_ONCE, CANARY, LINEAR"),
    ],
)
def test_bad_arguments_are_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        TrafficShift(**args)
