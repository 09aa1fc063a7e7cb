"""Topics and subscriptions."""

import re

from pulumi_fastapi.emulator.rules.judges import Rule, matches, one_of
from pulumi_fastapi.emulator.rules.policies import resource_policy
from pulumi_fastapi.emulator.values import Properties


def _subscription_endpoint(inputs: Properties, _all: Properties) -> str | None:
    endpoint, protocol = inputs.get("endpoint"), inputs.get("protocol")
    patterns = {
        "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
        "email-json": r"[^@\s]+@[^@\s]+\.[^@\s]+",
        "http": r"http://.+",
        "https": r"https://.+",
        "lambda": r"arn:.+",
        "sqs": r"arn:.+",
        "firehose": r"arn:.+",
        "sms": r"\+?[0-9-]+",
    }
    if not isinstance(endpoint, str) or protocol not in patterns or re.fullmatch(patterns[protocol], endpoint):
        return None
    return f"Invalid parameter: {protocol} endpoint {endpoint!r}"


RULES: tuple[Rule, ...] = (
    Rule(
        "sns/topicSubscription:TopicSubscription",
        "protocol",
        "InvalidParameter",
        one_of("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"),
    ),
    Rule("sns/topicSubscription:TopicSubscription", "", "InvalidParameter", _subscription_endpoint),
    Rule("sns/topicPolicy:TopicPolicy", "policy", "InvalidParameter", resource_policy),
    Rule(
        "sns/topic:Topic",
        "name",
        "InvalidParameter",
        matches(r"[a-zA-Z0-9_-]{1,256}(\.fifo)?", "Topic Name: letters, digits, hyphens and underscores"),
    ),
)
