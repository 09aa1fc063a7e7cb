"""What pages people: one topic, and alarms that say what to do."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Protocol

import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from ..component import Component
from ..validation import check_emails
from . import policies

MIN_REQUESTS = 20
"""Requests in a minute below which an error rate means nothing: one scanner is no outage."""


class AlarmTopic(Component):
    """The SNS topic that alarms go to, with e-mail subscribers, which each confirm once. Costs nothing worth naming.

    It takes messages from CloudWatch alarms of its own account, over TLS only.
    """

    arn: Output[str]
    """ARN of the topic."""

    def __init__(self, name: str, emails: Sequence[str] = (), opts: Optional[ResourceOptions] = None) -> None:
        check_emails("alarm_emails", emails)
        super().__init__(name, None, opts)
        topic = aws.sns.Topic(self.child_name("alarms"), opts=self.child)
        account = aws.get_caller_identity_output(opts=InvokeOptions(parent=self)).account_id
        publish = policies.allow(["sns:Publish"], topic.arn)
        aws.sns.TopicPolicy(
            self.child_name("alarms"),
            arn=topic.arn,
            policy=policies.document(
                {
                    **publish,
                    "Principal": {"Service": "cloudwatch.amazonaws.com"},
                    "Condition": {"StringEquals": {"aws:SourceAccount": account}},
                },
                {
                    **publish,
                    "Effect": "Deny",
                    "Principal": "*",
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ),
            opts=self.child,
        )
        subscribe(self, topic.arn, emails)
        self.publish(arn=topic.arn)


def subscribe(component: Component, topic_arn: Input[str], emails: Sequence[str]) -> None:
    """Send a topic's messages to these addresses; each has to confirm once."""
    for email in emails:
        # Named by the address: by its place in the list, one address less would unsubscribe those after it.
        identity = hashlib.sha256(email.lower().encode()).hexdigest()[:8]
        aws.sns.TopicSubscription(
            component.child_name(f"email-{identity}"),
            topic=topic_arn,
            protocol="email",
            endpoint=email,
            opts=component.child,
        )


class HasAlarmTopic(Protocol):
    """A part that may have a topic for its alarms."""

    @property
    def alarm_topic_arn(self) -> Optional[Input[str]]:
        """SNS topic of its alarms."""
        ...


def alarm_topic(
    component: Component, given: Optional[Input[str]], database: Optional[HasAlarmTopic], emails: Sequence[str]
) -> Input[str]:
    """The topic of a component's alarms, with its subscribers: the one given, its database's, or one of its own."""
    topic = given or (database.alarm_topic_arn if database else None)
    topic = topic or AlarmTopic(component.resource_name, opts=component.child).arn
    subscribe(component, topic, emails)
    return topic


class AlarmGroup(Component):
    """Alarms on one topic. Each is billed by the month."""

    def __init__(self, name: str, topic_arn: Input[str], opts: Optional[ResourceOptions] = None) -> None:
        super().__init__(name, None, opts)
        self.topic_arn = topic_arn

    def alarm(
        self,
        label: str,
        description: str,
        *,
        periods: int,
        datapoints: int,
        opts: Optional[ResourceOptions] = None,
        **metric: Any,
    ) -> aws.cloudwatch.MetricAlarm:
        """One alarm. Silence is not an alarm unless it says so, and absent data never notifies.

        Args:
            description: what happened, and what whoever is paged does about it.
            periods: periods looked at.
            datapoints: of those, how many have to be beyond the threshold.
            opts: options of a child, where they are more than those.
            metric: what is watched (`metric`), `comparison_operator` and `threshold`.
        """
        return aws.cloudwatch.MetricAlarm(
            self.child_name(label),
            alarm_description=description,
            alarm_actions=[self.topic_arn],
            ok_actions=[self.topic_arn],
            evaluation_periods=periods,
            datapoints_to_alarm=datapoints,
            treat_missing_data=metric.pop("treat_missing_data", "notBreaching"),
            opts=opts or self.child,
            **metric,
        )


def metric(
    namespace: Input[str], dimensions: Mapping[str, Input[str]], name: str, statistic: str, period: int = 60
) -> dict[str, Any]:
    """What an alarm on a single metric watches, every `period` seconds; `statistic` such as `Sum` or `p95`."""
    statistics = "extended_statistic" if statistic.startswith("p") else "statistic"
    return {
        "namespace": namespace,
        "dimensions": dimensions,
        "metric_name": name,
        statistics: statistic,
        "period": period,
    }
