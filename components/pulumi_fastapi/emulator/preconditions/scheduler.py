"""Timers."""

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before
from pulumi_fastapi.emulator.preconditions.roles import trusts
from pulumi_fastapi.emulator.values import Properties


@before("scheduler:CreateSchedule", "scheduler:UpdateSchedule")
def _scheduler_role(api: Api, region: str, params: Properties) -> None:
    if not trusts(api, region, params["Target"]["RoleArn"], "scheduler"):
        raise ApiError(
            "scheduler",
            "CreateSchedule",
            "ValidationException",
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        )
