"""The limits of Google that only its documentation states: right up to each of them, and past it."""

from typing import Any

import pytest
from pulumi_fastapi.emulator.gcp.discovery import shape
from pulumi_fastapi.emulator.gcp.rules import violated_rules

SERVICE = "run", "run.v2", "GoogleCloudRunV2Service"
INSTANCE = "sqladmin", "sqladmin.v1", "DatabaseInstance"


def violated(kind: tuple[str, str, str], body: dict[str, Any], id: str | None = "api") -> list[str]:
    api, document, name = kind
    return [message for _, message in violated_rules(api, shape(document, name), body, id)]


def service(template: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    return {"template": {**(template or {}), "containers": [{"image": "x", **container}]}}


def limits(cpu: str, memory: str) -> dict[str, Any]:
    return service(resources={"limits": {"cpu": cpu, "memory": memory}})


@pytest.mark.parametrize(
    ("cpu", "memory", "right"),
    [
        ("1", "4Gi", True),
        ("1", "4097Mi", False),
        ("2000m", "8Gi", True),
        ("4", "2Gi", True),
        ("4", "2047Mi", False),
        ("6", "4Gi", True),
        ("8", "32Gi", True),
        ("8", "33Gi", False),
        ("3", "4Gi", False),
        ("0.08", "512Mi", True),
        ("0.07", "512Mi", False),
        ("0.4", "513Mi", False),
        ("0.5", "1Gi", True),
        ("1", "127Mi", False),
        ("one", "512Mi", False),
        ("1", "512MB", False),
    ],
)
def test_cpu_and_memory_of_a_container(cpu, memory, right):
    assert (violated(SERVICE, limits(cpu, memory)) == []) is right


@pytest.mark.parametrize(
    ("body", "right"),
    [
        (service({"maxInstanceRequestConcurrency": 1000}), True),
        (service({"maxInstanceRequestConcurrency": 1001}), False),
        (service({"timeout": "3600s"}), True),
        (service({"timeout": "3601s"}), False),
        (service({"scaling": {"minInstanceCount": 2, "maxInstanceCount": 2}}), True),
        (service({"scaling": {"minInstanceCount": 3, "maxInstanceCount": 2}}), False),
        (service({"executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2"}), True),
        (service({"vpcAccess": {"connector": "c", "networkInterfaces": [{"network": "n"}]}}), False),
        (service({"volumes": [{"name": "a"}]}, volumeMounts=[{"name": "a"}]), True),
        (service({"volumes": [{"name": "a"}]}, volumeMounts=[{"name": "b"}]), False),
        (service(startupProbe={"tcpSocket": {}}), True),
        (service(livenessProbe={"tcpSocket": {}}), False),
        (service(startupProbe={"httpGet": {}, "grpc": {}}), False),
        (service(startupProbe={}), False),
        (service(startupProbe={"httpGet": {}, "periodSeconds": 240, "failureThreshold": 1}), True),
        (service(startupProbe={"httpGet": {}, "periodSeconds": 241, "failureThreshold": 1}), False),
        (service(livenessProbe={"httpGet": {}, "periodSeconds": 3600}), True),
        (service(livenessProbe={"httpGet": {}, "periodSeconds": 3601}), False),
        ({"scaling": {"minInstanceCount": 2, "maxInstanceCount": 1}}, False),
    ],
)
def test_a_service(body, right):
    assert (violated(SERVICE, body) == []) is right


LATEST, REVISION = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        ([{"type": LATEST, "percent": 100, "tag": "x" * 43}], None),
        ([{"type": LATEST, "percent": 100, "tag": "x" * 44}], "together longer than 46"),
        ([{"type": REVISION, "percent": 100}], "needs a revision"),
        ([{"type": LATEST, "percent": 100, "revision": "api-1"}], "takes no revision"),
        ([{"type": LATEST, "percent": 50, "tag": "a"}, {"type": LATEST, "percent": 50, "tag": "a"}], "more than once"),
    ],
)
def test_traffic(traffic, words):
    found = violated(SERVICE, {"traffic": traffic})

    assert found == [] if words is None else words in found[0]


