"""PostgreSQL on Cloud SQL: private and encrypted, sized so that the connections of its clients fit."""

import math
import secrets
from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Optional, Union

import pulumi
import pulumi_gcp as gcp
from pulumi import Input, Output, ResourceOptions

from ..component import as_args
from ..connection_pool import ConnectionBudget
from ..errors import ArgumentError
from ..sizing import cloud_sql_max_connections, cloud_sql_memory, smallest_tier
from ..validation import check_fields, in_range, matches, one_of
from .alerts import DatabaseAlerts
from .apis import Apis
from .component import GoogleComponent
from .network import VpcNetworkLike
from .secrets import SecretVersion, grant

APIS = ("sqladmin.googleapis.com", "secretmanager.googleapis.com", "monitoring.googleapis.com")
PORT = 5432
_ACCOUNT_DOMAIN = ".gserviceaccount.com"
SOCKET_DIRECTORY = "/cloudsql"
"""Where Cloud Run mounts the sockets of the instances that a service names."""
SOCKET_CONNECTIONS = 100
"""Connections that one instance of a service may have through it (Cloud SQL, quotas for Cloud Run)."""
USERNAME = "app"
_CONNECTION_NAME = r"[a-z0-9.:-]+:[a-z0-9-]+:[a-z][a-z0-9-]*"


class Authentication(StrEnum):
    """How clients prove who they are."""

    PASSWORD = "PASSWORD"  # noqa: S105
    """One user, whose generated password is in Secret Manager. For any app and driver."""
    IAM = "IAM"
    """Each client as its own service account, with tokens that the runtime takes from the metadata server; no password
    exists. For apps that connect with the runtime's `Database` or `sync_engine`: a `DATABASE_URL` cannot hold a token
    that lasts an hour."""


@dataclass(frozen=True, kw_only=True)
class CloudSqlDatabaseArgs:
    """Inputs of `CloudSqlDatabase`."""

    network: Optional[VpcNetworkLike] = None
    """Network in which it has its only, private address; the service reaches it by Direct VPC egress. Default none: a
    public address that nobody can connect to but through Google's own connectors with their permission; the service
    uses the socket that Cloud Run mounts."""
    tier: str = "db-f1-micro"
    """Machine. Default db-f1-micro, the cheapest: 25 connections, a shared core, outside of Google's SLA."""
    edition: str = "ENTERPRISE"
    """`ENTERPRISE` or `ENTERPRISE_PLUS`; always sent, as PostgreSQL 16 and later would be ENTERPRISE_PLUS, whose
    smallest machine costs twenty times as much. Default ENTERPRISE."""
    database_version: str = "POSTGRES_18"
    """`POSTGRES_15` to `POSTGRES_18`; a higher one upgrades the instance, which is down for minutes. Default
    POSTGRES_18."""
    region: Optional[Input[str]] = None
    """Region. Default: the provider's."""
    database_name: str = "app"
    """Name of the database. Default app."""
    disk_size_gb: int = 10
    """Storage at the start in GB, 10 to 65536; it grows by itself. Default 10, the least."""
    max_disk_size_gb: int = 100
    """Storage grows by itself up to this many GB. Default 100; equal to `disk_size_gb` turns growing off."""
    high_availability: bool = False
    """A standby in a second zone (`REGIONAL`); doubles the price. Default off."""
    max_connections: Optional[int] = None
    """PostgreSQL's `max_connections`, 26 to 262143; each takes memory, and a change restarts the database. Default:
    what Cloud SQL sets for the tier."""
    backup_days: int = 7
    """Daily backups that are kept, 1 to 365. Within the last 7 days (35 with ENTERPRISE_PLUS), if so many are kept, it
    can be restored to any moment. Default 7."""
    statement_timeout: int = 60
    """Seconds after which PostgreSQL ends a statement, 0 for never. Default 60."""
    log_statements_slower_than: int = -1
    """Milliseconds; slower statements are logged, with the values in them, which may be personal. Default -1, none:
    Query Insights shows them without values."""
    query_insights: bool = True
    """Keep load and statements for 7 days, free of charge. Default on."""
    enable_apis: bool = True
    """Enable the APIs that it needs in the project; they stay enabled afterwards. Default on; off where the deployer
    may not do that and they are enabled already."""
    deletion_protection: bool = True
    """Refuse to be deleted, by Pulumi and by everybody else. Default on."""
    final_backup: Optional[bool] = None
    """Keep a backup for 30 days when it is deleted, billed per GB. Default: as `deletion_protection`, which has to be
    turned off before anything can be deleted; so say yes where the data outlives the stack."""
    authentication: Authentication = Authentication.PASSWORD
    """`PASSWORD` or `IAM`. Default PASSWORD, which works with any app."""
    password_serial: int = 1
    """With `PASSWORD`: raise it to have another password made; the next revision of each client gets it. Default 1."""
    notification_channel_ids: Optional[list[Input[str]]] = None
    """Who is told by its alerts. Default nobody: they show in Cloud Monitoring."""

    def __post_init__(self) -> None:
        check_fields(self)
        one_of("edition", self.edition, ("ENTERPRISE", "ENTERPRISE_PLUS"))
        cloud_sql_memory(self.tier, self.edition)
        one_of("database_version", self.database_version, [f"POSTGRES_{major}" for major in range(15, 19)])
        matches(
            "database_name",
            self.database_name,
            r"[a-zA-Z_][a-zA-Z0-9_]{0,62}",
            "a PostgreSQL name of up to 63 letters, digits and _",
        )
        in_range("disk_size_gb", self.disk_size_gb, 10, 65536, "GB")
        in_range("max_disk_size_gb", self.max_disk_size_gb, self.disk_size_gb, 65536, "GB, disk_size_gb or more")
        if self.max_connections is not None:
            in_range("max_connections", self.max_connections, 26, 262143)
        in_range("backup_days", self.backup_days, 1, 365, "days")
        in_range("statement_timeout", self.statement_timeout, 0, 86400, "seconds")
        in_range("log_statements_slower_than", self.log_statements_slower_than, -1, 3600000, "milliseconds")
        in_range("password_serial", self.password_serial, 1, 1000000)

    @property
    def connections(self) -> int:
        """What the instance holds."""
        return self.max_connections or cloud_sql_max_connections(cloud_sql_memory(self.tier, self.edition))

    @property
    def budget(self) -> ConnectionBudget:
        """The budget before any client."""
        return budget_of(self.connections, self)


