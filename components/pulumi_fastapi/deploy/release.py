"""Releases in steps: which revision has the traffic, which one is tried, and with how much of it.

`pulumi-fastapi deploy` writes the step into the stack's configuration and runs an ordinary update for each; without an
entry there every update is a rolling one. Only the configuration decides, so a deploy that crashed goes on where it
stood, and `pulumi up` in between moves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

import pulumi

from ..errors import ArgumentError
from ..validation import check_fields, from_mapping, in_range

NAMESPACE, KEY = "pulumi-fastapi", "releases"
CONFIGURATION = f"{NAMESPACE}:{KEY}"
"""Key of the stack's configuration: a mapping of service names to `Release`."""
CANDIDATE = "candidate"
"""Tag of the revision that is tried; it has a URL of its own."""
STABLE = "stable"
"""Tag of the revision that served before, so that the traffic tells of both."""
LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
REVISION = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"

ROLLING: Any = [{"type": LATEST, "percent": 100}]
"""All traffic to the newest revision that is ready; stated always, as Cloud Run keeps a split that is left out."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One step of a release."""

    stable: str
    """Revision that has the traffic."""
    candidate: Optional[str] = None
    """Revision that `percent` is meant for. Default: none yet."""
    percent: int = 0
    """Share of the traffic that the candidate has. Any other new revision has none: it was not tried. Default 0."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("percent", self.percent, 0, 100, "%")

    def share_of(self, revision: str) -> int:
        """Percent of the traffic that a new revision gets."""
        if revision == self.stable:
            return 100
        return self.percent if revision == self.candidate else 0

    def traffic(self, revision: str) -> Any:
        """The `traffics` of a service whose template is that of `revision`."""
        share = self.share_of(revision)
        stable = {"type": REVISION, "revision": self.stable, "percent": 100, "tag": STABLE}
        if revision == self.stable:
            return [stable]
        return [
            {"type": REVISION, "revision": revision, "percent": share, "tag": CANDIDATE},
            {**stable, "percent": 100 - share},
        ]


def release_of(service: str) -> Optional[Release]:
    """The release of a service that is under way, as this stack's configuration says; None for a rolling update.

    Raises:
        ArgumentError: what stands there cannot be a release.
    """
    releases = pulumi.Config(NAMESPACE).get_object(KEY)
    if releases is None:
        return None
    if not isinstance(releases, Mapping):
        raise ArgumentError(CONFIGURATION, releases, "must map service names to releases")
    if service not in releases:
        return None
    given = releases[service]
    if not isinstance(given, Mapping):
        raise ArgumentError(f"{CONFIGURATION}.{service}", given, "must have stable, candidate and percent")
    release: Release = from_mapping(Release, given, f"{CONFIGURATION}.{service}.")
    return release
