"""What Google Cloud bills for each type of resource: one small function per type, in `PRICING`."""

import math
import re
from collections.abc import Iterator
from decimal import Decimal

from .bill import ZERO, Line, Part, Pricer, Pricing, between, fixed, used
from .resources import NotKnown, Resource
from .usage import GIB, HOURS, SECONDS, Traffic

RUN = "gcp:cloudrunv2/service:Service"
SQL = "gcp:sql/databaseInstance:DatabaseInstance"
SECRET = "gcp:secretmanager/secret:Secret"  # noqa: S105
FORWARDING = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
REGIONAL_FORWARDING = "gcp:compute/forwardingRule:ForwardingRule"
ARMOR = "gcp:compute/securityPolicy:SecurityPolicy"

MILLION = Decimal(1_000_000)
_DEFAULT_MOST = 100
_RULES_TOGETHER = 5
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def cloud_run(p: Pricer) -> Iterator[Line]:
    """By request or by instance, with idle minimum instances, requests, answers and logs."""
    run = p.resource
    containers = run.need("template.containers")
    traffic = p.traffic(len(p.stack.all(RUN)))
    least = Decimal(max(run.get("template.scaling.minInstanceCount", 0), run.get("scaling.minInstanceCount", 0)))
    limits = [run.get("template.scaling.maxInstanceCount"), run.get("scaling.maxInstanceCount")]
    most = max(least, Decimal(min(filter(None, limits), default=_DEFAULT_MOST)))
    busy = min(most, _busy_instances(traffic, Decimal(run.get("template.maxInstanceRequestConcurrency", 80))))
    by_request = all(_by_request(each) for each in containers)
    if by_request:
        instances = {
            ("request", "while answering"): between(0, busy, most),
            ("idle", "idle minimum"): between(least, max(ZERO, least - busy), 0),
        }
    else:
        expected = min(most, max(least, Decimal(math.ceil(busy))))
        instances = {
            ("instance", "by instance"): fixed(least),
            ("instance", "by instance, above the minimum"): between(0, expected - least, most - least),
        }
    vcpus = sum((_vcpus(container) for container in containers), ZERO)
    memory = sum((_memory(container) for container in containers), ZERO)
    unlimited = f"no maximum is set: high is Cloud Run's own of {_DEFAULT_MOST} instances"
    warning = "" if any(limits) else unlimited
    for (kind, word), count in instances.items():
        usage = word in ("while answering", "by instance, above the minimum")
        for size, key, what, unit in ((vcpus, "vcpu", "vCPU", "vCPU-second"), (memory, "gib", "memory", "GiB-second")):
            quantity = count * SECONDS * size
            yield p.line(
                Part.COMPUTE,
                f"{what}, {word}",
                f"run.{kind}.{key}",
                quantity,
                unit,
                usage=usage,
                warning=warning if usage else "",
            )
    if by_request:
        requests = p.usage.requests if p.usage.requests is not None else traffic.monthly_requests
        yield p.line(Part.COMPUTE, "requests", "run.requests", used(requests), "request", usage=True)
    answers = traffic.gib(traffic.response_bytes)
    yield p.line(Part.NETWORK, "data to the internet", "gcp.egress.premium", used(answers), "GiB", usage=True)
    logged = p.usage.ingest_gb if p.usage.ingest_gb is not None else traffic.gib(traffic.log_bytes)
    yield p.line(Part.OBSERVABILITY, "logs written", "logging.gib", used(logged), "GiB", usage=True)


def _busy_instances(traffic: Traffic, concurrency: Decimal) -> Decimal:
    """How many instances have a request in them, on average.

    Arrivals are random, so requests overlap by chance: with one request in flight on average, an instance is busy 63 %
    of the time, whatever it could serve at once. More are busy once one is full: of requests in flight, or of work, if
    what one serves is given.
    """
    load = traffic.requests_per_second * traffic.latency_ms / 1000
    full = traffic.requests_per_second / (traffic.requests_per_second_per_task or Decimal("Infinity"))
    return max(1 - (-load).exp(), load / concurrency, full)


