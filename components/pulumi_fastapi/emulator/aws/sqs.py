"""Queues."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import delete_by, input_id
from pulumi_fastapi.emulator.mapping import Field, json_text
from pulumi_fastapi.emulator.resource import AutoName, Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties, scalar_text

_ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}

_OF_FIFO = frozenset({"contentBasedDeduplication", "deduplicationScope", "fifoThroughputLimit"})


def _applies(context: Context, name: str) -> bool:
    return name not in _OF_FIFO or bool(context.inputs.get("fifoQueue"))


def _given(context: Context) -> Mapping[str, Any]:
    attributes = {
        attribute: scalar_text(context.inputs[name])
        for name, attribute in _ATTRIBUTES.items()
        if context.inputs.get(name) is not None and _applies(context, name)
    }
    if context.inputs.get("fifoQueue"):
        attributes["FifoQueue"] = "true"
    return {"Attributes": attributes} if attributes else {}


def _change(context: Context, _creating: bool) -> Iterable[tuple[str, Mapping[str, Any]]]:
    changed = {
        attribute: "" if context.inputs.get(name) is None else scalar_text(context.inputs[name])
        for name, attribute in _ATTRIBUTES.items()
        if context.changed(name) and _applies(context, name)
    }
    yield "SetQueueAttributes", {"QueueUrl": context.id, "Attributes": changed}


def _attributes(context: Context) -> Properties:
    return {name: context.live[key] for name, key in _ATTRIBUTES.items() if key in context.live}


def _policy(context: Context) -> Mapping[str, Any]:
    return {"QueueUrl": context.inputs["queueUrl"], "Attributes": {"Policy": json_text(context.inputs["policy"])}}


def _no_policy(context: Context) -> Mapping[str, Any]:
    return {"QueueUrl": context.inputs["queueUrl"], "Attributes": {"Policy": ""}}


ROWS = (
    ResourceType(
        pulumi_type="aws:sqs/queue:Queue",
        service="sqs",
        create="CreateQueue",
        id="QueueUrl",
        autoname=AutoName(max_length=80),
        fields={"name": "QueueName", "fifoQueue": None, **dict.fromkeys(_ATTRIBUTES)},
        added=_given,
        read=Read(
            "GetQueueAttributes",
            lambda context: {"QueueUrl": context.id, "AttributeNames": ["All"]},
            "Attributes",
        ),
        delete=delete_by("DeleteQueue", "QueueUrl"),
        defaults={
            "contentBasedDeduplication": False,
            "delaySeconds": 0.0,
            "fifoQueue": False,
            "maxMessageSize": 262144.0,
            "messageRetentionSeconds": 345600.0,
            "receiveWaitTimeSeconds": 0.0,
            "visibilityTimeoutSeconds": 30.0,
        },
        replace_on=frozenset({"name", "namePrefix", "fifoQueue"}),
        steps=[Calls(tuple(_ATTRIBUTES), _change, _attributes, updates_only=True)],
        outputs={
            "arn": "QueueArn",
            "name": lambda context: context.id.rsplit("/", 1)[1],
            "url": lambda context: context.id,
        },
        import_id=lambda context: context.inputs.update({"name": context.id.rsplit("/", 1)[1]}),
    ),
    ResourceType(
        pulumi_type="aws:sqs/queuePolicy:QueuePolicy",
        service="sqs",
        create="SetQueueAttributes",
        update="SetQueueAttributes",
        id=input_id("queueUrl"),
        request=_policy,
        fields={"queueUrl": None, "policy": Field("Attributes", encode=json_text, decode=json_text, read="Policy")},
        read=Read(
            "GetQueueAttributes",
            lambda context: {"QueueUrl": context.inputs["queueUrl"], "AttributeNames": ["Policy"]},
            "Attributes",
            gone=lambda attributes: not attributes.get("Policy"),
        ),
        delete=Call("SetQueueAttributes", _no_policy),
        replace_on=frozenset({"queueUrl"}),
        import_id=lambda context: context.inputs.update({"queueUrl": context.id}),
    ),
)
