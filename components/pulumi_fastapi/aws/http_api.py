"""An API Gateway HTTP API before a function: own domain, throttling, access logs, tokens checked at the door."""

import json
from dataclasses import dataclass
from typing import Optional

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from ..component import Component, as_args
from ..errors import ArgumentError
from ..validation import check_fields, in_range, matches
from .load_balancer import Certificate, check_domain, check_zone
from .logs import check_retention

HTTP_API_SECONDS = 30
"""Longest request through an HTTP API in seconds (Amazon API Gateway quotas); later the client gets a 503."""

# Without the query: tokens stand there.
_LOGGED = {
    "time": "requestTime",
    "request_id": "requestId",
    "client": "identity.sourceIp",
    "user_agent": "identity.userAgent",
    "method": "httpMethod",
    "path": "path",
    "status": "status",
    "bytes": "responseLength",
    "latency_ms": "responseLatency",
    "function_latency_ms": "integration.latency",
    "function_status": "integration.integrationStatus",
    "function_error": "integration.error",
    "authorizer_error": "authorizer.error",
    "error": "error.message",
}
# The authorizer of `$default` would refuse them, as browsers send no token with a preflight.
_PREFLIGHTS = {"preflight": "OPTIONS /{proxy+}", "preflight-root": "OPTIONS /"}


@dataclass(frozen=True, kw_only=True)
class JwtAuthorizer:
    """Tokens that an HTTP API asks for before it calls the function."""

    issuer: Input[str]
    """`iss` of the tokens, an https URL with `/.well-known/openid-configuration` below it."""
    audiences: list[Input[str]]
    """Of those, one has to be among `aud`, or be the `client_id`."""
    scopes: Optional[list[str]] = None
    """Of those, one has to be in the token. Default: any token of the issuer will do."""

    def __post_init__(self) -> None:
        check_fields(self)
        matches("issuer", self.issuer, r"https://\S+", "an https URL such as https://login.example.com/")
        if not self.audiences:
            raise ArgumentError("audiences", self.audiences, "must name one audience or more")


@dataclass(frozen=True, kw_only=True)
class HttpApiArgs:
    """Inputs of `HttpApi`."""

    function_name: Input[str]
    """Name of the function."""
    qualifier: Input[str]
    """Alias that answers."""
    invoke_arn: Input[str]
    """The alias's `invoke_arn`."""
    domain: Optional[str] = None
    """DNS name of the API. Default none: the name that API Gateway gives."""
    zone_id: Optional[Input[str]] = None
    """Route 53 zone of `domain`, for the certificate and the DNS record."""
    certificate_arn: Optional[Input[str]] = None
    """Certificate for `domain`, of this region. Default: one made and validated in `zone_id`."""
    timeout: int = HTTP_API_SECONDS
    """Seconds after which the API answers 503 in place of the function, 1 to 30. Default 30."""
    requests_per_second: int = 1000
    """Requests a second that are let through in the long run, the rest is answered 429; 1 to 10000, all that a region's
    APIs share. Default 1000."""
    burst: int = 1000
    """Requests that may come at once, 1 to 5000, all that a region's APIs share. Default 1000."""
    jwt: Optional[JwtAuthorizer] = None
    """Let only requests with a token of this issuer through to the function, those to `/docs` and health checks too.
    Default none: the app decides route by route."""
    log_retention_days: int = 30
    """Days that access logs are kept, of those CloudWatch Logs offers. Default 30."""

    def __post_init__(self) -> None:
        check_fields(self)
        check_domain("domain", self.domain)
        in_range("timeout", self.timeout, 1, HTTP_API_SECONDS, "seconds: an HTTP API waits no longer")
        in_range("requests_per_second", self.requests_per_second, 1, 10_000)
        in_range("burst", self.burst, 1, 5000)
        check_retention("log_retention_days", self.log_retention_days)
        check_zone(self.domain, self.zone_id, self.certificate_arn)


