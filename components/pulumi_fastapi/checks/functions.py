"""Rules for Lambda functions and what calls them."""

from collections.abc import Iterator
from typing import Any

from ..planned import Resource, known
from . import Facts, Problem, enabled, get, rule
from .containers import holds_secret
from .networks import WAYS_OUT, goes_to, routes_of, subnets_of, without_endpoint

FUNCTION = "aws:lambda/function:Function"
ALIAS = "aws:lambda/alias:Alias"
URL = "aws:lambda/functionUrl:FunctionUrl"
PERMISSION = "aws:lambda/permission:Permission"
INTEGRATION = "aws:apigatewayv2/integration:Integration"
STAGE = "aws:apigatewayv2/stage:Stage"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"

_DEFAULT_TIMEOUT = 3
_DEFAULT_MEMORY = 128
_SHORTEST_START = 10  # seconds, as long as Lambda gives the start itself
_HTTP_API_MILLISECONDS = 30_000
_CLOUD_FRONT_SECONDS = 30
_IDLE_SECONDS = 60
_BODIES = {"POST", "PUT", "PATCH"}


def _callees(resource: Resource, key: str, facts: Facts) -> list[Resource]:
    """The functions that an input refers to, by themselves or by an alias or a URL of theirs."""
    found = facts.referred(resource, key, FUNCTION)
    for step in (ALIAS, URL):
        for between in facts.referred(resource, key, step):
            found += _callees(between, "functionName", facts)
    return found


def _name(function: str) -> str:
    """The name in a name or an ARN."""
    return function.rpartition(":function:")[2].split(":")[0]


def _grants(url: Resource, facts: Facts) -> set[str]:
    """The actions that anyone may do with the function of a URL, by permissions of this plan."""
    name, qualifier = _name(get(url, "functionName", default="")), get(url, "qualifier")
    return {
        str(get(each, "action"))
        for each in facts.all(PERMISSION)
        if get(each, "principal") == "*"
        and _name(get(each, "function", default="")) == name
        and get(each, "qualifier") == qualifier
    }


@rule(URL, severity="error")
def function_url_answers_403(url: Resource, facts: Facts) -> Iterator[Problem]:
    """A new public URL needs the right to call it and the right to invoke the function through it (Lambda, 2025)."""
    if get(url, "authorizationType") != "NONE":
        return
    granted = _grants(url, facts)
    if "lambda:InvokeFunction" not in granted:
        yield Problem(
            "is open to everyone but answers 403: nobody may invoke the function through it",
            "add a Permission with action lambda:InvokeFunction, principal * and invokedViaFunctionUrl, of the same"
            " qualifier",
        )
    if "lambda:InvokeFunctionUrl" not in granted:
        yield Problem(
            "has no permission of its own to be called, only what the provider adds when it is created",
            "add a Permission with action lambda:InvokeFunctionUrl, principal * and functionUrlAuthType NONE, of the"
            " same qualifier",
            "warning",
        )


@rule(URL, severity="info")
def function_url_open_to_everyone(url: Resource, facts: Facts) -> Iterator[Problem]:
    """Whoever knows the URL may call it; the app alone decides who gets what (CT.LAMBDA.PR.5, CKV_AWS_258)."""
    guarded = any("ORIGIN_SECRET_DIGEST" in _variables(each) for each in _callees(url, "functionName", facts))
    if get(url, "authorizationType") == "NONE" and not guarded:
        yield Problem(
            "is open to everyone who knows it",
            "let the app check tokens, or CloudFront's secret; or use an HTTP API with a JWT authorizer",
        )


@rule(URL, severity="warning")
def function_url_cors_for_all(url: Resource, _: Facts) -> Iterator[Problem]:
    """Any page could use the API with the cookies of who looks at it (CT.LAMBDA.PR.6)."""
    if "*" in get(url, "cors", "allowOrigins", default=[]) and enabled(url, "cors", "allowCredentials"):
        yield Problem("lets pages of every origin call it with credentials", "name the origins in allowOrigins")


@rule(URL, severity="warning")
def entry_of_unreleased_code(url: Resource, _: Facts) -> Iterator[Problem]:
    """`$LATEST` changes while it is being deployed, and has no version to go back to."""
    if get(url, "qualifier") is None:
        yield Problem(
            "serves $LATEST: each update is live at once and cannot be taken back",
            "publish versions, make an alias and give its name as qualifier",
        )


@rule(PERMISSION, severity="error")
def function_open_to_everyone(permission: Resource, _: Facts) -> Iterator[Problem]:
    """Every account of AWS could invoke it, past all entries (Lambda.1, CT.LAMBDA.PR.2, CKV_AWS_301)."""
    by = ("functionUrlAuthType", "invokedViaFunctionUrl", "principalOrgId", "sourceAccount", "sourceArn")
    if get(permission, "principal") == "*" and not _is_narrowed(permission, by):
        yield Problem(
            f"allows {get(permission, 'action')} to every account of AWS",
            "set invokedViaFunctionUrl or functionUrlAuthType, or name the principal",
        )


