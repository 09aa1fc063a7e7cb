"""A FastAPI app on AWS Fargate."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config import StackFile, check_connections, part
from on_aws import PLANNED_NETWORK, AwsParts, outputs
from pulumi_fastapi import FargateFastAPIService, FargateFastAPIServiceArgs

OUTPUTS = ("url", "image", "cluster_name", "service_name", "log_group_name")


@dataclass(frozen=True)
class FargateStack:
    """The Args of the parts; what they share comes in later."""

    parts: AwsParts
    service: FargateFastAPIServiceArgs

    def create(self) -> Mapping[str, Any]:
        """Create the parts, and return what the stack exports."""
        made = self.parts.create(network=True)
        service = FargateFastAPIService(self.parts.name, replace(self.service, **made))
        return outputs(service, OUTPUTS, self.parts)


def checked(keys: StackFile, name: str) -> FargateStack:
    """What the file says, checked.

    Raises:
        ArgumentError: names the key.
    """
    parts = AwsParts.checked(keys, name)
    service = part(
        "service",
        FargateFastAPIServiceArgs,
        keys.of_component,
        app=keys.described_app,
        network=PLANNED_NETWORK,
        database=None,
        domain=keys.domain,
        zone_id=keys.zone_id,
        deletion_protection=keys.deletion_protection,
        alarm_emails=None,
        alarm_topic_arn=None,
    )
    check_connections(parts.database, service.connection_demand(name))
    return FargateStack(parts, service)
