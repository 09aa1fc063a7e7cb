"""Fixtures of the tests of the stacks."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import planned_stacks
import pytest
from planned_stacks import STACKS, PlanStack


@pytest.fixture(scope="module", autouse=True)
def _working_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Build contexts are staged below the working directory."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("stacks"))
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def plan_stack() -> PlanStack:
    """`planned_stacks.plan_stack`."""
    return planned_stacks.plan_stack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the stacks whose files a test may write."""
    return Path(shutil.copytree(STACKS, tmp_path / "stacks", ignore=shutil.ignore_patterns("__pycache__", ".pulumi*")))
