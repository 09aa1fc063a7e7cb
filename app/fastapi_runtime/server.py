"""Two servers for one app: uvicorn alone for one worker, uvicorn workers under gunicorn for more.

Both answer SIGTERM the same way: serve on for the drain time, not ready any more, then finish what is in flight and
exit 0. Both end a process whose event loop stands still, with the traceback of where it does; gunicorn starts another,
alone the container's platform does. Neither listens before the app is imported and started: until then connections are
refused, and do not wait for an answer in a queue that a load balancer takes for a running app.
"""

import faulthandler
import gc
import logging
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any

import uvicorn
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import ForwardedAllowIPS, make_settings
from gunicorn.errors import AppImportError, HaltServer
from gunicorn.glogging import Logger
from gunicorn.sock import TCPSocket
from uvicorn_worker import UvicornWorker

from . import observability
from .edge import Edge
from .loading import AppNotFound, load
from .observability import Observability, logs
from .observability.metrics import SAMPLE_SECONDS, Lag, Sample, pool_uses, resident_memory
from .settings import Settings, SettingsError

ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 (what reaches a container is decided outside of it)
_TICK_SECONDS = 0.1  # of uvicorn's main loop
_HEARTBEAT_SECONDS = 30
_REPLACE_SECONDS = 1.5  # for a worker that has answered enough, to lose its connections without cutting one
_DEAF_SECONDS = 0.5  # of these, to answer those that have just connected

_CANNOT_START = 3

_log = logging.getLogger(__name__)
# From the variable of the same name, which the edge reads; older versions of gunicorn take no networks there.
ForwardedAllowIPS.default = "127.0.0.1"


class DrainServer(uvicorn.Server):
    """A uvicorn server that watches its event loop, and drains before it stops."""

    def __init__(
        self,
        config: uvicorn.Config,
        edge: Edge,
        observed: Observability,
        *,
        metrics_socket: socket.socket | None = None,
        restarts: int = 0,
        max_requests: int | None = None,
    ) -> None:
        super().__init__(config)
        self._edge = edge
        self._settings = edge.settings
        self._observed = observed
        self._metrics = _metrics_server(edge.publisher) if metrics_socket else None
        self._metrics_socket = metrics_socket
        self._restarts = restarts
        self._lag = Lag(_TICK_SECONDS)
        self._drained_at: float | None = None
        self._max_requests = max_requests
        self._replaced_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On the first SIGTERM begin to drain; more of them change nothing. Ctrl+C stops at once."""
        if sig != signal.SIGTERM:
            super().handle_exit(sig, frame)
        elif self._drained_at is None:
            self._drained_at = time.monotonic() + self._settings.drain
            self._edge.drain()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then listen."""
        await super().startup(sockets)
        if not self.started:  # older versions of uvicorn only note that the app's start-up failed
            sys.exit(_CANNOT_START)
        if self._metrics is not None and self._metrics_socket is not None:
            await self._metrics.startup([self._metrics_socket])
        # What was imported stays for ever: spare every later collection from looking through it.
        gc.collect()
        gc.freeze()

    async def on_tick(self, counter: int) -> bool:
        """Watch the event loop, and stop once the drain time is over."""
        self._lag.tick()
        if counter % (SAMPLE_SECONDS / _TICK_SECONDS) == 0:
            self._sample()
        if self._settings.blocked and counter % 10 == 0:
            # A thread of the interpreter that needs no lock: it also ends a loop that C code holds up.
            # One second more, as the next call is only due in a second.
            faulthandler.dump_traceback_later(self._settings.blocked + 1, exit=True)
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        if self._max_requests is not None and self.server_state.total_requests >= self._max_requests:
            self._make_room()
        return await super().on_tick(counter)

    def _make_room(self) -> None:
        """Leave to another worker: first the connections, then the port, then the work in flight."""
        now = time.monotonic()
        if self._replaced_at is None:
            self._replaced_at = now + _REPLACE_SECONDS
            self._edge.closing = True
            _log.info("this worker has answered its %d requests", self._max_requests)
        elif now >= self._replaced_at:
            self.should_exit = True
        elif now >= self._replaced_at - _DEAF_SECONDS:
            for server in self.servers:
                server.close()  # for new connections, which other workers take

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is in flight, stop the app, publish what was measured."""
        faulthandler.cancel_dump_traceback_later()
        await super().shutdown(sockets)
        if self._metrics is not None:
            await self._metrics.shutdown()
        self._sample()
        self._observed.close()

    def _sample(self) -> None:
        if self._edge.publisher is not None:
            self._edge.publisher.sample(
                Sample(
                    loop_lag=self._lag.take(),
                    memory=resident_memory(),
                    in_flight=self._edge.in_flight,
                    worker_restarts=self._restarts,
                    pools=pool_uses(),
                    checks=self._edge.readiness.results,
                )
            )


def _metrics_server(publisher: Any) -> uvicorn.Server:
    """A second server on the same event loop."""
    config = uvicorn.Config(publisher.scrape, interface="asgi3", log_config=None, lifespan="off", **_UVICORN)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


def _bind(port: int) -> socket.socket:
    """A socket that has its port but does not listen yet: a server does that once its app is ready."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((ALL_ADDRESSES, port))
    bound.set_inheritable(True)
    return bound


