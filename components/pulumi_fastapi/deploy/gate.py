"""When a revision that is tried may have more of the traffic."""

from dataclasses import dataclass
from typing import Optional

from ..validation import check_fields, in_range

FEW = 20
"""Requests below which one error says nothing yet; at the end of a step they are judged however few."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What Cloud Monitoring knows of a revision since a step began; it learns of a request up to three minutes late."""

    requests: int = 0
    """Requests answered."""
    errors: int = 0
    """Those answered 5xx."""
    latency: Optional[float] = None
    """95th percentile of the latency in seconds; None without requests."""

    @property
    def error_percent(self) -> float:
        """Share of the requests that were answered 5xx."""
        return 100 * self.errors / self.requests if self.requests else 0.0

    def __str__(self) -> str:
        if not self.requests:
            return "no requests seen yet"
        latency = "" if self.latency is None else f", 95 % within {self.latency:.2g} s"
        return f"{self.requests} requests, {self.error_percent:.2g} % errors{latency}"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a revision must keep to."""

    max_error_percent: float = 1.0
    """Most requests answered 5xx, in percent. Default 1."""
    max_latency: float = 1.0
    """Most seconds of the 95th percentile of latency. Default 1."""
    min_requests: int = 0
    """Fewest requests of a step: with fewer, nothing is known of the revision, and it goes back. Default 0."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("max_error_percent", self.max_error_percent, 0, 100, "%")
        in_range("max_latency", self.max_latency, 0.001, 3600, "seconds")
        in_range("min_requests", self.min_requests, 0, 10_000_000, "requests")

    def problem(self, observed: Observed, *, last: bool) -> Optional[str]:
        """Why the revision must go back; None while it need not.

        Args:
            last: the step ends; until then few requests are not judged.
        """
        if last and observed.requests < self.min_requests:
            return f"{observed.requests} requests are too few to tell, at least {self.min_requests} are asked for"
        if observed.requests < (1 if last else FEW):
            return None
        if observed.error_percent > self.max_error_percent:
            return f"{observed.error_percent:.3g} % of {observed.requests} requests were answered 5xx, more than" + (
                f" {self.max_error_percent:g} %"
            )
        if observed.latency is not None and observed.latency > self.max_latency:
            return f"5 % of {observed.requests} requests took {observed.latency:.3g} s or longer, more than" + (
                f" {self.max_latency:g} s"
            )
        return None
