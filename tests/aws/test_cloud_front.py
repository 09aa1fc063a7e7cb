import hashlib
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi_fastapi.aws.cloud_front import CloudFront, CloudFrontArgs, origin_environment
from pulumi_fastapi.aws.web_acl import WebAcl, WebAclArgs
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, Secret, plan

HOST = "abc.lambda-url.eu-west-1.on.aws"
SECRET = "4f" * 32
REGION = {"aws:region": "eu-west-1"}


def cdn_args(**args: Any) -> CloudFrontArgs:
    given = {"host": HOST, "function_name": "shop", "qualifier": "live", "origin_headers": {"X-Origin-Secret": SECRET}}
    return CloudFrontArgs(**(given | args))


def planned(**args: Any) -> Plan:
    return plan(lambda: CloudFront("api", cdn_args(**args)), preview=False, config=REGION)


@pytest.fixture(scope="module")
def plain() -> Plan:
    return planned()


@pytest.fixture(scope="module")
def named() -> Plan:
    return planned(domain="api.example.com", zone_id="Z1")


@pytest.fixture(scope="module")
def signed() -> Plan:
    return planned(sign_requests=True, origin_headers=None)


def distribution(result: Plan) -> dict[str, Any]:
    return dict(result.find(aws.cloudfront.Distribution).inputs)


def origin(result: Plan) -> dict[str, Any]:
    (found,) = distribution(result)["origins"]
    return dict(found)


# Every request of every client gets through


def test_all_methods_pass(plain: Plan) -> None:
    methods = distribution(plain)["defaultCacheBehavior"]["allowedMethods"]
    assert set(methods) == {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}


