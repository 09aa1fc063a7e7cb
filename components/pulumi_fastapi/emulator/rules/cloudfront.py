"""Distributions and cache policies."""

import itertools
from typing import Any

from pulumi_fastapi.emulator.rules.judges import DOMAIN, Rule, as_number, between, matches
from pulumi_fastapi.emulator.values import Properties, has_unknown, scalar_text

_DISTRIBUTION = "cloudfront/distribution:Distribution"
_BEHAVIORS = ("defaultCacheBehavior", "orderedCacheBehaviors[]")
_READING = frozenset({"GET", "HEAD"})
_METHODS = (
    _READING,
    _READING | {"OPTIONS"},
    _READING | {"OPTIONS", "PUT", "POST", "PATCH", "DELETE"},
)
_TTLS = ("minTtl", "defaultTtl", "maxTtl")


def _methods(behavior: Any, _inputs: Properties) -> str | None:
    allowed, cached = behavior["allowedMethods"], behavior["cachedMethods"]
    if frozenset(allowed) not in _METHODS:
        sets = "; ".join(", ".join(sorted(each)) for each in _METHODS)
        return f"The parameter AllowedMethods contains methods that are not allowed together: one of {sets}"
    if frozenset(cached) not in _METHODS[:2] or not set(cached) <= set(allowed):
        return "The parameter CachedMethods is GET and HEAD, with OPTIONS if that is allowed"
    return None


def _policy_or_values(behavior: Any, _inputs: Properties) -> str | None:
    values, policy = behavior.get("forwardedValues"), behavior.get("cachePolicyId")
    if values is None and policy is None:
        return "The parameter ForwardedValues is required, or a cachePolicyId."
    if values is not None and policy is not None:
        return "The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior."
    given = next((name for name in _TTLS if as_number(behavior.get(name))), None)
    if policy is not None and given is not None:
        return f"The parameter {given} cannot be used when a cache policy is associated to the cache behavior."
    return None


def _known_origin(behavior: Any, inputs: Properties) -> str | None:
    if has_unknown(inputs.get("origins")) or has_unknown(inputs.get("originGroups")):
        return None
    known = [each.get("originId") for name in ("origins", "originGroups") for each in inputs.get(name) or []]
    if behavior.get("targetOriginId") in known:
        return None
    return f"One or more of your origins or origin groups do not exist: {behavior.get('targetOriginId')!r}"


def _different_origins(origins: Any, _inputs: Properties) -> str | None:
    ids = [each.get("originId") for each in origins]
    twice = next((id for id in ids if ids.count(id) > 1), None)
    return None if twice is None else f"You cannot specify two origins with the same ID: {twice!r}"


def _kind_of_origin(origin: Any, _inputs: Properties) -> str | None:
    kinds = ("customOriginConfig", "s3OriginConfig", "vpcOriginConfig")
    given = [name for name in kinds if origin.get(name) is not None]
    if len(given) > 1:
        return f"an origin has one of {', '.join(given)}"
    if not given and ".s3" not in str(origin.get("domainName")):
        return "The parameter Origin DomainName does not refer to a valid S3 bucket: others need customOriginConfig"
    return None


def _certificate(inputs: Properties, _all: Properties) -> str | None:
    viewer = inputs.get("viewerCertificate") or {}
    own = [name for name in ("acmCertificateArn", "iamCertificateId") if viewer.get(name) is not None]
    if own and viewer.get("sslSupportMethod") is None:
        return "The parameter SSLSupportMethod is required with a certificate of your own: sni-only"
    if own and viewer.get("cloudfrontDefaultCertificate"):
        return f"viewerCertificate has either cloudfrontDefaultCertificate or {own[0]}"
    if not own and viewer.get("minimumProtocolVersion") not in (None, "TLSv1"):
        return "The parameter MinimumProtocolVersion is TLSv1 with the default certificate of CloudFront"
    if not own and inputs.get("aliases"):
        return (
            "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted "
            "certificate that validates your authorization to use the domain name."
        )
    return None


def _countries(restriction: Any, _inputs: Properties) -> str | None:
    restricted = restriction.get("restrictionType") != "none"
    if restricted == bool(restriction.get("locations")):
        return None
    return f"restrictionType {restriction.get('restrictionType')} {'needs' if restricted else 'takes no'} locations"


