"""Documented rules that neither botocore's models nor moto check, as a table.

A rule names the type, the input it is about and the error code AWS answers with. Values that are not known yet are not
judged. A `[]` in a path means each item of a list.
"""

import ipaddress
import json
import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_fastapi.emulator.mapping import Problem
from pulumi_fastapi.emulator.values import Properties, Unknown, has_unknown, parse_json, scalar_text

Judge = Callable[[Any, Properties], str | None]
"""Message for a bad value (given with all inputs), or None."""


@dataclass(frozen=True)
class Rule:
    type: str
    path: str
    code: str
    judge: Judge


# ------------------------------------------------------------------------------------------------------------ builders
def _one_of(*allowed: object) -> Judge:
    texts = [scalar_text(item) for item in allowed]
    return lambda value, _inputs: (
        None if scalar_text(value) in texts else f"{value_text(value)} is not one of {', '.join(texts)}"
    )


def _between(low: float, high: float, unit: str = "") -> Judge:
    def judge(value: Any, _inputs: Properties) -> str | None:
        number = _number(value)
        if number is None or low <= number <= high:
            return None
        return f"{value_text(value)} is not between {scalar_text(low)} and {scalar_text(high)}{unit and ' ' + unit}"

    return judge


def _at_least(low: float) -> Judge:
    def judge(value: Any, _inputs: Properties) -> str | None:
        number = _number(value)
        return f"{value_text(value)} is less than {scalar_text(low)}" if number is not None and number < low else None

    return judge


def _matches(pattern: str, meaning: str) -> Judge:
    compiled = re.compile(pattern)
    return lambda value, _inputs: (
        None if not isinstance(value, str) or compiled.fullmatch(value) else f"{value!r}: {meaning}"
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def value_text(value: Any) -> str:
    return repr(value) if isinstance(value, str) else scalar_text(value)


def _all_of(*judges: Judge) -> Judge:
    def judge(value: Any, inputs: Properties) -> str | None:
        return next((text for each in judges if (text := each(value, inputs)) is not None), None)

    return judge


# -------------------------------------------------------------------------------------------------------------- network
def _network(value: Any, low: int, high: int) -> str | None:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        return f"{value!r} is not a network: {error}"
    if not low <= network.prefixlen <= high:
        return f"{value!r}: the prefix has to be between /{low} and /{high}"
    return None


def _vpc_network(value: Any, _inputs: Properties) -> str | None:
    return _network(value, 16, 28)


def _any_cidr(value: Any, _inputs: Properties) -> str | None:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        return f"CIDR block {value} is malformed: {error}"
    return None


_PROTOCOLS = re.compile(r"-1|all|tcp|udp|icmp|icmpv6|[0-9]{1,3}")


def _protocol(value: Any, _inputs: Properties) -> str | None:
    text = scalar_text(value)
    if _PROTOCOLS.fullmatch(text) and (not text.isdigit() or int(text) <= 255):
        return None
    return f"Invalid value '{text}' for IP protocol. Unknown protocol"


def _port(value: Any, inputs: Properties) -> str | None:
    return _between(-1, 65535)(value, inputs)


def _port_order(rule: Any, _inputs: Properties) -> str | None:
    start, end = _number(rule.get("fromPort")), _number(rule.get("toPort"))
    if start is not None and end is not None and start > end and start != -1:
        return f"the range {scalar_text(start)} to {scalar_text(end)} is empty"
    return None


def _one_source(inputs: Properties, _all: Properties) -> str | None:
    sources = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
    given = [name for name in sources if inputs.get(name) is not None]
    return None if len(given) == 1 else f"exactly one of {', '.join(sources)} has to be given, not {len(given)}"


def _group_name(value: Any, _inputs: Properties) -> str | None:
    if isinstance(value, str) and value.startswith("sg-"):
        return f"{value!r}: a group name may not start with sg-"
    return _matches(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}", "invalid characters in the group name")(value, {})


_GROUP_TEXT = r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}"
_RULE_TEXT = _matches(_GROUP_TEXT, "Character sets beyond ASCII are not supported, nor are < > and quotes")