def job(p: Pricer) -> Iterator[Line]:
    """Its tasks while they run, `requests` executions of `latency_ms` each, at the rates of billing by instance."""
    containers = p.resource.need("template.template.containers")
    tasks = Decimal(p.resource.get("template.taskCount", 1))
    seconds = (p.usage.requests or ZERO) * (p.usage.latency_ms or ZERO) / 1000 * tasks
    for size, key, unit in (
        (sum((_vcpus(container) for container in containers), ZERO), "vcpu", "vCPU-second"),
        (sum((_memory(container) for container in containers), ZERO), "gib", "GiB-second"),
    ):
        item = f"{'vCPU' if key == 'vcpu' else 'memory'}, job"
        yield p.line(Part.COMPUTE, item, f"run.instance.{key}", used(size * seconds), unit, usage=True)


def _limit(container: object, name: str, default: str) -> str:
    resources = container.get("resources") if isinstance(container, dict) else None
    limits = (resources or {}).get("limits") or {}
    value = limits.get(name, default)
    if not isinstance(value, (str, int, float, Decimal)):
        raise NotKnown(f"template.containers.resources.limits.{name} is known only after a deployment")
    return str(value)


def _vcpus(container: object) -> Decimal:
    text = _limit(container, "cpu", "1")
    return Decimal(text[:-1]) / 1000 if text.endswith("m") else Decimal(text)


def _memory(container: object) -> Decimal:
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", _limit(container, "memory", "512Mi")).groups()  # type: ignore[union-attr]
    return Decimal(number) * _UNITS[unit] / GIB


def _by_request(container: object) -> bool:
    """Whether CPU is only billed while a request is answered; given `resources`, the provider wants that said."""
    resources = container.get("resources") if isinstance(container, dict) else None
    return not resources or resources.get("cpuIdle") is True


def cloud_sql(p: Pricer) -> Iterator[Line]:
    """vCPUs and memory, or a shared core; storage and backups."""
    version = str(p.resource.need("databaseVersion"))
    engine = {"POSTGRES": "pg"}.get(version.partition("_")[0], version.partition("_")[0].lower())
    zones = "regional" if p.resource.get("settings.availabilityType", "ZONAL") == "REGIONAL" else "zonal"
    tier = str(p.resource.need("settings.tier"))
    edition, said = _edition(p.resource, version)
    warning = "" if said else f"no edition is set, and {version} then gets {edition}: say settings.edition"
    shared = {"db-f1-micro": "f1micro", "db-g1-small": "g1small"}.get(tier)
    if edition == "ENTERPRISE_PLUS":
        size = re.search(r"-(\d+)(?:-(\d+))?$", tier)
        vcpus = Decimal(size[1]) if size else Decimal(2)
        zonal = "" if zones == "zonal" else ".regional"
        yield p.line(
            Part.DATA,
            f"{tier} vCPU, Enterprise Plus",
            f"sql.entplus.vcpu{zonal}",
            fixed(vcpus * HOURS),
            "vCPU-hour",
            warning=warning,
        )
        ram = Decimal(size[2]) / 1024 if size and size[2] else vcpus * 8
        yield p.line(
            Part.DATA, f"{tier} memory, Enterprise Plus", f"sql.entplus.ram{zonal}", fixed(ram * HOURS), "GB-hour"
        )
    elif shared:
        yield p.line(Part.DATA, f"{tier}, {zones}", f"sql.{engine}.{shared}.{zones}", fixed(HOURS), "hour")
    else:
        vcpus, ram = _cores(tier)
        yield p.line(
            Part.DATA, f"{tier} vCPU, {zones}", f"sql.{engine}.vcpu.{zones}", fixed(vcpus * HOURS), "vCPU-hour"
        )
        yield p.line(Part.DATA, f"{tier} memory, {zones}", f"sql.{engine}.ram.{zones}", fixed(ram * HOURS), "GB-hour")
    disk = {"PD_SSD": "ssd", "PD_HDD": "hdd"}.get(kind := p.resource.get("settings.diskType", "PD_SSD"), kind.lower())
    size_gb = Decimal(p.resource.get("settings.diskSize", 10))
    grows = p.resource.get("settings.diskAutoresize", True)
    limit = Decimal(p.resource.get("settings.diskAutoresizeLimit", 0)) if grows else ZERO
    most = max(size_gb, limit)
    endless = "storage grows by itself without a limit (settings.diskAutoresizeLimit)"
    yield p.line(
        Part.DATA,
        f"{kind} storage, {zones}",
        f"sql.{disk}.{zones}",
        between(size_gb, size_gb, most),
        "GB-month",
        note=f"grows by itself to {most} GB" if limit else "",
        warning=endless if grows and not limit else "",
    )
    yield p.line(Part.DATA, "backups", "sql.backup", used(p.usage.backup_gb or ZERO), "GB-month", usage=True)


