"""Whatever a file holds, pricing says what it could not price and never fails."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi_fastapi.cost
import pytest
from cost_programs import at, resource
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_fastapi.cost import InputError, estimate, from_file
from pulumi_fastapi.cost.estimator import PRICING
from pulumi_fastapi.cost.render import Report, as_json, html, markdown, summary
from pulumi_fastapi.cost.resources import HIDDEN

SOURCE = "".join((Path(pulumi_fastapi.cost.__file__).parent / f"{name}.py").read_text() for name in ("aws", "gcp"))
KEYS = sorted(
    {part for path in re.findall(r'(?:get|need)\(f?"([\w.{}]+)"', SOURCE) for part in path.split(".")} - {"{scaling}"}
)

values = st.recursive(
    st.sampled_from(
        [HIDDEN, None, True, False, 0, -1, 3, 10**40, "", "FARGATE", "db.t4g.micro", "1 GB", "rate(0 days)", "x"]
    )
    | st.floats(allow_nan=True)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


def test_keys_are_those_the_code_reads():
    assert {"instanceClass", "networkConfiguration", "assignPublicIp", "containers"} <= set(KEYS)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_odd_inputs_are_listed_and_never_fail(data):
    types = data.draw(st.lists(st.sampled_from(sorted(PRICING)), min_size=1, max_size=5))
    stack: list[Any] = []
    for index, type_ in enumerate(
        [*types, "aws:ecs/taskDefinition:TaskDefinition", "aws:appautoscaling/target:Target"]
    ):
        inputs = data.draw(st.dictionaries(st.sampled_from(KEYS), values, max_size=8))
        links = {
            key: [data.draw(st.sampled_from(stack))]
            for key in data.draw(st.lists(st.sampled_from(KEYS), max_size=3))
            if stack
        }
        made = resource(type_, f"r{index}", links=links)
        made.inputs.update(inputs)  # type: ignore[attr-defined]
        stack.append(made)

    report = Report(title="odd", estimate=estimate(stack, usage=at(10)))

    for show in (as_json, markdown, html, summary):
        assert show(report)


@settings(max_examples=50, deadline=None)
@given(
    text=st.text() | st.recursive(st.sampled_from(["null", "1", '"x"', "true"]), lambda inner: inner.map("[{}]".format))
)
def test_odd_files_are_refused_in_one_line(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "odd.json"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")

    with pytest.raises(InputError) as error:
        from_file(file)
    assert str(error.value)


shapes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["urn", "type", "op", "newState", "inputs", "outputs", "resources", "provider", "custom"]),
            inner,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(["deployment", "steps"]), value=shapes)
def test_files_of_an_odd_shape_are_refused_or_empty(tmp_path_factory, kind, value):
    file = tmp_path_factory.getbasetemp() / "shape.json"
    file.write_text(json.dumps({kind: value}))

    try:
        resources = from_file(file)
    except InputError:
        return
    estimate(resources)
