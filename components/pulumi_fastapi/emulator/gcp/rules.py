"""Rules across fields that Google documents and its API documents do not carry."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi_fastapi.emulator.gcp.discovery import Shape
from pulumi_fastapi.emulator.gcp.validation import Violation
from pulumi_fastapi.emulator.mapping import ApiPath, dig
from pulumi_fastapi.emulator.values import Properties, Unknown, has_unknown

Rule = Callable[[Properties, str | None], Iterator[Violation]]

_GI = 2**30
_MI = 2**20
_MEMORY_RANGE = {1: (128 * _MI, 4 * _GI), 2: (128 * _MI, 8 * _GI), 4: (2 * _GI, 16 * _GI), 6: (4 * _GI, 24 * _GI)} | {
    8: (4 * _GI, 32 * _GI)
}
"""Least and most memory of a Cloud Run container by whole vCPUs, in bytes."""
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|Ki|M|Mi|G|Gi)?")
_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "Ki": 2**10, "M": 1e6, "Mi": _MI, "G": 1e9, "Gi": _GI}
_RESERVED_VARIABLES = frozenset({"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"})
_TAG_AND_SERVICE = 46
_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_GEN1, _GEN2 = "EXECUTION_ENVIRONMENT_GEN1", "EXECUTION_ENVIRONMENT_GEN2"


def violated_rules(api: str, shape: Shape, body: Properties, id: str | None) -> Iterator[Violation]:
    """What is wrong with a body of this shape, sent for the resource of this short name (None: not known yet)."""
    rule = RULES.get(f"{api}.{shape.name}")
    if rule is not None:
        yield from rule(body, id)


def quantity(text: Any) -> float | None:
    """`512Mi` in bytes, `500m` in vCPUs; None for anything else."""
    found = _QUANTITY.fullmatch(str(text))
    return float(found[1]) * _UNITS[found[2] or ""] if found else None


def _known(value: Any) -> bool:
    return value is not None and not isinstance(value, Unknown)


def _items(value: Any) -> Iterator[tuple[int, Properties]]:
    """The objects of a list, as far as they are known."""
    for position, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, Mapping):
            yield position, dict(item)


def _number(body: Properties, path: str, default: float) -> float | None:
    """A number in the body; None when it is not known."""
    value = dig(body, path)
    if value is None:
        return default
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


# ----------------------------------------------------------------------------------------------------------- Cloud Run
def _service(body: Properties, id: str | None) -> Iterator[Violation]:
    if id is not None and not (len(id) < 50 and _DNS_LABEL.fullmatch(id)):
        text = "must begin with a letter, hold lower case letters, digits and hyphens only, end with none of those"
        yield (
            ("name",),
            f"Violation in CreateServiceRequest.service_id: {id!r} {text}, and be shorter than 50 characters",
        )
    template = body.get("template")
    if isinstance(template, Mapping):
        yield from _under(("template",), _revision_template(dict(template), id))
    scaling = body.get("scaling")
    if isinstance(scaling, Mapping):
        yield from _under(("scaling",), _scaling(dict(scaling)))
    yield from _under(("traffic",), _traffic(body.get("traffic"), id))


def _under(place: ApiPath, found: Iterator[Violation]) -> Iterator[Violation]:
    for path, message in found:
        yield (*place, *path), message


def _revision_template(template: Properties, service: str | None) -> Iterator[Violation]:
    revision = template.get("revision")
    if isinstance(revision, str):
        if len(revision) > 63 or not _DNS_LABEL.fullmatch(revision):
            yield ("revision",), f"{revision!r} must be lower case letters, digits and hyphens, at most 63 characters"
        elif service is not None and not revision.startswith(f"{service}-"):
            yield ("revision",), f"revision name {revision!r} must be prefixed by the service name: {service}-"
    concurrency = _number(template, "maxInstanceRequestConcurrency", 0)
    if concurrency is not None and not 0 <= concurrency <= 1000:
        yield ("maxInstanceRequestConcurrency",), f"must be from 1 to 1000, not {concurrency:g}"
    if isinstance(template.get("scaling"), Mapping):
        yield from _under(("scaling",), _scaling(dict(template["scaling"])))
    yield from _task(template, longest_timeout=3600)
    for position, container in _items(template.get("containers")):
        yield from _under(("containers", position), _service_container(container, template))


def _task(template: Properties, longest_timeout: float) -> Iterator[Violation]:
    """What services and jobs have in common."""
    timeout = template.get("timeout")
    seconds = float(timeout[:-1]) if isinstance(timeout, str) and re.fullmatch(r"\d+(\.\d+)?s", timeout) else 1
    if not 0 < seconds <= longest_timeout:
        yield ("timeout",), f"must be from 1s to {longest_timeout:g}s, not {timeout}"
    access = template.get("vpcAccess")
    if isinstance(access, Mapping) and access.get("connector") and access.get("networkInterfaces"):
        yield ("vpcAccess",), "connector and networkInterfaces exclude each other"
    volumes = {volume.get("name") for _, volume in _items(template.get("volumes"))}
    volumes_known = not has_unknown(template.get("volumes"))
    for position, container in _items(template.get("containers")):
        place: ApiPath = ("containers", position)
        for index, variable in _items(container.get("env")):
            if variable.get("name") in _RESERVED_VARIABLES:
                text = (
                    f"The following reserved env names were provided: {variable['name']}. The system sets them itself"
                )
                yield (*place, "env", index, "name"), text
        for index, mount in _items(container.get("volumeMounts")):
            if volumes_known and _known(mount.get("name")) and mount["name"] not in volumes:
                yield (*place, "volumeMounts", index, "name"), f"volume {mount['name']} does not exist"
        for resource in ("cpu", "memory"):
            limit = dig(container, f"resources.limits.{resource}")
            if _known(limit) and quantity(limit) is None:
                yield (*place, "resources", "limits", resource), f"Invalid value specified: {limit!r}"


def _scaling(scaling: Properties) -> Iterator[Violation]:
    low, high = _number(scaling, "minInstanceCount", 0), _number(scaling, "maxInstanceCount", float("inf"))
    if low is not None and high and low > high:
        yield ("minInstanceCount",), f"{low:g} is more than maxInstanceCount, {high:g}"


def _service_container(container: Properties, template: Properties) -> Iterator[Violation]:
    limits = dig(container, "resources.limits") or {}
    if isinstance(limits, Mapping) and ("ports" in container or len(template.get("containers", ())) == 1):
        yield from _cpu_and_memory(container, dict(limits), template)
    for name, longest in (("startupProbe", 240), ("livenessProbe", 3600), ("readinessProbe", 3600)):
        probe = container.get(name)
        if isinstance(probe, Mapping):
            yield from _under((name,), _probe(name, dict(probe), longest))


def _cpu_and_memory(container: Properties, limits: Properties, template: Properties) -> Iterator[Violation]:
    cpu, memory = quantity(limits.get("cpu", "1")), quantity(limits.get("memory", "512Mi"))
    place: ApiPath = ("resources", "limits")
    if cpu is None or memory is None:
        return
    if cpu >= 1 and cpu not in _MEMORY_RANGE:
        yield (*place, "cpu"), f"Invalid value specified for cpu: {cpu:g}. Use less than 1, or 1, 2, 4, 6 or 8"
        return
    if cpu < 0.08:
        yield (*place, "cpu"), f"cpu must be at least 0.08, not {cpu:g}"
    low, high = _MEMORY_RANGE.get(int(cpu), (128 * _MI, _GI if cpu >= 0.5 else 0.5 * _GI))
    if not low <= memory <= high:
        text = f"from {low / _MI:g}Mi to {high / _MI:g}Mi"
        yield (*place, "memory"), f"For {cpu:g} CPU, memory must be {text}, not {memory / _MI:g}Mi"
    environment = template.get("executionEnvironment")
    if environment == _GEN2 and memory < 512 * _MI:
        yield (*place, "memory"), "Total memory < 512 Mi is not supported with gen2 execution environment"
    if cpu >= 1:
        return
    concurrency = _number(template, "maxInstanceRequestConcurrency", 1)
    if concurrency is not None and concurrency > 1:
        yield (*place, "cpu"), f"Total cpu < 1 is not supported with concurrency > 1 ({concurrency:g})"
    if dig(container, "resources.cpuIdle") is False:
        yield ("resources", "cpuIdle"), "Total cpu < 1 is not supported with cpu that is always allocated"
    if environment == _GEN2:
        yield (*place, "cpu"), "Total cpu < 1 is not supported with gen2 execution environment"


def _probe(name: str, probe: Properties, longest: int) -> Iterator[Violation]:
    actions = [action for action in ("httpGet", "grpc", "tcpSocket") if action in probe]
    if len(actions) != 1:
        yield (), f"exactly one of httpGet, tcpSocket and grpc is needed, not {' and '.join(actions) or 'none'}"
    if name != "startupProbe" and "tcpSocket" in probe:
        yield ("tcpSocket",), "only a startup probe may be one of TCP"
    period, timeout = _number(probe, "periodSeconds", 10), _number(probe, "timeoutSeconds", 1)
    failures = _number(probe, "failureThreshold", 3)
    if period is not None and timeout is not None and timeout > period:
        yield ("timeoutSeconds",), f"{timeout:g} must not be more than periodSeconds, {period:g}"
    for key in ("periodSeconds", "initialDelaySeconds"):
        seconds = _number(probe, key, 0)
        if seconds is not None and seconds > longest:
            yield (key,), f"must be at most {longest}, not {seconds:g}"
    if name == "startupProbe" and period is not None and failures is not None and failures * period > 240:
        yield (
            ("failureThreshold",),
            f"failureThreshold * periodSeconds must be at most 240 s, not {failures * period:g}",
        )


def _traffic(traffic: Any, service: str | None) -> Iterator[Violation]:
    targets = list(_items(traffic))
    percents = [_number(target, "percent", 0) for _, target in targets]
    if targets and None not in percents and sum(each or 0 for each in percents) != 100:
        yield (), f"the sum of traffic percents must be 100, not {sum(each or 0 for each in percents):g}"
    for position, target in targets:
        tag, kind = target.get("tag"), target.get("type")
        if isinstance(tag, str) and service is not None and len(tag) + len(service) > _TAG_AND_SERVICE:
            text = f"traffic tag {tag!r} and service name {service!r} are together longer than {_TAG_AND_SERVICE}"
            yield (position, "tag"), f"{text} characters"
        if kind == "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION" and target.get("revision") is None:
            yield (position, "revision"), "a target of type REVISION needs a revision"
        if kind == "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" and _known(target.get("revision")):
            yield (position, "revision"), "a target of type LATEST takes no revision"
    tags = [target["tag"] for _, target in targets if isinstance(target.get("tag"), str)]
    for tag in sorted({tag for tag in tags if tags.count(tag) > 1}):
        yield (), f"traffic tag {tag!r} is used more than once"


def _job(body: Properties, id: str | None) -> Iterator[Violation]:
    if id is not None and not (len(id) < 64 and _DNS_LABEL.fullmatch(id)):
        yield ("name",), f"Violation in CreateJobRequest.job_id: {id!r} is no name of at most 63 characters"
    for key in ("runExecutionToken", "startExecutionToken"):
        token = body.get(key)
        if id is not None and isinstance(token, str) and len(id) + len(token) >= 63:
            text = f"job name and token must together be shorter than 63 characters, not {len(id) + len(token)}"
            yield (key,), text
    task = dig(body, "template.template")
    if isinstance(task, Mapping):
        yield from _under(("template", "template"), _task(dict(task), longest_timeout=7 * 24 * 3600))


# ----------------------------------------------------------------------------------------------------------- Cloud SQL
_CUSTOM_TIER = re.compile(r"db-custom-(\d+)-(\d+)")
_PLUS_TIER = re.compile(r"db-(perf-optimized-N-\d+|c4a-\S+)")
_ENTERPRISE_TIER = re.compile(r"db-(f1-micro|g1-small|custom-\d+-\d+|n4-\S+)")
POSTGRESQL_FLAGS = frozenset(
    [
        "autovacuum",
        "autovacuum_analyze_scale_factor",
        "autovacuum_max_workers",
        "autovacuum_naptime",
        "autovacuum_vacuum_scale_factor",
        "checkpoint_timeout",
        "cloudsql.enable_auto_explain",
        "cloudsql.enable_pg_cron",
        "cloudsql.enable_pgaudit",
        "cloudsql.iam_authentication",
        "cloudsql.logical_decoding",
        "deadlock_timeout",
        "default_transaction_isolation",
        "effective_cache_size",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "jit",
        "lock_timeout",
        "log_checkpoints",
        "log_connections",
        "log_disconnections",
        "log_duration",
        "log_hostname",
        "log_lock_waits",
        "log_min_duration_statement",
        "log_min_error_statement",
        "log_min_messages",
        "log_statement",
        "log_temp_files",
        "maintenance_work_mem",
        "max_connections",
        "max_parallel_workers",
        "max_parallel_workers_per_gather",
        "max_replication_slots",
        "max_wal_senders",
        "max_wal_size",
        "max_worker_processes",
        "pg_stat_statements.max",
        "pg_stat_statements.track",
        "pgaudit.log",
        "random_page_cost",
        "shared_buffers",
        "statement_timeout",
        "tcp_keepalives_count",
        "tcp_keepalives_idle",
        "tcp_keepalives_interval",
        "temp_file_limit",
        "timezone",
        "track_io_timing",
        "work_mem",
    ]
)
"""Those that programs use; Google's list is longer."""


