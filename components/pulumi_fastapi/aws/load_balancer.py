"""The entry: an Application Load Balancer that several services can share, and each service's share of it."""

import hashlib
from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Union

import pulumi
import pulumi_aws as aws
from pulumi import (
    Input,
    InvokeOptions,
    Output,
    ResourceHook,
    ResourceHookArgs,
    ResourceHookBinding,
    ResourceHookOptions,
    ResourceOptions,
)

from ..component import Component, as_args, check_name, claims_on
from ..errors import ArgumentError
from ..timeouts import MAX_IDLE, TimeoutLadder
from ..validation import check_fields, in_range, matches
from . import policies
from .network import NetworkLike

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3 and 1.2 with forward secrecy; AWS' default still is a policy of 2016."""

_CERTIFICATE = "certificate"
_DOMAIN = r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"


def check_domain(field: str, domain: Optional[str]) -> None:
    """Refuse what cannot be the DNS name of a service."""
    if domain is not None:
        matches(field, domain, _DOMAIN, "a DNS name in lower case such as api.example.com")


def check_zone(domain: Optional[str], zone_id: Optional[Input[str]], certificate_arn: Optional[Input[str]]) -> None:
    """Refuse a domain without a certificate, and what is of use only with a domain."""
    if domain is not None and zone_id is None and certificate_arn is None:
        raise ArgumentError("zone_id", None, f"HTTPS for {domain} needs its Route 53 zone_id, or a certificate_arn")
    if domain is None and (zone_id is not None or certificate_arn is not None):
        raise ArgumentError("domain", None, "zone_id and certificate_arn are of use only with a domain")


def check_scheme(internal: Optional[bool], network: NetworkLike) -> None:
    """Refuse an internet-facing load balancer where there is no public subnet."""
    if internal is False and network.internal:
        raise ArgumentError(
            "internal", False, "an internet-facing load balancer needs public_subnet_ids in the network"
        )


class Certificate(Component):
    """A TLS certificate for one name, validated through DNS in a Route 53 zone. Costs nothing.

    `region` is the provider's, unless what uses it asks for another, as CloudFront does for us-east-1.
    """

    arn: Output[str]
    """ARN of the certificate, known once it is valid."""

    def __init__(
        self,
        name: str,
        domain: str,
        zone_id: Input[str],
        region: Optional[str] = None,
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        certificate = aws.acm.Certificate(
            self.child_name("certificate"),
            domain_name=domain,
            validation_method="DNS",
            region=region,
            opts=self.child,
        )
        proof = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            self.child_name("proof"),
            zone_id=zone_id,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=300,
            allow_overwrite=True,  # ACM gives the same record for the same name, also to another stack
            opts=self.child,
        )
        valid = aws.acm.CertificateValidation(
            self.child_name("valid"),
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            region=region,
            opts=self.child,
        )
        self.publish(arn=valid.certificate_arn)


@dataclass(frozen=True, kw_only=True)
class LoadBalancerArgs:
    """Inputs of `LoadBalancer`."""

    network: NetworkLike
    """Where it stands: a `Network` or an `ExistingNetwork`."""
    certificate_arn: Optional[Input[str]] = None
    """Certificate of the HTTPS listener; give it or `domain`. Default none: HTTP only."""
    domain: Optional[str] = None
    """Name to make a certificate for, in the zone `zone_id`. Default none."""
    zone_id: Optional[Input[str]] = None
    """Route 53 zone of `domain`."""
    internal: Optional[bool] = None
    """Reachable only from the network. Default: only where the network has no public subnets."""
    idle_timeout: int = 60
    """Seconds after which a silent connection is closed, 1 to 4000. Default 60."""
    access_logs: bool = False
    """Write access logs into an S3 bucket, kept for 90 days. Default off, they are billed by volume."""
    deletion_protection: bool = True
    """Refuse to be deleted. Default on."""

    def __post_init__(self) -> None:
        check_fields(self)
        check_domain("domain", self.domain)
        in_range("idle_timeout", self.idle_timeout, 1, MAX_IDLE, "seconds")
        if self.domain is not None and self.certificate_arn is None and self.zone_id is None:
            raise ArgumentError(
                "zone_id",
                None,
                f"the certificate for {self.domain} needs the Route 53 zone_id, or give a certificate_arn",
            )
        check_scheme(self.internal, self.network)


