"""Talk to a running emulator: is it up, what is alive in it, reset it, inject faults."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

CONTROL_PATH = "/_emulator/"


class Control:
    """The emulator's control interface, for tests and command lines. Needs nothing but the standard library."""

    def __init__(self, endpoint: str, timeout: float = 60) -> None:
        """`timeout` in seconds: the first look at everything loads the API model of every service."""
        self.endpoint = endpoint.rstrip("/")
        self._timeout = timeout

    def health(self) -> dict[str, Any]:
        """`{"status": "ok", "pid": ...}`; a ConnectionError when no emulator answers."""
        health: dict[str, Any] = self._request("GET", "health")
        return health

    def resources(self) -> list[dict[str, str]]:
        """Everything alive: service, type, id and region; AWS's own resources and tombstones are left out."""
        resources: list[dict[str, str]] = self._request("GET", "resources")
        return resources

    def reset(self) -> None:
        """Forget every resource, fault and recorded call."""
        self._request("POST", "reset")

    def faults(self) -> list[dict[str, Any]]:
        faults: list[dict[str, Any]] = self._request("GET", "faults")
        return faults

    def set_faults(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Replace the injected faults (see `faults.Fault`); a malformed one is a ValueError."""
        self._request("PUT", "faults", [dict(fault) for fault in faults])

    def calls(self) -> list[str]:
        """The API calls the provider made since the last reset, such as `ec2:CreateVpc`."""
        calls: list[str] = self._request("GET", "calls")
        return calls

    def google_calls(self) -> list[str]:
        """The methods of Google's APIs called since the last reset, such as `run.projects.locations.services.patch`."""
        calls: list[str] = self._request("GET", "google/calls")
        return calls

    def serve_google_services(self, here: bool = True) -> None:
        """Let the URLs of Cloud Run services written from now on lead to this process, which answers for them."""
        self._request("PUT", "google/services-here", here)

    def set_time_series(self, series: Iterable[Mapping[str, Any]]) -> None:
        """What Cloud Monitoring answers from now on, as its API writes it; anything else is a ValueError."""
        self._request("PUT", "google/time-series", [dict(each) for each in series])

    def set_directory(self, directory: str) -> None:
        """Resolve relative paths there: the engine starts a real provider in the program's directory."""
        self._request("PUT", "directory", directory)

    def _request(self, method: str, name: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310
            f"{self.endpoint}{CONTROL_PATH}{name}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(error.read().decode(errors="replace").strip()) from None
        except OSError as error:
            raise ConnectionError(f"no emulator answers at {self.endpoint}: {error}") from error
