"""Two servers for one app: uvicorn alone for one worker, uvicorn workers under gunicorn for more.

Alone, a blocked worker is found by the container's liveness check; gunicorn finds and replaces it among several. Both
answer SIGTERM the same way: serve on for the drain time, not ready any more, then finish what is in flight and exit 0.
"""

import os
import signal
import time
from types import FrameType
from typing import Any

import uvicorn
from gunicorn.app.base import BaseApplication
from gunicorn.config import make_settings
from gunicorn.errors import AppImportError, HaltServer
from uvicorn.importer import ImportFromStringError, import_from_string
from uvicorn_worker import UvicornWorker

from .edge import Edge
from .settings import Settings

ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 (what reaches a container is decided outside of it)
_HEARTBEAT_SECONDS = 30


class AppNotFound(Exception):
    """The module or the attribute of `APP_MODULE` does not exist."""


def load(settings: Settings) -> Edge:
    """Import the app and put the edge before it.

    Raises:
        AppNotFound: no such module or attribute. Errors inside the app's own modules come through as they are.
    """
    factory = settings.module.endswith("()")
    try:
        app = import_from_string(settings.module.removesuffix("()"))
    except ImportFromStringError as error:
        raise AppNotFound(f"APP_MODULE={settings.module}: {error} Looked in {os.getcwd()}.") from None
    return Edge(app() if factory else app, settings)


class DrainServer(uvicorn.Server):
    """A uvicorn server that drains before it stops."""

    def __init__(self, config: uvicorn.Config, edge: Edge, drain: int) -> None:
        super().__init__(config)
        self._edge = edge
        self._drain = drain
        self._drained_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On the first SIGTERM begin to drain; more of them change nothing. Ctrl+C stops at once."""
        if sig != signal.SIGTERM:
            super().handle_exit(sig, frame)
        elif self._drained_at is None:
            self._drained_at = time.monotonic() + self._drain
            self._edge.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Stop once the drain time is over."""
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        return await super().on_tick(counter)


def serve_alone(settings: Settings) -> int:
    """Serve with one process; returns its exit code."""
    edge = load(settings)
    config = uvicorn.Config(
        edge,
        host=ALL_ADDRESSES,
        port=settings.port,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.graceful,
        server_header=False,
    )
    DrainServer(config, edge, settings.drain).run()  # exits with 3 by itself if the app's start-up fails
    return 0


class DrainWorker(UvicornWorker):  # type: ignore[misc]
    """A gunicorn worker around `DrainServer`."""

    CONFIG_KWARGS = {"loop": "auto", "http": "auto", "server_header": False}  # noqa: RUF012

    async def _serve(self) -> None:
        settings: Settings = self.app.settings
        self.config.app = self.wsgi
        self.config.timeout_graceful_shutdown = settings.graceful
        self._install_sigquit_handler()
        # Exits with 3 by itself if the app's start-up fails, which gunicorn takes for a worker that cannot boot.
        await DrainServer(self.config, self.wsgi, settings.drain).serve(sockets=self.sockets)


class WorkersApplication(BaseApplication):  # type: ignore[misc]
    """Gunicorn, configured by `Settings` alone: no configuration file and no command line is read."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Hand the settings to gunicorn."""
        for name, value in gunicorn_settings(self.settings).items():
            self.cfg.set(name, value)

    def load(self) -> Edge:
        """Import the app, in each worker: what it opens on import must not be shared between processes."""
        try:
            return load(self.settings)
        except AppNotFound as error:
            raise AppImportError(str(error)) from None


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """The settings by gunicorn's names."""
    return {
        "bind": f"{ALL_ADDRESSES}:{settings.port}",
        "workers": settings.workers,
        "worker_class": DrainWorker,
        "keepalive": settings.keep_alive,
        # For a worker that stops this is the end of its drain and its grace, with a moment for the app's own shutdown.
        "graceful_timeout": settings.drain + settings.graceful + 3,
        # The heartbeat begins before the app is imported.
        "timeout": max(_HEARTBEAT_SECONDS, settings.startup),
        # Heartbeats go to a file, and on a busy disk that blocks; /dev/shm can be written with a read-only root, too.
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108
        "accesslog": "-",
        # A unix socket in the working directory, which is read-only.
        # Older versions, which an app's lock may choose, have none.
        **({"control_socket_disable": True} if "control_socket_disable" in make_settings() else {}),
    }


def serve_workers(settings: Settings) -> int:
    """Serve with several processes; returns the exit code."""
    try:
        WorkersApplication(settings).run()
    except SystemExit as end:  # gunicorn's way to return
        return int(end.code or 0)
    except HaltServer as halt:  # a second worker failed while the first one's failure was handled
        return int(halt.exit_status)
    return 0
