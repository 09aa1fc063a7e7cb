"""Our prices and formulas against the lines that Infracost's own tests print.

`golden_lines.json` holds those of resources that FastAPI stacks use, from the golden files of Infracost (Apache-2.0) at
95ba4f49 of 2026-08-21: figures only. Its known errors are left out: see `NOT_COMPARED`.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Optional

import pytest
from cost_programs import price, resource, round_half_up, service
from pulumi_fastapi.cost import UsageFile
from pulumi_fastapi.cost.prices import Price, default_table

RECORDS = json.loads((Path(__file__).parent / "golden_lines.json").read_text(), parse_float=Decimal)


class Rule(NamedTuple):
    """Which of our prices a line shows, and how many of our units one of its units is."""

    resource: str
    component: str
    id: str
    factor: str = "1"


RULES = [
    Rule("aws_ecs_service", "Per GB per hour", "fargate.linux.x86.gb", "730"),
    Rule("aws_ecs_service", "Per vCPU per hour", "fargate.linux.x86.vcpu", "730"),
    Rule("aws_a?lb", "Application load balancer", "alb.hour"),
    Rule("aws_lb", "Network load balancer", "nlb.hour"),
    Rule("aws_nat_gateway", "NAT gateway", "nat.hour"),
    Rule("aws_nat_gateway", "Data processed", "nat.gb"),
    Rule("aws_vpc_endpoint", r"Data processed \(first 1PB\)", "vpce.gb"),
    Rule("aws_vpc_endpoint", r"Endpoint \(Interface\)", "vpce.hour"),
    Rule("aws_eip", r"IP address \(if unused\)", "ipv4.hour"),
    Rule("aws_data_transfer", "Intra-region data transfer", "dt.intraregion"),
    Rule("aws_data_transfer", "Outbound data transfer to Internet .*", "dto.internet"),
    Rule("aws_db_instance", r"Storage \(general purpose SSD, (gp[23])\)", "rds.{0}.{zones}"),
    Rule("aws_db_instance", r"Storage \(provisioned IOPS SSD, io1\)", "rds.io1.gb"),
    Rule("aws_db_instance", "Provisioned IOPS", "rds.io1.iops"),
    Rule("aws_db_instance", r"Provisioned GP3 IOPS \(above .*\)", "rds.gp3.iops.{zones}"),
    Rule("aws_db_instance", "Additional backup storage", "rds.backup"),
    Rule("aws_db_instance", "CPU credits", "rds.t4g.cpucredit"),
    Rule("aws_rds_cluster", "Storage", "aurora.storage"),
    Rule("aws_rds_cluster", "I/O requests", "aurora.io"),
    Rule("aws_rds_cluster", "Backup storage", "aurora.backup"),
    Rule("aws_rds_cluster_instance", "Aurora serverless v2", "aurora.sv2.acu"),
    Rule("aws_lambda_.*", "Requests", "lambda.request", "1000000"),
    Rule("aws_lambda_function", r"Duration \(.*\)", "lambda.gbs.{chip}"),
    Rule("aws_lambda_function", "Ephemeral storage", "lambda.ephemeral"),
    Rule("aws_lambda_provisioned.*", "Provisioned Concurrency", "lambda.pc.arm64"),
    Rule("aws_lambda_provisioned.*", "Duration", "lambda.pc.duration.arm64"),
    Rule("aws_secretsmanager_secret", "Secret", "secrets.secret"),
    Rule("aws_secretsmanager_secret", "API requests", "secrets.api", "10000"),
    Rule("aws_cloudwatch_dashboard", "Dashboard", "cw.dashboard"),
    Rule("aws_cloudwatch_event_bus", "Custom events published", "eventbridge.custom"),
    Rule("aws_cloudwatch_log_group", "Data ingested", "cw.logs.ingest"),
    Rule("aws_cloudwatch_log_group", "Archival Storage", "cw.logs.store"),
    Rule("aws_cloudwatch_log_group", "Insights queries data scanned", "cw.logs.insights"),
    Rule("aws_cloudwatch_metric_alarm", "High resolution( anomaly detection)?", "cw.alarm.high"),
    Rule("aws_cloudwatch_metric_alarm", "Standard resolution", "cw.alarm.standard"),
    Rule("aws_ecr_repository", "Storage", "ecr.gb"),
    Rule("aws_elasticache_.*", "Backup storage", "elasticache.backup"),
    Rule("aws_kms_key", "Customer master key", "kms.key"),
    Rule("aws_kms_key", "Requests", "kms.request", "10000"),
    Rule("aws_ssm_parameter", r"API interactions \(advanced\)", "ssm.api"),
    Rule("aws_apigatewayv2_api", r"Requests \(.*\)", "apigw.http"),
    Rule("aws_cloudfront.*", r"US.* > Data transfer out to internet \((first 10|next 40)TB\)", "cloudfront.gb.us_eu"),
    Rule("aws_cloudfront.*", r"Europe.* > Data transfer out to internet \(first 10TB\)", "cloudfront.gb.us_eu"),
    Rule("aws_cloudfront.*", "US, Mexico, Canada > HTTPS requests", "cloudfront.https.us"),
    Rule("aws_cloudfront.*", "Europe, Israel > HTTPS requests", "cloudfront.https.eu"),
    Rule("aws_route53_zone", "Hosted zone", "route53.zone"),
    Rule("aws_route53_record", r"Standard queries \(first 1B\)", "route53.query"),
    Rule("aws_wafv2_web_acl", "Web ACL usage", "waf.acl"),
    Rule("aws_wafv2_web_acl", "Rules|Rule groups|Managed rule groups", "waf.rule"),
    Rule("aws_wafv2_web_acl", "Requests", "waf.request"),
    Rule("aws_s3_bucket", "Standard > Storage", "s3.standard"),
    Rule("aws_sns_topic", r"API requests \(over 1M\)", "sns.publish"),
    Rule("aws_sns_topic", r"HTTP/HTTPS notifications \(over 100k\)", "sns.http", "0.1"),
    Rule("aws_sns_topic", r"Email/Email-JSON notifications \(over 1k\)", "sns.email"),
    Rule("aws_sqs_queue", "Requests", "sqs.standard"),
    Rule("google_cloud_run_v2_service", r"Number of requests", "run.requests"),
    Rule("google_cloud_run_service", r"Number of requests", "run.requests"),
    Rule("google_cloud_run_service", r"CPU allocation time \(tier 2\)", "run.{billing}.vcpu"),
    Rule("google_cloud_run_service", r"Memory allocation time \(tier 2\)", "run.{billing}.gib"),
    Rule("google_sql.*", r"(?:Replica > )?vCPUs \(\d+, (zonal|regional)\)", "sql.pg.vcpu.{0}"),
    Rule("google_sql.*", r"(?:Replica > )?Memory \([\d.]+ GB, (zonal|regional)\)", "sql.pg.ram.{0}", "730"),
    Rule("google_sql.*", r"(?:Replica > )?Storage \(SSD, (zonal|regional)\)", "sql.ssd.{0}"),
    Rule("google_sql.*", "Backups", "sql.backup"),
    Rule("google_sql.*", r"SQL instance \(db-f1-micro, (zonal|regional)\)", "sql.pg.f1micro.{0}"),
    Rule("google_sql.*", r"SQL instance \(db-g1-small, (zonal|regional)\)", "sql.pg.g1small.{0}"),
    Rule("google_artifact_registry.*", "Storage", "ar.storage"),
    Rule("google_secret_manager.*", "Active secret versions", "sm.version"),
    Rule("google_secret_manager.*", "Access operations", "sm.access"),
    Rule("google_secret_manager.*", "Rotation notifications", "sm.rotation"),
    Rule("google_compute_router_nat", r"Assigned VMs \(first 32\)", "gcp.nat.vm"),
    Rule("google_compute_router_nat", "Data processed", "gcp.nat.gb"),
    Rule("google_compute_.*forwarding_rule", "Ingress data", "lb.gb"),
    Rule("google_redis_instance", r"Redis instance \((basic|standard), (M\d)\)", "redis.{0}.{1}", "730"),
    Rule("google_monitoring.*", r"Monitoring data \(first 100K\)", "mon.metrics"),
    Rule("google_logging.*", "Logging data", "logging.gib"),
    Rule("google_dns_managed_zone", "Managed zone", "gcp.dns.zone"),
    Rule("google_dns_record_set", "Queries", "gcp.dns.query"),
]  # fmt: skip

NOT_COMPARED = {
    # Infracost bills the first rule alone at the price of a further one; Google's page has one price for five.
    "google_compute_forwarding_rule: Forwarding rules",
    "google_compute_global_forwarding_rule: Forwarding rules",
    # A quarter of the units for the same new connections; the other measures are compared below.
    "aws_lb: Load balancer capacity units",
    "aws_alb: Load balancer capacity units",
    # Billed though the instance runs and has no unused address.
    "google_sql_database_instance: IP address (if unused)",
}


class Compared(NamedTuple):
    record: dict[str, Any]
    line: dict[str, Any]
    price: Price
    factor: Decimal


def compared() -> Iterator[Compared]:
    """Each line that one of our prices belongs to, where the table knows it."""
    for record in RECORDS:
        for line in record["lines"]:
            found = _price(record, line)
            if found is not None:
                yield Compared(record, line, *found)


def _price(record: dict[str, Any], line: dict[str, Any]) -> Optional[tuple[Price, Decimal]]:
    for rule in RULES:
        match = re.fullmatch(rule.component, line["component"])
        if match is None or re.fullmatch(rule.resource, record["resource"]) is None:
            continue
        config = record["config"]
        if record["resource"] == "aws_sqs_queue" and config.get("fifo_queue") == "true":
            return None
        if record["resource"] in ("aws_sns_topic",) and config.get("fifo_topic") == "true":
            return None
        if record["resource"].startswith("google_redis") and "location_id" in config:
            return None
        provider = "gcp" if record["resource"].startswith("google") else "aws"
        region = {"local.tier2_region": "europe-west3"}.get(record["region"], record["region"])
        billing = "instance" if "throttling_disabled" in record["name"] else "request"
        zones = "multi" if config.get("multi_az") == "true" or "multi_az" in record["name"] else "single"
        chip = "arm64" if "arm64" in config.get("architectures", "") else "x86"
        if rule.id == "rds.backup" and config["engine"].startswith("aurora"):
            return None
        id_ = rule.id.format(*match.groups(), billing=billing, zones=zones, chip=chip)
        found = default_table().find(provider, region, id_)  # type: ignore[arg-type]
        return None if found is None else (found, Decimal(rule.factor))
    return None


def prices_of(price: Price) -> list[Decimal]:
    return [tier.price for tier in price.tiers] or [price.price]


LINES = list(compared())


def test_most_lines_are_compared():
    kinds = {f"{each.record['resource']}: {each.line['component']}" for each in LINES}

    assert len(LINES) >= 690
    assert len(kinds) >= 135
    assert not kinds & NOT_COMPARED


@pytest.mark.parametrize("rule", sorted({rule.id for rule in RULES}))
def test_every_rule_compares_something(rule):
    pattern = re.compile(re.sub(r"\\\{.*?\\\}", ".+", re.escape(rule)))
    table = default_table()
    ids = {id_ for each in LINES for (_, _, id_), price in table.entries.items() if price is each.price}

    assert any(pattern.fullmatch(id_) for id_ in ids)


@pytest.mark.parametrize("each", LINES, ids=lambda each: f"{each.record['name']}: {each.line['component']}"[:90])
def test_line_agrees_to_the_cent(each):
    quantity, cost = each.line.get("monthly_qty"), each.line.get("monthly_cost")
    if cost is None:
        unit = each.line["unit_price"]
        # Shown with the digits of the golden file.
        digits = Decimal(1).scaleb(unit.as_tuple().exponent) if isinstance(unit, Decimal) else Decimal(1)
        assert unit in {(one * each.factor).quantize(digits) for one in prices_of(each.price)}
        return
    ours = {round_half_up(Decimal(quantity) * each.factor * one) for one in prices_of(each.price)}
    assert any(abs(one - Decimal(cost)) <= Decimal("0.01") for one in ours), f"{ours} and {cost}"


# Whole resources


def records(kind: str) -> list[dict[str, Any]]:
    return [record for record in RECORDS if record["resource"] == kind]


def costs(record: dict[str, Any], pattern: str) -> Decimal:
    """The sum of the record's lines that match."""
    return sum(
        (line["monthly_cost"] for line in record["lines"] if re.fullmatch(pattern, line["component"])), Decimal(0)
    )