@rule(PERMISSION, severity="warning")
def service_may_call_for_others(permission: Resource, _: Facts) -> Iterator[Problem]:
    """The service would also call it for resources of other accounts (Lambda.1, CKV_AWS_364)."""
    service = str(get(permission, "principal", default="")).endswith(".amazonaws.com")
    if service and not _is_narrowed(permission, ("sourceAccount", "sourceArn")):
        yield Problem(
            f"lets {get(permission, 'principal')} call the function for anybody's resource",
            "set sourceArn to the resource that calls, or sourceAccount",
        )


def _is_narrowed(permission: Resource, by: tuple[str, ...]) -> bool:
    """Also by an ARN that only a deployment knows."""
    return any(permission.inputs.get(key) is not None for key in by)


@rule(FUNCTION, severity="warning")
def function_outlives_its_entry(function: Resource, facts: Facts) -> Iterator[Problem]:
    """The client has its error by then, while the function runs on, is billed, and may do the work a second time."""
    timeout = int(get(function, "timeout", default=_DEFAULT_TIMEOUT))
    for entry, seconds in _waiting(function, facts):
        if timeout > seconds:
            yield Problem(
                f"may take {timeout} s, {entry.type.rpartition(':')[2]} {entry.name!r} gives up after {seconds:g} s",
                f"set timeout to {seconds:g} or less, and move longer work to a queue",
            )


def _waiting(function: Resource, facts: Facts) -> Iterator[tuple[Resource, float]]:
    """What waits for the function's answers, and for how long."""
    for integration in facts.all(INTEGRATION):
        if function in _callees(integration, "integrationUri", facts):
            milliseconds = int(get(integration, "timeoutMilliseconds", default=_HTTP_API_MILLISECONDS))
            yield integration, milliseconds / 1000
    for distribution in facts.all(DISTRIBUTION):
        if function in _callees(distribution, "origins", facts):
            seconds = get(
                distribution, "origins", "customOriginConfig", "originReadTimeout", default=_CLOUD_FRONT_SECONDS
            )
            yield distribution, float(seconds)
    for attachment in facts.all("aws:lb/targetGroupAttachment:TargetGroupAttachment"):
        if function in _callees(attachment, "targetId", facts):
            for group in facts.referred(attachment, "targetGroupArn", "aws:lb/targetGroup:TargetGroup"):
                for balancer in _balancers(group, facts):
                    yield balancer, float(get(balancer, "idleTimeout", default=_IDLE_SECONDS))


def _balancers(group: Resource, facts: Facts) -> Iterator[Resource]:
    for rule_ in facts.referring("aws:lb/listenerRule:ListenerRule", "actions", group):
        for listener in facts.referred(rule_, "listenerArn", "aws:lb/listener:Listener"):
            yield from facts.referred(listener, "loadBalancerArn", BALANCER)


@rule(FUNCTION, severity="warning")
def function_with_default_limits(function: Resource, _: Facts) -> Iterator[Problem]:
    """The defaults are for a few lines of script: an app with its imports needs longer, and CPU comes with memory."""
    timeout, memory = get(function, "timeout"), get(function, "memorySize")
    if int(timeout or _DEFAULT_TIMEOUT) < _SHORTEST_START:
        yield Problem(
            f"is cut after {timeout or _DEFAULT_TIMEOUT} s, which a start with its imports can take alone",
            f"set timeout to {_SHORTEST_START} or more",
        )
    if int(memory or _DEFAULT_MEMORY) <= _DEFAULT_MEMORY:
        yield Problem(
            f"has {memory or _DEFAULT_MEMORY} MB, and with it 7 % of a CPU: every start takes many seconds",
            "set memorySize to 512 or more; twice the memory for half the time costs the same",
        )


def _variables(function: Resource) -> dict[str, Any]:
    return dict(get(function, "environment", "variables", default={}))


@rule(FUNCTION, severity="error")
def secret_in_function_environment(function: Resource, _: Facts) -> Iterator[Problem]:
    """The variables of a function are shown by the console and the API to everyone who may look at it."""
    for name, value in _variables(function).items():
        if holds_secret(name, str(known(value))):
            yield Problem(
                f"gets {name} as a plain variable",
                "keep it in Secrets Manager, give the function its ARN, and read it when the environment starts",
            )


@rule(FUNCTION, severity="warning")
def connections_without_limit(function: Resource, facts: Facts) -> Iterator[Problem]:
    """Each environment opens its own connections, and Lambda makes as many environments as there are requests."""
    unlimited = int(get(function, "reservedConcurrentExecutions", default=-1)) < 0
    databases = [*facts.all("aws:rds/instance:Instance"), *facts.all("aws:rds/cluster:Cluster")]
    uses = bool(
        {"DATABASE_HOST", "DATABASE_URL", "DATABASE_SECRET_ARN"} & set(_variables(function))
        or set(databases) & set(function.property_dependencies.get("environment", ()))
    )
    if unlimited and uses:
        yield Problem(
            "opens database connections in as many environments as the account allows, 1000 by default",
            "set reservedConcurrentExecutions to what the database's max_connections bears, or use RDS Proxy",
        )


