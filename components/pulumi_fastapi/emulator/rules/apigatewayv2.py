"""HTTP APIs."""

from typing import Any

from pulumi_fastapi.emulator.rules.judges import DOMAIN, Judge, Rule, at_least, matches, one_of
from pulumi_fastapi.emulator.values import Properties


def _not_emulated(meaning: str) -> Judge:
    return lambda _value, _inputs: f"not emulated: {meaning}"


def _proxied(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("integrationType") not in ("AWS_PROXY", "HTTP_PROXY") or inputs.get("integrationSubtype"):
        return None
    return "integrationUri is required for proxy integrations" if inputs.get("integrationUri") is None else None


def _authorizer(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("authorizerType") == "JWT":
        if inputs.get("jwtConfiguration") is None:
            return "JwtConfiguration is required for JWT authorizers"
        if len(inputs.get("identitySources") or []) > 1:
            return "Identity source is required to be a single selection expression for JWT authorizers"
    if inputs.get("authorizerType") == "REQUEST" and inputs.get("authorizerUri") is None:
        return "AuthorizerUri is required for REQUEST authorizers"
    return None


def _issuer_and_audience(configuration: Any, _inputs: Properties) -> str | None:
    missing = [name for name in ("audiences", "issuer") if not configuration.get(name)]
    return f"JwtConfiguration needs {missing[0]}" if missing else None


def _credentials(cors: Any, _inputs: Properties) -> str | None:
    if cors.get("allowCredentials") and "*" in (cors.get("allowOrigins") or []):
        return "allowCredentials cannot be true when allowOrigins is *: name the origins"
    return None


def _authorized(inputs: Properties, _all: Properties) -> str | None:
    kind, id = inputs.get("authorizationType", "NONE"), inputs.get("authorizerId")
    if kind in ("JWT", "CUSTOM") and id is None:
        return f"authorizationType {kind} needs an authorizerId"
    if kind in ("NONE", "AWS_IAM") and id is not None:
        return f"authorizationType {kind} takes no authorizerId"
    return None


RULES: tuple[Rule, ...] = (
    Rule("apigatewayv2/api:Api", "body", "BadRequestException", _not_emulated("importing an OpenAPI document")),
    Rule("apigatewayv2/integration:Integration", "", "BadRequestException", _proxied),
    Rule(
        "apigatewayv2/integration:Integration",
        "integrationUri",
        "BadRequestException",
        matches(r"(https?://|arn:).+", "Invalid integration URI specified: an http(s) URL or an ARN"),
    ),
    Rule("apigatewayv2/integration:Integration", "payloadFormatVersion", "BadRequestException", one_of("1.0", "2.0")),
    Rule(
        "apigatewayv2/stage:Stage",
        "name",
        "BadRequestException",
        matches(r"\$default|[a-zA-Z0-9_-]{1,128}", "Stage name only allows alphanumeric characters, hyphens, _"),
    ),
    Rule("apigatewayv2/domainName:DomainName", "domainName", "BadRequestException", DOMAIN),
    Rule(
        "apigatewayv2/domainName:DomainName",
        "domainNameConfiguration.endpointType",
        "BadRequestException",
        one_of("REGIONAL"),
    ),
    Rule("apigatewayv2/api:Api", "corsConfiguration", "BadRequestException", _credentials),
    Rule("apigatewayv2/authorizer:Authorizer", "", "BadRequestException", _authorizer),
    Rule("apigatewayv2/authorizer:Authorizer", "jwtConfiguration", "BadRequestException", _issuer_and_audience),
    Rule(
        "apigatewayv2/authorizer:Authorizer",
        "jwtConfiguration.issuer",
        "BadRequestException",
        matches(r"https://\S+", "Invalid issuer: an https:// URL"),
    ),
    Rule("apigatewayv2/route:Route", "", "BadRequestException", _authorized),
    *(
        Rule("apigatewayv2/stage:Stage", f"defaultRouteSettings.{limit}", "BadRequestException", at_least(0))
        for limit in ("throttlingBurstLimit", "throttlingRateLimit")
    ),
)
