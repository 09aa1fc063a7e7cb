"""Whatever arguments someone comes up with: they are planned, or refused with the name of the argument."""

import dataclasses
import re
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi import Output
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import (
    Database,
    DatabaseArgs,
    ExistingDatabase,
    ExistingLoadBalancer,
    ExistingNetwork,
    FargateFastAPIService,
    FargateFastAPIServiceArgs,
    ImageArgs,
    LoadBalancer,
    LoadBalancerArgs,
    Network,
    NetworkArgs,
    Registry,
    RegistryArgs,
)
from pulumi_fastapi.component import as_args
from pulumi_fastapi.connection_pool import ConnectionPool
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import plan
from pulumi_fastapi.timeouts import Timeouts
from pulumi_fastapi.validation import camel_case
from reading import IMAGE

NETWORK = {"vpc_id": "vpc-1", "publicSubnetIds": ["a", "b"]}
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"  # noqa: S105
ARGS = [
    FargateFastAPIServiceArgs,
    FastAPIApp,
    NetworkArgs,
    DatabaseArgs,
    LoadBalancerArgs,
    RegistryArgs,
    ImageArgs,
    ExistingNetwork,
    ExistingDatabase,
    ExistingLoadBalancer,
    ConnectionPool,
    Timeouts,
]
FIELDS = {args: {field.name for field in dataclasses.fields(args)} for args in ARGS}
PLAUSIBLE = st.sampled_from(
    [
        *(0, 1, 2, 3, 5, 20, 60, 256, 512, 1024, 2048, 4096, 8000, 0.5, 512.0, True, False),
        *("ARM64", "NAT", "10.0.0.0/16", "api.example.com", "Z1", "db.t4g.small", "18", "app", "/health", "enabled"),
        *(SECRET_ARN, IMAGE, "a@example.com", "app.main:app", ["a@example.com"], ["/api/*"], ["a", "b"]),
        *("ENDPOINTS", ["sqs"], ["use1-az3"]),
        *(NETWORK, {"A": "1"}, {"A": SECRET_ARN}, {"size": 3}, {"startup": 30}, {"port": 9000}, {"image": IMAGE}),
        {"host": "db", "secretArn": SECRET_ARN, "security_group_id": "sg-1", "maxConnections": 100.0},
    ]
)
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([float("nan"), float("inf"), -0.0, 10**400, 2**63]),
)
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(["", " ", "\x00", "a" * 5000, "../..", "{}", "%s", "*"]))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, st.binary(max_size=5))


def values(later: Any) -> st.SearchStrategy[Any]:
    """Values of any type, most of which fit somewhere."""
    leaves = st.one_of(SCALARS, st.just(later), st.builds(object), st.just(Timeouts()))
    nested = st.one_of(
        st.lists(st.one_of(PLAUSIBLE, leaves), max_size=3),
        st.tuples(PLAUSIBLE, leaves),
        st.dictionaries(st.one_of(st.sampled_from(sorted(NAMES)), TEXTS), st.one_of(PLAUSIBLE, leaves), max_size=3),
    )
    return st.integers(0, 9).flatmap(lambda kind: PLAUSIBLE if kind < 6 else leaves if kind < 8 else nested)


NAMES = {name for names in FIELDS.values() for name in (*names, *map(camel_case, names))}


@st.composite
def arguments(draw: st.DrawFn, args: type, later: Any) -> dict[Any, Any]:
    """A mapping with mostly known names, in either spelling, and any values; what is required is mostly there."""
    names = st.sampled_from(sorted({*FIELDS[args], *map(camel_case, FIELDS[args])}))
    strange = st.one_of(TEXTS, st.integers())
    name = st.integers(0, 19).flatmap(lambda kind: strange if kind == 0 else names)
    given_ = draw(st.dictionaries(name, values(later), max_size=3))
    needed = {"network": NETWORK, "vpc_id": "vpc-1", "public_subnet_ids": ["a", "b"], "host": "db"}
    needed |= {"secret_arn": SECRET_ARN, "security_group_id": "sg-1", "listener_arn": "arn:x", "dns_name": "lb"}
    needed |= {"hosted_zone_id": "Z", "arn_suffix": "app/lb/1"}
    if draw(st.integers(0, 9)):
        for name in FIELDS[args] & set(needed):
            if name not in given_ and camel_case(name) not in given_:
                given_[name] = needed[name]
    return given_


@pytest.fixture(scope="module")
def later() -> Any:
    """An Output, of a program that has ended."""
    found: list[Any] = []
    plan(lambda: found.append(Output.from_input("later")))
    return found[0]


