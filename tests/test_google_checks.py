from collections.abc import Callable
from typing import Any, Optional

import pulumi_gcp as gcp
import pytest
from pulumi import ResourceOptions
from pulumi_fastapi import FastAPIApp, checks
from pulumi_fastapi.checks import Finding
from pulumi_fastapi.gcp import (
    CloudRunFastAPIService,
    CloudRunFastAPIServiceArgs,
    CloudSqlDatabase,
    CloudSqlDatabaseArgs,
    VpcNetwork,
)
from pulumi_fastapi.plan import plan

Program = Callable[[], object]
CONFIG = {"gcp:project": "shop-1", "gcp:region": "europe-west1"}


def findings(program: Program, **options: Any) -> list[Finding]:
    return checks.run(plan(program, config=CONFIG, preview=False, **options))


def severities(rule: str, program: Program, **options: Any) -> list[str]:
    assert rule in {each.name for each in checks.rules()}
    return [finding.severity for finding in findings(program, **options) if finding.rule == rule]


# Cloud SQL

SAFE: dict[str, Any] = {
    "tier": "db-f1-micro",
    "edition": "ENTERPRISE",
    "availability_type": "REGIONAL",
    "deletion_protection_enabled": True,
    "ip_configuration": {"ipv4_enabled": False, "private_network": "net", "ssl_mode": "ENCRYPTED_ONLY"},
    "backup_configuration": {"enabled": True, "point_in_time_recovery_enabled": True},
}


def database(
    options: Optional[ResourceOptions] = None, version: str = "POSTGRES_18", protected: bool = True, **settings: Any
) -> Program:
    given = {key: value for key, value in (SAFE | settings).items() if value is not None}
    return lambda: gcp.sql.DatabaseInstance(
        "db", database_version=version, settings=given, deletion_protection=protected, opts=options
    )


def addresses(**changed: Any) -> Program:
    given = SAFE["ip_configuration"] | {"ipv4_enabled": True, "private_network": None} | changed
    return database(ip_configuration={key: value for key, value in given.items() if value is not None})


def test_a_safe_database_is_left_alone() -> None:
    assert [each for each in findings(database()) if each.rule != "how-to-destroy"] == []


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (addresses(), ["warning"]),
        (addresses(ipv4_enabled=None), ["warning"]),  # it is on unless it is said to be off
        (addresses(authorized_networks=[{"value": "0.0.0.0/0"}]), ["error"]),
        (addresses(authorized_networks=[{"value": "198.51.100.7/32"}]), ["warning"]),
        (addresses(ipv4_enabled=False), []),
    ],
)
def test_a_public_address(program: Program, expected: list[str]) -> None:
    assert severities("cloud-sql-public", program) == expected


def test_a_public_address_for_connectors_only_is_no_finding() -> None:
    program = database(connector_enforcement="REQUIRED", ip_configuration={"ipv4_enabled": True})
    assert severities("cloud-sql-public", program) == []
    assert severities("cloud-sql-tls-not-forced", program) == []


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (None, ["error"]),
        ("ALLOW_UNENCRYPTED_AND_ENCRYPTED", ["error"]),
        ("ENCRYPTED_ONLY", []),
        ("TRUSTED_CLIENT_CERTIFICATE_REQUIRED", []),
    ],
)
def test_connections_without_tls(mode: Optional[str], expected: list[str]) -> None:
    assert severities("cloud-sql-tls-not-forced", addresses(ssl_mode=mode)) == expected


@pytest.mark.parametrize(
    ("version", "edition", "expected"),
    [
        ("POSTGRES_18", None, ["error"]),
        ("POSTGRES_16", None, ["error"]),
        ("POSTGRES_15", None, []),
        ("POSTGRES_18", "ENTERPRISE", []),
        ("MYSQL_8_0", None, []),
    ],
)
def test_an_edition_that_nobody_chose(version: str, edition: Optional[str], expected: list[str]) -> None:
    assert severities("cloud-sql-edition-missing", database(version=version, edition=edition)) == expected


@pytest.mark.parametrize(("waits", "expected"), [(True, []), (False, ["error"])])
def test_a_private_address_before_the_connection_that_gives_it(waits: bool, expected: list[str]) -> None:
    def program() -> None:
        network = gcp.compute.Network("net")
        connection = gcp.servicenetworking.Connection(
            "services", network=network.id, service="servicenetworking.googleapis.com", reserved_peering_ranges=["r"]
        )
        private = SAFE["ip_configuration"] | {"private_network": network.id}
        database(ResourceOptions(depends_on=[connection] if waits else []), ip_configuration=private)()

    assert severities("cloud-sql-before-its-network", program) == expected


