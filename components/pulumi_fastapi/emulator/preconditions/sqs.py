"""Queues."""

import json

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before
from pulumi_fastapi.emulator.values import Properties


@before("sqs:CreateQueue", "sqs:SetQueueAttributes")
def _dead_letter_queue(api: Api, region: str, params: Properties) -> None:
    redrive = (params.get("Attributes") or {}).get("RedrivePolicy")
    if not redrive:
        return
    arn = json.loads(redrive)["deadLetterTargetArn"]
    if not _queue_exists(api, region, arn):
        operation = "CreateQueue" if "QueueName" in params else "SetQueueAttributes"
        text = f"Value {redrive} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."
        raise ApiError("sqs", operation, "InvalidParameterValue", text)


def _queue_exists(api: Api, region: str, arn: str) -> bool:
    try:
        api.look_up("sqs", "GetQueueUrl", {"QueueName": arn.rsplit(":", 1)[-1]}, region)
    except ApiError:
        return False
    return True
