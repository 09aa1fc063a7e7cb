"""Updates of a Cloud Run service on the real engine: a revision that fails never passes for one that serves."""

from typing import Any

import pulumi
import pytest
from pulumi_fastapi import CloudRunFastAPIService, CloudRunFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.emulated_cloud import Deployment, DeploymentError

pytestmark = pytest.mark.engine

CONFIG = {"gcp:project": "shop-1", "gcp:region": "europe-west1"}
BROKEN = {"operation": "run:Revision", "effect": "failed", "log": "KeyError: 'STRIPE_KEY'"}


def shop(version: int = 1, app: dict[str, Any] | None = None, **args: Any):
    """A program with one service, of the image of that version."""
    image = f"europe-docker.pkg.dev/public/shop/app@sha256:{str(version) * 64}"

    def program() -> None:
        settings = {"deletion_protection": False, "enable_apis": False, **args}
        made = CloudRunFastAPIService(
            "shop", CloudRunFastAPIServiceArgs(app=FastAPIApp(image=image, **(app or {})), **settings)
        )
        for output in ("url", "revision", "service_name"):
            pulumi.export(output, getattr(made, output))

    return program


def updated(deployment: Deployment) -> list[str]:
    """The types of what was updated in the cloud; components are updated whenever one of their inputs is."""
    kinds = [each.urn.split("::")[2].rpartition("$")[2] for each in deployment.operations if each.kind == "update"]
    return [kind for kind in kinds if kind.startswith("gcp:")]


def test_it_comes_up_stays_as_it_is_changes_in_place_and_leaves_nothing(emulated_cloud):
    program = shop(1, app={"secrets": {"KEY": "value-1"}})
    first = emulated_cloud.up(program, config=CONFIG)
    assert first.outputs["revision"].startswith("shop-")
    assert not emulated_cloud.up(program, config=CONFIG).changed

    image = emulated_cloud.up(shop(2, app={"secrets": {"KEY": "value-1"}}), config=CONFIG)
    assert updated(image) == ["gcp:cloudrunv2/service:Service"]
    secret = emulated_cloud.up(shop(2, app={"secrets": {"KEY": "value-2"}}), config=CONFIG)
    assert len({each.outputs["revision"] for each in (first, image, secret)}) == 3

    emulated_cloud.destroy()
    assert emulated_cloud.resources() == []


def test_a_revision_that_fails_is_no_success_however_often_it_is_tried(emulated_cloud):
    """The provider keeps what was asked for as its state, so another `up` finds nothing to do: once more, and with a
    refresh, it has to fail all the same, until the service is well."""
    first = emulated_cloud.up(shop(1), config=CONFIG)
    emulated_cloud.faults(BROKEN)
    with pytest.raises(DeploymentError, match="KeyError: 'STRIPE_KEY'"):
        emulated_cloud.up(shop(2), config=CONFIG)

    emulated_cloud.faults()
    with pytest.raises(DeploymentError, match=r"shop: revision shop-\w+ was not made, the last one is shop-"):
        emulated_cloud.up(shop(2), config=CONFIG)
    emulated_cloud.refresh()
    with pytest.raises(DeploymentError, match=r"is not ready .*startup probe.*The revision before keeps the traffic"):
        emulated_cloud.up(shop(2), config=CONFIG)

    # The name of a revision that failed is taken: the same once more is another revision.
    again = emulated_cloud.up(shop(2, redeploy="the key exists now"), config=CONFIG)
    assert again.outputs["revision"] != first.outputs["revision"]
    assert not emulated_cloud.up(shop(2, redeploy="the key exists now"), config=CONFIG).changed


def test_a_first_revision_that_fails_is_no_success_either(emulated_cloud):
    emulated_cloud.faults({**BROKEN, "times": 1})
    with pytest.raises(DeploymentError, match="startup probe"):
        emulated_cloud.up(shop(1), config=CONFIG)
    with pytest.raises(DeploymentError, match=r"startup probe|was not made|is not ready"):
        emulated_cloud.up(shop(1), config=CONFIG)
    assert emulated_cloud.up(shop(2), config=CONFIG).outputs["revision"].startswith("shop-")


def test_a_migration_that_fails_keeps_the_new_version_away_however_often_it_is_tried(emulated_cloud):
    migrate = ["alembic", "upgrade", "head"]
    first = emulated_cloud.up(shop(1, migrate=migrate), config=CONFIG)
    # A preview of a change does not take it for a failure.
    planned = emulated_cloud.preview(shop(2, migrate=migrate), config=CONFIG)
    assert updated(planned) == ["gcp:cloudrunv2/job:Job", "gcp:cloudrunv2/service:Service"]

    emulated_cloud.faults({"operation": "run:Execution", "exit_code": 1, "log": "relation exists", "times": 1})
    with pytest.raises(DeploymentError, match="relation exists"):
        emulated_cloud.up(shop(2, migrate=migrate), config=CONFIG)
    with pytest.raises(DeploymentError, match=r"the migration of this version did not end well"):
        emulated_cloud.up(shop(2, migrate=migrate), config=CONFIG)
    refreshed = emulated_cloud.refresh()
    assert refreshed.outputs["revision"] == first.outputs["revision"]
    with pytest.raises(DeploymentError, match=r"the migration of this version did not end well: Task .* code 1"):
        emulated_cloud.up(shop(2, migrate=migrate), config=CONFIG)

    again = emulated_cloud.up(shop(2, migrate=migrate, redeploy="relation dropped"), config=CONFIG)
    assert again.outputs["revision"] != first.outputs["revision"]
