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
    claims = claims_on(database, database.host)
    budget: Optional[ConnectionBudget] = claims.get("budget", database.budget)
    if budget is None:
        return None
    if demand.client in {claimed.client for claimed in budget.demands}:
        raise ArgumentError(
            "name", demand.client, "two services of this name share one database; give each its own name"
        )
    budget = claims["budget"] = budget.with_demand(demand)
    return budget