def _edition(resource: Resource, version: str) -> tuple[str, bool]:
    """The edition, and whether the program says it: from PostgreSQL 16 on the API's own choice is Enterprise Plus."""
    edition = resource.get("settings.edition")
    if edition:
        return str(edition), True
    major = re.fullmatch(r"POSTGRES_(\d+)", version)
    return ("ENTERPRISE_PLUS" if major and int(major[1]) >= 16 else "ENTERPRISE"), False


def _cores(tier: str) -> tuple[Decimal, Decimal]:
    """vCPUs and GB of memory of a tier."""
    if custom := re.fullmatch(r"db-custom-(\d+)-(\d+)", tier):
        return Decimal(custom[1]), Decimal(custom[2]) / 1024
    if named := re.fullmatch(r"db-(?:n1-)?(standard|highmem)-(\d+)", tier):
        vcpus = Decimal(named[2])
        return vcpus, vcpus * {"standard": Decimal("3.75"), "highmem": Decimal("6.5")}[named[1]]
    raise NotKnown(f"tier {tier!r} is not priced")


def registry(p: Pricer) -> Iterator[Line]:
    usage = p.usage
    pushed = (usage.deploys_per_month or ZERO) * 12
    stored = usage.storage_gb if usage.storage_gb is not None else pushed * (usage.image_gb or ZERO)
    policies = p.resource.get("cleanupPolicies", [])
    warning = "" if policies else "no cleanup policy: images are never deleted"
    yield p.line(Part.DATA, "images", "ar.storage", used(stored), "GB-month", usage=True, warning=warning)


def secret_version(p: Pricer) -> Iterator[Line]:
    """A version is billed in each place where it is kept; automatic replication counts as one."""
    places = 1
    for secret in p.stack.linked(p.resource, "secret", SECRET):
        places = max(1, len(secret.get("replication.userManaged.replicas", [])))
    yield p.line(Part.SECURITY, "secret version", "sm.version", fixed(places), "version-location-month")
    if p.usage.requests:
        reads = p.usage.requests / 10_000
        yield p.line(Part.SECURITY, "secret reads", "sm.access", used(reads), "10k", usage=True)


def forwarding_rule(p: Pricer) -> Iterator[Line]:
    """The first five rules cost one price together; then each costs its own."""
    rules = p.stack.all(FORWARDING, REGIONAL_FORWARDING)
    place = rules.index(p.resource)
    if place == 0:
        together = min(len(rules), _RULES_TOGETHER)
        note = f"{together} of up to {_RULES_TOGETHER} rules for one price"
        yield p.line(Part.NETWORK, "forwarding rules", "lb.rule", fixed(HOURS), "hour", note=note)
    elif place >= _RULES_TOGETHER:
        yield p.line(Part.NETWORK, "further forwarding rule", "lb.rule.extra", fixed(HOURS), "hour")
    traffic = p.traffic(len(rules))
    through = p.usage.data_gb if p.usage.data_gb is not None else traffic.gib(traffic.response_bytes)
    yield p.line(Part.NETWORK, "load balancer data", "lb.gb", used(through), "GiB", usage=True)


