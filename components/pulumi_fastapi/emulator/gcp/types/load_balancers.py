"""What a global load balancer is made of."""

from collections.abc import Iterator

from pulumi_fastapi.emulator.gcp.resource import (
    Context,
    ResourceType,
    in_turn,
    only_differing,
    patch_differing,
    put,
    set_one_by_one,
)
from pulumi_fastapi.emulator.gcp.types.common import compute
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import EVERYTHING
from pulumi_fastapi.emulator.values import Properties


def _without_global(context: Context, method: str) -> str:
    """The methods that change a proxy have no `global` in their path."""
    return f"{context.self_url.replace('/global/', '/')}/{method}"


def _set_policy(context: Context) -> None:
    if context.inputs.get("securityPolicy"):
        context.call(
            "POST", f"{context.self_url}/setSecurityPolicy", {"securityPolicy": context.inputs["securityPolicy"]}
        )


def _change_policy(context: Context, body: Properties, differing: frozenset[str]) -> None:
    policy = body.get("securityPolicy")
    context.call("POST", f"{context.self_url}/setSecurityPolicy", {"securityPolicy": policy} if policy else {})


def rows() -> Iterator[ResourceType]:
    yield compute(
        "RegionNetworkEndpointGroup",
        "networkEndpointGroups",
        "regions/{region}",
        not_sent=frozenset({"region"}),
        defaults={"networkEndpointType": "SERVERLESS"},
        replace_on=EVERYTHING,
    )
    yield compute(
        "BackendService",
        "backendServices",
        fields={
            "connectionDrainingTimeoutSec": "connectionDraining.drainingTimeoutSec",
            "healthChecks": Field("healthChecks", encode=lambda check: [check], decode=lambda checks: checks[0]),
        },
        defaults={"loadBalancingScheme": "EXTERNAL_MANAGED", "connectionDrainingTimeoutSec": 300},
        replace_on=frozenset({"name"}),
        after_create=_set_policy,
        update=in_turn(
            only_differing(["securityPolicy"], _change_policy),
            only_differing(["securityPolicy"], put, without=True),
        ),
        before_delete=lambda context: (
            _change_policy(context, {}, frozenset()) if context.inputs.get("securityPolicy") else None
        ),
        outputs={"generatedId": lambda context: int(context.live["id"])},
    )
    yield compute(
        "URLMap",
        "urlMaps",
        replace_on=frozenset({"name"}),
        update=put,
        outputs={"mapId": lambda context: int(context.live["id"])},
    )
    immutable = frozenset({"name", "description", "httpKeepAliveTimeoutSec", "proxyBind"})
    yield compute(
        "TargetHttpsProxy",
        "targetHttpsProxies",
        fields={"certificateManagerCertificates": "sslCertificates"},
        defaults={"quicOverride": "NONE"},
        replace_on=immutable | {"tlsEarlyData"},
        update=in_turn(
            set_one_by_one({"urlMap": "setUrlMap", "sslCertificates": "setSslCertificates"}, _without_global),
            set_one_by_one({"quicOverride": "setQuicOverride", "sslPolicy": "setSslPolicy"}),
        ),
        outputs={"proxyId": lambda context: int(context.live["id"])},
    )
    yield compute(
        "TargetHttpProxy",
        "targetHttpProxies",
        replace_on=immutable,
        update=set_one_by_one({"urlMap": "setUrlMap"}, _without_global),
        outputs={"proxyId": lambda context: int(context.live["id"])},
    )
    yield compute(
        "GlobalForwardingRule",
        "forwardingRules",
        defaults={"loadBalancingScheme": "EXTERNAL_MANAGED"},
        replace_on=EVERYTHING,
        keep_on=frozenset({"target", "labels", "loadBalancingScheme"}),
        update=set_one_by_one({"target": "setTarget", "labels": "setLabels"}),
        outputs={"forwardingRuleId": lambda context: int(context.live["id"])},
    )
    yield compute(
        "ManagedSslCertificate",
        "sslCertificates",
        defaults={"type": "MANAGED"},
        replace_on=EVERYTHING,
        outputs={"certificateId": lambda context: int(context.live["id"])},
    )
    yield compute("SecurityPolicy", "securityPolicies", replace_on=frozenset({"name", "type"}), update=patch_differing)
    yield compute(
        "SSLPolicy",
        "sslPolicies",
        defaults={"minTlsVersion": "TLS_1_0", "profile": "COMPATIBLE"},
        replace_on=frozenset({"name", "description"}),
        update=patch_differing,
    )
