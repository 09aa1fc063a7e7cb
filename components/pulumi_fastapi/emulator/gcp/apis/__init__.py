"""What each API does beyond storing what it is given. Importing them registers their methods."""

from pulumi_fastapi.emulator.gcp import methods
from pulumi_fastapi.emulator.gcp.apis import (
    artifactregistry,
    compute,
    dns,
    iam,
    monitoring,
    projects,
    run,
    secretmanager,
    servicenetworking,
    sqladmin,
)

__all__ = [
    "artifactregistry",
    "compute",
    "dns",
    "iam",
    "methods",
    "monitoring",
    "projects",
    "run",
    "secretmanager",
    "servicenetworking",
    "sqladmin",
]
