"""What every log group has in common."""

from ..validation import one_of

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180),
    *(365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""Days that CloudWatch Logs offers."""


def check_retention(field: str, days: int) -> None:
    """Refuse a number of days that CloudWatch Logs does not offer."""
    one_of(field, days, RETENTION_DAYS)
