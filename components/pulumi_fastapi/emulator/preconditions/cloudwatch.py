"""Composite alarms."""

import re

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before
from pulumi_fastapi.emulator.values import Properties


@before("cloudwatch:PutCompositeAlarm")
def _alarms_of_the_rule(api: Api, region: str, params: Properties) -> None:
    answer = api.look_up("cloudwatch", "DescribeAlarms", {}, region)
    known = {alarm[key] for kind in answer.values() for alarm in kind for key in ("AlarmName", "AlarmArn")}
    named = re.findall(r"(?:ALARM|OK|INSUFFICIENT_DATA)\(\s*[\"']?(.+?)[\"']?\s*\)", params["AlarmRule"])
    missing = sorted(set(named) - known)
    if missing or not (named or re.search(r"TRUE|FALSE", params["AlarmRule"])):
        text = f"alarms [{', '.join(missing)}] in the alarm rule do not exist" if missing else "the rule names no alarm"
        raise ApiError(
            "cloudwatch", "PutCompositeAlarm", "ValidationError", f"Could not save the composite alarm as {text}."
        )
