import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_fastapi.aws.database import connection_budget
from pulumi_fastapi.connection_pool import ConnectionBudget, ConnectionDemand, ConnectionPool, largest_pool
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.sizing import DATABASE_MEMORY, instance_classes, instance_memory, max_connections, smallest_class

CLASSES = [instance_class for family in DATABASE_MEMORY for instance_class in instance_classes(family)]

pools = st.builds(ConnectionPool, size=st.integers(1, 60), max_overflow=st.integers(0, 60))
demands = st.builds(
    ConnectionDemand,
    client=st.sampled_from(["api", "worker"]),
    instances=st.integers(1, 60),
    surge=st.sampled_from([1.0, 1.1, 1.25, 1.5, 2.0]),
    workers=st.integers(1, 16),
    pool=pools,
)
budgets = st.builds(
    ConnectionBudget,
    max_connections=st.integers(20, 6000),
    demands=st.lists(demands, max_size=3).map(tuple),
)


def demand(
    tasks: int = 4, surge: float = 2.0, workers: int = 1, size: int = 5, max_overflow: int = 0
) -> ConnectionDemand:
    pool = ConnectionPool(size=size, max_overflow=max_overflow)
    return ConnectionDemand(client="api", instances=tasks, surge=surge, workers=workers, pool=pool, noun="task")


def test_even_the_smallest_class_leaves_room_for_a_small_service() -> None:
    assert connection_budget("db.t4g.micro").with_demand(demand(tasks=4, size=5)).used == 40


@pytest.mark.parametrize(
    ("tasks", "surge", "workers", "size", "overflow", "text"),
    [
        (4, 2.0, 1, 5, 0, "4 tasks x 2 during a deploy x 1 worker x (5 + 0) = 40"),
        (1, 2.0, 2, 20, 30, "1 task x 2 during a deploy x 2 workers x (20 + 30) = 200"),
        (3, 1.5, 1, 5, 0, "3 tasks x 1.5 during a deploy (rounded up to 5) x 1 worker x (5 + 0) = 25"),
        (100, 1.1, 1, 1, 0, "100 tasks x 1.1 during a deploy x 1 worker x (1 + 0) = 110"),
    ],
)
def test_the_arithmetic_is_explained(
    tasks: int, surge: float, workers: int, size: int, overflow: int, text: str
) -> None:
    assert demand(tasks, surge, workers, size, overflow).explain() == text


def test_a_demand_that_fits_is_part_of_the_new_budget_only() -> None:
    before = ConnectionBudget(max_connections=100)
    after = before.with_demand(demand(tasks=4))
    assert (before.used, after.used, after.free) == (0, 40, 50)


def test_the_last_connection_may_be_used_and_no_more() -> None:
    budget = ConnectionBudget(max_connections=50)
    assert budget.with_demand(demand(tasks=4)).free == 0
    with pytest.raises(ArgumentError):
        replace(budget, max_connections=49).with_demand(demand(tasks=4))


def test_two_services_that_each_fit_do_not_fit_together() -> None:
    budget = ConnectionBudget(max_connections=100).with_demand(replace(demand(tasks=5), client="web"))
    with pytest.raises(ArgumentError, match=r"api opens up to .* = 50 database connections and 50 by web, but .* 90"):
        budget.with_demand(demand(tasks=5))


def test_what_does_not_fit_is_refused_with_three_ways_out() -> None:
    # 18 a worker, 2 workers, 3 tasks that double during a deploy: more than 2 GiB hold.
    with pytest.raises(ArgumentError) as error:
        connection_budget("db.t4g.small").with_demand(demand(tasks=3, workers=2, size=10, max_overflow=8))
    assert str(error.value) == (
        "pool: api opens up to 3 tasks x 2 during a deploy x 2 workers x (10 + 8) = 216 database connections, but"
        " db.t4g.small has 166 (176 - 10 reserved). Ways out: a pool of size=13, max_overflow=0;"
        " instance_class='db.t4g.medium'; proxy=True, an RDS Proxy between the app and the database, got 18"
    )


