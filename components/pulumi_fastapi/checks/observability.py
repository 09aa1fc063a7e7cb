"""Rules for logs and alarms."""

from collections.abc import Iterator

from ..planned import Resource
from . import Facts, Problem, enabled, get, rule


@rule("aws:cloudwatch/logGroup:LogGroup", severity="warning")
def logs_kept_forever(group: Resource, _: Facts) -> Iterator[Problem]:
    """A group without retention keeps, and bills, everything for ever (CLOUDWATCH.16, CKV_AWS_66)."""
    if int(get(group, "retentionInDays", default=0)) == 0:
        yield Problem("keeps its logs for ever", "set retentionInDays, for example to 30")


@rule("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm", severity="warning")
def alarm_tells_nobody(alarm: Resource, facts: Facts) -> Iterator[Problem]:
    """An alarm without an action turns red where nobody looks (CT.CLOUDWATCH.PR.1 and PR.4, CKV_AWS_319)."""
    watched = any(
        alarm in each.property_dependencies.get("alarms", ()) for each in facts.all("aws:ecs/service:Service")
    )
    part = any(
        alarm in each.property_dependencies.get("alarmRule", ())
        for each in facts.all("aws:cloudwatch/compositeAlarm:CompositeAlarm")
    )
    if not enabled(alarm, "actionsEnabled", default=True):
        yield Problem("has its actions switched off", "set actionsEnabled to true")
    elif not get(alarm, "alarmActions") and not watched and not part:
        yield Problem("has no action", "add the ARN of an SNS topic to alarmActions")
