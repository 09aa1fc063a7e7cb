import pulumi_aws.rds
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.sizing import (
    DATABASE_MEMORY,
    FARGATE_MEMORY,
    GIB,
    check_fargate_size,
    instance_classes,
    instance_memory,
    max_connections,
    smallest_class,
    worker_count,
)

# The table of the ECS Developer Guide, in GiB: first, last, step.
GUIDE = {512: (1, 4, 1), 1024: (2, 8, 1), 2048: (4, 16, 1), 4096: (8, 30, 1), 8192: (16, 60, 4), 16384: (32, 120, 8)}


def documented() -> set[tuple[int, int]]:
    pairs = {(256, 512), (256, 1024), (256, 2048)}
    for cpu, (first, last, step) in GUIDE.items():
        pairs |= {(cpu, 1024 * gib) for gib in range(first, last + 1, step)}
    return pairs


def accepted(cpu: int, memory: int) -> bool:
    try:
        check_fargate_size(cpu, memory)
    except ArgumentError:
        return False
    return True


def test_exactly_the_documented_fargate_sizes_are_accepted() -> None:
    cpus = [*FARGATE_MEMORY, 0, 128, 300, 768, 1000, 3072, 32768]
    memories = [*range(0, 131072, 512), 511, 1025, 999999]
    assert {(cpu, memory) for cpu in cpus for memory in memories if accepted(cpu, memory)} == documented()


@given(cpu=st.integers(0, 20000))
def test_the_nearest_cpu_in_the_error_is_one_that_fargate_sells(cpu: int) -> None:
    if cpu not in FARGATE_MEMORY:
        with pytest.raises(ArgumentError, match=r"cpu: must be one of 256, 512.*nearest is (\d+)") as error:
            check_fargate_size(cpu, 1024)
        nearest = int(str(error.value).split("nearest is ")[1].split(",")[0])
        assert abs(nearest - cpu) == min(abs(each - cpu) for each in FARGATE_MEMORY)


@given(cpu=st.sampled_from(list(FARGATE_MEMORY)), memory=st.integers(0, 200000))
def test_the_nearest_memory_in_the_error_is_accepted(cpu: int, memory: int) -> None:
    if not accepted(cpu, memory):
        with pytest.raises(ArgumentError, match=rf"memory: must be .*cpu={cpu}; nearest is (\d+)") as error:
            check_fargate_size(cpu, memory)
        check_fargate_size(cpu, int(str(error.value).split("nearest is ")[1].split(",")[0]))


def test_of_two_sizes_equally_near_the_larger_is_suggested() -> None:
    with pytest.raises(ArgumentError, match="nearest is 512,"):
        check_fargate_size(384, 1024)


def test_the_error_lists_what_is_allowed() -> None:
    with pytest.raises(ArgumentError, match=r"must be 16384 to 61440 in steps of 4096 MiB with cpu=8192.*got 17408"):
        check_fargate_size(8192, 17408)


@pytest.mark.parametrize(
    ("cpu", "workers"),
    [(256, 1), (512, 1), (1024, 1), (1536, 1), (2048, 2), (4096, 4), (8192, 8), (16384, 16)],
)
def test_one_worker_for_each_whole_vcpu(cpu: int, workers: int) -> None:
    assert worker_count(cpu) == workers


@pytest.mark.parametrize(
    ("instance_class", "gib"),
    [
        ("db.t4g.micro", 1),
        ("db.t3.small", 2),
        ("db.t4g.medium", 4),
        ("db.t3.2xlarge", 32),
        ("db.m5.large", 8),
        ("db.m6g.16xlarge", 256),
        ("db.m6i.32xlarge", 512),
        ("db.m7i.48xlarge", 768),
        ("db.m8g.12xlarge", 192),
        ("db.r5.24xlarge", 768),
        ("db.r6gd.xlarge", 32),
        ("db.r8g.48xlarge", 1536),
    ],
)
def test_memory_of_database_classes(instance_class: str, gib: int) -> None:
    assert instance_memory(instance_class) == gib * GIB


def test_every_current_class_that_the_provider_lists_has_a_memory() -> None:
    listed = {each.value for each in pulumi_aws.rds.InstanceType if each.value.split(".")[1] in DATABASE_MEMORY}
    assert len(listed) > 30
    assert all(instance_memory(instance_class) for instance_class in listed)


def test_classes_of_a_family_are_ordered_by_memory() -> None:
    for family in DATABASE_MEMORY:
        memories = [instance_memory(instance_class) for instance_class in instance_classes(family)]
        assert memories == sorted(set(memories))


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("db.t4g.mikro", "db.t4g has micro, small, medium, large, xlarge, 2xlarge"),
        ("t4g.micro", "nearest is db.t4g.micro"),
        ("db.t5g.micro", "nearest is db.t4g.micro"),
        ("db.m7i.32xlarge", "db.m7i has large, xlarge"),
        ("DB.R6G.LARGE", "nearest is db.r6g.large"),
        ("", "nearest is db."),
    ],
)
def test_an_unknown_class_is_refused_with_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(ArgumentError, match=f"instance_class: .*{nearest}"):
        instance_memory(wrong)


@pytest.mark.parametrize(("gib", "measured"), [(2, 181), (4, 413), (8, 856), (15.25, 1660)])
def test_never_more_connections_than_rds_itself_allows_and_not_much_fewer(gib: float, measured: int) -> None:
    assert 0.95 * measured <= max_connections(int(gib * GIB)) <= measured


def test_more_memory_never_holds_fewer_connections() -> None:
    counts = [max_connections(memory) for memory in range(GIB, 64 * GIB, GIB // 8)]
    assert counts == sorted(counts)


def test_rds_default_ends_at_5000() -> None:
    assert max_connections(1536 * GIB) == 5000


def test_the_larger_class_is_of_the_same_family_if_it_has_one() -> None:
    assert smallest_class(300, like="db.m6i.large") == "db.m6i.large"
    assert smallest_class(1000, like="db.m6i.large") == "db.m6i.xlarge"
    assert smallest_class(4000, like="db.t3.micro") == "db.r8gd.2xlarge"
    assert smallest_class(5001) is None
