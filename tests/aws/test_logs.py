import pytest
from pulumi_fastapi.aws.logs import RETENTION_DAYS, check_retention
from pulumi_fastapi.errors import ArgumentError


def test_what_cloudwatch_logs_offers_is_accepted() -> None:
    for days in RETENTION_DAYS:
        check_retention("days", days)


@pytest.mark.parametrize("days", [0, 2, 31, 366, 3654])
def test_anything_else_is_refused(days: int) -> None:
    with pytest.raises(ArgumentError, match=f"^days: must be one of 1, 3, 5, .*got {days}"):
        check_retention("days", days)
