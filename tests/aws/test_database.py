from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import (
    Database,
    DatabaseArgs,
    ExistingDatabase,
    ExistingNetwork,
    FargateFastAPIService,
    FargateFastAPIServiceArgs,
    Network,
)
from pulumi_fastapi.connection_pool import ConnectionPool
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan
from pulumi_fastapi.sizing import instance_memory, max_connections
from reading import IMAGE, document

NETWORK = ExistingNetwork(vpc_id="vpc-1", public_subnet_ids=["pub-a", "pub-b"], isolated_subnet_ids=["iso-a", "iso-b"])
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"  # noqa: S105


def planned(**args: Any) -> Plan:
    return plan(lambda: Database("db", DatabaseArgs(network=NETWORK, **args)), preview=False)


@pytest.fixture(scope="module")
def default() -> Plan:
    return planned()


@pytest.fixture(scope="module")
def unprotected() -> Plan:
    return planned(deletion_protection=False)


@pytest.fixture(scope="module")
def proxied() -> Plan:
    return planned(proxy=True)


def instance(result: Plan) -> dict[str, Any]:
    return result.find(aws.rds.Instance).inputs


def parameters(result: Plan) -> dict[str, tuple[str, str]]:
    found = result.find(aws.rds.ParameterGroup).inputs["parameters"]
    return {each["name"]: (each["value"], each["applyMethod"]) for each in found}


def test_it_is_encrypted_and_private(default: Plan) -> None:
    assert instance(default)["storageEncrypted"] is True
    assert instance(default)["publiclyAccessible"] is False
    assert default.find(aws.rds.SubnetGroup).inputs["subnetIds"] == ["iso-a", "iso-b"]


def test_nobody_knows_the_master_password(default: Plan) -> None:
    assert instance(default)["manageMasterUserPassword"] is True
    assert not {"password", "passwordWo"} & set(instance(default))


def test_tls_is_forced(default: Plan) -> None:
    assert parameters(default)["rds.force_ssl"] == ("1", "immediate")


def test_static_parameters_wait_for_a_reboot(default: Plan) -> None:
    expected = str(max_connections(instance_memory("db.t4g.micro")))
    assert parameters(default)["max_connections"] == (expected, "pending-reboot")


def test_forgotten_transactions_and_endless_statements_end() -> None:
    found = parameters(planned(statement_timeout=30))
    assert found["statement_timeout"] == ("30000", "immediate")
    assert found["idle_in_transaction_session_timeout"] == ("60000", "immediate")


def test_max_connections_follows_the_instance_class(default: Plan) -> None:
    larger = planned(instance_class="db.m8g.large")
    assert int(parameters(larger)["max_connections"][0]) > 4 * int(parameters(default)["max_connections"][0])
    assert larger.find(Database).outputs["maxConnections"] == int(parameters(larger)["max_connections"][0])


def test_the_parameter_group_is_of_the_engines_family() -> None:
    assert planned(engine_version="17.4").find(aws.rds.ParameterGroup).inputs["family"] == "postgres17"


@pytest.mark.parametrize(("version", "follows"), [("18", True), ("18.1", False)])
def test_a_minor_version_that_is_named_stays(version: str, follows: bool) -> None:
    """RDS would move it on by itself, and the next update would ask for the older one."""
    assert planned(engine_version=version).find(aws.rds.Instance).inputs["autoMinorVersionUpgrade"] is follows


@pytest.mark.parametrize("allowed", [True, False])
def test_a_major_upgrade_is_a_decision(allowed: bool) -> None:
    instance = planned(allow_major_version_upgrade=allowed).find(aws.rds.Instance)
    assert instance.inputs["allowMajorVersionUpgrade"] is allowed


def test_values_of_slow_statements_are_not_logged(default: Plan) -> None:
    assert parameters(default)["log_parameter_max_length"][0] == "0"


def test_by_default_it_cannot_be_deleted_and_keeps_a_last_snapshot(default: Plan) -> None:
    database = default.find(aws.rds.Instance)
    assert database.options.protect is True
    assert database.inputs["deletionProtection"] is True
    assert database.inputs["skipFinalSnapshot"] is False


def test_the_last_snapshot_has_a_name_of_its_own(default: Plan) -> None:
    group = default.find(aws.rds.SubnetGroup)
    assert "name" not in group.inputs  # random, so a second database of this stack gets another snapshot
    assert instance(default)["finalSnapshotIdentifier"] == f"{group.outputs['name']}-final"


def test_unprotected_it_goes_without_a_trace(unprotected: Plan) -> None:
    database = unprotected.find(aws.rds.Instance)
    assert database.options.protect is False
    assert database.inputs["deletionProtection"] is False
    assert database.inputs["skipFinalSnapshot"] is True
    assert "finalSnapshotIdentifier" not in database.inputs


