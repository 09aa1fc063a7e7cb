from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import (
    Database,
    DatabaseArgs,
    ExistingNetwork,
    FargateFastAPIService,
    FargateFastAPIServiceArgs,
    Network,
)
from pulumi_fastapi.plan import Plan, plan
from reading import IMAGE, PlanService


@pytest.fixture(autouse=True)
def _away_from_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build contexts are staged below the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def existing_network() -> ExistingNetwork:
    return ExistingNetwork(vpc_id="vpc-1", public_subnet_ids=["subnet-a", "subnet-b"])


@pytest.fixture
def service(existing_network: ExistingNetwork) -> PlanService:
    """Plan one service of an existing image in an existing network, with arguments of the test's own."""

    def make(name: str = "api", *, preview: bool = False, app: FastAPIApp | None = None, **args: Any) -> Plan:
        defaults = {"network": existing_network, "app": app or FastAPIApp(image=IMAGE)}

        def program() -> None:
            FargateFastAPIService(name, FargateFastAPIServiceArgs(**(defaults | args)))

        return plan(program, preview=preview)

    return make


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A service with everything: own network, image, secrets, database, HTTPS; with values as after a deployment."""

    def program() -> None:
        network = Network("net")
        database = Database("db", DatabaseArgs(network=network, instance_class="db.t4g.medium"))
        api = FargateFastAPIService(
            "api",
            FargateFastAPIServiceArgs(
                app=FastAPIApp(environment={"LOG_LEVEL": "info"}, secrets={"STRIPE_KEY": "sk_live_do_not_show"}),
                network=network,
                database=database,
                domain="api.example.com",
                zone_id="Z123",
            ),
        )
        pulumi.export("url", api.url)

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("program"))
        return plan(program, preview=False)
