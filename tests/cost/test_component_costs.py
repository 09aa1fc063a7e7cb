"""Everything that our components create is priced or known to be free, and the known gaps cover all of it."""

from typing import Any

import pulumi
import pytest
from pulumi_fastapi import FargateFastAPIService, FargateFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.aws import Database, DatabaseArgs, Network, NetworkArgs
from pulumi_fastapi.cost import from_plan
from pulumi_fastapi.cost.estimator import PRICING, estimate
from pulumi_fastapi.cost.free import is_free
from pulumi_fastapi.plan import plan
from test_price_tables import everything


def everything_on(outbound: str) -> Any:
    """A service with every part that has a price."""

    def program() -> None:
        network = Network("shop", NetworkArgs(outbound=outbound, flow_logs=True))  # type: ignore[arg-type]
        database = Database("shop", DatabaseArgs(network=network, proxy=True, multi_az=True))
        args = FargateFastAPIServiceArgs(
            network=network,
            database=database,
            app=FastAPIApp(secrets={"API_KEY": pulumi.Output.secret("0123456789")}),
            domain="api.example.com",
            zone_id="Z1",
            access_logs=True,
            spot_percent=50,
        )
        FargateFastAPIService("shop", args)

    return plan(program)


@pytest.fixture(scope="module", params=["PUBLIC_IP", "NAT", "ENDPOINTS"], autouse=True)
def planned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("context"))  # the build context is staged there
        return everything_on(request.param)


def test_every_resource_is_priced_or_known_to_be_free(planned):
    estimated = estimate(planned)

    assert [(each.resource.type, each.reason) for each in estimated.not_priced] == []
    assert estimated.total.expected > 50


def test_gaps_are_looked_for_in_every_type(planned):
    priced = {each.type for each in from_plan(planned) if each.type in PRICING}

    assert priced <= {each.type for each in everything("us-east-1")} | {"aws:ecs/cluster:Cluster", "aws:ec2/eip:Eip"}


def test_type_that_is_priced_is_not_counted_as_free(planned):
    assert not [each.type for each in from_plan(planned) if each.type in PRICING and is_free(each.type)]
