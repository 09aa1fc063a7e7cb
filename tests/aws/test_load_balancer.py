import json
from typing import Any

import pulumi_aws as aws
import pytest
from pulumi_fastapi.aws import (
    Certificate,
    ExistingLoadBalancer,
    ExistingNetwork,
    LoadBalancer,
    LoadBalancerArgs,
    Network,
    Outbound,
    Target,
    TargetArgs,
)
from pulumi_fastapi.aws.load_balancer import rule_priority
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan
from pulumi_fastapi.timeouts import Timeouts, ladder
from reading import document

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
RUNGS = ladder(Timeouts())


def planned(network: Any, **args: Any) -> Plan:
    return plan(lambda: LoadBalancer("lb", LoadBalancerArgs(network=network, **args)), preview=False)


def target_args(load_balancer: Any, **args: Any) -> TargetArgs:
    return TargetArgs(
        **{
            "load_balancer": load_balancer,
            "vpc_id": "vpc-1",
            "health_path": "/-/ready",
            "ladder": RUNGS,
            **args,
        }
    )


def existing(**args: Any) -> ExistingLoadBalancer:
    return ExistingLoadBalancer(
        **{
            "listener_arn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shared/1/2",
            "security_group_id": "sg-1",
            "dns_name": "shared.elb.amazonaws.com",
            "hosted_zone_id": "Z1",
            "arn_suffix": "app/shared/1",
            **args,
        }
    )


def planned_target(name: str = "api", **args: Any) -> Plan:
    return plan(lambda: Target(name, target_args(existing(), **args)), preview=False)


@pytest.fixture(scope="module")
def https() -> Plan:
    return planned(
        ExistingNetwork(vpc_id="vpc-1", public_subnet_ids=["subnet-a", "subnet-b"]), certificate_arn=CERTIFICATE
    )


def listener(result: Plan, port: int) -> dict[str, Any]:
    (found,) = [each.inputs for each in result.all(aws.lb.Listener) if each.inputs["port"] == port]
    return found


# The load balancer


def test_only_the_two_web_ports_are_open(https: Plan) -> None:
    rules = https.all(aws.vpc.SecurityGroupIngressRule)
    assert sorted((rule.inputs["fromPort"], rule.inputs["toPort"]) for rule in rules) == [(80, 80), (443, 443)]
    assert {rule.inputs["ipProtocol"] for rule in rules} == {"tcp"}


def test_without_a_certificate_only_port_80_is_open(existing_network: ExistingNetwork) -> None:
    result = planned(existing_network)
    assert result.find(aws.vpc.SecurityGroupIngressRule).inputs["fromPort"] == 80
    assert result.find(aws.lb.Listener).inputs["protocol"] == "HTTP"
    assert result.find(LoadBalancer).outputs["https"] is False


