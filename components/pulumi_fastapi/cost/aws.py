"""What AWS bills for each type of resource: one small function per type, in `PRICING`."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Optional

from .bill import ZERO, Line, Part, Pricer, Pricing, Range, Stack, between, fixed, used
from .resources import NotKnown, Resource
from .usage import HOURS, SECONDS, Traffic

CLUSTER = "aws:ecs/cluster:Cluster"
CAPACITY = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SCALING = "aws:appautoscaling/target:Target"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
OLD_BALANCERS = ("aws:alb/loadBalancer:LoadBalancer", "aws:applicationloadbalancing/loadBalancer:LoadBalancer")
BALANCERS = (BALANCER, *OLD_BALANCERS)
LISTENER = "aws:lb/listener:Listener"
LISTENER_RULE = "aws:lb/listenerRule:ListenerRule"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
NAT = "aws:ec2/natGateway:NatGateway"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
DATABASE = "aws:rds/instance:Instance"
AURORA = "aws:rds/cluster:Cluster"
FUNCTION = "aws:lambda/function:Function"
FUNCTION_URL = "aws:lambda/functionUrl:FunctionUrl"
FUNCTION_ALIAS = "aws:lambda/alias:Alias"
PERMISSION = "aws:lambda/permission:Permission"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
HTTP_API = "aws:apigatewayv2/api:Api"
HTTP_STAGE = "aws:apigatewayv2/stage:Stage"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"

_FARGATE, _SPOT = "FARGATE", "FARGATE_SPOT"
MILLION = Decimal(1_000_000)
MINUTES = HOURS * 60
_YEAR = 12


# Containers


def fargate_service(p: Pricer) -> Iterator[Line]:
    """Tasks by vCPU, memory, storage and address; what runs on instances is priced with the instances."""
    strategies = _strategies(p)
    if not any(each.provider in (_FARGATE, _SPOT) for each in strategies):
        return
    task = next(iter(p.stack.linked(p.resource, "taskDefinition", TASK)), None) or _task_by_name(p)
    architecture = {"X86_64": "x86", "ARM64": "arm64"}[task.get("runtimePlatform.cpuArchitecture", "X86_64")]
    system = str(task.get("runtimePlatform.operatingSystemFamily", "LINUX")).partition("_")[0].lower()
    tasks, note, warning = _task_range(p)
    vcpus = _amount(task.need("cpu"), 1024)
    memory = _amount(task.need("memory"), 1024)
    sizes = ((vcpus, "vcpu", "vCPU", "vCPU-hour"), (memory, "gb", "memory", "GB-hour"))
    chip = "ARM" if architecture == "arm64" else "x86"
    for provider in (_FARGATE, _SPOT):
        count = Range(*(_on_provider(each, strategies, provider) for each in tasks))
        if not count.high:
            continue
        spot = provider == _SPOT
        on_demand = f"fargate.{system}.{architecture}"
        for size, key, word, unit in sizes:
            yield p.line(
                Part.COMPUTE,
                f"Fargate {'Spot ' if spot else ''}{word}, {chip}",
                f"fargate.spot.{architecture}.{key}" if spot else f"{on_demand}.{key}",
                count * size * HOURS,
                unit,
                note="the price of Spot floats; high is on demand" if spot else note,
                warning=warning,
                ceiling=f"{on_demand}.{key}" if spot else "",
            )
    storage = Decimal(task.get("ephemeralStorage.sizeInGib", 20)) - 20
    if storage > 0:
        yield p.line(
            Part.COMPUTE, "Fargate storage above 20 GB", "fargate.ephemeral", tasks * storage * HOURS, "GB-hour"
        )
    if p.resource.get("networkConfiguration.assignPublicIp", False):
        yield _addresses(p, "public IPv4 of tasks", tasks)
    yield from _own_logs(p)
    yield from _egress(p)


class _Strategy(NamedTuple):
    """How many tasks a capacity provider gets: at first `base`, then by `weight`."""

    provider: str
    base: Decimal = ZERO
    weight: Decimal = ZERO


def _strategies(p: Pricer) -> list[_Strategy]:
    """Those of the service, else of its cluster; none when the tasks run on instances."""
    given = p.resource.get("capacityProviderStrategies")
    if not given and p.resource.get("launchType") == _FARGATE:
        return [_Strategy(_FARGATE)]
    if not given and p.resource.get("launchType") is None:
        clusters = p.stack.linked(p.resource, "cluster", CLUSTER)
        capacity = [each for cluster in clusters for each in p.stack.linking(CAPACITY, "clusterName", cluster)]
        given = capacity[0].get("defaultCapacityProviderStrategies") if capacity else None
    return [
        _Strategy(each["capacityProvider"], Decimal(each.get("base") or 0), Decimal(each.get("weight") or 0))
        for each in given or ()
    ]


def _on_provider(tasks: Decimal, strategies: Sequence[_Strategy], provider: str) -> Decimal:
    """Of that many tasks, those a provider gets."""
    bases = sum((each.base for each in strategies), ZERO)
    weights = sum((each.weight for each in strategies), ZERO)
    at_base = min(tasks, bases)
    total = ZERO
    for each in strategies:
        if each.provider == provider:
            total += at_base * each.base / bases if bases else ZERO
            share = each.weight / weights if weights else 1 / Decimal(len(strategies))  # one alone needs no weight
            total += (tasks - at_base) * share
    return total


def _task_by_name(p: Pricer) -> Resource:
    """The definition that a known ARN or family names, where the engine notes no dependency."""
    family = str(p.resource.need("taskDefinition")).rpartition("/")[2].partition(":")[0]
    task = p.stack.once(_families).get(family)
    if task is None:
        raise NotKnown(f"task definition {family!r} is not part of this stack")
    return task


def _families(stack: Stack) -> dict[object, Resource]:
    return {str(task.inputs.get("family")): task for task in stack.all(TASK)}


def _task_range(p: Pricer) -> tuple[Range, str, str]:
    """How many tasks run, a note on that and a warning."""
    service = p.resource
    for target in p.stack.linking(SCALING, "resourceId", service) or _targets_by_name(p):
        low, high = Decimal(target.need("minCapacity")), Decimal(target.need("maxCapacity"))
        traffic = p.traffic(len(p.stack.all(SERVICE)))
        if traffic.requests_per_second_per_task is None:
            warning = f"{low} to {high} tasks, expected {low}: what one task serves is not given"
            return between(low, low, high), f"{low} to {high} tasks", warning if high > low else ""
        wanted = math.ceil(traffic.requests_per_second / traffic.requests_per_second_per_task)
        expected = min(max(Decimal(wanted), low), high)
        return between(low, expected, high), f"{low} to {high} tasks, expected {expected}", ""
    count = Decimal(service.get("desiredCount", 0))
    return fixed(count), f"{count} task{'' if count == 1 else 's'}", ""


def _targets_by_name(p: Pricer) -> list[Resource]:
    target = p.stack.once(_scaled).get(str(p.resource.inputs.get("name")))
    return [target] if target else []


def _scaled(stack: Stack) -> dict[str, Resource]:
    """Scaling targets by the name in `service/cluster/name`."""
    ids = ((target.inputs.get("resourceId"), target) for target in stack.all(SCALING))
    return {id_.rpartition("/")[2]: target for id_, target in ids if isinstance(id_, str)}


def _amount(value: object, per_unit: int) -> Decimal:
    """vCPU or GB of a task: `256`, `.25 vCPU`, `1 GB`."""
    number, unit = re.fullmatch(r"\s*([\d.]+)\s*(\w*)\s*", str(value)).groups()  # type: ignore[union-attr]
    return Decimal(number) if unit else Decimal(number) / per_unit


def cluster(p: Pricer) -> Iterator[Line]:
    """Free but for Container Insights, which AWS bills as metrics."""
    settings = {each.get("name"): each.get("value") for each in p.resource.get("settings", [])}
    mode = settings.get("containerInsights", "disabled")
    if mode == "disabled":
        return
    metrics, note = p.usage.metrics, ""
    if mode == "enhanced":
        price_id = "cw.containerinsights.enhanced"
        if metrics is None:
            raise NotKnown(
                "enhanced Container Insights is on: how many metrics it makes is not given (usage file: metrics)"
            )
    else:
        price_id = "cw.metric"
        if metrics is None:
            metrics, note = _insights(p), "10 of the cluster, 13 of a service, 8 of a family of task definitions"
    yield p.line(Part.OBSERVABILITY, "Container Insights metrics", price_id, fixed(metrics), "metric-month", note=note)


def _insights(p: Pricer) -> Decimal:
    """Metrics of Container Insights for what runs in the cluster of this stack.

    Source: Amazon CloudWatch User Guide, "Amazon ECS Container Insights metrics", by their dimensions.
    """
    services = p.stack.linking(SERVICE, "cluster", p.resource)
    families = {task.urn for each in services for task in p.stack.linked(each, "taskDefinition", TASK)}
    return Decimal(10 + 13 * len(services) + 8 * len(families))


def registry(p: Pricer) -> Iterator[Line]:
    """Images that its lifecycle rule keeps; without one, those of a year."""
    usage = p.usage
    pushed = (usage.deploys_per_month or ZERO) * _YEAR
    kept = _images_kept(p)
    size = usage.image_gb or ZERO
    warning = ""
    if usage.image_gb is not None and usage.deploys_per_month is not None:
        grown = p.price("ecr.gb")
        unlimited = f": {grown.cost(pushed * size):,.2f} a month" if grown else ""
        warning = (
            f"keeps {kept} images; without the rule {pushed * size:,.2f} GB after a year{unlimited}"
            if kept is not None
            else f"no lifecycle rule: {pushed * size:,.2f} GB after a year, and growing"
        )
    images = pushed if kept is None else kept
    stored = usage.storage_gb if usage.storage_gb is not None else images * size
    yield p.line(Part.DATA, "images", "ecr.gb", used(stored), "GB-month", usage=True, warning=warning)


def _images_kept(p: Pricer) -> Optional[Decimal]:
    counts = []
    for policy in p.stack.linking(LIFECYCLE, "repository", p.resource):
        document = policy.need("policy")
        rules = (json.loads(document) if isinstance(document, str) else document)["rules"]
        selections = [rule["selection"] for rule in rules]
        counts += [each["countNumber"] for each in selections if each["countType"] == "imageCountMoreThan"]
    return Decimal(max(counts)) if counts else None


# Network


def load_balancer(p: Pricer) -> Iterator[Line]:
    """Hours, capacity units and public addresses."""
    kind = {"application": "alb", "network": "nlb"}.get(p.resource.get("loadBalancerType", "application"), "")
    if not kind:
        raise NotKnown("gateway load balancers are not priced")
    name = kind.upper()
    yield p.line(Part.NETWORK, f"{name} hours", f"{kind}.hour", fixed(HOURS), "hour")
    traffic = p.traffic(len(p.stack.all(*BALANCERS)))
    gigabytes = p.usage.data_gb if p.usage.data_gb is not None else traffic.gib(traffic.response_bytes)
    units = _alb_units(p, traffic, gigabytes) if kind == "alb" else _nlb_units(traffic, gigabytes)
    yield p.line(
        Part.NETWORK,
        f"{name} capacity units",
        "alb.lcu" if kind == "alb" else "nlb.nlcu",
        used(units * HOURS),
        "LCU-hour",
        usage=True,
        note=f"{units:.2f} units",
    )
    if not p.resource.get("internal", False):
        subnets = p.resource.get("subnetMappings") or p.resource.need("subnets")
        own = [each for each in subnets if isinstance(each, dict) and each.get("allocationId")]
        yield _addresses(p, "public IPv4 of the load balancer", fixed(len(subnets) - len(own)))
    yield from _egress(p)


def _alb_units(p: Pricer, traffic: Traffic, gigabytes: Decimal) -> Decimal:
    """A unit is 25 new connections a second, 3,000 active ones, 1 GB an hour (with functions behind it 0.4) or 1,000
    rule evaluations a second."""
    rate = traffic.requests_per_second
    listeners = p.stack.linking(LISTENER, "loadBalancerArn", p.resource)
    rules = sum(len(p.stack.linking(LISTENER_RULE, "listenerArn", each)) for each in listeners) - 10  # ten are free
    targets = {each.inputs.get("targetType") for each in p.stack.all(TARGET_GROUP)}
    an_hour = Decimal(2) / 5 if targets == {"lambda"} else 1  # GB that fill a unit
    return max(
        rate / traffic.requests_per_connection / 25,
        rate * traffic.latency_ms / 1000 / 3000,
        gigabytes / HOURS / an_hour,
        rate * max(0, rules) / 1000,
    )


def _nlb_units(traffic: Traffic, gigabytes: Decimal) -> Decimal:
    """A unit is 800 new connections a second, 100,000 active ones or 1 GB an hour."""
    rate = traffic.requests_per_second
    return max(
        rate / traffic.requests_per_connection / 800,
        rate * traffic.latency_ms / 1000 / 100_000,
        gigabytes / HOURS,
    )


def nat_gateway(p: Pricer) -> Iterator[Line]:
    """Hours and what passes; its public address is the Eip's."""
    yield p.line(Part.NETWORK, "NAT gateway hours", "nat.hour", fixed(HOURS), "hour")
    through = p.usage.data_gb
    if through is None:
        through = _logs_through(p, NAT)
    yield p.line(Part.NETWORK, "NAT gateway data", "nat.gb", used(through), "GB", usage=True)


