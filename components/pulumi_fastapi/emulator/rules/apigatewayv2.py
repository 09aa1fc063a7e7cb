"""HTTP APIs."""

from pulumi_fastapi.emulator.rules.judges import DOMAIN, Judge, Rule, matches, one_of
from pulumi_fastapi.emulator.values import Properties


def _not_emulated(meaning: str) -> Judge:
    return lambda _value, _inputs: f"not emulated: {meaning}"


def _proxied(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("integrationType") not in ("AWS_PROXY", "HTTP_PROXY") or inputs.get("integrationSubtype"):
        return None
    return "integrationUri is required for proxy integrations" if inputs.get("integrationUri") is None else None


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
)
