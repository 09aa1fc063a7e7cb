"""The entry under a domain of one's own: a global HTTPS load balancer before one Cloud Run service."""

from dataclasses import dataclass
from typing import Optional

import pulumi
import pulumi_gcp as gcp
from pulumi import Input, Output, ResourceOptions

from ..component import as_args
from ..errors import ArgumentError
from ..validation import check_fields, in_range, matches
from .component import GoogleComponent

SCHEME = "EXTERNAL_MANAGED"
"""The global external Application Load Balancer; `EXTERNAL` is the classic one."""
_DOMAIN = r"(?=.{1,63}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
_LOWEST_PRIORITY = 2147483647


@dataclass(frozen=True, kw_only=True)
class HttpsLoadBalancerArgs:
    """Inputs of `HttpsLoadBalancer`."""

    domain: str
    """DNS name of the service."""
    service: Input[str]
    """Physical name of the Cloud Run service; let its ingress be INTERNAL_LOAD_BALANCER, or its own URL remains a way
    around the load balancer."""
    region: Input[str]
    """Region of the service."""
    dns_zone: Optional[Input[str]] = None
    """Cloud DNS zone, by its name, in which `domain` becomes the load balancer's address. Default: DNS is yours to set;
    the certificate becomes valid some minutes to an hour after it is."""
    certificate_ids: Optional[list[Input[str]]] = None
    """Certificates of your own, as `projects/{project}/global/sslCertificates/{name}`. Default: one that Google makes
    and renews for `domain`."""
    requests_per_minute: Optional[int] = None
    """Requests a minute that one client address may send, 10 to 1,000,000; further ones get 429 (Cloud Armor, billed by
    the month and by request). Default none, no limit."""
    request_logs: bool = False
    """Log each request here too; Cloud Run logs those that reach it. Default off, it is billed by volume."""
    deletion_protection: bool = True
    """Let Pulumi refuse to delete its address, which DNS names. Default on."""

    def __post_init__(self) -> None:
        check_fields(self)
        check_domain("domain", self.domain)
        if self.requests_per_minute is not None:
            in_range("requests_per_minute", self.requests_per_minute, 10, 1000000, "requests")
        if self.certificate_ids is not None and not 1 <= len(self.certificate_ids) <= 15:
            raise ArgumentError("certificate_ids", self.certificate_ids, "must be 1 to 15, as a proxy takes no more")


def check_domain(field: str, domain: str) -> None:
    """Refuse what a certificate that Google manages cannot be for."""
    problem = "a DNS name of up to 63 characters in lower case such as api.example.com, without a wildcard"
    matches(field, domain, _DOMAIN, problem)