def address(p: Pricer) -> Iterator[Line]:
    yield _addresses(p, "public IPv4", fixed(1))


def endpoint(p: Pricer) -> Iterator[Line]:
    """Interface endpoints by zone and hour; gateway endpoints are free."""
    kind = p.resource.get("vpcEndpointType", "Gateway")
    if kind == "Gateway":
        return
    if kind != "Interface":
        raise NotKnown(f"{kind} endpoints are not priced")
    zones = max(1, len(p.resource.get("subnetIds", [])))
    yield p.line(
        Part.NETWORK,
        "interface endpoint hours",
        "vpce.hour",
        fixed(HOURS * zones),
        "endpoint-AZ-hour",
        note=f"{zones} zone{'' if zones == 1 else 's'}",
    )
    through = p.usage.data_gb
    if through is None:
        through = _logs_through(p, ENDPOINT) if _is_for_logs(p.resource) else ZERO
    yield p.line(Part.NETWORK, "interface endpoint data", "vpce.gb", used(through), "GB", usage=True)


def _is_for_logs(resource: Resource) -> bool:
    return str(resource.inputs.get("serviceName")).endswith(".logs")


def _logs_through(p: Pricer, type_: str) -> Decimal:
    """GB of logs that private tasks send through one NAT gateway, or through the logs endpoint where there is one."""
    way, each = p.stack.once(_way_of_logs)
    return each if way == type_ else ZERO


