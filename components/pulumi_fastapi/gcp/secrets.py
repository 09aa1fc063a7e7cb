"""The secret variables of an app."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

import pulumi_gcp as gcp
from pulumi import Input, Output, ResourceOptions

from .component import GoogleComponent, google_name

ACCESSOR = "roles/secretmanager.secretAccessor"


@dataclass(frozen=True, kw_only=True)
class SecretVersion:
    """One version of a secret, as a revision names it."""

    secret: Input[str]
    """The secret: `projects/PROJECT/secrets/SECRET`, or its id in the service's own project."""
    version: Input[str]
    """Number of the version: with `latest`, instances of one revision would read different values."""

    @classmethod
    def of(cls, name: Input[str]) -> "SecretVersion":
        """That of `projects/P/secrets/S/versions/N`."""
        parts = Output.from_input(name).apply(lambda known: known.split("/versions/"))
        return cls(secret=parts[0], version=parts[1])


class Secrets(GoogleComponent):
    """The secret variables of an app, each in a Secret Manager secret of its own that only the service may read.

    Costs a few cents a month per version; the versions before stay, as the revisions before read them.
    """

    versions: dict[str, SecretVersion]
    """Variable to the version that holds its value; another value is another version, and so another revision."""
    grants: list[gcp.secretmanager.SecretIamMember]
    """What has to exist before the service reads them."""

    def __init__(
        self,
        name: str,
        values: Mapping[str, Input[str]],
        member: Input[str],
        project: Optional[Input[str]] = None,
        labels: Optional[Mapping[str, str]] = None,
        deletion_protection: bool = True,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        self.versions, self.grants = {}, []
        for variable, value in sorted(values.items()):
            child = f"{google_name(name, '', 128)}-{variable}"
            secret = gcp.secretmanager.Secret(
                child,
                project=project,
                replication={"auto": {}},
                labels=labels,
                deletion_protection=deletion_protection,
                opts=self.child,
            )
            version = gcp.secretmanager.SecretVersion(
                child,
                secret=secret.id,
                secret_data=Output.secret(value),
                opts=self.child_options(retain_on_delete=True),  # going back needs the values of the revision before
            )
            self.versions[variable] = SecretVersion(secret=secret.secret_id, version=version.version)
            self.grants.append(grant(self, child, secret.id, member))
        self.publish()


def grant(
    parent: GoogleComponent, name: str, secret: Input[str], member: Input[str]
) -> gcp.secretmanager.SecretIamMember:
    """Let a member read one secret: `projects/P/secrets/S`, or its id in the provider's project."""
    known = Output.from_input(secret)
    return gcp.secretmanager.SecretIamMember(
        name,
        project=known.apply(lambda path: path.split("/")[1] if path.startswith("projects/") else None),
        secret_id=known.apply(lambda path: path.rpartition("/")[2]),
        role=ACCESSOR,
        member=member,
        opts=parent.child,
    )
