"""What the defaults of other tools cost in a month, as they were worked out by hand for each."""

from typing import Any

import pytest
from cost_programs import at, balancer, cloud_run, cloud_sql, database, expected, nat, price, resource, service

ZONE = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"


def cdk(region: str = "us-east-1") -> list[Any]:
    """A load-balanced service: two zones, a NAT gateway in each."""
    return [*service(region=region), balancer(region=region), *nat(2, region=region)]


def awsx(region: str = "us-east-1", *, load_balancer: bool = True) -> list[Any]:
    """A service in the default network: three zones, a NAT gateway in each."""
    front = [balancer(region=region, subnets=3)] if load_balancer else []
    return [*service(region=region), *front, *nat(3, region=region)]


def sst(region: str = "us-east-1", *, load_balancer: bool = True) -> list[Any]:
    """A service with a public address and a private zone; Copilot makes the same."""
    front = [balancer(region=region)] if load_balancer else []
    return [*service(region=region, public=True), *front, resource(ZONE, region=region)]


@pytest.mark.parametrize(
    ("stack", "cost"),
    [
        (cdk(), "105.74"),
        ([*cdk(), database()], "119.72"),
        ([*cdk(), database("db.m5.large", storage=100, storageType="gp2", manageMasterUserPassword=True)], "247.58"),
        (awsx(load_balancer=False), "118.51"),
        (awsx(), "145.89"),
        ([*awsx(), database()], "159.87"),
        (sst(load_balancer=False), "13.16"),
        (sst(), "36.89"),
        ([*sst(), database()], "50.87"),
    ],
    ids=["cdk", "cdk+db", "cdk+its db", "awsx", "awsx+lb", "awsx+lb+db", "sst", "sst+lb", "sst+lb+db"],
)
def test_peer_in_us_east_1(stack, cost):
    assert expected(price(stack)) == cost


@pytest.mark.parametrize(
    ("region", "costs"),
    [
        ("eu-west-1", ("112.09", "154.43", "38.86")),
        ("eu-central-1", ("120.59", "165.85", "41.52")),
        ("ap-southeast-1", ("130.38", "180.75", "41.09")),
        ("us-west-2", ("105.74", "145.89", "36.89")),
    ],
)
def test_peer_in_other_regions(region, costs):
    assert tuple(expected(price(stack)) for stack in (cdk(region), awsx(region), sst(region))) == costs


@pytest.mark.parametrize(
    ("region", "cost"), [("eu-west-1", "127.04"), ("eu-central-1", "137.20"), ("ap-southeast-1", "151.39")]
)
def test_cdk_with_a_database_in_other_regions(region, cost):
    db = database(region=region, storageType="gp2")

    # The figures were worked out for a micro instance and 20 GB.
    assert expected(price(cdk(region), db)) == cost


def test_scaling_range_of_cdk():
    stack = [*service(scaling=(2, 6)), balancer(), *nat(2), database()]

    assert [f"{each:.2f}" for each in (price(stack).total.low, price(stack).total.high)] == ["128.73", "164.77"]


def test_function_with_an_http_api():
    function = resource("aws:lambda/function:Function", memorySize=512, architectures=["arm64"])
    api = resource("aws:apigatewayv2/api:Api")
    million_a_month = at(1_000_000 / 2_628_000, response_bytes=0, log_bytes=0)

    assert expected(price(function, api, usage=million_a_month)) == "1.87"


@pytest.mark.parametrize(
    ("stack", "usage", "cost"),
    [
        (cloud_run(minimum=1), None, "9.86"),
        (cloud_run(minimum=1, by_request=False), None, "49.93"),
        (cloud_run(concurrency=20), at(10, response_bytes=0, log_bytes=0), "52.46"),
        (cloud_sql(edition="ENTERPRISE"), None, "9.37"),
    ],
    ids=["idle", "by instance", "by request", "sql"],
)
def test_google(stack, usage, cost):
    assert expected(price(stack, usage=usage)) == cost