def _way_of_logs(stack: Stack) -> tuple[str, Decimal]:
    """The type of what logs of private tasks pass, and the GB that one of it carries."""
    services = stack.all(SERVICE)
    private = [each for each in services if not each.get("networkConfiguration.assignPublicIp", False)]
    endpoints = [each for each in stack.all(ENDPOINT) if _is_for_logs(each)]
    ways = endpoints or stack.all(NAT)
    if not private or not ways:
        return "", ZERO
    traffic = stack.usage.traffic
    return ways[0].type, traffic.gib(traffic.log_bytes) * len(private) / len(services) / len(ways)


def _addresses(p: Pricer, item: str, count: Range) -> Line:
    return p.line(Part.NETWORK, item, "ipv4.hour", count * HOURS, "address-hour")


def _egress(p: Pricer) -> Iterator[Line]:
    """Answers to the internet, at the resources they leave through."""
    doors = p.stack.once(_doors)
    if p.resource not in doors:
        return
    traffic = p.traffic(len(doors))
    yield p.line(
        Part.NETWORK,
        "data to the internet",
        "dto.internet",
        used(traffic.gib(traffic.response_bytes)),
        "GB",
        usage=True,
    )


def _doors(stack: Stack) -> dict[Resource, None]:
    """The resources of the outermost kind that answers leave through; behind CloudFront the way out is free."""
    if stack.all(DISTRIBUTION):
        return {}
    balancers = [each for each in stack.all(*BALANCERS) if each.inputs.get("internal") is not True]
    with_url = {function.urn for url in stack.all(FUNCTION_URL) for function in _functions_of(stack, url)}
    functions = [each for each in stack.all(FUNCTION) if each.urn in with_url]
    services = [each for each in stack.all(SERVICE) if each.get("networkConfiguration.assignPublicIp", False)]
    return dict.fromkeys(balancers or stack.all(HTTP_API) or functions or services)


