"""What Cloud Run offers: sizes and timeouts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.sizing import check_cloud_run_size
from pulumi_fastapi.timeouts import Timeouts, cloud_run_timeouts

# Google's documentation, "Configure memory limits": least and most memory in MiB by vCPU.
DOCUMENTED = {0.08: (128, 512), 0.5: (128, 1024), 1: (128, 4096), 2: (128, 8192), 4: (2048, 16384)} | {
    6: (4096, 24576),
    8: (4096, 32768),
}


def accepted(cpu: float, memory: int) -> bool:
    try:
        check_cloud_run_size(cpu, memory)
    except ArgumentError:
        return False
    return True


@pytest.mark.parametrize(("cpu", "limits"), DOCUMENTED.items())
def test_memory_is_accepted_between_the_documented_limits(cpu: float, limits: tuple[int, int]) -> None:
    least, most = limits
    assert [accepted(cpu, memory) for memory in (least - 1, least, most, most + 1)] == [False, True, True, False]


@pytest.mark.parametrize("cpu", [0, 0.05, 1.5, 3, 5, 7, 16, -1])
def test_other_shares_of_a_cpu_are_refused(cpu: float) -> None:
    assert not accepted(cpu, 4096)


def test_the_nearest_cpu_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"cpu: must be below 1 or one of 1, 2, 4, 6, 8 vCPU; nearest is 4, got 3"):
        check_cloud_run_size(3, 2048)


@given(cpu=st.sampled_from([0.08, 0.5, 1, 2, 4, 6, 8]), memory=st.integers(0, 100_000))
def test_the_nearest_memory_in_the_error_is_accepted(cpu: float, memory: int) -> None:
    if not accepted(cpu, memory):
        with pytest.raises(ArgumentError, match=r"nearest is (\d+)") as error:
            check_cloud_run_size(cpu, memory)
        check_cloud_run_size(cpu, int(str(error.value).split("nearest is ")[1].split(",")[0]))


@given(startup=st.integers(1, 480))
def test_the_startup_probe_waits_as_long_as_the_app_may_take_within_googles_limits(startup: int) -> None:
    made = cloud_run_timeouts(Timeouts(startup=startup))
    assert made.startup_delay + made.startup_period * made.startup_checks >= startup
    assert made.startup_delay <= 240
    assert made.startup_period * made.startup_checks <= 240


def test_a_start_that_no_probe_can_wait_for_is_refused_with_the_number() -> None:
    with pytest.raises(ArgumentError, match=r"timeouts.startup: must be at most 480 on Cloud Run, .* got 481"):
        cloud_run_timeouts(Timeouts(startup=481))


def test_an_instance_in_a_network_gets_longer_to_start() -> None:
    """Its way to the database may take a minute to open."""
    alone, networked = cloud_run_timeouts(Timeouts()), cloud_run_timeouts(Timeouts(), in_network=True)
    assert networked.startup_checks - alone.startup_checks == 60
    assert networked.environment()["STARTUP_SECONDS"] == str(networked.startup)
    with pytest.raises(ArgumentError, match=r"at most 420 on Cloud Run, .* 60 of them for the network"):
        cloud_run_timeouts(Timeouts(startup=421), in_network=True)


@given(request=st.integers(1, 3595), streaming=st.booleans())
def test_the_app_answers_before_cloud_run_cuts_the_request(request: int, streaming: bool) -> None:
    made = cloud_run_timeouts(Timeouts(request=request, streaming=streaming))
    assert request <= made.answer < made.request <= 3600


def test_a_request_of_more_than_an_hour_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"timeouts.request: must be between 1 and 3595 seconds on Cloud Run"):
        cloud_run_timeouts(Timeouts(request=3596))


def test_the_app_has_stopped_before_cloud_run_kills_it() -> None:
    made = cloud_run_timeouts(Timeouts())
    assert made.shutdown_delay + made.graceful < made.stop == 10


def test_the_front_end_never_sends_into_a_connection_that_the_app_closes() -> None:
    assert cloud_run_timeouts(Timeouts()).keep_alive > 600
