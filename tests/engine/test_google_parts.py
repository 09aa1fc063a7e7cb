"""The parts around a service on Google Cloud, on the real engine against the emulated cloud."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_gcp as gcp
import pytest
from pulumi_fastapi.emulated_cloud import Deployment, DeploymentError, EmulatedCloud
from pulumi_fastapi.gcp.alerts import NotificationChannels, ServiceAlerts, UptimeAlert
from pulumi_fastapi.gcp.component import GoogleComponent
from pulumi_fastapi.gcp.dashboard import Dashboard
from pulumi_fastapi.gcp.database import CloudSqlDatabase, CloudSqlDatabaseArgs, allow_client
from pulumi_fastapi.gcp.load_balancer import HttpsLoadBalancer, HttpsLoadBalancerArgs
from pulumi_fastapi.gcp.network import ExistingVpcNetwork, VpcNetwork
from pulumi_fastapi.gcp.slo import ServiceLevelObjectives, ServiceLevelObjectivesArgs

pytestmark = pytest.mark.engine

REGION = "europe-west1"
CONFIG = {"gcp:project": "shop-1", "gcp:region": REGION}
IMAGE = f"{REGION}-docker.pkg.dev/shop-1/images/api@sha256:{'a' * 64}"


def service() -> gcp.cloudrunv2.Service:
    return gcp.cloudrunv2.Service(
        "api", name="api", location=REGION, deletion_protection=False, template={"containers": [{"image": IMAGE}]}
    )


class Client(GoogleComponent):
    """Something that connects to a database as a service account."""

    def __init__(self, name: str, *databases: CloudSqlDatabase) -> None:
        super().__init__(name, None, None)
        account = gcp.serviceaccount.Account(f"{name}-account", opts=self.child)
        for index, database in enumerate(databases):
            allow_client(self, f"{index}", database, account.email)
        self.publish()


def everything() -> None:
    channels = NotificationChannels("ops", ["ops@example.com"]).ids
    api = service().name
    private = CloudSqlDatabaseArgs(network=VpcNetwork("net"), deletion_protection=False)
    in_network = CloudSqlDatabase("private", private)
    pulumi.export("private", in_network.host)
    pulumi.export("server_ca", in_network.server_ca)
    of_accounts = CloudSqlDatabaseArgs(authentication="IAM", deletion_protection=False)  # type: ignore[arg-type]
    on_socket = CloudSqlDatabase("on-socket", of_accounts)
    Client("client", in_network, on_socket)
    pulumi.export("socket", on_socket.host)
    pulumi.export("connection_name", on_socket.connection_name)
    entry = HttpsLoadBalancerArgs(
        domain="api.example.com", service=api, region=REGION, requests_per_minute=600, deletion_protection=False
    )
    balancer = HttpsLoadBalancer("lb", entry)
    ServiceAlerts("api", api, REGION, max_instances=10, channel_ids=channels)
    UptimeAlert("api", balancer.url, "/-/ready", "shop-1", channels)
    ServiceLevelObjectives("api", ServiceLevelObjectivesArgs(service=api, location=REGION, channel_ids=list(channels)))
    Dashboard("api", api, REGION)


def test_all_parts_come_up_stay_and_go(emulated_cloud: EmulatedCloud) -> None:
    first = emulated_cloud.up(everything, config=CONFIG)
    again = emulated_cloud.up(everything, config=CONFIG)
    refreshed = emulated_cloud.refresh()
    emulated_cloud.destroy()

    assert first.outputs["private"].startswith("10.")
    assert first.outputs["server_ca"].startswith("-----BEGIN CERTIFICATE-----\n")  # and no Secret
    assert first.outputs["socket"] == f"/cloudsql/{first.outputs['connection_name']}"
    assert first.outputs["connection_name"].startswith(f"shop-1:{REGION}:on-socket-db-")
    assert not again.changed
    assert not refreshed.changed
    assert emulated_cloud.resources() == []


def database(**args: Any) -> Callable[[], None]:
    def program() -> None:
        made = CloudSqlDatabase("db", CloudSqlDatabaseArgs(deletion_protection=False, **args))
        pulumi.export("password", made.user.password)
        pulumi.export("version", made.password_secret.version)

    return program


def steps(deployment: Deployment, token: str) -> list[str]:
    """What the engine did to resources of one type."""
    return [step.kind for step in deployment.operations if step.urn.split("::")[2].endswith(token)]


def test_a_password_stays_until_another_is_asked_for(emulated_cloud: EmulatedCloud) -> None:
    first = emulated_cloud.up(database(), config=CONFIG)
    larger = emulated_cloud.up(database(tier="db-g1-small"), config=CONFIG)
    changed = emulated_cloud.up(database(tier="db-g1-small", password_serial=2), config=CONFIG)

    assert larger.outputs["password"] == first.outputs["password"]
    assert larger.outputs["version"] == "1"
    assert steps(larger, ":DatabaseInstance") == ["update"]
    assert changed.outputs["password"] != first.outputs["password"]
    assert changed.outputs["version"] == "2"
    assert steps(changed, ":DatabaseInstance") == ["same"]
    assert steps(changed, ":User") == ["update"]


def test_a_network_that_is_not_connected_to_google_is_refused(emulated_cloud: EmulatedCloud) -> None:
    def program() -> None:
        network = gcp.compute.Network("net", auto_create_subnetworks=False)
        subnetwork = gcp.compute.Subnetwork("sub", network=network.id, ip_cidr_range="10.0.0.0/24")
        existing = ExistingVpcNetwork(network_id=network.id, subnetwork_id=subnetwork.id)
        CloudSqlDatabase("db", CloudSqlDatabaseArgs(network=existing))

    with pytest.raises(DeploymentError) as error:
        emulated_cloud.up(program, config=CONFIG)
    assert "NETWORK_NOT_PEERED" in str(error.value)


def test_another_domain_replaces_the_certificate_that_is_in_use(emulated_cloud: EmulatedCloud) -> None:
    def program(domain: str) -> Callable[[], None]:
        args = {"service": "api", "region": REGION, "deletion_protection": False}

        def deployed() -> None:
            service()
            pulumi.export("url", HttpsLoadBalancer("lb", HttpsLoadBalancerArgs(domain=domain, **args)).url)

        return deployed

    emulated_cloud.up(program("api.example.com"), config=CONFIG)
    moved = emulated_cloud.up(program("www.example.com"), config=CONFIG)

    assert moved.outputs["url"] == "https://www.example.com"
    assert "replace" in steps(moved, ":ManagedSslCertificate")
    assert steps(moved, ":TargetHttpsProxy") == ["update"]
    assert steps(moved, ":GlobalAddress") == ["same"]
