"""Databases, their parameters and proxies."""

import re
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, all_of, as_number, between, matches, one_of
from pulumi_fastapi.emulator.values import Properties, scalar_text

_INSTANCE_CLASS = re.compile(
    r"db\.(m|r|x|z|c|t)\d[a-z0-9-]*\.(micro|small|medium|large|xlarge|\d{1,2}xlarge|metal|metal-\d+xl|\d{1,2}xlarge\.\S+)"
)


def _instance_class(value: Any, _inputs: Properties) -> str | None:
    return None if _INSTANCE_CLASS.fullmatch(str(value)) else f"Invalid DB Instance class: {value}"


def _storage(inputs: Properties, _all: Properties) -> str | None:
    size = as_number(inputs.get("allocatedStorage"))
    if size is None:
        return None
    kind = inputs.get("storageType") or ("io1" if inputs.get("iops") else "gp2")
    low = {"standard": 5, "io1": 100, "io2": 100}.get(kind, 20)
    if not low <= size <= 65536:
        return (
            f"Invalid storage size for engine name {inputs.get('engine')} and storage type {kind}: {scalar_text(size)}"
        )
    return None


def _storage_maximum(inputs: Properties, _all: Properties) -> str | None:
    size, high = as_number(inputs.get("allocatedStorage")), as_number(inputs.get("maxAllocatedStorage"))
    if size is not None and high and high <= size:
        return (
            "Max storage size must be greater than storage size:"
            f" {scalar_text(high)} is not more than {scalar_text(size)}"
        )
    return None


def _password_given(inputs: Properties, _all: Properties) -> str | None:
    ways = ("password", "passwordWo", "manageMasterUserPassword", "snapshotIdentifier", "replicateSourceDb", "s3Import")
    if any(inputs.get(name) for name in (*ways, "restoreToPointInTime")):
        if inputs.get("manageMasterUserPassword") is True and inputs.get("password"):
            return "You can't specify MasterUserPassword when ManageMasterUserPassword is set"
        return None
    return "The parameter MasterUserPassword must be provided and must not be blank"


_PASSWORD = all_of(
    matches(r"(?s).{8,128}", "a master password has 8 to 128 characters"),
    matches(r"[!#-.0-?A-~]*", "a master password may not have a slash, an at sign, a double quote or a space"),
)


def _secret_password(value: Any, inputs: Properties) -> str | None:
    text = _PASSWORD(value, inputs)
    return (
        None if text is None else "The parameter MasterUserPassword is not a valid password" + text[len(repr(value)) :]
    )


_IDENTIFIER = matches(
    r"[a-z](?:-?[a-z0-9])*",
    "the identifier has to begin with a letter, has only lower-case letters, digits and hyphens, and does not end with "
    "a hyphen or contain two in a row",
)

_RESERVED_USERS = frozenset({"admin", "rdsadmin", "postgres_rds", "user", "rdsrepladmin"})


def _master_user(value: Any, inputs: Properties) -> str | None:
    if inputs.get("engine") == "postgres" and str(value).lower() in _RESERVED_USERS:
        return f"MasterUsername {value} cannot be used as it is a reserved word used by the engine"
    return matches(r"[a-zA-Z][a-zA-Z0-9_]{0,62}", "a master user name is a letter and then letters or digits")(
        value, {}
    )


