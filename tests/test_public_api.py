import os
import subprocess
import sys
from pathlib import Path

import pulumi_fastapi
import pytest

PACKAGE = Path(pulumi_fastapi.__file__).parent

WITHOUT_A_NETWORK = """
import socket
def refuse(*args, **kwargs):
    raise RuntimeError("the network was used")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import sys
"""


def run(program: str) -> str:
    """Run a program in a new interpreter: no environment, no network, no warning of ours."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", WITHOUT_A_NETWORK + program],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_public_name_can_be_imported() -> None:
    for name in pulumi_fastapi.__all__:
        assert getattr(pulumi_fastapi, name).__name__ == name


def test_the_public_names_are_sorted_and_told_to_editors() -> None:
    assert pulumi_fastapi.__all__ == sorted(set(pulumi_fastapi.__all__))
    assert set(pulumi_fastapi.__all__) <= set(dir(pulumi_fastapi))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pulumi_fastapi' has no attribute 'Fargate'"):
        pulumi_fastapi.Fargate  # noqa: B018


def test_the_parts_are_public_in_the_clouds_module() -> None:
    from pulumi_fastapi import aws, gcp

    for cloud in (aws, gcp):
        assert cloud.__all__ == sorted(set(cloud.__all__))
        assert all(hasattr(cloud, name) for name in cloud.__all__)


@pytest.mark.parametrize(
    ("name", "sdk", "extra"),
    [("FargateFastAPIService", "pulumi_aws", "aws"), ("CloudRunFastAPIService", "pulumi_gcp", "gcp")],
)
def test_a_component_of_a_cloud_whose_sdk_is_not_installed_says_what_to_install(
    name: str, sdk: str, extra: str
) -> None:
    said = run(f"""
sys.modules[{sdk!r}] = None
try:
    from pulumi_fastapi import {name}
except ImportError as error:
    print(error)
""")
    assert said == (
        f"pulumi_fastapi.{name} needs a package that is not installed: pip install 'pulumi-fastapi[{extra}]'\n"
    )


def test_importing_the_package_loads_no_sdk_at_all() -> None:
    loaded = run("import pulumi_fastapi; print(*sorted(sys.modules))").split()
    assert not {module for module in loaded if module.partition(".")[0] in ("pulumi", "pulumi_aws", "pulumi_gcp")}


def test_every_public_name_is_imported_without_side_effects() -> None:
    loaded = run(
        "import pulumi_fastapi\n"
        "from pulumi_fastapi import *\n"
        "import pulumi_fastapi.aws, pulumi_fastapi.gcp, pulumi_fastapi.plan\n"
        "from pulumi_fastapi.aws import *\n"
        "from pulumi_fastapi.gcp import *\n"
        "print(*sorted({module.partition('.')[0] for module in sys.modules}))"
    ).split()
    assert {"pulumi_aws", "pulumi_gcp"} <= set(loaded)
    assert not {"moto", "boto3", "botocore", "httpx", "googleapiclient"} & set(loaded)


@pytest.mark.parametrize(
    ("component", "other"), [("FargateFastAPIService", "pulumi_gcp"), ("CloudRunFastAPIService", "pulumi_aws")]
)
def test_a_component_loads_no_sdk_of_another_cloud(component: str, other: str) -> None:
    loaded = run(f"from pulumi_fastapi import {component}\nprint(*sys.modules)").split()
    assert other not in loaded


def test_the_heavy_part_of_googles_sdk_is_loaded_only_when_it_is_used() -> None:
    loaded = run("from pulumi_fastapi import CloudRunFastAPIService\nprint(*sys.modules)").split()
    assert "pulumi_gcp.compute.network" not in loaded  # the package itself is there, and waits


def test_importing_writes_nothing(tmp_path: Path) -> None:
    run(f"import os; os.chdir({str(tmp_path)!r}); import pulumi_fastapi.aws, pulumi_fastapi.plan")
    assert list(tmp_path.iterdir()) == []


def test_no_component_module_postpones_its_annotations() -> None:
    """The provider reads them at run time."""
    modules = [
        PACKAGE / "app.py",
        PACKAGE / "component.py",
        *(PACKAGE / "aws").glob("*.py"),
        *(PACKAGE / "gcp").glob("*.py"),
    ]
    assert [path.name for path in modules if "from __future__ import annotations" in path.read_text()] == []


def test_pure_modules_do_not_load_a_cloud() -> None:
    loaded = run("from pulumi_fastapi import connection_pool, rollout, sizing, timeouts\nprint(*sys.modules)").split()
    assert "pulumi_aws" not in loaded
