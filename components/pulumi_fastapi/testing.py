"""Fixtures for the tests of programs that use this package; pytest finds them by itself once the package is installed.

    def test_tasks_run_on_arm(plan):
        result = plan(program, config={"aws:region": "eu-west-1"})
        assert result.find(aws.ecs.TaskDefinition).inputs["runtimePlatform"]["cpuArchitecture"] == "ARM64"

    def test_a_second_up_changes_nothing(emulated_cloud):
        emulated_cloud.up(program)
        assert not emulated_cloud.up(program).changed

This module is imported by every pytest run where the package is installed, so it imports nothing that takes time.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .emulated_cloud import EmulatedCloud
    from .plan import Plan


@pytest.fixture
def plan() -> "Callable[..., Plan]":
    """`pulumi_fastapi.plan.plan`: run a program in this process and return the resources it asks for."""
    from .plan import plan

    return plan


@pytest.fixture(scope="session")
def _emulated_aws(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """One emulator and one handle of the CLI for all tests."""
    from . import emulated_cloud as cloud

    try:
        engine = cloud.find_engine(request.config.rootpath)
        with cloud.running_emulator() as emulator:
            yield {"engine": cloud.command(engine, tmp_path_factory.mktemp("engine")), **emulator}
    except cloud.SetUpError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def emulated_cloud(_emulated_aws: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> "EmulatedCloud":
    """The real engine on an empty emulated AWS account; fails without the Pulumi CLI or the extra `emulator`."""
    from .emulated_cloud import EmulatedCloud
    from .emulator.control import Control

    control = Control(_emulated_aws["endpoint"])
    control.reset()
    return EmulatedCloud(
        engine=_emulated_aws["engine"],
        control=control,
        environment=_emulated_aws["environment"],
        folder=tmp_path_factory.mktemp("cloud"),
    )