def _functions_of(stack: Stack, resource: Resource) -> list[Resource]:
    """The functions that a resource is of, also by their alias or URL, or by their name."""
    found: dict[Resource, None] = {}
    for key in ("functionName", "function"):
        found |= dict.fromkeys(stack.linked(resource, key, FUNCTION))
        for type_ in (FUNCTION_ALIAS, FUNCTION_URL):
            for each in stack.linked(resource, key, type_):
                found |= dict.fromkeys(_functions_of(stack, each))
    name = resource.inputs.get("functionName")
    return list(found) or [each for each in stack.all(FUNCTION) if name is not None and each.inputs.get("name") == name]


_ENTRIES = ("*", "apigateway.amazonaws.com", "elasticloadbalancing.amazonaws.com", "cloudfront.amazonaws.com")


def _called(stack: Stack) -> dict[Resource, None]:
    """The functions that get the traffic: those that an entry may call; where none is known, all."""
    entries = [*stack.all(FUNCTION_URL), *(p for p in stack.all(PERMISSION) if p.inputs.get("principal") in _ENTRIES)]
    return dict.fromkeys([each for entry in entries for each in _functions_of(stack, entry)] or stack.all(FUNCTION))


# Data


def database(p: Pricer) -> Iterator[Line]:
    """Instance, storage, backups beyond it, its password's secret, and data from other zones."""
    db = p.resource
    # A replica has the engine and the storage of what it copies.
    source = next(iter(p.stack.linked(db, "replicateSourceDb", DATABASE)), db)
    name = db.get("engine") or source.need("engine")
    engine = {"postgres": "pg"}.get(name, name)
    zones = "multi" if db.get("multiAz", False) else "single"
    label = "Multi-AZ" if zones == "multi" else "Single-AZ"
    size = db.need("instanceClass")
    yield p.line(Part.DATA, f"{size}, {label}", f"rds.{engine}.{size}.{zones}", fixed(HOURS), "hour")
    storage = Decimal(db.get("allocatedStorage") or source.get("allocatedStorage", 0))
    iops = Decimal(db.get("iops", 0))
    kind = db.get("storageType") or source.get("storageType", "io1" if iops else "gp2")
    most = max(storage, Decimal(db.get("maxAllocatedStorage", 0)))
    suffix = "" if kind == "io1" and zones == "single" else f".{zones}"
    storage_id = "rds.io1.gb" if kind == "io1" else f"rds.{kind}"
    yield p.line(
        Part.DATA,
        f"{kind} storage, {label}",
        f"{storage_id}{suffix}",
        between(storage, storage, most),
        "GB-month",
        note=f"grows by itself to {most} GB" if most > storage else "",
    )
    included = {"gp3": Decimal(3000 if storage < 400 else 12000)}.get(kind, ZERO)
    if kind != "gp2" and iops > included:
        iops_id = f"rds.io1.iops{suffix}" if kind == "io1" else f"rds.{kind}.iops.{zones}"
        yield p.line(Part.DATA, f"{kind} IOPS", iops_id, fixed(iops - included), "IOPS-month")
    beyond = max(ZERO, (p.usage.backup_gb or ZERO) - storage)
    yield p.line(
        Part.DATA, "backups beyond the size of the storage", "rds.backup", used(beyond), "GB-month", usage=True
    )
    if db.get("manageMasterUserPassword", False):
        yield p.line(Part.SECURITY, "secret of the master password", "secrets.secret", fixed(1), "secret-month")
    if db.get("publiclyAccessible", False):
        yield _addresses(p, "public IPv4 of the database", fixed(1))
    yield from _between_zones(p)