def security_policy(p: Pricer) -> Iterator[Line]:
    """The policy, its rules and the requests it looks at."""
    yield p.line(Part.SECURITY, "Cloud Armor policy", "armor.policy", fixed(1), "month")
    rules = len(p.resource.get("rules", []))
    yield p.line(Part.SECURITY, "Cloud Armor rules", "armor.rule", fixed(rules), "month", note=f"{rules} rules")
    traffic = p.traffic(len(p.stack.all(ARMOR)))
    requests = p.usage.requests if p.usage.requests is not None else traffic.monthly_requests
    yield p.line(Part.SECURITY, "requests inspected", "armor.request", used(requests / MILLION), "1M", usage=True)


def vpc_connector(p: Pricer) -> Iterator[Line]:
    """Its instances, all month."""
    machine = p.resource.get("machineType", "e2-micro")
    least = Decimal(p.resource.get("minInstances", 2))
    most = max(least, Decimal(p.resource.get("maxInstances", 10)))
    price_id = f"vpcconnector.{machine.replace('-', '')}"
    yield p.line(
        Part.NETWORK,
        f"connector, {machine}",
        price_id,
        between(least, least, most) * HOURS,
        "hour",
        note=f"{least} to {most} instances",
    )


def router_nat(p: Pricer) -> Iterator[Line]:
    yield p.line(Part.NETWORK, "Cloud NAT data", "gcp.nat.gb", used(p.usage.data_gb or ZERO), "GB", usage=True)


def cache(p: Pricer) -> Iterator[Line]:
    """By size, dearer per GB in smaller steps."""
    size = Decimal(p.resource.need("memorySizeGb"))
    step = next(
        name for name, most in (("M1", 4), ("M2", 10), ("M3", 35), ("M4", 100), ("M5", math.inf)) if size <= most
    )
    tier = {"BASIC": "basic", "STANDARD_HA": "standard"}[p.resource.get("tier", "BASIC")]
    yield p.line(
        Part.DATA, f"Redis {tier} {step}", f"redis.{tier}.{step}", fixed(size * HOURS), "GB-hour", note=f"{size} GB"
    )


def uptime_check(p: Pricer) -> Iterator[Line]:
    runs = (p.usage.requests or ZERO) / 1000
    yield p.line(Part.OBSERVABILITY, "uptime check runs", "mon.uptime", used(runs), "1k executions", usage=True)


def metric(p: Pricer) -> Iterator[Line]:
    volume = p.usage.metrics or ZERO
    yield p.line(Part.OBSERVABILITY, "custom metrics", "mon.metrics", used(volume), "MiB", usage=True)


def dns_zone(p: Pricer) -> Iterator[Line]:
    yield p.line(Part.NETWORK, "managed zone", "gcp.dns.zone", fixed(1), "zone-month")
    queries = (p.usage.requests or ZERO) / MILLION
    yield p.line(Part.NETWORK, "queries", "gcp.dns.query", used(queries), "1M queries", usage=True)


def crypto_key(p: Pricer) -> Iterator[Line]:
    if p.resource.get("versionTemplate.protectionLevel", "SOFTWARE") != "SOFTWARE":
        raise NotKnown("keys in hardware are not priced")
    yield p.line(Part.SECURITY, "key version", "gcp.kms.key", fixed(1), "month")


PRICING: dict[str, Pricing] = {
    "gcp:artifactregistry/repository:Repository": registry,
    "gcp:cloudrunv2/job:Job": job,
    "gcp:cloudrunv2/service:Service": cloud_run,
    "gcp:compute/forwardingRule:ForwardingRule": forwarding_rule,
    "gcp:compute/globalForwardingRule:GlobalForwardingRule": forwarding_rule,
    "gcp:compute/routerNat:RouterNat": router_nat,
    "gcp:compute/securityPolicy:SecurityPolicy": security_policy,
    "gcp:dns/managedZone:ManagedZone": dns_zone,
    "gcp:kms/cryptoKey:CryptoKey": crypto_key,
    "gcp:logging/metric:Metric": metric,
    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": uptime_check,
    "gcp:redis/instance:Instance": cache,
    "gcp:secretmanager/secretVersion:SecretVersion": secret_version,
    "gcp:sql/databaseInstance:DatabaseInstance": cloud_sql,
    "gcp:vpcaccess/connector:Connector": vpc_connector,
}