def refused_by_name(args: type, error: ArgumentError) -> bool:
    """Whether the error is one line that begins with the name of an argument, or says that it is none."""
    line = " ".join(error.field[:200].split())
    if not str(error).startswith(f"{line}: "):
        return False
    if error.problem.startswith(("unknown argument of", "the names of arguments must be", "is given twice")):
        return True
    top = re.split(r"[^A-Za-z_]", error.field)[0]
    return top in FIELDS[args] or (args is FargateFastAPIServiceArgs and top == "source")  # of `app`


@pytest.mark.parametrize("args", ARGS, ids=lambda args: args.__name__)
def test_any_arguments_are_accepted_or_refused_by_name(args: type, later: Any) -> None:
    outcomes = {"accepted": 0, "refused": 0}

    @settings(
        max_examples=200,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(given_=arguments(args, later))
    def attempt(given_: dict[Any, Any]) -> None:
        try:
            as_args(args, given_)
        except ArgumentError as error:
            outcomes["refused"] += 1
            if not refused_by_name(args, error) or len(str(error)) > 1500:
                unclear.append(str(error))
        else:
            outcomes["accepted"] += 1

    unclear: list[str] = []
    attempt()
    assert unclear == []
    assert min(outcomes.values()) >= 10, outcomes  # both ends were tried


# What is accepted can be planned


def choose(**choices: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(options) for name, options in choices.items()})


NETWORKS = choose(
    outbound=["PUBLIC_IP", "NAT", "ENDPOINTS"],
    availability_zones=[2, 3.0],
    nat_gateways=[1, 2],
    flow_logs=[True],
    cidr_block=["10.0.0.0/16", "172.16.0.0/20", "11.0.0.0/16"],
)
DATABASES = choose(
    instance_class=["db.t4g.micro", "db.r8g.large"],
    proxy=[True],
    multi_az=[True],
    engine_version=["16.3", "18", "19"],
    deletion_protection=[False],
    performance_insights=[False],
)
SERVICES = choose(
    cpu=[256, 512, 1024.0, 4096],
    memory=[512, 1024, 2048, 8192],
    architecture=["ARM64", "X86_64"],
    tasks_min=[1, 2, 40],
    tasks_max=[2, 4, 100],
    workers=[1, 8],
    domain=["api.example.com", "a.b.c.example.org"],
    zone_id=["Z1"],
    certificate_arn=["arn:aws:acm:us-east-1:123456789012:certificate/1"],
    spot_percent=[0, 50, 100],
    internal=[True, False],
    requests_per_target=[100],
    alarm_emails=[["a@example.com"], []],
    access_logs=[True],
    container_insights=["enhanced"],
    enable_execute_command=[True],
    deletion_protection=[False],
    app=[
        {"image": IMAGE, "secrets": {"TOKEN": "t"}},
        {"image": IMAGE, "pool": {"size": 30}, "timeouts": {"streaming": True}},
        {"image": IMAGE, "secretArns": {"KEY": f"{SECRET_ARN}:KEY::"}, "port": 9000, "environment": {"A": [1, 2.0]}},
    ],
)


def test_what_is_accepted_can_be_planned() -> None:
    outcomes = {"planned": 0, "refused": 0}

    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        name=st.one_of(st.just("api"), st.text(min_size=1, max_size=60)),
        network_args=NETWORKS,
        database_args=st.one_of(st.none(), DATABASES),
        service_args=SERVICES,
        own_balancer=st.booleans(),
        preview=st.booleans(),
    )
    def attempt(
        name: str,
        network_args: dict[str, Any],
        database_args: dict[str, Any] | None,
        service_args: dict[str, Any],
        own_balancer: bool,
        preview: bool,
    ) -> None:
        def program() -> None:
            network = Network("net", network_args)  # type: ignore[arg-type]
            args = {"app": {"image": IMAGE}, **service_args, "network": network}
            if database_args is not None:
                args["database"] = Database("db", {**database_args, "network": network})  # type: ignore[arg-type]
            if own_balancer:
                args["load_balancer"] = LoadBalancer("lb", {"network": network})  # type: ignore[arg-type]
            pulumi.export("url", FargateFastAPIService(name, args).url)  # type: ignore[arg-type]

        try:
            result = plan(program, preview=preview)
        except ArgumentError as error:
            outcomes["refused"] += 1
            fields.add(error.field.partition(".")[0])
        else:
            outcomes["planned"] += 1
            result.find(aws.ecs.Service)

    fields: set[str] = set()
    attempt()
    assert fields <= {"name", "pool", *FIELDS[FargateFastAPIServiceArgs], *FIELDS[NetworkArgs], *FIELDS[DatabaseArgs]}
    assert min(outcomes.values()) > 5, outcomes


@pytest.mark.parametrize("args", [None, {}, RegistryArgs()])
def test_a_part_without_needed_arguments_can_be_made_without_any(args: Any) -> None:
    plan(lambda: Registry("api", args)).find(aws.ecr.Repository)