@dataclass(frozen=True, kw_only=True)
class ExistingCloudSqlDatabase(ABC):
    """A Cloud SQL for PostgreSQL instance that exists already, for where a `CloudSqlDatabase` would be made."""

    connection_name: Input[str]
    """`project:region:instance`."""
    username: Optional[Input[str]] = None
    """PostgreSQL user of the service. Default none: each service logs in as its service account (IAM)."""
    password_secret: Optional[SecretVersion] = None
    """Its password, as the secret and the number of its version; required with `username`."""
    private_ip_address: Optional[Input[str]] = None
    """Address in the service's network. Default none: the socket that Cloud Run mounts, which takes an instance with a
    public address."""
    server_ca: Optional[Input[str]] = None
    """Certificates (PEM) of the instance's own authority; required with `private_ip_address`."""
    database_name: str = "app"
    """Name of the database. Default app."""
    max_connections: Optional[int] = None
    """What the instance holds, for the connection budget. Default unknown: the budget is not checked."""

    def __post_init__(self) -> None:
        check_fields(self)
        matches("connection_name", self.connection_name, _CONNECTION_NAME, "project:region:instance")
        if (self.username is None) != (self.password_secret is None):
            raise ArgumentError(
                "password_secret",
                None if self.password_secret is None else "a secret",
                "belongs to username: give both, or neither for services that log in as their service accounts",
            )
        if self.password_secret is not None:
            version = self.password_secret.version
            matches("password_secret.version", version, r"[1-9]\d*", "the number of a version, not 'latest'")
        if (self.private_ip_address is None) != (self.server_ca is None):
            raise ArgumentError(
                "server_ca",
                None if self.server_ca is None else "certificates",
                "belongs to private_ip_address: give both, or neither to use the socket that Cloud Run mounts",
            )
        if self.max_connections is not None:
            in_range("max_connections", self.max_connections, 26, 262143)

    @property
    def host(self) -> Input[str]:
        """Address, or directory of the socket."""
        return self.private_ip_address or Output.concat(f"{SOCKET_DIRECTORY}/", self.connection_name)

    @property
    def port(self) -> int:
        """Port."""
        return PORT

    @property
    def on_socket(self) -> bool:
        """Whether a service has to name the instance, to have its socket mounted."""
        return self.private_ip_address is None

    @property
    def budget(self) -> Optional[ConnectionBudget]:
        """The budget before any client."""
        return None if self.max_connections is None else budget_of(self.max_connections)


