"""A dashboard in Cloud Monitoring: what the service does, what it uses, what its database does."""

import json
from collections.abc import Mapping
from typing import Any, Optional

import pulumi_gcp as gcp
from pulumi import Input, Output, ResourceOptions

from .alerts import selection
from .component import GoogleComponent

_SIZE = 16  # of a tile, in columns; a dashboard has up to 48


class Dashboard(GoogleComponent):
    """A dashboard: requests, errors, latency, instances, CPU and memory, and the database if there is one. Free of
    charge."""

    dashboard_id: Output[str]
    """`projects/{project}/dashboards/{id}`."""

    def __init__(
        self,
        name: str,
        service: Input[str],
        location: Input[str],
        database_id: Optional[Input[str]] = None,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Show a service.

        Args:
            service: its physical name.
            location: its region.
            database_id: `project:instance` of its Cloud SQL instance. Default none.
        """
        super().__init__(name, None, opts)
        parts: dict[str, Input[str]] = {
            "revision": selection("cloud_run_revision", service_name=service, location=location)
        }
        if database_id is not None:
            parts["database"] = selection("cloudsql_database", database_id=database_id)
        dashboard = gcp.monitoring.Dashboard(
            self.child_name("dashboard"),
            dashboard_json=Output.all(**parts).apply(lambda known: dashboard_body(self.resource_name, known)),
            opts=self.child,
        )
        self.publish(dashboard_id=dashboard.id)


def dashboard_body(title: str, parts: Mapping[str, str]) -> str:
    """The dashboard as JSON, three graphs a row.

    Args:
        parts: the filters that name the `revision` and, if there is one, the `database`.
    """
    busiest = ("ALIGN_DELTA", "REDUCE_PERCENTILE_95")
    graphs = [
        ("Requests per second", "request_count", "ALIGN_RATE", "REDUCE_SUM", ["metric.label.response_code_class"]),
        ("Median latency in ms", "request_latencies", "ALIGN_DELTA", "REDUCE_PERCENTILE_50", []),
        ("Latency of the slowest 5 % in ms", "request_latencies", *busiest, []),
        ("Instances", "container/instance_count", "ALIGN_MAX", "REDUCE_SUM", ["metric.label.state"]),
        ("CPU of the busiest instances", "container/cpu/utilizations", *busiest, []),
        ("Memory of the fullest instances", "container/memory/utilizations", *busiest, []),
    ]
    widgets = [_graph(name, parts["revision"], f"run.googleapis.com/{type_}", *how) for name, type_, *how in graphs]
    if "database" in parts:
        widgets += [
            _graph(name, parts["database"], f"cloudsql.googleapis.com/database/{type_}", "ALIGN_MEAN", "REDUCE_SUM", [])
            for name, type_ in (
                ("Database connections", "postgresql/num_backends"),
                ("Database CPU", "cpu/utilization"),
                ("Database disk in bytes", "disk/bytes_used"),
            )
        ]
    tiles = [
        {
            "xPos": _SIZE * (index % 3),
            "yPos": _SIZE * (index // 3),
            "width": _SIZE,
            "height": _SIZE,
            "widget": widget,
        }
        for index, widget in enumerate(widgets)
    ]
    return json.dumps({"displayName": title, "mosaicLayout": {"columns": 3 * _SIZE, "tiles": tiles}})


def _graph(title: str, resource: str, type_: str, aligner: Any, reducer: Any, by: Any) -> dict[str, Any]:
    aggregation = {
        "alignmentPeriod": "60s",
        "perSeriesAligner": aligner,
        "crossSeriesReducer": reducer,
        "groupByFields": by,
    }
    query = {"filter": f'{resource} AND metric.type = "{type_}"', "aggregation": aggregation}
    return {
        "title": title,
        "xyChart": {"dataSets": [{"plotType": "LINE", "timeSeriesQuery": {"timeSeriesFilter": query}}]},
    }