def test_it_is_backed_up_and_patched(default: Plan) -> None:
    assert instance(default)["backupRetentionPeriod"] == 7
    assert instance(default)["autoMinorVersionUpgrade"] is True
    assert instance(default)["copyTagsToSnapshot"] is True


def test_backups_end_before_maintenance_begins(default: Plan) -> None:
    assert instance(default)["backupWindow"] == "03:00-04:00"
    assert instance(default)["maintenanceWindow"] == "sun:04:30-sun:05:30"


def test_storage_grows_by_itself(default: Plan) -> None:
    assert (instance(default)["allocatedStorage"], instance(default)["maxAllocatedStorage"]) == (20, 100)


def test_growing_can_be_turned_off() -> None:
    assert "maxAllocatedStorage" not in instance(planned(storage_gb=50, max_storage_gb=50))


def test_its_logs_expire(default: Plan) -> None:
    groups = {group.inputs["name"]: group for group in default.all(aws.cloudwatch.LogGroup)}
    identifier = instance(default)["identifier"]
    assert set(groups) == {f"/aws/rds/instance/{identifier}/{log}" for log in ("postgresql", "upgrade")}
    assert {group.inputs["retentionInDays"] for group in groups.values()} == {30}
    assert set(groups.values()) <= set(default.find(aws.rds.Instance).dependencies)


def test_nobody_may_connect_by_default(default: Plan) -> None:
    assert default.all(aws.vpc.SecurityGroupIngressRule) == []


def test_its_alarms_watch_this_instance(default: Plan) -> None:
    alarms = default.all(aws.cloudwatch.MetricAlarm)
    assert len(alarms) == 4
    assert {alarm.inputs["dimensions"]["DBInstanceIdentifier"] for alarm in alarms} == {instance(default)["identifier"]}


def test_the_connection_alarm_comes_at_80_percent_of_the_budget(default: Plan) -> None:
    alarm = default.find(aws.cloudwatch.MetricAlarm, "db-db-connections")
    assert alarm.inputs["threshold"] == (max_connections(instance_memory("db.t4g.micro")) - 10) * 80 // 100


def test_a_topic_that_exists_is_used() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:pager"
    result = planned(alarm_topic_arn=topic)
    assert result.all(aws.sns.Topic) == []
    assert {tuple(alarm.inputs["alarmActions"]) for alarm in result.all(aws.cloudwatch.MetricAlarm)} == {(topic,)}


# The proxy


def test_a_proxy_speaks_tls_and_may_read_only_the_password(proxied: Plan) -> None:
    assert proxied.find(aws.rds.Proxy).inputs["requireTls"] is True
    (statement,) = document(proxied.find(aws.iam.RolePolicy))
    secret = proxied.find(aws.rds.Instance).outputs["masterUserSecrets"][0]["secretArn"]
    assert (statement["Action"], statement["Resource"]) == (["secretsmanager:GetSecretValue"], secret)


def test_clients_connect_to_the_proxy_and_only_it_to_the_database(proxied: Plan) -> None:
    database, proxy = (proxied.find(aws.ec2.SecurityGroup, f"db-{kind}").outputs["id"] for kind in ("db", "proxy"))
    rule = proxied.find(aws.vpc.SecurityGroupIngressRule)
    assert (rule.inputs["securityGroupId"], rule.inputs["referencedSecurityGroupId"]) == (database, proxy)
    assert proxied.find(Database).outputs["securityGroupId"] == proxy
    assert proxied.find(Database).outputs["host"] == proxied.find(aws.rds.Proxy).outputs["endpoint"]


# The budget


def serve(name: str, database: Any, network: Any = NETWORK, pool: int = 5, tasks: int = 4) -> FargateFastAPIService:
    app = FastAPIApp(image=IMAGE, pool=ConnectionPool(size=pool))
    args = FargateFastAPIServiceArgs(app=app, network=network, database=database, tasks_max=tasks)
    return FargateFastAPIService(name, args)


def test_the_budget_of_a_shared_database_is_the_sum_of_its_clients() -> None:
    def program() -> None:
        database = Database("db", DatabaseArgs(network=NETWORK, instance_class="db.t4g.medium"))
        serve("a", database)
        serve("b", database, pool=10)

    services = plan(program).all(FargateFastAPIService)
    budgets = {service.name: service.outputs["connectionBudget"] for service in services}
    assert budgets["a"]["used"] == 4 * 2 * 5
    assert budgets["b"]["used"] == 4 * 2 * 5 + 4 * 2 * 10


