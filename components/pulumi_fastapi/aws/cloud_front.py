"""CloudFront before a function's URL: a domain with HTTPS, a web ACL, answers from a cache near the client.

CloudFront can prove itself to the URL in two ways. A header that only it and the app know is the one that serves an
API: any client, any method. Signed requests (origin access control) cost the client's `Authorization`, which the
signature takes the place of, and every body, as Lambda wants its SHA-256 from the client: browsers and curl send none.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Optional

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from ..component import Component, as_args
from ..errors import REDACTED, ArgumentError
from ..validation import check_fields, in_range, matches
from .function_url import allow_url
from .load_balancer import Certificate, check_domain, check_zone

CLOUD_FRONT_SECONDS = 60
"""Longest request through CloudFront in seconds without a higher quota (Amazon CloudFront Developer Guide)."""
CLOUD_FRONT_REGION = "us-east-1"
"""CloudFront takes certificates and web ACLs from this region only."""
ORIGIN_HEADER = "X-Origin-Secret"
"""The header by which the runtime knows requests that came through CloudFront."""

# Policies that AWS maintains, with the same ids in every account.
_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_SHORTEST_SECRET = 32
_ORIGIN = "function"
_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
_YEAR = 365 * 86400


@dataclass(frozen=True, kw_only=True)
class CloudFrontArgs:
    """Inputs of `CloudFront`."""

    host: Input[str]
    """DNS name of the function's URL."""
    function_name: Input[str]
    """Name of the function."""
    qualifier: Input[str]
    """Alias that the URL belongs to."""
    domain: Optional[str] = None
    """DNS name to answer at. Default none: the name that CloudFront gives."""
    zone_id: Optional[Input[str]] = None
    """Route 53 zone of `domain`, for the certificate and the DNS records."""
    certificate_arn: Optional[Input[str]] = None
    """Certificate for `domain`, of us-east-1. Default: one made and validated in `zone_id`."""
    origin_headers: Optional[dict[str, Input[str]]] = field(default=None, repr=False, metadata={"secret": True})
    """Headers that CloudFront adds, with secrets of 32 characters or more by which the app refuses who goes past it to
    the URL: `X-Origin-Secret`, which the runtime checks (see `origin_environment`), or one that the app checks itself.
    Needed unless `sign_requests`."""
    sign_requests: bool = False
    """Sign the requests to a URL with `AWS_IAM`. Lambda then refuses bodies unless the client sends their SHA-256 in
    `x-amz-content-sha256`, and the app sees no `Authorization` of the client: for reading without tokens. Default
    off."""
    caching: bool = False
    """Keep answers for as long as their `Cache-Control` says, and those without not at all; requests that differ in
    query, cookies, `Accept`, `Authorization` or `Origin` are told apart. Default off: all go to the function."""
    timeout: int = 30
    """Seconds that CloudFront waits for the function before it answers 504, 1 to 60. Default 30."""
    web_acl_arn: Optional[Input[str]] = None
    """Web ACL of the scope `CLOUDFRONT`, such as a `WebAcl`. Default none."""

    def __post_init__(self) -> None:
        check_fields(self)
        check_domain("domain", self.domain)
        check_zone(self.domain, self.zone_id, self.certificate_arn)
        in_range("timeout", self.timeout, 1, CLOUD_FRONT_SECONDS, "seconds: CloudFront waits no longer")
        matches("certificate_arn", self.certificate_arn, r"arn:[^:]+:acm:us-east-1:.+", "the ARN of one in us-east-1")
        for header, secret in (self.origin_headers or {}).items():
            matches("origin_headers", header, r"(?!(?i:x-amz|x-edge))[A-Za-z0-9-]{1,256}", "the name of a header")
            check_origin_secret(f"origin_headers[{header!r}]", secret)
        if not self.origin_headers and not self.sign_requests:
            raise ArgumentError(
                "origin_headers",
                None,
                f"without a secret in {ORIGIN_HEADER} the function's URL is a way past CloudFront and its web"
                " ACL; make one with `pulumi config set --secret originSecret $(openssl rand -hex 32)`",
            )