class CloudSqlDatabase(GoogleComponent):
    """A Cloud SQL PostgreSQL instance, encrypted, TLS only, whose password only Secret Manager and its clients know, or
    nobody.

    Creates the instance, private in a network or reachable by connectors only, with backups, point-in-time recovery
    and Query Insights; a database, alerts and, unless clients log in with IAM, a user with a generated password in
    Secret Manager.
    Costs a price per hour for the machine, per GB and month for storage and backups, and 0.06 USD a month for the
    secret.
    """

    host: Output[str]
    """Private address, or directory of the socket that Cloud Run mounts."""
    port: int
    """Port."""
    database_name: str
    """Name of the database."""
    connection_name: Output[str]
    """`project:region:instance`."""
    on_socket: bool
    """Whether a service has to name the instance, to have its socket mounted."""
    server_ca: Optional[Output[str]]
    """Certificates (PEM) of the instance's own authority, for connections to the address; None with a socket."""
    username: Optional[str]
    """PostgreSQL user of the clients; None if each is one of its own (IAM)."""
    max_connections: int
    """What the instance holds."""

    def __init__(
        self, name: str, args: Optional[CloudSqlDatabaseArgs] = None, opts: Optional[ResourceOptions] = None
    ) -> None:
        self.args = args = as_args(CloudSqlDatabaseArgs, args)
        super().__init__(name, args, opts)
        if args.enable_apis:
            self.wait_for(Apis(name, APIS, opts=self.child).services)
        self.budget = args.budget
        self.instance = self._instance()
        # Neither is deleted by itself: PostgreSQL keeps a role that owns tables, and both go with the instance.
        database = gcp.sql.Database(
            self.child_name("database"),
            name=args.database_name,
            instance=self.instance.name,
            deletion_policy="ABANDON",
            opts=self.child,
        )
        self.password_secret: Optional[SecretVersion] = None
        self.user: Optional[gcp.sql.User] = None
        if args.authentication is Authentication.PASSWORD:
            self.password_secret, self.user = self._user()
        DatabaseAlerts(
            name,
            database_id=Output.concat(self.instance.project, ":", self.instance.name),
            connections=self.budget.available,
            disk_size_limit_gb=args.max_disk_size_gb,
            channel_ids=args.notification_channel_ids or (),
            opts=self.child,
        )
        connection_name = self.instance.connection_name
        on_socket = args.network is None
        host = Output.concat(f"{SOCKET_DIRECTORY}/", connection_name) if on_socket else self.instance.private_ip_address
        self.publish(
            # What connects comes after database and user.
            host=Output.all(host, database.id, self.user and self.user.id).apply(lambda known: str(known[0])),
            port=PORT,
            database_name=args.database_name,
            connection_name=connection_name,
            on_socket=on_socket,
            # The provider takes certificates for secrets; a revision that holds one would be all secret.
            server_ca=None if on_socket else Output.unsecret(self.instance.server_ca_certs).apply(_pem),
            username=None if self.user is None else USERNAME,
            max_connections=args.connections,
        )

    def _instance(self) -> gcp.sql.DatabaseInstance:
        args, protected = self.args, self.args.deletion_protection
        grows = args.max_disk_size_gb > args.disk_size_gb
        keeps_copy = protected if args.final_backup is None else args.final_backup
        network = args.network
        connection = None if network is None else network.connection
        return gcp.sql.DatabaseInstance(
            # No fixed name: Google keeps that of a deleted instance for a week.
            self.child_name("db"),
            region=args.region,
            database_version=args.database_version,
            deletion_protection=protected,
            settings=gcp.sql.DatabaseInstanceSettingsArgs(
                tier=args.tier,
                edition=args.edition,
                availability_type="REGIONAL" if args.high_availability else "ZONAL",
                disk_type="PD_SSD",
                disk_size=args.disk_size_gb,
                disk_autoresize=grows,
                disk_autoresize_limit=args.max_disk_size_gb if grows else None,
                deletion_protection_enabled=protected,
                connector_enforcement="REQUIRED" if network is None else "NOT_REQUIRED",
                ip_configuration=gcp.sql.DatabaseInstanceSettingsIpConfigurationArgs(
                    ipv4_enabled=network is None,
                    private_network=None if network is None else network.network_id,
                    ssl_mode="ENCRYPTED_ONLY",
                    server_ca_mode="GOOGLE_MANAGED_INTERNAL_CA",
                ),
                database_flags=[
                    gcp.sql.DatabaseInstanceSettingsDatabaseFlagArgs(name=flag, value=value)
                    for flag, value in flags_of(args).items()
                ],
                backup_configuration=gcp.sql.DatabaseInstanceSettingsBackupConfigurationArgs(
                    enabled=True,
                    start_time="03:00",
                    point_in_time_recovery_enabled=True,
                    transaction_log_retention_days=min(
                        args.backup_days, 35 if args.edition == "ENTERPRISE_PLUS" else 7
                    ),
                    backup_retention_settings=gcp.sql.DatabaseInstanceSettingsBackupConfigurationBackupRetentionSettingsArgs(
                        retained_backups=args.backup_days, retention_unit="COUNT"
                    ),
                ),
                final_backup_config=gcp.sql.DatabaseInstanceSettingsFinalBackupConfigArgs(
                    enabled=True, retention_days=30
                )
                if keeps_copy
                else None,
                insights_config=gcp.sql.DatabaseInstanceSettingsInsightsConfigArgs(
                    query_insights_enabled=args.query_insights
                ),
                # Sunday, 04:00 UTC, a week after those who test new versions.
                maintenance_window=gcp.sql.DatabaseInstanceSettingsMaintenanceWindowArgs(
                    day=7, hour=4, update_track="stable"
                ),
            ),
            opts=self.child_options(
                protect=protected or None,
                depends_on=[] if connection is None else [connection],
                # Google grows it, and nothing shrinks it.
                ignore_changes=["settings.diskSize"] if grows else None,
            ),
        )

    def _user(self) -> tuple[SecretVersion, gcp.sql.User]:
        """A user whose password is made here, once: what is kept in the secret's state is what it stays."""
        secret = gcp.secretmanager.Secret(
            self.child_name("db-password"),
            replication=gcp.secretmanager.SecretReplicationArgs(auto=gcp.secretmanager.SecretReplicationAutoArgs()),
            opts=self.child,
        )
        version = gcp.secretmanager.SecretVersion(
            self.child_name(f"db-password-{self.args.password_serial}"),
            secret=secret.id,
            secret_data=Output.secret(secrets.token_urlsafe(32)),
            opts=self.child_options(ignore_changes=["secretData"]),
        )
        user = gcp.sql.User(
            self.child_name("user"),
            name=USERNAME,
            instance=self.instance.name,
            password=version.secret_data,
            deletion_policy="ABANDON",
            opts=self.child,
        )
        return SecretVersion(secret=secret.secret_id, version=version.version), user


