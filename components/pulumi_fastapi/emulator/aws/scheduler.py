"""Timers that call something (EventBridge Scheduler)."""

from collections.abc import Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_input
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import AutoName, Call, Context, Read, ResourceType

_NETWORK = "target.ecsParameters.networkConfiguration"


def _key(context: Context) -> Mapping[str, Any]:
    group, name = context.id.split("/", 1)
    return {"GroupName": group, "Name": name}


def _import_schedule(context: Context) -> None:
    """`group/name`."""
    context.inputs["groupName"], context.inputs["name"] = context.id.split("/", 1)


ROWS = (
    ResourceType(
        pulumi_type="aws:scheduler/schedule:Schedule",
        service="scheduler",
        create="CreateSchedule",
        update="UpdateSchedule",
        id=lambda context: f"{context.inputs['groupName']}/{context.inputs['name']}",
        autoname=AutoName(max_length=64),
        fields={
            f"{_NETWORK}.subnets": "awsvpcConfiguration.Subnets",
            f"{_NETWORK}.securityGroups": "awsvpcConfiguration.SecurityGroups",
            f"{_NETWORK}.assignPublicIp": Field(
                "awsvpcConfiguration.AssignPublicIp",
                encode=lambda given: "ENABLED" if given else "DISABLED",
                decode=lambda told: told == "ENABLED",
            ),
            "target.ecsParameters.tags": Field("Tags", encode=lambda tags: [tags]),
        },
        read=Read("GetSchedule", _key),
        delete=Call("DeleteSchedule", by_input(GroupName="groupName", Name="name")),
        defaults={
            "actionAfterCompletion": "NONE",
            "groupName": "default",
            "scheduleExpressionTimezone": "UTC",
            "state": "ENABLED",
        },
        replace_on=frozenset({"name", "namePrefix", "groupName"}),
        outputs={"arn": "Arn"},
        import_id=_import_schedule,
    ),
)