@rule(FUNCTION, severity="warning")
def function_cannot_reach_out(function: Resource, facts: Facts) -> Iterator[Problem]:
    """In a VPC a function never has a public address, not even in a public subnet: its calls hang until the timeout."""
    needed = set()
    for service in ("secretsmanager", "ssm"):
        if any(f":{service}:" in str(known(value)) for value in _variables(function).values()):
            needed.add(service)
    for subnet in subnets_of(function, ("vpcConfig", "subnetIds"), facts):
        routes = routes_of(subnet, facts)
        if routes is None or any(goes_to(route, WAYS_OUT) for route in routes):
            continue
        missing = without_endpoint(needed, subnet, facts)
        if missing:
            yield Problem(
                f"runs in subnet {subnet.name!r}, from which it reaches nothing outside the VPC, and reads"
                f" {' and '.join(missing)}",
                f"add the interface endpoints {', '.join(missing)}, or a NAT gateway",
            )
            return


@rule(FUNCTION, severity="warning")
def function_logs_kept_forever(function: Resource, facts: Facts) -> Iterator[Problem]:
    """Lambda makes the log group of a function itself when there is none, and keeps it for ever, past the stack too."""
    if get(function, "loggingConfig", "logGroup") is not None:
        return
    name = function.outputs.get("name")
    named = {get(group, "name") for group in facts.all("aws:cloudwatch/logGroup:LogGroup")}
    if f"/aws/lambda/{name}" not in named:
        yield Problem(
            "writes into a log group that Lambda makes and never empties",
            "make a LogGroup with retentionInDays and name it in loggingConfig.logGroup",
        )


@rule(FUNCTION, severity="info")
def function_not_traced(function: Resource, _: Facts) -> Iterator[Problem]:
    """A trace tells starts, the app and what it calls apart (CKV_AWS_50)."""
    if get(function, "tracingConfig", "mode") != "Active":
        yield Problem(
            "is not traced by X-Ray", "set tracingConfig.mode to Active; the first 100,000 traces a month are free"
        )


@rule(FUNCTION, severity="error")
def snap_start_of_an_image(function: Resource, _: Facts) -> Iterator[Problem]:
    """Lambda takes snapshots of functions from archives only, and refuses the update."""
    image = get(function, "packageType") == "Image"
    if image and get(function, "snapStart", "applyOn") == "PublishedVersions":
        yield Problem("asks for SnapStart, which images do not have", "remove snapStart; use provisioned concurrency")


@rule(STAGE, severity="error")
def api_answers_429(stage: Resource, _: Facts) -> Iterator[Problem]:
    """A limit that is left out is 0 as soon as a stage has route settings, and nothing gets through."""
    settings = get(stage, "defaultRouteSettings")
    if settings is None:
        return
    for key in ("throttlingRateLimit", "throttlingBurstLimit"):
        if not get(stage, "defaultRouteSettings", key):
            yield Problem(f"answers every request 429: {key} is not set and so 0", f"set {key}")


@rule(STAGE, severity="warning")
def api_without_access_logs(stage: Resource, _: Facts) -> Iterator[Problem]:
    """What the API refuses itself is in no log of the function (AwsSolutions-APIG1, CKV_AWS_76)."""
    if get(stage, "accessLogSettings", "destinationArn") is None:
        yield Problem("has no access log", "set accessLogSettings to a log group and a JSON format")


@rule(DISTRIBUTION, severity="warning")
def signed_requests_lose_bodies(distribution: Resource, facts: Facts) -> Iterator[Problem]:
    """Lambda wants the SHA-256 of a body from who signs it, and the signature takes the place of `Authorization`."""
    signed = [
        control
        for control in facts.referred(distribution, "origins", "aws:cloudfront/originAccessControl:OriginAccessControl")
        if get(control, "originAccessControlOriginType") == "lambda" and get(control, "signingBehavior") != "never"
    ]
    methods = set(get(distribution, "defaultCacheBehavior", "allowedMethods", default=[])) & _BODIES
    if signed and methods:
        yield Problem(
            f"signs requests to a function's URL, so Lambda refuses {', '.join(sorted(methods))} of clients that send"
            " no x-amz-content-sha256, and the app gets no Authorization",
            "prove CloudFront by a secret header that the app checks, or allow GET, HEAD and OPTIONS only",
        )


@rule("aws:scheduler/schedule:Schedule", severity="warning")
def schedule_without_dead_letters(schedule: Resource, _: Facts) -> Iterator[Problem]:
    """A call that could not be made is gone, and nobody is told."""
    if get(schedule, "target", "deadLetterConfig", "arn") is None:
        yield Problem(
            "forgets calls that could not be made", "set target.deadLetterConfig to an SQS queue, and watch it"
        )