def ours(resources: list[Any], pattern: str, **usage: Any) -> Decimal:
    given = UsageFile.model_validate({"resources": {"*": usage}})
    lines = price(resources, usage=given).lines
    return sum((line.cost.expected for line in lines if re.fullmatch(pattern, line.item)), Decimal(0))


def near(one: Decimal, other: Decimal, cents: str = "0.01") -> bool:
    return abs(one - other) <= Decimal(cents)


@pytest.mark.parametrize("record", records("aws_ecs_service"), ids=lambda record: record["name"])
def test_fargate_service(record):
    by = {line["component"]: line for line in record["lines"]}
    count = Decimal(record["config"].get("desired_count", 1))
    cpu, memory = (int(by[f"Per {word} per hour"]["monthly_qty"] / count * 1024) for word in ("vCPU", "GB"))

    made = service(cpu=cpu, memory=memory, count=int(count))

    assert near(ours(made, "Fargate vCPU.*"), costs(record, "Per vCPU per hour"))
    assert near(ours(made, "Fargate memory.*"), costs(record, "Per GB per hour"))


@pytest.mark.parametrize(
    "record",
    [each for each in (*records("aws_lb"), *records("aws_alb")) if each["usage"].get("processed_bytes_gb")],
    ids=lambda record: record["name"],
)
def test_capacity_units_by_data(record):
    kind = record["config"].get("load_balancer_type", "application")
    made = [resource("aws:lb/loadBalancer:LoadBalancer", loadBalancerType=kind, subnets=["a", "b"])]

    units = ours(made, ".* capacity units", data_gb=record["usage"]["processed_bytes_gb"])

    assert near(units, costs(record, "Load balancer capacity units"))


