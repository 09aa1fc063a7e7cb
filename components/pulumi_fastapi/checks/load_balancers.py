"""Rules for load balancers, listeners and target groups."""

from collections.abc import Iterator

from ..planned import Resource
from . import Facts, Problem, enabled, get, rule

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"

MODERN_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
_LONGEST_DRAIN = 120


def _application(balancer: Resource) -> bool:
    return bool(get(balancer, "loadBalancerType", default="application") == "application")


@rule(BALANCER, severity="warning")
def http_only_load_balancer(balancer: Resource, facts: Facts) -> Iterator[Problem]:
    """Passwords and cookies cross the network in plain text without TLS (CT.ELASTICLOADBALANCING.PR.2, CKV_AWS_2)."""
    protocols = {
        get(each, "protocol", default="HTTP") for each in facts.referring(LISTENER, "loadBalancerArn", balancer)
    }
    if _application(balancer) and protocols == {"HTTP"}:
        where = "inside the VPC" if enabled(balancer, "internal") else "over the internet"
        yield Problem(
            f"has only an HTTP listener: requests travel {where} unencrypted",
            "give the service a domain (and its hosted zone), or add an HTTPS listener with an ACM certificate",
        )


@rule(LISTENER, severity="warning")
def http_without_redirect(listener: Resource, facts: Facts) -> Iterator[Problem]:
    """A client that starts with http:// must be led to HTTPS, not served in plain text (ELBv2.1, ELB.1)."""
    if get(listener, "protocol", default="HTTP") != "HTTP":
        return
    balancers = facts.referred(listener, "loadBalancerArn", BALANCER)
    siblings = [each for balancer in balancers for each in facts.referring(LISTENER, "loadBalancerArn", balancer)]
    secured = any(get(each, "protocol") == "HTTPS" for each in siblings)
    redirects = get(listener, "defaultActions", "redirect", "protocol") == "HTTPS"
    if secured and not redirects:
        yield Problem(
            "serves plain HTTP although the load balancer has HTTPS",
            "make its default action a redirect to HTTPS with status HTTP_301",
        )


@rule(LISTENER, severity="warning")
def old_tls_policy(listener: Resource, _: Facts) -> Iterator[Problem]:
    """The provider's default policy of 2016 still accepts TLS 1.0 (CKV_AWS_103, ELB.17)."""
    if get(listener, "protocol") not in ("HTTPS", "TLS"):
        return
    policy = get(listener, "sslPolicy", default="ELBSecurityPolicy-2016-08 (the default)")
    if "TLS13" not in policy:
        yield Problem(f"uses the TLS policy {policy}, which has no TLS 1.3", f"set sslPolicy to {MODERN_POLICY}")


@rule(BALANCER, severity="warning")
def invalid_headers_accepted(balancer: Resource, _: Facts) -> Iterator[Problem]:
    """Malformed headers smuggle requests past a proxy (CT.ELASTICLOADBALANCING.PR.4, ELB.4, CKV_AWS_131)."""
    if _application(balancer) and not enabled(balancer, "dropInvalidHeaderFields"):
        yield Problem("passes malformed headers on to the tasks", "set dropInvalidHeaderFields to true")


@rule(BALANCER, TARGET_GROUP, severity="warning")
def fixed_name_blocks_replacement(resource: Resource, _: Facts) -> Iterator[Problem]:
    """A replacement is made before the old one goes; with the same physical name AWS refuses it as a duplicate."""
    name = get(resource, "name")
    if name is not None and resource.options.delete_before_replace is not True:
        yield Problem(
            f"has the fixed name {name!r}: a change that replaces it fails because the name is taken",
            "leave name out so that Pulumi adds a random suffix, or give a namePrefix",
        )


@rule(TARGET_GROUP, severity="warning")
def slow_deregistration(group: Resource, _: Facts) -> Iterator[Problem]:
    """Every stopping task waits this long, so it is part of each deployment; 300 s is the default."""
    if get(group, "targetType") == "lambda":
        return  # which is called, not drained
    delay = int(get(group, "deregistrationDelay", default=300))
    if delay > _LONGEST_DRAIN:
        yield Problem(
            f"drains for {delay} s, which every deployment waits for and which is longer than a task may take to stop "
            f"({_LONGEST_DRAIN} s)",
            "set deregistrationDelay a little above the longest request, 120 at most",
        )


@rule(SERVICE, severity="warning")
def drain_longer_than_stop(service: Resource, facts: Facts) -> Iterator[Problem]:
    """A task that stops before its target group has drained cuts requests that are still running."""
    groups = facts.referred(service, "loadBalancers", TARGET_GROUP)
    for task in facts.referred(service, "taskDefinition", TASK):
        for container in facts.containers(task):
            stop = int(container.get("stopTimeout") or 30)
            for group in groups:
                delay = int(get(group, "deregistrationDelay", default=300))
                if stop < delay <= _LONGEST_DRAIN:
                    yield Problem(
                        f"container {container.get('name')!r} may stop within {stop} s, its targets drain {delay} s",
                        f"set stopTimeout to at least {delay}, or deregistrationDelay to {stop} or less",
                    )


@rule(SERVICE, severity="warning")
def keep_alive_below_idle_timeout(service: Resource, facts: Facts) -> Iterator[Problem]:
    """A server that closes an idle connection before the load balancer does answers the next request with a 502."""
    for balancer in _balancers_of(service, facts):
        idle = int(get(balancer, "idleTimeout", default=60))
        for task in facts.referred(service, "taskDefinition", TASK):
            for container in facts.containers(task):
                values = {each["name"]: each.get("value") for each in container.get("environment") or []}
                keep_alive = values.get("KEEP_ALIVE_SECONDS")
                if keep_alive is not None and float(keep_alive) <= idle:
                    yield Problem(
                        f"container {container.get('name')!r} keeps idle connections {keep_alive} s, the load balancer "
                        f"{balancer.name!r} {idle} s: some requests get a 502",
                        f"set KEEP_ALIVE_SECONDS above {idle}",
                    )


def _balancers_of(service: Resource, facts: Facts) -> list[Resource]:
    """The load balancers whose listeners or rules forward to the service's target groups."""
    groups = facts.referred(service, "loadBalancers", TARGET_GROUP)
    found = []
    for balancer in facts.all(BALANCER):
        listeners = facts.referring(LISTENER, "loadBalancerArn", balancer)
        forwarding = [(each, "defaultActions") for each in listeners]
        for listener in listeners:
            forwarding += [
                (each, "actions")
                for each in facts.referring("aws:lb/listenerRule:ListenerRule", "listenerArn", listener)
            ]
        if any(facts.refers(each, key, group) for each, key in forwarding for group in groups):
            found.append(balancer)
    return found
