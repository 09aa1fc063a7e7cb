"""The times that docs/deployments.md states are those of the formula."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deployments_benchmark", ROOT / "benchmarks" / "deployments.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_what_the_benchmark_prints(benchmark: ModuleType) -> None:
    page = (ROOT / "docs" / "deployments.md").read_text()
    found = benchmark.rows()
    base = found["ROLLING"][0].total
    for name, (usual, longest) in found.items():
        most = longest.total if longest else "-"
        assert f"| {name} | {usual.total} | {usual.total / base:.1f} | {most} |" in page


def test_a_rolling_deploy_takes_less_than_half_of_what_other_tools_take(benchmark: ModuleType) -> None:
    found = benchmark.rows()
    for other in benchmark.OTHERS:
        assert 2 * found["ROLLING"][0].total <= found[other][0].total
