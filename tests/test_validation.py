import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Optional

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi import Input, Output
from pulumi_fastapi.errors import ArgumentError, nearest, shown
from pulumi_fastapi.plan import plan
from pulumi_fastapi.validation import camel_case, check_fields, from_mapping, in_range, one_of, snake_case


class Colour(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


@dataclass(frozen=True, kw_only=True)
class Part:
    size: int = 1

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("size", self.size, 1, 9)


@dataclass(frozen=True, kw_only=True)
class Args:
    text: str = "x"
    later: Input[str] = "x"
    number: int = 1
    ratio: float = 1.0
    flag: bool = False
    maybe: Optional[int] = None
    items: Optional[list[str]] = None
    later_items: Optional[Input[Sequence[Input[str]]]] = None
    values: Optional[dict[str, Input[str]]] = None
    anything: Optional[dict[str, Any]] = None
    secrets: Optional[dict[str, Input[str]]] = field(default=None, metadata={"secret": True})
    colour: Colour = Colour.RED
    part: Part = field(default_factory=Part)

    def __post_init__(self) -> None:
        check_fields(self)


# Types


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("number", 256.0, 256),
        ("ratio", 2, 2),
        ("items", ("a", "b"), ["a", "b"]),
        ("values", {"a": "b"}, {"a": "b"}),
        ("colour", "green", Colour.GREEN),
        ("colour", Colour.GREEN, Colour.GREEN),
        ("part", {"size": 3.0}, Part(size=3)),
        ("maybe", None, None),
    ],
)
def test_what_other_languages_send_becomes_what_is_meant(name: str, value: Any, kept: Any) -> None:
    made = getattr(Args(**{name: value}), name)
    assert made == kept
    assert type(made) is type(kept)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("text", 5, "text: must be text, got 5"),
        ("text", "", "text: must not be empty"),
        ("text", None, "text: a value is required"),
        ("text", b"x", "text: must be text, got a bytes"),
        ("number", "1", "number: must be a whole number, got '1'"),
        ("number", 1.5, "number: must be a whole number, got 1.5"),
        ("number", True, "number: must be a whole number, got True"),
        ("number", float("nan"), "number: must be a whole number, got nan"),
        ("number", float("inf"), "number: must be a whole number, got inf"),
        ("ratio", float("nan"), "ratio: must be a number, got nan"),
        ("ratio", float("-inf"), "ratio: must be a number"),
        ("ratio", "1.5", "ratio: must be a number"),
        ("flag", 1, "flag: must be true or false, got 1"),
        ("flag", "false", "flag: must be true or false, got 'false'"),
        ("items", "a", "items: must be a list of text, got 'a'"),
        ("items", {"a"}, "items: must be a list of text, got a set"),
        ("items", ["a", 1], r"items\[1\]: must be text, got 1"),
        ("later_items", ["a", None], r"later_items\[1\]: a value is required"),
        ("values", [("a", "b")], "values: must be a mapping of text"),
        ("values", {"a": 1}, r"values\['a'\]: must be text, got 1"),
        ("values", {1: "a"}, "values: keys must be text, got 1"),
        ("colour", "blue", "colour: must be one of RED, GREEN"),
        ("colour", "GREN", "colour: .*did you mean 'GREEN'"),
        ("colour", 3, "colour: must be one of RED, GREEN, got 3"),
        ("part", {"size": 0}, "part.size: must be between 1 and 9, got 0"),
        ("part", {"sise": 1}, "part.sise: unknown argument of Part, did you mean 'size'"),
        ("part", {3: 1}, "part: the names of arguments must be text, got 3"),
        ("part", 7, "part: must be Part, got 7"),
    ],
)
def test_anything_else_is_refused_by_name(name: str, value: Any, problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        Args(**{name: value})


@pytest.mark.parametrize("name", ["number", "maybe", "ratio"])
@pytest.mark.parametrize("value", [10**400, -(10**5000)], ids=["hundreds of digits", "thousands of digits"])
def test_huge_numbers_are_only_numbers(name: str, value: int) -> None:
    assert getattr(Args(**{name: value}), name) == value
    with pytest.raises(ArgumentError, match=r"^size: must be between 1 and 9, got (a huge number|10{199}\.\.\.)"):
        Part(size=value)


# Outputs


def test_an_output_is_kept_where_a_value_may_come_later() -> None:
    def program() -> None:
        later = Output.from_input("x")
        args = Args(later=later, later_items=[later], values={"a": later}, anything={"a": later})
        assert args.later is later
        assert args.later_items == [later]
        assert args.values == {"a": later} == args.anything

    plan(program)


@pytest.mark.parametrize("name", ["text", "number", "ratio", "flag", "maybe", "items", "colour", "part"])
def test_an_output_is_refused_where_the_value_shapes_the_graph(name: str) -> None:
    def program() -> None:
        Args(**{name: Output.from_input("x")})

    with pytest.raises(ArgumentError, match=f"^{name}: must be a plain value, because it decides .*, got 'an Output'"):
        plan(program)


def test_a_coroutine_can_be_read_more_than_once() -> None:
    async def lookup() -> str:
        await asyncio.sleep(0)
        return "found"

    def program() -> None:
        args = Args(later=lookup())
        pulumi.export("a", Output.concat(args.later, "-a"))
        pulumi.export("b", Output.concat(args.later, "-b"))

    assert plan(program).outputs == {"a": "found-a", "b": "found-b"}


FORMATTED = ("text", "later", "items", "later_items", "values", "anything", "secrets")


@pytest.mark.parametrize("name", FORMATTED)
def test_an_output_in_an_f_string_is_noticed(name: str) -> None:
    def program() -> None:
        swallowed = f"https://{Output.from_input('x')}/"
        as_list, as_dict = {"items": [swallowed], "later_items": [swallowed]}, {"values", "secrets", "anything"}
        Args(**{name: as_list.get(name, {"a": swallowed} if name in as_dict else swallowed)})

    with pytest.raises(ArgumentError, match=rf"^{name}.*an Output cannot be put into an f-string; use .*Output.format"):
        plan(program)


@pytest.mark.parametrize("nested", [["{}"], {"a": ["{}"]}, {"{}": 1}])
def test_an_output_in_an_f_string_is_noticed_inside(nested: Any) -> None:
    def program() -> None:
        swallowed = str(Output.from_input("x"))
        filled = {swallowed: 1} if "{}" in nested and isinstance(nested, dict) else _fill(nested, swallowed)
        Args(anything={"a": filled})

    with pytest.raises(ArgumentError, match=r"^anything\['a'\].*cannot be put into an f-string"):
        plan(program)


def _fill(value: Any, text: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _fill(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, text) for item in value]
    return text


# Mappings


def test_both_spellings_of_a_name_are_known() -> None:
    assert from_mapping(Args, {"laterItems": ["a"]}) == from_mapping(Args, {"later_items": ["a"]})


def test_both_spellings_at_once_are_refused() -> None:
    with pytest.raises(ArgumentError, match="later_items is the same argument"):
        from_mapping(Args, {"laterItems": ["a"], "later_items": ["b"]})


def test_a_misspelt_argument_never_repeats_its_value() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'secrets'") as error:
        from_mapping(Args, {"secretz": {"TOKEN": "hidden"}})
    assert "hidden" not in str(error.value)


@given(st.from_regex(r"[a-z]+(_[a-z]+)*", fullmatch=True))
def test_names_go_there_and_back(name: str) -> None:
    assert snake_case(camel_case(name)) == name or "_" in name  # "a_b_c" reads as "aBC"


def test_every_argument_of_the_package_goes_there_and_back() -> None:
    from pulumi_fastapi import aws
    from pulumi_fastapi.app import FastAPIApp

    for args in (aws.FargateFastAPIServiceArgs, aws.NetworkArgs, aws.DatabaseArgs, aws.LoadBalancerArgs, FastAPIApp):
        for name in args.__dataclass_fields__:  # type: ignore[attr-defined]
            assert snake_case(camel_case(name)) == name


# Messages


def test_one_of_names_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="size: must be one of small, large, did you mean 'large'\\?, got 'lrge'"):
        one_of("size", "lrge", ["small", "large"])
    assert nearest("zzz", ["small", "large"]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ("a" * 500, "'" + "a" * 199 + "..."),
        (None, "None"),
        (1.5, "1.5"),
        ({"password": "hidden"}, "a mapping with password"),
        ({}, "a mapping with no keys"),
        ([1, "a"], "[1, 'a']"),
        ([{"password": "hidden"}], "[a mapping with password]"),
        (list(range(11)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...]"),
        ([[["hidden"]]], "[[a list]]"),
        (b"hidden", "a bytes"),
        (Part(), "a Part"),
    ],
)
def test_a_wrong_value_is_shown_short_and_without_what_may_be_secret(value: Any, text: str) -> None:
    assert shown(value) == text


def test_the_engine_prints_the_message_alone() -> None:
    assert isinstance(ArgumentError("a", 1, "b"), pulumi.RunError)
    assert str(ArgumentError("a", 1, "must be 2").inside("app.")) == "app.a: must be 2, got 1"