def test_nothing_is_kept_unless_asked_for(plain: Plan) -> None:
    behavior = distribution(plain)["defaultCacheBehavior"]
    assert behavior["cachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # Managed-CachingDisabled
    assert plain.all(aws.cloudfront.CachePolicy) == []


def test_the_function_gets_all_headers_but_the_host(plain: Plan) -> None:
    """A URL answers a request for another host with 403."""
    behavior = distribution(plain)["defaultCacheBehavior"]
    assert behavior["originRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"


def test_plain_http_is_left_at_the_edge(plain: Plan) -> None:
    assert distribution(plain)["defaultCacheBehavior"]["viewerProtocolPolicy"] == "redirect-to-https"
    assert origin(plain)["customOriginConfig"]["originProtocolPolicy"] == "https-only"


def test_it_waits_as_long_as_asked_for() -> None:
    assert origin(planned(timeout=45))["customOriginConfig"]["originReadTimeout"] == 45


# Nobody gets past it


def test_cloudfront_proves_itself_by_a_header_and_unsigned(plain: Plan) -> None:
    assert origin(plain)["customHeaders"] == [{"name": "X-Origin-Secret", "value": Secret(SECRET)}]
    assert "originAccessControlId" not in origin(plain)


def test_the_secret_is_shown_nowhere(plain: Plan) -> None:
    assert SECRET not in plain.to_json()
    assert SECRET not in repr(cdn_args())


def test_an_app_can_check_a_header_of_its_own() -> None:
    """C19: such an app refuses whatever has not come through CloudFront."""
    headers = origin(planned(origin_headers={"X-CloudFront-Header": SECRET}))["customHeaders"]
    assert headers == [{"name": "X-CloudFront-Header", "value": Secret(SECRET)}]


def test_without_a_secret_it_is_refused_with_how_to_make_one() -> None:
    with pytest.raises(ArgumentError, match=r"^origin_headers: .*way past CloudFront.*openssl rand -hex 32"):
        cdn_args(origin_headers=None)


def test_the_runtime_learns_the_digest_and_not_the_secret() -> None:
    def program() -> None:
        variables = origin_environment(pulumi.Output.secret(SECRET))
        pulumi.export("variables", variables)

    variables = plan(program, preview=False).outputs["variables"]
    assert variables == {"ORIGIN_SECRET_DIGEST": hashlib.sha256(SECRET.encode()).hexdigest()}


def test_signed_requests_open_the_url_for_this_distribution_alone(signed: Plan) -> None:
    of_alias = {
        "function": "shop",
        "qualifier": "live",
        "principal": "cloudfront.amazonaws.com",
        "sourceArn": signed.find(aws.cloudfront.Distribution).outputs["arn"],
    }
    permissions = [dict(each.inputs) for each in signed.all(aws.lambda_.Permission)]
    assert sorted(permissions, key=lambda each: each["action"], reverse=True) == [
        {**of_alias, "action": "lambda:InvokeFunctionUrl", "functionUrlAuthType": "AWS_IAM"},
        {**of_alias, "action": "lambda:InvokeFunction", "invokedViaFunctionUrl": True},
    ]


def test_signed_requests_are_all_signed(signed: Plan) -> None:
    control = signed.find(aws.cloudfront.OriginAccessControl)
    assert control.inputs["originAccessControlOriginType"] == "lambda"
    assert (control.inputs["signingBehavior"], control.inputs["signingProtocol"]) == ("always", "sigv4")
    assert origin(signed)["originAccessControlId"] == control.outputs["id"]


# Cache


def test_answers_are_kept_as_long_as_they_say_and_not_by_default() -> None:
    result = planned(caching=True)
    policy = result.find(aws.cloudfront.CachePolicy)
    assert (policy.inputs["minTtl"], policy.inputs["defaultTtl"]) == (0, 0)
    assert distribution(result)["defaultCacheBehavior"]["cachePolicyId"] == policy.outputs["id"]


def test_what_is_for_one_client_is_not_kept_for_another() -> None:
    policy = planned(caching=True).find(aws.cloudfront.CachePolicy).inputs
    key = policy["parametersInCacheKeyAndForwardedToOrigin"]
    assert "Authorization" in key["headersConfig"]["headers"]["items"]
    assert key["cookiesConfig"]["cookieBehavior"] == "all"
    assert key["queryStringsConfig"]["queryStringBehavior"] == "all"


def test_the_cache_key_holds_no_host_as_it_would_be_sent_on() -> None:
    policy = planned(caching=True).find(aws.cloudfront.CachePolicy).inputs
    items = policy["parametersInCacheKeyAndForwardedToOrigin"]["headersConfig"]["headers"]["items"]
    assert "host" not in {item.lower() for item in items}


# Domain


def test_the_certificate_is_made_in_us_east_1_wherever_the_function_is(named: Plan) -> None:
    assert named.region == "eu-west-1"
    assert named.find(aws.acm.Certificate).inputs["region"] == "us-east-1"
    assert named.find(aws.acm.CertificateValidation).inputs["region"] == "us-east-1"


def test_the_domain_is_served_with_tls_12_and_later(named: Plan) -> None:
    assert distribution(named)["aliases"] == ["api.example.com"]
    assert distribution(named)["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"
    valid = named.find(aws.acm.CertificateValidation)
    cdn = named.find(aws.cloudfront.Distribution)
    assert valid in cdn.property_dependencies["viewerCertificate"]
    assert named.find(CloudFront).outputs["url"] == "https://api.example.com"


def test_the_app_is_told_the_domain_as_the_url_takes_no_other_host(named: Plan) -> None:
    headers = {each["name"]: each["value"] for each in origin(named)["customHeaders"]}
    assert headers["X-Forwarded-Host"] == "api.example.com"


def test_the_domain_leads_there_over_both_protocols(named: Plan) -> None:
    records = {each.inputs["type"]: each for each in named.all(aws.route53.Record) if "aliases" in each.inputs}
    assert set(records) == {"A", "AAAA"}
    cdn = named.find(aws.cloudfront.Distribution)
    assert all(each.property_dependencies["aliases"] == (cdn,) for each in records.values())


# Web ACL


def test_a_web_acl_for_cloudfront_is_made_in_us_east_1() -> None:
    def program() -> None:
        acl = WebAcl("api")
        CloudFront("api", cdn_args(web_acl_arn=acl.arn))

    result = plan(program, preview=False, config=REGION)
    acl = result.find(aws.wafv2.WebAcl)
    assert (acl.inputs["scope"], acl.inputs["region"]) == ("CLOUDFRONT", "us-east-1")
    assert distribution(result)["webAclId"] == acl.outputs["arn"]


def test_a_web_acl_for_a_load_balancer_stands_beside_it() -> None:
    acl = plan(lambda: WebAcl("api", WebAclArgs(scope="REGIONAL")), preview=False).find(aws.wafv2.WebAcl)
    assert acl.inputs["scope"] == "REGIONAL"
    assert "region" not in acl.inputs


def test_one_address_cannot_take_it_all() -> None:
    acl = plan(lambda: WebAcl("api", WebAclArgs(requests_per_minute=600)), preview=False).find(aws.wafv2.WebAcl)
    limit = min(acl.inputs["rules"], key=lambda rule: rule["priority"])
    assert limit["action"] == {"block": {}}
    assert limit["statement"]["rateBasedStatement"] == {
        "limit": 600,
        "evaluationWindowSec": 60,
        "aggregateKeyType": "IP",
    }


def test_bodies_above_8_kb_are_not_refused() -> None:
    acl = plan(lambda: WebAcl("api"), preview=False).find(aws.wafv2.WebAcl)
    (common,) = [rule for rule in acl.inputs["rules"] if rule["name"] == "AWSManagedRulesCommonRuleSet"]
    overrides = common["statement"]["managedRuleGroupStatement"]["ruleActionOverrides"]
    assert overrides == [{"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}}]


# Wrong arguments


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"timeout": 61}, "timeout: must be between 1 and 60 seconds: CloudFront waits no longer, got 61"),
        ({"domain": "api.example.com"}, "zone_id: HTTPS for api.example.com needs"),
        ({"certificate_arn": "arn:aws:acm:us-east-1:1:certificate/1"}, "domain: zone_id and certificate_arn are of"),
        (
            {"domain": "a.example.com", "certificate_arn": "arn:aws:acm:eu-west-1:1:certificate/1"},
            "certificate_arn: must be the ARN of one in us-east-1",
        ),
        ({"origin_headers": {"X-Amz-Secret": SECRET}}, "origin_headers: must be the name of a header"),
        ({"origin_headers": {"X Secret": SECRET}}, "origin_headers: must be the name of a header"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        cdn_args(**args)


def test_a_secret_that_can_be_guessed_is_refused_without_being_shown() -> None:
    with pytest.raises(ArgumentError, match="must have 32 characters or more") as caught:
        cdn_args(origin_headers={"X-Origin-Secret": "letmein"})
    assert "letmein" not in str(caught.value)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"scope": "GLOBAL"}, "scope: must be one of CLOUDFRONT, REGIONAL"),
        ({"requests_per_minute": 9}, "requests_per_minute: must be between 10 and 2000000"),
    ],
)
def test_wrong_web_acls_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        WebAclArgs(**args)
