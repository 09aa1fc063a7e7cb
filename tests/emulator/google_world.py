"""One resource of every emulated Google type, made in order, each from those before it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

PROJECT, REGION = "shop-1", "us-central1"
REPOSITORY = f"{REGION}-docker.pkg.dev/{PROJECT}/api"
IMAGE = f"public.example.com/api@sha256:{'1' * 64}"

World = dict[str, Any]
Inputs = dict[str, Any]


def _service(world: World) -> Inputs:
    secret = {"secret": world["secret"].outputs["secretId"], "version": world["version"].outputs["version"]}
    container = {
        "image": IMAGE,
        "ports": {"containerPort": 8080},
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "cpuIdle": True, "startupCpuBoost": True},
        "envs": [{"name": "DATABASE_URL", "valueSource": {"secretKeyRef": secret}}],
        "startupProbe": {
            "httpGet": {"path": "/-/ready"},
            "periodSeconds": 3,
            "failureThreshold": 20,
            "timeoutSeconds": 2,
        },
        "livenessProbe": {"httpGet": {"path": "/-/healthy"}, "periodSeconds": 30},
    }
    interface = {"network": world["network"].outputs["name"], "subnetwork": world["subnetwork"].outputs["name"]}
    return {
        "name": "api",
        "location": REGION,
        "deletionProtection": False,
        "template": {
            "serviceAccount": world["account"].outputs["email"],
            "maxInstanceRequestConcurrency": 40,
            "timeout": "60s",
            "scaling": {"minInstanceCount": 0, "maxInstanceCount": 10},
            "vpcAccess": {"egress": "PRIVATE_RANGES_ONLY", "networkInterfaces": [interface]},
            "containers": [container],
        },
    }


def _instance(world: World) -> Inputs:
    return {
        "name": "api-db",
        "region": REGION,
        "databaseVersion": "POSTGRES_16",
        "deletionProtection": False,
        "settings": {
            "tier": "db-custom-2-7680",
            "edition": "ENTERPRISE",
            "diskSize": 10,
            "diskType": "PD_SSD",
            "databaseFlags": [{"name": "max_connections", "value": "200"}],
            "ipConfiguration": {
                "ipv4Enabled": False,
                "privateNetwork": world["network"].id,
                "sslMode": "ENCRYPTED_ONLY",
            },
            "backupConfiguration": {"enabled": True, "pointInTimeRecoveryEnabled": True},
        },
    }


def _alert(world: World) -> Inputs:
    filter = 'resource.type="cloud_run_revision" AND metric.type="run.googleapis.com/request_count"'
    threshold = {
        "filter": filter,
        "comparison": "COMPARISON_GT",
        "duration": "300s",
        "thresholdValue": 1,
        "aggregations": [{"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_RATE"}],
    }
    return {
        "displayName": "5xx",
        "combiner": "OR",
        "notificationChannels": [world["channel"].outputs["name"]],
        "conditions": [{"displayName": "5xx", "conditionThreshold": threshold}],
    }


def _job(world: World) -> Inputs:
    container = {"image": IMAGE, "commands": ["alembic", "upgrade", "head"]}
    task = {"serviceAccount": world["account"].outputs["email"], "maxRetries": 0, "timeout": "600s"}
    return {
        "name": "migrate",
        "location": REGION,
        "deletionProtection": False,
        "template": {"taskCount": 1, "template": {**task, "containers": [container]}},
    }


_CLEANUP = [
    {"id": "keep-10", "action": "KEEP", "mostRecentVersions": {"keepCount": 10}},
    {"id": "old", "action": "DELETE", "condition": {"tagState": "UNTAGGED", "olderThan": "604800s"}},
]
_ALLOW = {
    "action": "allow",
    "priority": 2147483647,
    "match": {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}},
}
_CHECK = {
    "displayName": "api",
    "timeout": "10s",
    "period": "60s",
    "httpCheck": {"path": "/-/ready", "port": 443, "useSsl": True},
    "monitoredResource": {"type": "uptime_url", "labels": {"project_id": PROJECT, "host": "api.example.com"}},
}
_GITHUB = {
    "workloadIdentityPoolId": "github",
    "workloadIdentityPoolProviderId": "github",
    "attributeMapping": {"google.subject": "assertion.sub"},
    "attributeCondition": 'assertion.repository=="acme/api"',
    "oidc": {"issuerUri": "https://token.actions.githubusercontent.com"},
}

TYPES: Mapping[str, tuple[str, Callable[[World], Inputs]]] = {
    "api": ("projects/service:Service", lambda _: {"service": "run.googleapis.com"}),
    "repository": (
        "artifactregistry/repository:Repository",
        lambda _: {
            "repositoryId": "api",
            "location": REGION,
            "format": "DOCKER",
            "dockerConfig": {"immutableTags": True},
            "cleanupPolicies": _CLEANUP,
        },
    ),
    "account": ("serviceaccount/account:Account", lambda _: {"accountId": "api-runtime", "displayName": "API"}),
    "reader": (
        "artifactregistry/repositoryIamMember:RepositoryIamMember",
        lambda world: {
            "repository": "api",
            "location": REGION,
            "role": "roles/artifactregistry.reader",
            "member": world["account"].outputs["member"],
        },
    ),
    "network": ("compute/network:Network", lambda _: {"name": "api-net", "autoCreateSubnetworks": False}),
    "subnetwork": (
        "compute/subnetwork:Subnetwork",
        lambda world: {
            "name": "api-sub",
            "network": world["network"].id,
            "region": REGION,
            "ipCidrRange": "10.8.0.0/24",
        },
    ),
    "range": (
        "compute/globalAddress:GlobalAddress",
        lambda world: {
            "name": "api-range",
            "purpose": "VPC_PEERING",
            "addressType": "INTERNAL",
            "prefixLength": 20,
            "network": world["network"].id,
        },
    ),
    "connection": (
        "servicenetworking/connection:Connection",
        lambda world: {
            "network": world["network"].id,
            "service": "servicenetworking.googleapis.com",
            "reservedPeeringRanges": [world["range"].outputs["name"]],
        },
    ),
    "instance": ("sql/databaseInstance:DatabaseInstance", _instance),
    "database": ("sql/database:Database", lambda _: {"name": "app", "instance": "api-db"}),
    "user": ("sql/user:User", lambda _: {"name": "app", "instance": "api-db", "password": "not-told"}),
    "secret": ("secretmanager/secret:Secret", lambda _: {"secretId": "url", "replication": {"auto": {}}}),
    "version": (
        "secretmanager/secretVersion:SecretVersion",
        lambda world: {"secret": world["secret"].id, "secretData": "postgresql://"},
    ),
    "access": (
        "secretmanager/secretIamMember:SecretIamMember",
        lambda world: {
            "secretId": "url",
            "role": "roles/secretmanager.secretAccessor",
            "member": world["account"].outputs["member"],
        },
    ),
    "service": ("cloudrunv2/service:Service", _service),
    "invoker": (
        "cloudrunv2/serviceIamMember:ServiceIamMember",
        lambda _: {"name": "api", "location": REGION, "role": "roles/run.invoker", "member": "allUsers"},
    ),
    "job": ("cloudrunv2/job:Job", _job),
    "agent": ("projects/serviceIdentity:ServiceIdentity", lambda _: {"service": "iap.googleapis.com"}),
    "signed-in": (
        "iap/webCloudRunServiceIamMember:WebCloudRunServiceIamMember",
        lambda _: {
            "cloudRunServiceName": "api",
            "location": REGION,
            "role": "roles/iap.httpsResourceAccessor",
            "member": "user:ann@example.com",
        },
    ),
    "group": (
        "compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup",
        lambda _: {"name": "api-neg", "region": REGION, "cloudRun": {"service": "api"}},
    ),
    "armor": ("compute/securityPolicy:SecurityPolicy", lambda _: {"name": "api-armor", "rules": [_ALLOW]}),
    "backend": (
        "compute/backendService:BackendService",
        lambda world: {
            "name": "api-backend",
            "protocol": "HTTPS",
            "backends": [{"group": world["group"].id}],
            "securityPolicy": world["armor"].id,
            "logConfig": {"enable": True, "sampleRate": 1.0},
        },
    ),
    "map": (
        "compute/uRLMap:URLMap",
        lambda world: {"name": "api-map", "defaultService": world["backend"].id},
    ),
    "certificate": (
        "compute/managedSslCertificate:ManagedSslCertificate",
        lambda _: {"name": "api-cert", "managed": {"domains": ["api.example.com"]}},
    ),
    "tls": (
        "compute/sSLPolicy:SSLPolicy",
        lambda _: {"name": "api-tls", "profile": "MODERN", "minTlsVersion": "TLS_1_2"},
    ),
    "https": (
        "compute/targetHttpsProxy:TargetHttpsProxy",
        lambda world: {
            "name": "api-https",
            "urlMap": world["map"].id,
            "sslCertificates": [world["certificate"].id],
            "sslPolicy": world["tls"].id,
        },
    ),
    "http": ("compute/targetHttpProxy:TargetHttpProxy", lambda world: {"name": "api-http", "urlMap": world["map"].id}),
    "rule": (
        "compute/globalForwardingRule:GlobalForwardingRule",
        lambda world: {"name": "api-rule", "target": world["https"].id, "portRange": "443"},
    ),
    "record": (
        "dns/recordSet:RecordSet",
        lambda world: {
            "managedZone": "example",
            "name": "api.example.com.",
            "type": "A",
            "ttl": 300,
            "rrdatas": [world["rule"].outputs["ipAddress"]],
        },
    ),
    "channel": (
        "monitoring/notificationChannel:NotificationChannel",
        lambda _: {"type": "email", "displayName": "ops", "labels": {"email_address": "ops@example.com"}},
    ),
    "alert": ("monitoring/alertPolicy:AlertPolicy", _alert),
    "check": ("monitoring/uptimeCheckConfig:UptimeCheckConfig", lambda _: _CHECK),
    "dashboard": ("monitoring/dashboard:Dashboard", lambda _: {"dashboardJson": json.dumps({"displayName": "api"})}),
    "watched": (
        "monitoring/genericService:GenericService",
        lambda _: {
            "serviceId": "api",
            "displayName": "api",
            "basicService": {"serviceType": "CLOUD_RUN", "serviceLabels": {"service_name": "api"}},
        },
    ),
    "own": ("monitoring/customService:CustomService", lambda _: {"serviceId": "api-own", "displayName": "own"}),
    "objective": (
        "monitoring/slo:Slo",
        lambda _: {
            "service": "api",
            "sloId": "available",
            "goal": 0.995,
            "rollingPeriodDays": 28,
            "basicSli": {"availability": {"enabled": True}},
        },
    ),
    "metric": (
        "logging/metric:Metric",
        lambda _: {
            "name": "errors",
            "filter": "severity>=ERROR",
            "metricDescriptor": {"metricKind": "DELTA", "valueType": "INT64"},
        },
    ),
    "pool": ("iam/workloadIdentityPool:WorkloadIdentityPool", lambda _: {"workloadIdentityPoolId": "github"}),
    "provider": ("iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider", lambda _: _GITHUB),
    "deployer": (
        "serviceaccount/iAMMember:IAMMember",
        lambda world: {
            "serviceAccountId": world["account"].outputs["name"],
            "role": "roles/iam.workloadIdentityUser",
            "member": f"principalSet://iam.googleapis.com/{world['pool'].outputs['name']}/attribute.repository/acme/api",
        },
    ),
    "client": (
        "projects/iAMMember:IAMMember",
        lambda world: {
            "project": PROJECT,
            "role": "roles/cloudsql.client",
            "member": world["account"].outputs["member"],
        },
    ),
}
"""Type and inputs by name."""


def inputs_of(name: str, world: World) -> Inputs:
    """The inputs of one of them, free to be changed."""
    return json.loads(json.dumps(TYPES[name][1](world)))


def build(google: Any, without: str = "") -> World:
    """Everything but what is left out and what cannot be without it."""
    world: World = {}
    for name, (token, _) in TYPES.items():
        if name == without:
            continue
        try:
            world[name] = google.create(f"gcp:{token}", **inputs_of(name, world))
        except (KeyError, RuntimeError):
            if not without:
                raise
    return world


def every(*left_out: str) -> list[str]:
    return [name for name in TYPES if name not in left_out]
