"""Whatever arguments someone comes up with for a function: they are planned, or refused with the name of one."""

import dataclasses
import re
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi import Output
from pulumi_fastapi.aws import Database, DatabaseArgs, LambdaFastAPIFunction, LambdaFastAPIFunctionArgs, Network
from pulumi_fastapi.component import as_args
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import plan
from pulumi_fastapi.validation import camel_case
from reading import IMAGE
from test_any_arguments import values

SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"  # noqa: S105
FIELDS = {field.name for args in (LambdaFastAPIFunctionArgs, DatabaseArgs) for field in dataclasses.fields(args)}


def choose(**choices: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(options) for name, options in choices.items()})


DATABASES = choose(instance_class=["db.t4g.micro", "db.r8g.large"], proxy=[True], deletion_protection=[False])
WAYS_IN = st.one_of(
    st.just({}),
    st.just({"entry": "HTTP_API"}),
    st.just({"entry": "HTTP_API", "domain": "api.example.com", "zone_id": "Z1", "requests_per_second": 10}),
    st.just({"domain": "api.example.com", "zone_id": "Z1", "origin_secret": "s" * 32, "caching": True}),
    st.just({"entry": "LOAD_BALANCER"}),
)
STRATEGIES = st.one_of(
    st.just({}),
    st.just({"strategy": "CANARY", "canary_percent": 5}),
    st.just({"strategy": "linear", "step_percent": 50.0, "step_bake_minutes": 1}),
    st.just({"strategy": "ROLLING"}),
)
FUNCTIONS = choose(
    memory=[128, 1769, 10240.0],
    ephemeral_storage=[512, 2048],
    architecture=["ARM64", "X86_64"],
    reserved_concurrency=[1, 20, 900],
    provisioned_concurrency=[0, 1],
    provisioned_concurrency_max=[5],
    tracing=[True],
    migrate=[["alembic", "upgrade", "head"]],
    verify_deployments=[False],
    keep_warm=[True],
    schedules=[[{"expression": "rate(1 day)", "path": "/jobs/nightly"}], []],
    alarm_emails=[["a@example.com"], []],
    deletion_protection=[False],
    app=[
        {"image": IMAGE, "secrets": {"TOKEN": "t"}},
        {"image": IMAGE, "pool": {"size": 30}, "timeouts": {"request": 25}},
        {"image": IMAGE, "secretArns": {"KEY": f"{SECRET_ARN}:KEY::"}, "environment": {"AB": [1, 2.0]}},
        {"image": IMAGE, "timeouts": {"request": 600}},
    ],
)


ARGUMENTS = {field.name for field in dataclasses.fields(LambdaFastAPIFunctionArgs)}


@pytest.fixture(scope="module")
def later() -> Any:
    """An Output, of a program that has ended."""
    found: list[Any] = []
    plan(lambda: found.append(Output.from_input("later")))
    return found[0]


def test_any_arguments_are_accepted_or_refused_by_name(later: Any) -> None:
    outcomes = {"accepted": 0, "refused": 0}
    names = st.sampled_from(sorted({*ARGUMENTS, *map(camel_case, ARGUMENTS)}))
    given_args = st.dictionaries(
        st.integers(0, 19).flatmap(lambda kind: st.text(max_size=20) if kind == 0 else names), values(later), max_size=2
    )

    @settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(given_=given_args)
    def attempt(given_: dict[str, Any]) -> None:
        try:
            as_args(LambdaFastAPIFunctionArgs, given_)
        except ArgumentError as error:
            outcomes["refused"] += 1
            top = re.split(r"[^A-Za-z_]", error.field)[0]
            known = top in {*ARGUMENTS, "source"} or error.problem.startswith(
                ("unknown argument of", "is given twice", "the names of arguments must be")
            )
            if not known or len(str(error)) > 1500:
                unclear.append(str(error))
        else:
            outcomes["accepted"] += 1

    unclear: list[str] = []
    attempt()
    assert unclear == []
    assert min(outcomes.values()) > 5, outcomes  # both ends were tried


def test_what_is_accepted_can_be_planned() -> None:
    outcomes = {"planned": 0, "refused": 0}

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(
        name=st.one_of(st.just("api"), st.text(min_size=1, max_size=60)),
        database_args=st.one_of(st.none(), DATABASES),
        function_args=FUNCTIONS,
        way_in=WAYS_IN,
        strategy=STRATEGIES,
        preview=st.booleans(),
    )
    def attempt(
        name: str,
        database_args: dict[str, Any] | None,
        function_args: dict[str, Any],
        way_in: dict[str, Any],
        strategy: dict[str, Any],
        preview: bool,
    ) -> None:
        def program() -> None:
            args = {"app": {"image": IMAGE}, **function_args, **way_in, **strategy}
            if database_args is not None:
                network = args["network"] = Network("net")
                args["database"] = Database("db", {**database_args, "network": network})  # type: ignore[arg-type]
            pulumi.export("url", LambdaFastAPIFunction(name, args).url)  # type: ignore[arg-type]

        try:
            result = plan(program, preview=preview)
        except ArgumentError as error:
            outcomes["refused"] += 1
            fields.add(error.field.partition(".")[0])
        else:
            outcomes["planned"] += 1
            result.find(aws.lambda_.Alias)

    fields: set[str] = set()
    attempt()
    assert fields <= {"name", "pool", *FIELDS}
    assert min(outcomes.values()) > 5, outcomes