def test_what_does_not_fit_names_the_numbers_and_three_ways_out() -> None:
    def program() -> None:
        with pytest.raises(ArgumentError) as error:
            serve("api", Database("db", DatabaseArgs(network=NETWORK)), pool=20)
        pulumi.export("message", str(error.value))

    result = plan(program)
    message = result.outputs["message"]
    assert "4 tasks x 2 during a deploy x 1 worker x (20 + 0) = 160" in message
    assert "db.t4g.micro has" in message
    for way in ("a pool of size=", "instance_class='db.t4g.", "an RDS Proxy"):
        assert way in message
    assert result.all(FargateFastAPIService) == []  # refused before anything of the service is made
    assert result.all(aws.ecs.Service) == []


def test_the_second_service_that_does_not_fit_is_told_about_the_first() -> None:
    def program() -> None:
        database = Database("db", DatabaseArgs(network=NETWORK))
        serve("first", database)
        serve("second", database)

    with pytest.raises(ArgumentError, match=r"second opens up to .* and 40 by first, but db\.t4g\.micro has"):
        plan(program)


def test_behind_a_proxy_nothing_is_counted() -> None:
    def program() -> None:
        serve("api", Database("db", DatabaseArgs(network=NETWORK, proxy=True)), pool=500)

    assert "connectionBudget" not in plan(program).find(FargateFastAPIService).outputs


def test_a_larger_class_makes_room() -> None:
    plan(lambda: serve("api", Database("db", DatabaseArgs(network=NETWORK, instance_class="db.t4g.medium")), pool=20))


def test_two_services_of_one_name_are_refused() -> None:
    database = ExistingDatabase(host="db", secret_arn=SECRET, security_group_id="sg-1", max_connections=500)

    def program() -> None:
        serve("api", database)
        serve("api", database)

    with pytest.raises(ArgumentError, match="name: two services of this name share one database"):
        plan(program)


def test_an_existing_database_counts_only_what_it_says_it_holds() -> None:
    known = ExistingDatabase(host="db", secret_arn=SECRET, security_group_id="sg-1", max_connections=45)
    with pytest.raises(ArgumentError, match="but the database has 35"):
        plan(lambda: serve("api", known))
    unknown = ExistingDatabase(host="db", secret_arn=SECRET, security_group_id="sg-1")
    plan(lambda: serve("api", unknown, pool=500))


def test_one_description_of_a_database_serves_many_programs() -> None:
    database = ExistingDatabase(host="db", secret_arn=SECRET, security_group_id="sg-1", max_connections=100)
    for _ in range(3):
        plan(lambda: serve("api", database))


def test_two_descriptions_of_one_database_are_one() -> None:
    def program() -> None:
        for name in ("a", "b"):
            serve(
                name,
                ExistingDatabase(host="db.internal", secret_arn=SECRET, security_group_id="sg-1", max_connections=80),
            )

    with pytest.raises(ArgumentError, match=r"b opens up to .* and 40 by a"):
        plan(program)


def test_a_database_of_another_network_is_refused() -> None:
    def program() -> None:
        serve("api", Database("db", DatabaseArgs(network=Network("one"))), network=Network("two"))

    with pytest.raises(ArgumentError, match="network: the database stands in network 'one', got 'two'"):
        plan(program)


# Wrong arguments


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"instance_class": "db.t4g.mikro"}, "instance_class: .*micro"),
        ({"engine_version": "14"}, "engine_version: must be 15, 16, 17 or 18"),
        ({"engine_version": 18}, "engine_version: must be text"),
        ({"database_name": "my-app"}, "database_name: must be a PostgreSQL name"),
        ({"storage_gb": 10}, "storage_gb: must be between 20"),
        ({"storage_gb": 100, "max_storage_gb": 105}, "max_storage_gb: must be between 110"),
        ({"backup_days": 0}, "backup_days: must be between 1 and 35"),
        ({"statement_timeout": -1}, "statement_timeout: must be between 0"),
        ({"multi_az": "true"}, "multi_az: must be true or false"),
        ({"log_retention_days": 31}, "log_retention_days: must be one of"),
        ({"alarm_topic_arn": " "}, "alarm_topic_arn: must not be empty"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        DatabaseArgs(network=NETWORK, **args)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"secret_arn": "my-secret"}, "secret_arn: must be the ARN of a Secrets Manager secret, got 'my-secret'"),
        ({"port": 0}, "port: must be between 1 and 65535"),
        ({"max_connections": 5}, "max_connections: must be between 20"),
        ({"host": None}, "host: a value is required"),
    ],
)
def test_wrong_existing_databases_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        ExistingDatabase(**{"host": "db", "secret_arn": SECRET, "security_group_id": "sg-1", **args})
