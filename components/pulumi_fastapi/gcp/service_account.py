"""As whom a service runs."""

from collections.abc import Sequence
from typing import Optional

import pulumi_gcp as gcp
from pulumi import Input, Output, ResourceOptions

from .component import GoogleComponent


class ServiceAccount(GoogleComponent):
    """A service account of the service's own, with the project roles that are named and no other. Costs nothing.

    Without one a service runs as Compute Engine's default account, which may change everything in the project.
    """

    email: Output[str]
    """Address of the account."""
    member: Output[str]
    """The account as policies name it."""
    grants: list[gcp.projects.IAMMember]
    """What has to exist before the account does what it may."""

    def __init__(
        self,
        name: str,
        project: Input[str],
        roles: Sequence[str] = (),
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        account = gcp.serviceaccount.Account(
            self.child_name("run", 30),
            project=project,
            display_name=f"{self.resource_name} on Cloud Run"[:100],
            opts=self.child,
        )
        self.grants = [
            gcp.projects.IAMMember(
                self.child_name(role.rpartition("/")[2].replace(".", "-").lower()),
                project=project,
                role=role,
                member=account.member,
                opts=self.child,
            )
            for role in roles
        ]
        self.publish(email=account.email, member=account.member)
