"""Service accounts and workload identity."""

import re
from collections.abc import Iterator, Mapping

from pulumi_fastapi.emulator.gcp.rules.judging import Rule
from pulumi_fastapi.emulator.gcp.validation import Violation
from pulumi_fastapi.emulator.mapping import dig
from pulumi_fastapi.emulator.values import Properties


def _service_account(body: Properties, id: str | None) -> Iterator[Violation]:
    account = body.get("accountId")
    if isinstance(account, str) and not re.fullmatch(r"[a-z][-a-z0-9]{4,28}[a-z0-9]", account):
        text = "must be 6 to 30 lower case letters, digits and hyphens, begin with a letter and not end with a hyphen"
        yield ("accountId",), f"{account!r} {text}"


def _identity_provider(body: Properties, id: str | None) -> Iterator[Violation]:
    mapping = body.get("attributeMapping")
    if isinstance(mapping, Mapping) and "google.subject" not in mapping:
        yield ("attributeMapping",), "google.subject has to be mapped"
    issuer = dig(body, "oidc.issuerUri")
    if issuer == "https://token.actions.githubusercontent.com" and body.get("attributeCondition") is None:
        yield ("attributeCondition",), "The attribute condition must reference one of the provider's claims"
    if id is not None and (not 4 <= len(id) <= 32 or id.startswith("gcp-")):
        yield ("workloadIdentityPoolProviderId",), f"{id!r} must have 4 to 32 characters and not begin with gcp-"


RULES: Mapping[str, Rule] = {
    "iam.CreateServiceAccountRequest": _service_account,
    "iam.WorkloadIdentityPoolProvider": _identity_provider,
}
