"""The table of Google resource types: what the API documents do not say about each, one module per kind."""

from collections.abc import Mapping

from pulumi_fastapi.emulator.gcp.resource import ResourceType
from pulumi_fastapi.emulator.gcp.types import (
    cloud_run,
    cloud_sql,
    identity,
    images_and_secrets,
    load_balancers,
    monitoring,
    networks,
    policies,
)

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    row.pulumi_type: row
    for module in (
        cloud_run,
        cloud_sql,
        identity,
        images_and_secrets,
        load_balancers,
        monitoring,
        networks,
        policies,
    )
    for row in module.rows()
}