def _between_zones(p: Pricer) -> Iterator[Line]:
    """Tasks and functions in other zones than the database's pay for what they exchange with it."""
    most = p.stack.once(_zones_of_tasks)
    if most < 2:
        return
    traffic = p.traffic(len(p.stack.all(DATABASE)))
    share = Decimal(most - 1) / most
    yield p.line(
        Part.NETWORK,
        "data between zones, app and database",
        "dt.intraregion",
        used(traffic.gib(traffic.database_bytes) * share),
        "GB",
        usage=True,
        note=f"{share:.0%} of the app is in another zone",
    )


def _zones_of_tasks(stack: Stack) -> int:
    subnets = [each.get("networkConfiguration.subnets", []) for each in stack.all(SERVICE)]
    subnets += [each.get("vpcConfig.subnetIds", []) for each in stack.all(FUNCTION)]
    return max(map(len, subnets), default=0)


def database_proxy(p: Pricer) -> Iterator[Line]:
    """By the vCPUs of the database behind it, at least two."""
    vcpus = max([2, *(vcpus_of(db.need("instanceClass")) for db in _targets(p))])
    yield p.line(Part.DATA, "RDS Proxy", "rds.proxy", fixed(HOURS * vcpus), "vCPU-hour", note=f"{vcpus} vCPU")


def _targets(p: Pricer) -> list[Resource]:
    targets = p.stack.linking("aws:rds/proxyTarget:ProxyTarget", "dbProxyName", p.resource)
    return [db for target in targets for db in p.stack.linked(target, "dbInstanceIdentifier", DATABASE)]


def vcpus_of(instance_class: str) -> int:
    """vCPUs of an RDS instance class: two up to `large`, then four for each xlarge."""
    size = instance_class.rpartition(".")[2]
    match = re.fullmatch(r"(\d*)xlarge", size)
    return 4 * int(match[1] or 1) if match else 2


def aurora_cluster(p: Pricer) -> Iterator[Line]:
    """Storage, I/O and backups; the instances are resources of their own."""
    stored = p.usage.storage_gb or ZERO
    yield p.line(Part.DATA, "Aurora storage", "aurora.storage", used(stored), "GB-month", usage=True)
    if p.resource.get("storageType", "") == "aurora-iopt1":
        raise NotKnown("I/O-optimized storage is not priced")
    calls = (p.usage.requests or ZERO) / MILLION
    yield p.line(Part.DATA, "Aurora I/O", "aurora.io", used(calls), "1M requests", usage=True)
    beyond = max(ZERO, (p.usage.backup_gb or ZERO) - stored)
    yield p.line(Part.DATA, "Aurora backups", "aurora.backup", used(beyond), "GB-month", usage=True)
    if p.resource.get("manageMasterUserPassword", False):
        yield p.line(Part.SECURITY, "secret of the master password", "secrets.secret", fixed(1), "secret-month")


def aurora_instance(p: Pricer) -> Iterator[Line]:
    """Serverless v2 between its least and most capacity; provisioned classes by the hour."""
    size = p.resource.need("instanceClass")
    if size != "db.serverless":
        yield p.line(Part.DATA, size, f"aurora.pg.{size}", fixed(HOURS), "hour")
        return
    clusters = p.stack.linked(p.resource, "clusterIdentifier", AURORA)
    if not clusters:
        raise NotKnown("the cluster that holds its capacity is not part of this stack")
    low = Decimal(str(clusters[0].need("serverlessv2ScalingConfiguration.minCapacity")))
    high = Decimal(str(clusters[0].need("serverlessv2ScalingConfiguration.maxCapacity")))
    yield p.line(
        Part.DATA,
        "Aurora Serverless v2",
        "aurora.sv2.acu",
        between(low, low, high) * HOURS,
        "ACU-hour",
        note=f"{low} to {high} ACU, expected {low}",
    )


def cache_cluster(p: Pricer) -> Iterator[Line]:
    yield _cache_nodes(p, Decimal(p.resource.get("numCacheNodes", 1)))


def cache_group(p: Pricer) -> Iterator[Line]:
    shards = Decimal(p.resource.get("numNodeGroups", 0))
    replicas = Decimal(p.resource.get("replicasPerNodeGroup", 0))
    yield _cache_nodes(p, shards * (1 + replicas) if shards else Decimal(p.resource.get("numCacheClusters", 1)))


def _cache_nodes(p: Pricer, count: Decimal) -> Line:
    size, engine = p.resource.need("nodeType"), p.resource.get("engine", "redis")
    price_id = f"elasticache.{engine}.{size}"
    return p.line(Part.DATA, f"{size}, {engine}", price_id, fixed(count * HOURS), "hour", note=f"{count} nodes")


def bucket(p: Pricer) -> Iterator[Line]:
    yield p.line(Part.DATA, "S3 Standard", "s3.standard", used(p.usage.storage_gb or ZERO), "GB-month", usage=True)


# Functions