@pytest.mark.parametrize(("id", "right"), [("a" * 49, True), ("a" * 50, False), ("Api", False), ("api-", False)])
def test_the_name_of_a_service(id, right):
    assert (violated(SERVICE, {}, id) == []) is right


def instance(
    tier: str, edition: str | None = "ENTERPRISE", version: str = "POSTGRES_17", **settings: Any
) -> dict[str, Any]:
    chosen = {"tier": tier, **({"edition": edition} if edition else {}), **settings}
    return {"databaseVersion": version, "settings": chosen}


@pytest.mark.parametrize(
    ("body", "right"),
    [
        (instance("db-f1-micro"), True),
        (instance("db-f1-micro", None), False),
        (instance("db-f1-micro", None, "POSTGRES_15"), True),
        (instance("db-perf-optimized-N-2", None), True),
        (instance("db-perf-optimized-N-2"), False),
        (instance("db-custom-1-3840"), True),
        (instance("db-custom-1-3839"), False),
        (instance("db-custom-1-3584"), False),
        (instance("db-custom-3-7680"), False),
        (instance("db-custom-2-13312"), True),
        (instance("db-custom-2-13568"), False),
        (instance("db-f1-micro", availabilityType="REGIONAL"), False),
        (instance("db-f1-micro", availabilityType="REGIONAL", backupConfiguration={"enabled": True}), True),
        (instance("db-f1-micro", backupConfiguration={"transactionLogRetentionDays": 7}), True),
        (instance("db-f1-micro", backupConfiguration={"transactionLogRetentionDays": 8}), False),
        (instance("db-f1-micro", ipConfiguration={"ipv4Enabled": False}), False),
        (instance("db-f1-micro", ipConfiguration={"ipv4Enabled": False, "privateNetwork": "n"}), True),
    ],
)
def test_a_database(body, right):
    assert (violated(INSTANCE, body) == []) is right


def rules(*priorities: int, **more: Any) -> dict[str, Any]:
    return {"rules": [{"priority": priority, "action": "allow", **more} for priority in priorities]}


@pytest.mark.parametrize(
    ("kind", "body", "right"),
    [
        (("compute", "compute.v1", "SecurityPolicy"), rules(1, 2147483647), True),
        (("compute", "compute.v1", "SecurityPolicy"), rules(1), False),
        (("compute", "compute.v1", "SecurityPolicy"), rules(1, 1, 2147483647), False),
        (("compute", "compute.v1", "SecurityPolicy"), rules(2147483647, action="throttle"), False),
        (("compute", "compute.v1", "Subnetwork"), {"ipCidrRange": "10.0.0.0/29"}, True),
        (("compute", "compute.v1", "Subnetwork"), {"ipCidrRange": "10.0.0.0/30"}, False),
        (("compute", "compute.v1", "Subnetwork"), {"ipCidrRange": "10.0.0.1/24"}, False),
        (("iam", "iam.v1", "CreateServiceAccountRequest"), {"accountId": "a" * 30}, True),
        (("iam", "iam.v1", "CreateServiceAccountRequest"), {"accountId": "a" * 31}, False),
        (("iam", "iam.v1", "WorkloadIdentityPoolProvider"), {"attributeMapping": {}}, False),
        (("monitoring", "monitoring.v3", "ServiceLevelObjective"), {"goal": 0.9999}, True),
        (("monitoring", "monitoring.v3", "ServiceLevelObjective"), {"goal": 0.99995}, False),
        (("monitoring", "monitoring.v3", "AlertPolicy"), {"conditions": []}, False),
        (("monitoring", "monitoring.v3", "AlertPolicy"), {"conditions": [{}]}, False),
    ],
)
def test_the_rest(kind, body, right):
    assert (violated(kind, body, "github") == []) is right
