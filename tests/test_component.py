from dataclasses import dataclass, field
from typing import Any, Optional

import pulumi
import pytest
from pulumi import Input, Output
from pulumi_fastapi.component import Component, as_args, claims_on, fitting_name, recorded_inputs
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Secret, plan
from pulumi_fastapi.validation import check_fields


@dataclass(frozen=True, kw_only=True)
class Inner:
    max_size: int = 5
    unset: Optional[str] = None

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class ThingArgs:
    vpc_id: Input[str]
    inner: Inner = field(default_factory=Inner)
    tokens: Optional[dict[str, Input[str]]] = field(default=None, metadata={"secret": True})
    key: Optional[Input[str]] = field(default=None, metadata={"secret": True})
    parts: Optional[list[Inner]] = None

    def __post_init__(self) -> None:
        check_fields(self)


class Thing(Component):
    def __init__(self, name: str, args: Any, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__(name, as_args(ThingArgs, args), opts)
        self.publish(vpc_id="vpc-9", url=Output.from_input("https://example.com"), nothing=None)


# Inputs and outputs


def test_inputs_are_recorded_under_their_pulumi_names() -> None:
    thing = plan(lambda: Thing("a", ThingArgs(vpc_id="vpc-1"))).find(Thing)
    assert thing.inputs == {"vpcId": "vpc-1", "inner": {"maxSize": 5}}


def test_secret_inputs_are_recorded_as_secrets() -> None:
    result = plan(lambda: Thing("a", ThingArgs(vpc_id="vpc-1", tokens={"A": "hidden"})))
    assert result.find(Thing).inputs["tokens"] == {"A": Secret("hidden")}
    assert "hidden" not in result.to_json()


def test_outputs_are_attributes_and_registered() -> None:
    def program() -> None:
        thing = Thing("a", ThingArgs(vpc_id="vpc-1"))
        assert thing.vpc_id == "vpc-9"  # type: ignore[attr-defined]

    assert plan(program).find(Thing).outputs == {"vpcId": "vpc-9", "url": "https://example.com"}


def test_other_components_are_not_recorded_as_inputs() -> None:
    @dataclass(frozen=True)
    class Args:
        part: Any

    def program() -> None:
        assert recorded_inputs(Args(part=Thing("a", {"vpcId": "v"}))) == {}

    plan(program)


def test_a_secret_text_and_a_list_of_objects_are_recorded() -> None:
    result = plan(lambda: Thing("a", ThingArgs(vpc_id="vpc-1", key="hidden", parts=[Inner(max_size=1)])))
    assert result.find(Thing).inputs["key"] == Secret("hidden")
    assert result.find(Thing).inputs["parts"] == [{"maxSize": 1}]


def test_a_component_without_arguments_records_none() -> None:
    assert recorded_inputs(None) == {}


# Arguments


@pytest.mark.parametrize("args", [{"vpc_id": "v"}, {"vpcId": "v"}, ThingArgs(vpc_id="v")])
def test_arguments_are_objects_or_mappings(args: Any) -> None:
    assert as_args(ThingArgs, args) == ThingArgs(vpc_id="v")


@pytest.mark.parametrize("args", ["vpc-1", 5, ["vpc-1"], Inner()])
def test_anything_else_is_refused(args: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^args: must be ThingArgs or a mapping"):
        as_args(ThingArgs, args)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"^vpc_id: a value is required"):
        as_args(ThingArgs, None)


@pytest.mark.parametrize("name", ["", "  ", None, 5, b"a"])
def test_a_component_needs_a_name(name: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^name: must be text"):
        plan(lambda: Thing(name, {"vpcId": "v"}))


# Names


@pytest.mark.parametrize("name", ["api", "orders-v2", "A1"])
def test_a_good_name_is_kept(name: str) -> None:
    assert fitting_name(name, "lb", 32) == f"{name}-lb"


@pytest.mark.parametrize("limit", [32, 63, 64, 255])
@pytest.mark.parametrize("name", ["x" * 300, "a" * 20 + "-" * 20, "-", "_", "9lives", "internal-x", "Ünïcödé", "a--b"])
def test_a_name_fits_with_room_for_the_suffix_of_pulumi(name: str, limit: int) -> None:
    made = fitting_name(name, "tg", limit)
    assert len(made) + 8 <= limit
    assert made.replace("-", "").isalnum()
    assert made.isascii()
    assert made[0].isalpha()
    assert "--" not in made
    assert not made.lower().startswith("internal-")


def test_a_changed_name_is_the_same_every_time_and_no_others() -> None:
    names = ["x" * 40, "x" * 41, "x y", "x_y", "X Y", "x-y"]
    assert len({fitting_name(name, "lb", 32) for name in names}) == len(names)
    assert [fitting_name(name, "lb", 32) for name in names] == [fitting_name(name, "lb", 32) for name in names]


def test_a_name_without_a_suffix_has_no_hyphen_at_its_end() -> None:
    assert fitting_name("api", "", 63) == "api"
    assert fitting_name("api-", "", 63)[-1].isalnum()


# What components of one program take of a thing they share


def test_claims_last_for_one_program() -> None:
    shared = Inner()
    seen: list[dict[Any, Any]] = []

    def program() -> None:
        claims_on(shared)["a"] = 1
        seen.append(dict(claims_on(shared)))

    for _ in range(2):
        plan(program)
    assert seen == [{"a": 1}, {"a": 1}]


def test_claims_on_different_things_are_apart() -> None:
    def program() -> None:
        claims_on(Inner(), "arn:1")["a"] = 1
        assert claims_on(Inner(), "arn:1") == {"a": 1}
        assert claims_on(Inner(), "arn:2") == {}
        assert claims_on(Inner(), Output.from_input("arn:1")) == {}

    plan(program)
