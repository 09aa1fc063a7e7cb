"""Everything that our components create is priced or known to be free, and the known gaps cover all of it."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from cost_programs import at, items
from pulumi_fastapi import (
    CloudRunFastAPIService,
    CloudRunFastAPIServiceArgs,
    FargateFastAPIService,
    FargateFastAPIServiceArgs,
    FastAPIApp,
    LambdaFastAPIFunction,
    LambdaFastAPIFunctionArgs,
)
from pulumi_fastapi.aws import Database, DatabaseArgs, LoadBalancer, LoadBalancerArgs, Network, NetworkArgs
from pulumi_fastapi.aws.schedule import ScheduleArgs
from pulumi_fastapi.cost import from_plan
from pulumi_fastapi.cost.estimator import PRICING, estimate
from pulumi_fastapi.cost.free import is_free
from pulumi_fastapi.gcp import (
    CloudSqlDatabase,
    CloudSqlDatabaseArgs,
    HttpsLoadBalancer,
    HttpsLoadBalancerArgs,
    ServiceLevelObjectives,
    ServiceLevelObjectivesArgs,
    VpcNetwork,
    VpcNetworkArgs,
)
from pulumi_fastapi.plan import plan
from test_price_tables import everything, everything_on_google

CONFIG = {"aws:region": "us-east-1", "gcp:region": "us-central1", "gcp:project": "a-project"}


def app() -> FastAPIApp:
    return FastAPIApp(secrets={"API_KEY": pulumi.Output.secret("0123456789")})


def fargate(outbound: str) -> None:
    """A service with every part that has a price."""
    network = Network("shop", NetworkArgs(outbound=outbound, flow_logs=True))  # type: ignore[arg-type]
    database = Database("shop", DatabaseArgs(network=network, proxy=True, multi_az=True))
    args = FargateFastAPIServiceArgs(
        network=network,
        database=database,
        app=app(),
        domain="api.example.com",
        zone_id="Z1",
        access_logs=True,
        container_insights="enabled",
        spot_percent=50,
    )
    FargateFastAPIService("shop", args)


def function_behind_cloudfront() -> None:
    args = LambdaFastAPIFunctionArgs(
        app=app(),
        domain="api.example.com",
        zone_id="Z1",
        origin_secret="0123456789" * 4,  # type: ignore[arg-type]
        ephemeral_storage=2048,
        provisioned_concurrency=2,
        provisioned_concurrency_max=6,
        tracing=True,
        schedules=[ScheduleArgs(path="/jobs/nightly", expression="cron(0 3 * * ? *)")],
        alarm_emails=["oncall@example.com"],
    )
    LambdaFastAPIFunction("shop", args)


def function_behind_an_http_api() -> None:
    args = {"entry": "HTTP_API", "domain": "api.example.com", "zone_id": "Z1", "strategy": "CANARY"}
    LambdaFastAPIFunction("shop", LambdaFastAPIFunctionArgs(**args))  # type: ignore[arg-type]


def function_with_a_database_behind_a_load_balancer() -> None:
    network = Network("shop", NetworkArgs(outbound="ENDPOINTS"))  # type: ignore[arg-type]
    database = Database("shop", DatabaseArgs(network=network, proxy=True))
    balancer = LoadBalancer("shop", LoadBalancerArgs(network=network, domain="api.example.com", zone_id="Z1"))
    args = LambdaFastAPIFunctionArgs(
        network=network,
        database=database,
        entry="LOAD_BALANCER",  # type: ignore[arg-type]
        load_balancer=balancer,
        migrate=["alembic", "upgrade", "head"],
    )
    LambdaFastAPIFunction("shop", args)


def cloud_run() -> None:
    network = VpcNetwork("shop", VpcNetworkArgs(flow_logs=True))
    database = CloudSqlDatabase("shop", CloudSqlDatabaseArgs(network=network, tier="db-custom-2-7680"))
    args = CloudRunFastAPIServiceArgs(
        network=network,
        database=database,
        app=app(),
        instances_min=1,
        instances_max=4,
        migrate=["alembic", "upgrade", "head"],
        alert_emails=["oncall@example.com"],
    )
    service = CloudRunFastAPIService("shop", args)
    HttpsLoadBalancer(
        "shop",
        HttpsLoadBalancerArgs(
            domain="api.example.com",
            service=service.service_name,
            region="us-central1",
            dns_zone="zone",
            requests_per_minute=100,
        ),
    )
    ServiceLevelObjectives("shop", ServiceLevelObjectivesArgs(service=service.service_name, location="us-central1"))


PROGRAMS: dict[str, Callable[[], None]] = {
    "Fargate, public addresses": lambda: fargate("PUBLIC_IP"),
    "Fargate, NAT": lambda: fargate("NAT"),
    "Fargate, endpoints": lambda: fargate("ENDPOINTS"),
    "Lambda, CloudFront": function_behind_cloudfront,
    "Lambda, HTTP API": function_behind_an_http_api,
    "Lambda, database and load balancer": function_with_a_database_behind_a_load_balancer,
    "Cloud Run": cloud_run,
}


@pytest.fixture(scope="module", params=PROGRAMS)
def planned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("context"))  # the build context is staged there
        return from_plan(plan(PROGRAMS[request.param], config=CONFIG, preview=False), {"gcp": "us-central1"})


def test_every_resource_is_priced_or_known_to_be_free(planned):
    estimated = estimate(planned, usage=at(10))

    assert [(each.resource.type, each.reason) for each in estimated.not_priced] == []
    assert [(line.resource.name, line.price_id) for line in estimated.missing] == []
    assert estimated.total.expected > 50


def test_gaps_are_looked_for_in_every_type(planned):
    priced = {each.type for each in planned if each.type in PRICING}
    covered = {each.type for each in (*everything("us-east-1"), *everything_on_google("us-central1"))}

    assert priced <= covered | {"aws:ec2/eip:Eip", "aws:cloudfront/distribution:Distribution"}


def test_type_that_is_priced_is_not_counted_as_free(planned):
    assert not [each.type for each in planned if each.type in PRICING and is_free(each.type)]


def test_one_number_moves_everything_that_comes_with_traffic(planned):
    def by_item(rps: int) -> dict[str, float]:
        return {item: float(cost) for item, cost in items(estimate(planned, usage=at(rps))).items()}

    none, some, more = by_item(0), by_item(10), by_item(20)

    moved = {item for item, cost in some.items() if cost > none.get(item, 0)}
    words = ("data", "equests", "logs written", "while answering", "Lambda duration", "traces", "capacity units")
    assert {item for item in some if any(word in item for word in words)} - {"NAT gateway data"} <= moved
    assert all(more[item] > some[item] for item in moved)


def test_database_brings_a_function_its_endpoints(tmp_path, monkeypatch):
    """What docs/cost.md says of it."""
    monkeypatch.chdir(tmp_path)

    def program() -> None:
        network = Network("shop", NetworkArgs(outbound="ENDPOINTS"))  # type: ignore[arg-type]
        LambdaFastAPIFunction(
            "shop", LambdaFastAPIFunctionArgs(network=network, database=Database("shop", DatabaseArgs(network=network)))
        )

    assert items(estimate(plan(program)))["interface endpoint hours"] == "58.40"
