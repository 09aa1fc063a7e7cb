"""Topics and subscriptions."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_id, delete_by, id_output
from pulumi_fastapi.emulator.mapping import Field, json_text
from pulumi_fastapi.emulator.resource import AutoName, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties, scalar_text

Request = tuple[str, Mapping[str, Any]]

_TOPIC_ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
_SUBSCRIPTION_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "replayPolicy": "ReplayPolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}


def _set_attributes(operation: str, key: str, names: Mapping[str, str]) -> Callable[[Context, bool], Iterable[Request]]:
    def calls(context: Context, _creating: bool) -> Iterable[Request]:
        for name, attribute in names.items():
            if context.changed(name):
                value = context.inputs.get(name)
                text = "" if value is None else scalar_text(value) if not isinstance(value, dict) else json_text(value)
                yield operation, {key: context.id, "AttributeName": attribute, "AttributeValue": text}

    return calls


def _attributes(names: Mapping[str, str]) -> Callable[[Context], Properties]:
    return lambda context: {name: context.live[key] for name, key in names.items() if key in context.live}


def _fifo(context: Context) -> Mapping[str, Any]:
    return {"Attributes": {"FifoTopic": "true"}} if context.inputs.get("fifoTopic") else {}


def _subscription_attributes(context: Context) -> Mapping[str, Any]:
    attributes = {
        attribute: scalar_text(context.inputs[name])
        for name, attribute in _SUBSCRIPTION_ATTRIBUTES.items()
        if context.inputs.get(name) is not None
    }
    return {"ReturnSubscriptionArn": True, **({"Attributes": attributes} if attributes else {})}


ROWS = (
    ResourceType(
        pulumi_type="aws:sns/topic:Topic",
        service="sns",
        create="CreateTopic",
        id="TopicArn",
        autoname=AutoName(max_length=256),
        fields={"fifoTopic": None},
        added=_fifo,
        read=Read("GetTopicAttributes", by_id("TopicArn"), "Attributes"),
        delete=delete_by("DeleteTopic", "TopicArn"),
        replace_on=frozenset({"name", "namePrefix", "fifoTopic"}),
        steps=[
            Calls(
                tuple(_TOPIC_ATTRIBUTES),
                _set_attributes("SetTopicAttributes", "TopicArn", _TOPIC_ATTRIBUTES),
                _attributes(_TOPIC_ATTRIBUTES),
            )
        ],
        outputs={"arn": "TopicArn", "owner": "Owner", "name": lambda context: context.id.rsplit(":", 1)[1]},
    ),
    ResourceType(
        pulumi_type="aws:sns/topicSubscription:TopicSubscription",
        service="sns",
        create="Subscribe",
        id="SubscriptionArn",
        fields={
            "topic": "TopicArn",
            "confirmationTimeoutInMinutes": None,
            "endpointAutoConfirms": None,
            **dict.fromkeys(_SUBSCRIPTION_ATTRIBUTES),
        },
        added=_subscription_attributes,
        read=Read("GetSubscriptionAttributes", by_id("SubscriptionArn"), "Attributes"),
        delete=delete_by("Unsubscribe", "SubscriptionArn"),
        defaults={
            "confirmationTimeoutInMinutes": 1.0,
            "endpointAutoConfirms": False,
            "rawMessageDelivery": False,
        },
        replace_on=frozenset({"topic", "protocol", "endpoint"}),
        steps=[
            Calls(
                tuple(_SUBSCRIPTION_ATTRIBUTES),
                _set_attributes("SetSubscriptionAttributes", "SubscriptionArn", _SUBSCRIPTION_ATTRIBUTES),
                _attributes(_SUBSCRIPTION_ATTRIBUTES),
                updates_only=True,
            )
        ],
        outputs={
            "arn": id_output,
            "ownerId": "Owner",
            "pendingConfirmation": lambda context: context.live.get("PendingConfirmation") == "true",
            "confirmationWasAuthenticated": lambda context: context.live.get("ConfirmationWasAuthenticated") == "true",
        },
    ),
    ResourceType(
        pulumi_type="aws:sns/topicPolicy:TopicPolicy",
        service="sns",
        create="SetTopicAttributes",
        update="SetTopicAttributes",
        id=lambda context: str(context.inputs["arn"]),
        fields={
            "arn": "TopicArn",
            "policy": Field("AttributeValue", encode=json_text, decode=json_text, read="Policy"),
        },
        added=lambda _context: {"AttributeName": "Policy"},
        read=Read("GetTopicAttributes", by_id("TopicArn"), "Attributes"),
        delete=None,
        replace_on=frozenset({"arn"}),
        outputs={"owner": "Owner"},
        import_id=lambda context: context.inputs.update({"arn": context.id}),
    ),
)