@dataclass(frozen=True, kw_only=True)
class ExistingLoadBalancer(ABC):
    """A load balancer of another stack, for where a `LoadBalancer` would be made."""

    listener_arn: Input[str]
    """ARN of the listener that serves: HTTPS where there is one."""
    security_group_id: Input[str]
    """Security group of the load balancer."""
    dns_name: Input[str]
    """Its DNS name."""
    hosted_zone_id: Input[str]
    """Zone of its DNS name, for alias records."""
    arn_suffix: Input[str]
    """`app/name/id`, the dimension of its metrics."""
    https: bool = True
    """Whether the listener speaks HTTPS. Default yes."""
    idle_timeout: int = 60
    """Seconds after which it closes a silent connection. Default 60, the default of AWS."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("idle_timeout", self.idle_timeout, 1, MAX_IDLE, "seconds")


class LoadBalancer(Component):
    """An Application Load Balancer that answers 404 until services attach a `Target`.

    Creates the load balancer, its security group open on the ports it listens on, and its listeners: HTTPS with a
    redirect from HTTP when it has a certificate, HTTP alone otherwise. With `access_logs` also a private bucket.
    Costs a price per hour, per used capacity unit and per public address of each zone.
    """

    arn: Output[str]
    """ARN of the load balancer."""
    listener_arn: Output[str]
    """ARN of the listener that serves."""
    security_group_id: Output[str]
    """Security group of the load balancer."""
    dns_name: Output[str]
    """Its DNS name."""
    hosted_zone_id: Output[str]
    """Zone of its DNS name, for alias records."""
    arn_suffix: Output[str]
    """`app/name/id`, the dimension of its metrics."""
    https: bool
    """Whether it serves HTTPS."""
    idle_timeout: int
    """Seconds after which it closes a silent connection."""

    def __init__(self, name: str, args: LoadBalancerArgs, opts: Optional[ResourceOptions] = None) -> None:
        self.args = args = as_args(LoadBalancerArgs, args)
        super().__init__(name, args, opts)
        certificate_arn = args.certificate_arn
        if certificate_arn is None and args.domain is not None and args.zone_id is not None:
            certificate_arn = Certificate(name, args.domain, args.zone_id, opts=self.child).arn
        self.internal = args.network.internal if args.internal is None else args.internal
        group = self._security_group([80] if certificate_arn is None else [80, 443])
        self.balancer = self._load_balancer(group)
        if certificate_arn is None:
            listener = self._listener("http", 80, not_found)
        else:
            self._listener("http", 80, redirect_to_https)
            listener = self._listener("https", 443, not_found, certificate_arn)
        if args.domain is not None:
            claims_on(self, listener.arn)[_CERTIFICATE, args.domain] = name
        self.publish(
            arn=self.balancer.arn,
            listener_arn=listener.arn,
            security_group_id=group.id,
            dns_name=self.balancer.dns_name,
            hosted_zone_id=self.balancer.zone_id,
            arn_suffix=self.balancer.arn_suffix,
            https=certificate_arn is not None,
            idle_timeout=args.idle_timeout,
        )

    def _security_group(self, ports: Sequence[int]) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            self.child_name("lb"),
            vpc_id=self.args.network.vpc_id,
            description="Load balancer: the only way in",
            tags={"Name": f"{self.resource_name}-lb"},
            opts=self.child,
        )
        for port in ports:
            aws.vpc.SecurityGroupIngressRule(
                self.child_name(f"lb-in-{port}"),
                security_group_id=group.id,
                description="HTTPS" if port == 443 else "HTTP",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                cidr_ipv4="0.0.0.0/0",
                opts=self.child,
            )
        return group

    def _load_balancer(self, group: aws.ec2.SecurityGroup) -> aws.lb.LoadBalancer:
        logs, ready = self._access_logs() if self.args.access_logs else (None, [])
        network = self.args.network
        return aws.lb.LoadBalancer(
            self.child_name("lb", limit=32),
            load_balancer_type="application",
            internal=self.internal,
            subnets=network.task_subnet_ids if self.internal else network.load_balancer_subnet_ids,
            security_groups=[group.id],
            idle_timeout=self.args.idle_timeout,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_deletion_protection=self.args.deletion_protection,
            access_logs=logs,
            opts=self.child_options(protect=self.args.deletion_protection or None, depends_on=ready),
        )

    def _listener(
        self,
        label: str,
        port: int,
        action: aws.lb.ListenerDefaultActionArgs,
        certificate_arn: Optional[Input[str]] = None,
    ) -> aws.lb.Listener:
        return aws.lb.Listener(
            self.child_name(label),
            load_balancer_arn=self.balancer.arn,
            port=port,
            protocol="HTTP" if certificate_arn is None else "HTTPS",
            certificate_arn=certificate_arn,
            ssl_policy=None if certificate_arn is None else TLS_POLICY,
            default_actions=[action],
            opts=self.child,
        )

    def _access_logs(self) -> tuple[aws.lb.LoadBalancerAccessLogsArgs, list[pulumi.Resource]]:
        protected = self.args.deletion_protection
        bucket = aws.s3.Bucket(
            self.child_name("logs"),
            force_destroy=not protected,
            opts=self.child_options(retain_on_delete=protected or None),  # S3 deletes no bucket with logs in it
        )
        closed = aws.s3.BucketPublicAccessBlock(
            self.child_name("logs"),
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            self.child_name("logs"),
            bucket=bucket.id,
            rules=[
                {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
            ],  # all that ELB can write to
            opts=self.child,
        )
        aws.s3.BucketOwnershipControls(
            self.child_name("logs"), bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=self.child
        )
        aws.s3.BucketVersioning(
            self.child_name("logs"),
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=self.child,
        )
        aws.s3.BucketLifecycleConfiguration(
            self.child_name("logs"),
            bucket=bucket.id,
            rules=[
                {
                    "id": "expire",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "expiration": {"days": 90},
                    "noncurrent_version_expiration": {"noncurrent_days": 7},
                }
            ],
            opts=self.child,
        )
        everything = Output.concat(bucket.arn, "/*")
        policy = aws.s3.BucketPolicy(
            self.child_name("logs"),
            bucket=bucket.id,
            policy=policies.document(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
                    "Action": "s3:PutObject",
                    "Resource": everything,
                },
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [bucket.arn, everything],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ),
            opts=self.child_options(depends_on=[closed]),
        )
        return aws.lb.LoadBalancerAccessLogsArgs(bucket=bucket.bucket, enabled=True), [policy]


not_found = aws.lb.ListenerDefaultActionArgs(
    type="fixed-response",
    fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
        content_type="application/json", message_body='{"detail":"Not Found"}', status_code="404"
    ),
)
redirect_to_https = aws.lb.ListenerDefaultActionArgs(
    type="redirect",
    redirect=aws.lb.ListenerDefaultActionRedirectArgs(port="443", protocol="HTTPS", status_code="HTTP_301"),
)


# A LoadBalancer can stand wherever an existing one can; the provider schema, read at run time, knows no unions.
ExistingLoadBalancer.register(LoadBalancer)
if TYPE_CHECKING:
    LoadBalancerLike = Union[LoadBalancer, ExistingLoadBalancer]
else:
    LoadBalancerLike = ExistingLoadBalancer


@dataclass(frozen=True, kw_only=True)
class TargetArgs:
    """Inputs of `Target`."""

    load_balancer: LoadBalancerLike
    """The load balancer to attach to."""
    vpc_id: Input[str]
    """VPC of the targets."""
    health_path: str
    """Path that answers 200 when a target can take traffic."""
    ladder: TimeoutLadder
    """Drain and health-check times."""
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

    def __post_init__(self) -> None:
        check_fields(self)
        check_domain("domain", self.domain)
        if self.priority is not None:
            in_range("priority", self.priority, 1, 50000)
        check_paths(self.paths, self.domain)


class Target(Component):
    """A service's share of a load balancer: a pair of target groups, a listener rule, and where wanted a certificate
    and a DNS name.

    The deploys that shift traffic start each version in the group that is free, and move the rule's weights. A rolling
    deploy stays in the group that has the traffic. So a service can go from one strategy to another in place.
    Costs nothing by itself.
    """

    arn: Output[str]
    """ARN of the first target group."""
    alternate_arn: Output[str]
    """ARN of the second one."""
    live_arn: Output[str]
    """ARN of the one that has the traffic, or most of it."""
    rule_arn: Output[str]
    """ARN of the listener rule."""
    url: Output[str]
    """Where the service answers."""

    def __init__(self, name: str, args: TargetArgs, opts: Optional[ResourceOptions] = None) -> None:
        balancer = args.load_balancer
        priority = claim_rule(balancer, name, args.domain, args.paths, args.priority)
        super().__init__(name, None, opts)
        group, alternate = self._group("tg", args), self._group("tg-2", args)
        join_listener(self, balancer, args.domain, args.zone_id, args.certificate_arn)
        rule = aws.lb.ListenerRule(
            self.child_name("rule"),
            listener_arn=balancer.listener_arn,
            priority=priority,
            conditions=rule_conditions(args.domain, args.paths),
            actions=[aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=group.arn)],
            # ECS moves the traffic between the groups; set back, the rule would send it to an empty one.
            opts=self.child_options(ignore_changes=["actions"]),
        )
        point_at(self, balancer, args.domain, args.zone_id)
        self.publish(
            arn=group.arn,
            alternate_arn=alternate.arn,
            live_arn=self._live(rule.arn, group.arn),
            rule_arn=rule.arn,
            url=url_of(balancer, args.domain),
        )

    def _group(self, label: str, args: TargetArgs) -> aws.lb.TargetGroup:
        ladder = args.ladder
        return aws.lb.TargetGroup(
            # No fixed name: a VPC replaces a group, and ELB refuses to delete one that a rule still uses.
            self.child_name(label, limit=32),
            vpc_id=args.vpc_id,
            # Each task registers with its own port; this one is for nobody, so that another port replaces no group.
            port=80,
            protocol="HTTP",
            target_type="ip",
            deregistration_delay=ladder.drain,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                path=args.health_path,
                protocol="HTTP",
                matcher="200",
                interval=ladder.health_interval,
                timeout=ladder.health_timeout,
                healthy_threshold=ladder.healthy_threshold,
                unhealthy_threshold=ladder.unhealthy_threshold,
            ),
            tags={"Name": self.resource_name},
            opts=self.child_options(hooks=self._health_path_hook(label)),
        )

    def _health_path_hook(self, label: str) -> ResourceHookBinding:
        """Says, also in preview, that no rollback takes back a changed health check."""

        def warn(args: ResourceHookArgs) -> None:
            before, after = (
                (inputs or {}).get("healthCheck", {}).get("path") for inputs in (args.old_inputs, args.new_inputs)
            )
            if before != after:
                pulumi.log.warn(
                    f"{args.name}: the health check moves from {before} to {after} at once, for the tasks that run too,"
                    " and a deploy that is rolled back does not move it back. Deploy an image that answers both first."
                )

        name = f"{self.child_name(label, limit=32)}-health-path"
        return ResourceHookBinding(before_update=[ResourceHook(name, warn, ResourceHookOptions(on_dry_run=True))])

    def _live(self, rule_arn: Output[str], first: Output[str]) -> Output[str]:
        actions = aws.lb.get_listener_rule_output(arn=rule_arn, opts=InvokeOptions(parent=self)).actions
        return Output.all(actions, first).apply(lambda known: live_group(known[0], known[1]))


def url_of(balancer: "LoadBalancerLike", domain: Optional[str]) -> Output[str]:
    """Where a service behind a load balancer answers."""
    return Output.concat("https://" if balancer.https else "http://", domain or balancer.dns_name)


def join_listener(
    component: Component,
    balancer: "LoadBalancerLike",
    domain: Optional[str],
    zone_id: Optional[Input[str]],
    certificate_arn: Optional[Input[str]],
) -> None:
    """A certificate for the listener, unless the load balancer or another service of this domain brings it."""
    if certificate_arn is None:
        if domain is None or zone_id is None or not balancer.https:
            return
        if not first_on(balancer, (_CERTIFICATE, domain), component.resource_name):
            return
        certificate_arn = Certificate(component.resource_name, domain, zone_id, opts=component.child).arn
    aws.lb.ListenerCertificate(
        component.child_name("certificate"),
        listener_arn=balancer.listener_arn,
        certificate_arn=certificate_arn,
        opts=component.child,
    )


def point_at(
    component: Component, balancer: "LoadBalancerLike", domain: Optional[str], zone_id: Optional[Input[str]]
) -> None:
    """One DNS record, however many services share the domain by path."""
    if domain is None or zone_id is None or not first_on(balancer, ("alias", domain), component.resource_name):
        return
    aws.route53.Record(
        component.child_name("alias"),
        zone_id=zone_id,
        name=domain,
        type="A",
        aliases=[
            aws.route53.RecordAliasArgs(
                name=balancer.dns_name, zone_id=balancer.hosted_zone_id, evaluate_target_health=True
            )
        ],
        opts=component.child,
    )


def first_on(load_balancer: "LoadBalancerLike", what: Union[str, tuple[str, str]], name: str) -> bool:
    """Whether nobody in this program has it on the load balancer yet; then `name` does from now on."""
    claims = claims_on(load_balancer, load_balancer.listener_arn)
    return what not in claims and claims.setdefault(what, name) == name


def arn_suffix(arn: Input[str]) -> Output[str]:
    """The end of an ARN that is the dimension of its metrics: `targetgroup/name/id`."""
    return Output.from_input(arn).apply(lambda known: known.split(":")[-1])


def live_group(actions: Sequence[Any], first: str) -> str:
    """The target group that a listener rule sends most of its requests to; `first` where it says nothing of weights."""
    weights = {
        group["arn"]: group["weight"]
        for action in actions or ()
        for forward in action.get("forwards") or ()
        for group in forward.get("target_groups") or ()
    }
    return max(weights, key=lambda arn: (weights[arn], arn == first), default=first)


def rule_priority(name: str, domain: Optional[str], paths: Optional[Sequence[str]]) -> int:
    """A priority that stays the same whatever else shares the listener; of two rules the more specific one comes first.

    The listener takes 1 to 50000 and refuses a priority that is in use. Below 10000 is left for explicit ones.
    """
    band = 3 - bool(domain) - bool(paths)
    return 10000 * band + int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10000


def check_rule(
    load_balancer: "LoadBalancerLike",
    name: str,
    domain: Optional[str],
    paths: Optional[Sequence[str]],
    priority: Optional[int],
) -> dict[Any, str]:
    """Refuse a listener rule that ELB refuses, or that gets no request because another rule of this program takes them.

    Returns:
        What the rule takes on its listener: its priority, first, and its requests.
    """
    claims = claims_on(load_balancer, load_balancer.listener_arn)
    taken = priority or rule_priority(name, domain, paths)
    if taken in claims:
        raise ArgumentError("priority", taken, f"{claims[taken]} has this listener rule priority; give {name} another")
    requests = (domain, tuple(sorted(paths or ())))
    if requests in claims:
        raise ArgumentError(
            "domain",
            domain,
            f"{claims[requests]} takes the same requests of this load balancer; give {name} a domain or paths",
        )
    return {taken: name, requests: name}


def claim_rule(
    load_balancer: "LoadBalancerLike",
    name: str,
    domain: Optional[str],
    paths: Optional[Sequence[str]],
    priority: Optional[int],
) -> int:
    """Take a listener rule for a component that is about to be made; see `check_rule`.

    Returns:
        Its priority.
    """
    check_name(name)
    claimed = check_rule(load_balancer, name, domain, paths, priority)
    claims_on(load_balancer, load_balancer.listener_arn).update(claimed)
    taken: int = next(iter(claimed))
    return taken


def check_paths(paths: Optional[Sequence[str]], domain: Optional[str]) -> None:
    """Refuse path patterns that ELB refuses."""
    for path in paths or ():
        matches("paths", path, r"/[A-Za-z0-9_\-.$/~\"'@:+&*?]{0,127}", "a path pattern such as /api/*")
    most = 5 if domain is None else 4  # ELB: five condition values a rule, the host is one
    if paths is not None and not 1 <= len(paths) <= most:
        raise ArgumentError("paths", paths, f"must be 1 to {most} patterns, as a listener rule takes no more")


def rule_conditions(domain: Optional[str], paths: Optional[list[str]]) -> list[aws.lb.ListenerRuleConditionArgs]:
    """The requests of a host, of some paths of it, or all."""
    conditions = []
    if domain is not None:
        conditions.append(
            aws.lb.ListenerRuleConditionArgs(host_header=aws.lb.ListenerRuleConditionHostHeaderArgs(values=[domain]))
        )
    if paths or domain is None:
        conditions.append(
            aws.lb.ListenerRuleConditionArgs(
                path_pattern=aws.lb.ListenerRuleConditionPathPatternArgs(values=paths or ["/*"])
            )
        )
    return conditions