def serve_alone(settings: Settings) -> int:
    """Serve with one process; returns its exit code."""
    observed = Observability(settings)
    edge = load(settings, observed)
    config = uvicorn.Config(
        edge,
        host=ALL_ADDRESSES,
        port=settings.port,
        log_config=None,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.graceful,
        **_UVICORN,
    )
    metrics_socket = _bind(settings.metrics_port) if settings.metrics == "prometheus" else None
    # Exits by itself if the app's start-up fails.
    DrainServer(config, edge, observed, metrics_socket=metrics_socket).run()
    return 0


_UVICORN: dict[str, Any] = {
    "access_log": False,  # the edge writes it
    "proxy_headers": False,  # the edge reads them
    "server_header": False,
}


class DrainWorker(UvicornWorker):  # type: ignore[misc]
    """A gunicorn worker around `DrainServer`."""

    CONFIG_KWARGS = {"loop": "auto", "http": "auto", **_UVICORN}  # noqa: RUF012

    def init_process(self) -> None:
        """Prepare the process, then import the app in it: what that opens must not be shared between processes."""
        self.app.observed = Observability(self.app.settings)
        super().init_process()

    async def _serve(self) -> None:
        application: WorkersApplication = self.app
        self.config.app = self.wsgi
        self.config.timeout_graceful_shutdown = application.settings.graceful
        self.config.limit_max_requests = None  # it would cut connections that the load balancer is about to use
        self._install_sigquit_handler()
        server = DrainServer(
            self.config,
            self.wsgi,
            application.observed,
            metrics_socket=application.metrics_socket,
            restarts=max(0, self.age - application.settings.workers),
            max_requests=self.max_requests if application.settings.max_requests else None,
        )
        # Exits by itself if the app's start-up fails, with what gunicorn takes for a worker that cannot boot.
        await server.serve(sockets=self.sockets)


class SilentSocket(TCPSocket):  # type: ignore[misc]
    """A socket that has its port but does not listen yet: the first worker does that once its app is ready."""

    def set_options(self, sock: socket.socket, bound: bool = False) -> socket.socket:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.bind(sock)
        sock.setblocking(False)
        sock.set_inheritable(True)
        return sock


class RootLogger(Logger):  # type: ignore[misc]
    """Gunicorn's log, written as all others are."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and level to the root logger."""
        self.error_log.propagate = True
        self.access_log.disabled = True


class WorkersApplication(BaseApplication):  # type: ignore[misc]
    """Gunicorn, configured by `Settings` alone: no configuration file and no command line is read."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.observed: Observability
        self.metrics_socket = _bind(settings.metrics_port) if settings.metrics == "prometheus" else None
        super().__init__()

    def load_config(self) -> None:
        """Hand the settings to gunicorn."""
        for name, value in gunicorn_settings(self.settings).items():
            self.cfg.set(name, value)

    def load(self) -> Edge:
        """Import the app."""
        try:
            return load(self.settings, self.observed)
        except (AppNotFound, SettingsError) as error:
            raise AppImportError(str(error)) from None

    def run(self) -> None:
        """Start the workers, and serve until SIGTERM."""
        arbiter = Arbiter(self)
        arbiter.LISTENERS = [SilentSocket((ALL_ADDRESSES, self.settings.port), self.cfg, arbiter.log)]
        arbiter.run()


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """The settings by gunicorn's names."""
    return {
        "workers": settings.workers,
        "worker_class": DrainWorker,
        "logger_class": RootLogger,
        "keepalive": settings.keep_alive,
        "max_requests": settings.max_requests,
        "max_requests_jitter": settings.max_requests // 5,  # or all workers are replaced at the same time
        # For a worker that stops this is the end of its drain and its grace, with a moment for the app's own shutdown.
        "graceful_timeout": settings.drain + settings.graceful + 3,
        # The heartbeat begins before the app is imported.
        "timeout": max(_HEARTBEAT_SECONDS, settings.startup),
        # Heartbeats go to a file, and on a busy disk that blocks.
        "worker_tmp_dir": observability.memory_directory(),
        # A unix socket in the working directory, which is read-only.
        # Older versions, which an app's lock may choose, have none.
        **({"control_socket_disable": True} if "control_socket_disable" in make_settings() else {}),
        **({"child_exit": _forget_worker} if settings.metrics == "prometheus" else {}),
    }


def _forget_worker(_: Arbiter, worker: DrainWorker) -> None:
    from .observability.prometheus import forget_worker

    forget_worker(worker.pid)


def serve_workers(settings: Settings) -> int:
    """Serve with several processes; returns the exit code."""
    logs.configure(settings.log_level, as_json=settings.log_json)
    observability.share_metrics_between_workers(settings)
    try:
        WorkersApplication(settings).run()
    except SystemExit as end:  # gunicorn's way to return
        return int(end.code or 0)
    except HaltServer as halt:  # a second worker failed while the first one's failure was handled
        return int(halt.exit_status)
    return 0
