import subprocess
import sys
from typing import Any

import pulumi_gcp as gcp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_fastapi import CloudRunFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.connection_pool import ConnectionDemand, ConnectionPool
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.gcp.component import GoogleComponent
from pulumi_fastapi.gcp.database import (
    CloudSqlDatabase,
    CloudSqlDatabaseArgs,
    CloudSqlDatabaseLike,
    ExistingCloudSqlDatabase,
    allow_client,
    budget_of,
)
from pulumi_fastapi.gcp.network import ExistingVpcNetwork, VpcNetwork
from pulumi_fastapi.gcp.secrets import SecretVersion
from pulumi_fastapi.plan import Plan, Resource, plan
from pulumi_fastapi.planned import Secret
from pulumi_fastapi.sizing import smallest_tier

NETWORK = ExistingVpcNetwork(
    network_id="projects/p/global/networks/net", subnetwork_id="projects/p/regions/europe-west1/subnetworks/sub"
)
CONFIG = {"gcp:project": "shop-1", "gcp:region": "europe-west1"}
IMAGE = f"europe-west1-docker.pkg.dev/shop-1/images/api@sha256:{'a' * 64}"
ACCOUNT = "api@shop-1.iam.gserviceaccount.com"
PASSWORD = SecretVersion(secret="projects/p/secrets/db", version="3")  # noqa: S106


def planned(**args: Any) -> Plan:
    return plan(lambda: CloudSqlDatabase("db", CloudSqlDatabaseArgs(**args)), config=CONFIG, preview=False)


@pytest.fixture(scope="module")
def default() -> Plan:
    return planned()


@pytest.fixture(scope="module")
def private() -> Plan:
    return planned(network=NETWORK)


class Client(GoogleComponent):
    def __init__(self, name: str, database: CloudSqlDatabaseLike) -> None:
        super().__init__(name, None, None)
        access = allow_client(self, "app", database, ACCOUNT)
        self.publish(environment=access.environment, secrets=sorted(access.secrets))


def with_client(**args: Any) -> Plan:
    def program() -> None:
        Client("api", CloudSqlDatabase("db", CloudSqlDatabaseArgs(**args)))

    return plan(program, config=CONFIG, preview=False)


def settings(result: Plan) -> dict[str, Any]:
    found: dict[str, Any] = result.find(gcp.sql.DatabaseInstance).inputs["settings"]
    return found


def flags(result: Plan) -> dict[str, str]:
    return {each["name"]: each["value"] for each in settings(result)["databaseFlags"]}


def component(result: Plan) -> Resource:
    return result.find("pulumi-fastapi:index:CloudSqlDatabase")


@pytest.mark.parametrize("version", ["POSTGRES_15", "POSTGRES_16", "POSTGRES_17", "POSTGRES_18"])
def test_the_edition_is_never_left_to_google(version: str) -> None:
    assert settings(planned(database_version=version))["edition"] == "ENTERPRISE"


def test_the_default_is_the_cheapest_machine(default: Plan) -> None:
    found = settings(default)
    assert (found["tier"], found["diskSize"], found["availabilityType"]) == ("db-f1-micro", 10, "ZONAL")


def test_in_a_network_it_has_no_public_address(private: Plan) -> None:
    addresses = settings(private)["ipConfiguration"]
    assert (addresses["ipv4Enabled"], addresses["privateNetwork"]) == (False, "projects/p/global/networks/net")


def test_it_waits_for_the_network_s_connection_to_google() -> None:
    def program() -> None:
        CloudSqlDatabase("db", CloudSqlDatabaseArgs(network=VpcNetwork("net")))

    result = plan(program, config=CONFIG, preview=False)
    connection = result.find(gcp.servicenetworking.Connection)
    assert connection in result.find(gcp.sql.DatabaseInstance).dependencies


def test_without_a_network_only_connectors_get_in(default: Plan) -> None:
    found = settings(default)
    assert found["connectorEnforcement"] == "REQUIRED"
    assert "authorizedNetworks" not in found["ipConfiguration"]


