"""The container of a service, and of the jobs that run its image: size, variables, probes, network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from pulumi import Input

from ..timeouts import CloudRunTimeouts
from .secrets import SecretVersion

PRIVATE = "PRIVATE_RANGES_ONLY"
"""Only private addresses are reached through the network; the way to the internet stays Cloud Run's own."""
_GEN2_CPU, _GEN2_MEMORY = 1, 512


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one instance has."""

    cpu: float
    """vCPU."""
    memory: int
    """MiB."""
    cpu_idle: bool = True
    """CPU only while a request is answered."""
    startup_cpu_boost: bool = True
    """More CPU while it starts."""

    @property
    def limits(self) -> dict[str, str]:
        """As Google writes them."""
        cpu = f"{self.cpu:g}" if self.cpu >= 1 else f"{round(self.cpu * 1000)}m"
        return {"cpu": cpu, "memory": f"{self.memory}Mi"}

    @property
    def execution_environment(self) -> str:
        """The second generation, a full Linux, where it is large enough for it."""
        gen2 = self.cpu >= _GEN2_CPU and self.memory >= _GEN2_MEMORY
        return f"EXECUTION_ENVIRONMENT_GEN{2 if gen2 else 1}"


def variables(environment: Mapping[str, Input[str]], secrets: Mapping[str, SecretVersion]) -> list[dict[str, Any]]:
    """The `envs` of a container."""
    plain: list[dict[str, Any]] = [{"name": name, "value": environment[name]} for name in sorted(environment)]
    secret = [
        {
            "name": name,
            "value_source": {"secret_key_ref": {"secret": secrets[name].secret, "version": secrets[name].version}},
        }
        for name in sorted(secrets)
    ]
    return plain + secret


def probes(port: int, liveness_path: str, readiness_path: str, timeouts: CloudRunTimeouts) -> dict[str, Any]:
    """A revision that does not get ready never gets traffic; an instance that is not ready gets none; one that is dead
    is replaced."""
    return {
        "startup_probe": {
            "http_get": {"path": readiness_path, "port": port},
            "initial_delay_seconds": timeouts.startup_delay,
            "period_seconds": timeouts.startup_period,
            "timeout_seconds": timeouts.startup_period,
            "failure_threshold": timeouts.startup_checks,
        },
        "readiness_probe": {
            "http_get": {"path": readiness_path, "port": port},
            "period_seconds": timeouts.health_interval,
            "timeout_seconds": timeouts.health_timeout,
            "failure_threshold": timeouts.unhealthy_threshold,
        },
        "liveness_probe": {
            "http_get": {"path": liveness_path, "port": port},
            "period_seconds": timeouts.health_interval,
            "timeout_seconds": timeouts.health_timeout,
            "failure_threshold": timeouts.unhealthy_threshold,
        },
    }


def network_access(network_id: Input[str], subnetwork_id: Input[str]) -> dict[str, Any]:
    """Direct VPC egress: instances have addresses in the subnetwork; there is no connector to pay for."""
    return {"network_interfaces": [{"network": network_id, "subnetwork": subnetwork_id}], "egress": PRIVATE}


def mounts(surroundings: Mapping[str, Any]) -> Optional[list[dict[str, str]]]:
    """The directories of the template's volumes in the container, by the names of the volumes."""
    names = [each["name"] for each in surroundings.get("volumes", ())]
    return [{"name": name, "mount_path": f"/{name}"} for name in names] or None