def _public_nat(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("connectivityType", "public") == "public" and inputs.get("allocationId") is None:
        return "a public NAT gateway needs an allocationId"
    if inputs.get("connectivityType") == "private" and inputs.get("allocationId") is not None:
        return "a private NAT gateway takes no allocationId"
    return None


# ------------------------------------------------------------------------------------------------------- load balancers
_LB_NAME = _all_of(
    _matches(r".{1,32}", "a name has at most 32 characters"),
    _matches(r"[a-zA-Z0-9-]*", "a name has only alphanumeric characters and hyphens"),
    _matches(r"(?!-).*(?<!-)", "a name may not begin or end with a hyphen"),
)


def _lb_name(value: Any, inputs: Properties) -> str | None:
    if isinstance(value, str) and value.startswith("internal-"):
        return f"{value!r}: a name may not begin with internal-"
    return _LB_NAME(value, inputs)


def _two_subnets(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("loadBalancerType", "application") != "application":
        return None
    given = inputs.get("subnets") or inputs.get("subnetMappings")
    if isinstance(given, list) and len(given) < 2:
        return "At least two subnets in two different Availability Zones must be specified"
    return None


def _health_timeout(check: Any, _inputs: Properties) -> str | None:
    timeout, interval = _number(check.get("timeout")), _number(check.get("interval"))
    if timeout is not None and interval is not None and timeout >= interval:
        return f"Health check timeout {scalar_text(timeout)} must be smaller than the interval {scalar_text(interval)}"
    return None


def _secure_listener(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("protocol") in ("HTTPS", "TLS") and inputs.get("certificateArn") is None:
        return "A certificate must be specified for HTTPS listeners"
    if inputs.get("protocol") == "HTTP" and inputs.get("certificateArn") is not None:
        return "a certificate cannot be specified for HTTP listeners"
    return None


_SSL_POLICY = _matches(
    r"ELBSecurityPolicy-(2016-08|TLS-1-[0-2]-(2017-01|Ext-2018-06)|FS-[0-9A-Za-z-]+|TLS13-1-[0-3]-[0-9A-Za-z-]+|2015-05)",
    "SSL policy not found",
)


def _vpc_for_targets(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("targetType", "instance") == "lambda":
        return None
    missing = [name for name in ("port", "protocol", "vpcId") if inputs.get(name) is None]
    return f"{missing[0]} is required for target type {inputs.get('targetType', 'instance')!r}" if missing else None


# ----------------------------------------------------------------------------------------------------------------- ECS
_FARGATE_MEMORY: Mapping[int, frozenset[int]] = {
    256: frozenset((512, 1024, 2048)),
    512: frozenset(range(1024, 4097, 1024)),
    1024: frozenset(range(2048, 8193, 1024)),
    2048: frozenset(range(4096, 16385, 1024)),
    4096: frozenset(range(8192, 30721, 1024)),
    8192: frozenset(range(16384, 61441, 4096)),
    16384: frozenset(range(32768, 122881, 8192)),
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(vcpu|gb)?", re.IGNORECASE)


def _units(value: Any) -> int | None:
    """`"256"`, `".25 vCPU"` and `"1 GB"` in CPU units and MiB."""
    found = _SIZE.fullmatch(str(value).strip())
    if found is None:
        return None
    number = float(found[1])
    return int(number * 1024) if found[2] else int(number)


def _fargate_size(inputs: Properties, _all: Properties) -> str | None:
    if "FARGATE" not in (inputs.get("requiresCompatibilities") or []):
        return None
    if inputs.get("cpu") is None or inputs.get("memory") is None:
        return "Fargate requires that 'cpu' and 'memory' be defined at the task level"
    cpu, memory = _units(inputs["cpu"]), _units(inputs["memory"])
    if cpu is None or cpu not in _FARGATE_MEMORY:
        return f"No Fargate configuration exists for given values: {inputs['cpu']} CPU, {inputs['memory']} memory"
    if memory not in _FARGATE_MEMORY[cpu]:
        allowed = ", ".join(str(item) for item in sorted(_FARGATE_MEMORY[cpu]))
        return (
            f"No Fargate configuration exists for given values: {inputs['cpu']} CPU, {inputs['memory']} memory. "
            f"With {cpu} CPU the memory is one of {allowed}"
        )
    return None


def _fargate_network(inputs: Properties, _all: Properties) -> str | None:
    on_fargate = "FARGATE" in (inputs.get("requiresCompatibilities") or [])
    if on_fargate and inputs.get("networkMode") in (None, "bridge", "host", "none"):
        return "Fargate only supports network mode 'awsvpc'"
    return None


def _containers(value: Any) -> list[Properties] | None:
    containers = json.loads(value) if isinstance(value, str) else value
    return containers if isinstance(containers, list) else None


def _container_list(value: Any, _inputs: Properties) -> str | None:
    try:
        containers = _containers(value)
    except ValueError as error:
        return f"ECS Task Definition container_definitions is invalid: {error}"
    if not containers:
        return "Container list cannot be empty"
    names = [container.get("name") for container in containers if isinstance(container, dict)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"Container names must be unique: {twice!r}"
    if not any(container.get("essential", True) for container in containers):
        return "At least one container must be essential"
    for container in containers:
        if not container.get("image"):
            return f"Container.image should not be null or empty: {container.get('name')!r}"
    return None


def _container_settings(inputs: Properties, _all: Properties) -> str | None:
    text = inputs.get("containerDefinitions")
    if has_unknown(text) or not isinstance(text, str) or parse_json(text) is None:
        return None
    containers = _containers(text) or []
    names = {container.get("name") for container in containers}
    on_fargate = "FARGATE" in (inputs.get("requiresCompatibilities") or [])
    for container in containers:
        problem = _container_problem(container, names, on_fargate, inputs.get("networkMode"))
        if problem is not None:
            return f"{problem} (container {container.get('name')!r})"
    return None


def _container_problem(container: Properties, names: set[Any], on_fargate: bool, network: Any) -> str | None:
    for dependency in container.get("dependsOn") or []:
        if dependency.get("containerName") not in names:
            return f"dependsOn names an unknown container: {dependency.get('containerName')!r}"
    for mapping in container.get("portMappings") or []:
        host = mapping.get("hostPort")
        if network == "awsvpc" and host not in (None, 0, mapping.get("containerPort")):
            return "When networkMode=awsvpc, the host ports and container ports in port mappings must match"
    logging = container.get("logConfiguration") or {}
    if logging.get("logDriver") == "awslogs":
        missing = [name for name in ("awslogs-group", "awslogs-region") if not (logging.get("options") or {}).get(name)]
        if missing:
            return f"Log driver awslogs requires options: {', '.join(missing)}"
    if on_fargate and container.get("privileged"):
        return "Fargate does not support privileged containers"
    if on_fargate and (_number(container.get("stopTimeout")) or 0) > 120:
        return "stopTimeout is at most 120 seconds on Fargate"
    return None


def _container_memory(inputs: Properties, _all: Properties) -> str | None:
    text, memory = inputs.get("containerDefinitions"), _units(inputs.get("memory"))
    if has_unknown(text) or not isinstance(text, str) or parse_json(text) is None or memory is None:
        return None
    largest = max((_number(container.get("memory")) or 0 for container in _containers(text) or []), default=0)
    if largest > memory:
        return f"A container's memory {scalar_text(largest)} is more than the task's memory {memory}"
    return None


def _volumes_defined(inputs: Properties, _all: Properties) -> str | None:
    text = inputs.get("containerDefinitions")
    if has_unknown(text) or not isinstance(text, str) or parse_json(text) is None:
        return None
    known = {volume.get("name") for volume in inputs.get("volumes") or []}
    for container in _containers(text) or []:
        for mount in container.get("mountPoints") or []:
            if mount.get("sourceVolume") not in known:
                return f"Unknown volume '{mount.get('sourceVolume')}' in container {container.get('name')!r}"
    return None


def _logs_need_execution_role(inputs: Properties, _all: Properties) -> str | None:
    text = inputs.get("containerDefinitions")
    if has_unknown(text) or inputs.get("executionRoleArn") is not None or parse_json(str(text)) is None:
        return None
    if "FARGATE" not in (inputs.get("requiresCompatibilities") or []):
        return None
    for container in _containers(text) or []:
        if container.get("secrets") or (container.get("logConfiguration") or {}).get("logDriver") == "awslogs":
            return (
                "Fargate requires task definition to have execution role ARN to support log driver awslogs and secrets"
            )
    return None


def _launch_or_capacity(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("launchType") is not None and inputs.get("capacityProviderStrategies"):
        return "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again"
    return None


def _grace_needs_balancer(inputs: Properties, _all: Properties) -> str | None:
    if _number(inputs.get("healthCheckGracePeriodSeconds")) and not inputs.get("loadBalancers"):
        return "Health check grace period is only valid for services configured to use load balancers"
    return None


def _healthy_percents(inputs: Properties, _all: Properties) -> str | None:
    low, high = _number(inputs.get("deploymentMinimumHealthyPercent")), _number(inputs.get("deploymentMaximumPercent"))
    if low is not None and high is not None and (high <= low):
        return (
            f"deploymentMaximumPercent {scalar_text(high)} has to be greater than "
            f"deploymentMinimumHealthyPercent {scalar_text(low)}, or no task can be replaced"
        )
    return None


def _bake_time(value: Any, _inputs: Properties) -> str | None:
    return _between(0, 1440, "minutes")(value, {})


def _metric_of_a_balancer(value: Any, _inputs: Properties) -> str | None:
    if value.get("predefinedMetricType") == "ALBRequestCountPerTarget" and value.get("resourceLabel") is None:
        return "ALBRequestCountPerTarget needs a resourceLabel: app/<balancer>/<id>/targetgroup/<group>/<id>"
    return None


def _min_max_capacity(inputs: Properties, _all: Properties) -> str | None:
    low, high = _number(inputs.get("minCapacity")), _number(inputs.get("maxCapacity"))
    if low is not None and high is not None and low > high:
        return f"Maximum capacity {scalar_text(high)} cannot be less than minimum capacity {scalar_text(low)}"
    return None


# -------------------------------------------------------------------------------------------------------------- Lambda
_RESERVED_VARIABLES = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_REGION|REGION|EXECUTION_ENV|ACCESS_KEY|ACCESS_KEY_ID|SECRET_ACCESS_KEY|"
    r"SESSION_TOKEN)|AWS_LAMBDA_(FUNCTION_.+|LOG_.+|INITIALIZATION_TYPE|RUNTIME_API)|LAMBDA_(TASK_ROOT|RUNTIME_DIR)"
)
_ECR_IMAGE = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9/._-]+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?"
)


def _package(inputs: Properties, _all: Properties) -> str | None:
    given = [name for name in ("code", "imageUri", "s3Bucket") if inputs.get(name) is not None]
    if len(given) != 1:  # none at all: the model says so
        return f"only one of code, imageUri and s3Bucket can be given, not {' and '.join(given)}" if given else None
    if inputs.get("packageType", "Zip") == "Zip":
        missing = [name for name in ("handler", "runtime") if inputs.get(name) is None]
        return "handler and runtime must be set when PackageType is Zip" if missing or given == ["imageUri"] else None
    extra = next((name for name in ("handler", "runtime", "layers") if inputs.get(name)), None)
    if extra is not None:
        return f"Please don't provide a {extra} when the intended function PackageType is Image"
    return None if given == ["imageUri"] else "PackageType Image needs an imageUri"


def _image_of_ecr(value: Any, _inputs: Properties) -> str | None:
    if _ECR_IMAGE.fullmatch(str(value)):
        return None
    return f"Source image {value} is not valid. Provide a valid source image."


def _variables(value: Any, _inputs: Properties) -> str | None:
    reserved = [name for name in value if _RESERVED_VARIABLES.fullmatch(name)]
    if reserved:
        return (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(reserved)}"
        )
    if len(json.dumps(value, separators=(",", ":")).encode()) > 4096:
        return (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided exceeded the 4KB limit"
        )
    return None


def _weights(value: Any, inputs: Properties) -> str | None:
    if len(value) > 1:
        return "an alias shares its traffic with one other version only"
    if value and "$LATEST" in (inputs.get("functionVersion"), *value):
        return "$LATEST is not supported for an alias pointing to more than 1 version"
    return None


# --------------------------------------------------------------------------------- API Gateway, WAF, timers, CodeDeploy
def _not_emulated(meaning: str) -> Judge:
    return lambda _value, _inputs: f"not emulated: {meaning}"


def _proxied(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("integrationType") not in ("AWS_PROXY", "HTTP_PROXY") or inputs.get("integrationSubtype"):
        return None
    return "integrationUri is required for proxy integrations" if inputs.get("integrationUri") is None else None


_EXACTLY_ONE = "You have used none or multiple values for a field that requires exactly one value., field: "


def _default_action(value: Any, _inputs: Properties) -> str | None:
    given = [name for name in ("allow", "block") if value.get(name) is not None]
    return None if len(given) == 1 else f"{_EXACTLY_ONE}DEFAULT_ACTION"


def _rule_action(rule: Any, _inputs: Properties) -> str | None:
    statement = rule.get("statement") or {}
    of_group = "managedRuleGroupStatement" in statement or "ruleGroupReferenceStatement" in statement
    given = [name for name in ("action", "overrideAction") if rule.get(name) is not None]
    if given != ["overrideAction" if of_group else "action"]:
        return f"{_EXACTLY_ONE}RULE ({'overrideAction' if of_group else 'action'} of {rule.get('name')})"
    return None


def _rule_priorities(rules: Any, _inputs: Properties) -> str | None:
    for name in ("name", "priority"):
        values = [rule.get(name) for rule in rules]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            return f"two rules have the {name} {value_text(twice)}"
    return None


_WAF_LOG = _matches(
    r"arn:aws[\w-]*:(logs:[^:]*:\d+:log-group:aws-waf-logs-.+|s3:::aws-waf-logs-.+|firehose:.+:deliverystream/aws-waf-logs-.+)",
    "The ARN isn't valid. The name of the log destination has to begin with aws-waf-logs-",
)
_AT = r"at\(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\)"
_SCHEDULE = _matches(
    rf"rate\([1-9]\d* (minutes?|hours?|days?)\)|cron\((\S+ ){{5}}\S+\)|{_AT}",
    "Invalid Schedule Expression: one of rate(5 minutes), cron(0 3 * * ? *), at(2030-01-01T00:00:00)",
)


def _timezone(value: Any, _inputs: Properties) -> str | None:
    return None if value in zoneinfo.available_timezones() else f"{value!r} is no time zone such as Europe/Berlin"


def _flexible(window: Any, _inputs: Properties) -> str | None:
    if window.get("mode") == "FLEXIBLE" and window.get("maximumWindowInMinutes") is None:
        return "FlexibleTimeWindow mode FLEXIBLE needs maximumWindowInMinutes"
    if window.get("mode") == "OFF" and window.get("maximumWindowInMinutes") is not None:
        return "FlexibleTimeWindow mode OFF takes no maximumWindowInMinutes"
    return None


def _routing(value: Any, _inputs: Properties) -> str | None:
    wanted = {"TimeBasedCanary": "timeBasedCanary", "TimeBasedLinear": "timeBasedLinear"}.get(value.get("type"))
    for name in ("timeBasedCanary", "timeBasedLinear"):
        if (value.get(name) is not None) != (name == wanted):
            return f"type {value.get('type')} {'needs' if name == wanted else 'takes no'} {name}"
    return None


def _rotation_rules(value: Any, _inputs: Properties) -> str | None:
    given = [name for name in ("automaticallyAfterDays", "scheduleExpression") if value.get(name) is not None]
    return None if len(given) == 1 else "exactly one of automaticallyAfterDays, scheduleExpression has to be given"


def _budget_limit(inputs: Properties, _all: Properties) -> str | None:
    ways = ("limitAmount", "plannedLimits", "autoAdjustData")
    return None if any(inputs.get(name) for name in ways) else f"one of {', '.join(ways)} has to be given"


def _repository_policy(value: Any, _inputs: Properties) -> str | None:
    problem = _policy_problem(value, principal=True)
    if problem is None and any("Resource" in statement for statement in _statements(json_object(value))):
        return "The policy of a repository names no Resource"
    return problem


def json_object(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


# ----------------------------------------------------------------------------------------------------------------- RDS
_INSTANCE_CLASS = re.compile(
    r"db\.(m|r|x|z|c|t)\d[a-z0-9-]*\.(micro|small|medium|large|xlarge|\d{1,2}xlarge|metal|metal-\d+xl|\d{1,2}xlarge\.\S+)"
)
_BURSTABLE = re.compile(r"db\.t\d")


def _instance_class(value: Any, _inputs: Properties) -> str | None:
    return None if _INSTANCE_CLASS.fullmatch(str(value)) else f"Invalid DB Instance class: {value}"


def _storage(inputs: Properties, _all: Properties) -> str | None:
    size = _number(inputs.get("allocatedStorage"))
    if size is None:
        return None
    kind = inputs.get("storageType") or ("io1" if inputs.get("iops") else "gp2")
    low = {"standard": 5, "io1": 100, "io2": 100}.get(kind, 20)
    if not low <= size <= 65536:
        return (
            f"Invalid storage size for engine name {inputs.get('engine')} and storage type {kind}: {scalar_text(size)}"
        )
    return None


def _storage_maximum(inputs: Properties, _all: Properties) -> str | None:
    size, high = _number(inputs.get("allocatedStorage")), _number(inputs.get("maxAllocatedStorage"))
    if size is not None and high and high <= size:
        return (
            "Max storage size must be greater than storage size:"
            f" {scalar_text(high)} is not more than {scalar_text(size)}"
        )
    return None


def _password_given(inputs: Properties, _all: Properties) -> str | None:
    ways = ("password", "passwordWo", "manageMasterUserPassword", "snapshotIdentifier", "replicateSourceDb", "s3Import")
    if any(inputs.get(name) for name in (*ways, "restoreToPointInTime")):
        if inputs.get("manageMasterUserPassword") is True and inputs.get("password"):
            return "You can't specify MasterUserPassword when ManageMasterUserPassword is set"
        return None
    return "The parameter MasterUserPassword must be provided and must not be blank"


_PASSWORD = _all_of(
    _matches(r"(?s).{8,128}", "a master password has 8 to 128 characters"),
    _matches(r"[!#-.0-?A-~]*", "a master password may not have a slash, an at sign, a double quote or a space"),
)


def _secret_password(value: Any, inputs: Properties) -> str | None:
    text = _PASSWORD(value, inputs)
    return (
        None if text is None else "The parameter MasterUserPassword is not a valid password" + text[len(repr(value)) :]
    )


_IDENTIFIER = _matches(
    r"[a-z](?:-?[a-z0-9])*",
    "the identifier has to begin with a letter, has only lower-case letters, digits and hyphens, and does not end with "
    "a hyphen or contain two in a row",
)
_RESERVED_USERS = frozenset({"admin", "rdsadmin", "postgres_rds", "user", "rdsrepladmin"})


def _master_user(value: Any, inputs: Properties) -> str | None:
    if inputs.get("engine") == "postgres" and str(value).lower() in _RESERVED_USERS:
        return f"MasterUsername {value} cannot be used as it is a reserved word used by the engine"
    return _matches(r"[a-zA-Z][a-zA-Z0-9_]{0,62}", "a master user name is a letter and then letters or digits")(
        value, {}
    )


def _final_snapshot(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("skipFinalSnapshot") or inputs.get("finalSnapshotIdentifier") is not None:
        return None
    return "finalSnapshotIdentifier is required when skipFinalSnapshot is false"


def _monitoring(inputs: Properties, _all: Properties) -> str | None:
    interval = _number(inputs.get("monitoringInterval"))
    if interval and inputs.get("monitoringRoleArn") is None:
        return "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0"
    return None


_WINDOW = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_DAY_WINDOW = re.compile(
    r"(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):[0-5]\d-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):[0-5]\d"
)


def _backup_window(value: Any, _inputs: Properties) -> str | None:
    return None if _WINDOW.fullmatch(str(value)) else f"{value!r} is not a window such as 03:00-04:00"


def _maintenance_window(value: Any, _inputs: Properties) -> str | None:
    if _DAY_WINDOW.fullmatch(str(value).lower()):
        return None
    return f"{value!r} is not a window such as sun:05:00-sun:06:00"


# Those of PostgreSQL that need a restart, as far as programs set them.
_STATIC_PARAMETERS = frozenset(
    {
        "autovacuum_max_workers",
        "max_connections",
        "max_locks_per_transaction",
        "max_prepared_transactions",
        "max_replication_slots",
        "max_wal_senders",
        "max_worker_processes",
        "rds.logical_replication",
        "shared_buffers",
        "shared_preload_libraries",
        "track_activity_query_size",
        "wal_buffers",
    }
)


def _apply_method(parameter: Any, inputs: Properties) -> str | None:
    of_postgres = str(inputs.get("family", "")).startswith("postgres")
    immediate = parameter.get("applyMethod", "immediate") == "immediate"
    if of_postgres and immediate and parameter.get("name") in _STATIC_PARAMETERS:
        return f"cannot use immediate apply method for static parameter {parameter['name']}: use pending-reboot"
    return None


def _log_export(value: Any, inputs: Properties) -> str | None:
    if inputs.get("engine") != "postgres" or value in ("postgresql", "upgrade", "iam-db-auth-error"):
        return None
    return f"You cannot use the log type {value!r} with engine postgres"


_POSTGRES_MAJORS = range(11, 19)


def _engine_version(inputs: Properties, _all: Properties) -> str | None:
    version = inputs.get("engineVersion")
    if inputs.get("engine") != "postgres" or not isinstance(version, str):
        return None
    found = re.fullmatch(r"(\d+)(\.\d+)?(-R\d+)?", version)
    if found is None or int(found[1]) not in _POSTGRES_MAJORS:
        return f"Cannot find version {version} for postgres"
    return None


def _family(value: Any, _inputs: Properties) -> str | None:
    pattern = r"(postgres\d+(\.\d+)?|(aurora-)?(mysql|mariadb|postgresql)\d+(\.\d+)?|(oracle|sqlserver|db2|custom)-.*)"
    return (
        None
        if re.fullmatch(pattern, str(value))
        else f"ParameterGroupFamily {value} is not a valid parameter group family"
    )


# --------------------------------------------------------------------------------------------------- logs, alarms, SNS
_RETENTIONS = (
    0,
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


def _alarm_period(value: Any, _inputs: Properties) -> str | None:
    number = _number(value)
    if number is None or number in (10, 20, 30) or (number > 0 and number % 60 == 0):
        return None
    return f"{scalar_text(value)}: the period has to be 10, 20, 30 or a multiple of 60 seconds"


def _alarm_metric(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("metricQueries"):
        return None
    if inputs.get("metricName") is None:
        return "The parameter MetricName, or metricQueries, is required"
    for name in ("namespace", "period"):
        if inputs.get(name) is None:
            return f"The parameter {name} is required with metricName"
    if inputs.get("statistic") is None and inputs.get("extendedStatistic") is None:
        return "either statistic or extendedStatistic is required with metricName"
    return None


def _alarm_span(inputs: Properties, _all: Properties) -> str | None:
    period, periods = _number(inputs.get("period")), _number(inputs.get("evaluationPeriods"))
    if period is not None and periods is not None and period * periods > (7 * 86400 if period >= 3600 else 86400):
        return "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)"
    return None


def _datapoints(inputs: Properties, _all: Properties) -> str | None:
    wanted, periods = _number(inputs.get("datapointsToAlarm")), _number(inputs.get("evaluationPeriods"))
    if wanted is not None and periods is not None and wanted > periods:
        return f"datapointsToAlarm {scalar_text(wanted)} is more than evaluationPeriods {scalar_text(periods)}"
    return None


def _subscription_endpoint(inputs: Properties, _all: Properties) -> str | None:
    endpoint, protocol = inputs.get("endpoint"), inputs.get("protocol")
    patterns = {
        "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
        "email-json": r"[^@\s]+@[^@\s]+\.[^@\s]+",
        "http": r"http://.+",
        "https": r"https://.+",
        "lambda": r"arn:.+",
        "sqs": r"arn:.+",
        "firehose": r"arn:.+",
        "sms": r"\+?[0-9-]+",
    }
    if not isinstance(endpoint, str) or protocol not in patterns or re.fullmatch(patterns[protocol], endpoint):
        return None
    return f"Invalid parameter: {protocol} endpoint {endpoint!r}"


def _is_json(value: Any, _inputs: Properties) -> str | None:
    try:
        json.loads(value) if isinstance(value, str) else json.dumps(value)
    except ValueError as error:
        return f"not a JSON document: {error}"
    return None


# ------------------------------------------------------------------------------------------------------------- policies
def _policy(value: Any, _inputs: Properties) -> str | None:
    return _policy_problem(value, principal=False)


def _resource_policy(value: Any, _inputs: Properties) -> str | None:
    return _policy_problem(value, principal=True)


def _trust_policy(value: Any, _inputs: Properties) -> str | None:
    problem = _policy_problem(value, principal=True)
    if problem is not None:
        return problem
    document = json.loads(value) if isinstance(value, str) else value
    for statement in _statements(document):
        if "Resource" in statement:
            return "Has prohibited field Resource"
        actions = statement.get("Action", [])
        if any(not str(action).startswith("sts:") for action in ([actions] if isinstance(actions, str) else actions)):
            return "AssumeRole policy may only specify STS AssumeRole actions"
    return None


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = document.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)


def _policy_problem(value: Any, principal: bool) -> str | None:
    try:
        document = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        return f"The policy is not a JSON document: {error}"
    if not isinstance(document, dict) or not document.get("Statement"):
        return "Syntax errors in policy: Statement is missing"
    if document.get("Version", "2012-10-17") not in ("2012-10-17", "2008-10-17"):
        return f"The policy must contain a valid version string, not {document['Version']!r}"
    for statement in _statements(document):
        problem = _statement_problem(statement, principal)
        if problem is not None:
            return problem
    return None


def _statement_problem(statement: Mapping[str, Any], principal: bool) -> str | None:
    if statement.get("Effect") not in ("Allow", "Deny"):
        return f"Invalid effect: {statement.get('Effect')!r}"
    if not statement.keys() & {"Action", "NotAction"}:
        return "Policy statement must contain actions."
    if principal and not statement.keys() & {"Principal", "NotPrincipal"}:
        return "Missing required field Principal"
    if not principal and not statement.keys() & {"Resource", "NotResource"}:
        return "Policy statement must contain resources."
    if not principal and "Principal" in statement:
        return "Policy document should not specify a principal."
    return None


def _mime_name(value: Any, _inputs: Properties) -> str | None:
    return _matches(r"[A-Za-z0-9/_+=.@!-]+", "the name has only letters, digits and /_+=.@-!")(value, {})


def _secret_name(value: Any, inputs: Properties) -> str | None:
    return _mime_name(value, inputs)


def _recovery_window(value: Any, _inputs: Properties) -> str | None:
    number = _number(value)
    if number is None or number == 0 or 7 <= number <= 30:
        return None
    return f"RecoveryWindowInDays value must be between 7 and 30 days (inclusive), or 0, not {scalar_text(value)}"


def _one_secret(inputs: Properties, _all: Properties) -> str | None:
    given = [name for name in ("secretString", "secretBinary", "secretStringWo") if inputs.get(name) is not None]
    return None if len(given) == 1 else "You must provide either SecretString or SecretBinary."


def _bucket_name(value: Any, _inputs: Properties) -> str | None:
    if not isinstance(value, str):
        return None
    valid = re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value) and ".." not in value
    if not valid or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", value) or value.startswith(("xn--", "sthree-")):
        return f"The specified bucket is not valid: {value!r}"
    return None


def _transitions(rule: Any, _inputs: Properties) -> str | None:
    for transition in rule.get("transitions") or []:
        days, storage = _number(transition.get("days")), transition.get("storageClass")
        if storage in ("STANDARD_IA", "ONEZONE_IA") and days is not None and days < 30:
            return f"'Days' in Transition action must be greater than or equal to 30 for storageClass '{storage}'"
    return None


_DOMAIN = _matches(
    r"(\*\.)?(?:[a-z0-9_](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-zA-Z]{2,63}\.?",
    "not a domain name (lower-case labels with dots between)",
)


def _alias_or_records(inputs: Properties, _all: Properties) -> str | None:
    if inputs.get("aliases"):
        if inputs.get("records") or inputs.get("ttl") is not None:
            return "an alias record takes neither records nor ttl"
        return None
    if not inputs.get("records"):
        return "one of records or aliases is needed"
    return "ttl is required with records" if inputs.get("ttl") is None else None


def _record_values(inputs: Properties, _all: Properties) -> str | None:
    for value in inputs.get("records") or []:
        if not isinstance(value, str):
            continue
        if inputs.get("type") in ("A", "AAAA"):
            try:
                address = ipaddress.ip_address(value)
            except ValueError:
                return f"{value!r} is not an IP address"
            if (address.version == 4) != (inputs["type"] == "A"):
                return f"{value!r} is no address for an {inputs['type']} record"
    return None


def _lifecycle_policy(value: Any, _inputs: Properties) -> str | None:
    try:
        document = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        return f"Lifecycle policy is not valid JSON: {error}"
    rules = document.get("rules") if isinstance(document, dict) else None
    if not rules:
        return "Lifecycle policy validation failure: 'rules' is missing"
    priorities = [rule.get("rulePriority") for rule in rules]
    if len(set(priorities)) != len(priorities) or not all(
        isinstance(number, int) and number > 0 for number in priorities
    ):
        return "Lifecycle policy validation failure: each rule needs a unique rulePriority"
    for rule in rules:
        selection = rule.get("selection") or {}
        if selection.get("tagStatus") not in ("tagged", "untagged", "any"):
            return "Lifecycle policy validation failure: selection.tagStatus is one of tagged, untagged, any"
        if selection["tagStatus"] == "tagged" and not selection.keys() & {"tagPrefixList", "tagPatternList"}:
            return "Lifecycle policy validation failure: tagged needs tagPrefixList or tagPatternList"
        if selection.get("countType") == "sinceImagePushed" and selection.get("countUnit") != "days":
            return "Lifecycle policy validation failure: sinceImagePushed needs countUnit days"
    any_rules = [rule["rulePriority"] for rule in rules if rule["selection"]["tagStatus"] == "any"]
    if any_rules and any_rules[0] != max(priorities):
        return "Lifecycle policy validation failure: a rule for any has to have the highest rulePriority"
    return None


_IAM_NAME = _matches(r"[\w+=,.@-]+", "the name has only alphanumeric characters and +=,.@-_")
_TAG_RESERVED = re.compile(r"aws:", re.IGNORECASE)


def _tags(value: Any, _inputs: Properties) -> str | None:
    if not isinstance(value, dict):
        return None
    for key, text in value.items():
        if _TAG_RESERVED.match(key):
            return f"Tag keys starting with 'aws:' are reserved for system use: {key!r}"
        if not 1 <= len(key) <= 128 or (isinstance(text, str) and len(text) > 256):
            return f"a tag key has at most 128 and its value at most 256 characters: {key!r}"
    return "a resource has at most 50 tags" if len(value) > 50 else None


RULES: tuple[Rule, ...] = (
    # every type
    Rule("*", "tags", "InvalidTag", _tags),
    # network
    Rule("ec2/vpc:Vpc", "cidrBlock", "InvalidVpc.Range", _vpc_network),
    Rule("ec2/vpc:Vpc", "instanceTenancy", "InvalidParameterValue", _one_of("default", "dedicated")),
    Rule("ec2/subnet:Subnet", "cidrBlock", "InvalidSubnet.Range", _vpc_network),
    Rule("ec2/route:Route", "destinationCidrBlock", "InvalidParameterValue", _any_cidr),
    Rule("ec2/routeTable:RouteTable", "routes[].cidrBlock", "InvalidParameterValue", _any_cidr),
    Rule("ec2/securityGroup:SecurityGroup", "name", "InvalidParameterValue", _group_name),
    Rule("ec2/securityGroup:SecurityGroup", "description", "InvalidParameterValue", _RULE_TEXT),
    *(
        Rule("ec2/securityGroup:SecurityGroup", f"{direction}[]{path}", code, judge)
        for direction in ("ingress", "egress")
        for path, code, judge in (
            (".protocol", "InvalidParameterValue", _protocol),
            (".fromPort", "InvalidParameterValue", _port),
            (".toPort", "InvalidParameterValue", _port),
            ("", "InvalidParameterValue", _port_order),
            (".cidrBlocks[]", "InvalidParameterValue", _any_cidr),
            (".ipv6CidrBlocks[]", "InvalidParameterValue", _any_cidr),
            (".description", "InvalidParameterValue", _RULE_TEXT),
        )
    ),
    *(
        Rule(f"vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule", path, code, judge)
        for direction in ("Ingress", "Egress")
        for path, code, judge in (
            ("ipProtocol", "InvalidParameterValue", _protocol),
            ("fromPort", "InvalidParameterValue", _port),
            ("toPort", "InvalidParameterValue", _port),
            ("", "InvalidParameterValue", _port_order),
            ("", "InvalidParameterCombination", _one_source),
            ("cidrIpv4", "InvalidParameterValue", _any_cidr),
            ("cidrIpv6", "InvalidParameterValue", _any_cidr),
            ("description", "InvalidParameterValue", _RULE_TEXT),
        )
    ),
    Rule("ec2/natGateway:NatGateway", "", "MissingParameter", _public_nat),
    Rule(
        "ec2/vpcEndpoint:VpcEndpoint",
        "serviceName",
        "InvalidServiceName",
        _matches(r"(com|aws|cn|vpce)\.[a-z0-9.-]+", "The Vpc Endpoint Service does not exist"),
    ),
    Rule("ec2/flowLog:FlowLog", "maxAggregationInterval", "InvalidParameter", _one_of(60, 600)),
    # load balancers
    Rule("lb/loadBalancer:LoadBalancer", "name", "ValidationError", _lb_name),
    Rule("lb/loadBalancer:LoadBalancer", "", "ValidationError", _two_subnets),
    Rule("lb/loadBalancer:LoadBalancer", "idleTimeout", "ValidationError", _between(1, 4000, "seconds")),
    Rule("lb/loadBalancer:LoadBalancer", "clientKeepAlive", "ValidationError", _between(60, 604800, "seconds")),
    Rule(
        "lb/loadBalancer:LoadBalancer",
        "desyncMitigationMode",
        "ValidationError",
        _one_of("monitor", "defensive", "strictest"),
    ),
    Rule(
        "lb/loadBalancer:LoadBalancer",
        "xffHeaderProcessingMode",
        "ValidationError",
        _one_of("append", "preserve", "remove"),
    ),
    Rule("lb/targetGroup:TargetGroup", "name", "ValidationError", _LB_NAME),
    Rule("lb/targetGroup:TargetGroup", "", "ValidationError", _vpc_for_targets),
    Rule("lb/targetGroup:TargetGroup", "port", "ValidationError", _between(1, 65535)),
    Rule("lb/targetGroup:TargetGroup", "deregistrationDelay", "ValidationError", _between(0, 3600, "seconds")),
    Rule("lb/targetGroup:TargetGroup", "healthCheck.healthyThreshold", "ValidationError", _between(2, 10)),
    Rule("lb/targetGroup:TargetGroup", "healthCheck.unhealthyThreshold", "ValidationError", _between(2, 10)),
    Rule("lb/targetGroup:TargetGroup", "healthCheck.interval", "ValidationError", _between(5, 300, "seconds")),
    Rule("lb/targetGroup:TargetGroup", "healthCheck.timeout", "ValidationError", _between(2, 120, "seconds")),
    Rule("lb/targetGroup:TargetGroup", "healthCheck", "ValidationError", _health_timeout),
    Rule(
        "lb/targetGroup:TargetGroup",
        "healthCheck.path",
        "ValidationError",
        _matches(r"/\S{0,1023}", "Health check path must begin with a '/' character"),
    ),
    Rule(
        "lb/targetGroup:TargetGroup",
        "healthCheck.matcher",
        "ValidationError",
        _matches(r"\d{1,3}(-\d{3})?(,\d{3}(-\d{3})?)*", "not a list or range of HTTP codes"),
    ),
    Rule("lb/listener:Listener", "", "ValidationError", _secure_listener),
    Rule("lb/listener:Listener", "port", "ValidationError", _between(1, 65535)),
    Rule("lb/listener:Listener", "sslPolicy", "SSLPolicyNotFound", _SSL_POLICY),
    Rule("lb/listenerRule:ListenerRule", "priority", "ValidationError", _between(1, 50000)),
    # ECS
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _fargate_size),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _fargate_network),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _volumes_defined),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _container_settings),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _container_memory),
    Rule("ecs/taskDefinition:TaskDefinition", "", "ClientException", _logs_need_execution_role),
    Rule("ecs/taskDefinition:TaskDefinition", "containerDefinitions", "ClientException", _container_list),
    Rule(
        "ecs/taskDefinition:TaskDefinition",
        "family",
        "ClientException",
        _matches(r"[a-zA-Z0-9_-]{1,255}", "a family has up to 255 letters, digits, hyphens and underscores"),
    ),
    Rule(
        "ecs/taskDefinition:TaskDefinition",
        "requiresCompatibilities[]",
        "ClientException",
        _one_of("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"),
    ),
    Rule(
        "ecs/taskDefinition:TaskDefinition", "ephemeralStorage.sizeInGib", "ClientException", _between(21, 200, "GiB")
    ),
    Rule("ecs/service:Service", "desiredCount", "InvalidParameterException", _at_least(0)),
    Rule("ecs/service:Service", "", "InvalidParameterException", _launch_or_capacity),
    Rule("ecs/service:Service", "", "InvalidParameterException", _healthy_percents),
    Rule("ecs/service:Service", "", "InvalidParameterException", _grace_needs_balancer),
    Rule("ecs/service:Service", "deploymentMinimumHealthyPercent", "InvalidParameterException", _between(0, 100)),
    Rule("ecs/service:Service", "deploymentMaximumPercent", "InvalidParameterException", _between(100, 65535)),
    Rule("ecs/service:Service", "deploymentConfiguration.bakeTimeInMinutes", "InvalidParameterException", _bake_time),
    Rule(
        "ecs/service:Service",
        "deploymentConfiguration.canaryConfiguration.canaryPercent",
        "InvalidParameterException",
        _between(0.1, 100),
    ),
    Rule(
        "ecs/service:Service",
        "deploymentConfiguration.canaryConfiguration.canaryBakeTimeInMinutes",
        "InvalidParameterException",
        _bake_time,
    ),
    Rule(
        "ecs/service:Service",
        "deploymentConfiguration.linearConfiguration.stepPercent",
        "InvalidParameterException",
        _between(3, 100),
    ),
    Rule(
        "ecs/service:Service",
        "name",
        "InvalidParameterException",
        _matches(r"[a-zA-Z0-9_-]{1,255}", "a service name has letters, digits, hyphens and underscores"),
    ),
    Rule(
        "ecs/cluster:Cluster",
        "name",
        "InvalidParameterException",
        _matches(r"[a-zA-Z0-9_-]{1,255}", "a cluster name has letters, digits, hyphens and underscores"),
    ),
    Rule(
        "appautoscaling/policy:Policy",
        "targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification",
        "ValidationException",
        _metric_of_a_balancer,
    ),
    Rule("appautoscaling/target:Target", "", "ValidationException", _min_max_capacity),
    Rule("appautoscaling/target:Target", "minCapacity", "ValidationException", _at_least(0)),
    # Lambda
    Rule("lambda/function:Function", "", "InvalidParameterValueException", _package),
    Rule("lambda/function:Function", "imageUri", "InvalidParameterValueException", _image_of_ecr),
    Rule("lambda/function:Function", "environment.variables", "InvalidParameterValueException", _variables),
    Rule("lambda/function:Function", "timeout", "ValidationException", _between(1, 900, "seconds")),
    Rule("lambda/function:Function", "memorySize", "ValidationException", _between(128, 10240, "MB")),
    Rule("lambda/function:Function", "reservedConcurrentExecutions", "ValidationException", _at_least(-1)),
    Rule("lambda/alias:Alias", "routingConfig.additionalVersionWeights", "InvalidParameterValueException", _weights),
    # API Gateway, WAF, timers, CodeDeploy, budgets
    Rule("apigatewayv2/api:Api", "body", "BadRequestException", _not_emulated("importing an OpenAPI document")),
    Rule("apigatewayv2/integration:Integration", "", "BadRequestException", _proxied),
    Rule(
        "apigatewayv2/integration:Integration",
        "integrationUri",
        "BadRequestException",
        _matches(r"(https?://|arn:).+", "Invalid integration URI specified: an http(s) URL or an ARN"),
    ),
    Rule("apigatewayv2/integration:Integration", "payloadFormatVersion", "BadRequestException", _one_of("1.0", "2.0")),
    Rule(
        "apigatewayv2/stage:Stage",
        "name",
        "BadRequestException",
        _matches(r"\$default|[a-zA-Z0-9_-]{1,128}", "Stage name only allows alphanumeric characters, hyphens, _"),
    ),
    Rule("apigatewayv2/domainName:DomainName", "domainName", "BadRequestException", _DOMAIN),
    Rule(
        "apigatewayv2/domainName:DomainName",
        "domainNameConfiguration.endpointType",
        "BadRequestException",
        _one_of("REGIONAL"),
    ),
    Rule("wafv2/webAcl:WebAcl", "defaultAction", "WAFInvalidParameterException", _default_action),
    Rule("wafv2/webAcl:WebAcl", "rules", "WAFInvalidParameterException", _rule_priorities),
    Rule("wafv2/webAcl:WebAcl", "rules[]", "WAFInvalidParameterException", _rule_action),
    Rule(
        "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        "logDestinationConfigs[]",
        "WAFInvalidParameterException",
        _WAF_LOG,
    ),
    Rule("scheduler/schedule:Schedule", "scheduleExpression", "ValidationException", _SCHEDULE),
    Rule("scheduler/schedule:Schedule", "scheduleExpressionTimezone", "ValidationException", _timezone),
    Rule("scheduler/schedule:Schedule", "flexibleTimeWindow", "ValidationException", _flexible),
    Rule(
        "codedeploy/deploymentConfig:DeploymentConfig",
        "trafficRoutingConfig",
        "InvalidTrafficRoutingConfigurationException",
        _routing,
    ),
    *(
        Rule(
            "codedeploy/deploymentConfig:DeploymentConfig",
            f"trafficRoutingConfig.{kind}.percentage",
            "InvalidTrafficRoutingConfigurationException",
            _between(1, 99, "percent"),
        )
        for kind in ("timeBasedCanary", "timeBasedLinear")
    ),
    Rule("budgets/budget:Budget", "", "InvalidParameterException", _budget_limit),
    # ECR, IAM, secrets
    Rule("ecr/repositoryPolicy:RepositoryPolicy", "policy", "InvalidParameterException", _repository_policy),
    Rule(
        "iam/openIdConnectProvider:OpenIdConnectProvider",
        "url",
        "ValidationError",
        _matches(r"https://[^\s/?#]+(/[^\s?#]*)?", "an issuer is an https:// URL without query"),
    ),
    Rule("secretsmanager/secretPolicy:SecretPolicy", "policy", "MalformedPolicyDocumentException", _resource_policy),
    Rule("secretsmanager/secretRotation:SecretRotation", "rotationRules", "InvalidParameterException", _rotation_rules),
    Rule("ecr/lifecyclePolicy:LifecyclePolicy", "policy", "InvalidParameterException", _lifecycle_policy),
    Rule("iam/role:Role", "name", "ValidationError", _IAM_NAME),
    Rule("iam/role:Role", "assumeRolePolicy", "MalformedPolicyDocument", _trust_policy),
    Rule("iam/rolePolicy:RolePolicy", "policy", "MalformedPolicyDocument", _policy),
    Rule("iam/role:Role", "inlinePolicies[].policy", "MalformedPolicyDocument", _policy),
    Rule(
        "iam/rolePolicyAttachment:RolePolicyAttachment",
        "policyArn",
        "InvalidInput",
        _matches(r"arn:[\w-]+:iam::(aws|\d{12}):policy/.+", "not the ARN of a policy"),
    ),
    Rule("secretsmanager/secret:Secret", "name", "ValidationException", _secret_name),
    Rule("secretsmanager/secret:Secret", "recoveryWindowInDays", "InvalidParameterException", _recovery_window),
    Rule("secretsmanager/secret:Secret", "policy", "MalformedPolicyDocumentException", _resource_policy),
    Rule("secretsmanager/secretVersion:SecretVersion", "", "InvalidParameterException", _one_secret),
    Rule("kms/key:Key", "deletionWindowInDays", "ValidationException", _between(7, 30, "days")),
    Rule(
        "kms/alias:Alias",
        "name",
        "ValidationException",
        _matches(r"alias/(?!aws/)[a-zA-Z0-9/_-]{1,250}", "Alias must start with the prefix alias/, and not alias/aws/"),
    ),
    Rule("kms/key:Key", "policy", "MalformedPolicyDocumentException", _resource_policy),
    # RDS
    Rule("rds/instance:Instance", "instanceClass", "InvalidParameterValue", _instance_class),
    Rule("rds/instance:Instance", "", "InvalidParameterValue", _storage),
    Rule("rds/instance:Instance", "", "InvalidParameterCombination", _storage_maximum),
    Rule("rds/instance:Instance", "", "InvalidParameterCombination", _engine_version),
    Rule("rds/instance:Instance", "", "InvalidParameterValue", _password_given),
    Rule("rds/instance:Instance", "", "InvalidParameterCombination", _final_snapshot),
    Rule("rds/instance:Instance", "", "InvalidParameterCombination", _monitoring),
    Rule("rds/instance:Instance", "password", "InvalidParameterValue", _secret_password),
    Rule("rds/instance:Instance", "username", "InvalidParameterValue", _master_user),
    Rule("rds/instance:Instance", "identifier", "InvalidParameterValue", _IDENTIFIER),
    Rule("rds/instance:Instance", "backupRetentionPeriod", "InvalidParameterValue", _between(0, 35, "days")),
    Rule("rds/instance:Instance", "backupWindow", "InvalidParameterValue", _backup_window),
    Rule("rds/instance:Instance", "maintenanceWindow", "InvalidParameterValue", _maintenance_window),
    Rule("rds/instance:Instance", "port", "InvalidParameterValue", _between(1150, 65535)),
    Rule("rds/instance:Instance", "monitoringInterval", "InvalidParameterValue", _one_of(0, 1, 5, 10, 15, 30, 60)),
    Rule(
        "rds/instance:Instance",
        "performanceInsightsRetentionPeriod",
        "InvalidParameterValue",
        lambda value, _inputs: (
            None
            if value in (7, 731) or (value % 31 == 0 and 31 <= value <= 713)
            else f"{scalar_text(value)}: the retention is 7, 731 or a multiple of 31 days up to 713"
        ),
    ),
    Rule(
        "rds/instance:Instance",
        "dbName",
        "InvalidParameterValue",
        _matches(
            r"[a-zA-Z_][a-zA-Z0-9_]{0,62}", "DBName must begin with a letter and contain only alphanumeric characters"
        ),
    ),
    Rule(
        "rds/instance:Instance",
        "storageType",
        "InvalidParameterValue",
        _one_of("standard", "gp2", "gp3", "io1", "io2"),
    ),
    Rule(
        "rds/parameterGroup:ParameterGroup",
        "name",
        "InvalidParameterValue",
        _matches(
            r"[a-zA-Z](?:-?[a-zA-Z0-9]){0,254}",
            "the name begins with a letter, has only letters, digits and hyphens, and no two hyphens in a row",
        ),
    ),
    Rule(
        "rds/subnetGroup:SubnetGroup",
        "name",
        "InvalidParameterValue",
        _matches(
            r"(?!default$)[a-zA-Z0-9 ._-]{1,255}", "only letters, digits, spaces, full stops, _ and -; not default"
        ),
    ),
    Rule("rds/parameterGroup:ParameterGroup", "family", "InvalidParameterValue", _family),
    Rule(
        "rds/parameterGroup:ParameterGroup",
        "parameters[].applyMethod",
        "InvalidParameterValue",
        _one_of("immediate", "pending-reboot"),
    ),
    Rule("rds/parameterGroup:ParameterGroup", "parameters[]", "InvalidParameterCombination", _apply_method),
    Rule("rds/instance:Instance", "enabledCloudwatchLogsExports[]", "InvalidParameterCombination", _log_export),
    Rule("rds/proxy:Proxy", "name", "InvalidParameterValue", _IDENTIFIER),
    # logs, alarms, topics
    Rule("cloudwatch/logGroup:LogGroup", "retentionInDays", "InvalidParameterException", _one_of(*_RETENTIONS)),
    Rule("cloudwatch/metricAlarm:MetricAlarm", "", "ValidationError", _alarm_metric),
    Rule("cloudwatch/metricAlarm:MetricAlarm", "", "ValidationError", _alarm_span),
    Rule("cloudwatch/metricAlarm:MetricAlarm", "", "ValidationError", _datapoints),
    Rule("cloudwatch/metricAlarm:MetricAlarm", "period", "ValidationError", _alarm_period),
    Rule(
        "cloudwatch/metricAlarm:MetricAlarm",
        "treatMissingData",
        "ValidationError",
        _one_of("breaching", "notBreaching", "ignore", "missing"),
    ),
    *(
        Rule(
            f"cloudwatch/{kind[0].lower()}{kind[1:]}:{kind}",
            f"{actions}[]",
            "ValidationError",
            _matches(r"arn:[\w-]+:[\w-]+:.+", "Invalid arn syntax"),
        )
        for kind in ("MetricAlarm", "CompositeAlarm")
        for actions in ("alarmActions", "okActions", "insufficientDataActions")
    ),
    Rule("cloudwatch/dashboard:Dashboard", "dashboardBody", "InvalidParameterInput", _is_json),
    Rule(
        "sns/topicSubscription:TopicSubscription",
        "protocol",
        "InvalidParameter",
        _one_of("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"),
    ),
    Rule("sns/topicSubscription:TopicSubscription", "", "InvalidParameter", _subscription_endpoint),
    Rule("sns/topicPolicy:TopicPolicy", "policy", "InvalidParameter", _resource_policy),
    Rule(
        "sns/topic:Topic",
        "name",
        "InvalidParameter",
        _matches(r"[a-zA-Z0-9_-]{1,256}(\.fifo)?", "Topic Name: letters, digits, hyphens and underscores"),
    ),
    # certificates, DNS, buckets
    Rule("acm/certificate:Certificate", "domainName", "ValidationException", _DOMAIN),
    Rule("acm/certificate:Certificate", "subjectAlternativeNames[]", "ValidationException", _DOMAIN),
    Rule(
        "acm/certificate:Certificate",
        "validationMethod",
        "ValidationException",
        _one_of("DNS", "EMAIL", "HTTP", "NONE"),
    ),
    Rule("route53/record:Record", "", "InvalidChangeBatch", _alias_or_records),
    Rule("route53/record:Record", "", "InvalidChangeBatch", _record_values),
    Rule(
        "route53/record:Record",
        "type",
        "InvalidInput",
        _one_of(
            "A",
            "AAAA",
            "CAA",
            "CNAME",
            "DS",
            "HTTPS",
            "MX",
            "NAPTR",
            "NS",
            "PTR",
            "SOA",
            "SPF",
            "SRV",
            "SSHFP",
            "SVCB",
            "TLSA",
            "TXT",
        ),
    ),
    Rule("s3/bucket:Bucket", "bucket", "InvalidBucketName", _bucket_name),
    Rule("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "rules[]", "InvalidArgument", _transitions),
    Rule("s3/bucketPolicy:BucketPolicy", "policy", "MalformedPolicy", _resource_policy),
)

_BY_TYPE: dict[str, list[Rule]] = {}
for _rule in RULES:
    _BY_TYPE.setdefault(_rule.type, []).append(_rule)


def broken_rules(token: str, inputs: Properties) -> Iterator[Problem]:
    """What the documented rules forbid in these inputs."""
    for rule in (*_BY_TYPE.get("*", ()), *_BY_TYPE.get(token.removeprefix("aws:"), ())):
        for path, value in _values_at(rule.path, inputs):
            message = None if rule.path and has_unknown(value) else _judge(rule, value, inputs)
            if message is not None:
                yield Problem(path, message, rule.code)


def _judge(rule: Rule, value: Any, inputs: Properties) -> str | None:
    try:
        return rule.judge(value, inputs)
    except (TypeError, ValueError, AttributeError, KeyError):
        return None  # of the wrong type altogether: the model says so


def _values_at(path: str, value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if not path:
        yield place, value
        return
    head, _, rest = path.partition(".")
    name, each, _ = head.partition("[]")
    if not isinstance(value, Mapping) or value.get(name) is None or isinstance(value[name], Unknown):
        return
    place = f"{place}.{name}" if place else name
    if not each:
        yield from _values_at(rest, value[name], place)
    elif isinstance(value[name], list):
        for position, item in enumerate(value[name]):
            if not isinstance(item, Unknown):
                yield from _values_at(rest, item, f"{place}[{position}]")