@pytest.mark.parametrize(
    ("backups", "expected"),
    [(None, ["warning"]), ({"enabled": False}, ["warning"]), ({"enabled": True}, ["info"])],
)
def test_a_database_without_a_way_back(backups: Optional[dict[str, Any]], expected: list[str]) -> None:
    assert severities("cloud-sql-without-backups", database(backup_configuration=backups)) == expected


@pytest.mark.parametrize(
    ("stack", "expected"), [("dev", ["info"]), ("prod", ["warning"]), ("production-eu", ["warning"])]
)
def test_protection_that_was_turned_off(stack: str, expected: list[str]) -> None:
    assert severities("cloud-sql-without-deletion-protection", database(protected=False), stack=stack) == expected


def test_protection_from_pulumi_only() -> None:
    program = database(deletion_protection_enabled=None)
    assert severities("cloud-sql-without-deletion-protection", program) == ["info"]


def test_one_zone() -> None:
    assert severities("cloud-sql-in-one-zone", database(availability_type=None)) == ["info"]


# Cloud Run

CONTAINER: dict[str, Any] = {
    "image": f"europe-west1-docker.pkg.dev/shop-1/images/api@sha256:{'a' * 64}",
    "ports": {"container_port": 8080},
    "resources": {"limits": {"cpu": "1"}, "cpu_idle": True},
    "startup_probe": {"http_get": {"path": "/-/ready"}},
}


def service(
    template: Optional[dict[str, Any]] = None, container: Optional[dict[str, Any]] = None, **args: Any
) -> Program:
    containers = [{key: value for key, value in (CONTAINER | (container or {})).items() if value is not None}]
    given = {
        "containers": containers,
        "service_account": "api@p.iam.gserviceaccount.com",
        "scaling": {"max_instance_count": 3},
    } | (template or {})
    given = {key: value for key, value in given.items() if value is not None}
    return lambda: gcp.cloudrunv2.Service("api", name="api", location="europe-west1", template=given, **args)


def test_a_safe_service_is_left_alone() -> None:
    assert [each for each in findings(service()) if each.rule != "how-to-destroy"] == []


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ({"name": "DATABASE_PASSWORD", "value": "hunter2"}, ["error"]),
        ({"name": "DATABASE_URL", "value": "postgresql://app:hunter2@db/app"}, ["error"]),
        ({"name": "PASSWORD_MIN_LENGTH", "value": "12"}, []),
        ({"name": "API_KEY", "value_source": {"secret_key_ref": {"secret": "key", "version": "3"}}}, []),
    ],
)
def test_a_secret_in_a_plain_variable(variable: dict[str, Any], expected: list[str]) -> None:
    assert severities("cloud-run-plain-secret", service(container={"envs": [variable]})) == expected


def test_jobs_are_read_too() -> None:
    container = {"image": "i", "envs": [{"name": "API_KEY", "value": "hunter2"}]}

    def program() -> None:
        gcp.cloudrunv2.Job("job", location="europe-west1", template={"template": {"containers": [container]}})

    assert severities("cloud-run-plain-secret", program) == ["error"]
    assert severities("cloud-run-default-service-account", program) == ["warning"]


@pytest.mark.parametrize(("version", "expected"), [("latest", ["warning"]), ("7", [])])
def test_a_secret_that_changes_without_a_revision(version: str, expected: list[str]) -> None:
    variable = {"name": "KEY", "value_source": {"secret_key_ref": {"secret": "key", "version": version}}}
    assert severities("cloud-run-latest-secret", service(container={"envs": [variable]})) == expected


def test_the_project_s_own_service_account() -> None:
    assert severities("cloud-run-default-service-account", service({"service_account": None})) == ["warning"]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, ["warning"]),
        ({"ingress": "INGRESS_TRAFFIC_ALL"}, ["warning"]),
        ({"ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"}, []),
        ({"default_uri_disabled": True}, []),
    ],
)
def test_a_way_around_the_load_balancer(args: dict[str, Any], expected: list[str]) -> None:
    def program() -> None:
        service(**args)()
        gcp.compute.RegionNetworkEndpointGroup("group", region="europe-west1", cloud_run={"service": "api"})

    assert severities("cloud-run-around-load-balancer", program) == expected


@pytest.mark.parametrize("preview", [True, False])
def test_a_way_around_the_load_balancer_is_seen_before_names_are_known(preview: bool) -> None:
    def program() -> None:
        template = {"containers": [CONTAINER]}
        api = gcp.cloudrunv2.Service("api", location="europe-west1", template=template)
        gcp.compute.RegionNetworkEndpointGroup("group", region="europe-west1", cloud_run={"service": api.name})

    found = checks.run(plan(program, config=CONFIG, preview=preview))
    assert [each.name for each in found if each.rule == "cloud-run-around-load-balancer"] == ["api"]


def test_a_service_without_a_load_balancer_has_no_way_around_it() -> None:
    assert severities("cloud-run-around-load-balancer", service()) == []


