"""Where a service stands: the project and the location, which must be known before anything is named."""

from typing import Optional

import pulumi_gcp as gcp

from ..errors import ArgumentError


def project_of(project: Optional[str]) -> str:
    """The project that is given, else the provider's own.

    Raises:
        ArgumentError: neither says one.
    """
    return _known("project", project, gcp.config.project, "pulumi config set gcp:project my-project-123")


def location_of(location: Optional[str]) -> str:
    """The region that is given, else the provider's own.

    Raises:
        ArgumentError: neither says one.
    """
    return _known("location", location, gcp.config.region, "pulumi config set gcp:region europe-west1")


def _known(field: str, given: Optional[str], configured: Optional[str], command: str) -> str:
    value = given or configured
    if value is None:
        raise ArgumentError(field, None, f"is neither an argument nor configured; run: {command}")
    return value