def _final_snapshot(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("skipFinalSnapshot") or inputs.get("finalSnapshotIdentifier") is not None:
        return None
    return "finalSnapshotIdentifier is required when skipFinalSnapshot is false"


def _monitoring(inputs: Properties, _all: Properties) -> str | None:
    interval = as_number(inputs.get("monitoringInterval"))
    if interval and inputs.get("monitoringRoleArn") is None:
        return "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0"
    return None


_WINDOW = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")

_DAY_WINDOW = re.compile(
    r"(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):[0-5]\d-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):[0-5]\d"
)


def _backup_window(value: Any, _inputs: Properties) -> str | None:
    return None if _WINDOW.fullmatch(str(value)) else f"{value!r} is not a window such as 03:00-04:00"


def _maintenance_window(value: Any, _inputs: Properties) -> str | None:
    if _DAY_WINDOW.fullmatch(str(value).lower()):
        return None
    return f"{value!r} is not a window such as sun:05:00-sun:06:00"


# Those of PostgreSQL that need a restart, as far as programs set them.
_STATIC_PARAMETERS = frozenset(
    {
        "autovacuum_max_workers",
        "max_connections",
        "max_locks_per_transaction",
        "max_prepared_transactions",
        "max_replication_slots",
        "max_wal_senders",
        "max_worker_processes",
        "rds.logical_replication",
        "shared_buffers",
        "shared_preload_libraries",
        "track_activity_query_size",
        "wal_buffers",
    }
)


def _apply_method(parameter: Any, inputs: Properties) -> str | None:
    of_postgres = str(inputs.get("family", "")).startswith("postgres")
    immediate = parameter.get("applyMethod", "immediate") == "immediate"
    if of_postgres and immediate and parameter.get("name") in _STATIC_PARAMETERS:
        return f"cannot use immediate apply method for static parameter {parameter['name']}: use pending-reboot"
    return None


def _log_export(value: Any, inputs: Properties) -> str | None:
    if inputs.get("engine") != "postgres" or value in ("postgresql", "upgrade", "iam-db-auth-error"):
        return None
    return f"You cannot use the log type {value!r} with engine postgres"


_POSTGRES_MAJORS = range(11, 19)


def _engine_version(inputs: Properties, _all: Properties) -> str | None:
    version = inputs.get("engineVersion")
    if inputs.get("engine") != "postgres" or not isinstance(version, str):
        return None
    found = re.fullmatch(r"(\d+)(\.\d+)?(-R\d+)?", version)
    if found is None or int(found[1]) not in _POSTGRES_MAJORS:
        return f"Cannot find version {version} for postgres"
    return None


def _family(value: Any, _inputs: Properties) -> str | None:
    pattern = r"(postgres\d+(\.\d+)?|(aurora-)?(mysql|mariadb|postgresql)\d+(\.\d+)?|(oracle|sqlserver|db2|custom)-.*)"
    return (
        None
        if re.fullmatch(pattern, str(value))
        else f"ParameterGroupFamily {value} is not a valid parameter group family"
    )


RULES: tuple[Rule, ...] = (
    Rule("rds/instance:Instance", "instanceClass", "InvalidParameterValue", _instance_class),
    Rule("rds/instance:Instance", "", "InvalidParameterValue", _storage),
    Rule("rds/instance:Instance", "", "InvalidParameterCombination", _storage_maximum),
    Rule("rds/instance:Instance", "", "InvalidParameterCombination", _engine_version),
    Rule("rds/instance:Instance", "", "InvalidParameterValue", _password_given),
    Rule("rds/instance:Instance", "", "InvalidParameterCombination", _final_snapshot),
    Rule("rds/instance:Instance", "", "InvalidParameterCombination", _monitoring),
    Rule("rds/instance:Instance", "password", "InvalidParameterValue", _secret_password),
    Rule("rds/instance:Instance", "username", "InvalidParameterValue", _master_user),
    Rule("rds/instance:Instance", "identifier", "InvalidParameterValue", _IDENTIFIER),
    Rule("rds/instance:Instance", "backupRetentionPeriod", "InvalidParameterValue", between(0, 35, "days")),
    Rule("rds/instance:Instance", "backupWindow", "InvalidParameterValue", _backup_window),
    Rule("rds/instance:Instance", "maintenanceWindow", "InvalidParameterValue", _maintenance_window),
    Rule("rds/instance:Instance", "port", "InvalidParameterValue", between(1150, 65535)),
    Rule("rds/instance:Instance", "monitoringInterval", "InvalidParameterValue", one_of(0, 1, 5, 10, 15, 30, 60)),
    Rule(
        "rds/instance:Instance",
        "performanceInsightsRetentionPeriod",
        "InvalidParameterValue",
        lambda value, _inputs: (
            None
            if value in (7, 731) or (value % 31 == 0 and 31 <= value <= 713)
            else f"{scalar_text(value)}: the retention is 7, 731 or a multiple of 31 days up to 713"
        ),
    ),
    Rule(
        "rds/instance:Instance",
        "dbName",
        "InvalidParameterValue",
        matches(
            r"[a-zA-Z_][a-zA-Z0-9_]{0,62}", "DBName must begin with a letter and contain only alphanumeric characters"
        ),
    ),
    Rule(
        "rds/instance:Instance",
        "storageType",
        "InvalidParameterValue",
        one_of("standard", "gp2", "gp3", "io1", "io2"),
    ),
    Rule(
        "rds/parameterGroup:ParameterGroup",
        "name",
        "InvalidParameterValue",
        matches(
            r"[a-zA-Z](?:-?[a-zA-Z0-9]){0,254}",
            "the name begins with a letter, has only letters, digits and hyphens, and no two hyphens in a row",
        ),
    ),
    Rule(
        "rds/subnetGroup:SubnetGroup",
        "name",
        "InvalidParameterValue",
        matches(
            r"(?!default$)[a-zA-Z0-9 ._-]{1,255}", "only letters, digits, spaces, full stops, _ and -; not default"
        ),
    ),
    Rule("rds/parameterGroup:ParameterGroup", "family", "InvalidParameterValue", _family),
    Rule(
        "rds/parameterGroup:ParameterGroup",
        "parameters[].applyMethod",
        "InvalidParameterValue",
        one_of("immediate", "pending-reboot"),
    ),
    Rule("rds/parameterGroup:ParameterGroup", "parameters[]", "InvalidParameterCombination", _apply_method),
    Rule("rds/instance:Instance", "enabledCloudwatchLogsExports[]", "InvalidParameterCombination", _log_export),
    Rule("rds/proxy:Proxy", "name", "InvalidParameterValue", _IDENTIFIER),
)
