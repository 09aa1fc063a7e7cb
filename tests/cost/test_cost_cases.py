"""Bills that surprised people, each with the numbers of the public report."""

import contextlib
import dataclasses
import json
from decimal import Decimal
from typing import Any

import pytest
from cost_programs import (
    at,
    balancer,
    cents,
    cloud_run,
    cloud_sql,
    database,
    expected,
    items,
    nat,
    price,
    resource,
    service,
)
from pulumi_fastapi import CloudRunFastAPIService, CloudRunFastAPIServiceArgs
from pulumi_fastapi.aws import Database, DatabaseArgs, Network, NetworkArgs
from pulumi_fastapi.cost import UsageFile, diff, estimate, from_plan
from pulumi_fastapi.cost.prices import default_table
from pulumi_fastapi.cost.render import Report, as_data, table
from pulumi_fastapi.gcp import CloudSqlDatabase, CloudSqlDatabaseArgs
from pulumi_fastapi.plan import plan

# aws-samples/anthropic-on-aws#268: endpoints in each zone and NAT left out, 37 $ said, 185 $ paid


def endpoints(count: int, zones: int) -> list[Any]:
    subnets = [f"subnet-{each}" for each in range(zones)]
    type_ = "aws:ec2/vpcEndpoint:VpcEndpoint"
    return [resource(type_, f"e{each}", vpcEndpointType="Interface", subnetIds=subnets) for each in range(count)]


def test_endpoints_are_counted_in_each_zone_and_nat_with_its_address():
    estimated = price(endpoints(6, 2), nat(), balancer(), service(), database())

    assert items(estimated) | {"interface endpoint hours": "87.60", "NAT gateway hours": "32.85"} == items(estimated)
    assert items(estimated)["public IPv4"] == "3.65"
    assert items(estimated)["ALB hours"] == "16.43"
    assert items(estimated)["public IPv4 of the load balancer"] == "7.30"
    assert next(iter(estimated.parts())) == "network"
    assert estimated.savings[0].change == "6 interface endpoints: let the NAT gateway carry that"
    assert cents(estimated.savings[0].amount) == "87.60"


def test_endpoints_of_our_network_are_counted_in_each_zone():
    planned = plan(lambda: Network("shop", NetworkArgs(outbound="ENDPOINTS")))  # type: ignore[arg-type]

    assert items(estimate(planned)) == {"interface endpoint hours": "58.40"}


# SatcherInstitute/health-equity-tracker#4869, open-orbis/open-orbis#363: idle minimum instances


@pytest.mark.parametrize("region", ["us-central1", "europe-west1"])
def test_idle_minimum_instances_pay_for_cpu_too(region):
    two = price(cloud_run("a", minimum=1, region=region), cloud_run("b", minimum=1, region=region))

    assert expected(two) == "19.71"
    assert expected(price(cloud_run(minimum=1, memory="1Gi", region=region))) == "13.14"
    assert items(two)["vCPU, idle minimum"] == "13.14"


# zuplo/rate-my-openapi#314: an instance that is always on, for 70 requests a day


def test_always_on_instance_is_told_what_billing_by_request_would_save():
    estimated = price(cloud_run(cpu="2", memory="2Gi", minimum=1, by_request=False))

    assert items(estimated) == {"vCPU, by instance": "94.61", "memory, by instance": "10.51"}
    assert expected(estimated) == "105.12"
    (saving,) = estimated.savings
    assert saving.change == "Cloud Run billed by instance: bill by request (cpuIdle true)"
    assert cents(saving.amount) == cents(Decimal("105.12") - Decimal("26.28"))


def test_busy_service_by_request_is_told_what_billing_by_instance_would_save():
    estimated = price(cloud_run(minimum=1, maximum=1, concurrency=20), usage=at(10, response_bytes=0, log_bytes=0))

    assert estimated.savings[0].change == "Cloud Run billed by request: bill by instance (cpuIdle false)"


# ansible-collections/google.cloud#767: an edition that nobody chose


def test_edition_decides_the_price_of_postgresql_16_and_later():
    said, silent = price(cloud_sql(edition="ENTERPRISE")), price(cloud_sql())

    assert expected(said) == "9.37"
    assert "db-f1-micro, zonal" not in items(silent)
    assert silent.at_least
    assert "say settings.edition" in silent.lines[0].warning


@pytest.mark.parametrize("region", ["us-central1", "europe-west1", "asia-northeast1"])
def test_enterprise_plus_is_its_own_price_or_none(region):
    plus = dataclasses.replace(cloud_sql("db-custom-2-7680", edition="ENTERPRISE_PLUS"), region=region)
    plain = dataclasses.replace(cloud_sql("db-custom-2-7680", edition="ENTERPRISE"), region=region)

    ids = [{line.price_id for line in price(each).lines if "sql.ssd" not in line.price_id} for each in (plus, plain)]

    assert ids[0] & ids[1] == {"sql.backup"}
    assert price(plus).missing


# infracost/infracost#2575: a missing price printed as 0.00


