"""Load balancers and their target groups."""

from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, all_of, as_number, between, matches, one_of
from pulumi_fastapi.emulator.values import Properties, scalar_text

_LB_NAME = all_of(
    matches(r".{1,32}", "a name has at most 32 characters"),
    matches(r"[a-zA-Z0-9-]*", "a name has only alphanumeric characters and hyphens"),
    matches(r"(?!-).*(?<!-)", "a name may not begin or end with a hyphen"),
)


def _lb_name(value: Any, inputs: Properties) -> str | None:
    if isinstance(value, str) and value.startswith("internal-"):
        return f"{value!r}: a name may not begin with internal-"
    return _LB_NAME(value, inputs)


def _two_subnets(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("loadBalancerType", "application") != "application":
        return None
    given = inputs.get("subnets") or inputs.get("subnetMappings")
    if isinstance(given, list) and len(given) < 2:
        return "At least two subnets in two different Availability Zones must be specified"
    return None


def _health_timeout(check: Any, _inputs: Properties) -> str | None:
    timeout, interval = as_number(check.get("timeout")), as_number(check.get("interval"))
    if timeout is not None and interval is not None and timeout >= interval:
        return f"Health check timeout {scalar_text(timeout)} must be smaller than the interval {scalar_text(interval)}"
    return None


def _secure_listener(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("protocol") in ("HTTPS", "TLS") and inputs.get("certificateArn") is None:
        return "A certificate must be specified for HTTPS listeners"
    if inputs.get("protocol") == "HTTP" and inputs.get("certificateArn") is not None:
        return "a certificate cannot be specified for HTTP listeners"
    return None


_SSL_POLICY = matches(
    r"ELBSecurityPolicy-(2016-08|TLS-1-[0-2]-(2017-01|Ext-2018-06)|FS-[0-9A-Za-z-]+|TLS13-1-[0-3]-[0-9A-Za-z-]+|2015-05)",
    "SSL policy not found",
)


def _vpc_for_targets(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("targetType", "instance") == "lambda":
        given = [name for name in ("port", "protocol", "vpcId") if inputs.get(name) is not None]
        return f"{given[0]} cannot be specified for target groups with target type 'lambda'" if given else None
    missing = [name for name in ("port", "protocol", "vpcId") if inputs.get(name) is None]
    return f"{missing[0]} is required for target type {inputs.get('targetType', 'instance')!r}" if missing else None


RULES: tuple[Rule, ...] = (
    Rule("lb/loadBalancer:LoadBalancer", "name", "ValidationError", _lb_name),
    Rule("lb/loadBalancer:LoadBalancer", "", "ValidationError", _two_subnets),
    Rule("lb/loadBalancer:LoadBalancer", "idleTimeout", "ValidationError", between(1, 4000, "seconds")),
    Rule("lb/loadBalancer:LoadBalancer", "clientKeepAlive", "ValidationError", between(60, 604800, "seconds")),
    Rule(
        "lb/loadBalancer:LoadBalancer",
        "desyncMitigationMode",
        "ValidationError",
        one_of("monitor", "defensive", "strictest"),
    ),
    Rule(
        "lb/loadBalancer:LoadBalancer",
        "xffHeaderProcessingMode",
        "ValidationError",
        one_of("append", "preserve", "remove"),
    ),
    Rule("lb/targetGroup:TargetGroup", "name", "ValidationError", _LB_NAME),
    Rule("lb/targetGroup:TargetGroup", "", "ValidationError", _vpc_for_targets),
    Rule("lb/targetGroup:TargetGroup", "port", "ValidationError", between(1, 65535)),
    Rule("lb/targetGroup:TargetGroup", "deregistrationDelay", "ValidationError", between(0, 3600, "seconds")),
    Rule("lb/targetGroup:TargetGroup", "healthCheck.healthyThreshold", "ValidationError", between(2, 10)),
    Rule("lb/targetGroup:TargetGroup", "healthCheck.unhealthyThreshold", "ValidationError", between(2, 10)),
    Rule("lb/targetGroup:TargetGroup", "healthCheck.interval", "ValidationError", between(5, 300, "seconds")),
    Rule("lb/targetGroup:TargetGroup", "healthCheck.timeout", "ValidationError", between(2, 120, "seconds")),
    Rule("lb/targetGroup:TargetGroup", "healthCheck", "ValidationError", _health_timeout),
    Rule(
        "lb/targetGroup:TargetGroup",
        "healthCheck.path",
        "ValidationError",
        matches(r"/\S{0,1023}", "Health check path must begin with a '/' character"),
    ),
    Rule(
        "lb/targetGroup:TargetGroup",
        "healthCheck.matcher",
        "ValidationError",
        matches(r"\d{1,3}(-\d{3})?(,\d{3}(-\d{3})?)*", "not a list or range of HTTP codes"),
    ),
    Rule("lb/listener:Listener", "", "ValidationError", _secure_listener),
    Rule("lb/listener:Listener", "port", "ValidationError", between(1, 65535)),
    Rule("lb/listener:Listener", "sslPolicy", "SSLPolicyNotFound", _SSL_POLICY),
    Rule("lb/listenerRule:ListenerRule", "priority", "ValidationError", between(1, 50000)),
    Rule("lb/targetGroupAttachment:TargetGroupAttachment", "port", "ValidationError", between(1, 65535)),
)
