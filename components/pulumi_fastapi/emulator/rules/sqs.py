"""Queues."""

import json
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, as_number, between, matches, value_text
from pulumi_fastapi.emulator.rules.policies import resource_policy
from pulumi_fastapi.emulator.values import Properties

_QUEUE = "sqs/queue:Queue"


def _fifo_name(inputs: Properties, _all: Properties) -> str | None:
    name = inputs.get("name")
    if not isinstance(name, str) or name.endswith(".fifo") == bool(inputs.get("fifoQueue")):
        return None
    return f"The name of a FIFO queue can only end with .fifo, and that of no other: {name!r}"


def _one_encryption(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("sqsManagedSseEnabled") and inputs.get("kmsMasterKeyId"):
        return "You can use one type of server-side encryption at one time: KMS SSE or SQS SSE"
    return None


def _redrive(value: Any, _inputs: Properties) -> str | None:
    try:
        policy = json.loads(value)
    except ValueError as error:
        return f"Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map: {error}"
    missing = [name for name in ("deadLetterTargetArn", "maxReceiveCount") if name not in policy]
    if missing:
        return f"Invalid value for the parameter RedrivePolicy. Reason: {missing[0]} is missing"
    count = as_number(policy["maxReceiveCount"])
    if count is None or not 1 <= count <= 1000:
        return f"maxReceiveCount {value_text(policy['maxReceiveCount'])} is not between 1 and 1000"
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        _QUEUE,
        "name",
        "InvalidParameterValue",
        matches(
            r"[a-zA-Z0-9_-]{1,80}|[a-zA-Z0-9_-]{1,75}\.fifo",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ),
    ),
    Rule(_QUEUE, "", "InvalidParameterValue", _fifo_name),
    Rule(_QUEUE, "", "InvalidAttributeValue", _one_encryption),
    Rule(_QUEUE, "delaySeconds", "InvalidAttributeValue", between(0, 900, "seconds")),
    Rule(_QUEUE, "kmsDataKeyReusePeriodSeconds", "InvalidAttributeValue", between(60, 86400, "seconds")),
    Rule(_QUEUE, "maxMessageSize", "InvalidAttributeValue", between(1024, 1048576, "bytes")),
    Rule(_QUEUE, "messageRetentionSeconds", "InvalidAttributeValue", between(60, 1209600, "seconds")),
    Rule(_QUEUE, "receiveWaitTimeSeconds", "InvalidAttributeValue", between(0, 20, "seconds")),
    Rule(_QUEUE, "visibilityTimeoutSeconds", "InvalidAttributeValue", between(0, 43200, "seconds")),
    Rule(_QUEUE, "redrivePolicy", "InvalidParameterValue", _redrive),
    Rule(_QUEUE, "policy", "InvalidAttributeValue", resource_policy),
    Rule("sqs/queuePolicy:QueuePolicy", "policy", "InvalidAttributeValue", resource_policy),
)
