"""`pulumi-fastapi deploy` as a user runs it: the real command and engine, an emulated Google Cloud."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
from pulumi_fastapi import CloudRunFastAPIService, CloudRunFastAPIServiceArgs, FastAPIApp

version = pulumi.Config().require("version")
image = f"europe-docker.pkg.dev/public/shop/app@sha256:{version * 64}"
CloudRunFastAPIService(
    "shop",
    CloudRunFastAPIServiceArgs(app=FastAPIApp(image=image), deletion_protection=False, enable_apis=False),
)
"""
SERVICE = "projects/shop-1/locations/europe-west1/services/shop"
BROKEN = {"operation": "run:Revision", "effect": "failed", "log": "no such module"}


@dataclass
class Shop:
    """A project on disk with one stack, and the service that it deploys."""

    folder: Path
    environment: dict[str, str]

    @property
    def file(self) -> Path:
        return self.folder / "Pulumi.test.yaml"

    def version(self, number: int) -> None:
        config = yaml.safe_load(self.file.read_text()) or {}
        config["config"]["shop:version"] = str(number)
        self.file.write_text(yaml.safe_dump(config))

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pulumi_fastapi.cli", "deploy", "--stack", "test", "--json", *options]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def deploy(self, *options: str, bake_minutes: float = 0) -> tuple[int, dict[str, Any]]:
        """Exit code and outcome."""
        process = self.start("--bake-minutes", str(bake_minutes), *options)
        out, progress = process.communicate(timeout=600)
        assert out, progress
        return process.returncode, json.loads(out)

    def up(self) -> subprocess.CompletedProcess[str]:
        """A plain `pulumi up` of everything."""
        command = [
            self.environment["PULUMI_BIN"],
            "up",
            "--yes",
            "--skip-preview",
            "--stack",
            "test",
            "--color",
            "never",
        ]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=600
        )

    def traffic(self) -> dict[str, int]:
        """Revision to its share, as Cloud Run has it."""
        url = self.environment["GOOGLE_CLOUD_RUN_V2_CUSTOM_ENDPOINT"] + SERVICE
        service = httpx.get(url).raise_for_status().json()
        latest = service["latestReadyRevision"].rpartition("/")[2]
        return {each.get("revision", latest): each.get("percent", 0) for each in service["trafficStatuses"]}

    def releases(self) -> Any:
        """What the stack's file says of releases."""
        return (yaml.safe_load(self.file.read_text())["config"]).get("pulumi-fastapi:releases")


@pytest.fixture
def shop(emulated_cloud, tmp_path: Path) -> Shop:
    emulated_cloud.control.serve_google_services()
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "__main__.py").write_text(PROGRAM)
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: program\n")
    config = {"gcp:project": "shop-1", "gcp:region": "europe-west1", "shop:version": "1"}
    (tmp_path / "Pulumi.test.yaml").write_text(yaml.safe_dump({"config": config}))
    from pulumi_fastapi.emulated_cloud import find_engine

    engine = find_engine(Path(__file__).parents[2])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    environment |= emulated_cloud.environment
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": (tmp_path / "state").as_uri(),
        "PULUMI_BIN": str(engine),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    made = Shop(tmp_path, environment)
    subprocess.run(
        [str(engine), "stack", "init", "test"], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    return made


def answers(revision: str, count: int, answer: str = "2xx") -> dict[str, Any]:
    """What Cloud Monitoring holds of a revision, from now on for some minutes."""
    end = datetime.now(UTC) + timedelta(seconds=1)
    points = [
        {
            "interval": {"startTime": written(end), "endTime": written(end + timedelta(seconds=second))},
            "value": {"int64Value": str(count)},
        }
        for second in range(1, 120, 2)
    ]
    return {
        "metric": {"type": "run.googleapis.com/request_count", "labels": {"response_code_class": answer}},
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"service_name": "shop", "location": "europe-west1", "revision_name": revision},
        },
        "metricKind": "DELTA",
        "valueType": "INT64",
        "points": points,
    }


