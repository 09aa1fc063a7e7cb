"""HTTP and WebSocket APIs, their stages and domains."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.api import ACCOUNT_ID
from pulumi_fastapi.emulator.aws.common import by_id, by_input, delete_by, input_id
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import AutoName, Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties

Request = tuple[str, Mapping[str, Any]]

_WHOLE_NUMBERS = frozenset({"maxAge", "throttlingBurstLimit"})


def _member(name: str, value: Any) -> tuple[str, Any]:
    return name[0].upper() + name[1:], int(value) if name in _WHOLE_NUMBERS else value


def _members(values: Mapping[str, Any]) -> Properties:
    return dict(_member(name, value) for name, value in values.items() if value is not None)


def _names(members: Mapping[str, Any]) -> Properties:
    return {name[0].lower() + name[1:]: value for name, value in members.items()}


def _keyed(key: str) -> Field:
    """A list of objects that AWS has as a map by one of their members."""
    member = {"routeKey": "RouteSettings", "requestParameterKey": "RequestParameters"}[key]

    def encode(items: list[Properties]) -> Properties:
        return {item[key]: _members({name: value for name, value in item.items() if name != key}) for item in items}

    def decode(entries: Properties) -> list[Properties]:
        return [{key: name, **_names(entry)} for name, entry in entries.items()]

    return Field(member, encode=encode, decode=decode)


_RESPONSE_PARAMETERS = Field(
    "ResponseParameters",
    encode=lambda items: {str(item["statusCode"]): item["mappings"] for item in items},
    decode=lambda entries: [{"statusCode": code, "mappings": mappings} for code, mappings in entries.items()],
)


def _change_cors(context: Context, _creating: bool) -> Iterable[Request]:
    cors = context.inputs.get("corsConfiguration")
    if cors is None:
        yield "DeleteCorsConfiguration", {"ApiId": context.id}
    else:
        yield "UpdateApi", {"ApiId": context.id, "CorsConfiguration": _members(cors)}


def _change_access_log(context: Context, _creating: bool) -> Iterable[Request]:
    settings = context.inputs.get("accessLogSettings")
    key = {"ApiId": context.inputs["apiId"], "StageName": context.id}
    if settings is None:
        yield "DeleteAccessLogSettings", key
    else:
        yield "UpdateStage", {**key, "AccessLogSettings": _members(settings)}


def _execution_arn(context: Context, id: str) -> str:
    return f"arn:aws:execute-api:{context.region}:{ACCOUNT_ID}:{id}"


def _gateway_arn(context: Context, path: str) -> str:
    return f"arn:aws:apigateway:{context.region}::/{path}"


def _invoke_url(context: Context) -> str:
    protocol = context.look_up("GetApi", ApiId=context.inputs["apiId"])["ProtocolType"]
    scheme = "wss" if protocol == "WEBSOCKET" else "https"
    stage = "" if context.id == "$default" else context.id
    return f"{scheme}://{context.inputs['apiId']}.execute-api.{context.region}.amazonaws.com/{stage}"


def _domain_configuration(context: Context) -> Properties:
    """AWS adds the name and zone that a DNS record has to point at."""
    live = context.live["DomainNameConfigurations"][0]
    told = ("CertificateArn", "EndpointType", "HostedZoneId", "IpAddressType", "SecurityPolicy")
    known = {member: live[member] for member in told if member in live}
    return {**_names(known), "targetDomainName": live["ApiGatewayDomainName"]}


def _of_api(member: str) -> Callable[[Context], Mapping[str, Any]]:
    return lambda context: {"ApiId": context.inputs["apiId"], member: context.id}


def _import_of_api(context: Context) -> None:
    """`api/id`."""
    context.inputs["apiId"], context.id = context.id.split("/", 1)


def _import_stage(context: Context) -> None:
    _import_of_api(context)
    context.inputs["name"] = context.id


def _import_mapping(context: Context) -> None:
    """`mapping/domain`."""
    context.id, context.inputs["domainName"] = context.id.split("/", 1)


_mapping_key = by_input(DomainName="domainName")


def _mapping(context: Context) -> Mapping[str, Any]:
    return {"ApiMappingId": context.id, **_mapping_key(context)}


ROWS = (
    ResourceType(
        pulumi_type="aws:apigatewayv2/api:Api",
        service="apigatewayv2",
        create="CreateApi",
        update="UpdateApi",
        update_key=by_id("ApiId"),
        id="ApiId",
        autoname=AutoName(max_length=128),
        fields={"body": None, "failOnWarnings": None},
        read=Read("GetApi", by_id("ApiId")),
        delete=delete_by("DeleteApi", "ApiId"),
        defaults={
            "apiKeySelectionExpression": "$request.header.x-api-key",
            "disableExecuteApiEndpoint": False,
            "routeSelectionExpression": "$request.method $request.path",
        },
        # What a quick creation was made of is told by nothing; moto forgets the type of addresses.
        not_read=frozenset({"credentialsArn", "ipAddressType", "routeKey", "target"}),
        replace_on=frozenset({"protocolType"}),
        steps=[Calls(("corsConfiguration",), _change_cors, updates_only=True)],
        outputs={
            "arn": lambda context: _gateway_arn(context, f"apis/{context.id}"),
            "executionArn": lambda context: _execution_arn(context, context.id),
        },
        import_id=lambda _context: None,
    ),
    ResourceType(
        pulumi_type="aws:apigatewayv2/integration:Integration",
        service="apigatewayv2",
        create="CreateIntegration",
        update="UpdateIntegration",
        update_key=by_id("IntegrationId"),
        id="IntegrationId",
        fields={"responseParameters": _RESPONSE_PARAMETERS, "timeoutMilliseconds": "TimeoutInMillis"},
        read=Read("GetIntegration", _of_api("IntegrationId")),
        delete=Call("DeleteIntegration", _of_api("IntegrationId")),
        defaults={"connectionType": "INTERNET", "payloadFormatVersion": "1.0"},
        filled_in=frozenset({"integrationMethod", "passthroughBehavior"}),
        replace_on=frozenset({"apiId", "integrationType", "integrationSubtype"}),
        import_id=_import_of_api,
    ),
    ResourceType(
        pulumi_type="aws:apigatewayv2/route:Route",
        service="apigatewayv2",
        create="CreateRoute",
        update="UpdateRoute",
        update_key=by_id("RouteId"),
        id="RouteId",
        fields={"requestParameters": _keyed("requestParameterKey")},
        read=Read("GetRoute", _of_api("RouteId")),
        delete=Call("DeleteRoute", _of_api("RouteId")),
        defaults={"apiKeyRequired": False, "authorizationType": "NONE"},
        replace_on=frozenset({"apiId"}),
        import_id=_import_of_api,
    ),
    ResourceType(
        pulumi_type="aws:apigatewayv2/stage:Stage",
        service="apigatewayv2",
        create="CreateStage",
        update="UpdateStage",
        id=input_id("name"),
        autoname=AutoName(max_length=128),
        fields={"name": "StageName", "routeSettings": _keyed("routeKey")},
        read=Read("GetStage", _of_api("StageName")),
        delete=Call("DeleteStage", _of_api("StageName")),
        defaults={"autoDeploy": False},
        not_read=frozenset({"deploymentId"}),
        replace_on=frozenset({"apiId", "name"}),
        steps=[Calls(("accessLogSettings",), _change_access_log, updates_only=True)],
        outputs={
            "arn": lambda context: _gateway_arn(context, f"apis/{context.inputs['apiId']}/stages/{context.id}"),
            "executionArn": lambda context: _execution_arn(context, f"{context.inputs['apiId']}/{context.id}"),
            "invokeUrl": _invoke_url,
        },
        import_id=_import_stage,
    ),
    ResourceType(
        pulumi_type="aws:apigatewayv2/domainName:DomainName",
        service="apigatewayv2",
        create="CreateDomainName",
        update="UpdateDomainName",
        id=input_id("domainName"),
        fields={
            "domainNameConfiguration.hostedZoneId": None,
            "domainNameConfiguration.targetDomainName": None,
        },
        read=Read("GetDomainName", by_id("DomainName")),
        delete=delete_by("DeleteDomainName", "DomainName"),
        filled_in=frozenset({"routingMode"}),
        replace_on=frozenset({"domainName"}),
        outputs={
            "arn": lambda context: _gateway_arn(context, f"domainnames/{context.id}"),
            "domainNameConfiguration": _domain_configuration,
        },
        extended=frozenset({"domainNameConfiguration"}),
        import_id=lambda context: context.inputs.update({"domainName": context.id}),
    ),
    ResourceType(
        pulumi_type="aws:apigatewayv2/apiMapping:ApiMapping",
        service="apigatewayv2",
        create="CreateApiMapping",
        update="UpdateApiMapping",
        update_key=_mapping,
        id="ApiMappingId",
        read=Read("GetApiMapping", _mapping),
        delete=Call("DeleteApiMapping", _mapping),
        not_read=frozenset({"domainName"}),
        replace_on=frozenset({"apiId", "domainName"}),
        import_id=_import_mapping,
    ),
    ResourceType(
        pulumi_type="aws:apigatewayv2/authorizer:Authorizer",
        service="apigatewayv2",
        create="CreateAuthorizer",
        update="UpdateAuthorizer",
        update_key=by_id("AuthorizerId"),
        id="AuthorizerId",
        autoname=AutoName(max_length=128),
        read=Read("GetAuthorizer", _of_api("AuthorizerId")),
        delete=Call("DeleteAuthorizer", _of_api("AuthorizerId")),
        replace_on=frozenset({"apiId"}),
        import_id=_import_of_api,
    ),
    ResourceType(
        pulumi_type="aws:apigatewayv2/vpcLink:VpcLink",
        service="apigatewayv2",
        create="CreateVpcLink",
        update="UpdateVpcLink",
        update_key=by_id("VpcLinkId"),
        id="VpcLinkId",
        autoname=AutoName(max_length=128),
        read=Read("GetVpcLink", by_id("VpcLinkId")),
        delete=delete_by("DeleteVpcLink", "VpcLinkId"),
        replace_on=frozenset({"securityGroupIds", "subnetIds"}),
        outputs={"arn": lambda context: _gateway_arn(context, f"vpclinks/{context.id}")},
        import_id=lambda _context: None,
    ),
)
