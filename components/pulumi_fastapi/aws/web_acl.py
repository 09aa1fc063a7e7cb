"""A web application firewall, for CloudFront or a load balancer."""

from dataclasses import dataclass
from typing import Any, Optional

import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from ..component import Component, as_args
from ..validation import check_fields, in_range, one_of
from .cloud_front import CLOUD_FRONT_REGION

# Of AWS, by priority. The common ones come last, as they look at the most.
_MANAGED: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    # It would refuse every body above 8 KB, in which an API's uploads and lists lie.
    "AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",),
}


@dataclass(frozen=True, kw_only=True)
class WebAclArgs:
    """Inputs of `WebAcl`."""

    scope: str = "CLOUDFRONT"
    """`CLOUDFRONT`, made in us-east-1, or `REGIONAL` for a load balancer. Default CLOUDFRONT."""
    requests_per_minute: int = 2000
    """Requests a minute of one address above which it is refused for a while, 10 to 2000000. Default 2000."""

    def __post_init__(self) -> None:
        check_fields(self)
        one_of("scope", self.scope, ("CLOUDFRONT", "REGIONAL"))
        in_range("requests_per_minute", self.requests_per_minute, 10, 2_000_000)


class WebAcl(Component):
    """A web ACL with AWS' rules against known attackers, known bad requests and common attacks, and a limit of requests
    per address. Bodies above 8 KB are counted, not refused, by the rule that minds them.

    Costs a price per month for itself and each of its 4 rules, and one per request.
    """

    arn: Output[str]
    """ARN of the web ACL."""

    def __init__(self, name: str, args: Optional[WebAclArgs] = None, opts: Optional[ResourceOptions] = None) -> None:
        self.args = args = as_args(WebAclArgs, args)
        super().__init__(name, args, opts)
        acl = aws.wafv2.WebAcl(
            self.child_name("acl", limit=128),
            scope=args.scope,
            region=CLOUD_FRONT_REGION if args.scope == "CLOUDFRONT" else None,
            default_action={"allow": {}},
            rules=[self._limit(), *(self._managed(rank, group) for rank, group in enumerate(_MANAGED, start=1))],
            visibility_config=self._visibility("all"),
            opts=self.child,
        )
        self.publish(arn=acl.arn)

    def _limit(self) -> Any:
        return {
            "name": "requests-per-address",
            "priority": 0,
            "action": {"block": {}},
            "statement": {
                "rate_based_statement": {
                    "limit": self.args.requests_per_minute,
                    "evaluation_window_sec": 60,
                    "aggregate_key_type": "IP",
                }
            },
            "visibility_config": self._visibility("requests-per-address"),
        }

    def _managed(self, rank: int, group: str) -> Any:
        counted = [{"name": rule, "action_to_use": {"count": {}}} for rule in _MANAGED[group]]
        return {
            "name": group,
            "priority": rank,
            "override_action": {"none": {}},
            "statement": {
                "managed_rule_group_statement": {
                    "vendor_name": "AWS",
                    "name": group,
                    "rule_action_overrides": counted or None,
                }
            },
            "visibility_config": self._visibility(group),
        }

    def _visibility(self, metric: str) -> Any:
        return {
            "cloudwatch_metrics_enabled": True,
            "metric_name": self.child_name(metric),
            "sampled_requests_enabled": True,
        }
