"""Rules for RDS databases."""

from collections.abc import Iterator

from ..planned import Resource
from . import Facts, Problem, enabled, get, rule

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
CLUSTER_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"

# The parameter that refuses connections without TLS, and the major version since which it is on by default.
_FORCE_TLS = {
    "postgres": ("rds.force_ssl", 15),
    "mysql": ("require_secure_transport", 99),
    "mariadb": ("require_secure_transport", 99),
}


def _in_cluster(instance: Resource) -> bool:
    """A replica takes these settings from its source."""
    return get(instance, "replicateSourceDb") is not None


@rule(INSTANCE, CLUSTER_INSTANCE, severity="error")
def database_publicly_accessible(database: Resource, _: Facts) -> Iterator[Problem]:
    """A database with a public address is found and tried within minutes (RDS.2, CT.RDS.PR.23, CKV_AWS_17)."""
    if enabled(database, "publiclyAccessible"):
        yield Problem(
            "has a public address",
            "set publiclyAccessible to false; reach it through ECS Exec, a session manager tunnel or a VPN",
        )


@rule(INSTANCE, CLUSTER, severity="error")
def database_unencrypted(database: Resource, _: Facts) -> Iterator[Problem]:
    """Encryption at rest can only be chosen at creation; later it takes a copy and a switch (RDS.3, CT.RDS.PR.24)."""
    if (
        not enabled(database, "storageEncrypted")
        and not _in_cluster(database)
        and get(database, "snapshotIdentifier") is None
    ):
        yield Problem(
            "is not encrypted at rest, and cannot be encrypted later in place", "set storageEncrypted to true now"
        )


@rule(INSTANCE, CLUSTER, severity="warning")
def database_without_backups(database: Resource, _: Facts) -> Iterator[Problem]:
    """There is no point in time to go back to (RDS.11, CT.RDS.PR.8, CKV_AWS_133)."""
    # Aurora always keeps one day.
    days = int(get(database, "backupRetentionPeriod", default=1 if database.type == CLUSTER else 0))
    if days == 0 and not _in_cluster(database):
        yield Problem("keeps no backups", "set backupRetentionPeriod to 7 or more (days)")


@rule(INSTANCE, CLUSTER, severity="warning")
def database_without_deletion_protection(database: Resource, _: Facts) -> Iterator[Problem]:
    """One mistyped destroy deletes the data (RDS.8, CT.RDS.PR.13). Only said where it is chosen."""
    if enabled(database, "deletionProtection") or database.options.protect or database.options.retain_on_delete:
        return
    chosen = database.inputs.get("deletionProtection") is not None
    copy = "without keeping a copy" if enabled(database, "skipFinalSnapshot") else "after a final snapshot"
    yield Problem(
        f"can be deleted by `pulumi destroy` {copy}",
        "set deletionProtection to true where the data matters",
        "info" if chosen else None,
    )


@rule(INSTANCE, CLUSTER, severity="error")
def final_snapshot_without_name(database: Resource, _: Facts) -> Iterator[Problem]:
    """RDS takes a final snapshot by default and refuses to delete without its name: every destroy fails."""
    if _in_cluster(database) or enabled(database, "skipFinalSnapshot"):
        return
    if get(database, "finalSnapshotIdentifier") is None and not database.options.retain_on_delete:
        yield Problem(
            "cannot be destroyed: it takes a final snapshot that has no name",
            "keep a copy with a finalSnapshotIdentifier that is unique per database (a fixed one collides at the "
            "second destroy), or set skipFinalSnapshot to true. For a database that exists it takes two steps: "
            "1. set it and run `pulumi up`, 2. run `pulumi destroy`",
        )


@rule(INSTANCE, CLUSTER, severity="warning")
def no_final_snapshot(database: Resource, _: Facts) -> Iterator[Problem]:
    """A replacement or a destroy takes the data with it. Only said where nothing else protects it."""
    if not enabled(database, "skipFinalSnapshot") or _in_cluster(database):
        return
    protected = enabled(database, "deletionProtection")
    yield Problem(
        "keeps no copy of its data when it is destroyed or replaced",
        "set skipFinalSnapshot to false with a unique finalSnapshotIdentifier. To change a database that exists: "
        "1. set both (and deletionProtection to false) and run `pulumi up`, 2. run `pulumi destroy`",
        None if protected else "info",
    )


@rule(INSTANCE, severity="warning")
def database_tls_not_forced(database: Resource, facts: Facts) -> Iterator[Problem]:
    """A client that forgets sslmode sends its password in the clear (CT.RDS.PR.28, CKV2_AWS_69)."""
    engine = str(get(database, "engine", default=""))
    if engine not in _FORCE_TLS:
        return
    parameter, on_since = _FORCE_TLS[engine]
    values = [
        str(get_value)
        for group in facts.referred(database, "parameterGroupName", PARAMETER_GROUP)
        for each in get(group, "parameters", default=[])
        if each.get("name") == parameter and (get_value := each.get("value")) is not None
    ]
    version = str(get(database, "engineVersion", default="")).partition(".")[0]
    by_default = version.isdigit() and int(version) >= on_since
    forced = values[-1] in ("1", "ON") if values else by_default
    if not forced:
        yield Problem(
            f"accepts connections without TLS ({parameter} is {values[-1] if values else 'not set'})",
            f"set the parameter {parameter} to 1 in its parameter group",
        )


@rule(INSTANCE, severity="info")
def single_zone_database(database: Resource, _: Facts) -> Iterator[Problem]:
    """When its zone fails, the database is down until it is repaired or restored (RDS.5, CKV_AWS_157)."""
    if not enabled(database, "multiAz") and not _in_cluster(database):
        yield Problem(
            "runs in one availability zone: a failure or a maintenance of that zone stops the service",
            "set multiAz to true; it doubles the price of instance and storage",
        )
