"""Log groups, metric filters, alarms and dashboards."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_id, by_input, delete_by, input_id, pick
from pulumi_fastapi.emulator.mapping import Field, Flatten, json_text
from pulumi_fastapi.emulator.resource import AutoName, Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties

Request = tuple[str, Mapping[str, Any]]


def _change_retention(context: Context, _creating: bool) -> Iterable[Request]:
    days = int(context.inputs.get("retentionInDays") or 0)
    if days:
        yield "PutRetentionPolicy", {"logGroupName": context.id, "retentionInDays": days}
    elif context.old.get("retentionInDays"):
        yield "DeleteRetentionPolicy", {"logGroupName": context.id}


def _retention(context: Context) -> Properties:
    return {"retentionInDays": float(context.live.get("retentionInDays") or 0)}


def _import_metric_filter(context: Context) -> None:
    group, name = context.id.rsplit(":", 1)
    context.inputs.update({"logGroupName": group, "name": name})
    context.id = name


_metric_filter_key = by_input(logGroupName="logGroupName", filterName="name")

ROWS = (
    ResourceType(
        pulumi_type="aws:cloudwatch/logGroup:LogGroup",
        service="logs",
        create="CreateLogGroup",
        id=input_id("name"),
        autoname=AutoName(max_length=512),
        fields={"name": "logGroupName", "skipDestroy": None, "deletionProtectionEnabled": "deletionProtectionEnabled"},
        read=Read(
            "DescribeLogGroups",
            by_id("logGroupNamePrefix"),
            pick("logGroups", lambda context, group: group["logGroupName"] == context.id),
        ),
        delete=delete_by("DeleteLogGroup", "logGroupName"),
        kept_by="skipDestroy",
        defaults={"retentionInDays": 0.0, "skipDestroy": False},
        # moto forgets both.
        not_read=frozenset({"logGroupClass", "deletionProtectionEnabled"}),
        replace_on=frozenset({"name", "namePrefix", "logGroupClass"}),
        steps=[Calls(("retentionInDays",), _change_retention, _retention)],
        outputs={"arn": "logGroupArn"},
    ),
    ResourceType(
        pulumi_type="aws:cloudwatch/logMetricFilter:LogMetricFilter",
        service="logs",
        create="PutMetricFilter",
        update="PutMetricFilter",
        id=input_id("name"),
        autoname=AutoName(max_length=512),
        fields={
            "name": "filterName",
            "pattern": "filterPattern",
            "metricTransformation": "metricTransformations",
            "metricTransformation.name": "metricName",
            "metricTransformation.namespace": "metricNamespace",
            "metricTransformation.value": "metricValue",
        },
        read=Read(
            "DescribeMetricFilters",
            by_input(logGroupName="logGroupName", filterNamePrefix="name"),
            pick("metricFilters", lambda context, item: item["filterName"] == context.id),
        ),
        delete=Call("DeleteMetricFilter", _metric_filter_key),
        replace_on=frozenset({"name", "logGroupName"}),
        import_id=_import_metric_filter,
    ),
    ResourceType(
        pulumi_type="aws:cloudwatch/metricAlarm:MetricAlarm",
        service="cloudwatch",
        create="PutMetricAlarm",
        update="PutMetricAlarm",
        id=input_id("name"),
        autoname=AutoName(max_length=255),
        fields={
            "name": "AlarmName",
            "metricQueries": "Metrics",
            "metricQueries.metric": "MetricStat",
            "metricQueries.metric.metricName": "Metric.MetricName",
            "metricQueries.metric.namespace": "Metric.Namespace",
            "metricQueries.metric.dimensions": "Metric.Dimensions",
            "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
        },
        read=Read("DescribeAlarms", lambda context: {"AlarmNames": [context.id]}, "MetricAlarms[0]"),
        delete=Call("DeleteAlarms", lambda context: {"AlarmNames": [context.id]}),
        defaults={"actionsEnabled": True, "treatMissingData": "missing"},
        replace_on=frozenset({"name"}),
        outputs={"arn": "AlarmArn"},
    ),
    ResourceType(
        pulumi_type="aws:cloudwatch/compositeAlarm:CompositeAlarm",
        service="cloudwatch",
        create="PutCompositeAlarm",
        update="PutCompositeAlarm",
        id=input_id("alarmName"),
        fields={
            "actionsSuppressor": Flatten(
                {
                    "alarm": "ActionsSuppressor",
                    "extensionPeriod": "ActionsSuppressorExtensionPeriod",
                    "waitPeriod": "ActionsSuppressorWaitPeriod",
                }
            )
        },
        read=Read(
            "DescribeAlarms",
            lambda context: {"AlarmNames": [context.id], "AlarmTypes": ["CompositeAlarm"]},
            "CompositeAlarms[0]",
        ),
        delete=Call("DeleteAlarms", lambda context: {"AlarmNames": [context.id]}),
        defaults={"actionsEnabled": True},
        replace_on=frozenset({"alarmName", "actionsEnabled"}),
        outputs={"arn": "AlarmArn"},
        import_id=lambda context: context.inputs.update({"alarmName": context.id}),
    ),
    ResourceType(
        pulumi_type="aws:cloudwatch/dashboard:Dashboard",
        service="cloudwatch",
        create="PutDashboard",
        update="PutDashboard",
        id=input_id("dashboardName"),
        fields={"dashboardBody": Field("DashboardBody", encode=json_text, decode=json_text)},
        read=Read("GetDashboard", by_id("DashboardName")),
        delete=Call("DeleteDashboards", lambda context: {"DashboardNames": [context.id]}),
        replace_on=frozenset({"dashboardName"}),
        outputs={"dashboardArn": "DashboardArn"},
        import_id=lambda context: context.inputs.update({"dashboardName": context.id}),
    ),
)
