from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.rollout import Rollout, Strategy, happy_path_seconds, surge, worst_case_seconds
from pulumi_fastapi.timeouts import Timeouts, ladder

LADDER = ladder(Timeouts())


def test_default_settings_deploy_one_task_within_three_minutes() -> None:
    assert happy_path_seconds(LADDER).as_dict() == {
        "provision": 30,
        "startup": 5,
        "health": 20,
        "drain": 35,
        "stop": 5,
        "total": 95,
    }


def test_the_usual_settings_take_about_seven_minutes() -> None:
    # Deregistration delay 300 s and three checks 30 s apart: what a service had that took 7 minutes.
    usual = replace(LADDER, drain=300, health_interval=30, healthy_threshold=3)
    assert 400 <= happy_path_seconds(usual).total <= 440


def test_short_settings_take_about_one_minute() -> None:
    # The same service with 30 s and two checks 5 s apart took one minute.
    short = replace(LADDER, drain=30, health_interval=5, healthy_threshold=2)
    assert 55 <= happy_path_seconds(short).total <= 85


def test_a_failing_deploy_of_one_task_takes_about_as_long_as_seen() -> None:
    # Three failures of one task took 18 minutes until the circuit breaker tripped.
    assert 15 * 60 <= worst_case_seconds(LADDER).terms["failures"] <= 20 * 60


def test_a_slow_start_is_part_of_the_worst_case() -> None:
    slow = ladder(Timeouts(startup=120))
    assert worst_case_seconds(slow).terms["startup"] == 120
    assert worst_case_seconds(slow).total - worst_case_seconds(LADDER).total == 60 + 3 * 60 + 60


def test_raising_the_drain_shows_in_the_total() -> None:
    assert happy_path_seconds(replace(LADDER, drain=95)).total == happy_path_seconds(LADDER).total + 60


def test_canary_and_bake_time_show_as_terms() -> None:
    rollout = Rollout(strategy=Strategy.CANARY, canary_bake_minutes=3, bake_minutes=5)
    time = happy_path_seconds(LADDER, rollout)
    assert (time.terms["canary"], time.terms["bake"]) == (180, 300)
    assert time.total == happy_path_seconds(LADDER).total + 480


@pytest.mark.parametrize(
    ("step_percent", "seconds"), [(10, 9 * 60), (25, 3 * 60), (33, 3 * 60), (50, 60), (100, 0), (33.4, 2 * 60)]
)
def test_linear_waits_between_steps_but_not_after_the_last(step_percent: float, seconds: int) -> None:
    rollout = Rollout(strategy=Strategy.LINEAR, step_percent=step_percent, step_bake_minutes=1)
    assert happy_path_seconds(LADDER, rollout).terms["linear"] == seconds


def test_blue_green_has_no_traffic_steps() -> None:
    shifting = list(happy_path_seconds(LADDER, "BLUE_GREEN").terms)
    assert [term for term in shifting if term != "bake"] == list(happy_path_seconds(LADDER).terms)


@pytest.mark.parametrize(
    ("tasks", "minimum", "maximum", "starts", "stops"),
    [
        (1, 100, 200, 1, 1),  # start the new one, then stop the old one
        (4, 100, 200, 1, 1),
        (4, 100, 150, 2, 2),  # two at a time
        (4, 100, 125, 4, 4),  # one at a time
        (1, 0, 100, 1, 1),  # stop first: down in between
        (4, 50, 100, 2, 2),
        (4, 25, 125, 1, 2),  # what stops makes room for new ones
        (2, 50, 200, 1, 2),  # one old task goes at once, the other when the new ones are healthy
    ],
)
def test_batches_of_a_rolling_deploy(tasks: int, minimum: int, maximum: int, starts: int, stops: int) -> None:
    assert Rollout(minimum_percent=minimum, maximum_percent=maximum).batches(tasks) == (starts, stops)


def test_percentages_that_leave_no_room_are_refused_with_what_would() -> None:
    with pytest.raises(ArgumentError, match=r"at least 2 must run and at most 2 may; use 150 or more.*got 120"):
        Rollout(maximum_percent=120).batches(2)
    assert Rollout(maximum_percent=150).batches(2) == (2, 2)


def test_replacing_nothing_at_all_is_refused() -> None:
    with pytest.raises(ArgumentError, match="maximum_percent: must be more than 100 with minimum_percent=100"):
        Rollout(minimum_percent=100, maximum_percent=100)


@given(tasks=st.integers(1, 300), minimum=st.integers(0, 100), maximum=st.integers(101, 400))
def test_batches_end_and_the_suggested_maximum_works(tasks: int, minimum: int, maximum: int) -> None:
    try:
        starts, stops = Rollout(minimum_percent=minimum, maximum_percent=maximum).batches(tasks)
    except ArgumentError as error:
        suggested = int(error.problem.split("use ")[1].split(" ")[0])
        starts, stops = Rollout(minimum_percent=minimum, maximum_percent=suggested).batches(tasks)
    assert 1 <= starts <= tasks
    assert 1 <= stops <= tasks + 1


@given(
    tasks=st.integers(1, 300),
    strategy=st.sampled_from(list(Strategy)),
    bake=st.integers(0, 60),
    startup=st.integers(1, 1800),
    streaming=st.booleans(),
)
def test_the_worst_case_is_never_shorter_than_the_happy_path(
    tasks: int, strategy: Strategy, bake: int, startup: int, streaming: bool
) -> None:
    rungs = ladder(Timeouts(startup=startup, streaming=streaming))
    rollout = Rollout(strategy=strategy, bake_minutes=bake)
    worst, happy = worst_case_seconds(rungs, rollout, tasks=tasks), happy_path_seconds(rungs, rollout, tasks=tasks)
    assert worst.total >= happy.total
    assert worst.total == sum(worst.terms.values()) == worst.as_dict()["total"]


def test_more_tasks_fail_side_by_side() -> None:
    one, ten = (worst_case_seconds(LADDER, tasks=tasks).terms["failures"] for tasks in (1, 10))
    assert one == 3 * ten


@pytest.mark.parametrize(
    ("strategy", "peak"), [("ROLLING", 2.0), ("BLUE_GREEN", 2.0), ("CANARY", 2.0), ("LINEAR", 2.0)]
)
def test_every_strategy_doubles_the_tasks_by_default(strategy: str, peak: float) -> None:
    assert surge(strategy) == peak


def test_only_a_rolling_deploy_can_run_with_a_smaller_peak() -> None:
    assert surge("ROLLING", maximum_percent=125) == 1.25
    assert surge("CANARY", maximum_percent=125) == 2.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("strategy", "CANNARY"),
        ("minimum_percent", 101),
        ("minimum_percent", "100"),
        ("maximum_percent", 99),
        ("bake_minutes", 1441),
        ("canary_bake_minutes", -1),
        ("step_percent", 2),
        ("step_bake_minutes", 1441),
    ],
)
def test_a_rollout_that_cannot_be_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ArgumentError, match=f"^{field}: must be "):
        Rollout(**{field: value})  # type: ignore[arg-type]


def test_a_strategy_can_be_given_by_name() -> None:
    by_name = Rollout(strategy="rolling", maximum_percent=125)  # type: ignore[arg-type]
    assert by_name == Rollout(strategy=Strategy.ROLLING, maximum_percent=125)
    assert by_name.surge == surge("rolling", maximum_percent=125) == 1.25


def test_a_misspelt_strategy_is_answered_with_the_right_one() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'CANARY'"):
        worst_case_seconds(LADDER, "CANNARY")
