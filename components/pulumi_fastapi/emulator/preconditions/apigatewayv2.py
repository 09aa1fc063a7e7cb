"""HTTP APIs and their domains."""

import re
from typing import NoReturn

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.values import Properties


def _gateway_refuses(operation: str, message: str, code: str = "BadRequestException") -> NoReturn:
    raise ApiError("apigatewayv2", operation, code, message, 409 if code == "ConflictException" else 400)


@before("apigatewayv2:CreateRoute", "apigatewayv2:UpdateRoute")
def _route(api: Api, region: str, params: Properties) -> None:
    operation = "UpdateRoute" if "RouteId" in params else "CreateRoute"
    key, target = params.get("RouteKey"), params.get("Target")
    routes = find(api, "apigatewayv2", "GetRoutes", "Items", region, ApiId=params["ApiId"])
    if any(each["RouteKey"] == key and each["RouteId"] != params.get("RouteId") for each in routes):
        _gateway_refuses(operation, f"Route with key {key} already exists for this API", "ConflictException")
    if _protocol_of(api, region, params["ApiId"]) == "HTTP" and key is not None and not _ROUTE_KEY.fullmatch(key):
        _gateway_refuses(operation, f"The provided route key is not formatted properly for HTTP protocol: {key}")
    if params.get("AuthorizerId") is not None:
        try:
            query = {"ApiId": params["ApiId"], "AuthorizerId": params["AuthorizerId"]}
            api.look_up("apigatewayv2", "GetAuthorizer", query, region)
        except ApiError:
            _gateway_refuses(operation, f"Invalid authorizer ID specified: {params['AuthorizerId']}")
    integrations = find(api, "apigatewayv2", "GetIntegrations", "Items", region, ApiId=params["ApiId"])
    if target is not None and target not in [f"integrations/{each['IntegrationId']}" for each in integrations]:
        _gateway_refuses(operation, f"Invalid target: {target}")


_ROUTE_KEY = re.compile(r"\$default|(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ANY) /\S*")


def _protocol_of(api: Api, region: str, id: str) -> str:
    return str(api.look_up("apigatewayv2", "GetApi", {"ApiId": id}, region)["ProtocolType"])


@before("apigatewayv2:CreateStage")
def _stage(api: Api, region: str, params: Properties) -> None:
    stages = find(api, "apigatewayv2", "GetStages", "Items", region, ApiId=params["ApiId"])
    if params["StageName"] in [stage["StageName"] for stage in stages]:
        _gateway_refuses("CreateStage", "Stage already exists", "ConflictException")


@before("apigatewayv2:CreateDomainName", "apigatewayv2:UpdateDomainName")
def _domain_certificate(api: Api, region: str, params: Properties) -> None:
    for configuration in params.get("DomainNameConfigurations") or []:
        arn = configuration.get("CertificateArn", "")
        known = find(api, "acm", "ListCertificates", "CertificateSummaryList", region)
        if arn not in [certificate["CertificateArn"] for certificate in known]:
            _gateway_refuses("CreateDomainName", f"The provided certificate does not exist in {region}: {arn}")
        described = api.look_up("acm", "DescribeCertificate", {"CertificateArn": arn}, region)["Certificate"]
        names = {described["DomainName"], *(described.get("SubjectAlternativeNames") or [])}
        if not names & {params["DomainName"], f"*.{params['DomainName'].split('.', 1)[-1]}"}:
            _gateway_refuses("CreateDomainName", f"The certificate {arn} is not for {params['DomainName']}")


@before("apigatewayv2:CreateApiMapping", "apigatewayv2:UpdateApiMapping")
def _mapped_stage(api: Api, region: str, params: Properties) -> None:
    stages = find(api, "apigatewayv2", "GetStages", "Items", region, ApiId=params["ApiId"])
    if params["Stage"] not in [stage["StageName"] for stage in stages]:
        _gateway_refuses("CreateApiMapping", f"Invalid stage identifier specified: {params['Stage']}")
    mappings = find(api, "apigatewayv2", "GetApiMappings", "Items", region, DomainName=params["DomainName"])
    for each in mappings:
        same_key = (each.get("ApiMappingKey") or "") == (params.get("ApiMappingKey") or "")
        if same_key and each["ApiMappingId"] != params.get("ApiMappingId"):
            _gateway_refuses("CreateApiMapping", "ApiMapping key already exists for this domain", "ConflictException")
