"""A function's share of a load balancer that it has in common with Fargate services."""

from dataclasses import dataclass
from typing import Optional

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from ..component import Component, as_args
from ..validation import check_fields, in_range
from .load_balancer import (
    LoadBalancerLike,
    check_domain,
    check_paths,
    claim_rule,
    join_listener,
    point_at,
    rule_conditions,
    url_of,
)

LOAD_BALANCER_BYTES = 1024 * 1024
"""Largest request and largest answer of a function behind a load balancer (Elastic Load Balancing User Guide)."""


@dataclass(frozen=True, kw_only=True)
class FunctionTargetArgs:
    """Inputs of `FunctionTarget`."""

    load_balancer: LoadBalancerLike
    """The load balancer to attach to."""
    function_name: Input[str]
    """Name of the function."""
    qualifier: Input[str]
    """Alias that answers."""
    alias_arn: Input[str]
    """ARN of that alias."""
    domain: Optional[str] = None
    """Requests for this host only. Default: any host."""
    paths: Optional[list[str]] = None
    """Requests for these paths only, such as `/api/*`. Default: any path."""
    priority: Optional[int] = None
    """Priority of the listener rule, 1 to 50000. Default: derived from the name, more specific rules first."""
    zone_id: Optional[Input[str]] = None
    """Route 53 zone in which `domain` becomes an alias of the load balancer. Default: DNS is yours to set."""
    certificate_arn: Optional[Input[str]] = None
    """A further certificate for the listener. Default: one made for `domain` in `zone_id`, where the load balancer
    speaks HTTPS and has none for it."""
    health_path: Optional[str] = None
    """Path that the load balancer asks every 35 seconds; each check is a billed invocation and keeps an environment
    warm. Default none: it does not ask, as a function has no task that could be taken out."""

    def __post_init__(self) -> None:
        check_fields(self)
        check_domain("domain", self.domain)
        if self.priority is not None:
            in_range("priority", self.priority, 1, 50000)
        check_paths(self.paths, self.domain)


class FunctionTarget(Component):
    """A target group of one alias of a function, the permission to call it, and a listener rule; where wanted also a
    certificate and a DNS name.

    The load balancer takes requests and answers of `LOAD_BALANCER_BYTES`, and waits for its idle timeout. Costs nothing
    by itself.
    """

    arn: Output[str]
    """ARN of the target group."""
    arn_suffix: Output[str]
    """`targetgroup/name/id`, the dimension of its metrics."""
    rule_arn: Output[str]
    """ARN of the listener rule."""
    url: Output[str]
    """Where the function answers."""

    def __init__(self, name: str, args: FunctionTargetArgs, opts: Optional[ResourceOptions] = None) -> None:
        self.args = args = as_args(FunctionTargetArgs, args)
        balancer = args.load_balancer
        priority = claim_rule(balancer, name, args.domain, args.paths, args.priority)
        super().__init__(name, None, opts)
        group = self._group()
        join_listener(self, balancer, args.domain, args.zone_id, args.certificate_arn)
        rule = aws.lb.ListenerRule(
            self.child_name("rule"),
            listener_arn=balancer.listener_arn,
            priority=priority,
            conditions=rule_conditions(args.domain, args.paths),
            actions=[aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=group.arn)],
            opts=self.child,
        )
        point_at(self, balancer, args.domain, args.zone_id)
        self.publish(arn=group.arn, arn_suffix=group.arn_suffix, rule_arn=rule.arn, url=url_of(balancer, args.domain))

    def _group(self) -> aws.lb.TargetGroup:
        args = self.args
        group = aws.lb.TargetGroup(
            self.child_name("tg", limit=32),
            target_type="lambda",
            # With single values a request or an answer keeps one of several headers of a name, and one cookie.
            lambda_multi_value_headers_enabled=True,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                enabled=args.health_path is not None, path=args.health_path, matcher="200" if args.health_path else None
            ),
            tags={"Name": self.resource_name},
            opts=self.child,
        )
        allowed = aws.lambda_.Permission(
            self.child_name("lb", limit=100),
            function=args.function_name,
            qualifier=args.qualifier,
            action="lambda:InvokeFunction",
            principal="elasticloadbalancing.amazonaws.com",
            source_arn=group.arn,
            opts=self.child,
        )
        aws.lb.TargetGroupAttachment(
            self.child_name("lb"),
            target_group_arn=group.arn,
            target_id=args.alias_arn,
            opts=self.child_options(depends_on=[allowed]),  # ELB refuses a function that it may not call
        )
        return group