class HttpApi(Component):
    """An HTTP API that sends every request to one alias of a function, with access logs.

    With a domain it has a certificate and a DNS record, and answers there only. It answers no CORS itself, the app
    does. Costs a price per request, and the logs by volume.
    """

    url: Output[str]
    """Where it answers, without a slash at its end."""
    api_id: Output[str]
    """Id of the API, the dimension of its metrics."""
    log_group_name: Output[str]
    """Log group of the access logs."""

    def __init__(self, name: str, args: HttpApiArgs, opts: Optional[ResourceOptions] = None) -> None:
        self.args = args = as_args(HttpApiArgs, args)
        super().__init__(name, args, opts)
        api = aws.apigatewayv2.Api(
            self.child_name("api", limit=128),
            protocol_type="HTTP",
            # Its own name would be a way past the domain.
            disable_execute_api_endpoint=args.domain is not None,
            opts=self.child,
        )
        allowed = aws.lambda_.Permission(
            self.child_name("api", limit=100),
            function=args.function_name,
            qualifier=args.qualifier,
            action="lambda:InvokeFunction",
            principal="apigateway.amazonaws.com",
            source_arn=Output.concat(api.execution_arn, "/*"),
            opts=self.child,
        )
        self._routes(api)
        logs = aws.cloudwatch.LogGroup(
            self.child_name("access"),
            # Groups of this prefix share one resource policy, which has no room for one statement each.
            name_prefix=f"/aws/vendedlogs/{self.child_name('access')}-",
            retention_in_days=args.log_retention_days,
            opts=self.child,
        )
        stage = self._stage(api, logs, allowed)
        if args.domain is not None:
            self._domain(api, stage, args.domain)
        self.publish(
            url=Output.from_input(f"https://{args.domain}") if args.domain else api.api_endpoint,
            api_id=api.id,
            log_group_name=logs.name,
        )

    def _routes(self, api: aws.apigatewayv2.Api) -> None:
        args = self.args
        integration = aws.apigatewayv2.Integration(
            self.child_name("function"),
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=args.invoke_arn,
            payload_format_version="2.0",
            timeout_milliseconds=args.timeout * 1000,
            opts=self.child,
        )
        target = Output.concat("integrations/", integration.id)
        if args.jwt is None:
            self._route("default", api, "$default", target)
            return
        authorizer = aws.apigatewayv2.Authorizer(
            self.child_name("jwt", limit=128),
            api_id=api.id,
            authorizer_type="JWT",
            identity_sources=["$request.header.Authorization"],
            jwt_configuration=aws.apigatewayv2.AuthorizerJwtConfigurationArgs(
                issuer=args.jwt.issuer, audiences=args.jwt.audiences
            ),
            opts=self.child,
        )
        self._route("default", api, "$default", target, authorizer, args.jwt)
        for label, key in _PREFLIGHTS.items():
            self._route(label, api, key, target)

    def _route(
        self,
        label: str,
        api: aws.apigatewayv2.Api,
        key: str,
        target: Input[str],
        authorizer: Optional[aws.apigatewayv2.Authorizer] = None,
        jwt: Optional[JwtAuthorizer] = None,
    ) -> None:
        aws.apigatewayv2.Route(
            self.child_name(label),
            api_id=api.id,
            route_key=key,
            target=target,
            authorization_type="JWT" if authorizer else "NONE",
            authorizer_id=authorizer.id if authorizer else None,
            authorization_scopes=jwt.scopes if jwt else None,
            opts=self.child,
        )

    def _stage(
        self, api: aws.apigatewayv2.Api, logs: aws.cloudwatch.LogGroup, allowed: aws.lambda_.Permission
    ) -> aws.apigatewayv2.Stage:
        return aws.apigatewayv2.Stage(
            self.child_name("stage"),
            api_id=api.id,
            name="$default",
            auto_deploy=True,
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=logs.arn, format=access_log_format()
            ),
            # Both always: a limit that is left out is 0 once there are route settings, and every answer a 429.
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=self.args.requests_per_second, throttling_burst_limit=self.args.burst
            ),
            opts=self.child_options(depends_on=[allowed]),
        )

    def _domain(self, api: aws.apigatewayv2.Api, stage: aws.apigatewayv2.Stage, domain: str) -> None:
        args = self.args
        certificate_arn = args.certificate_arn
        if certificate_arn is None and args.zone_id is not None:
            certificate_arn = Certificate(self.resource_name, domain, args.zone_id, opts=self.child).arn
        assert certificate_arn is not None  # checked with the arguments
        name = aws.apigatewayv2.DomainName(
            self.child_name("domain"),
            domain_name=domain,
            domain_name_configuration=aws.apigatewayv2.DomainNameDomainNameConfigurationArgs(
                certificate_arn=certificate_arn, endpoint_type="REGIONAL", security_policy="TLS_1_2"
            ),
            opts=self.child,
        )
        aws.apigatewayv2.ApiMapping(
            self.child_name("domain"), api_id=api.id, domain_name=name.domain_name, stage=stage.id, opts=self.child
        )
        if args.zone_id is not None:
            where = name.domain_name_configuration
            aws.route53.Record(
                self.child_name("alias"),
                zone_id=args.zone_id,
                name=domain,
                type="A",
                aliases=[
                    aws.route53.RecordAliasArgs(
                        name=where.target_domain_name,
                        zone_id=where.hosted_zone_id,
                        evaluate_target_health=False,
                    )
                ],
                opts=self.child,
            )


def access_log_format() -> str:
    """One line of the access log, as JSON."""
    return json.dumps({name: f"$context.{variable}" for name, variable in _LOGGED.items()})
