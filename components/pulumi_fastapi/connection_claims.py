"""Who takes connections from a database that services share."""

from typing import Optional, Protocol

from pulumi import Input

from .component import claims_on
from .connection_pool import ConnectionBudget, ConnectionDemand
from .errors import ArgumentError


class DatabasePart(Protocol):
    """A database that clients claim connections of."""

    @property
    def host(self) -> Input[str]:
        """What tells it from other ones."""
        ...

    @property
    def budget(self) -> Optional[ConnectionBudget]:
        """Its connections before any client; None when nobody knows them or a proxy queues for them."""
        ...


def claim_connections(database: DatabasePart, demand: ConnectionDemand) -> Optional[ConnectionBudget]:
    """Take a client's connections from the database's budget, which all services that share it draw from.

    Returns:
        The budget with every client so far, or None when the database's size is not known or a proxy stands before it.

    Raises:
        ArgumentError: they do not fit.
    """
    budget = budget_so_far(database)
    if budget is None:
        return None
    if demand.client in {claimed.client for claimed in budget.demands}:
        raise ArgumentError(
            "name", demand.client, "two services of this name share one database; give each its own name"
        )
    budget = claims_on(database, database.host)["budget"] = budget.with_demand(demand)
    return budget


def budget_so_far(database: DatabasePart) -> Optional[ConnectionBudget]:
    """The database's connections with every client that has claimed some; None as above."""
    budget: Optional[ConnectionBudget] = claims_on(database, database.host).get("budget", database.budget)
    return budget