class HttpsLoadBalancer(GoogleComponent):
    """A global external Application Load Balancer: HTTPS for one domain, HTTP redirected, one Cloud Run service behind.

    Creates a global address, a managed certificate, a TLS policy (1.2 and newer, modern ciphers), proxies and
    forwarding rules for 443 and 80, and the network endpoint group that stands for the service; a DNS record and a rate
    limit if asked for.
    Costs a price per hour for its forwarding rules, the first five of a project together, and per GB.
    """

    url: Output[str]
    """`https://{domain}`, known once traffic can pass."""
    ip_address: Output[str]
    """The address that `domain` must have."""
    backend_service_id: Output[str]
    """`projects/{project}/global/backendServices/{name}`."""
    url_map_name: Output[str]
    """Name by which the load balancer's metrics call it."""

    def __init__(self, name: str, args: HttpsLoadBalancerArgs, opts: Optional[ResourceOptions] = None) -> None:
        self.args = args = as_args(HttpsLoadBalancerArgs, args)
        super().__init__(name, args, opts)
        self.address = gcp.compute.GlobalAddress(
            self.child_name("address"), opts=self.child_options(protect=args.deletion_protection or None)
        )
        backend = self._backend()
        urls = gcp.compute.URLMap(self.child_name("https"), default_service=backend.id, opts=self.child)
        https = gcp.compute.TargetHttpsProxy(
            self.child_name("https"),
            url_map=urls.id,
            ssl_certificates=args.certificate_ids or [self._certificate()],
            ssl_policy=gcp.compute.SSLPolicy(
                self.child_name("tls"), min_tls_version="TLS_1_2", profile="MODERN", opts=self.child
            ).id,
            opts=self.child,
        )
        redirect = gcp.compute.URLMap(
            self.child_name("http"),
            default_url_redirect=gcp.compute.URLMapDefaultUrlRedirectArgs(
                https_redirect=True, strip_query=False, redirect_response_code="MOVED_PERMANENTLY_DEFAULT"
            ),
            opts=self.child,
        )
        http = gcp.compute.TargetHttpProxy(self.child_name("http"), url_map=redirect.id, opts=self.child)
        rules = [self._rule("https", "443", https.id), self._rule("http", "80", http.id)]
        record = self._record()
        ready = [*(rule.id for rule in rules), *([] if record is None else [record.id])]
        self.publish(
            url=Output.all(*ready).apply(lambda _: f"https://{args.domain}"),
            ip_address=self.address.address,
            backend_service_id=backend.id,
            url_map_name=urls.name,
        )

    def _backend(self) -> "gcp.compute.BackendService":
        args = self.args
        # Without a timeout: that of the service counts, and the group takes none.
        group = gcp.compute.RegionNetworkEndpointGroup(
            self.child_name("service"),
            network_endpoint_type="SERVERLESS",
            region=args.region,
            cloud_run=gcp.compute.RegionNetworkEndpointGroupCloudRunArgs(service=args.service),
            opts=self.child,
        )
        return gcp.compute.BackendService(
            self.child_name("service"),
            load_balancing_scheme=SCHEME,
            protocol="HTTPS",
            backends=[gcp.compute.BackendServiceBackendArgs(group=group.id)],
            security_policy=self._rate_limit(),
            log_config=gcp.compute.BackendServiceLogConfigArgs(enable=True, sample_rate=1.0)
            if args.request_logs
            else None,
            opts=self.child,
        )

    def _rate_limit(self) -> Optional[Output[str]]:
        if self.args.requests_per_minute is None:
            return None
        anyone = gcp.compute.SecurityPolicyRuleMatchArgs(
            versioned_expr="SRC_IPS_V1", config=gcp.compute.SecurityPolicyRuleMatchConfigArgs(src_ip_ranges=["*"])
        )
        limit = gcp.compute.SecurityPolicyRuleRateLimitOptionsArgs(
            conform_action="allow",
            exceed_action="deny(429)",
            enforce_on_key="IP",
            rate_limit_threshold=gcp.compute.SecurityPolicyRuleRateLimitOptionsRateLimitThresholdArgs(
                count=self.args.requests_per_minute, interval_sec=60
            ),
        )
        policy = gcp.compute.SecurityPolicy(
            self.child_name("rate-limit"),
            type="CLOUD_ARMOR",
            rules=[
                gcp.compute.SecurityPolicyRuleArgs(
                    action="throttle",
                    priority=1000,
                    description="Requests a minute of one client address",
                    match=anyone,
                    rate_limit_options=limit,
                ),
                gcp.compute.SecurityPolicyRuleArgs(
                    action="allow", priority=_LOWEST_PRIORITY, description="Everything else", match=anyone
                ),
            ],
            opts=self.child,
        )
        return policy.id

    def _certificate(self) -> Output[str]:
        certificate = gcp.compute.ManagedSslCertificate(
            self.child_name("certificate"),
            managed=gcp.compute.ManagedSslCertificateManagedArgs(domains=[self.args.domain]),
            opts=self.child,
        )
        return certificate.id

    def _rule(self, label: str, port: str, target: Output[str]) -> pulumi.CustomResource:
        return gcp.compute.GlobalForwardingRule(
            self.child_name(label),
            ip_address=self.address.address,
            ip_protocol="TCP",
            port_range=port,
            load_balancing_scheme=SCHEME,
            target=target,
            opts=self.child,
        )

    def _record(self) -> Optional[pulumi.CustomResource]:
        if self.args.dns_zone is None:
            return None
        return gcp.dns.RecordSet(
            self.child_name("address"),
            name=f"{self.args.domain}.",
            type="A",
            ttl=300,
            managed_zone=self.args.dns_zone,
            rrdatas=[self.address.address],
            opts=self.child,
        )
