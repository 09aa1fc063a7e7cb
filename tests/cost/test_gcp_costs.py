"""What each type of Google Cloud resource costs, in cents, checked by hand."""

from decimal import Decimal

import pytest
from cost_programs import at, cents, cloud_run, cloud_sql, expected, items, price, resource
from pulumi_fastapi.cost import UsageFile

REGIONS = ["us-central1", "europe-west1"]


# Cloud Run


def test_service_that_nobody_calls_costs_nothing():
    assert expected(price(cloud_run())) == "0.00"


@pytest.mark.parametrize("region", REGIONS)
def test_idle_minimum_instance_is_billed_for_cpu_and_memory(region):
    assert items(price(cloud_run(minimum=1, region=region))) == {
        "vCPU, idle minimum": "6.57",
        "memory, idle minimum": "3.29",
    }


def test_service_by_instance_is_billed_all_month():
    assert expected(price(cloud_run(minimum=1, by_request=False))) == "49.93"


def test_service_by_request_at_ten_a_second():
    estimated = price(cloud_run(concurrency=20), usage=at(10, response_bytes=0, log_bytes=0))

    assert items(estimated) == {
        "vCPU, while answering": "39.87",
        "memory, while answering": "2.08",
        "requests": "10.51",
    }


def test_busy_time_is_never_less_than_what_concurrency_allows():
    # 8 requests in flight on average, two at a time: four instances are busy.
    estimated = price(cloud_run(concurrency=2), usage=at(80))

    assert items(estimated)["vCPU, while answering"] == f"{4 * 2_628_000 * 0.000024:.2f}"


def test_instances_are_busy_as_what_one_serves_allows():
    given = at(100, requests_per_second_per_task=20)

    by_request, by_instance = (price(cloud_run(by_request=each), usage=given) for each in (True, False))

    assert items(by_request)["vCPU, while answering"] == f"{5 * 2_628_000 * 0.000024:.2f}"
    assert items(by_instance)["vCPU, by instance, above the minimum"] == f"{5 * 2_628_000 * 0.000018:.2f}"


@pytest.mark.parametrize("where", ["template", "service"])
def test_maximum_of_the_revision_and_of_the_service_both_hold(where):
    run = cloud_run(maximum=7)
    run.inputs["scaling"] = {"maxInstanceCount": 3}
    if where == "template":
        run.inputs["template"]["scaling"], run.inputs["scaling"] = run.inputs["scaling"], {"maxInstanceCount": 7}

    assert items(price(run), 2)["vCPU, while answering"] == f"{3 * 2_628_000 * 0.000024:.2f}"


def test_job_is_billed_while_its_tasks_run():
    limits = {"resources": {"limits": {"cpu": "2", "memory": "1Gi"}}}
    job = resource("gcp:cloudrunv2/job:Job", template={"taskCount": 3, "template": {"containers": [limits]}})
    given = UsageFile.model_validate({"resources": {"*": {"requests": 1000, "latency_ms": 60_000}}})

    assert items(price(job, usage=given)) == {"vCPU, job": "6.48", "memory, job": "0.36"}
    assert expected(price(job)) == "0.00"


def test_idle_time_shrinks_as_instances_are_busy():
    estimated = price(cloud_run(minimum=1, concurrency=1), usage=at(20, latency_ms=100))

    assert "vCPU, idle minimum" not in items(estimated)


def test_high_bound_is_every_allowed_instance_busy():
    assert items(price(cloud_run(maximum=3)), 2)["vCPU, while answering"] == f"{3 * 2_628_000 * 0.000024:.2f}"


def test_service_without_a_maximum_says_which_one_holds():
    estimated = price(cloud_run(maximum=None))

    assert "no maximum is set: high is Cloud Run's own of 100 instances" in {line.warning for line in estimated.lines}


@pytest.mark.parametrize(
    ("cpu", "memory", "cost"), [("500m", "256Mi", "24.97"), ("0.5", "0.25Gi", "24.97"), ("2", "2Gi", "105.12")]
)
def test_sizes_of_containers(cpu, memory, cost):
    assert expected(price(cloud_run(cpu=cpu, memory=memory, minimum=1, by_request=False))) == cost


def test_sidecars_count():
    run = cloud_run(minimum=1)
    run.inputs["template"]["containers"] *= 2

    assert expected(price(run)) == "19.71"


@pytest.mark.parametrize(
    ("resources", "kind"),
    [
        ({}, "idle minimum"),
        ({"limits": {"cpu": "1"}, "cpuIdle": True}, "idle minimum"),
        ({"limits": {"cpu": "1"}}, "by instance"),
    ],
)
def test_resources_without_cpu_idle_are_billed_by_instance(resources, kind):
    run = cloud_run(minimum=1)
    run.inputs["template"]["containers"] = [{"resources": resources}]

    assert f"vCPU, {kind}" in items(price(run))


def test_second_tier_of_regions_has_its_own_rates():
    assert expected(price(cloud_run(minimum=1, region="europe-west3"))) == "13.80"


