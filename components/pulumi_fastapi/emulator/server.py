"""One process that is a small AWS and a small Google Cloud: providers for the engine, and the APIs behind them."""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from pulumi_fastapi.emulator.api import Api
from pulumi_fastapi.emulator.aws import RESOURCE_TYPES
from pulumi_fastapi.emulator.control import CONTROL_PATH, Control
from pulumi_fastapi.emulator.docker_build import DockerBuildProvider
from pulumi_fastapi.emulator.faults import Faults
from pulumi_fastapi.emulator.gcp.cloud import GoogleCloud
from pulumi_fastapi.emulator.gcp.http import environment as google_environment
from pulumi_fastapi.emulator.gcp.http import respond
from pulumi_fastapi.emulator.gcp.paths import API_PATH, SERVICE_PATH
from pulumi_fastapi.emulator.gcp.provider import GcpProvider
from pulumi_fastapi.emulator.inventory import live_resources
from pulumi_fastapi.emulator.preconditions import PRECONDITIONS
from pulumi_fastapi.emulator.provider import DEFAULT_REGION, AwsProvider

_HOST = "127.0.0.1"
_PROVIDERS = ("aws", "docker-build", "gcp")
_WORKERS = 16
_MAX_MESSAGE = 400 * 1024 * 1024

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Emulator:
    """A running emulator. Everything it holds is gone when it stops."""

    def __init__(self, port: int = 0) -> None:
        self._faults = Faults()
        self._http, self._thread = self._start_http(port)
        self.endpoint = f"http://{_HOST}:{self._http.server_port}"
        self._api = Api(self.endpoint, self._faults, PRECONDITIONS)
        self.google = GoogleCloud(self._faults)
        self._providers: list[grpc.Server] = []
        ports = {name: self._start_provider(name) for name in _PROVIDERS if _version_of(name) is not None}
        self.pid = os.getpid()
        self.environment = {
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in ports.items()),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **google_environment(self.endpoint),
        }
        self.control = Control(self.endpoint)
        # moto reads its instance catalogue on the first EC2 call, for seconds: while the program is still starting.
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def stop(self) -> None:
        for provider in self._providers:
            provider.stop(grace=None).wait()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_provider(self, name: str) -> int:
        """Serve the provider of that name; its port."""
        version = str(_version_of(name))
        servicers: Mapping[str, Callable[[], provider_pb2_grpc.ResourceProviderServicer]] = {
            "aws": lambda: AwsProvider(self._api, RESOURCE_TYPES, version),
            "docker-build": lambda: DockerBuildProvider(self._api, self.google, version),
            "gcp": lambda: GcpProvider(self.google, version),
        }
        server, port = _start_grpc(servicers[name]())
        self._providers.append(server)
        return port

    def _warm_up(self) -> None:
        self._api.look_up("ec2", "DescribeAvailabilityZones", {}, DEFAULT_REGION)

    def _start_http(self, port: int) -> tuple[Any, threading.Thread]:
        from pulumi_fastapi.emulator.ecs_tasks import end_tasks_by
        from pulumi_fastapi.emulator.moto_patches import prepare_moto

        prepare_moto()
        from pulumi_fastapi.emulator.lambda_invocations import answer_by

        end_tasks_by(self._faults)
        answer_by(self._faults)
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        moto = DomainDispatcherApplication(create_backend_app)
        server = make_server(_HOST, port, self._dispatch(moto), threaded=True, request_handler=MotoRequestHandler)
        server.daemon_threads = True  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, name="emulated-aws", daemon=True)
        thread.start()
        return server, thread

    def _dispatch(self, moto: WsgiApp) -> WsgiApp:
        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            path, method = str(environ.get("PATH_INFO", "")), str(environ["REQUEST_METHOD"])
            if path.startswith((API_PATH, SERVICE_PATH)):
                code, body = self._google(environ, method)
                status = f"{code} {HTTPStatus(code).phrase}"
            elif path.startswith(CONTROL_PATH):
                status, body = self._control(method, path.removeprefix(CONTROL_PATH), _body(environ))
            else:
                return moto(environ, start_response)
            start_response(status, [("Content-Type", "application/json")])
            return [json.dumps(body).encode()]

        return application

    def _google(self, environ: Mapping[str, Any], method: str) -> tuple[int, Any]:
        # The path as it was sent: an identifier may hold an encoded slash.
        path = str(environ.get("RAW_URI") or environ["PATH_INFO"]).partition("?")[0]
        headers = {"authorization": environ["HTTP_AUTHORIZATION"]} if "HTTP_AUTHORIZATION" in environ else {}
        return respond(
            self.google, method, path, str(environ.get("QUERY_STRING", "")), _body(environ).encode(), headers
        )

    def _serve_google_services(self, here: bool) -> None:
        self.google.services_at = f"{self.endpoint}{SERVICE_PATH}" if here else ""

    def _control(self, method: str, name: str, body: str) -> tuple[str, Any]:
        actions: Mapping[tuple[str, str], Callable[[], Any]] = {
            ("GET", "health"): lambda: {"status": "ok", "pid": self.pid},
            ("GET", "resources"): lambda: live_resources(self._api) + self.google.inventory(),
            ("POST", "reset"): self._reset,
            ("GET", "faults"): self._faults.as_dicts,
            ("PUT", "faults"): lambda: self._faults.replace(json.loads(body)),
            ("GET", "calls"): lambda: list(self._api.calls),
            ("GET", "google/calls"): lambda: list(self.google.calls),
            ("PUT", "google/services-here"): lambda: self._serve_google_services(json.loads(body)),
            ("PUT", "google/time-series"): lambda: self.google.set_time_series(json.loads(body)),
            ("PUT", "directory"): lambda: os.chdir(json.loads(body)),
        }
        action = actions.get((method, name))
        if action is None:
            return "404 Not Found", f"no {method} {CONTROL_PATH}{name}"
        try:
            return "200 OK", action()
        except (OSError, ValueError) as error:
            return "400 Bad Request", str(error)

    def _reset(self) -> None:
        from moto.moto_api._internal.models import moto_api_backend

        moto_api_backend.reset()
        self._faults.replace([])
        self._api.calls.clear()
        self.google.reset()


def _body(environ: Mapping[str, Any]) -> str:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length)
    return body.decode()


def _start_grpc(servicer: provider_pb2_grpc.ResourceProviderServicer) -> tuple[grpc.Server, int]:
    server = grpc.server(
        ThreadPoolExecutor(_WORKERS),
        options=[("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.max_send_message_length", _MAX_MESSAGE)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"{_HOST}:0")
    server.start()
    return server, port


def _version_of(provider: str) -> str | None:
    """The version of a provider's SDK; None when it is not installed, and no program can use it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(f"pulumi-{provider}")
    except PackageNotFoundError:
        return None


def serve(port: int = 0) -> Emulator:
    """Start an emulator in threads of this process; ready when this returns."""
    return Emulator(port)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pulumi_fastapi.emulator.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="HTTP port of the AWS API (default: a free one)")
    parser.add_argument("--ready-file", type=Path, help="where to write the connection details as JSON once ready")
    options = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with serve(options.port) as emulator:
        details = json.dumps({"pid": emulator.pid, "endpoint": emulator.endpoint, "environment": emulator.environment})
        if options.ready_file is not None:
            _write_atomically(options.ready_file, details)
        print(details, flush=True)
        # A timeout, as a signal that another thread receives does not wake this one, which has to run the handler.
        while not stopped.wait(0.2):
            pass
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)
    return 0


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
