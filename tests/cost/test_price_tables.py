"""The price tables: their shape, what they know, what they do not, and how old they are."""

import datetime
import json
import re
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import cost_programs as programs
import pulumi_fastapi.cost
import pytest
from pulumi_fastapi.cost import estimate
from pulumi_fastapi.cost.prices import DATA, Price, PriceDataError, age_note, default_table, load

TODAY = datetime.date(2026, 11, 28)
AWS_REGIONS = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1"]
GCP_REGIONS = ["us-central1", "europe-west1"]


def a_price(**changes: Any) -> Price:
    values = {"unit": "hour", "price": "0.5", "status": "sourced", "confidence": "high", "date": "2026-10-07"}
    return Price.model_validate(values | {"sources": ["S"]} | changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tables whose files a test may change."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def change(file: Path, edit: Any) -> None:
    document = json.loads(file.read_text())
    edit(document)
    file.write_text(json.dumps(document))


def test_prices_are_exact():
    assert default_table().find("aws", "us-east-1", "lambda.request").price == Decimal("0.0000002")


def test_a_price_that_is_not_known_is_not_taken_from_another_region():
    assert default_table().find("aws", "us-east-1", "cw.alarm.high") is not None
    assert default_table().find("aws", "us-east-2", "cw.alarm.high") is None


def test_global_prices_hold_everywhere_but_under_other_price_lists():
    assert default_table().find("aws", "eu-north-1", "cw.dashboard").price == 3
    assert default_table().find("aws", "cn-north-1", "cw.dashboard") is None


def test_cloud_run_prices_follow_the_tier_of_the_region():
    table = default_table()
    assert table.find("gcp", "us-east5", "run.request.vcpu").price == Decimal("0.000024")
    assert table.find("gcp", "europe-west3", "run.request.vcpu").price == Decimal("0.0000336")
    # Lists disagree on its tier.
    assert table.find("gcp", "asia-south1", "run.request.vcpu") is None


def test_each_tier_has_its_own_price():
    egress = default_table().find("aws", "us-east-1", "dto.internet")
    assert egress.cost(Decimal(10_240)) == Decimal("921.60")
    assert egress.cost(Decimal(11_240)) == Decimal("921.60") + 1000 * Decimal("0.085")


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda d: d["prices"]["alb.hour"].update(price="-1"), "alb.hour.price: .*greater than or equal to 0"),
        (lambda d: d["prices"]["alb.hour"].update(price="free"), "alb.hour.price"),
        (lambda d: d["prices"]["alb.hour"].pop("unit"), "alb.hour.unit: Field required"),
        (lambda d: d["prices"]["alb.hour"].pop("sources"), "alb.hour.sources: Field required"),
        (lambda d: d["prices"]["alb.hour"].update(date="yesterday"), "alb.hour.date"),
        (lambda d: d["prices"]["alb.hour"].update(confidence="sure"), "alb.hour.confidence"),
        (lambda d: d["prices"]["alb.hour"].update(sources=["RUMOUR"]), "alb.hour names source 'RUMOUR'"),
        (lambda d: d["prices"]["alb.hour"].update(unit="day"), "alb.hour is per day|alb.hour is per hour"),
        (lambda d: d["prices"]["alb.hour"].update(colour="red"), "alb.hour.colour"),
        (lambda d: d["prices"]["dto.internet"]["tiers"].reverse(), "tiers must start at 0"),
        (lambda d: d.update(regions=["us-east-2"]), "has a second price in us-east-2"),
        (lambda d: d.update(regions=[]), "regions"),
    ],
)
def test_wrong_table_is_refused(folder, edit, problem):
    change(folder / "aws" / "us-east-1.json", edit)

    with pytest.raises(PriceDataError, match=problem):
        load(folder)


def test_broken_file_is_named(folder):
    (folder / "gcp" / "global.json").write_text('{"regions": [')

    with pytest.raises(PriceDataError, match=r"global\.json cannot be read"):
        load(folder)


def test_missing_tables_are_an_error(folder):
    shutil.rmtree(folder / "gcp")

    with pytest.raises(PriceDataError, match="has no price tables"):
        load(folder)


