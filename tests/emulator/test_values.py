import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_fastapi.emulator.values import (
    UNKNOWN,
    Secret,
    conceal,
    decode_struct,
    encode_struct,
    encode_value,
    has_unknown,
    reveal,
    same,
)

scalars = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
values = st.recursive(
    scalars | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
properties = st.dictionaries(st.text(min_size=1, max_size=5), values | values.map(Secret), max_size=4)


@given(properties)
def test_values_survive_the_way_to_the_engine_and_back(given_properties):
    assert decode_struct(encode_struct(given_properties)) == given_properties


@given(properties)
def test_revealed_values_hold_no_secret_marks(given_properties):
    assert not any(isinstance(value, Secret) for value in reveal(given_properties).values())


def test_value_of_no_kind_is_refused():
    with pytest.raises(TypeError):
        encode_value(object())


def test_secret_comes_back_where_it_was():
    marked = {"environment": {"KEY": Secret("hunter2"), "LEVEL": "info"}}

    concealed = conceal({"environment": {"KEY": "hunter2", "LEVEL": "info"}}, marked)

    assert concealed == marked


def test_secret_repeated_under_another_name_is_marked():
    concealed = conceal({"tags": {"a": "hunter2"}, "tagsAll": {"a": "hunter2"}}, {"tags": Secret({"a": "hunter2"})})

    assert concealed["tagsAll"] == Secret({"a": "hunter2"})


def test_named_output_is_always_secret():
    concealed = conceal({"password": "plain", "name": "db"}, {}, frozenset({"password"}))

    assert concealed == {"password": Secret("plain"), "name": "db"}


def test_unknown_is_found_deep_inside():
    assert has_unknown({"a": [{"b": UNKNOWN}]})


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, "1"),
        (True, "true"),
        (60.0, "60"),
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}'),
        ([1.0], ["1"]),
        ({"a": None}, {}),
    ],
)
def test_the_same_written_differently(left, right):
    assert same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, 2), ("a", "b"), ('{"a": 1}', '{"a": 2}'), ([1], [1, 2]), ({"a": 1}, "a"), (UNKNOWN, UNKNOWN)],
)
def test_not_the_same(left, right):
    assert not same(left, right)
