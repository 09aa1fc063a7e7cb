import json
from typing import Any

import pulumi_aws as aws
import pytest
from pulumi_fastapi.aws.http_api import HttpApi, HttpApiArgs, JwtAuthorizer
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
INVOKE = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:shop:live/invocations"
JWT = JwtAuthorizer(issuer="https://login.example.com/", audiences=["shop"], scopes=["read"])


def api_args(**args: Any) -> HttpApiArgs:
    return HttpApiArgs(**{"function_name": "shop", "qualifier": "live", "invoke_arn": INVOKE, **args})


def planned(**args: Any) -> Plan:
    return plan(lambda: HttpApi("api", api_args(**args)), preview=False)


@pytest.fixture(scope="module")
def plain() -> Plan:
    return planned()


def routes(result: Plan) -> dict[str, str]:
    return {each.inputs["routeKey"]: each.inputs["authorizationType"] for each in result.all(aws.apigatewayv2.Route)}


def test_requests_reach_the_alias_in_the_format_that_the_runtime_reads(plain: Plan) -> None:
    integration = plain.find(aws.apigatewayv2.Integration).inputs
    assert (integration["integrationType"], integration["integrationUri"]) == ("AWS_PROXY", INVOKE)
    assert integration["payloadFormatVersion"] == "2.0"


def test_every_request_goes_to_the_function(plain: Plan) -> None:
    assert routes(plain) == {"$default": "NONE"}


def test_this_api_alone_may_call_the_alias(plain: Plan) -> None:
    permission = plain.find(aws.lambda_.Permission)
    granted = {key: value for key, value in permission.inputs.items() if key != "sourceArn"}
    assert granted == {
        "function": "shop",
        "qualifier": "live",
        "action": "lambda:InvokeFunction",
        "principal": "apigateway.amazonaws.com",
    }
    assert permission.property_dependencies["sourceArn"] == (plain.find(aws.apigatewayv2.Api),)


def test_the_app_alone_answers_cors(plain: Plan) -> None:
    """API Gateway would throw away what the app says about it."""
    assert "corsConfiguration" not in plain.find(aws.apigatewayv2.Api).inputs


def test_both_limits_are_set_as_one_left_out_is_zero(plain: Plan) -> None:
    settings = plain.find(aws.apigatewayv2.Stage).inputs["defaultRouteSettings"]
    assert settings == {"throttlingRateLimit": 1000, "throttlingBurstLimit": 1000}


def test_limits_are_those_asked_for() -> None:
    settings = planned(requests_per_second=50, burst=80).find(aws.apigatewayv2.Stage).inputs["defaultRouteSettings"]
    assert settings == {"throttlingRateLimit": 50, "throttlingBurstLimit": 80}


def test_changes_are_deployed_once_the_function_may_be_called(plain: Plan) -> None:
    stage = plain.find(aws.apigatewayv2.Stage)
    assert (stage.inputs["name"], stage.inputs["autoDeploy"]) == ("$default", True)
    assert plain.find(aws.lambda_.Permission) in stage.dependencies


def test_the_access_log_is_json_and_tells_what_failed(plain: Plan) -> None:
    settings = plain.find(aws.apigatewayv2.Stage).inputs["accessLogSettings"]
    line = json.loads(settings["format"])
    assert settings["destinationArn"] == plain.find(aws.cloudwatch.LogGroup).outputs["arn"]
    assert {"status", "path", "client", "function_error", "authorizer_error"} <= set(line)
    assert all(variable.startswith("$context.") for variable in line.values())


def test_the_access_log_holds_no_query_as_tokens_stand_there(plain: Plan) -> None:
    assert "query" not in plain.find(aws.apigatewayv2.Stage).inputs["accessLogSettings"]["format"].lower()


def test_the_access_log_expires_and_needs_no_room_in_the_resource_policy() -> None:
    group = planned(log_retention_days=7).find(aws.cloudwatch.LogGroup).inputs
    assert group["retentionInDays"] == 7
    assert group["namePrefix"].startswith("/aws/vendedlogs/")


def test_a_slow_function_is_given_up_when_the_client_is_answered() -> None:
    assert planned(timeout=12).find(aws.apigatewayv2.Integration).inputs["timeoutMilliseconds"] == 12000


