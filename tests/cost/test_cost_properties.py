"""What holds for every stack and every traffic."""

from decimal import Decimal
from typing import Any

from cost_programs import balancer, cloud_run, cloud_sql, database, nat, price, resource, service
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_fastapi.cost import Estimate, Traffic, UsageFile, diff
from pulumi_fastapi.cost.bill import add
from pulumi_fastapi.cost.prices import default_table

quick = settings(max_examples=40, deadline=None)
small = st.integers(1, 4)
rates = st.decimals(0, 5000, places=2)


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    return Traffic(
        requests_per_second=draw(rates),
        latency_ms=draw(st.decimals(1, 5000, places=0)),
        response_bytes=draw(st.decimals(0, 1_000_000, places=0)),
        log_bytes=draw(st.decimals(0, 10_000, places=0)),
        requests_per_second_per_task=draw(st.none() | st.decimals(1, 500, places=0)),
        requests_per_connection=draw(st.decimals(1, 100, places=0)),
    )


@st.composite
def stacks(draw: st.DrawFn) -> list[Any]:
    """Parts in any combination, each with any of its options."""
    parts: list[list[Any]] = []
    for index in range(draw(st.integers(0, 2))):
        low = draw(st.integers(0, 4))
        parts.append(
            service(
                f"api-{index}",
                cpu=draw(st.sampled_from([256, 1024])),
                memory=2048,
                count=low,
                scaling=draw(st.none() | st.tuples(st.just(low), st.integers(low, 9))),
                public=draw(st.booleans()),
                architecture=draw(st.sampled_from(["X86_64", "ARM64"])),
                **draw(
                    st.sampled_from(
                        [{}, {"launchType": None, "capacityProviderStrategies": [{"capacityProvider": "FARGATE_SPOT"}]}]
                    )
                ),
            )
        )
    parts.append([balancer(f"lb-{each}", subnets=draw(small)) for each in range(draw(st.integers(0, 2)))])
    parts.append(nat(draw(st.integers(0, 2))))
    parts.append([database(multiAz=draw(st.booleans()), maxAllocatedStorage=100)] * draw(st.integers(0, 1)))
    function = resource("aws:lambda/function:Function", memorySize=draw(st.sampled_from([128, 1024])))
    kept = resource(
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        links={"functionName": [function]},
        provisionedConcurrentExecutions=draw(small),
    )
    api = resource("aws:apigatewayv2/api:Api")
    parts.append(draw(st.sampled_from([[], [function], [function, api], [function, kept, api]])))
    parts.append(draw(st.sampled_from([[], [resource("aws:cloudfront/distribution:Distribution")]])))
    least = draw(st.integers(0, 3))
    runs = cloud_run(
        minimum=least,
        maximum=draw(st.none() | st.integers(max(1, least), 9)),
        by_request=draw(st.booleans()),
        concurrency=draw(st.integers(1, 200)),
    )
    parts.append(draw(st.sampled_from([[], [runs], [runs, cloud_sql(edition="ENTERPRISE", diskAutoresizeLimit=90)]])))
    return [each for part in parts for each in part]


def cost(stack: list[Any], traffic: Traffic) -> Estimate:
    return price(stack, usage=UsageFile(traffic=traffic))


@quick
@given(stacks(), traffics())
def test_low_is_at_most_expected_and_expected_at_most_high(stack, traffic):
    total = cost(stack, traffic).total
    assert Decimal(0) <= total.low <= total.expected <= total.high


@quick
@given(stacks(), traffics(), st.decimals(0, 1000, places=2))
def test_more_traffic_never_costs_less(stack, traffic, more):
    busier = traffic.model_copy(update={"requests_per_second": traffic.requests_per_second + more})

    assert cost(stack, traffic).total.expected <= cost(stack, busier).total.expected


@quick
@given(stacks(), traffics())
def test_parts_resources_and_kinds_add_up_to_the_total(stack, traffic):
    estimated = cost(stack, traffic)

    assert add(estimated.parts().values()) == estimated.total
    assert add(line.cost for lines in estimated.resources().values() for line in lines) == estimated.total
    assert estimated.baseline + estimated.usage == estimated.total.expected


@quick
@given(stacks(), stacks(), traffics())
def test_difference_is_that_of_the_totals(one, other, traffic):
    before, after = cost(one, traffic), cost(other, traffic)

    deltas = sum((change.delta for change in diff(before, after)), Decimal(0))

    assert deltas == after.total.expected - before.total.expected


@quick
@given(stacks(), traffics())
def test_difference_to_itself_is_nothing(stack, traffic):
    estimated = cost(stack, traffic)

    assert diff(estimated, estimated) == []


@quick
@given(stacks(), traffics(), st.sampled_from(["alb.hour", "nat.hour", "dto.internet", "run.request.vcpu"]))
def test_price_that_is_not_known_never_raises_the_total_and_is_said(stack, traffic, id_):
    whole = cost(stack, traffic)
    less = price(stack, usage=UsageFile(traffic=traffic), table=default_table().without(id_))

    assert less.total.expected <= whole.total.expected
    billed = [line for line in whole.lines if line.price_id == id_ and line.quantity.high]
    assert less.at_least or not billed


@quick
@given(stacks(), traffics())
def test_every_saving_is_worth_something_and_the_largest_is_first(stack, traffic):
    estimated = cost(stack, traffic)

    amounts = [saving.amount for saving in estimated.savings]
    assert all(Decimal(0) < amount <= estimated.total.expected for amount in amounts)
    assert amounts == sorted(amounts, reverse=True)
    assert len(amounts) <= 3
