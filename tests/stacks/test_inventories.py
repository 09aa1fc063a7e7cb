"""Each stack against the inventory of what matters in it.

An inventory lists what a reader would check: mappings are compared by subset, lists exactly, and `__missing__` says
that something must not be there. A resource is named by its type, and by its name where there are several of that type.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from planned_stacks import PlanStack
from pulumi_fastapi.plan import Plan, Resource
from pulumi_fastapi.planned import plain

INVENTORIES = sorted((Path(__file__).parent / "inventories").glob("*.yaml"))
MISSING = "__missing__"


@pytest.fixture(scope="module", params=INVENTORIES, ids=lambda path: path.stem)
def stack(request: pytest.FixtureRequest, plan_stack: PlanStack) -> tuple[Plan, dict[str, Any]]:
    return plan_stack(request.param.stem), yaml.safe_load(request.param.read_text())


def test_resources_have_the_listed_inputs(stack: tuple[Plan, dict[str, Any]]) -> None:
    plan, inventory = stack
    for resource, expected in inventory["values"].items():
        assert differences(find(plan, resource).inputs, expected, resource) == []


def test_resources_have_the_listed_options(stack: tuple[Plan, dict[str, Any]]) -> None:
    plan, inventory = stack
    for resource, expected in inventory["options"].items():
        assert differences(plain(vars(find(plan, resource).options)), expected, resource) == []


def test_there_are_as_many_resources_as_listed(stack: tuple[Plan, dict[str, Any]]) -> None:
    plan, inventory = stack
    counts = Counter(resource.type for resource in plan.resources)
    counts["resources"] = len(plan.resources)
    assert differences(counts, inventory["counts"], "counts") == []


def test_outputs_are_as_listed(stack: tuple[Plan, dict[str, Any]]) -> None:
    plan, inventory = stack
    assert differences(plain(plan.outputs), inventory["outputs"], "outputs") == []


def test_every_stack_has_an_inventory() -> None:
    stacks = Path(__file__).parents[2] / "stacks"
    assert {path.stem for path in INVENTORIES} == {
        path.stem.removeprefix("Pulumi.") for path in stacks.glob("Pulumi.*.yaml")
    }


def find(plan: Plan, resource: str) -> Resource:
    type_, _, name = resource.partition(" ")
    return plan.find(type_, name or None)


def differences(got: Any, expected: Any, path: str) -> list[str]:
    """Where `got` is not what the inventory says, as text."""
    if not isinstance(expected, Mapping):
        return (
            [] if got == expected and type(got) is type(expected) else [f"{path}: {expected!r} expected, got {got!r}"]
        )
    if not isinstance(got, Mapping):
        return [f"{path}: a mapping expected, got {got!r}"]
    found = []
    for key, value in expected.items():
        if value == MISSING:
            found += [f"{path}.{key}: nothing expected, got {got[key]!r}"] if got.get(key) is not None else []
        elif key not in got:
            found.append(f"{path}.{key}: {value!r} expected, got nothing")
        else:
            found += differences(got[key], value, f"{path}.{key}")
    return found


@pytest.mark.parametrize(
    ("got", "expected", "wrong"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, 0),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2}}, 0),
        ({"a": [1, 2]}, {"a": [1]}, 1),
        ({"a": 1}, {"b": 1}, 1),
        ({"a": 1}, {"a": MISSING}, 1),
        ({"a": 1}, {"b": MISSING}, 0),
        ({"a": True}, {"a": 1}, 1),
        ({"a": 1}, {"a": {"b": 1}}, 1),
    ],
)
def test_inventories_are_compared_by_subset(got: Any, expected: Any, wrong: int) -> None:
    assert len(differences(got, expected, "")) == wrong