def test_instances_without_a_limit() -> None:
    assert severities("cloud-run-instances-unbounded", service({"scaling": None})) == ["warning"]
    bounded = service({"scaling": None}, scaling={"max_instance_count": 4})
    assert severities("cloud-run-instances-unbounded", bounded) == []


@pytest.mark.parametrize("probe", [None, {"tcp_socket": {"port": 8080}}])
def test_traffic_before_the_app_is_imported(probe: Optional[dict[str, Any]]) -> None:
    assert severities("cloud-run-ready-when-the-port-is", service(container={"startup_probe": probe})) == ["warning"]


@pytest.mark.parametrize(
    ("resources", "expected"), [({"limits": {"cpu": "1"}}, ["warning"]), (None, []), ({"cpu_idle": False}, [])]
)
def test_cpu_that_is_billed_between_requests(resources: Optional[dict[str, Any]], expected: list[str]) -> None:
    assert severities("cloud-run-cpu-always-billed", service(container={"resources": resources})) == expected


# What stands around it


@pytest.mark.parametrize(
    ("version", "expected"), [(None, ["warning"]), ("TLS_1_1", ["warning"]), ("TLS_1_2", []), ("none", ["warning"])]
)
def test_old_tls(version: Optional[str], expected: list[str]) -> None:
    def program() -> None:
        policy = None if version == "none" else gcp.compute.SSLPolicy("tls", min_tls_version=version).id
        gcp.compute.TargetHttpsProxy("https", url_map="urls", ssl_policy=policy)

    assert severities("google-old-tls", program) == expected


@pytest.mark.parametrize(("redirect", "expected"), [(True, []), (False, ["warning"])])
def test_answers_over_http(redirect: bool, expected: list[str]) -> None:
    def program() -> None:
        only = {"https_redirect": True, "strip_query": False} if redirect else None
        urls = gcp.compute.URLMap("urls", default_url_redirect=only)
        gcp.compute.TargetHttpProxy("http", url_map=urls.id)

    assert severities("google-http-without-redirect", program) == expected


@pytest.mark.parametrize(
    ("role", "member", "expected"),
    [
        ("roles/editor", "serviceAccount:api@p.iam.gserviceaccount.com", ["error"]),
        ("roles/owner", "user:me@example.com", []),
        ("roles/cloudsql.client", "serviceAccount:api@p.iam.gserviceaccount.com", []),
    ],
)
def test_a_service_account_with_the_whole_project(role: str, member: str, expected: list[str]) -> None:
    def program() -> None:
        gcp.projects.IAMMember("grant", project="p", role=role, member=member)

    assert severities("google-role-over-the-project", program) == expected


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, ["warning"]),
        ({"cleanup_policies": [{"id": "keep", "action": "KEEP"}]}, []),
        ({"cleanup_policies": [{"id": "keep", "action": "KEEP"}], "cleanup_policy_dry_run": True}, ["warning"]),
    ],
)
def test_images_kept_forever(args: dict[str, Any], expected: list[str]) -> None:
    def program() -> None:
        gcp.artifactregistry.Repository("images", repository_id="images", format="DOCKER", **args)

    assert severities("google-images-kept-forever", program) == expected


def test_alerts_without_a_channel_are_one_finding() -> None:
    def program() -> None:
        told = ["projects/p/notificationChannels/1"]
        for name, channels in (("a", []), ("b", None), ("c", told), ("d", None), ("e", None), ("f", None)):
            gcp.monitoring.AlertPolicy(
                name, display_name=name, combiner="OR", conditions=[], notification_channels=channels
            )

    (finding,) = [each for each in findings(program) if each.rule == "google-alert-tells-nobody"]
    assert finding.message == "5 alert policies tell nobody: a, b, d and 2 more"


def everything() -> None:
    database = CloudSqlDatabase("db", CloudSqlDatabaseArgs(network=VpcNetwork("net"), tier="db-custom-2-7680"))
    CloudSqlDatabase("on-socket")
    app = FastAPIApp(image=CONTAINER["image"], secrets={"STRIPE_KEY": "sk_live_do_not_show"})
    args = CloudRunFastAPIServiceArgs(
        app=app, database=database, domain="api.example.com", alert_emails=["ops@example.com"]
    )
    CloudRunFastAPIService("api", args)
    CloudRunFastAPIService("bare", CloudRunFastAPIServiceArgs(app=FastAPIApp(image=CONTAINER["image"])))


@pytest.mark.parametrize("preview", [True, False])
def test_the_components_of_this_package_are_safe_and_can_be_judged(preview: bool) -> None:
    found = checks.run(plan(everything, config=CONFIG, preview=preview))
    assert [each for each in found if each.severity != "info" or each.rule == "not-judged"] == []
