"""The secret variables of an app."""

from collections.abc import Mapping
from typing import Optional

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from ..component import Component


class Secrets(Component):
    """The secret variables of an app in one Secrets Manager secret, as JSON with a key per variable.

    One secret, because each is billed by the month. Tasks read their variables from it by ARN and key.
    """

    arn: Output[str]
    """ARN of the secret."""
    version_id: Output[str]
    """Version of the values; it changes when one of them does."""
    references: dict[str, Output[str]]
    """Variable to `valueFrom` of a container definition: of this version, so that a change deploys, and a task of an
    older revision still gets the values it was written for."""

    def __init__(
        self,
        name: str,
        values: Mapping[str, Input[str]],
        deletion_protection: bool = True,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        secret = aws.secretsmanager.Secret(
            self.child_name("secrets"),
            description=f"Secret variables of {name}",
            # Without a recovery window a stack can be destroyed and created again at once.
            recovery_window_in_days=30 if deletion_protection else 0,
            opts=self.child,
        )
        version = aws.secretsmanager.SecretVersion(
            self.child_name("secrets"),
            secret_id=secret.id,
            secret_string=_secret_json(values),
            opts=self.child_options(retain_on_delete=True),  # a deployment that is rolled back reads the one before
        )
        self.publish(
            arn=secret.arn,
            version_id=version.version_id,
            references={
                variable: Output.concat(secret.arn, ":", variable, "::", version.version_id)
                for variable in sorted(values)
            },
        )


def _secret_json(values: Mapping[str, Input[str]]) -> Output[str]:
    text: Input[str] = Output.json_dumps(dict(values))
    return Output.secret(text)


def secret_references(
    component: Component, values: Optional[Mapping[str, Input[str]]], deletion_protection: bool
) -> dict[str, Input[str]]:
    """Variable to where its value stands, in a secret of the component's own; none for no values."""
    if not values:
        return {}
    secrets = Secrets(component.resource_name, values, deletion_protection=deletion_protection, opts=component.child)
    return dict(secrets.references)


def ssm_parameters(secret_arns: Optional[Mapping[str, Input[str]]]) -> list[str]:
    """Those of an app's existing secrets that are parameters of SSM, as far as their ARNs are known."""
    return [arn for arn in (secret_arns or {}).values() if isinstance(arn, str) and ":ssm:" in arn]
