"""Cloud SQL: editions and tiers, addresses, flags."""

import re
from collections.abc import Iterator, Mapping

from pulumi_fastapi.emulator.gcp.rules.judging import DNS_LABEL, Rule, items, number, under
from pulumi_fastapi.emulator.gcp.validation import Violation
from pulumi_fastapi.emulator.mapping import ApiPath, dig
from pulumi_fastapi.emulator.values import Properties, Unknown

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
    if id is not None and not (len(id) <= 98 and DNS_LABEL.fullmatch(id)):
        yield ("name",), f"{id!r} must be lower case letters, digits and hyphens, at most 98 characters"
    settings = body.get("settings")
    if not isinstance(settings, Mapping):
        return
    version = body.get("databaseVersion")
    if isinstance(version, str) and version.startswith("POSTGRES"):
        yield from under(("settings",), _postgresql(dict(settings), version))
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
    days = number(settings, "backupConfiguration.transactionLogRetentionDays", 1)
    longest = 35 if edition == "ENTERPRISE_PLUS" else 7
    if days is not None and not 1 <= days <= longest:
        place: ApiPath = ("backupConfiguration", "transactionLogRetentionDays")
        yield place, f"must be from 1 to {longest} in edition {edition}, not {days:g}"
    for position, flag in items(settings.get("databaseFlags")):
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


RULES: Mapping[str, Rule] = {
    "sqladmin.DatabaseInstance": _database_instance,
}