def test_region_whose_tier_lists_disagree_on_is_not_priced():
    estimated = price(cloud_run(minimum=1, region="africa-south1"))

    assert (expected(estimated), estimated.at_least) == ("0.00", True)


def test_answers_and_logs_of_cloud_run():
    estimated = price(cloud_run(), usage=at(10))

    assert items(estimated)["data to the internet"] == "14.69"
    assert items(estimated)["logs written"] == "3.67"


# Cloud SQL


def test_smallest_database():
    assert items(price(cloud_sql(edition="ENTERPRISE"))) == {
        "db-f1-micro, zonal": "7.67",
        "PD_SSD storage, zonal": "1.70",
    }


@pytest.mark.parametrize(
    ("tier", "zones", "cost"),
    [
        ("db-custom-2-7680", "ZONAL", "100.32"),
        ("db-custom-2-7680", "REGIONAL", "200.65"),
        ("db-standard-1", "ZONAL", "51.01"),
        ("db-highmem-2", "ZONAL", "128.43"),
    ],
)
def test_tiers_by_cores_and_memory(tier, zones, cost):
    estimated = price(cloud_sql(tier, edition="ENTERPRISE", availabilityType=zones))

    assert expected(estimated) == cost


@pytest.mark.parametrize(("version", "plus"), [("POSTGRES_15", False), ("POSTGRES_16", True), ("POSTGRES_18", True)])
def test_edition_that_nobody_sets_is_enterprise_plus_from_16_on(version, plus):
    estimated = price(cloud_sql("db-perf-optimized-N-2" if plus else "db-custom-2-7680", version))

    assert any("Enterprise Plus" in line.item for line in estimated.lines) is plus
    assert any("no edition is set" in line.warning for line in estimated.lines) is plus


def test_enterprise_plus_never_gets_the_enterprise_price():
    estimated = price(cloud_sql("db-perf-optimized-N-2", edition="ENTERPRISE_PLUS"))

    assert items(estimated)["db-perf-optimized-N-2 vCPU, Enterprise Plus"] == "78.40"
    assert [line.item for line in estimated.missing] == ["db-perf-optimized-N-2 memory, Enterprise Plus"]


def test_disk_grows_up_to_its_limit():
    estimated = price(cloud_sql(edition="ENTERPRISE", diskAutoresizeLimit=50))

    assert items(estimated, 2)["PD_SSD storage, zonal"] == "8.50"


def test_tier_that_is_not_known_is_listed():
    assert price(cloud_sql("db-odd", edition="ENTERPRISE")).not_priced[0].reason == "tier 'db-odd' is not priced"


def test_other_engine_is_not_priced_as_postgresql():
    estimated = price(cloud_sql("db-f1-micro", "MYSQL_8_0", edition="ENTERPRISE"))

    assert [line.price_id for line in estimated.missing] == ["sql.mysql.f1micro.zonal"]


# The rest


def test_first_five_forwarding_rules_cost_one_price_together():
    rules = [resource("gcp:compute/globalForwardingRule:GlobalForwardingRule", f"rule-{each}") for each in range(7)]

    costs = [expected(price(rules[:count])) for count in (1, 5, 6, 7)]

    assert costs == ["18.25", "18.25", "25.55", "32.85"]


def test_secret_version_is_billed_in_each_place():
    replicas = [{"location": "us-central1"}, {"location": "europe-west1"}]
    secret = resource("gcp:secretmanager/secret:Secret", replication={"userManaged": {"replicas": replicas}})
    version = resource("gcp:secretmanager/secretVersion:SecretVersion", links={"secret": [secret]})

    assert expected(price(secret, version)) == "0.12"


@pytest.mark.parametrize(
    ("type_", "inputs", "cost"),
    [
        ("compute/securityPolicy:SecurityPolicy", {"rules": [{}, {}]}, "7.00"),
        ("dns/managedZone:ManagedZone", {}, "0.20"),
        ("kms/cryptoKey:CryptoKey", {}, "0.06"),
        ("vpcaccess/connector:Connector", {}, "12.23"),
        ("redis/instance:Instance", {"memorySizeGb": 1}, "35.77"),
        ("redis/instance:Instance", {"memorySizeGb": 5, "tier": "STANDARD_HA"}, "197.10"),
        ("secretmanager/secretVersion:SecretVersion", {}, "0.06"),
        ("artifactregistry/repository:Repository", {}, "0.00"),
    ],
)
def test_fixed_price(type_, inputs, cost):
    assert expected(price(resource(f"gcp:{type_}", **inputs))) == cost


def test_registry_holds_what_is_said():
    given = UsageFile.model_validate({"resources": {"*": {"storage_gb": 300}}})

    assert expected(price(resource("gcp:artifactregistry/repository:Repository"), usage=given)) == "30.00"


def test_alerting_is_free_for_now():
    assert price(resource("gcp:monitoring/alertPolicy:AlertPolicy")).free == 1


def test_maximum_bounds_the_expected_instances():
    estimated = price(cloud_run(maximum=2, by_request=False, concurrency=1), usage=at(100))

    assert cents(estimated.total.expected) == cents(sum((line.cost.high for line in estimated.lines), Decimal(0)))
