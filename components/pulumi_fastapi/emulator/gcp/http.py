"""The emulated Google Cloud over HTTP: its APIs, and what stands for the services that run on Cloud Run.

The APIs are at `/_google/HOST/`, so that `http://127.0.0.1:PORT/_google/run.googleapis.com/v2/` is what the real
provider takes as `gcp:cloudRunV2CustomEndpoint`, and its root what `googleapiclient` takes as `api_endpoint`. Services
are at `/_run/PROJECT/LOCATION/SERVICE/`, and under a tag at `/_run/PROJECT/LOCATION/TAG---SERVICE/`, if asked for.
"""

import json
import random
from collections.abc import Mapping
from typing import Any

from pulumi_fastapi.emulator.api import NotEmulated
from pulumi_fastapi.emulator.gcp.apis.iam import has_role
from pulumi_fastapi.emulator.gcp.apis.run import INVOKER, LATEST
from pulumi_fastapi.emulator.gcp.cloud import GoogleCloud, full_name
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.gcp.invokes import ACCESS_TOKEN
from pulumi_fastapi.emulator.gcp.paths import API_PATH, SERVICE_PATH

_ENDPOINTS = {
    "GOOGLE_ARTIFACT_REGISTRY_CUSTOM_ENDPOINT": "artifactregistry.googleapis.com/v1/",
    "GOOGLE_CLOUD_RUN_V2_CUSTOM_ENDPOINT": "run.googleapis.com/v2/",
    "GOOGLE_COMPUTE_CUSTOM_ENDPOINT": "compute.googleapis.com/compute/v1/",
    "GOOGLE_DNS_CUSTOM_ENDPOINT": "dns.googleapis.com/dns/v1/",
    "GOOGLE_IAM_CUSTOM_ENDPOINT": "iam.googleapis.com/v1/",
    "GOOGLE_LOGGING_CUSTOM_ENDPOINT": "logging.googleapis.com/v2/",
    "GOOGLE_MONITORING_CUSTOM_ENDPOINT": "monitoring.googleapis.com/",
    "GOOGLE_RESOURCE_MANAGER_CUSTOM_ENDPOINT": "cloudresourcemanager.googleapis.com/v1/",
    "GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT": "secretmanager.googleapis.com/v1/",
    "GOOGLE_SERVICE_NETWORKING_CUSTOM_ENDPOINT": "servicenetworking.googleapis.com/v1/",
    "GOOGLE_SERVICE_USAGE_CUSTOM_ENDPOINT": "serviceusage.googleapis.com/v1/",
    "GOOGLE_SQL_CUSTOM_ENDPOINT": "sqladmin.googleapis.com/sql/v1beta4/",
}


def environment(endpoint: str) -> dict[str, str]:
    """The variables by which the real provider finds Google's APIs here."""
    urls = {variable: f"{endpoint}{API_PATH}{place}" for variable, place in _ENDPOINTS.items()}
    return {**urls, "GOOGLE_OAUTH_ACCESS_TOKEN": ACCESS_TOKEN}


def respond(
    cloud: GoogleCloud, method: str, path: str, query: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, Any]:
    """Status and JSON of the answer to one request."""
    try:
        if path.startswith(SERVICE_PATH):
            return _serve(cloud, path.removeprefix(SERVICE_PATH), headers)
        sent = json.loads(body) if body else None
        return 200, cloud.call(method, f"https://{path.removeprefix(API_PATH)}?{query}", sent)
    except GoogleError as error:
        return error.http_code, error.body()
    except NotEmulated as error:
        return 501, GoogleError(501, str(error), "UNIMPLEMENTED").body()
    except ValueError as error:
        return 400, GoogleError(400, f"Invalid JSON payload received. {error}").body()


def _serve(cloud: GoogleCloud, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
    """Answer for the container that would run: ready, unless a fault `run:Request`, named by the revision, strikes."""
    parts = path.split("/", 3)
    if len(parts) < 3:
        return 404, {"error": "the path begins with project, location and service"}
    project, location, host = parts[:3]
    tag, _, name = host.rpartition("---")
    service_path = f"projects/{project}/locations/{location}/services/{name}"
    service = cloud.look_up("run", service_path)
    if service is None or service["ingress"] != "INGRESS_TRAFFIC_ALL" or service.get("defaultUriDisabled"):
        return 404, {"error": "Page not found"}  # Google does not say which of these it is
    public = service.get("invokerIamDisabled") or has_role(cloud, "allUsers", INVOKER, full_name("run", service_path))
    if (service.get("iapEnabled") or not public) and "authorization" not in headers:
        return 403, {"error": "Your client does not have permission to get this URL"}
    revision = _chosen(service, tag)
    if revision is None:
        return 404 if tag else 503, {"error": "no revision serves here"}
    fault = cloud.faults.strike("run:Request", revision)
    if fault is not None and fault.code is not None:
        return fault.status, {"error": fault.message, "revision": revision}
    return 200, {"status": "ready", "revision": revision, "path": f"/{parts[3] if len(parts) > 3 else ''}"}


def _chosen(service: Mapping[str, Any], tag: str) -> str | None:
    """The revision that one request goes to: by tag, or by the shares of the traffic."""
    targets = [each for each in service["trafficStatuses"] if not tag or each.get("tag") == tag]
    shares = [1 if tag else int(each.get("percent", 0)) for each in targets]
    if not any(shares):
        return None
    target = random.choices(targets, shares)[0]  # noqa: S311
    latest = target.get("type", LATEST) == LATEST
    return str(service["latestReadyRevision"] if latest else target["revision"]).rsplit("/", 1)[-1]
