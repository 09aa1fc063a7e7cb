"""Load balancers, target groups, listeners and their rules."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_ids, by_input, delete_by
from pulumi_fastapi.emulator.mapping import Field, Fields, Flatten
from pulumi_fastapi.emulator.resource import (
    EVERYTHING,
    AutoName,
    Call,
    Calls,
    Context,
    KeyValueAttributes,
    Read,
    ResourceType,
)
from pulumi_fastapi.emulator.values import Properties, scalar_text

Request = tuple[str, Mapping[str, Any]]

_LOAD_BALANCER_ATTRIBUTES = {
    "accessLogs.enabled": "access_logs.s3.enabled",
    "accessLogs.bucket": "access_logs.s3.bucket",
    "accessLogs.prefix": "access_logs.s3.prefix",
    "connectionLogs.enabled": "connection_logs.s3.enabled",
    "connectionLogs.bucket": "connection_logs.s3.bucket",
    "connectionLogs.prefix": "connection_logs.s3.prefix",
    "healthCheckLogs.enabled": "health_check_logs.s3.enabled",
    "healthCheckLogs.bucket": "health_check_logs.s3.bucket",
    "healthCheckLogs.prefix": "health_check_logs.s3.prefix",
    "clientKeepAlive": "client_keep_alive.seconds",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableHttp2": "routing.http2.enabled",
    "enableTlsVersionAndCipherSuiteHeaders": "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
    "enableWafFailOpen": "waf.fail_open.enabled",
    "enableXffClientPort": "routing.http.xff_client_port.enabled",
    "enableZonalShift": "zonal_shift.config.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
    "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
}

_TARGET_GROUP_ATTRIBUTES = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "slowStart": "slow_start.duration_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "loadBalancingAnomalyMitigation": "load_balancing.algorithm.anomaly_mitigation",
    "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
    "connectionTermination": "deregistration_delay.connection_termination.enabled",
    "lambdaMultiValueHeadersEnabled": "lambda.multi_value_headers.enabled",
    "preserveClientIp": "preserve_client_ip.enabled",
    "proxyProtocolV2": "proxy_protocol_v2.enabled",
    "stickiness.enabled": "stickiness.enabled",
    "stickiness.type": "stickiness.type",
    "stickiness.cookieDuration": "stickiness.lb_cookie.duration_seconds",
    "stickiness.cookieName": "stickiness.app_cookie.cookie_name",
}


def _is_of_target_group(context: Context, name: str) -> bool:
    """A function has no connections that could drain or stick."""
    of_function = context.inputs.get("targetType") == "lambda"
    return (name == "lambdaMultiValueHeadersEnabled") == of_function


_HEALTH_CHECK = Flatten(
    {
        "enabled": "HealthCheckEnabled",
        "path": "HealthCheckPath",
        "port": "HealthCheckPort",
        "protocol": "HealthCheckProtocol",
        "interval": "HealthCheckIntervalSeconds",
        "timeout": "HealthCheckTimeoutSeconds",
        "healthyThreshold": "HealthyThresholdCount",
        "unhealthyThreshold": "UnhealthyThresholdCount",
        "matcher": "Matcher.HttpCode",
    }
)


def _action_fields(actions: str) -> Fields:
    """Actions of listeners and rules: the same nested names under `defaultActions` and `actions`."""
    return {
        f"{actions}.forward": "ForwardConfig",
        f"{actions}.forward.targetGroups.arn": "TargetGroupArn",
        f"{actions}.forward.stickiness": "TargetGroupStickinessConfig",
        f"{actions}.forward.stickiness.duration": "DurationSeconds",
        f"{actions}.redirect": "RedirectConfig",
        f"{actions}.fixedResponse": "FixedResponseConfig",
        f"{actions}.authenticateOidc": "AuthenticateOidcConfig",
        f"{actions}.authenticateCognito": "AuthenticateCognitoConfig",
    }


# Pulumi input, API field, API config member and the member of the values inside the input.
_CONDITIONS = (
    ("pathPattern", "path-pattern", "PathPatternConfig"),
    ("hostHeader", "host-header", "HostHeaderConfig"),
    ("httpRequestMethod", "http-request-method", "HttpRequestMethodConfig"),
    ("sourceIp", "source-ip", "SourceIpConfig"),
)


def _encode_conditions(conditions: list[Properties]) -> list[Properties]:
    return [encoded for condition in conditions for encoded in _encode_condition(condition)]


def _encode_condition(condition: Properties) -> Iterable[Properties]:
    for name, field, member in _CONDITIONS:
        if condition.get(name):
            values = {key[0].upper() + key[1:]: value for key, value in condition[name].items()}
            yield {"Field": field, member: values}
    if condition.get("httpHeader"):
        header = condition["httpHeader"]
        yield {
            "Field": "http-header",
            "HttpHeaderConfig": {"HttpHeaderName": header["httpHeaderName"], "Values": header["values"]},
        }
    if condition.get("queryStrings"):
        pairs = [{key.capitalize(): value for key, value in pair.items()} for pair in condition["queryStrings"]]
        yield {"Field": "query-string", "QueryStringConfig": {"Values": pairs}}


def _decode_conditions(conditions: list[Properties]) -> list[Properties]:
    return [_decode_condition(condition) for condition in conditions]


def _decode_condition(condition: Properties) -> Properties:
    for name, field, member in _CONDITIONS:
        if condition["Field"] == field:
            config = condition.get(member) or {"Values": condition.get("Values", [])}
            return {name: {key[0].lower() + key[1:]: value for key, value in config.items() if value}}
    if condition["Field"] == "http-header":
        config = condition["HttpHeaderConfig"]
        return {"httpHeader": {"httpHeaderName": config["HttpHeaderName"], "values": config["Values"]}}
    pairs = condition["QueryStringConfig"]["Values"]
    return {"queryStrings": [{key.lower(): value for key, value in pair.items()} for pair in pairs]}


def _change_load_balancer(context: Context, _creating: bool) -> Iterable[Request]:
    arn = {"LoadBalancerArn": context.id}
    if context.changed("securityGroups"):
        yield "SetSecurityGroups", {**arn, "SecurityGroups": context.inputs.get("securityGroups") or []}
    if context.changed("subnets"):
        yield "SetSubnets", {**arn, "Subnets": context.inputs.get("subnets") or []}
    if context.changed("ipAddressType"):
        yield "SetIpAddressType", {**arn, "IpAddressType": context.inputs["ipAddressType"]}


def _subnets(context: Context) -> Properties:
    zones = context.live.get("AvailabilityZones") or []
    return {"subnets": [zone["SubnetId"] for zone in zones]}


def _change_priority(context: Context, _creating: bool) -> Iterable[Request]:
    priority = int(context.inputs["priority"])
    yield "SetRulePriorities", {"RulePriorities": [{"RuleArn": context.id, "Priority": priority}]}


def _next_priority(context: Context) -> Mapping[str, Any]:
    """A rule without a priority comes after all others of its listener."""
    if context.inputs.get("priority") is not None or context.id:
        return {}
    if context.validating:
        return {"Priority": 1}
    rules = context.look_up("DescribeRules", ListenerArn=context.inputs["listenerArn"])["Rules"]
    taken = [int(rule["Priority"]) for rule in rules if rule["Priority"].isdigit()]
    return {"Priority": max(taken, default=0) + 1}


def _listener_certificate(context: Context, answer: Properties) -> Properties | None:
    arn = context.inputs["certificateArn"]
    return next((item for item in answer["Certificates"] if item["CertificateArn"] == arn), None)


def _listener_certificate_request(context: Context) -> Mapping[str, Any]:
    return {
        "ListenerArn": context.inputs["listenerArn"],
        "Certificates": [{"CertificateArn": context.inputs["certificateArn"]}],
    }


def _import_listener_certificate(context: Context) -> None:
    listener, certificate = context.id.split("_", 1)
    context.inputs.update({"listenerArn": listener, "certificateArn": certificate})


def _attachment(context: Context) -> Mapping[str, Any]:
    target = by_input(Id="targetId", Port="port", AvailabilityZone="availabilityZone", QuicServerId="quicServerId")
    return {"TargetGroupArn": context.inputs["targetGroupArn"], "Targets": [dict(target(context))]}


def _attached(context: Context, answer: Properties) -> Properties | None:
    wanted = {name: context.inputs.get(name) for name in ("targetId", "port")}
    for described in answer["TargetHealthDescriptions"]:
        target = described["Target"]
        if target["Id"] == wanted["targetId"] and wanted["port"] in (None, target.get("Port")):
            return {**target, "TargetGroupArn": context.inputs["targetGroupArn"]}
    return None


def _import_attachment(context: Context) -> None:
    """`group,target` or `group,target,port`."""
    group, target, *port = context.id.split(",")
    context.inputs.update({"targetGroupArn": group, "targetId": target})
    if port:
        context.inputs["port"] = float(port[0])


def _first_certificate(certificates: list[Properties]) -> str | None:
    return certificates[0]["CertificateArn"] if certificates else None


ROWS = (
    ResourceType(
        pulumi_type="aws:lb/loadBalancer:LoadBalancer",
        service="elbv2",
        create="CreateLoadBalancer",
        id="LoadBalancers[0].LoadBalancerArn",
        autoname=AutoName(max_length=32),
        fields={
            "internal": Field(
                "Scheme",
                encode=lambda internal: "internal" if internal else "internet-facing",
                decode=lambda scheme: scheme == "internal",
            ),
            "loadBalancerType": "Type",
        },
        read=Read("DescribeLoadBalancers", by_ids("LoadBalancerArns"), "LoadBalancers[0]"),
        delete=delete_by("DeleteLoadBalancer", "LoadBalancerArn"),
        defaults={
            "clientKeepAlive": 3600.0,
            "desyncMitigationMode": "defensive",
            "dropInvalidHeaderFields": False,
            "enableCrossZoneLoadBalancing": False,
            "enableDeletionProtection": False,
            "enableHttp2": True,
            "enableTlsVersionAndCipherSuiteHeaders": False,
            "enableWafFailOpen": False,
            "enableXffClientPort": False,
            "enableZonalShift": False,
            "idleTimeout": 60.0,
            "internal": False,
            "ipAddressType": "ipv4",
            "loadBalancerType": "application",
            "preserveHostHeader": False,
            "xffHeaderProcessingMode": "append",
        },
        replace_on=frozenset({"name", "namePrefix", "internal", "loadBalancerType", "subnetMappings"}),
        steps=[
            KeyValueAttributes(
                "ModifyLoadBalancerAttributes",
                "DescribeLoadBalancerAttributes",
                "LoadBalancerArn",
                _LOAD_BALANCER_ATTRIBUTES,
            ),
            Calls(("securityGroups", "subnets", "ipAddressType"), _change_load_balancer, _subnets, updates_only=True),
        ],
        outputs={
            "arn": "LoadBalancerArn",
            "dnsName": "DNSName",
            "zoneId": "CanonicalHostedZoneId",
            "vpcId": "VpcId",
            "arnSuffix": lambda context: context.id.split(":loadbalancer/")[1],
        },
    ),
    ResourceType(
        pulumi_type="aws:lb/targetGroup:TargetGroup",
        service="elbv2",
        create="CreateTargetGroup",
        update="ModifyTargetGroup",
        update_key=lambda context: {"TargetGroupArn": context.id},
        id="TargetGroups[0].TargetGroupArn",
        autoname=AutoName(max_length=32),
        fields={"healthCheck": _HEALTH_CHECK},
        read=Read("DescribeTargetGroups", by_ids("TargetGroupArns"), "TargetGroups[0]"),
        delete=delete_by("DeleteTargetGroup", "TargetGroupArn"),
        defaults={
            "deregistrationDelay": 300.0,
            "lambdaMultiValueHeadersEnabled": False,
            "proxyProtocolV2": False,
            "slowStart": 0.0,
            "targetType": "instance",
        },
        replace_on=frozenset(
            {"name", "namePrefix", "port", "protocol", "protocolVersion", "targetType", "vpcId", "ipAddressType"}
        ),
        steps=[
            KeyValueAttributes(
                "ModifyTargetGroupAttributes",
                "DescribeTargetGroupAttributes",
                "TargetGroupArn",
                _TARGET_GROUP_ATTRIBUTES,
                applies=_is_of_target_group,
            )
        ],
        outputs={
            "arn": "TargetGroupArn",
            "arnSuffix": lambda context: "targetgroup/" + context.id.split(":targetgroup/")[1],
            "loadBalancerArns": "LoadBalancerArns",
        },
    ),
    ResourceType(
        pulumi_type="aws:lb/listener:Listener",
        service="elbv2",
        create="CreateListener",
        update="ModifyListener",
        update_key=lambda context: {"ListenerArn": context.id},
        id="Listeners[0].ListenerArn",
        fields={
            "certificateArn": Field(
                "Certificates",
                encode=lambda arn: [{"CertificateArn": arn}],
                decode=_first_certificate,
            ),
            **_action_fields("defaultActions"),
        },
        read=Read("DescribeListeners", by_ids("ListenerArns"), "Listeners[0]"),
        delete=delete_by("DeleteListener", "ListenerArn"),
        defaults={"protocol": "HTTP"},
        replace_on=frozenset({"loadBalancerArn"}),
        outputs={"arn": "ListenerArn"},
    ),
    ResourceType(
        pulumi_type="aws:lb/listenerRule:ListenerRule",
        service="elbv2",
        create="CreateRule",
        update="ModifyRule",
        update_key=lambda context: {"RuleArn": context.id},
        id="Rules[0].RuleArn",
        added=_next_priority,
        fields={
            "conditions": Field("Conditions", encode=_encode_conditions, decode=_decode_conditions),
            **_action_fields("actions"),
        },
        read=Read("DescribeRules", by_ids("RuleArns"), "Rules[0]"),
        delete=delete_by("DeleteRule", "RuleArn"),
        replace_on=frozenset({"listenerArn"}),
        steps=[Calls(("priority",), _change_priority, updates_only=True)],
        outputs={"arn": "RuleArn"},
    ),
    ResourceType(
        pulumi_type="aws:lb/listenerCertificate:ListenerCertificate",
        service="elbv2",
        create="AddListenerCertificates",
        id=lambda context: f"{context.inputs['listenerArn']}_{context.inputs['certificateArn']}",
        request=_listener_certificate_request,
        read=Read(
            "DescribeListenerCertificates",
            lambda context: {"ListenerArn": context.inputs["listenerArn"]},
            _listener_certificate,
        ),
        delete=Call("RemoveListenerCertificates", _listener_certificate_request),
        replace_on=EVERYTHING,
        import_id=_import_listener_certificate,
    ),
    ResourceType(
        pulumi_type="aws:lb/targetGroupAttachment:TargetGroupAttachment",
        service="elbv2",
        create="RegisterTargets",
        # The provider's own ID is random.
        id=lambda context: ",".join(
            scalar_text(context.inputs[name])
            for name in ("targetGroupArn", "targetId", "port")
            if context.inputs.get(name) is not None
        ),
        request=_attachment,
        read=Read("DescribeTargetHealth", by_input(TargetGroupArn="targetGroupArn"), _attached),
        delete=Call("DeregisterTargets", _attachment),
        fields={"targetId": "Id"},
        replace_on=EVERYTHING,
        import_id=_import_attachment,
    ),
)
