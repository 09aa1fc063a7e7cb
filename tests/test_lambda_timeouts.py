import pytest
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.timeouts import Timeouts, lambda_timeouts


def test_lambda_waits_longer_than_the_runtime_and_the_client_longer_than_both() -> None:
    times = lambda_timeouts(Timeouts(request=60), 900, "Lambda")
    assert (times.request, times.function, times.entry, times.client) == (60, 61, 900, 71)
    assert times.environment() == {"REQUEST_SECONDS": "60", "STARTUP_SECONDS": "60"}


def test_a_function_never_runs_longer_than_its_entry_waits() -> None:
    """Nobody would get the answer, and it would be paid for."""
    assert lambda_timeouts(Timeouts(request=30), 30, "an HTTP API").function == 30
    assert lambda_timeouts(Timeouts(request=900), 4000, "the load balancer").function == 900


def test_more_than_the_entry_waits_is_refused() -> None:
    with pytest.raises(
        ArgumentError, match=r"request: must be between 1 and 60 seconds \(CloudFront waits no longer\)"
    ):
        lambda_timeouts(Timeouts(request=61), 60, "CloudFront")


def test_streams_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"streaming: .* use FargateFastAPIService or CloudRunFastAPIService"):
        lambda_timeouts(Timeouts(streaming=True), 900, "Lambda")