@pytest.mark.parametrize(
    "record",
    [each for each in records("aws_lambda_function") if "monthly_requests" in each["usage"]],
    ids=lambda record: record["name"],
)
def test_function(record):
    config, usage = record["config"], record["usage"]
    chips = json.loads(config.get("architectures", '["x86_64"]'))
    made = [
        resource("aws:lambda/function:Function", memorySize=int(config.get("memory_size", 128)), architectures=chips)
    ]
    given = {"requests": usage["monthly_requests"], "latency_ms": usage.get("request_duration_ms", 1)}

    assert near(ours(made, "Lambda requests", **given), costs(record, "Requests"))
    # Each tier is rounded for itself there.
    assert near(ours(made, "Lambda duration.*", **given), costs(record, "Duration.*"), "0.02")


@pytest.mark.parametrize(
    "record",
    [
        each
        for each in records("aws_db_instance")
        if each["config"].get("engine") == "postgres" and "reserved_instance_term" not in each["usage"]
    ],
    ids=lambda record: record["name"],
)
def test_database(record):
    config, usage = record["config"], record["usage"]
    storage = next(line["monthly_qty"] for line in record["lines"] if line["component"].startswith("Storage"))
    made = [
        resource(
            "aws:rds/instance:Instance",
            engine="postgres",
            instanceClass=config["instance_class"],
            allocatedStorage=int(storage),
            multiAz=config.get("multi_az") == "true",
            storageType="gp2",
        )
    ]
    beyond = Decimal(usage.get("additional_backup_storage_gb", 0))

    assert near(ours(made, "db.*"), costs(record, "Database instance.*"))
    assert near(ours(made, "gp2 storage.*"), costs(record, "Storage.*"))
    assert near(ours(made, "backups.*", backup_gb=beyond + storage), costs(record, "Additional backup storage"))


