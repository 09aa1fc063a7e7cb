"""Alerts, checks, dashboards, objectives and metrics of logs."""

import json
from collections.abc import Iterator
from typing import Any

from pulumi_fastapi.emulator.gcp.resource import Context, ResourceType, patch_masked, put
from pulumi_fastapi.emulator.gcp.types.common import short_name
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import AutoName
from pulumi_fastapi.emulator.values import Properties

_LOGGING = "logging.googleapis.com/v2/projects/{project}"
_MONITORING = "monitoring.googleapis.com/v3"


_SENSITIVE = {"authToken": "auth_token", "password": "password", "serviceKey": "service_key"}


def _sensitive_labels(labels: Any) -> Properties:
    return {_SENSITIVE[name]: value for name, value in labels.items() if name in _SENSITIVE and value is not None}


def _dashboard_body(context: Context) -> Properties:
    text = str(context.inputs["dashboardJson"])
    body = json.loads(text)
    if not isinstance(body, dict):
        raise ValueError(f"dashboardJson: an object is needed, not {text[:40]!r}")
    return {name: value for name, value in body.items() if name not in ("name", "etag")}


def _dashboard_text(context: Context) -> str:
    return json.dumps({name: value for name, value in context.live.items() if name not in ("name", "etag")})


def _patch_dashboard(context: Context, body: Properties, differing: frozenset[str]) -> None:
    context.call("PATCH", context.self_url, {**body, "etag": context.call("GET", context.self_url)["etag"]})


def _delete_channel(context: Context) -> None:
    force = "?force=true" if context.inputs.get("forceDelete") else ""
    context.call("DELETE", f"{context.self_url}{force}")


def _days(days: Any) -> str:
    return f"{int(float(days) * 86400)}s"


def _named_by_server(token: str, collection: str, **more: Any) -> ResourceType:
    """A type whose name, which is its ID too, the API makes up."""
    home = collection.split("/projects/")[0]
    return ResourceType(
        pulumi_type=token,
        collection=collection,
        key=None,
        self_url=f"{home}/{{id}}",
        id="live.name",
        **more,
    )


def rows() -> Iterator[ResourceType]:
    projects = f"{_MONITORING}/projects/{{project}}"
    yield _named_by_server(
        "gcp:monitoring/alertPolicy:AlertPolicy",
        f"{projects}/alertPolicies",
        defaults={"enabled": True},
        update=patch_masked,
    )
    yield _named_by_server(
        "gcp:monitoring/notificationChannel:NotificationChannel",
        f"{projects}/notificationChannels",
        fields={"sensitiveLabels": Field("labels", encode=_sensitive_labels)},
        not_sent=frozenset({"forceDelete"}),
        not_read=frozenset({"labels", "sensitiveLabels"}),
        defaults={"enabled": True, "forceDelete": False},
        update=patch_masked,
        deleter=_delete_channel,
        secret_outputs=frozenset({"sensitiveLabels"}),
    )
    yield _named_by_server(
        "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig",
        f"{projects}/uptimeCheckConfigs",
        defaults={"period": "300s"},
        replace_on=frozenset(
            {"monitoredResource", "resourceGroup", "checkerType", "syntheticMonitor", "httpCheck.requestMethod"}
        ),
        update=patch_masked,
        outputs={"uptimeCheckId": short_name},
    )
    yield _named_by_server(
        "gcp:monitoring/dashboard:Dashboard",
        "monitoring.googleapis.com/v1/projects/{project}/dashboards",
        body=_dashboard_body,
        fields={"dashboardJson": None},
        tells={"dashboardJson": _dashboard_text},
        update=_patch_dashboard,
    )
    yield ResourceType(
        pulumi_type="gcp:monitoring/genericService:GenericService",
        collection=f"{projects}/services",
        key="serviceId",
        id_parameter="serviceId",
        replace_on=frozenset({"serviceId", "basicService"}),
        update=patch_masked,
        outputs={"telemetries": lambda context: [context.live["telemetry"]] if "telemetry" in context.live else []},
    )
    yield ResourceType(
        pulumi_type="gcp:monitoring/customService:CustomService",
        collection=f"{projects}/services",
        key="serviceId",
        id_parameter="serviceId",
        autoname=AutoName(input="serviceId", max_length=63),
        added={"custom": {}},
        replace_on=frozenset({"serviceId"}),
        update=patch_masked,
    )
    yield ResourceType(
        pulumi_type="gcp:monitoring/slo:Slo",
        collection=f"{projects}/services/{{service}}/serviceLevelObjectives",
        key="sloId",
        id_parameter="serviceLevelObjectiveId",
        autoname=AutoName(input="sloId", max_length=63),
        not_sent=frozenset({"service"}),
        fields={
            "basicSli": "serviceLevelIndicator.basicSli",
            "basicSli.availability": Field("availability", encode=lambda _: {}, decode=lambda _: {"enabled": True}),
            "requestBasedSli": "serviceLevelIndicator.requestBased",
            "windowsBasedSli": "serviceLevelIndicator.windowsBased",
            "rollingPeriodDays": Field("rollingPeriod", encode=_days, decode=lambda text: int(text[:-1]) // 86400),
        },
        replace_on=frozenset({"service", "sloId"}),
        update=patch_masked,
    )
    yield ResourceType(
        pulumi_type="gcp:logging/metric:Metric",
        collection=f"{_LOGGING}/metrics",
        autoname=AutoName(max_length=100),
        id="{name}",
        update=put,
    )
