"""A dashboard of a service: graphs by what they show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from ..component import Component

_COLUMNS, _WIDTH, _HEIGHT = 3, 8, 6


@dataclass(frozen=True)
class Graph:
    """One graph."""

    title: str
    """What it shows."""
    statistic: str
    """Of each metric, where that says nothing else: `Sum`, `p95`, ..."""
    metrics: list[list[Any]]
    """Metrics as CloudWatch writes them: namespace, name, dimension and value, ..."""


class Dashboard(Component):
    """A CloudWatch dashboard. Billed by the month."""

    dashboard_name: Output[str]
    """Name of the dashboard."""

    def __init__(
        self,
        name: str,
        dashboard_name: Input[str],
        graphs: Sequence[Graph],
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        region = aws.get_region_output(opts=InvokeOptions(parent=self)).region
        dashboard = aws.cloudwatch.Dashboard(
            self.child_name("dashboard"),
            dashboard_name=dashboard_name,
            dashboard_body=Output.json_dumps({"widgets": widgets(graphs, region)}),
            opts=self.child,
        )
        self.publish(dashboard_name=dashboard.dashboard_name)


def widgets(graphs: Sequence[Graph], region: Input[str]) -> list[dict[str, Any]]:
    """The graphs side by side, three in a row."""
    return [
        {
            "type": "metric",
            "x": _WIDTH * (index % _COLUMNS),
            "y": _HEIGHT * (index // _COLUMNS),
            "width": _WIDTH,
            "height": _HEIGHT,
            "properties": {
                "title": graph.title,
                "stat": graph.statistic,
                "period": 60,
                "region": region,
                "view": "timeSeries",
                "metrics": graph.metrics,
            },
        }
        for index, graph in enumerate(graphs)
    ]


def service_graphs(
    load_balancer: Input[str], targets: Sequence[Input[str]], cluster: Input[str], service: Input[str]
) -> list[Graph]:
    """Traffic, errors, latency and tasks of a Fargate service."""
    elb, ecs = "AWS/ApplicationELB", "AWS/ECS"
    groups = [["LoadBalancer", load_balancer, "TargetGroup", target] for target in targets]
    tasks = ["ClusterName", cluster, "ServiceName", service]
    errors = [
        *([elb, f"HTTPCode_Target_{code}_Count", *group] for code in ("4XX", "5XX") for group in groups),
        [elb, "HTTPCode_ELB_5XX_Count", "LoadBalancer", load_balancer],
    ]
    percentiles = [
        [elb, "TargetResponseTime", *group, {"stat": stat}] for stat in ("p50", "p95", "p99") for group in groups
    ]
    ready = [[elb, count, *group] for count in ("HealthyHostCount", "UnHealthyHostCount") for group in groups]
    return [
        Graph("Requests", "Sum", [[elb, "RequestCount", *group] for group in groups]),
        Graph("Errors", "Sum", errors),
        Graph("Latency", "p95", percentiles),
        Graph("Ready tasks", "Maximum", ready),
        Graph(
            "Task CPU and memory", "Average", [[ecs, name, *tasks] for name in ("CPUUtilization", "MemoryUtilization")]
        ),
    ]


def database_graphs(database: object) -> list[Graph]:
    """Connections, CPU, memory and storage of a `Database`; none for one that exists already, or for no database."""
    instance = getattr(database, "instance", None)
    if instance is None:
        return []
    rds, dimension = "AWS/RDS", ["DBInstanceIdentifier", instance.identifier]
    return [
        Graph("Database connections", "Maximum", [[rds, "DatabaseConnections", *dimension]]),
        Graph("Database CPU", "Average", [[rds, "CPUUtilization", *dimension]]),
        Graph(
            "Database memory and storage",
            "Average",
            [[rds, name, *dimension] for name in ("FreeableMemory", "FreeStorageSpace")],
        ),
    ]
