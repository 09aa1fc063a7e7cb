"""Who may call a service."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Optional

import pulumi_gcp as gcp
from pulumi import Input, ResourceOptions

from ..errors import ArgumentError
from ..validation import matches
from .component import GoogleComponent

INVOKER = "roles/run.invoker"
IAP_USER = "roles/iap.httpsResourceAccessor"
IAP_API = "iap.googleapis.com"
_MEMBER = r"(user|group|serviceAccount|domain):\S+|(principal|principalSet)://\S+"


class Access(StrEnum):
    """Who may call a service."""

    PUBLIC = "PUBLIC"
    IAM = "IAM"
    IAP = "IAP"


def check_members(access: Access, members: Sequence[Input[str]]) -> None:
    """Refuse members that a policy does not take, or that no one would ask for."""
    if members and access is Access.PUBLIC:
        raise ArgumentError("members", list(members), f"is of use only with access {Access.IAM} or {Access.IAP}")
    for member in members:
        if member in ("allUsers", "allAuthenticatedUsers"):
            raise ArgumentError("members", member, f"is everyone; use access={Access.PUBLIC.value!r}")
        matches(
            "members",
            member,
            _MEMBER,
            "such as user:ann@example.com, group:team@example.com or serviceAccount:job@...",
        )


class Members(GoogleComponent):
    """The members that may call a service: with a token of Google's (`IAM`), or signed in at Identity-Aware Proxy
    (`IAP`). Costs nothing."""

    def __init__(
        self,
        name: str,
        access: Access,
        members: Sequence[Input[str]],
        *,
        service: Input[str],
        location: str,
        project: str,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        if access is Access.IAP:
            # It calls the service in the place of who signed in.
            agent = gcp.projects.ServiceIdentity(
                self.child_name("iap"), project=project, service=IAP_API, opts=self.child
            )
            self._invoker("iap", agent.member, service, location, project)
        for number, member in enumerate(members):
            label = member if isinstance(member, str) else str(number)
            if access is Access.IAM:
                self._invoker(label, member, service, location, project)
            else:
                gcp.iap.WebCloudRunServiceIamMember(
                    f"{self.child_name('user')}-{label}",
                    project=project,
                    location=location,
                    cloud_run_service_name=service,
                    role=IAP_USER,
                    member=member,
                    opts=self.child,
                )
        self.publish()

    def _invoker(
        self, label: str, member: Input[str], service: Input[str], location: str, project: str
    ) -> gcp.cloudrunv2.ServiceIamMember:
        return gcp.cloudrunv2.ServiceIamMember(
            f"{self.child_name('invoker')}-{label}",
            project=project,
            location=location,
            name=service,
            role=INVOKER,
            member=member,
            opts=self.child,
        )