def written(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_a_canary_gets_the_traffic_in_steps_and_a_rollback_takes_it_away(shop):
    code, first = shop.deploy()
    assert (code, first["result"]) == (0, "released")

    shop.version(2)
    code, canary = shop.deploy("--strategy", "canary", "--steps", "10,100")
    assert (code, canary["result"], canary["stable"]) == (0, "released", first["candidate"])
    assert [each["percent"] for each in canary["steps"]] == [10, 100]
    assert shop.traffic() == {canary["candidate"]: 100}
    assert shop.releases() is None

    code, back = shop.deploy("--rollback")
    assert (code, back["result"]) == (0, "went back")
    assert shop.traffic() == {first["candidate"]: 100, canary["candidate"]: 0}

    # A plain update in between moves nothing, and says so.
    shop.version(3)
    plain = shop.up()
    assert plain.returncode == 0, plain.stdout
    assert f"revision {first['candidate']} has 100 % of the traffic" in plain.stdout + plain.stderr
    assert shop.traffic()[first["candidate"]] == 100

    code, rolling = shop.deploy("--strategy", "rolling")
    assert (code, rolling["result"]) == (0, "released")
    assert shop.traffic() == {rolling["candidate"]: 100}


def test_what_fails_never_keeps_the_traffic(shop, emulated_cloud):
    _, first = shop.deploy()
    stable = first["candidate"]

    shop.version(2)
    emulated_cloud.faults(BROKEN)
    code, broken = shop.deploy()
    assert (code, broken["result"]) == (1, "failed")
    assert "no such module" in broken["reason"]
    assert shop.traffic()[stable] == 100

    shop.version(3)
    emulated_cloud.faults({"operation": "run:Request", "code": "INTERNAL", "status": 500})
    code, untrue = shop.deploy("--smoke-test", "/orders", "--smoke-seconds", "1")
    assert (code, untrue["result"]) == (1, "went back")
    assert "/orders answers 500" in untrue["reason"]
    assert shop.traffic() == {stable: 100, untrue["candidate"]: 0}

    emulated_cloud.faults()
    emulated_cloud.control.set_time_series([answers(untrue["candidate"], 30), answers(untrue["candidate"], 5, "5xx")])
    code, canary = shop.deploy("--strategy", "canary", bake_minutes=0.1)
    assert (code, canary["result"], canary["candidate"]) == (1, "went back", untrue["candidate"])
    assert "were answered 5xx, more than 1 %" in canary["reason"]
    assert canary["reason"].startswith("at 10 %")
    assert shop.traffic() == {stable: 100, canary["candidate"]: 0}


def test_a_release_goes_on_where_it_was_when_it_was_killed(shop):
    _, first = shop.deploy()
    shop.version(2)
    process = shop.start("--strategy", "canary", "--steps", "10,100", "--bake-minutes", "60")
    deadline = time.monotonic() + 120
    seen = ""
    while "no requests seen yet" not in seen and time.monotonic() < deadline:
        seen += process.stderr.readline()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert "10 % of the traffic to shop-" in seen
    assert sorted(shop.traffic().values()) == [10, 90]

    # Another machine may go on: the state of the stack knows, even where its file does not.
    config = yaml.safe_load(shop.file.read_text())
    del config["config"]["pulumi-fastapi:releases"]
    shop.file.write_text(yaml.safe_dump(config))
    code, done = shop.deploy("--strategy", "canary", "--steps", "10,100")
    assert (code, done["result"], done["stable"]) == (0, "released", first["candidate"])
    assert [each["percent"] for each in done["steps"]] == [100]
    assert shop.traffic() == {done["candidate"]: 100}


def test_nothing_is_there_to_go_back_to(shop):
    process = shop.start("--rollback")
    out, problem = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, "")
    assert problem == "error: nothing is deployed, so there is nothing to go back to\n"
