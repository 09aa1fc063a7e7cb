import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.timeouts import TimeoutLadder, Timeouts, ladder


def accepted(request: int, idle: int, startup: int, streaming: bool) -> Timeouts | None:
    try:
        made = Timeouts(request=request, idle=idle, startup=startup, streaming=streaming)
        ladder(made)
        return made
    except ArgumentError:
        return None


timeouts = st.builds(
    accepted, st.integers(-5, 200), st.integers(-5, 5000), st.integers(-5, 2500), st.booleans()
).filter(lambda made: made is not None)


def test_the_default_ladder() -> None:
    assert asdict(ladder(Timeouts())) == {
        "client": 70,
        "idle": 60,
        "keep_alive": 75,
        "request": 30,
        "drain": 35,
        "shutdown_delay": 5,
        "graceful": 35,
        "stop": 45,
        "health_interval": 10,
        "health_timeout": 5,
        "healthy_threshold": 2,
        "unhealthy_threshold": 3,
        "startup": 60,
        "grace": 80,
    }


@given(timeouts)
def test_every_rung_holds_in_every_ladder(timeouts: Timeouts) -> None:
    rungs = ladder(timeouts)
    assert rungs.client > rungs.idle < rungs.keep_alive
    assert rungs.request < rungs.idle
    assert rungs.request < rungs.drain <= rungs.stop <= 120
    assert rungs.request < rungs.graceful < rungs.stop
    assert rungs.shutdown_delay + rungs.graceful < rungs.stop
    assert rungs.health_timeout < rungs.health_interval
    assert rungs.grace >= rungs.startup + rungs.healthy_threshold * rungs.health_interval
    assert rungs.broken_rungs() == []


@given(timeouts)
def test_every_rung_is_within_what_aws_accepts(timeouts: Timeouts) -> None:
    rungs = ladder(timeouts)
    assert 1 <= rungs.idle <= 4000
    assert 0 <= rungs.drain <= 3600
    assert 5 <= rungs.health_interval <= 300
    assert 2 <= rungs.health_timeout <= 120
    assert 2 <= rungs.healthy_threshold <= 10
    assert 2 <= rungs.unhealthy_threshold <= 10
    assert 0 <= rungs.grace <= 2147483647


@given(timeouts)
def test_what_the_user_said_is_in_the_ladder(timeouts: Timeouts) -> None:
    rungs = ladder(timeouts)
    assert (rungs.request, rungs.startup) == (timeouts.request, timeouts.startup)
    assert rungs.idle == timeouts.idle or (timeouts.streaming and rungs.idle == 600 > timeouts.idle)


def test_streaming_moves_everything_that_depends_on_silence() -> None:
    usual, streaming = ladder(Timeouts()), ladder(Timeouts(streaming=True))
    assert (streaming.idle, streaming.keep_alive, streaming.client) == (600, 615, 610)
    assert (streaming.drain, streaming.graceful, streaming.stop) == (110, 110, 120)
    unmoved = {"request", "startup", "grace", "health_interval", "health_timeout", "shutdown_delay"}
    assert {name for name in unmoved if getattr(usual, name) != getattr(streaming, name)} == set()


def test_streaming_keeps_a_longer_idle_time() -> None:
    assert ladder(Timeouts(streaming=True, idle=4000)).idle == 4000


def test_a_slow_start_gets_a_longer_grace() -> None:
    assert ladder(Timeouts(startup=120)).grace == 140


def test_a_request_longer_than_the_balancer_waits_is_refused_with_what_to_do() -> None:
    with pytest.raises(ArgumentError) as error:
        ladder(Timeouts(request=90))
    assert str(error.value) == (
        "idle: must be more than request=90, or the load balancer cuts a request that is still running;"
        " use idle=91 or more, or streaming=True, got 60"
    )
    assert ladder(Timeouts(request=90, idle=91)).stop == 105
    assert ladder(Timeouts(request=90, streaming=True)).stop == 120


def test_a_request_that_no_deploy_can_wait_for_is_refused() -> None:
    assert ladder(Timeouts(request=105, idle=200)).stop == 120
    with pytest.raises(ArgumentError, match=r"request: must be between 1 and 105 seconds .*120.*got 106"):
        ladder(Timeouts(request=106, idle=200))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request", 0),
        ("request", "30"),
        ("request", 1.5),
        ("request", 3601),
        ("idle", 4001),
        ("idle", None),
        ("startup", 0),
        ("startup", 1801),
        ("streaming", 1),
        ("startup", True),
    ],
)
def test_a_timeout_that_cannot_be_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ArgumentError, match=f"^{field}: "):
        Timeouts(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"keep_alive": 5}, "idle < keep_alive"),
        ({"client": 30}, "client > idle"),
        ({"idle": 20}, "request < idle"),
        ({"drain": 30}, "request < drain"),
        ({"drain": 300}, "drain <= stop"),
        ({"graceful": 30}, "request < graceful"),
        ({"graceful": 40}, "shutdown_delay + graceful < stop"),
        ({"stop": 130}, "stop <= 120"),
        ({"health_timeout": 10}, "health_timeout < health_interval"),
        ({"grace": 60}, "grace >= startup + healthy_threshold x health_interval"),
    ],
)
def test_a_broken_rung_is_named(change: dict[str, int], rule: str) -> None:
    assert replace(ladder(Timeouts()), **change).broken_rungs() == [rule]


def test_the_runtime_reads_its_rungs_from_the_environment() -> None:
    assert ladder(Timeouts()).environment() == {
        "KEEP_ALIVE_SECONDS": "75",
        "DRAIN_SECONDS": "5",
        "GRACEFUL_SECONDS": "35",
        "STARTUP_SECONDS": "60",
    }


def test_the_ladder_is_plain_data_for_outputs() -> None:
    data = json.loads(json.dumps(ladder(Timeouts()).as_dict()))
    assert data["keepAlive"] == 75
    assert len(data) == len(TimeoutLadder.__dataclass_fields__)