def _database_instance(body: Properties, id: str | None) -> Iterator[Violation]:
    if id is not None and not (len(id) <= 98 and _DNS_LABEL.fullmatch(id)):
        yield ("name",), f"{id!r} must be lower case letters, digits and hyphens, at most 98 characters"
    settings = body.get("settings")
    if not isinstance(settings, Mapping):
        return
    version = body.get("databaseVersion")
    if isinstance(version, str) and version.startswith("POSTGRES"):
        yield from _under(("settings",), _postgresql(dict(settings), version))
    addresses = settings.get("ipConfiguration")
    ways = ("privateNetwork", "pscConfig")
    if isinstance(addresses, Mapping) and addresses.get("ipv4Enabled") is False and not any(map(addresses.get, ways)):
        text = "At least one of Public IP or Private IP or PSC connectivity must be enabled"
        yield ("settings", "ipConfiguration"), text
    backed_up = dig(dict(settings), "backupConfiguration.enabled")
    if settings.get("availabilityType") == "REGIONAL" and backed_up is not True and not isinstance(backed_up, Unknown):
        yield ("settings", "availabilityType"), "REGIONAL needs backups and point-in-time recovery enabled"


def _postgresql(settings: Properties, version: str) -> Iterator[Violation]:
    tier, edition = settings.get("tier"), settings.get("edition")
    if isinstance(edition, Unknown) or not isinstance(tier, str):
        return
    major = re.match(r"POSTGRES_(\d+)", version)
    by_default = "ENTERPRISE_PLUS" if major and int(major[1]) >= 16 else "ENTERPRISE"
    edition = edition or by_default
    if edition == "ENTERPRISE_PLUS" and not _PLUS_TIER.fullmatch(tier):
        hint = "" if settings.get("edition") else f" (the default edition of {version})"
        text = f"Invalid Tier ({tier}) for (ENTERPRISE_PLUS) Edition{hint}. Use a tier like db-perf-optimized-N-2"
        yield ("tier",), f"{text}, or edition ENTERPRISE"
    if edition == "ENTERPRISE" and not _ENTERPRISE_TIER.fullmatch(tier):
        text = "Only custom or shared-core instance Billing Tier type allowed for PostgreSQL database"
        yield ("tier",), f"{text}, not {tier}"
    custom = _CUSTOM_TIER.fullmatch(tier)
    if custom is not None:
        yield from ((("tier",), text) for text in _custom_tier(int(custom[1]), int(custom[2])))
    days = _number(settings, "backupConfiguration.transactionLogRetentionDays", 1)
    longest = 35 if edition == "ENTERPRISE_PLUS" else 7
    if days is not None and not 1 <= days <= longest:
        place: ApiPath = ("backupConfiguration", "transactionLogRetentionDays")
        yield place, f"must be from 1 to {longest} in edition {edition}, not {days:g}"
    for position, flag in _items(settings.get("databaseFlags")):
        if isinstance(flag.get("name"), str) and flag["name"] not in POSTGRESQL_FLAGS:
            yield ("databaseFlags", position, "name"), f"Invalid flag {flag['name']}"


