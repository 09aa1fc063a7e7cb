"""The components in other languages (E05): the schema, and the provider as Pulumi starts it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    errors_pb2,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
    status_pb2,
)
from pulumi_fastapi import provider
from pulumi_fastapi.offline import Place
from pulumi_fastapi.planned import Secret, plain
from pulumi_fastapi.provider import COMPONENTS, FastAPIProvider
from pulumi_fastapi.recorder import Recorder

SNAPSHOT = Path(__file__).parent / "provider_schema.json"
PACKAGE = Path(__file__).parents[1] / "components" / "pulumi_fastapi"
IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/api@sha256:{'a' * 64}"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"  # noqa: S105

NETWORK = {
    "vpcId": "vpc-1",
    "publicSubnetIds": ["pub-a", "pub-b"],
    "privateSubnetIds": ["a", "b"],
    "isolatedSubnetIds": ["iso-a", "iso-b"],
    "outbound": "NAT",
}
LOAD_BALANCER = {
    "listenerArn": "arn:listener",
    "securityGroupId": "sg-lb",
    "dnsName": "lb.example.com",
    "hostedZoneId": "Z2",
    "arnSuffix": "app/lb/1",
    "https": True,
    "idleTimeout": 120,
}
DATABASE = {
    "host": "db.internal",
    "secretArn": SECRET_ARN,
    "securityGroupId": "sg-db",
    "port": 5432,
    "databaseName": "app",
    "maxConnections": 400,
}
GOOGLE_IMAGE = f"europe-west1-docker.pkg.dev/shop-1/images/api@sha256:{'a' * 64}"
VPC_NETWORK = {
    "networkId": "projects/shop-1/global/networks/net",
    "subnetworkId": "projects/shop-1/regions/europe-west1/subnetworks/net",
}
CLOUD_SQL = {
    "connectionName": "shop-1:europe-west1:db",
    "username": "app",
    "passwordSecret": {"secret": "projects/shop-1/secrets/db", "version": "3"},
    "privateIpAddress": "10.1.0.3",
    "serverCa": "-----BEGIN CERTIFICATE-----",
    "databaseName": "orders",
    "maxConnections": 400,
}
APP = {
    "image": IMAGE,
    "module": "app.main:app",
    "command": ["python", "-m", "worker"],
    "environment": {"LOG_LEVEL": "info", "PORTS": [8000, 8001], "RATIO": 0.5, "ON": True, "LIMIT": 8000},
    "secrets": {"TOKEN": "t-1"},
    "secretArns": {"KEY": f"{SECRET_ARN}:KEY::"},
    "port": 9000,
    "pool": {"size": 3, "maxOverflow": 1, "timeout": 2.5},
    "timeouts": {"request": 90, "idle": 120, "startup": 30, "streaming": False},
    "livenessPath": "/live",
    "readinessPath": "/ready",
}
EVERYTHING: dict[str, dict[str, Any]] = {
    "FargateFastAPIService": {
        "app": APP,
        "network": NETWORK,
        "loadBalancer": LOAD_BALANCER,
        "database": DATABASE,
        "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/shared",
        "domain": "api.example.com",
        "zoneId": "Z1",
        "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
        "paths": ["/api/*"],
        "priority": 7,
        "cpu": 1024,
        "memory": 2048,
        "architecture": "X86_64",
        "workers": 2,
        "tasksMin": 1,
        "tasksMax": 3,
        "targetCpu": 50,
        "targetMemory": 80,
        "requestsPerTarget": 600,
        "spotPercent": 50,
        "enableExecuteCommand": True,
        "containerInsights": "disabled",
        "logRetentionDays": 7,
        "keepImages": 10,
        "accessLogs": False,
        "strategy": "LINEAR",
        "bakeMinutes": 9,
        "canaryPercent": 10,
        "canaryBakeMinutes": 5,
        "stepPercent": 25,
        "stepBakeMinutes": 3,
        "approvalMinutes": 30,
        "migrate": ["alembic", "upgrade", "head"],
        "smokeTest": ["python", "-m", "app.smoke"],
        "taskTimeout": 300,
        "ignoreAlarms": False,
        "verifyDeployments": True,
        "secretKeyArns": ["arn:aws:kms:us-east-1:123456789012:key/1"],
        "alarmEmails": ["a@example.com"],
        "alarmTopicArn": "arn:aws:sns:us-east-1:123456789012:pager",
        "alarmLatency": 0.5,
        "deletionProtection": False,
    },
    "LambdaFastAPIFunction": {
        "app": {**APP, "timeouts": {"request": 20, "startup": 30}},
        "database": DATABASE,
        "network": NETWORK,
        "entry": "HTTP_API",
        "domain": "api.example.com",
        "zoneId": "Z1",
        "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
        "jwt": {"issuer": "https://login.example.com/", "audiences": ["shop"], "scopes": ["read"]},
        "requestsPerSecond": 100,
        "memory": 2048,
        "ephemeralStorage": 1024,
        "architecture": "X86_64",
        "reservedConcurrency": 20,
        "provisionedConcurrency": 0,
        "tracing": True,
        "logRetentionDays": 7,
        "keepImages": 10,
        "strategy": "LINEAR",
        "bakeMinutes": 9,
        "canaryPercent": 10,
        "canaryBakeMinutes": 5,
        "stepPercent": 25,
        "stepBakeMinutes": 3,
        "migrate": ["alembic", "upgrade", "head"],
        "taskTimeout": 300,
        "ignoreAlarms": False,
        "verifyDeployments": True,
        "schedules": [{"expression": "rate(1 day)", "path": "/jobs/nightly"}],
        "keepWarm": True,
        "secretKeyArns": ["arn:aws:kms:us-east-1:123456789012:key/1"],
        "alarmEmails": ["a@example.com"],
        "alarmTopicArn": "arn:aws:sns:us-east-1:123456789012:pager",
        "alarmLatency": 0.5,
        "deletionProtection": False,
    },
    "Network": {
        "cidrBlock": "10.1.0.0/16",
        "availabilityZones": 3,
        "outbound": "NAT",
        "natGateways": 2,
        "excludeZoneIds": ["use1-az3"],
        "flowLogs": True,
        "logRetentionDays": 7,
    },
    "LoadBalancer": {
        "network": NETWORK,
        "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
        "domain": "api.example.com",
        "zoneId": "Z1",
        "internal": True,
        "idleTimeout": 90,
        "accessLogs": True,
        "deletionProtection": False,
    },
    "Database": {
        "network": NETWORK,
        "instanceClass": "db.t4g.small",
        "allowMajorVersionUpgrade": False,
        "engineVersion": "17",
        "databaseName": "orders",
        "storageGb": 30,
        "maxStorageGb": 60,
        "multiAz": True,
        "proxy": True,
        "backupDays": 3,
        "statementTimeout": 10,
        "logStatementsSlowerThan": 500,
        "logRetentionDays": 7,
        "performanceInsights": False,
        "deletionProtection": False,
        "finalSnapshot": False,
        "alarmTopicArn": "arn:aws:sns:us-east-1:123456789012:pager",
    },
    "Registry": {"keepImages": 9, "deletionProtection": False},
    "CloudRunFastAPIService": {
        "app": {"image": GOOGLE_IMAGE, "secrets": {"TOKEN": "t-1"}},
        "project": "shop-1",
        "location": "europe-west1",
        "database": CLOUD_SQL,
        "network": VPC_NETWORK,
        "secretVersions": {"KEY": "projects/vault/secrets/key/versions/7"},
        "cpu": 2,
        "memory": 2048,
        "workers": 2,
        "concurrency": 60,
        "instancesMin": 1,
        "instancesMax": 4,
        "cpuIdle": False,
        "startupCpuBoost": False,
        "access": "IAM",
        "members": ["group:shop@example.com"],
        "domain": "api.example.com",
        "dnsZone": "example",
        "certificateIds": ["projects/shop-1/global/sslCertificates/mine"],
        "requestsPerMinute": 600,
        "migrate": ["alembic", "upgrade", "head"],
        "taskTimeout": 300,
        "redeploy": "1",
        "keepImages": 10,
        "alertEmails": ["a@example.com"],
        "alertChannelIds": ["projects/shop-1/notificationChannels/1"],
        "alertLatency": 0.5,
        "sloAvailability": 0.995,
        "labels": {"team": "shop"},
        "enableApis": False,
        "deletionProtection": False,
    },
    "VpcNetwork": {
        "ipCidrRange": "10.9.0.0/24",
        "servicesPrefix": 20,
        "region": "europe-west1",
        "enableApis": False,
        "flowLogs": True,
    },
    "HttpsLoadBalancer": {
        "domain": "api.example.com",
        "service": "api",
        "region": "europe-west1",
        "dnsZone": "example",
        "certificateIds": ["projects/shop-1/global/sslCertificates/mine"],
        "requestsPerMinute": 600,
        "requestLogs": True,
        "deletionProtection": False,
    },
    "CloudSqlDatabase": {
        "network": VPC_NETWORK,
        "tier": "db-custom-2-7680",
        "edition": "ENTERPRISE",
        "databaseVersion": "POSTGRES_17",
        "region": "europe-west1",
        "databaseName": "orders",
        "diskSizeGb": 20,
        "maxDiskSizeGb": 60,
        "highAvailability": True,
        "maxConnections": 300,
        "backupDays": 3,
        "statementTimeout": 10,
        "logStatementsSlowerThan": 500,
        "queryInsights": False,
        "enableApis": False,
        "deletionProtection": False,
        "finalBackup": True,
        "authentication": "IAM",
        "passwordSerial": 2,
        "notificationChannelIds": ["projects/shop-1/notificationChannels/1"],
    },
}
"""Each component with every argument once, as another language writes it."""

NEEDED = {
    "LoadBalancer": {"network": NETWORK},
    "Database": {"network": NETWORK},
    "HttpsLoadBalancer": {"domain": "api.example.com", "service": "api", "region": "europe-west1"},
    # A program in another language has them from its configuration.
    "CloudRunFastAPIService": {"project": "shop-1", "location": "europe-west1"},
}
"""What a component cannot do without."""

# Arguments that no service can have together with the others above.
ALONE = {
    ("FargateFastAPIService", "internal"),
    # Of the other two entries, and of a function that is released all at once.
    *(("LambdaFastAPIFunction", name) for name in ("loadBalancer", "paths", "priority")),
    *(("LambdaFastAPIFunction", name) for name in ("originSecret", "caching", "webAclArn")),
    ("LambdaFastAPIFunction", "provisionedConcurrencyMax"),
    ("CloudRunFastAPIService", "internal"),
    ("Network", "extraEndpoints"),
    ("FastAPIApp", "source"),
    ("FastAPIApp", "build"),
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FastAPIProvider("0.0.0").schema or "{}")
    return found


# The schema


def test_the_schema_is_the_one_that_was_agreed(schema: dict[str, Any]) -> None:
    """Other languages generate their SDK from it. `UPDATE_SNAPSHOTS=1` writes it anew."""
    text = json.dumps(schema, indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text(), "the schema changed; review it with UPDATE_SNAPSHOTS=1 and git diff"


def test_what_has_a_default_can_be_left_out(schema: dict[str, Any]) -> None:
    required = {
        token.rpartition(":")[2]: definition["requiredInputs"]
        for token, definition in schema["resources"].items()
        if definition["requiredInputs"]
    }
    assert required == {
        "LoadBalancer": ["network"],
        "Database": ["network"],
        "HttpsLoadBalancer": ["domain", "region", "service"],
    }
    assert schema["types"]["pulumi-fastapi:index:ExistingNetwork"]["required"] == ["vpcId"]
    assert "required" not in schema["types"]["pulumi-fastapi:index:FastAPIApp"]


def test_every_argument_is_described(schema: dict[str, Any]) -> None:
    described = {**schema["types"], **schema["resources"]}
    missing = [
        f"{token}.{name}"
        for token, definition in described.items()
        for name, each in (definition.get("inputProperties") or definition.get("properties") or {}).items()
        if not each.get("description")
    ]
    assert missing == []


def test_the_base_component_is_not_offered(schema: dict[str, Any]) -> None:
    assert {token.rpartition(":")[2] for token in schema["resources"]} == {each.__name__ for each in COMPONENTS}


@pytest.mark.parametrize(("missing", "kept"), [("pulumi_gcp", "Network"), ("pulumi_aws", "VpcNetwork")])
def test_a_cloud_whose_sdk_is_not_installed_is_left_out(
    missing: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "find_spec", lambda name: None if name == missing else object())
    names = {each.__name__ for each in provider.installed_components()}
    assert kept in names
    assert names < {each.__name__ for each in COMPONENTS}


def test_the_examples_below_give_every_argument(schema: dict[str, Any]) -> None:
    missing = {
        (name, argument)
        for name, example in EVERYTHING.items()
        for argument in schema["resources"][f"pulumi-fastapi:index:{name}"]["inputProperties"]
        if argument not in example
    }
    nested = {"FastAPIApp": APP, "ExistingNetwork": NETWORK, "ExistingDatabase": DATABASE}
    nested |= {"ExistingVpcNetwork": VPC_NETWORK, "ExistingCloudSqlDatabase": CLOUD_SQL}
    nested |= {"ExistingLoadBalancer": LOAD_BALANCER, "ConnectionPool": APP["pool"], "Timeouts": APP["timeouts"]}
    missing |= {
        (name, argument)
        for name, example in nested.items()
        for argument in schema["types"][f"pulumi-fastapi:index:{name}"]["properties"]
        if argument not in example
    }
    assert missing == ALONE


# The provider as Pulumi starts it

FEATURES = ("secrets", "resourceReferences", "resourceHooks", "errorHooks")


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):  # type: ignore[misc]
    """The engine's side: notes what the provider registers."""

    recorder: Recorder

    def SupportsFeature(self, request: Any, context: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in FEATURES)

    def RegisterResourceHook(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def RegisterErrorHook(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def RegisterResource(self, request: Any, context: Any) -> Any:
        return self.recorder.RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        return self.recorder.RegisterResourceOutputs(request)

    def Invoke(self, request: Any, context: Any) -> Any:
        return self.recorder.Invoke(request)

    def Log(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


class Host:
    """The provider in a process of its own."""

    def __init__(self, stub: Any, monitor: Monitor, address: str) -> None:
        self.stub = stub
        self._monitor = monitor
        self._address = address

    def construct(self, component: str, inputs: dict[str, Any]) -> tuple[Recorder, dict[str, Any]]:
        """What the engine asks when a program in another language makes a component."""
        recorder = Recorder("project", "stack", False, Place(), {}, {})
        recorder.callbacks = None  # type: ignore[assignment]
        self._monitor.recorder = recorder
        answer = self.stub.Construct(
            provider_pb2.ConstructRequest(
                project="project",
                stack="stack",
                monitorEndpoint=self._address,
                type=f"pulumi-fastapi:index:{component}",
                name="api",
                inputs=json_format.ParseDict(inputs, struct_pb2.Struct()),
            ),
            timeout=30,
        )
        return recorder, json_format.MessageToDict(answer.state)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    monitor, server = Monitor(), grpc.server(ThreadPoolExecutor(1))  # one worker: the recorder has no locks
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(monitor, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    process = subprocess.Popen(
        [sys.executable, str(PACKAGE), address],
        cwd=tmp_path_factory.mktemp("program"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdecimal(), "the provider did not start"
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Host(provider_pb2_grpc.ResourceProviderStub(channel), monitor, address)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()  # type: ignore[union-attr]
        server.stop(None).wait()


def problems(error: grpc.RpcError) -> list[tuple[str, str]]:
    """Property path and reason of each wrong argument."""
    (details,) = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    found = errors_pb2.InputPropertiesError()
    status = status_pb2.Status.FromString(details)
    assert status.details[0].Unpack(found)
    return [(each.property_path, each.reason) for each in found.errors]


def test_the_provider_tells_its_schema(host: Host, schema: dict[str, Any]) -> None:
    answer = json.loads(host.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert answer["resources"] == schema["resources"]


@pytest.mark.parametrize("component", list(EVERYTHING))
def test_every_argument_can_be_sent(component: str, host: Host) -> None:
    recorder, state = host.construct(component, EVERYTHING[component])
    assert recorder.order[0].type == f"pulumi-fastapi:index:{component}"
    assert len(recorder.order) > 1
    assert state


def test_arguments_arrive_where_they_belong(host: Host) -> None:
    recorder, state = host.construct("FargateFastAPIService", EVERYTHING["FargateFastAPIService"])
    (task,) = [each for each in recorder.order if each.type == "aws:ecs/taskDefinition:TaskDefinition"]
    definition = json.loads(task.inputs["containerDefinitions"])[0]
    environment = {each["name"]: each["value"] for each in definition["environment"]}
    assert environment["PORTS"] == "[8000, 8001]"  # not 8000.0, as numbers travel
    assert (environment["LIMIT"], environment["RATIO"], environment["ON"]) == ("8000", "0.5", "true")
    assert environment["DATABASE_POOL_SIZE"] == "3"
    assert state["workers"] == 2
    assert state["url"] == "https://api.example.com"


@pytest.mark.parametrize("component", list(EVERYTHING))
def test_what_is_left_out_has_its_default(component: str, host: Host) -> None:
    recorder, _ = host.construct(component, NEEDED.get(component, {}))
    assert len(recorder.order) > 1


@pytest.mark.parametrize(
    ("component", "change", "path", "reason"),
    [
        ("FargateFastAPIService", {"cpu": "much"}, "cpu", "cpu: must be a whole number, got 'much'"),
        ("FargateFastAPIService", {"cpu": 512.5}, "cpu", "cpu: must be a whole number, got 512.5"),
        ("FargateFastAPIService", {"tasksMax": 0}, "tasksMax", "tasksMax: must be between 2 and 5000, got 0"),
        ("FargateFastAPIService", {"app": "main"}, "app", "app: must be FastAPIApp, got 'main'"),
        (
            "FargateFastAPIService",
            {"app": {"pool": {"maxOverflow": -1}}},
            "app.pool.maxOverflow",
            "app.pool.maxOverflow: must be between 0 and 1000 connections per worker",
        ),
        ("FargateFastAPIService", {"cpuu": 512}, "cpuu", "did you mean 'cpu'"),
        ("FargateFastAPIService", {"network": {}}, "network.vpcId", "network.vpcId: a value is required, got None"),
        ("LambdaFastAPIFunction", {"memory": 64}, "memory", "memory: must be between 128 and 10240 MiB, got 64"),
        ("LambdaFastAPIFunction", {"entry": "ALB"}, "entry", "entry: must be one of FUNCTION_URL, HTTP_API"),
        ("Network", {"outbound": "NATT"}, "outbound", "did you mean 'NAT'"),
        ("Network", {"flowLogs": "yes"}, "flowLogs", "flowLogs: must be true or false, got 'yes'"),
        ("LoadBalancer", {}, "network", "network: a value is required, got None"),
        ("Database", {"network": NETWORK, "storageGb": 5}, "storageGb", "storageGb: must be between 20 and 65536 GB"),
        ("Registry", {"keepImages": 1}, "keepImages", "keepImages: must be between 5 and 1000"),
        ("CloudSqlDatabase", {"tier": "db-custom-3-7680"}, "tier", "needs 1 vCPU, or an even number of them up to 96"),
        ("VpcNetwork", {"ipCidrRange": "10.0.0.0/27"}, "ipCidrRange prefix", "must be between 8 and 26"),
    ],
)
def test_wrong_arguments_get_our_own_message(
    component: str, change: dict[str, Any], path: str, reason: str, host: Host
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        host.construct(component, change)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    ((found_path, found_reason),) = problems(error.value)
    assert found_path == path
    assert reason in found_reason


def as_output(value: object, *, secret: bool = False) -> dict[str, Any]:
    """A value as the engine sends one that comes from a resource or a secret."""
    return {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": value, "secret": secret}


def test_secrets_of_another_language_stay_secret(host: Host) -> None:
    inputs = {"app": {"image": IMAGE, "secrets": {"TOKEN": as_output("t-secret", secret=True)}}, "network": NETWORK}
    recorder, state = host.construct("FargateFastAPIService", inputs)
    (version,) = [each for each in recorder.order if each.type.endswith(":SecretVersion")]
    assert version.inputs["secretString"].value == '{"TOKEN": "t-secret"}'
    assert isinstance(recorder.order[0].inputs["app"]["secrets"]["TOKEN"], Secret)
    assert "t-secret" not in json.dumps([plain(each.inputs) for each in recorder.order])
    assert "t-secret" not in json.dumps(state)


def test_values_of_other_resources_can_be_sent(host: Host) -> None:
    inputs = {"app": {"image": IMAGE}, "network": {**NETWORK, "vpcId": as_output("vpc-made")}}
    recorder, _ = host.construct("FargateFastAPIService", inputs)
    assert {each.inputs["vpcId"] for each in recorder.order if each.type.endswith(":TargetGroup")} == {"vpc-made"}


def test_a_value_known_later_cannot_shape_the_graph(host: Host) -> None:
    with pytest.raises(grpc.RpcError) as error:
        host.construct("FargateFastAPIService", {"tasksMin": as_output(2)})
    assert problems(error.value)[0][1].startswith("tasksMin: must be a plain value, because it decides")


def test_a_wrong_argument_never_repeats_a_secret(host: Host) -> None:
    with pytest.raises(grpc.RpcError) as error:
        host.construct("FargateFastAPIService", {"app": {"secrets": {"TOKEN": 123456}}})
    assert problems(error.value) == [("app.secrets['TOKEN']", "app.secrets['TOKEN']: must be text, got '[secret]'")]


def test_pulumi_finds_the_provider_by_its_project_file() -> None:
    assert (PACKAGE / "PulumiPlugin.yaml").read_text() == "runtime:\n  name: python\n"
    assert (PACKAGE / "__main__.py").is_file()