@pytest.mark.parametrize(
    ("date", "old"),
    [
        ("2026-10-07", False),
        ("2026-08-30", False),
        ("2026-08-29", True),
        ("2026-10", False),
        ("2026", True),
        (None, True),
    ],
)
def test_price_is_old_after_90_days_or_without_a_date(date, old):
    assert a_price(date=date).is_old(TODAY) is old


def test_age_note_counts_old_prices_and_names_the_oldest():
    prices = [a_price(), a_price(date="2025-01-02"), a_price(date=None)]

    assert age_note(prices, TODAY).startswith(
        "2 of 3 prices are older than 90 days or undated, the oldest of 2025-01-02"
    )


def test_age_note_is_silent_on_fresh_prices():
    assert age_note([a_price()], TODAY) == ""


def test_code_holds_no_price():
    """Every price is in a data file: no dollar fraction in the code."""
    package = Path(pulumi_fastapi.cost.__file__).parent
    found = [
        f"{file.name}: {match}"
        for file in package.glob("*.py")
        if file.name != "plot.py"  # places in a picture
        for match in re.findall(r"""Decimal\("0?\.\d+"\)|\b0\.0\d+""", file.read_text())
    ]
    assert sorted(found) == ['bill.py: Decimal("0.01")', "command.py: 0.01"]  # a cent; requests a second


# What is missing