def test_tls_is_forced_either_way(default: Plan, private: Plan) -> None:
    assert [settings(each)["ipConfiguration"]["sslMode"] for each in (default, private)] == ["ENCRYPTED_ONLY"] * 2


def test_in_a_network_clients_get_the_address_and_the_authority(private: Plan) -> None:
    outputs = component(private).outputs
    assert (outputs["host"], outputs["port"], outputs["onSocket"]) == ("10.1.0.3", 5432, False)
    assert outputs["serverCa"].startswith("-----BEGIN CERTIFICATE-----")


def test_without_a_network_clients_get_the_directory_of_the_socket(default: Plan) -> None:
    outputs = component(default).outputs
    assert outputs["host"] == f"/cloudsql/{outputs['connectionName']}"
    assert outputs["onSocket"] is True
    assert "serverCa" not in outputs


def test_the_password_is_made_once_and_kept_in_secret_manager_only(default: Plan) -> None:
    version = default.find(gcp.secretmanager.SecretVersion)
    assert isinstance(version.inputs["secretData"], Secret)
    assert len(version.inputs["secretData"].value) >= 40
    assert version.options.ignore_changes == ("secretData",)
    assert default.find(gcp.sql.User).inputs["password"] == version.inputs["secretData"]


def test_no_two_databases_have_the_same_password() -> None:
    made = {planned().find(gcp.secretmanager.SecretVersion).inputs["secretData"].value for _ in range(2)}
    assert len(made) == 2


def test_a_raised_serial_makes_another_version() -> None:
    names = [planned(password_serial=serial).find(gcp.secretmanager.SecretVersion).name for serial in (1, 2)]
    assert names[0] != names[1]


def test_what_postgresql_would_not_drop_is_left_to_the_instance(default: Plan) -> None:
    assert default.find(gcp.sql.User).inputs["deletionPolicy"] == "ABANDON"
    assert default.find(gcp.sql.Database).inputs["deletionPolicy"] == "ABANDON"


def test_it_can_be_restored_to_any_moment(default: Plan) -> None:
    backups = settings(default)["backupConfiguration"]
    assert backups["enabled"] is backups["pointInTimeRecoveryEnabled"] is True
    assert backups["backupRetentionSettings"] == {"retainedBackups": 7, "retentionUnit": "COUNT"}


@pytest.mark.parametrize(
    ("args", "days"),
    [
        ({"backup_days": 30}, 7),
        ({"backup_days": 3}, 3),
        ({"backup_days": 60, "edition": "ENTERPRISE_PLUS", "tier": "db-perf-optimized-N-2"}, 35),
    ],
)
def test_logs_are_kept_as_long_as_the_edition_allows(args: dict[str, Any], days: int) -> None:
    assert settings(planned(**args))["backupConfiguration"]["transactionLogRetentionDays"] == days


def test_everybody_is_kept_from_deleting_it(default: Plan) -> None:
    instance = default.find(gcp.sql.DatabaseInstance)
    assert instance.inputs["deletionProtection"] is settings(default)["deletionProtectionEnabled"] is True
    assert instance.options.protect
    assert settings(default)["finalBackupConfig"] == {"enabled": True, "retentionDays": 30}


def test_without_protection_it_goes_and_leaves_nothing() -> None:
    result = planned(deletion_protection=False)
    instance = result.find(gcp.sql.DatabaseInstance)
    assert instance.inputs["deletionProtection"] is settings(result)["deletionProtectionEnabled"] is False
    assert not instance.options.protect
    assert "finalBackupConfig" not in settings(result)


def test_a_final_backup_can_outlive_an_unprotected_one() -> None:
    assert "finalBackupConfig" in settings(planned(deletion_protection=False, final_backup=True))


def test_flags_are_text_and_end_what_is_forgotten(default: Plan) -> None:
    assert flags(default) == {
        "cloudsql.iam_authentication": "on",
        "idle_in_transaction_session_timeout": "60000",
        "statement_timeout": "60000",
        "lock_timeout": "10000",
        "log_lock_waits": "on",
        "log_min_duration_statement": "-1",
    }


def test_max_connections_is_set_only_when_asked_for(default: Plan) -> None:
    assert "max_connections" not in flags(default)
    assert flags(planned(max_connections=60))["max_connections"] == "60"