def _custom_tier(cores: int, megabytes: int) -> Iterator[str]:
    if cores != 1 and (cores % 2 or not 2 <= cores <= 96):
        yield f"vCPUs must be 1 or an even number up to 96, not {cores}"
    if megabytes % 256:
        yield f"memory must be a multiple of 256 MB, not {megabytes}"
    if megabytes < 3840:
        yield f"memory must be at least 3840 MB, not {megabytes}"
    if not 0.9 * 1024 <= megabytes / cores <= 6.5 * 1024:
        yield f"memory must be 0.9 to 6.5 GB per vCPU, not {megabytes / cores / 1024:.1f}"


# ------------------------------------------------------------------------------------------------------------- Compute
def _endpoint_group(body: Properties, id: str | None) -> Iterator[Violation]:
    kinds = [kind for kind in ("cloudRun", "appEngine", "cloudFunction") if body.get(kind) is not None]
    if body.get("networkEndpointType", "SERVERLESS") == "SERVERLESS" and len(kinds) != 1:
        yield (), "a serverless network endpoint group needs exactly one of cloudRun, appEngine and cloudFunction"


def _backend_service(body: Properties, id: str | None) -> Iterator[Violation]:
    groups = [backend.get("group") for _, backend in _items(body.get("backends"))]
    if not any("/networkEndpointGroups/" in group for group in groups if isinstance(group, str)):
        return
    if body.get("healthChecks"):
        text = "A backend service cannot have a healthcheck with Serverless network endpoint group backends"
        yield ("healthChecks",), text
    if _number(body, "timeoutSec", 30) not in (None, 30):
        text = "Timeout sec is not supported for a backend service with Serverless network endpoint groups"
        yield ("timeoutSec",), text


