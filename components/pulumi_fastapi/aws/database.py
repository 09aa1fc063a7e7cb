"""PostgreSQL that knows how many connections its clients may open."""

from abc import ABC
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Union

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from ..component import Component, as_args
from ..connection_pool import RESERVED, ConnectionBudget, ConnectionDemand
from ..environment import database_environment
from ..sizing import instance_memory, max_connections, smallest_class
from ..validation import check_fields, in_range, matches
from . import policies
from .alarms import AlarmTopic
from .database_alarms import DatabaseAlarms
from .logs import check_retention
from .network import NetworkLike

PORT = 5432
_ARN = r"arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+"
_LOGS = ("postgresql", "upgrade")


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """Inputs of `Database`."""

    network: NetworkLike
    """Where it stands: a `Network` or an `ExistingNetwork`; its subnets for data."""
    instance_class: str = "db.t4g.micro"
    """RDS instance class. Default db.t4g.micro, the cheapest."""
    engine_version: str = "18"
    """Version of PostgreSQL, 15 to 18: minor versions of it follow by themselves; `18.1` stays at that. Default 18."""
    allow_major_version_upgrade: bool = False
    """Let a higher major `engine_version` upgrade the instance; it is down for minutes. Default off."""
    database_name: str = "app"
    """Name of the database made with the instance; other names later are made by SQL. Default app."""
    storage_gb: int = 20
    """Storage at the start in GB, 20 to 65536. Default 20, the least."""
    max_storage_gb: int = 100
    """Storage grows by itself up to this many GB. Default 100; equal to `storage_gb` turns growing off."""
    multi_az: bool = False
    """A standby in a second zone; doubles the price. Default off."""
    proxy: bool = False
    """An RDS Proxy that shares few connections among many clients; billed per vCPU. Default off."""
    backup_days: int = 7
    """Days to which the database can be restored, 1 to 35. Default 7."""
    statement_timeout: int = 60
    """Seconds after which PostgreSQL ends a statement, 0 for never. Default 60."""
    log_statements_slower_than: int = 1000
    """Milliseconds; slower statements are logged. Default 1000."""
    log_retention_days: int = 30
    """Days that logs are kept, of those CloudWatch Logs offers. Default 30."""
    performance_insights: bool = True
    """Keep load and statements for 7 days, free of charge. Default on."""
    deletion_protection: bool = True
    """Refuse to be deleted. Default on."""
    final_snapshot: Optional[bool] = None
    """Keep a snapshot when it is deleted, billed per GB. Default: as `deletion_protection`, which has to be turned off
    before anything can be deleted; so say yes where the data outlives the stack."""
    alarm_topic_arn: Optional[Input[str]] = None
    """SNS topic for its alarms. Default: one of its own."""

    def __post_init__(self) -> None:
        check_fields(self)
        instance_memory(self.instance_class)
        matches(
            "engine_version", self.engine_version, r"1[5-8](\.\d+)?", "15, 16, 17 or 18, or a minor version of them"
        )
        matches(
            "database_name",
            self.database_name,
            r"[a-zA-Z_][a-zA-Z0-9_]{0,62}",
            "a PostgreSQL name of up to 63 letters, digits and _",
        )
        in_range("storage_gb", self.storage_gb, 20, 65536, "GB")
        if self.max_storage_gb != self.storage_gb:
            in_range(
                "max_storage_gb",
                self.max_storage_gb,
                -(-self.storage_gb * 11 // 10),
                65536,
                "GB, 10 % above storage_gb",
            )
        in_range("backup_days", self.backup_days, 1, 35, "days")
        in_range("statement_timeout", self.statement_timeout, 0, 86400, "seconds")
        in_range("log_statements_slower_than", self.log_statements_slower_than, 0, 3600000, "milliseconds")
        check_retention("log_retention_days", self.log_retention_days)

    @property
    def max_connections(self) -> int:
        """What the instance class holds."""
        return max_connections(instance_memory(self.instance_class))

    @property
    def budget(self) -> Optional[ConnectionBudget]:
        """The budget before any client; none behind a proxy, which queues what the instance cannot hold."""
        return None if self.proxy else connection_budget(self.instance_class)


@dataclass(frozen=True, kw_only=True)
class ExistingDatabase(ABC):
    """A PostgreSQL server that exists already, for where a `Database` would be made."""

    host: Input[str]
    """Host name."""
    secret_arn: Input[str]
    """Secrets Manager secret with the JSON keys `username` and `password`."""
    security_group_id: Input[str]
    """Security group of the server; the service is let in."""
    port: int = PORT
    """Port. Default 5432."""
    database_name: str = "app"
    """Name of the database. Default app."""
    max_connections: Optional[int] = None
    """What the server holds, for the connection budget. Default unknown: the budget is not checked."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("port", self.port, 1, 65535)
        matches("secret_arn", self.secret_arn, _ARN, "the ARN of a Secrets Manager secret")
        if self.max_connections is not None:
            in_range("max_connections", self.max_connections, 20, 262143)

    @property
    def budget(self) -> Optional[ConnectionBudget]:
        """The budget before any client."""
        return None if self.max_connections is None else ConnectionBudget(max_connections=self.max_connections)

    alarm_topic_arn = None


class Database(Component):
    """An RDS PostgreSQL instance, private, encrypted, TLS only, whose password nobody knows, with its alarms.

    Creates the instance with a master password that RDS makes and rotates, a parameter group with `max_connections`
    for what the instance class holds, a security group that lets only its clients in, alarms and, if asked for, an RDS
    Proxy.
    Costs a price per hour for the instance, and per GB and month for storage.
    """

    host: Output[str]
    """Host to connect to: the instance, or its proxy."""
    port: int
    """Port."""
    database_name: str
    """Name of the first database."""
    secret_arn: Output[str]
    """Secret with the JSON keys `username` and `password`, made and rotated by RDS."""
    security_group_id: Output[str]
    """Security group that clients must be let into."""
    endpoint: Output[str]
    """`host:port`."""
    max_connections: int
    """What the instance class holds."""
    alarm_topic_arn: Input[str]
    """SNS topic of its alarms."""

    def __init__(self, name: str, args: DatabaseArgs, opts: Optional[ResourceOptions] = None) -> None:
        self.args = args = as_args(DatabaseArgs, args)
        super().__init__(name, args, opts)
        self.budget = args.budget
        group = self._security_group("db", "Database: its clients only")
        subnets = aws.rds.SubnetGroup(self.child_name("db"), subnet_ids=args.network.data_subnet_ids, opts=self.child)
        self.instance = self._instance(subnets, group)
        secret_arn = self.instance.master_user_secrets[0].secret_arn
        host, entry = self.instance.address, group
        if args.proxy:
            host, entry = self._proxy(secret_arn, group)
        topic = args.alarm_topic_arn or AlarmTopic(name, opts=self.child).arn
        DatabaseAlarms(
            name,
            instance=self.instance,
            instance_class=args.instance_class,
            storage_gb=args.storage_gb,
            available=args.max_connections - RESERVED,
            topic_arn=topic,
            opts=self.child,
        )
        self.publish(
            host=host,
            port=PORT,
            database_name=args.database_name,
            secret_arn=secret_arn,
            security_group_id=entry.id,
            endpoint=Output.concat(host, f":{PORT}"),
            max_connections=args.max_connections,
            alarm_topic_arn=topic,
        )

    def _security_group(self, label: str, description: str) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            self.child_name(label),
            vpc_id=self.args.network.vpc_id,
            description=description,
            tags={"Name": f"{self.resource_name}-{label}"},
            opts=self.child,
        )

    def _instance(self, subnets: aws.rds.SubnetGroup, group: aws.ec2.SecurityGroup) -> aws.rds.Instance:
        args = self.args
        parameters = aws.rds.ParameterGroup(
            self.child_name("db"),
            family=f"postgres{args.engine_version.split('.')[0]}",
            parameters=[
                aws.rds.ParameterGroupParameterArgs(name=parameter, value=value, apply_method=method)
                for parameter, value, method in parameters_of(args)
            ],
            opts=self.child,
        )
        protected = args.deletion_protection
        snapshot = protected if args.final_snapshot is None else args.final_snapshot
        logs = [
            # Made first, or RDS makes them and they never expire.
            aws.cloudwatch.LogGroup(
                self.child_name(f"db-{log}"),
                name=Output.concat("/aws/rds/instance/", subnets.name, "/", log),
                retention_in_days=args.log_retention_days,
                opts=self.child,
            )
            for log in _LOGS
        ]
        return aws.rds.Instance(
            self.child_name("db"),
            # The subnet group's name is random, so the names of logs and final snapshot are known beforehand and
            # unique.
            identifier=subnets.name,
            engine="postgres",
            engine_version=args.engine_version,
            instance_class=args.instance_class,
            db_name=args.database_name,
            username="app_admin",
            manage_master_user_password=True,
            allocated_storage=args.storage_gb,
            max_allocated_storage=args.max_storage_gb if args.max_storage_gb > args.storage_gb else None,
            storage_type="gp3",
            storage_encrypted=True,
            multi_az=args.multi_az,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group.id],
            publicly_accessible=False,
            parameter_group_name=parameters.name,
            iam_database_authentication_enabled=True,
            backup_retention_period=args.backup_days,
            backup_window="03:00-04:00",
            maintenance_window="sun:04:30-sun:05:30",
            copy_tags_to_snapshot=True,
            auto_minor_version_upgrade="." not in args.engine_version,
            allow_major_version_upgrade=args.allow_major_version_upgrade,
            # A larger pool is deployed at once, so the larger instance it needs must not wait for the maintenance
            # window.
            apply_immediately=True,
            ca_cert_identifier="rds-ca-rsa2048-g1",
            enabled_cloudwatch_logs_exports=list(_LOGS),
            performance_insights_enabled=args.performance_insights,
            performance_insights_retention_period=7 if args.performance_insights else None,
            deletion_protection=protected,
            skip_final_snapshot=not snapshot,
            final_snapshot_identifier=Output.concat(subnets.name, "-final") if snapshot else None,
            opts=self.child_options(protect=protected or None, depends_on=logs, delete_before_replace=True),
        )

    def _proxy(
        self, secret_arn: Output[str], database: aws.ec2.SecurityGroup
    ) -> tuple[Output[str], aws.ec2.SecurityGroup]:
        group = self._security_group("proxy", "Database proxy: its clients only")
        allow_clients(self, "proxy", database.id, group.id)
        role = aws.iam.Role(
            self.child_name("proxy", limit=64), assume_role_policy=policies.trust("rds.amazonaws.com"), opts=self.child
        )
        policy = aws.iam.RolePolicy(
            self.child_name("proxy"),
            role=role.name,
            policy=policies.document(policies.allow(["secretsmanager:GetSecretValue"], secret_arn)),
            opts=self.child,
        )
        proxy = aws.rds.Proxy(
            self.child_name("proxy"),
            engine_family="POSTGRESQL",
            role_arn=role.arn,
            auths=[aws.rds.ProxyAuthArgs(auth_scheme="SECRETS", iam_auth="DISABLED", secret_arn=secret_arn)],
            vpc_subnet_ids=self.args.network.data_subnet_ids,
            vpc_security_group_ids=[group.id],
            require_tls=True,
            opts=self.child_options(depends_on=[policy]),
        )
        pool = aws.rds.ProxyDefaultTargetGroup(
            self.child_name("proxy"),
            db_proxy_name=proxy.name,
            connection_pool_config={"max_connections_percent": 90, "max_idle_connections_percent": 50},
            opts=self.child,
        )
        aws.rds.ProxyTarget(
            self.child_name("proxy"),
            db_proxy_name=proxy.name,
            target_group_name=pool.name,
            db_instance_identifier=self.instance.identifier,
            opts=self.child,
        )
        return proxy.endpoint, group


def connection_budget(instance_class: str) -> ConnectionBudget:
    """The connections of an RDS instance before any client."""

    def ways_out(connections: int) -> list[str]:
        larger = smallest_class(connections, instance_class)
        return [
            f"instance_class={larger!r}" if larger else f"fewer clients, as no instance class holds {connections}",
            "proxy=True, an RDS Proxy between the app and the database",
        ]

    return ConnectionBudget(
        max_connections=max_connections(instance_memory(instance_class)), server=instance_class, ways_out=ways_out
    )


def parameters_of(args: DatabaseArgs) -> list[tuple[str, str, str]]:
    """Name, value and apply method of each parameter; static ones wait for a reboot, RDS refuses them otherwise."""
    return [
        ("max_connections", str(args.max_connections), "pending-reboot"),
        ("rds.force_ssl", "1", "immediate"),
        ("idle_in_transaction_session_timeout", "60000", "immediate"),
        ("statement_timeout", str(args.statement_timeout * 1000), "immediate"),
        ("lock_timeout", "10000", "immediate"),
        ("log_min_duration_statement", str(args.log_statements_slower_than), "immediate"),
        ("log_lock_waits", "1", "immediate"),
        ("log_parameter_max_length", "0", "immediate"),  # values of slow statements may be personal or secret
    ]


def allow_clients(
    component: Component, client: str, database_group_id: Input[str], client_group_id: Input[str], port: int = PORT
) -> None:
    """Let a client's security group into the database's, and out of its own."""
    for label, group, other, rule in (
        ("in", database_group_id, client_group_id, aws.vpc.SecurityGroupIngressRule),
        ("out", client_group_id, database_group_id, aws.vpc.SecurityGroupEgressRule),
    ):
        rule(
            component.child_name(f"{client}-db-{label}"),
            security_group_id=group,
            referenced_security_group_id=other,
            description="PostgreSQL",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=component.child,
        )


def environment_of(database: "DatabaseLike", demand: ConnectionDemand) -> dict[str, Input[str]]:
    """The variables that lead a client to the database, and to the secret with its user and password."""
    variables = database_environment(
        database.host,
        database.port,
        database.database_name,
        demand,
        pooler=isinstance(database, Database) and database.args.proxy,
    )
    return {**variables, "DATABASE_SECRET_ARN": database.secret_arn}


# A Database can stand wherever an existing one can; the provider schema, read at run time, knows no unions.
ExistingDatabase.register(Database)
if TYPE_CHECKING:
    DatabaseLike = Union[Database, ExistingDatabase]
else:
    DatabaseLike = ExistingDatabase