class CloudFront(Component):
    """A CloudFront distribution whose origin is the URL of one alias of a function.

    Creates the distribution; with a domain its certificate and DNS records, with `sign_requests` an origin access
    control and the two permissions of the URL, with `caching` a cache policy. Costs a price per request and GB.
    """

    url: Output[str]
    """Where it answers, without a slash at its end."""
    distribution_id: Output[str]
    """Id of the distribution."""
    distribution_arn: Output[str]
    """Its ARN."""

    def __init__(self, name: str, args: CloudFrontArgs, opts: Optional[ResourceOptions] = None) -> None:
        self.args = args = as_args(CloudFrontArgs, args)
        super().__init__(name, args, opts)
        certificate_arn = args.certificate_arn
        if certificate_arn is None and args.domain is not None and args.zone_id is not None:
            certificate_arn = Certificate(
                name, args.domain, args.zone_id, region=CLOUD_FRONT_REGION, opts=self.child
            ).arn
        distribution = aws.cloudfront.Distribution(
            self.child_name("cdn"),
            enabled=True,
            comment=self.resource_name,
            aliases=[args.domain] if args.domain else None,
            http_version="http2and3",
            is_ipv6_enabled=True,
            origins=[self._origin()],
            default_cache_behavior=self._behavior(),
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            viewer_certificate=_viewer_certificate(certificate_arn),
            web_acl_id=args.web_acl_arn,
            opts=self.child,
        )
        if args.sign_requests:
            allow_url(
                self,
                "cdn",
                args.function_name,
                args.qualifier,
                "cloudfront.amazonaws.com",
                "AWS_IAM",
                source_arn=distribution.arn,
            )
        self._records(distribution)
        self.publish(
            url=Output.concat("https://", args.domain or distribution.domain_name),
            distribution_id=distribution.id,
            distribution_arn=distribution.arn,
        )

    def _origin(self) -> aws.cloudfront.DistributionOriginArgs:
        args = self.args
        access = None
        if args.sign_requests:
            access = aws.cloudfront.OriginAccessControl(
                self.child_name("access", limit=64),
                origin_access_control_origin_type="lambda",
                signing_behavior="always",
                signing_protocol="sigv4",
                opts=self.child,
            ).id
        return aws.cloudfront.DistributionOriginArgs(
            origin_id=_ORIGIN,
            domain_name=args.host,
            origin_access_control_id=access,
            custom_headers=self._headers(),
            custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
                http_port=80,
                https_port=443,
                origin_protocol_policy="https-only",
                origin_ssl_protocols=["TLSv1.2"],
                origin_read_timeout=args.timeout,
            ),
        )

    def _headers(self) -> list[aws.cloudfront.DistributionOriginCustomHeaderArgs]:
        header = aws.cloudfront.DistributionOriginCustomHeaderArgs
        proofs = sorted((self.args.origin_headers or {}).items())
        headers = [header(name=name, value=Output.secret(secret)) for name, secret in proofs]
        if self.args.domain is not None:  # the URL takes no other host than its own, and the app has to know its name
            headers.append(header(name="X-Forwarded-Host", value=self.args.domain))
        return headers

    def _behavior(self) -> aws.cloudfront.DistributionDefaultCacheBehaviorArgs:
        return aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
            target_origin_id=_ORIGIN,
            allowed_methods=_METHODS,
            cached_methods=["GET", "HEAD"],
            viewer_protocol_policy="redirect-to-https",
            cache_policy_id=self._cache_policy() if self.args.caching else _CACHING_DISABLED,
            # A URL answers only requests for its own host.
            origin_request_policy_id=_ALL_VIEWER_EXCEPT_HOST_HEADER,
            compress=True,
        )

    def _cache_policy(self) -> Output[str]:
        """Of our own: the one of AWS that minds `Cache-Control` hands on the client's `Host`, which a URL refuses."""
        return aws.cloudfront.CachePolicy(
            self.child_name("cache", limit=128),
            min_ttl=0,
            default_ttl=0,
            max_ttl=_YEAR,
            parameters_in_cache_key_and_forwarded_to_origin={
                "enable_accept_encoding_brotli": True,
                "enable_accept_encoding_gzip": True,
                "cookies_config": {"cookie_behavior": "all"},
                "headers_config": {
                    "header_behavior": "whitelist",
                    "headers": {"items": ["Accept", "Authorization", "Origin"]},
                },
                "query_strings_config": {"query_string_behavior": "all"},
            },
            opts=self.child,
        ).id

    def _records(self, distribution: aws.cloudfront.Distribution) -> None:
        args = self.args
        if args.domain is None or args.zone_id is None:
            return
        for type_ in ("A", "AAAA"):
            aws.route53.Record(
                self.child_name(f"alias-{type_.lower()}"),
                zone_id=args.zone_id,
                name=args.domain,
                type=type_,
                aliases=[
                    aws.route53.RecordAliasArgs(
                        name=distribution.domain_name,
                        zone_id=distribution.hosted_zone_id,
                        evaluate_target_health=False,
                    )
                ],
                opts=self.child,
            )


def _viewer_certificate(
    certificate_arn: Optional[Input[str]],
) -> aws.cloudfront.DistributionViewerCertificateArgs:
    if certificate_arn is None:
        return aws.cloudfront.DistributionViewerCertificateArgs(cloudfront_default_certificate=True)
    return aws.cloudfront.DistributionViewerCertificateArgs(
        acm_certificate_arn=certificate_arn,
        ssl_support_method="sni-only",
        minimum_protocol_version="TLSv1.2_2021",
    )


def check_origin_secret(field_name: str, secret: Input[str]) -> None:
    """Refuse a secret that can be guessed; an `Output` is known too late to be checked here."""
    if isinstance(secret, str) and len(secret) < _SHORTEST_SECRET:
        raise ArgumentError(field_name, REDACTED, f"must have {_SHORTEST_SECRET} characters or more")


def origin_environment(secret: Input[str]) -> dict[str, Output[str]]:
    """The variable by which the runtime refuses requests to a function's URL without this secret in `X-Origin-Secret`.

    It holds the secret's SHA-256, of use to nobody who reads it.
    """
    check_origin_secret("secret", secret)
    digest = Output.from_input(secret).apply(lambda known: hashlib.sha256(known.encode()).hexdigest())
    return {"ORIGIN_SECRET_DIGEST": Output.unsecret(digest)}
