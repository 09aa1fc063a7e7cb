"""Distributions, and how they prove themselves to their origins."""

import secrets
from collections.abc import Mapping
from typing import Any

from pulumi_fastapi.emulator.api import ACCOUNT_ID
from pulumi_fastapi.emulator.aws.common import by_id
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import AutoName, Call, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties

HOSTED_ZONE = "Z2FDTNDATAQYW2"
"""Of every distribution, for alias records (CloudFront documentation)."""

_CONFIG = "DistributionConfig"


def _geo_restriction(given: Properties) -> Properties:
    countries = given.get("locations") or []
    return {
        "RestrictionType": given["restrictionType"],
        "Quantity": len(countries),
        **({"Items": countries} if countries else {}),
    }


def _locations(told: Properties) -> Properties:
    countries = told.get("Items")
    return {"restrictionType": told["RestrictionType"], **({"locations": countries} if countries else {})}


def _logging(given: Properties) -> Properties:
    return {
        "Enabled": bool(given.get("bucket")),
        "Bucket": given.get("bucket") or "",
        "Prefix": given.get("prefix") or "",
        "IncludeCookies": bool(given.get("includeCookies")),
    }


def _logged(told: Properties) -> Properties | None:
    if not told["Enabled"]:
        return None
    return {"bucket": told["Bucket"], "prefix": told["Prefix"], "includeCookies": told["IncludeCookies"]}


def _behavior_fields(behavior: str) -> Mapping[str, str]:
    return {
        f"{behavior}.cachedMethods": "AllowedMethods.CachedMethods",
        f"{behavior}.lambdaFunctionAssociations.lambdaArn": "LambdaFunctionARN",
    }


def _reference(context: Context) -> Mapping[str, Any]:
    """What the API wants and the program does not say."""
    known = context.old.get("callerReference")
    config = {"CallerReference": known or secrets.token_hex(16)}
    return {_CONFIG: config if context.inputs.get("comment") is not None else {**config, "Comment": ""}}


def _distribution(_context: Context, answer: Properties) -> Properties:
    return {**answer["Distribution"], "ETag": answer["ETag"]}


def _matching(operation: str) -> Any:
    """Every change has to prove that it knows the last one."""
    return lambda context: {"Id": context.id, "IfMatch": context.look_up(operation, Id=context.id)["ETag"]}


def _disable(context: Context) -> None:
    """Only a distribution that serves nobody can be deleted."""
    answer = context.look_up("GetDistribution", Id=context.id)
    config = answer["Distribution"][_CONFIG]
    if config["Enabled"]:
        context.call(
            "UpdateDistribution", Id=context.id, IfMatch=answer["ETag"], DistributionConfig={**config, "Enabled": False}
        )


_CONTROL = "OriginAccessControlConfig"


def _control(_context: Context, answer: Properties) -> Properties:
    return {**answer["OriginAccessControl"], "ETag": answer["ETag"]}


_POLICY = "CachePolicyConfig"


def _policy(_context: Context, answer: Properties) -> Properties:
    return {**answer["CachePolicy"], "ETag": answer["ETag"]}


def _encodings(context: Context) -> Mapping[str, Any]:
    """The API wants both, which a program may leave out."""
    part = "parametersInCacheKeyAndForwardedToOrigin"
    given = context.inputs.get(part)
    if not isinstance(given, dict):
        return {}
    wanted = {name: given.get(name) or False for name in ("enableAcceptEncodingBrotli", "enableAcceptEncodingGzip")}
    return {_POLICY: {part[0].upper() + part[1:]: {name[0].upper() + name[1:]: it for name, it in wanted.items()}}}