def _certificate(body: Properties, id: str | None) -> Iterator[Violation]:
    domains = dig(body, "managed.domains")
    for position, domain in enumerate(domains if isinstance(domains, list) else []):
        if isinstance(domain, str) and domain.startswith("*"):
            text = "Wildcard domains are not supported by Google-managed SSL certificates; Certificate Manager has them"
            yield ("managed", "domains", position), f"{text}: {domain}"
    if isinstance(domains, list) and not 1 <= len(domains) <= 100:
        yield ("managed", "domains"), f"1 to 100 domains are possible, not {len(domains)}"


def _subnetwork(body: Properties, id: str | None) -> Iterator[Violation]:
    import ipaddress

    text = body.get("ipCidrRange")
    if not isinstance(text, str):
        return
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        yield ("ipCidrRange",), f"Invalid IPCidrRange: {error}"
        return
    if network.version == 4 and not 8 <= network.prefixlen <= 29:
        yield ("ipCidrRange",), f"Invalid IPCidrRange: {text} is not between /8 and /29"


def _security_policy(body: Properties, id: str | None) -> Iterator[Violation]:
    rules = list(_items(body.get("rules")))
    priorities = [rule.get("priority") for _, rule in rules]
    if rules and not any(isinstance(each, Unknown) for each in priorities) and 2**31 - 1 not in priorities:
        yield ("rules",), "a security policy needs a default rule, of priority 2147483647"
    for position, rule in rules:
        if _known(rule.get("priority")) and priorities.count(rule["priority"]) > 1:
            yield ("rules", position, "priority"), f"priority {rule['priority']:g} is used more than once"
        limited = rule.get("action") in ("throttle", "rate_based_ban")
        if limited and rule.get("rateLimitOptions") is None:
            yield ("rules", position, "rateLimitOptions"), f"an action of {rule['action']} needs it"