# Domain


@pytest.fixture(scope="module")
def named() -> Plan:
    return planned(domain="api.example.com", zone_id="Z1")


def test_without_a_domain_the_api_has_its_own_name(plain: Plan) -> None:
    assert plain.find(aws.apigatewayv2.Api).inputs["disableExecuteApiEndpoint"] is False
    assert plain.all(aws.apigatewayv2.DomainName) == []


def test_a_domain_is_the_only_way_in(named: Plan) -> None:
    assert named.find(aws.apigatewayv2.Api).inputs["disableExecuteApiEndpoint"] is True
    assert named.find(HttpApi).outputs["url"] == "https://api.example.com"


def test_the_certificate_of_a_domain_is_validated_before_use(named: Plan) -> None:
    name = named.find(aws.apigatewayv2.DomainName)
    assert named.find(aws.acm.Certificate).inputs["domainName"] == "api.example.com"
    assert named.find(aws.acm.CertificateValidation) in name.property_dependencies["domainNameConfiguration"]
    assert name.inputs["domainNameConfiguration"]["securityPolicy"] == "TLS_1_2"


def test_the_domain_leads_to_the_api(named: Plan) -> None:
    mapping, record = named.find(aws.apigatewayv2.ApiMapping), named.find(aws.route53.Record, "api-alias")
    assert (mapping.inputs["domainName"], mapping.inputs["stage"]) == ("api.example.com", "$default")
    assert (record.inputs["zoneId"], record.inputs["name"], record.inputs["type"]) == ("Z1", "api.example.com", "A")
    assert record.property_dependencies["aliases"] == (named.find(aws.apigatewayv2.DomainName),)


def test_a_given_certificate_is_used_and_dns_left_alone() -> None:
    result = planned(domain="api.example.com", certificate_arn=CERTIFICATE)
    configuration = result.find(aws.apigatewayv2.DomainName).inputs["domainNameConfiguration"]
    assert configuration["certificateArn"] == CERTIFICATE
    assert result.all(aws.acm.Certificate) == []
    assert result.all(aws.route53.Record) == []


# Tokens


@pytest.fixture(scope="module")
def guarded() -> Plan:
    return planned(jwt=JWT)


def test_tokens_are_asked_for_except_of_preflights(guarded: Plan) -> None:
    """Browsers send none with a preflight: refused, no page of another origin could call the API."""
    assert routes(guarded) == {"$default": "JWT", "OPTIONS /{proxy+}": "NONE", "OPTIONS /": "NONE"}


def test_tokens_are_of_the_issuer_for_the_audience(guarded: Plan) -> None:
    authorizer = guarded.find(aws.apigatewayv2.Authorizer)
    assert authorizer.inputs["jwtConfiguration"] == {"issuer": "https://login.example.com/", "audiences": ["shop"]}
    (route,) = [each for each in guarded.all(aws.apigatewayv2.Route) if each.inputs["routeKey"] == "$default"]
    assert route.inputs["authorizationScopes"] == ["read"]
    assert route.property_dependencies["authorizerId"] == (authorizer,)


# Wrong arguments


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"timeout": 31}, "timeout: must be between 1 and 30 seconds: an HTTP API waits no longer, got 31"),
        ({"requests_per_second": 0}, "requests_per_second: must be between 1 and 10000"),
        ({"burst": 5001}, "burst: must be between 1 and 5000"),
        ({"log_retention_days": 2}, "log_retention_days: must be one of"),
        ({"domain": "api.example.com"}, "zone_id: HTTPS for api.example.com needs"),
        ({"zone_id": "Z1"}, "domain: zone_id and certificate_arn are of use only with a domain"),
        ({"domain": "API.example.com", "zone_id": "Z1"}, "domain: must be a DNS name in lower case"),
        ({"jwt": "https://login.example.com"}, "jwt: must be JwtAuthorizer"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        api_args(**args)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"issuer": "http://login.example.com", "audiences": ["a"]}, "issuer: must be an https URL"),
        ({"issuer": "https://login.example.com", "audiences": []}, "audiences: must name one audience or more"),
    ],
)
def test_wrong_authorizers_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        JwtAuthorizer(**args)
