"""What the tests of Cloud Run's parts plan, and read out of a plan."""

from collections.abc import Callable
from typing import Any

from pulumi_fastapi import CloudRunFastAPIService, CloudRunFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.plan import Plan, plan

IMAGE = f"europe-west1-docker.pkg.dev/shop-1/api/app@sha256:{'a' * 64}"
PLACE = {"gcp:project": "shop-1", "gcp:region": "europe-west1"}
SERVICE = "gcp:cloudrunv2/service:Service"


def planned(program: Callable[[], object], *, preview: bool = False, config: dict[str, Any] | None = None) -> Plan:
    """A plan in one project and region."""
    return plan(program, preview=preview, config=PLACE | (config or {}))


def planned_service(
    name: str = "api",
    *,
    app: FastAPIApp | None = None,
    preview: bool = False,
    config: dict[str, Any] | None = None,
    **args: Any,
) -> Plan:
    """One service of an existing image, with arguments of the test's own."""

    def program() -> None:
        CloudRunFastAPIService(name, CloudRunFastAPIServiceArgs(app=app or FastAPIApp(image=IMAGE), **args))

    return planned(program, preview=preview, config=config)


def service_of(result: Plan) -> dict[str, Any]:
    """The inputs of the one Cloud Run service."""
    return dict(result.find(SERVICE).inputs)


def container_of(result: Plan) -> dict[str, Any]:
    """Its one container."""
    (container,) = service_of(result)["template"]["containers"]
    found: dict[str, Any] = container
    return found


def variables_of(result: Plan) -> dict[str, Any]:
    """Its variables: text, or the reference of a secret."""
    envs = container_of(result)["envs"]
    return {each["name"]: each.get("value", each.get("valueSource", {}).get("secretKeyRef")) for each in envs}