# ---------------------------------------------------------------------------------------------------- identity, alerts
def _service_account(body: Properties, id: str | None) -> Iterator[Violation]:
    account = body.get("accountId")
    if isinstance(account, str) and not re.fullmatch(r"[a-z][-a-z0-9]{4,28}[a-z0-9]", account):
        text = "must be 6 to 30 lower case letters, digits and hyphens, begin with a letter and not end with a hyphen"
        yield ("accountId",), f"{account!r} {text}"


def _identity_provider(body: Properties, id: str | None) -> Iterator[Violation]:
    mapping = body.get("attributeMapping")
    if isinstance(mapping, Mapping) and "google.subject" not in mapping:
        yield ("attributeMapping",), "google.subject has to be mapped"
    issuer = dig(body, "oidc.issuerUri")
    if issuer == "https://token.actions.githubusercontent.com" and body.get("attributeCondition") is None:
        yield ("attributeCondition",), "The attribute condition must reference one of the provider's claims"
    if id is not None and (not 4 <= len(id) <= 32 or id.startswith("gcp-")):
        yield ("workloadIdentityPoolProviderId",), f"{id!r} must have 4 to 32 characters and not begin with gcp-"


def _uptime_check(body: Properties, id: str | None) -> Iterator[Violation]:
    period = body.get("period", "60s")
    if isinstance(period, str) and period not in ("60s", "300s", "600s", "900s"):
        yield ("period",), f"must be 60s, 300s, 600s or 900s, not {period}"