def everything(region: str) -> list[Any]:
    """Each type of AWS resource with the options that have prices of their own, as the components make them."""
    r = lambda type_, name="it", **inputs: programs.resource(f"aws:{type_}", name, region=region, **inputs)  # noqa: E731
    endpoint = {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"], "serviceName": f"com.amazonaws.{region}.logs"}
    function = {"memorySize": 1024, "ephemeralStorage": {"size": 1024}, "tracingConfig": {"mode": "Active"}}
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    storage = {"ephemeralStorage": {"sizeInGib": 30}}
    services = [
        each
        for name, architecture, strategies in (
            ("x86", "X86_64", None),
            ("arm", "ARM64", None),
            ("spot", "X86_64", spot),
            ("spot-arm", "ARM64", spot),
        )
        for each in programs.service(
            name, architecture=architecture, region=region, capacityProviderStrategies=strategies, public=True
        )
    ]
    return [
        *services,
        r("ecs/taskDefinition:TaskDefinition", "disk", family="disk", cpu="256", memory="512", **storage),
        r("ecs/service:Service", "disk", launchType="FARGATE", desiredCount=1, taskDefinition="disk:1"),
        r("ecs/cluster:Cluster", settings=[{"name": "containerInsights", "value": "enabled"}]),
        r("ecs/cluster:Cluster", "more", settings=[{"name": "containerInsights", "value": "enhanced"}]),
        programs.balancer(region=region),
        programs.balancer("nlb", region=region, loadBalancerType="network"),
        *programs.nat(region=region),
        r("ec2/vpcEndpoint:VpcEndpoint", **endpoint),
        *[
            r("rds/instance:Instance", f"{size}-{multi}", engine="postgres", instanceClass=size, allocatedStorage=20,
              multiAz=multi, storageType="gp3", manageMasterUserPassword=True)
            for size in ("db.t4g.micro", "db.t4g.medium", "db.m7g.large", "db.r7g.large")
            for multi in (False, True)
        ],
        r("rds/proxy:Proxy"),
        r("ecr/repository:Repository"),
        r("s3/bucket:Bucket"),
        r("secretsmanager/secret:Secret"),
        r("kms/key:Key"),
        r("sns/topic:Topic"),
        r("cloudwatch/logGroup:LogGroup", name="/aws/lambda/it", retentionInDays=30),
        r("cloudwatch/metricAlarm:MetricAlarm", period=60),
        r("cloudwatch/metricAlarm:MetricAlarm", "high", period=10),
        r("cloudwatch/compositeAlarm:CompositeAlarm"),
        r("cloudwatch/dashboard:Dashboard"),
        r("cloudwatch/logMetricFilter:LogMetricFilter"),
        r("route53/zone:Zone"),
        r("wafv2/webAcl:WebAcl", rules=[{}]),
        r("lambda/function:Function", architectures=["arm64"], **function),
        r("lambda/function:Function", "x86", **function),
        r("apigatewayv2/api:Api"),
        r("scheduler/schedule:Schedule", scheduleExpression="rate(1 hour)"),
        r("sqs/queue:Queue"),
        *[
            each
            for chip in ("arm64", "x86_64")
            for each in programs.provisioned(chip, region=region)
        ],
    ]  # fmt: skip


def everything_on_google(region: str) -> list[Any]:
    r = lambda type_, name="it", **inputs: programs.resource(f"gcp:{type_}", name, region=region, **inputs)  # noqa: E731
    sql = "sql/databaseInstance:DatabaseInstance"
    tiers = ("db-f1-micro", "db-g1-small", "db-custom-2-7680")
    return [
        programs.cloud_run("request", region=region, minimum=1),
        programs.cloud_run("instance", region=region, minimum=1, by_request=False),
        *[
            r(sql, f"{tier}-{zones}", databaseVersion="POSTGRES_18",
              settings={"tier": tier, "edition": "ENTERPRISE", "availabilityType": zones})
            for tier in tiers
            for zones in ("ZONAL", "REGIONAL")
        ],
        r("artifactregistry/repository:Repository"),
        r("secretmanager/secretVersion:SecretVersion"),
        r("compute/globalForwardingRule:GlobalForwardingRule"),
        r("compute/securityPolicy:SecurityPolicy", rules=[{}]),
        r("vpcaccess/connector:Connector"),
        r("compute/routerNat:RouterNat"),
        r("monitoring/uptimeCheckConfig:UptimeCheckConfig"),
        r("cloudrunv2/job:Job", template={"template": {"containers": [{"image": "x"}]}}),
    ]  # fmt: skip


def missing(resources: list[Any]) -> set[str]:
    usage = programs.UsageFile.model_validate(
        {
            "traffic": {"requests_per_second": 10},
            "resources": {"*": {"storage_gb": 1, "backup_gb": 100, "data_gb": 1}},
            "defaults": {
                "aws:ecs/cluster:Cluster": {"metrics": 1},
                "aws:sqs/queue:Queue": {"requests": 1},
                "gcp:cloudrunv2/job:Job": {"requests": 1, "latency_ms": 1000},
                "aws:sns/topic:Topic": {"requests": 1},
                "aws:kms/key:Key": {"requests": 1},
                "aws:secretsmanager/secret:Secret": {"requests": 1},
                "aws:route53/zone:Zone": {"requests": 1},
                "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": {"requests": 1},
            },
        }
    )
    estimated = estimate(resources, usage=usage)
    assert [each.reason for each in estimated.not_priced] == []
    return {line.price_id for line in estimated.missing}


EVERYWHERE = {"cw.containerinsights.enhanced"}
NOT_US_EAST_1 = {"scheduler.invocation", "lambda.ephemeral", "kms.request"}
SPOT = {f"fargate.spot.{chip}.{key}" for chip in ("arm64", "x86") for key in ("vcpu", "gb")}
GAPS = {
    "us-east-1": set(),
    "us-east-2": NOT_US_EAST_1 | SPOT | {"cw.alarm.high", "cw.alarm.composite", "sns.publish"},
    "us-west-2": NOT_US_EAST_1 | SPOT | {"cw.alarm.high", "cw.alarm.composite", "sns.publish"},
    "eu-west-1": NOT_US_EAST_1 | {"vpce.hour"},
    "eu-central-1": NOT_US_EAST_1
    | SPOT
    | {"alb.lcu", "rds.backup", "rds.proxy", "cw.alarm.high", "cw.alarm.composite", "sns.publish"},
    "ap-southeast-1": NOT_US_EAST_1
    | SPOT
    | {"cw.alarm.high", "cw.alarm.composite", "sns.publish", "rds.proxy", "fargate.ephemeral"}
    | {f"lambda.pc{kind}.{chip}" for kind in ("", ".duration") for chip in ("arm64", "x86")},
}
GOOGLE_GAPS: dict[str, set[str]] = {"us-central1": set(), "europe-west1": {"sql.backup"}}


@pytest.mark.parametrize("region", AWS_REGIONS)
def test_gaps_of_aws_are_known(region):
    assert missing(everything(region)) == EVERYWHERE | GAPS[region]


@pytest.mark.parametrize("region", GCP_REGIONS)
def test_gaps_of_google_are_known(region):
    assert missing(everything_on_google(region)) == GOOGLE_GAPS[region]