def a_database() -> Any:
    return database("db.t4g.large", storage=300, multiAz=True, region="eu-central-1")


def test_missing_price_is_said_and_never_zero(capsys):
    estimated = price(a_database(), table=default_table().without("rds.gp3.multi"))

    table(Report(title="stack", estimate=estimated))
    assert [each["monthly"] for each in as_data(Report(title="", estimate=estimated))["lines"]].count(None) == 1

    shown = capsys.readouterr().out
    line = next(each for each in shown.splitlines() if "gp3 storage" in each)
    assert "300 GB-month" in line
    assert "price not found" in line
    assert "0.00" not in line
    assert "at least $" in shown


def test_known_price_of_the_same_storage():
    assert items(price(a_database()))["gp3 storage, Multi-AZ"] == "82.20"


# MetaFam/TheGame#1783, PolicyEngine/policyengine-api#3743: registries that only grow


def test_registry_of_our_service_is_bounded_and_says_what_it_would_grow_to():
    from pulumi_fastapi.aws import registry

    planned = plan(lambda: registry.Registry("shop", registry.RegistryArgs(keep_images=10)))
    usage = UsageFile.model_validate({"resources": {"*": {"image_gb": Decimal("0.35"), "deploys_per_month": 40}}})

    estimated = estimate(planned, usage=usage)

    assert expected(estimated) == "0.35"
    assert "keeps 10 images; without the rule 168.00 GB after a year: 16.80 a month" in {
        line.warning for line in estimated.lines
    }


# alphagov/govuk-helm-charts#1538: savings with a slipped digit


def many(count: int) -> list[Any]:
    return [balancer(f"lb-{each}", subnets=3, region="eu-west-1") for each in range(count)]


def test_shared_load_balancer_saves_hours_and_addresses():
    apart, shared = price(many(25)), price(many(1))

    saved = {item: Decimal(items(apart)[item]) - Decimal(items(shared)[item]) for item in items(apart)}
    assert saved == {"ALB hours": Decimal("441.50"), "public IPv4 of the load balancer": Decimal("262.80")}
    assert cents(sum((change.delta for change in diff(apart, shared)), Decimal(0))) == "-704.30"


def test_advice_on_load_balancers_uses_these_lines():
    (saving,) = price(many(25)).savings

    assert saving.change == "25 load balancers: share one"
    assert cents(saving.amount) == "704.30"


# The components' own defaults


GOOGLE = {"gcp:region": "us-central1", "gcp:project": "a-project"}


def on_google(folder: Any, program: Any, region: str = "us-central1") -> Any:
    with contextlib.chdir(folder):  # the build context is staged there
        planned = plan(program, config=GOOGLE | {"gcp:region": region})
    return estimate(from_plan(planned, {"gcp": region}))


@pytest.mark.parametrize("region", ["us-central1", "europe-west1"])
def test_idle_instances_of_our_service_pay_for_cpu_too(tmp_path, region):
    def program() -> None:
        for name in ("one", "two"):
            CloudRunFastAPIService(name, CloudRunFastAPIServiceArgs(instances_min=1))

    estimated = on_google(tmp_path, program, region)

    assert items(estimated) == {"vCPU, idle minimum": "13.14", "memory, idle minimum": "6.57"}


def test_always_on_instance_of_our_service_is_told_what_billing_by_request_would_save(tmp_path):
    args = CloudRunFastAPIServiceArgs(cpu=2, memory=2048, cpu_idle=False, instances_min=1)

    estimated = on_google(tmp_path, lambda: CloudRunFastAPIService("app", args))

    assert expected(estimated) == "105.12"
    assert (estimated.savings[0].change, cents(estimated.savings[0].amount)) == (
        "Cloud Run billed by instance: bill by request (cpuIdle true)",
        "78.84",
    )


@pytest.mark.parametrize("version", ["POSTGRES_15", "POSTGRES_16", "POSTGRES_18"])
def test_database_of_our_service_says_its_edition(tmp_path, version):
    args = CloudSqlDatabaseArgs(database_version=version)

    estimated = on_google(tmp_path, lambda: CloudSqlDatabase("app", args))

    assert items(estimated) | {"db-f1-micro, zonal": "7.67", "PD_SSD storage, zonal": "1.70"} == items(estimated)
    assert not any("no edition" in line.warning for line in estimated.lines)


def test_enterprise_plus_of_our_database_is_its_own_price_or_none(tmp_path):
    args = CloudSqlDatabaseArgs(edition="ENTERPRISE_PLUS", tier="db-perf-optimized-N-2")

    estimated = on_google(tmp_path, lambda: CloudSqlDatabase("app", args))

    assert "db-perf-optimized-N-2 memory, Enterprise Plus" in {line.item for line in estimated.missing}


def test_database_of_our_component_has_no_hidden_lines():
    def program() -> None:
        Database("shop", DatabaseArgs(network=Network("shop")))

    estimated = estimate(plan(program))

    assert json.dumps([each.reason for each in estimated.not_priced]) == "[]"
    assert items(estimated)["db.t4g.micro, Single-AZ"] == "11.68"
