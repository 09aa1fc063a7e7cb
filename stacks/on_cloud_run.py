"""A FastAPI app on Google Cloud Run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional, Union

from config import StackFile, check_connections, existing_or_new, part
from pulumi_fastapi import ArgumentError, CloudRunFastAPIService, CloudRunFastAPIServiceArgs
from pulumi_fastapi.gcp import (
    CloudSqlDatabase,
    CloudSqlDatabaseArgs,
    ExistingCloudSqlDatabase,
    ExistingVpcNetwork,
    NotificationChannels,
    VpcNetwork,
    VpcNetworkArgs,
)
from pulumi_fastapi.validation import check_emails

OUTPUTS = ("url", "image", "service_name", "location", "revision", "candidate_url", "service_account_email")


@dataclass(frozen=True, kw_only=True)
class CloudRunStack:
    """The Args of the parts; what they share comes in later."""

    name: str
    alert_emails: list[str]
    network: Union[VpcNetworkArgs, ExistingVpcNetwork]
    database: Optional[Union[CloudSqlDatabaseArgs, ExistingCloudSqlDatabase]]
    service: CloudRunFastAPIServiceArgs

    def create(self) -> Mapping[str, Any]:
        """Create the parts, and return what the stack exports."""
        channels = NotificationChannels(self.name, self.alert_emails).ids
        made: dict[str, Any] = {"alert_channel_ids": channels}
        if self.database is not None:
            made["network"] = (
                self.network if isinstance(self.network, ExistingVpcNetwork) else VpcNetwork(self.name, self.network)
            )
            made["database"] = self.database
        if isinstance(self.database, CloudSqlDatabaseArgs):
            args = replace(self.database, network=made["network"], notification_channel_ids=channels)
            made["database"] = CloudSqlDatabase(self.name, args)
        service = CloudRunFastAPIService(self.name, replace(self.service, **made))
        of_database = ("database_connection_name", "connection_budget") if self.database is not None else ()
        return {output: getattr(service, output) for output in (*OUTPUTS, *of_database)}


def checked(keys: StackFile, name: str) -> CloudRunStack:
    """What the file says, checked.

    Raises:
        ArgumentError: names the key.
    """
    for key, instead in (
        ("zone_id", "is of AWS; cloud_run.dns_zone names a zone of Cloud DNS"),
        ("monthly_budget", "makes a budget of AWS; pulumi-fastapi cost --budget checks one before a deploy"),
    ):
        if getattr(keys, key) is not None:
            raise ArgumentError(key, getattr(keys, key), instead)
    check_emails("alarm_emails", keys.alarm_emails)
    database = None
    if keys.database is not None:
        database = existing_or_new(
            "database",
            keys.database,
            "connection_name",
            ExistingCloudSqlDatabase,
            CloudSqlDatabaseArgs,
            network=None,
            deletion_protection=keys.deletion_protection,
            notification_channel_ids=None,
        )
    service = part(
        "cloud_run",
        CloudRunFastAPIServiceArgs,
        keys.of_component,
        app=keys.described_app,
        network=None,
        database=None,
        domain=keys.domain,
        deletion_protection=keys.deletion_protection,
        alert_emails=None,
        alert_channel_ids=None,
    )
    check_connections(database, service.connection_demand(name))
    return CloudRunStack(
        name=name,
        alert_emails=keys.alarm_emails,
        network=existing_or_new("network", keys.network, "network_id", ExistingVpcNetwork, VpcNetworkArgs),
        database=database,
        service=service,
    )