def test_fewer_tasks_are_the_way_out_when_no_pool_fits() -> None:
    with pytest.raises(ArgumentError, match="fewer tasks, as even a pool of size=1 is too large"):
        connection_budget("db.t4g.micro").with_demand(demand(tasks=100))


def test_fewer_clients_are_the_way_out_when_no_class_holds_them() -> None:
    with pytest.raises(ArgumentError, match="fewer clients, as no instance class holds 10010"):
        connection_budget("db.r8g.48xlarge").with_demand(demand(tasks=1000))


@given(budget=budgets, demand=demands)
def test_it_fits_exactly_if_the_sum_is_within_the_limit(budget: ConnectionBudget, demand: ConnectionDemand) -> None:
    total = sum(each.connections for each in (*budget.demands, demand))
    assert replace(budget, demands=(*budget.demands, demand)).fits == (
        total + budget.reserved <= budget.max_connections
    )


@given(budget=budgets, demand=demands)
def test_the_largest_pool_fits_and_one_more_does_not(budget: ConnectionBudget, demand: ConnectionDemand) -> None:
    size = largest_pool(budget, demand)
    if size:
        assert replace(
            budget, demands=(*budget.demands, replace(demand, pool=ConnectionPool(size=min(size, 1000))))
        ).fits
    if size < 1000:
        larger = replace(demand, pool=ConnectionPool(size=size + 1))
        assert not replace(budget, demands=(*budget.demands, larger)).fits


@given(instance_class=st.sampled_from(CLASSES), demand=demands)
def test_the_suggested_class_fits_and_is_the_smallest_of_its_family(
    instance_class: str, demand: ConnectionDemand
) -> None:
    budget = connection_budget(instance_class)
    suggested = smallest_class(demand.connections + budget.reserved, instance_class)
    if suggested is None:
        assert all(max_connections(instance_memory(each)) < demand.connections + 10 for each in CLASSES)
        return
    assert connection_budget(suggested).with_demand(demand).fits
    family = instance_classes(suggested.split(".")[1])
    if smaller := family[: family.index(suggested)]:
        with pytest.raises(ArgumentError):
            connection_budget(smaller[-1]).with_demand(demand)


@given(demand=demands, more=st.sampled_from(["instances", "surge", "workers", "pool"]))
def test_more_of_anything_never_needs_fewer_connections(demand: ConnectionDemand, more: str) -> None:
    larger = {
        "instances": replace(demand, instances=demand.instances + 1),
        "surge": replace(demand, surge=demand.surge + 0.5),
        "workers": replace(demand, workers=demand.workers + 1),
        "pool": replace(demand, pool=replace(demand.pool, size=demand.pool.size + 1)),
    }
    assert larger[more].connections >= demand.connections


def test_the_budget_is_plain_data_for_outputs() -> None:
    budget = connection_budget("db.t4g.small").with_demand(demand(tasks=4))
    data = json.loads(json.dumps(budget.as_dict()))
    assert data["server"] == "db.t4g.small"
    assert (data["maxConnections"], data["reserved"], data["available"], data["used"], data["free"]) == (
        176,
        10,
        166,
        40,
        126,
    )
    assert data["demands"][0]["explanation"] == "4 tasks x 2 during a deploy x 1 worker x (5 + 0) = 40"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 0),
        ("size", -1),
        ("size", 1001),
        ("size", "5"),
        ("size", True),
        ("size", 2.5),
        ("max_overflow", -1),
        ("timeout", 0),
        ("timeout", 61),
        ("timeout", float("nan")),
    ],
)
def test_a_pool_that_cannot_be_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ArgumentError, match=f"^{field}: must be "):
        ConnectionPool(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("field", "value"), [("instances", 0), ("surge", 0.5), ("workers", 0)])
def test_a_demand_that_cannot_be_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ArgumentError, match=f"^{field}: must be "):
        replace(demand(), **{field: value})  # type: ignore[arg-type]