def function(p: Pricer) -> Iterator[Line]:
    """Requests, GB-seconds and storage above 512 MB; time within provisioned concurrency has its own rate."""
    called = p.stack.once(_called)
    traffic = p.traffic(len(called))
    if p.resource not in called and p.usage.requests_per_second is None:
        traffic = traffic.model_copy(update={"requests_per_second": ZERO})
    requests = p.usage.requests if p.usage.requests is not None else traffic.monthly_requests
    memory = Decimal(p.resource.get("memorySize", 128)) / 1024
    chip = {"x86_64": "x86"}.get(arm := (p.resource.get("architectures") or ["x86_64"])[0], arm)
    busy = requests * traffic.latency_ms / 1000
    kept = sum((_provisioned(each) for each in _provisioned_for(p)), ZERO) * SECONDS
    yield p.line(Part.COMPUTE, "Lambda requests", "lambda.request", used(requests), "request", usage=True)
    yield p.line(
        Part.COMPUTE,
        f"Lambda duration, {chip}",
        f"lambda.gbs.{chip}",
        used(max(ZERO, busy - kept) * memory),
        "GB-second",
        usage=True,
    )
    if kept:
        yield p.line(
            Part.COMPUTE,
            f"Lambda duration within provisioned concurrency, {chip}",
            f"lambda.pc.duration.{chip}",
            used(min(busy, kept) * memory),
            "GB-second",
            usage=True,
        )
    above = (Decimal(p.resource.get("ephemeralStorage.size", 512)) - 512) / 1024
    if above > 0:
        item = "Lambda storage above 512 MB"
        yield p.line(Part.COMPUTE, item, "lambda.ephemeral", used(above * busy), "GB-second", usage=True)
    if p.resource.get("tracingConfig.mode", "PassThrough") == "Active":
        yield p.line(
            Part.OBSERVABILITY,
            "X-Ray traces",
            "xray.trace",
            used(_traced(requests) / MILLION),
            "1M traces",
            usage=True,
            note="one a second, and 5 % of the rest",
        )
    yield from _own_logs(p)
    yield from _egress(p)


def _traced(requests: Decimal) -> Decimal:
    """Of a month's requests those that X-Ray samples: the first of each second and 5 % of the others."""
    reservoir = min(requests, SECONDS)
    return reservoir + (requests - reservoir) / 20


def _provisioned_for(p: Pricer) -> list[Resource]:
    return [each for each in p.stack.all(PROVISIONED) if p.resource in _functions_of(p.stack, each)]


def _provisioned(resource: Resource) -> Decimal:
    return Decimal(resource.need("provisionedConcurrentExecutions"))


def provisioned_concurrency(p: Pricer) -> Iterator[Line]:
    """Environments kept ready all month."""
    found = _functions_of(p.stack, p.resource)
    if not found:
        raise NotKnown("its function is not part of this stack")
    chip = {"x86_64": "x86"}.get(arm := (found[0].get("architectures") or ["x86_64"])[0], arm)
    memory = Decimal(found[0].get("memorySize", 128)) / 1024
    count = _provisioned(p.resource)
    most = max([count, *(Decimal(target.need("maxCapacity")) for target in _scaling_of(p))])
    yield p.line(
        Part.COMPUTE,
        f"Lambda provisioned concurrency, {chip}",
        f"lambda.pc.{chip}",
        between(count, count, most) * memory * SECONDS,
        "GB-second",
        note=f"{count} environments" if most == count else f"{count} to {most} environments, expected {count}",
    )


def _scaling_of(p: Pricer) -> list[Resource]:
    """What scales the alias whose environments are kept ready."""
    aliases = p.stack.linked(p.resource, "qualifier", FUNCTION_ALIAS)
    name = f"function:{p.resource.inputs.get('functionName')}:{p.resource.inputs.get('qualifier')}"
    named = [each for each in p.stack.all(SCALING) if each.inputs.get("resourceId") == name]
    return [each for alias in aliases for each in p.stack.linking(SCALING, "resourceId", alias)] or named


def http_api(p: Pricer) -> Iterator[Line]:
    """Requests in units of 512 KB."""
    if p.resource.get("protocolType", "HTTP") != "HTTP":
        raise NotKnown("WebSocket APIs are not priced")
    traffic = p.traffic(len(p.stack.all(HTTP_API)))
    requests = p.usage.requests if p.usage.requests is not None else traffic.monthly_requests
    units = max(1, math.ceil(traffic.response_bytes / (512 * 1024)))
    yield p.line(
        Part.NETWORK, "HTTP API requests", "apigw.http", used(requests * units / MILLION), "1M requests", usage=True
    )
    yield from _egress(p)


def schedule(p: Pricer) -> Iterator[Line]:
    """Invocations, from its rate; a cron expression runs each minute at the most."""
    calls, note = p.usage.requests, ""
    if calls is None:
        calls, note = _calls(p.resource.need("scheduleExpression"))
    yield p.line(
        Part.COMPUTE,
        "EventBridge Scheduler invocations",
        "scheduler.invocation",
        used(calls / MILLION),
        "1M",
        usage=True,
        note=note,
    )


