"""What stacks on AWS have in common: network, database, who is told, and a limit for the bill."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional, Union

from config import StackFile, existing_or_new
from pulumi_fastapi.aws import (
    AlarmTopic,
    Budget,
    Database,
    DatabaseArgs,
    ExistingDatabase,
    ExistingNetwork,
    Network,
    NetworkArgs,
)
from pulumi_fastapi.validation import check_emails

# Stands for the network while the rest is checked: nothing exists yet.
PLANNED_NETWORK = ExistingNetwork(vpc_id="planned", public_subnet_ids=["planned-0", "planned-1"])
OF_DATABASE = ("database_endpoint", "database_secret_arn", "connection_budget")


@dataclass(frozen=True, kw_only=True)
class AwsParts:
    """The Args of the parts around a component."""

    name: str
    alarm_emails: list[str]
    monthly_budget: Optional[float]
    network: Union[NetworkArgs, ExistingNetwork]
    database: Optional[Union[DatabaseArgs, ExistingDatabase]]

    @classmethod
    def checked(cls, keys: StackFile, name: str) -> "AwsParts":
        """What the file says of them.

        Raises:
            ArgumentError: names the key.
        """
        check_emails("alarm_emails", keys.alarm_emails)
        database = None
        if keys.database is not None:
            database = existing_or_new(
                "database",
                keys.database,
                "host",
                ExistingDatabase,
                DatabaseArgs,
                network=PLANNED_NETWORK,
                deletion_protection=keys.deletion_protection,
                alarm_topic_arn=None,
            )
        return cls(
            name=name,
            alarm_emails=keys.alarm_emails,
            monthly_budget=keys.monthly_budget,
            network=existing_or_new("network", keys.network, "vpc_id", ExistingNetwork, NetworkArgs),
            database=database,
        )

    def create(self, *, network: bool) -> dict[str, Any]:
        """Create them, and return those that the component is given.

        Args:
            network: the component runs in one.
        """
        made: dict[str, Any] = {"alarm_topic_arn": AlarmTopic(self.name, self.alarm_emails).arn}
        if network:
            made["network"] = (
                self.network if isinstance(self.network, ExistingNetwork) else Network(self.name, self.network)
            )
        if isinstance(self.database, DatabaseArgs):
            made["database"] = Database(self.name, replace(self.database, **made))
        elif self.database is not None:
            made["database"] = self.database
        if self.monthly_budget is not None:
            Budget(self.name, self.monthly_budget, self.alarm_emails)
        return made


def outputs(component: object, names: Iterable[str], parts: AwsParts) -> Mapping[str, Any]:
    """What the stack exports of a component, with its database if there is one."""
    return {name: getattr(component, name) for name in (*names, *(OF_DATABASE if parts.database else ()))}