def test_https_speaks_tls_13_and_no_less_than_12(https: Plan) -> None:
    assert listener(https, 443)["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert listener(https, 443)["certificateArn"] == CERTIFICATE


def test_http_is_redirected_for_good(https: Plan) -> None:
    (action,) = listener(https, 80)["defaultActions"]
    assert action["type"] == "redirect"
    assert action["redirect"] == {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}


def test_requests_for_nobody_are_answered_404(https: Plan) -> None:
    (action,) = listener(https, 443)["defaultActions"]
    assert action["fixedResponse"]["statusCode"] == "404"
    assert json.loads(action["fixedResponse"]["messageBody"]) == {"detail": "Not Found"}


def test_request_smuggling_is_refused(https: Plan) -> None:
    balancer = https.find(aws.lb.LoadBalancer)
    assert balancer.inputs["dropInvalidHeaderFields"] is True
    assert balancer.inputs["desyncMitigationMode"] == "defensive"


@pytest.mark.parametrize("protection", [True, False])
def test_deletion_protection_holds_in_aws_and_in_pulumi(protection: bool, existing_network: ExistingNetwork) -> None:
    balancer = planned(existing_network, deletion_protection=protection).find(aws.lb.LoadBalancer)
    assert balancer.inputs["enableDeletionProtection"] is protection
    assert balancer.options.protect is protection


def test_the_idle_timeout_is_the_one_asked_for(existing_network: ExistingNetwork) -> None:
    result = planned(existing_network, idle_timeout=600)
    assert result.find(aws.lb.LoadBalancer).inputs["idleTimeout"] == 600
    assert result.find(LoadBalancer).outputs["idleTimeout"] == 600


def test_it_is_internal_where_there_is_no_public_subnet() -> None:
    network = ExistingNetwork(vpc_id="v", private_subnet_ids=["subnet-a", "subnet-b"], outbound=Outbound.NAT)
    balancer = planned(network).find(aws.lb.LoadBalancer)
    assert balancer.inputs["internal"] is True
    assert balancer.inputs["subnets"] == ["subnet-a", "subnet-b"]


def test_an_internal_one_stands_beside_the_tasks() -> None:
    network = ExistingNetwork(
        vpc_id="v", public_subnet_ids=["pub-a", "pub-b"], private_subnet_ids=["a", "b"], outbound=Outbound.NAT
    )
    assert planned(network, internal=True).find(aws.lb.LoadBalancer).inputs["subnets"] == ["a", "b"]


def test_the_certificate_of_a_domain_is_validated_before_use(existing_network: ExistingNetwork) -> None:
    result = planned(existing_network, domain="api.example.com", zone_id="Z1")
    certificate, valid = result.find(aws.acm.Certificate), result.find(aws.acm.CertificateValidation)
    record = result.find(aws.route53.Record)
    assert (certificate.inputs["domainName"], certificate.inputs["validationMethod"]) == ("api.example.com", "DNS")
    assert (record.inputs["zoneId"], record.inputs["type"]) == ("Z1", "CNAME")
    (https,) = [each for each in result.all(aws.lb.Listener) if each.inputs["port"] == 443]
    assert https.property_dependencies["certificateArn"] == (valid,)


def test_a_certificate_can_be_made_alone() -> None:
    result = plan(lambda: Certificate("cert", "api.example.com", "Z1"), preview=False)
    assert result.find(Certificate).outputs["arn"] == result.find(aws.acm.Certificate).outputs["arn"]


# Access logs


@pytest.fixture(scope="module")
def logged() -> Plan:
    network = ExistingNetwork(vpc_id="vpc-1", public_subnet_ids=["subnet-a", "subnet-b"])
    return planned(network, access_logs=True)


def test_access_logs_are_off_by_default(https: Plan) -> None:
    assert "accessLogs" not in https.find(aws.lb.LoadBalancer).inputs
    assert https.all(aws.s3.Bucket) == []


def test_access_logs_wait_for_permission_to_write(logged: Plan) -> None:
    balancer = logged.find(aws.lb.LoadBalancer)
    assert balancer.inputs["accessLogs"]["enabled"] is True
    assert balancer.inputs["accessLogs"]["bucket"] == logged.find(aws.s3.Bucket).outputs["bucket"]
    assert logged.find(aws.s3.BucketPolicy) in balancer.dependencies


def test_the_log_bucket_is_closed_to_the_public(logged: Plan) -> None:
    block = logged.find(aws.s3.BucketPublicAccessBlock).inputs
    flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert all(block[flag] is True for flag in flags)


def test_the_log_bucket_takes_logs_and_nothing_without_tls(logged: Plan) -> None:
    write, insecure = document(logged.find(aws.s3.BucketPolicy))
    assert write["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert write["Action"] == "s3:PutObject"
    assert (insecure["Effect"], insecure["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_access_logs_expire(logged: Plan) -> None:
    (rule,) = logged.find(aws.s3.BucketLifecycleConfiguration).inputs["rules"]
    assert (rule["status"], rule["expiration"]["days"]) == ("Enabled", 90)


# A service's share


def test_the_target_group_takes_addresses_and_has_no_fixed_name() -> None:
    group = planned_target().find(aws.lb.TargetGroup, "api-tg")
    assert group.inputs["targetType"] == "ip"
    assert not {"name", "namePrefix"} & set(group.inputs)


def test_drain_and_health_checks_follow_the_ladder() -> None:
    group = planned_target().find(aws.lb.TargetGroup, "api-tg").inputs
    assert group["deregistrationDelay"] == RUNGS.drain
    assert group["healthCheck"] == {
        "path": "/-/ready",
        "protocol": "HTTP",
        "matcher": "200",
        "interval": RUNGS.health_interval,
        "timeout": RUNGS.health_timeout,
        "healthyThreshold": RUNGS.healthy_threshold,
        "unhealthyThreshold": RUNGS.unhealthy_threshold,
    }


@pytest.mark.parametrize(
    ("args", "conditions"),
    [
        ({}, [{"pathPattern": {"values": ["/*"]}}]),
        ({"domain": "a.example.com"}, [{"hostHeader": {"values": ["a.example.com"]}}]),
        ({"paths": ["/api/*"]}, [{"pathPattern": {"values": ["/api/*"]}}]),
        (
            {"domain": "a.example.com", "paths": ["/api/*"]},
            [{"hostHeader": {"values": ["a.example.com"]}}, {"pathPattern": {"values": ["/api/*"]}}],
        ),
    ],
)
def test_a_service_gets_the_requests_it_asks_for(args: dict[str, Any], conditions: list[Any]) -> None:
    assert planned_target(**args).find(aws.lb.ListenerRule).inputs["conditions"] == conditions


def test_a_domain_in_a_zone_becomes_an_alias() -> None:
    record = planned_target(domain="a.example.com", zone_id="Z9").find(aws.route53.Record, "api-alias")
    assert (record.inputs["zoneId"], record.inputs["name"], record.inputs["type"]) == ("Z9", "a.example.com", "A")
    assert record.inputs["aliases"][0]["name"] == "shared.elb.amazonaws.com"


def test_a_further_certificate_joins_the_listener() -> None:
    result = planned_target(domain="a.example.com", certificate_arn=CERTIFICATE)
    assert result.find(aws.lb.ListenerCertificate).inputs["certificateArn"] == CERTIFICATE


@pytest.mark.parametrize(
    ("domain", "https", "url"),
    [
        (None, False, "http://shared.elb.amazonaws.com"),
        (None, True, "https://shared.elb.amazonaws.com"),
        ("a.example.com", True, "https://a.example.com"),
    ],
)
def test_the_url_is_where_it_answers(domain: str | None, https: bool, url: str) -> None:
    result = plan(lambda: Target("api", target_args(existing(https=https), domain=domain)), preview=False)
    assert result.find(Target).outputs["url"] == url


def test_more_specific_rules_come_first() -> None:
    both = rule_priority("a", "a.example.com", ["/api/*"])
    assert both < min(rule_priority("b", "b.example.com", None), rule_priority("c", None, ["/x"]))
    assert max(rule_priority("b", "b.example.com", None), rule_priority("c", None, ["/x"])) < rule_priority(
        "d", None, None
    )


def test_derived_priorities_leave_room_and_are_valid() -> None:
    priorities = [rule_priority(f"service-{number}", None, None) for number in range(500)]
    assert min(priorities) >= 10000
    assert max(priorities) <= 50000
    assert rule_priority("service-7", None, None) == priorities[7]


def test_a_priority_that_is_taken_is_refused() -> None:
    def program() -> None:
        balancer = existing()
        Target("a", target_args(balancer, domain="a.example.com", priority=7))
        Target("b", target_args(balancer, domain="b.example.com", priority=7))

    with pytest.raises(ArgumentError, match="priority: a has this listener rule priority; give b another, got 7"):
        plan(program)


def test_two_services_for_the_same_requests_are_refused() -> None:
    def program() -> None:
        balancer = existing()
        Target("a", target_args(balancer))
        Target("b", target_args(balancer))

    with pytest.raises(ArgumentError, match=r"domain: a takes the same requests .* give b a domain or paths"):
        plan(program)


def test_two_descriptions_of_one_listener_are_one() -> None:
    def program() -> None:
        Target("a", target_args(existing(), domain="a.example.com", priority=7))
        Target("b", target_args(existing(), domain="b.example.com", priority=7))

    with pytest.raises(ArgumentError, match="priority: a has"):
        plan(program)


def test_one_description_serves_many_programs() -> None:
    balancer = existing()
    for _ in range(2):
        plan(lambda: Target("a", target_args(balancer, priority=7)))


# Wrong arguments


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"domain": "API.example.com", "zone_id": "Z"}, "domain: must be a DNS name in lower case"),
        ({"domain": "localhost", "zone_id": "Z"}, "domain: must be a DNS name"),
        ({"domain": "api.example.com"}, "zone_id: the certificate for api.example.com needs"),
        ({"idle_timeout": 4001}, "idle_timeout: must be between 1 and 4000 seconds, got 4001"),
        ({"certificate_arn": ""}, "certificate_arn: must not be empty"),
        ({"access_logs": 1}, "access_logs: must be true or false"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], problem: str, existing_network: ExistingNetwork) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        LoadBalancerArgs(network=existing_network, **args)


def test_an_internet_facing_one_needs_public_subnets() -> None:
    network = ExistingNetwork(vpc_id="v", private_subnet_ids=["a", "b"], outbound=Outbound.NAT)
    with pytest.raises(ArgumentError, match="internal: an internet-facing load balancer needs public_subnet_ids"):
        LoadBalancerArgs(network=network, internal=False)


def test_the_network_must_be_one() -> None:
    with pytest.raises(ArgumentError, match="network: must be Network or ExistingNetwork, got 'vpc-1'"):
        LoadBalancerArgs(network="vpc-1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"priority": 0}, "priority: must be between 1 and 50000"),
        ({"paths": ["api"]}, "paths: must be a path pattern"),
        ({"paths": []}, "paths: must be 1 to 5 patterns"),
        ({"paths": [f"/{n}" for n in range(6)]}, "paths: must be 1 to 5 patterns"),
        ({"paths": [f"/{n}" for n in range(5)], "domain": "a.example.com"}, "paths: must be 1 to 4 patterns"),
        ({"domain": "a_b.example.com"}, "domain: must be a DNS name"),
    ],
)
def test_wrong_targets_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        target_args(existing(), **args)


@pytest.mark.parametrize("name", ["x" * 100, "My_Project.With/Everything", "internal-api", "1", "---", "ü"])
def test_physical_names_fit_whatever_the_component_is_called(name: str, existing_network: ExistingNetwork) -> None:
    def program() -> None:
        Target(name, target_args(LoadBalancer(name, LoadBalancerArgs(network=existing_network))))

    result = plan(program)
    for resource in (result.find(aws.lb.LoadBalancer), *result.all(aws.lb.TargetGroup)):
        logical = resource.name
        assert len(logical) + 8 <= 32
        assert logical.replace("-", "").isalnum()
        assert logical.isascii()
        assert logical[0].isalpha()
        assert not logical.lower().startswith("internal-")


def test_a_network_component_is_a_network() -> None:
    def program() -> None:
        LoadBalancer("lb", LoadBalancerArgs(network=Network("net")))

    result = plan(program, preview=False)
    assert result.find(aws.lb.LoadBalancer).inputs["subnets"] == result.find(Network).outputs["loadBalancerSubnetIds"]