ROWS = (
    ResourceType(
        pulumi_type="aws:cloudfront/distribution:Distribution",
        service="cloudfront",
        create="CreateDistribution",
        update="UpdateDistribution",
        update_key=_matching("GetDistribution"),
        id="Distribution.Id",
        added=_reference,
        fields={
            **{
                name: f"{_CONFIG}.{member}"
                for name, member in {
                    "aliases": "Aliases",
                    "anycastIpListId": "AnycastIpListId",
                    "cacheTagConfig": "CacheTagConfig",
                    "comment": "Comment",
                    "connectionFunctionAssociation": "ConnectionFunctionAssociation",
                    "continuousDeploymentPolicyId": "ContinuousDeploymentPolicyId",
                    "customErrorResponses": "CustomErrorResponses",
                    "defaultCacheBehavior": "DefaultCacheBehavior",
                    "defaultRootObject": "DefaultRootObject",
                    "enabled": "Enabled",
                    "httpVersion": "HttpVersion",
                    "isIpv6Enabled": "IsIPV6Enabled",
                    "orderedCacheBehaviors": "CacheBehaviors",
                    "originGroups": "OriginGroups",
                    "origins": "Origins",
                    "priceClass": "PriceClass",
                    "restrictions": "Restrictions",
                    "staging": "Staging",
                    "viewerCertificate": "ViewerCertificate",
                    "viewerMtlsConfig": "ViewerMtlsConfig",
                    "webAclId": "WebACLId",
                }.items()
            },
            **_behavior_fields("defaultCacheBehavior"),
            **_behavior_fields("orderedCacheBehaviors"),
            "loggingConfig": Field(f"{_CONFIG}.Logging", encode=_logging, decode=_logged),
            "originGroups.originId": "Id",
            "origins.customHeaders.name": "HeaderName",
            "origins.customHeaders.value": "HeaderValue",
            "origins.originId": "Id",
            "restrictions.geoRestriction": Field("GeoRestriction", encode=_geo_restriction, decode=_locations),
            "retainOnDelete": None,
            "waitForDeployment": None,
        },
        read=Read("GetDistribution", by_id("Id"), _distribution),
        before_delete=_disable,
        delete=Call("DeleteDistribution", _matching("GetDistribution")),
        kept_by="retainOnDelete",
        defaults={
            "httpVersion": "http2",
            "priceClass": "PriceClass_All",
            "retainOnDelete": False,
            "staging": False,
            "waitForDeployment": True,
        },
        replace_on=frozenset({"staging"}),
        outputs={
            "arn": "ARN",
            "callerReference": f"{_CONFIG}.CallerReference",
            "domainName": "DomainName",
            "etag": "ETag",
            "hostedZoneId": lambda _context: HOSTED_ZONE,
            "inProgressValidationBatches": "InProgressInvalidationBatches",
            "loggingV1Enabled": lambda context: bool(context.inputs.get("loggingConfig")),
        },
        volatile=lambda _old, _news: ("etag", "lastModifiedTime"),
        tags_after_create=True,
        import_id=lambda _context: None,
    ),
    ResourceType(
        pulumi_type="aws:cloudfront/originAccessControl:OriginAccessControl",
        service="cloudfront",
        create="CreateOriginAccessControl",
        update="UpdateOriginAccessControl",
        update_key=_matching("GetOriginAccessControl"),
        id="OriginAccessControl.Id",
        autoname=AutoName(max_length=64),
        fields={
            "description": f"{_CONTROL}.Description",
            "name": f"{_CONTROL}.Name",
            "originAccessControlOriginType": f"{_CONTROL}.OriginAccessControlOriginType",
            "signingBehavior": f"{_CONTROL}.SigningBehavior",
            "signingProtocol": f"{_CONTROL}.SigningProtocol",
        },
        read=Read("GetOriginAccessControl", by_id("Id"), _control),
        delete=Call("DeleteOriginAccessControl", _matching("GetOriginAccessControl")),
        defaults={"description": "Managed by Pulumi"},
        replace_on=frozenset({"name"}),
        outputs={
            "arn": lambda context: f"arn:aws:cloudfront::{ACCOUNT_ID}:origin-access-control/{context.id}",
            "etag": "ETag",
        },
        volatile=lambda _old, _news: ("etag",),
        import_id=lambda _context: None,
    ),
    ResourceType(
        pulumi_type="aws:cloudfront/cachePolicy:CachePolicy",
        service="cloudfront",
        create="CreateCachePolicy",
        update="UpdateCachePolicy",
        update_key=_matching("GetCachePolicy"),
        id="CachePolicy.Id",
        autoname=AutoName(max_length=128),
        added=_encodings,
        fields={
            "comment": f"{_POLICY}.Comment",
            "defaultTtl": f"{_POLICY}.DefaultTTL",
            "maxTtl": f"{_POLICY}.MaxTTL",
            "minTtl": f"{_POLICY}.MinTTL",
            "name": f"{_POLICY}.Name",
            "parametersInCacheKeyAndForwardedToOrigin": f"{_POLICY}.ParametersInCacheKeyAndForwardedToOrigin",
        },
        read=Read("GetCachePolicy", by_id("Id"), _policy),
        delete=Call("DeleteCachePolicy", _matching("GetCachePolicy")),
        defaults={"defaultTtl": 86400.0, "maxTtl": 31536000.0, "minTtl": 0.0},
        outputs={
            "arn": lambda context: f"arn:aws:cloudfront::{ACCOUNT_ID}:cache-policy/{context.id}",
            "etag": "ETag",
        },
        volatile=lambda _old, _news: ("etag",),
        import_id=lambda _context: None,
    ),
)