def _ordered_ttls(inputs: Properties, _all: Properties) -> str | None:
    known = [(name, number) for name in _TTLS if (number := as_number(inputs.get(name))) is not None]
    for (low, shorter), (high, longer) in itertools.pairwise(known):
        if shorter > longer:
            return f"{low} {scalar_text(shorter)} is more than {high} {scalar_text(longer)}"
    return None


def _named_when_listed(parameters: Any, _inputs: Properties) -> str | None:
    for part, behavior, items in (
        ("headersConfig", "headerBehavior", "headers"),
        ("cookiesConfig", "cookieBehavior", "cookies"),
        ("queryStringsConfig", "queryStringBehavior", "queryStrings"),
    ):
        config = parameters.get(part) or {}
        wanted = config.get(behavior) in ("whitelist", "allExcept")
        if wanted != bool((config.get(items) or {}).get("items")):
            return f"{part}: {behavior} {config.get(behavior)} {'needs' if wanted else 'takes no'} {items}"
    return None


RULES: tuple[Rule, ...] = (
    *(
        Rule(_DISTRIBUTION, behavior, code, judge)
        for behavior in _BEHAVIORS
        for code, judge in (
            ("InvalidArgument", _methods),
            ("InvalidArgument", _policy_or_values),
            ("NoSuchOrigin", _known_origin),
        )
    ),
    Rule(_DISTRIBUTION, "origins", "InvalidArgument", _different_origins),
    Rule(_DISTRIBUTION, "origins[]", "InvalidArgument", _kind_of_origin),
    Rule(
        _DISTRIBUTION,
        "origins[].domainName",
        "InvalidArgument",
        matches(r"[A-Za-z0-9.-]+\.[A-Za-z0-9-]+", "The parameter Origin DomainName is a host: no scheme, port or path"),
    ),
    Rule(
        _DISTRIBUTION,
        "origins[].originPath",
        "InvalidArgument",
        matches(r"(/.*[^/])?", "The parameter Origin Path begins with a slash and does not end with one"),
    ),
    Rule(
        _DISTRIBUTION,
        "origins[].customOriginConfig.originReadTimeout",
        "InvalidOriginReadTimeout",
        between(1, 180, "seconds"),
    ),
    Rule(
        _DISTRIBUTION,
        "origins[].customOriginConfig.originKeepaliveTimeout",
        "InvalidOriginKeepaliveTimeout",
        between(1, 180, "seconds"),
    ),
    Rule(_DISTRIBUTION, "aliases[]", "InvalidArgument", DOMAIN),
    Rule(_DISTRIBUTION, "", "InvalidViewerCertificate", _certificate),
    Rule(_DISTRIBUTION, "restrictions.geoRestriction", "InvalidGeoRestrictionParameter", _countries),
    Rule(_DISTRIBUTION, "comment", "InvalidArgument", matches(r"(?s).{0,128}", "a comment has at most 128 characters")),
    Rule(
        _DISTRIBUTION,
        "loggingConfig.bucket",
        "InvalidArgument",
        matches(
            r".+\.s3[a-z0-9.-]*\.amazonaws\.com", "The parameter Logging Bucket is a domain: bucket.s3.amazonaws.com"
        ),
    ),
    Rule(
        _DISTRIBUTION,
        "webAclId",
        "InvalidWebACLId",
        matches(r"arn:aws:wafv2:us-east-1:\d+:global/.+|[0-9a-f-]{36}", "the ARN of a web ACL with scope CLOUDFRONT"),
    ),
    Rule(
        "cloudfront/originAccessControl:OriginAccessControl",
        "name",
        "InvalidArgument",
        matches(r".{1,64}", "a name has at most 64 characters"),
    ),
    Rule("cloudfront/cachePolicy:CachePolicy", "", "InvalidArgument", _ordered_ttls),
    Rule(
        "cloudfront/cachePolicy:CachePolicy",
        "parametersInCacheKeyAndForwardedToOrigin",
        "InvalidArgument",
        _named_when_listed,
    ),
    Rule(
        "cloudfront/cachePolicy:CachePolicy",
        "name",
        "InvalidArgument",
        matches(r"[A-Za-z0-9_-]{1,128}", "a name has up to 128 letters, digits, hyphens and underscores"),
    ),
)
