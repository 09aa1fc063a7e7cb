"""Rules for Cloud SQL databases."""

from collections.abc import Iterator

from ..planned import Resource
from . import Facts, Problem, Severity, enabled, get, rule

INSTANCE = "gcp:sql/databaseInstance:DatabaseInstance"
CONNECTION = "gcp:servicenetworking/connection:Connection"

_PLUS_SINCE = 16
_SHARED_CORE = ("db-f1-micro", "db-g1-small")


def _by_connectors_only(instance: Resource) -> bool:
    """Whether only Google's connectors get in: they ask IAM and encrypt, whatever else is set."""
    return bool(get(instance, "settings", "connectorEnforcement") == "REQUIRED")


@rule(INSTANCE, severity="warning")
def cloud_sql_public(instance: Resource, _: Facts) -> Iterator[Problem]:
    """A database with a public address is found and tried within minutes (CIS Google Cloud 6.5 and 6.6)."""
    addresses = ("settings", "ipConfiguration")
    if not enabled(instance, *addresses, "ipv4Enabled", default=True):
        return
    networks = get(instance, *addresses, "authorizedNetworks", default=[])
    if any(str(network.get("value", "")).endswith("/0") for network in networks):
        yield Problem(
            "lets the whole internet try its passwords",
            "remove the authorized network that ends in /0; connect by a private address or the Cloud SQL Auth Proxy",
            "error",
        )
    elif not _by_connectors_only(instance):
        yield Problem(
            "has a public address",
            "set ipv4Enabled to false and privateNetwork, or connectorEnforcement to REQUIRED: connectors only",
        )


@rule(INSTANCE, severity="error")
def cloud_sql_tls_not_forced(instance: Resource, _: Facts) -> Iterator[Problem]:
    """A client that forgets sslmode sends its password in the clear (CIS Google Cloud 6.4)."""
    mode = get(instance, "settings", "ipConfiguration", "sslMode")
    if mode not in ("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED") and not _by_connectors_only(instance):
        yield Problem(
            f"accepts connections without TLS (sslMode is {mode or 'not set'})", "set sslMode to ENCRYPTED_ONLY"
        )


@rule(INSTANCE, severity="error")
def cloud_sql_edition_missing(instance: Resource, _: Facts) -> Iterator[Problem]:
    """Since PostgreSQL 16 the edition that is not said is ENTERPRISE_PLUS, whose smallest machine costs twenty times as
    much, and which has no small ones."""
    version = str(get(instance, "databaseVersion", default=""))
    major = version.removeprefix("POSTGRES_").partition("_")[0]
    if not major.isdigit() or int(major) < _PLUS_SINCE or get(instance, "settings", "edition") is not None:
        return
    tier = str(get(instance, "settings", "tier", default=""))
    refused = f", which has no {tier}" if tier in _SHARED_CORE or tier.startswith("db-custom-") else ""
    yield Problem(f"gets the edition ENTERPRISE_PLUS{refused}", "set edition to ENTERPRISE, or to ENTERPRISE_PLUS")


@rule(INSTANCE, severity="error")
def cloud_sql_before_its_network(instance: Resource, facts: Facts) -> Iterator[Problem]:
    """No input refers to the connection to Google's services, so Pulumi may ask for the private address before it."""
    if get(instance, "settings", "ipConfiguration", default={}).get("privateNetwork") is None:
        return
    connections = facts.all(CONNECTION)
    if connections and not set(connections) & set(instance.dependencies):
        yield Problem(
            f"does not wait for the connection {connections[0].name!r}, without which it gets no private address",
            "add the connection to its depends_on",
        )


@rule(INSTANCE, severity="warning")
def cloud_sql_without_backups(instance: Resource, _: Facts) -> Iterator[Problem]:
    """There is no point in time to go back to (CIS Google Cloud 6.7)."""
    if get(instance, "masterInstanceName") is not None:  # a replica has those of its primary
        return
    backups = ("settings", "backupConfiguration")
    if not enabled(instance, *backups, "enabled"):
        yield Problem("keeps no backups", "set backupConfiguration.enabled to true")
    elif not enabled(instance, *backups, "pointInTimeRecoveryEnabled"):
        yield Problem(
            "can be restored to the last backup only, which may be a day old",
            "set backupConfiguration.pointInTimeRecoveryEnabled to true",
            "info",
        )


@rule(INSTANCE, severity="warning")
def cloud_sql_without_deletion_protection(instance: Resource, facts: Facts) -> Iterator[Problem]:
    """One mistyped destroy, or one click, deletes the data."""
    if instance.options.protect or instance.options.retain_on_delete:
        return
    by_pulumi = not enabled(instance, "deletionProtection", default=True)
    by_anybody = not enabled(instance, "settings", "deletionProtectionEnabled")
    if by_pulumi:
        # It is on unless somebody turns it off, so that was a choice; in production it is worth a second look.
        severity: Severity = "warning" if facts.plan.stack.startswith("prod") else "info"
        yield Problem(
            "can be deleted by `pulumi destroy`", "leave deletionProtection at true where the data matters", severity
        )
    elif by_anybody:
        yield Problem(
            "can be deleted in the console and with gcloud: deletionProtection keeps only Pulumi from it",
            "set settings.deletionProtectionEnabled to true too",
            "info",
        )


@rule(INSTANCE, severity="info")
def cloud_sql_in_one_zone(instance: Resource, _: Facts) -> Iterator[Problem]:
    """When its zone fails, the database is down until it is repaired or restored."""
    if get(instance, "settings", "availabilityType", default="ZONAL") != "REGIONAL":
        tier = str(get(instance, "settings", "tier", default=""))
        outside = f", and {tier} is outside of Google's SLA" if tier in _SHARED_CORE else ""
        yield Problem(
            f"runs in one zone: a failure or a maintenance of that zone stops the service{outside}",
            "set availabilityType to REGIONAL; it doubles the price of machine and storage",
        )