def budget_of(max_connections: int, args: Optional[CloudSqlDatabaseArgs] = None) -> ConnectionBudget:
    """The budget before any client.

    Cloud SQL keeps some connections for itself and does not say how many; a tenth, at least 10, is left to it, to
    people, to migrations and to monitoring.
    """
    if args is None:
        return ConnectionBudget(max_connections=max_connections, reserved=_reserved(max_connections))

    def ways_out(needed: int) -> Sequence[str]:
        used = needed - _reserved(max_connections)
        larger = max(used + 10, -(-used * 10 // 9))  # less what is reserved of it
        tier = smallest_tier(larger, args.edition)
        flag = f"max_connections={larger}, which takes memory"
        return [f"tier={tier!r}", flag] if tier and args.max_connections is None else [flag]

    return ConnectionBudget(
        max_connections=max_connections, reserved=_reserved(max_connections), server=args.tier, ways_out=ways_out
    )


def _reserved(max_connections: int) -> int:
    return max(10, math.ceil(max_connections / 10))


def flags_of(args: CloudSqlDatabaseArgs) -> dict[str, str]:
    """PostgreSQL's flags; `max_connections` only if asked for, as a change of it restarts the database."""
    return {
        "cloudsql.iam_authentication": "on",  # people can log in with their own account
        "idle_in_transaction_session_timeout": "60000",
        "statement_timeout": str(args.statement_timeout * 1000),
        "lock_timeout": "10000",
        "log_lock_waits": "on",
        "log_min_duration_statement": str(args.log_statements_slower_than),
        **({} if args.max_connections is None else {"max_connections": str(args.max_connections)}),
    }


def check_socket(database: "CloudSqlDatabaseLike", connections: int) -> None:
    """Refuse more `connections` from one instance of a service than Cloud Run's socket passes on."""
    if database.on_socket and connections > SOCKET_CONNECTIONS:
        raise ArgumentError(
            "app.pool",
            connections,
            f"an instance may open {SOCKET_CONNECTIONS} connections through Cloud Run's socket, all workers together;"
            " use a smaller pool or fewer workers, or give the database a network",
        )


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """What one client needs to log in."""

    environment: dict[str, Input[str]]
    """Variables, besides those that say where the database is."""
    secrets: dict[str, SecretVersion]
    """Variables whose value is in Secret Manager."""
    grants: list[pulumi.Resource]
    """What has to exist before: Google refuses a revision whose secret it may not read."""


def allow_client(
    component: GoogleComponent, client: str, database: "CloudSqlDatabaseLike", service_account_email: Input[str]
) -> DatabaseAccess:
    """Let a client's service account in: to the password or to a user of its own, and through the socket if it is one.

    Roles of the project are granted for this instance only.
    """
    member = Output.concat("serviceAccount:", service_account_email)
    environment: dict[str, Input[str]] = {}
    if database.server_ca is not None:
        environment["DATABASE_SERVER_CA"] = database.server_ca
    found = {}
    grants: list[pulumi.Resource] = []
    roles = {"db": "roles/cloudsql.client"} if database.on_socket else {}
    if database.username is not None and database.password_secret is not None:
        environment["DATABASE_USERNAME"] = database.username
        found["DATABASE_PASSWORD"] = password = database.password_secret
        grants.append(grant(component, component.child_name(f"{client}-db-password"), password.secret, member))
    else:
        user = Output.from_input(service_account_email).apply(lambda email: email.removesuffix(_ACCOUNT_DOMAIN))
        environment |= {"DATABASE_USERNAME": user, "DATABASE_IAM": "google"}
        roles["db-login"] = "roles/cloudsql.instanceUser"
        grants.append(_iam_user(component, client, database, user))
    for label, role in roles.items():
        grants.append(_role(component, f"{client}-{label}", database, role, member))
    return DatabaseAccess(environment=environment, secrets=found, grants=grants)


def _named(database: "CloudSqlDatabaseLike") -> tuple[Output[str], Output[str]]:
    """Project and name of an instance; a project may have a domain, `example.com:shop`."""
    parts = Output.from_input(database.connection_name).apply(lambda known: known.rsplit(":", 2))
    return parts[0], parts[2]


def _iam_user(
    component: GoogleComponent, client: str, database: "CloudSqlDatabaseLike", name: Output[str]
) -> gcp.sql.User:
    project, instance = _named(database)
    return gcp.sql.User(
        component.child_name(f"{client}-db-user"),
        name=name,
        project=project,
        instance=instance,
        type="CLOUD_IAM_SERVICE_ACCOUNT",
        # As a user with a password has by itself; without it, migrations could create nothing.
        database_roles=["cloudsqlsuperuser"],
        deletion_policy="ABANDON",
        opts=component.child,
    )


def _role(
    component: GoogleComponent, name: str, database: "CloudSqlDatabaseLike", role: str, member: Output[str]
) -> gcp.projects.IAMMember:
    project, instance = _named(database)
    ours = "resource.service == 'sqladmin.googleapis.com' && resource.name == 'projects/{0}/instances/{1}'"
    return gcp.projects.IAMMember(
        component.child_name(name),
        project=project,
        role=role,
        member=member,
        condition=gcp.projects.IAMMemberConditionArgs(
            title=Output.concat("instance-", instance), expression=Output.format(ours, project, instance)
        ),
        opts=component.child,
    )


def _pem(certificates: Sequence["gcp.sql.outputs.DatabaseInstanceServerCaCert"]) -> str:
    """The certificates as one file: a rotation adds the next one before it is used."""
    return "\n".join(str(each.cert).strip() for each in certificates) + "\n"


# A CloudSqlDatabase can stand wherever an existing one can; the provider schema, read at run time, knows no unions.
ExistingCloudSqlDatabase.register(CloudSqlDatabase)
if TYPE_CHECKING:
    CloudSqlDatabaseLike = Union[CloudSqlDatabase, ExistingCloudSqlDatabase]
else:
    CloudSqlDatabaseLike = ExistingCloudSqlDatabase