@pytest.mark.parametrize(
    "record",
    [
        each
        for each in records("google_sql_database_instance")
        if "POSTGRES" in each["name"] and "lightweight" not in each["name"]
    ],
    ids=lambda record: record["name"],
)
def test_sql_instance(record):
    tier, version, zones = re.findall(r"[\w-]+", record["name"].partition('"')[2])
    made = [
        resource(
            "gcp:sql/databaseInstance:DatabaseInstance",
            databaseVersion=version,
            settings={"tier": tier, "availabilityType": zones, "diskSize": 10, "edition": "ENTERPRISE"},
        )
    ]

    assert near(ours(made, ".* vCPU, .*|db-[fg]1.*"), costs(record, "vCPUs.*|SQL instance.*"))
    assert near(ours(made, ".* memory, .*"), costs(record, "Memory.*"))
    assert near(ours(made, ".* storage, .*"), costs(record, "Storage.*"))


def test_cloud_run_by_instance():
    record = next(each for each in records("google_cloud_run_v2_service") if "disabled" in each["name"])
    container = {"resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "cpuIdle": False}}
    template = {"containers": [container], "scaling": {"minInstanceCount": 2, "maxInstanceCount": 2}}
    made = [resource("gcp:cloudrunv2/service:Service", region="europe-west3", template=template)]

    assert near(ours(made, "vCPU.*"), costs(record, "CPU.*"))
    assert near(ours(made, "memory.*"), costs(record, "Memory.*"))


@pytest.mark.parametrize(
    "record",
    [each for each in records("aws_elasticache_replication_group") if "autoscale" not in each["name"]],
    ids=lambda record: record["name"],
)
def test_cache(record):
    config = record["config"]
    names = {"node_type": "nodeType", "engine": "engine"}
    counts = {
        "num_node_groups": "numNodeGroups",
        "replicas_per_node_group": "replicasPerNodeGroup",
        "num_cache_clusters": "numCacheClusters",
    }
    inputs = {ours_: config[theirs] for theirs, ours_ in names.items() if theirs in config}
    inputs |= {ours_: int(config[theirs]) for theirs, ours_ in counts.items() if theirs in config}
    estimated = price([resource("aws:elasticache/replicationGroup:ReplicationGroup", **inputs)])

    hours = sum(line["monthly_qty"] for line in record["lines"] if line["component"].startswith("ElastiCache"))
    assert estimated.lines[0].quantity.expected == hours