def _calls(expression: str) -> tuple[Decimal, str]:
    """How often a month: rate(5 minutes); at(...) is once."""
    if expression.startswith("at("):
        return Decimal(1), ""
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if match:
        return MINUTES / (int(match[1]) * {"minute": 1, "hour": 60, "day": 1440}[match[2]]), ""
    return MINUTES, f"{expression}, counted as if it ran each minute"


def event_bus(p: Pricer) -> Iterator[Line]:
    calls = (p.usage.requests or ZERO) / MILLION
    yield p.line(Part.COMPUTE, "custom events", "eventbridge.custom", used(calls), "1M", usage=True)


def topic(p: Pricer) -> Iterator[Line]:
    calls = (p.usage.requests or ZERO) / MILLION
    yield p.line(Part.OBSERVABILITY, "SNS publishes", "sns.publish", used(calls), "1M requests", usage=True)


def queue(p: Pricer) -> Iterator[Line]:
    if p.resource.get("fifoQueue", False):
        raise NotKnown("FIFO queues are not priced")
    calls = (p.usage.requests or ZERO) / MILLION
    yield p.line(Part.COMPUTE, "SQS requests", "sqs.standard", used(calls), "1M requests", usage=True)


# Edge and security


def distribution(p: Pricer) -> Iterator[Line]:
    """Data and requests, as if all viewers were in the United States or Europe."""
    traffic = p.traffic(len(p.stack.all(DISTRIBUTION)))
    gigabytes = p.usage.data_gb if p.usage.data_gb is not None else traffic.gib(traffic.response_bytes)
    requests = p.usage.requests if p.usage.requests is not None else traffic.monthly_requests
    where = "viewers in the US and Europe"
    yield p.line(Part.NETWORK, "CloudFront data", "cloudfront.gb.us_eu", used(gigabytes), "GB", usage=True, note=where)
    yield p.line(
        Part.NETWORK,
        "CloudFront HTTPS requests",
        "cloudfront.https.us",
        used(requests / 10_000),
        "10k requests",
        usage=True,
        note="viewers in the US",
    )


def zone(p: Pricer) -> Iterator[Line]:
    yield p.line(Part.NETWORK, "hosted zone", "route53.zone", fixed(1), "zone-month")
    queries = (p.usage.requests or ZERO) / MILLION
    yield p.line(Part.NETWORK, "queries", "route53.query", used(queries), "1M queries", usage=True)


def dns_namespace(p: Pricer) -> Iterator[Line]:
    """The hosted zone that Cloud Map makes for it."""
    yield p.line(Part.NETWORK, "hosted zone", "route53.zone", fixed(1), "zone-month")


def health_check(p: Pricer) -> Iterator[Line]:
    yield p.line(Part.OBSERVABILITY, "Route 53 health check", "route53.healthcheck", fixed(1), "month")


def web_acl(p: Pricer) -> Iterator[Line]:
    """The ACL, its rules and the requests it looks at."""
    yield p.line(Part.SECURITY, "web ACL", "waf.acl", fixed(1), "month")
    rules = len(p.resource.get("rules", []))
    yield p.line(Part.SECURITY, "web ACL rules", "waf.rule", fixed(rules), "month", note=f"{rules} rules")
    traffic = p.traffic(len(p.stack.all("aws:wafv2/webAcl:WebAcl")))
    requests = p.usage.requests if p.usage.requests is not None else traffic.monthly_requests
    yield p.line(
        Part.SECURITY, "requests inspected", "waf.request", used(requests / MILLION), "1M requests", usage=True
    )


def secret(p: Pricer) -> Iterator[Line]:
    yield p.line(Part.SECURITY, "secret", "secrets.secret", fixed(1), "secret-month")
    if p.usage.requests:
        yield p.line(Part.SECURITY, "secret reads", "secrets.api", used(p.usage.requests), "request", usage=True)


def key(p: Pricer) -> Iterator[Line]:
    yield p.line(Part.SECURITY, "customer managed key", "kms.key", fixed(1), "key-month")
    if p.usage.requests:
        yield p.line(Part.SECURITY, "key requests", "kms.request", used(p.usage.requests), "request", usage=True)


def parameter(p: Pricer) -> Iterator[Line]:
    """Standard parameters are free."""
    if p.resource.get("tier", "Standard") == "Advanced":
        yield p.line(Part.SECURITY, "advanced parameter", "ssm.advanced", fixed(1), "parameter-month")


# Observability


def log_group(p: Pricer) -> Iterator[Line]:
    """What is written, and what its retention keeps of it; without retention, that of a year."""
    if p.resource.get("logGroupClass", "STANDARD") != "STANDARD":
        raise NotKnown("infrequent-access log groups are not priced")
    written = p.usage.ingest_gb
    if written is None:
        writers = p.stack.once(_log_writers)
        written = _app_logs(p, len(writers)) if p.resource in writers else ZERO
        if p.stack.linking(HTTP_STAGE, "accessLogSettings", p.resource):  # a line as long as the app's own
            written = _app_logs(p, len(p.stack.all(HTTP_API)))
    days = Decimal(p.resource.get("retentionInDays", 0))
    yield from _logs(p, written, days)


