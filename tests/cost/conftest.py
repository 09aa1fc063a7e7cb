"""Fixtures of the tests of the cost preview."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cost_engine import CONFIG, Project


@pytest.fixture
def project(emulated_cloud: Any, tmp_path: Path) -> Callable[[str], Project]:
    def make(program: str) -> Project:
        folder = tmp_path / "project"
        (folder / "state").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: project\nruntime: python\n")
        (folder / "Pulumi.test.yaml").write_text(json.dumps({"config": CONFIG}))
        environment = {
            **os.environ,
            **emulated_cloud.environment,
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        made = Project(folder, str(emulated_cloud.engine.command), environment)
        made.write(program)
        emulated_cloud.control.set_directory(str(folder))
        made.run("stack", "init")
        return made

    return make