def _objective(body: Properties, id: str | None) -> Iterator[Violation]:
    goal = body.get("goal")
    if isinstance(goal, (int, float)) and not 0 < goal <= 0.9999:
        yield ("goal",), f"must be more than 0 and at most 0.9999, not {goal:g}"


def _alert_policy(body: Properties, id: str | None) -> Iterator[Violation]:
    conditions = body.get("conditions")
    if isinstance(conditions, list) and not 1 <= len(conditions) <= 6:
        yield ("conditions",), f"1 to 6 conditions are possible, not {len(conditions)}"
    kinds = (
        "conditionThreshold",
        "conditionAbsent",
        "conditionMatchedLog",
        "conditionMonitoringQueryLanguage",
        "conditionPrometheusQueryLanguage",
        "conditionSql",
    )
    for position, condition in _items(conditions):
        if sum(kind in condition for kind in kinds) != 1:
            yield ("conditions", position), "exactly one kind of condition is needed"


RULES: Mapping[str, Rule] = {
    "compute.BackendService": _backend_service,
    "compute.NetworkEndpointGroup": _endpoint_group,
    "compute.SecurityPolicy": _security_policy,
    "compute.SslCertificate": _certificate,
    "compute.Subnetwork": _subnetwork,
    "iam.CreateServiceAccountRequest": _service_account,
    "iam.WorkloadIdentityPoolProvider": _identity_provider,
    "monitoring.AlertPolicy": _alert_policy,
    "monitoring.ServiceLevelObjective": _objective,
    "monitoring.UptimeCheckConfig": _uptime_check,
    "run.Job": _job,
    "run.Service": _service,
    "sqladmin.DatabaseInstance": _database_instance,
}
"""By API and schema of the body."""
