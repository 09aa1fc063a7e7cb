from typing import Any

import pulumi
import pulumi_gcp as gcp
import pytest
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.gcp.load_balancer import HttpsLoadBalancer, HttpsLoadBalancerArgs
from pulumi_fastapi.plan import Plan, plan

CONFIG = {"gcp:project": "shop-1", "gcp:region": "europe-west1"}
GIVEN: dict[str, Any] = {"domain": "api.example.com", "service": "api", "region": "europe-west1"}


def planned(**args: Any) -> Plan:
    def program() -> None:
        pulumi.export("url", HttpsLoadBalancer("lb", HttpsLoadBalancerArgs(**(GIVEN | args))).url)

    return plan(program, config=CONFIG, preview=False)


@pytest.fixture(scope="module")
def default() -> Plan:
    return planned()


@pytest.fixture(scope="module")
def limited() -> Plan:
    return planned(requests_per_minute=600)


def test_the_service_stands_behind_it(default: Plan) -> None:
    group = default.find(gcp.compute.RegionNetworkEndpointGroup)
    assert group.inputs["cloudRun"] == {"service": "api"}
    assert group.inputs["region"] == "europe-west1"
    backend = default.find(gcp.compute.BackendService)
    assert backend.inputs["backends"] == [{"group": group.outputs["id"]}]


def test_nothing_is_set_that_a_serverless_group_refuses(default: Plan) -> None:
    backend = default.find(gcp.compute.BackendService).inputs
    assert not {"timeoutSec", "healthChecks", "portName"} & set(backend)


def test_everything_is_of_the_global_external_kind(default: Plan) -> None:
    parts = [default.find(gcp.compute.BackendService), *default.all(gcp.compute.GlobalForwardingRule)]
    assert [part.inputs["loadBalancingScheme"] for part in parts] == ["EXTERNAL_MANAGED"] * 3


def test_http_is_answered_with_a_redirect_only(default: Plan) -> None:
    rule = default.find(gcp.compute.GlobalForwardingRule, "lb-http")
    proxy = default.find(gcp.compute.TargetHttpProxy)
    urls = default.find(gcp.compute.URLMap, "lb-http")
    assert (rule.inputs["portRange"], rule.inputs["target"]) == ("80", proxy.outputs["id"])
    assert proxy.inputs["urlMap"] == urls.outputs["id"]
    assert urls.inputs["defaultUrlRedirect"]["httpsRedirect"] is True
    assert "defaultService" not in urls.inputs


def test_old_tls_is_refused(default: Plan) -> None:
    policy = default.find(gcp.compute.SSLPolicy)
    assert (policy.inputs["minTlsVersion"], policy.inputs["profile"]) == ("TLS_1_2", "MODERN")
    assert default.find(gcp.compute.TargetHttpsProxy).inputs["sslPolicy"] == policy.outputs["id"]


def test_google_makes_the_certificate(default: Plan) -> None:
    certificate = default.find(gcp.compute.ManagedSslCertificate)
    assert certificate.inputs["managed"] == {"domains": ["api.example.com"]}
    assert default.find(gcp.compute.TargetHttpsProxy).inputs["sslCertificates"] == [certificate.outputs["id"]]


def test_a_certificate_of_one_s_own_takes_its_place() -> None:
    result = planned(certificate_ids=["projects/p/global/sslCertificates/mine"])
    assert result.all(gcp.compute.ManagedSslCertificate) == []
    proxy = result.find(gcp.compute.TargetHttpsProxy)
    assert proxy.inputs["sslCertificates"] == ["projects/p/global/sslCertificates/mine"]


def test_both_ports_have_the_one_address(default: Plan) -> None:
    address = default.find(gcp.compute.GlobalAddress)
    rules = default.all(gcp.compute.GlobalForwardingRule)
    assert [rule.inputs["ipAddress"] for rule in rules] == [address.outputs["address"]] * 2


def test_the_address_that_dns_names_is_protected(default: Plan) -> None:
    assert default.find(gcp.compute.GlobalAddress).options.protect
    assert not planned(deletion_protection=False).find(gcp.compute.GlobalAddress).options.protect


def test_names_are_left_to_pulumi_so_that_parts_can_be_replaced(default: Plan) -> None:
    assert [each for each in default.resources if each.custom and "name" in each.inputs] == []


def test_dns_is_the_user_s_unless_a_zone_is_given(default: Plan) -> None:
    assert default.all(gcp.dns.RecordSet) == []
    result = planned(dns_zone="example")
    record = result.find(gcp.dns.RecordSet).inputs
    assert (record["managedZone"], record["name"], record["type"]) == ("example", "api.example.com.", "A")
    assert record["rrdatas"] == [result.find(gcp.compute.GlobalAddress).outputs["address"]]


def test_there_is_no_rate_limit_by_default(default: Plan) -> None:
    assert default.all(gcp.compute.SecurityPolicy) == []
    assert "securityPolicy" not in default.find(gcp.compute.BackendService).inputs


def test_a_rate_limit_counts_each_client_address(limited: Plan) -> None:
    policy = limited.find(gcp.compute.SecurityPolicy)
    limit = policy.inputs["rules"][0]["rateLimitOptions"]
    assert limit["rateLimitThreshold"] == {"count": 600, "intervalSec": 60}
    assert (limit["enforceOnKey"], limit["exceedAction"]) == ("IP", "deny(429)")
    assert limited.find(gcp.compute.BackendService).inputs["securityPolicy"] == policy.outputs["id"]


def test_a_rate_limit_lets_everybody_else_in(limited: Plan) -> None:
    last = limited.find(gcp.compute.SecurityPolicy).inputs["rules"][-1]
    assert (last["action"], last["priority"]) == ("allow", 2147483647)


def test_the_url_is_that_of_the_domain(default: Plan) -> None:
    assert default.outputs["url"] == "https://api.example.com"


def test_requests_are_logged_only_when_asked_for(default: Plan) -> None:
    assert "logConfig" not in default.find(gcp.compute.BackendService).inputs
    logged = planned(request_logs=True).find(gcp.compute.BackendService).inputs["logConfig"]
    assert (logged["enable"], logged["sampleRate"]) == (True, 1)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"domain": "*.example.com"}, "domain: must be a DNS name of up to 63 characters"),
        ({"domain": "https://api.example.com"}, "domain: must be a DNS name"),
        ({"domain": f"{'a' * 60}.example.com"}, "domain: must be a DNS name of up to 63 characters"),
        ({"requests_per_minute": 5}, "requests_per_minute: must be between 10 and 1000000 requests, got 5"),
        ({"certificate_ids": []}, "certificate_ids: must be 1 to 15"),
    ],
)
def test_what_google_refuses_is_refused_first(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        HttpsLoadBalancerArgs(**(GIVEN | args))
    assert message in str(error.value)