def _own_logs(p: Pricer) -> Iterator[Line]:
    """Logs of a service or function whose log group is not part of the stack, so that they never expire."""
    writers = p.stack.once(_log_writers)
    if p.resource in writers:
        yield from _logs(p, _app_logs(p, len(writers)), ZERO)


def _logs(p: Pricer, written: Decimal, days: Decimal) -> Iterator[Line]:
    months = days * 24 / HOURS if days else Decimal(_YEAR)
    note = f"{days} days kept" if days else ""
    warning = "" if days else "logs never expire: those of a year are counted"
    yield p.line(Part.OBSERVABILITY, "logs written", "cw.logs.ingest", used(written), "GB", usage=True)
    yield p.line(
        Part.OBSERVABILITY,
        "logs kept",
        "cw.logs.store",
        used(written * months),
        "GB-month",
        usage=True,
        note=note,
        warning=warning,
    )


def _app_logs(p: Pricer, writers: int) -> Decimal:
    traffic = p.stack.share(writers)
    return traffic.gib(traffic.log_bytes)


def _log_writers(stack: Stack) -> dict[Resource, None]:
    """The log groups of the apps; where there is none, the services and functions themselves."""
    groups = []
    for group in stack.all(LOG_GROUP):
        name = group.inputs.get("name")
        of_function = isinstance(name, str) and name.startswith("/aws/lambda/")
        if (
            of_function
            or stack.linking(TASK, "containerDefinitions", group)
            or stack.linking(FUNCTION, "loggingConfig", group)
        ):
            groups.append(group)
    return dict.fromkeys(groups or [*stack.all(SERVICE), *stack.all(FUNCTION)])


def alarm(p: Pricer) -> Iterator[Line]:
    """Per metric it looks at; below a minute at the high-resolution rate; anomaly detection counts three."""
    queries: Sequence[Any] = p.resource.get("metricQueries", [])
    metrics = [each for each in queries if each.get("metric")] if queries else [{"metric": p.resource.inputs}]
    anomaly = any("ANOMALY_DETECTION_BAND" in str(each.get("expression")) for each in queries)
    periods = [each["metric"].get("period") for each in metrics]
    high = any(isinstance(period, (int, float)) and period < 60 for period in periods)
    count = len(metrics) * (3 if anomaly else 1)
    kind = "high" if high else "standard"
    yield p.line(
        Part.OBSERVABILITY, f"alarm, {kind} resolution", f"cw.alarm.{kind}", fixed(count), "alarm-metric-month"
    )


def composite_alarm(p: Pricer) -> Iterator[Line]:
    yield p.line(Part.OBSERVABILITY, "composite alarm", "cw.alarm.composite", fixed(1), "alarm-month")


def dashboard(p: Pricer) -> Iterator[Line]:
    yield p.line(Part.OBSERVABILITY, "dashboard", "cw.dashboard", fixed(1), "dashboard-month")


def metric_filter(p: Pricer) -> Iterator[Line]:
    """The custom metric it fills."""
    yield p.line(Part.OBSERVABILITY, "custom metric", "cw.metric", fixed(1), "metric-month")


PRICING: dict[str, Pricing] = {
    **dict.fromkeys(BALANCERS, load_balancer),
    "aws:apigatewayv2/api:Api": http_api,
    "aws:cloudfront/distribution:Distribution": distribution,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": composite_alarm,
    "aws:cloudwatch/dashboard:Dashboard": dashboard,
    "aws:cloudwatch/eventBus:EventBus": event_bus,
    "aws:cloudwatch/logGroup:LogGroup": log_group,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": metric_filter,
    "aws:cloudwatch/metricAlarm:MetricAlarm": alarm,
    "aws:ec2/eip:Eip": address,
    "aws:ec2/natGateway:NatGateway": nat_gateway,
    "aws:ec2/vpcEndpoint:VpcEndpoint": endpoint,
    "aws:ecr/repository:Repository": registry,
    "aws:ecs/cluster:Cluster": cluster,
    "aws:ecs/service:Service": fargate_service,
    "aws:elasticache/cluster:Cluster": cache_cluster,
    "aws:elasticache/replicationGroup:ReplicationGroup": cache_group,
    "aws:kms/key:Key": key,
    "aws:lambda/function:Function": function,
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": provisioned_concurrency,
    "aws:rds/cluster:Cluster": aurora_cluster,
    "aws:rds/clusterInstance:ClusterInstance": aurora_instance,
    "aws:rds/instance:Instance": database,
    "aws:rds/proxy:Proxy": database_proxy,
    "aws:route53/healthCheck:HealthCheck": health_check,
    "aws:route53/zone:Zone": zone,
    "aws:s3/bucket:Bucket": bucket,
    "aws:s3/bucketV2:BucketV2": bucket,
    "aws:scheduler/schedule:Schedule": schedule,
    "aws:secretsmanager/secret:Secret": secret,
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": dns_namespace,
    "aws:servicediscovery/publicDnsNamespace:PublicDnsNamespace": dns_namespace,
    "aws:sns/topic:Topic": topic,
    "aws:sqs/queue:Queue": queue,
    "aws:ssm/parameter:Parameter": parameter,
    "aws:wafv2/webAcl:WebAcl": web_acl,
}