def test_grown_storage_is_not_shrunk_back(default: Plan) -> None:
    assert default.find(gcp.sql.DatabaseInstance).options.ignore_changes == ("settings.diskSize",)
    fixed = planned(disk_size_gb=50, max_disk_size_gb=50)
    assert settings(fixed)["diskAutoresize"] is False
    assert fixed.find(gcp.sql.DatabaseInstance).options.ignore_changes == ()


def test_nothing_loads_the_slow_part_of_the_sdk_without_a_network() -> None:
    code = (
        "import sys\nfrom pulumi_fastapi.gcp import CloudSqlDatabase\nfrom pulumi_fastapi.plan import plan\n"
        "plan(lambda: CloudSqlDatabase('db'))\nprint('pulumi_gcp.compute.network' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_its_name_is_random_as_google_keeps_deleted_ones(default: Plan) -> None:
    assert "name" not in default.find(gcp.sql.DatabaseInstance).inputs


# Clients


def test_a_client_reads_the_password_and_nothing_else() -> None:
    result = with_client(network=NETWORK)
    grant = result.find(gcp.secretmanager.SecretIamMember)
    assert grant.inputs["member"] == f"serviceAccount:{ACCOUNT}"
    assert grant.inputs["role"] == "roles/secretmanager.secretAccessor"
    assert not result.all(gcp.projects.IAMMember)


def test_a_client_of_the_socket_may_connect_to_this_instance_only() -> None:
    result = with_client()
    name = result.find(gcp.sql.DatabaseInstance).outputs["name"]
    grant = result.find(gcp.projects.IAMMember).inputs
    assert (grant["project"], grant["role"]) == ("shop-1", "roles/cloudsql.client")
    assert f"resource.name == 'projects/shop-1/instances/{name}'" in grant["condition"]["expression"]


def test_an_instance_of_a_project_with_a_domain_is_named_right() -> None:
    def program() -> None:
        existing = ExistingCloudSqlDatabase(
            connection_name="example.com:shop:europe-west1:db", username="app", password_secret=PASSWORD
        )
        Client("api", existing)

    grant = plan(program, config=CONFIG, preview=False).find(gcp.projects.IAMMember).inputs
    assert grant["project"] == "example.com:shop"


# Logging in as a service account


@pytest.fixture(scope="module")
def iam() -> Plan:
    return with_client(network=NETWORK, authentication="IAM")


def client(result: Plan) -> Resource:
    return result.find("pulumi-fastapi:index:Client")


def test_with_iam_no_password_exists(iam: Plan) -> None:
    assert iam.all(gcp.secretmanager.Secret) == iam.all(gcp.secretmanager.SecretVersion) == []
    assert "password" not in iam.find(gcp.sql.User).inputs
    assert client(iam).outputs["secrets"] == []


def test_with_iam_a_client_is_a_user_that_may_make_tables(iam: Plan) -> None:
    user = iam.find(gcp.sql.User).inputs
    assert (user["type"], user["name"]) == ("CLOUD_IAM_SERVICE_ACCOUNT", "api@shop-1.iam")
    assert user["instance"] == iam.find(gcp.sql.DatabaseInstance).outputs["name"]
    assert user["databaseRoles"] == ["cloudsqlsuperuser"]
    assert flags(iam)["cloudsql.iam_authentication"] == "on"


def test_with_iam_the_runtime_is_told_where_its_password_comes_from(iam: Plan) -> None:
    environment = client(iam).outputs["environment"]
    assert environment["DATABASE_IAM"] == "google"
    assert environment["DATABASE_USERNAME"] == "api@shop-1.iam"
    assert environment["DATABASE_SERVER_CA"].startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize(
    ("args", "roles"),
    [
        ({"network": NETWORK}, {"roles/cloudsql.instanceUser"}),
        ({}, {"roles/cloudsql.instanceUser", "roles/cloudsql.client"}),
    ],
)
def test_with_iam_a_client_may_log_in_to_this_instance_only(args: dict[str, Any], roles: set[str]) -> None:
    grants = with_client(authentication="IAM", **args).all(gcp.projects.IAMMember)
    assert {each.inputs["role"] for each in grants} == roles
    assert all("resource.name == 'projects/shop-1/instances/db-db-" in condition(each) for each in grants)


def condition(grant: Resource) -> str:
    return str(grant.inputs["condition"]["expression"])


def test_with_a_password_the_runtime_is_told_the_user() -> None:
    outputs = client(with_client()).outputs
    assert outputs["environment"] == {"DATABASE_USERNAME": "app"}
    assert outputs["secrets"] == ["DATABASE_PASSWORD"]


def test_an_existing_instance_without_a_user_is_logged_in_to_with_iam() -> None:
    program = lambda: Client("api", ExistingCloudSqlDatabase(connection_name="p:europe-west1:db"))  # noqa: E731
    result = plan(program, config=CONFIG, preview=False)
    user = result.find(gcp.sql.User).inputs
    assert (user["project"], user["instance"], user["name"]) == ("p", "db", "api@shop-1.iam")


def test_the_password_shows_nowhere() -> None:
    result = with_client()
    password = result.find(gcp.secretmanager.SecretVersion).inputs["secretData"].value
    assert password not in repr([(each.inputs, each.outputs) for each in result.resources])


# The connection budget


@pytest.mark.parametrize(
    ("tier", "connections", "available"),
    [
        ("db-f1-micro", 25, 15),
        ("db-g1-small", 50, 40),
        ("db-custom-1-3840", 100, 90),
        ("db-custom-2-7680", 400, 360),
        ("db-custom-4-16384", 500, 450),
    ],
)
def test_the_budget_follows_the_tier(tier: str, connections: int, available: int) -> None:
    budget = budget_of(CloudSqlDatabaseArgs(tier=tier).connections)
    assert (budget.max_connections, budget.available) == (connections, available)


def demand(instances: int) -> ConnectionDemand:
    return ConnectionDemand(client="api", instances=instances, surge=2, workers=1, pool=ConnectionPool(size=5))


def test_a_client_that_does_not_fit_is_told_the_tier_that_holds_it() -> None:
    args = CloudSqlDatabaseArgs()
    with pytest.raises(ArgumentError) as error:
        budget_of(args.connections, args).with_demand(demand(10))
    assert "db-f1-micro has 15 (25 - 10 reserved)" in str(error.value)
    assert "tier='db-custom-1-6144'" in str(error.value)
    held = CloudSqlDatabaseArgs(tier="db-custom-1-6144")
    assert budget_of(held.connections, held).with_demand(demand(10)).fits


@pytest.mark.parametrize("instances", [2, 4, 8, 9, 18, 36, 45, 60, 80, 90])
def test_the_flag_that_is_named_is_enough_and_the_tier_too(instances: int) -> None:
    args = CloudSqlDatabaseArgs()
    budget = budget_of(args.connections, args)
    ways = dict(
        way.split(",")[0].split("=") for way in budget.ways_out(demand(instances).connections + budget.reserved)
    )
    for way in ({"tier": ways["tier"].strip("'")}, {"max_connections": int(ways["max_connections"])}):
        larger = CloudSqlDatabaseArgs(**way)
        assert budget_of(larger.connections, larger).with_demand(demand(instances)).fits


@given(st.integers(1, 1100), st.sampled_from(["ENTERPRISE", "ENTERPRISE_PLUS"]))
def test_the_smallest_tier_holds_what_is_asked_and_a_smaller_one_does_not(connections: int, edition: str) -> None:
    def holds(tier: str) -> int:
        return CloudSqlDatabaseArgs(tier=tier, edition=edition).connections

    tier = smallest_tier(connections, edition)
    if connections > 1000:
        assert tier is None
        return
    assert tier is not None
    assert holds(tier) >= connections
    if edition == "ENTERPRISE" and tier.startswith("db-custom-"):
        vcpus, memory = map(int, tier.removeprefix("db-custom-").split("-"))
        less = f"db-custom-{vcpus}-{memory - 256}"
        try:
            assert holds(less) < connections
        except ArgumentError:
            assert memory == 3840  # the least that is sold


def test_alerts_count_from_the_budget(default: Plan) -> None:
    alert = default.find(gcp.monitoring.AlertPolicy, "db-db-connections")
    assert alert.inputs["conditions"][0]["conditionThreshold"]["thresholdValue"] == 12  # 80 % of 15


@pytest.mark.parametrize(("size", "fits"), [(50, True), (51, False)])
def test_the_socket_passes_on_no_more_than_a_hundred_connections_of_an_instance(size: int, fits: bool) -> None:
    def described() -> CloudRunFastAPIServiceArgs:
        app = FastAPIApp(image=IMAGE, pool=ConnectionPool(size=size))
        existing = ExistingCloudSqlDatabase(connection_name="p:europe-west1:db")
        return CloudRunFastAPIServiceArgs(app=app, workers=2, database=existing)

    if fits:
        assert described().database is not None
        return
    with pytest.raises(ArgumentError, match="an instance may open 100 connections through Cloud Run's socket"):
        described()


# Bad input


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"tier": "db-n1-standard-1"}, "tier: must be a tier of Cloud SQL for PostgreSQL"),
        ({"tier": "db-perf-optimized-N-2"}, "is of the edition ENTERPRISE_PLUS, and edition is ENTERPRISE"),
        ({"edition": "ENTERPRISE_PLUS"}, "is of the edition ENTERPRISE, and edition is ENTERPRISE_PLUS"),
        ({"edition": "enterprise"}, "did you mean 'ENTERPRISE'?"),
        ({"tier": "db-custom-3-7680"}, "needs 1 vCPU, or an even number of them up to 96"),
        ({"tier": "db-custom-1-3841"}, "needs 3840 to 6656 MiB with 1 vCPU, a multiple of 256"),
        ({"tier": "db-custom-2-16384"}, "needs 3840 to 13312 MiB with 2 vCPU"),
        ({"edition": "ENTERPRISE_PLUS", "tier": "db-perf-optimized-N-3"}, "has one of 2, 4, 8"),
        ({"database_version": "18"}, "database_version: must be one of POSTGRES_15"),
        ({"disk_size_gb": 9}, "disk_size_gb: must be between 10 and 65536 GB, got 9"),
        ({"disk_size_gb": 50, "max_disk_size_gb": 20}, "max_disk_size_gb: must be between 50 and 65536"),
        ({"max_connections": 20}, "max_connections: must be between 26 and 262143, got 20"),
        ({"backup_days": 0}, "backup_days: must be between 1 and 365 days, got 0"),
        ({"database_name": "my-db"}, "database_name: must be a PostgreSQL name"),
        ({"network": "default"}, "network: must be VpcNetwork or ExistingVpcNetwork"),
    ],
)
def test_what_google_refuses_is_refused_first(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        CloudSqlDatabaseArgs(**args)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"username": None}, "password_secret: belongs to username: give both"),
        ({"password_secret": None}, "password_secret: belongs to username: give both"),
        ({"connection_name": "db"}, "connection_name: must be project:region:instance"),
        ({"private_ip_address": "10.1.0.3"}, "server_ca: belongs to private_ip_address"),
        (
            {"password_secret": SecretVersion(secret="db", version="latest")},  # noqa: S106
            "password_secret.version: must be the number of a version, not 'latest'",
        ),
    ],
)
def test_an_existing_database_is_described_in_full(args: dict[str, Any], message: str) -> None:
    given = {"connection_name": "p:europe-west1:db", "username": "app", "password_secret": PASSWORD}
    with pytest.raises(ArgumentError) as error:
        ExistingCloudSqlDatabase(**{**given, **args})
    assert message in str(error.value)


def test_an_existing_database_of_unknown_size_has_no_budget() -> None:
    existing = ExistingCloudSqlDatabase(
        connection_name="p:europe-west1:db",
        username="app",
        password_secret=PASSWORD,
        private_ip_address="10.1.0.3",
        server_ca="-----BEGIN CERTIFICATE-----",
    )
    assert (existing.budget, existing.on_socket, existing.host) == (None, False, "10.1.0.3")
