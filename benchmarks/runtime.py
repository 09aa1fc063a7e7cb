"""What the runtime costs, as ratios within one run: CPU per request, time to import, memory and requests per second.

Every server runs in processes of its own with the interpreter, uvloop and httptools of this environment. CPU is what
the kernel booked on the server's processes, so the client's share of the machine does not count; rounds alternate
between the servers, and the cheapest round counts, as what others do on the machine only adds. Bytecode is compiled
first, as in the image. Run with `python benchmarks/runtime.py`.
"""

import asyncio
import compileall
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 12
REQUESTS = 2000
CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")

BARE = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/items/{item}")
async def read(item: int) -> dict[str, int]:
    return {"item": item}
"""

# The middleware of the article, put right only where it does not run at all: its header class expects a response where
# ASGI has none, and its logger has no handler.
ARTICLE = (
    BARE
    + """
import json, logging, sys, time
from datetime import datetime, timezone
from fastapi import Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from prometheus_client import Counter, Gauge, Histogram

class JSONFormatter(logging.Formatter):
    def format(self, record):
        entry = {
            "timestamp": datetime.now(timezone.utc).isoformat(), "level": record.levelname,
            "message": record.getMessage(), "module": record.module, "function": record.funcName, "line": record.lineno,
        }
        for name in ("method", "url", "status_code", "process_time"):
            if hasattr(record, name):
                entry[name] = getattr(record, name)
        return json.dumps(entry)

handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(JSONFormatter())
logging.basicConfig(level=logging.INFO, handlers=[handler])
logger = logging.getLogger("article")
REQUEST_COUNT = Counter("fastapi_requests_total", "Total requests", ["method", "endpoint", "status"])
REQUEST_DURATION = Histogram("fastapi_request_duration_seconds", "Request duration", ["method", "endpoint"])
ACTIVE_CONNECTIONS = Gauge("fastapi_active_connections", "Active connections")

class MetricsMiddleware:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start, method, path = time.time(), scope["method"], scope["path"]
        try:
            ACTIVE_CONNECTIONS.inc()

            async def send_wrapper(message):
                if message["type"] == "http.response.start":
                    REQUEST_COUNT.labels(method=method, endpoint=path, status=message["status"]).inc()
                    REQUEST_DURATION.labels(method=method, endpoint=path).observe(time.time() - start)
                await send(message)

            await self.app(scope, receive, send_wrapper)
        finally:
            ACTIVE_CONNECTIONS.dec()

@app.middleware("http")
async def security_headers(request: Request, call_next):
    response = await call_next(request)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["X-XSS-Protection"] = "1; mode=block"
    response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return response

@app.middleware("http")
async def log_requests(request: Request, call_next):
    start = time.time()
    response = await call_next(request)
    extra = {"method": request.method, "url": str(request.url), "status_code": response.status_code,
             "process_time": time.time() - start}
    logger.info("Request completed", extra=extra)
    return response

app.add_middleware(GZipMiddleware, minimum_size=1000)
app.add_middleware(MetricsMiddleware)
app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "*.yourdomain.com"])
app.add_middleware(CORSMiddleware, allow_origins=["https://yourdomain.com"], allow_credentials=True,
                   allow_methods=["GET", "POST", "PUT", "DELETE"], allow_headers=["Authorization", "Content-Type"])
"""
)

LOAD = """
import os
from fastapi_runtime.loading import load
from fastapi_runtime.observability import Observability
from fastapi_runtime.settings import Settings
settings = Settings.from_environment(os.environ)
load(settings, Observability(settings))
"""
UVICORN = ("-m", "uvicorn", "main:app", "--no-access-log", "--port")
RUNTIME = ("-m", "fastapi_runtime")


@contextmanager
def server(code: str, arguments: tuple[str, ...], **environment: str) -> Iterator[tuple[int, int]]:
    """A server around `code`, once it answers; its process and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "main.py").write_text(code)
        process = subprocess.Popen(
            [sys.executable, *arguments, *([str(port)] if arguments[-1] == "--port" else [])],
            cwd=directory,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT / "app"),
                "PORT": str(port),
                "APP_MODULE": "main:app",
                "WEB_CONCURRENCY": "1",
                "DRAIN_SECONDS": "0",
                **environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 30
            while True:
                try:
                    asyncio.run(load(port, 1, 1))
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise SystemExit(f"{arguments} does not start") from None
                    time.sleep(0.02)
            yield process.pid, port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


async def load(port: int, requests: int, connections: int) -> float:
    """Ask so often over so many connections that stay open; returns the seconds it took."""
    request = b"GET /items/7 HTTP/1.1\r\nhost: localhost\r\nuser-agent: bench\r\naccept: */*\r\n\r\n"

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests // connections):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"unexpected answer: {head!r}")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    return time.perf_counter() - began


def tree(process: int) -> list[int]:
    """A process and all below it."""
    found = [process]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def cpu(process: int) -> float:
    """Seconds of CPU that a server has used."""
    ticks = 0
    for one in tree(process):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def memory(process: int) -> float:
    """Megabytes of a server; pages that its processes share count once."""
    kilobytes = 0
    for one in tree(process):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


def cpu_per_request() -> dict[str, float]:
    """Microseconds of CPU per request by server."""
    with (
        server(BARE, UVICORN) as bare,
        server(BARE, RUNTIME, METRICS="off") as logs,
        server(BARE, RUNTIME, METRICS="cloudwatch") as full,
        server(BARE, RUNTIME, METRICS="prometheus", METRICS_PORT="0") as prometheus,
        server(ARTICLE, UVICORN) as article,
    ):
        servers = {
            "bare FastAPI on uvicorn": bare,
            "runtime without metrics": logs,
            "runtime, metrics to CloudWatch": full,
            "runtime, metrics to Prometheus": prometheus,
            "the article's stack": article,
        }
        used: dict[str, list[float]] = {name: [] for name in servers}
        for _, port in servers.values():
            asyncio.run(load(port, REQUESTS, CONNECTIONS))
        for _ in range(ROUNDS):
            for name, (process, port) in servers.items():
                before = cpu(process)
                asyncio.run(load(port, REQUESTS, CONNECTIONS))
                used[name].append((cpu(process) - before) / REQUESTS * 1e6)
        return {name: min(values) for name, values in used.items()}


def import_seconds() -> dict[str, float]:
    """CPU seconds of a new interpreter that imports the app, bare and as Lambda does it; the least of several runs."""
    timed = "\nimport resource; u = resource.getrusage(resource.RUSAGE_SELF); print(u.ru_utime + u.ru_stime)"
    codes = {"`import fastapi` and an app": "import main", "the same app loaded by the runtime": LOAD}
    environment = {"PATH": os.environ["PATH"], "APP_MODULE": "main:app", "METRICS": "cloudwatch"}
    seconds: dict[str, list[float]] = {name: [] for name in codes}
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "main.py").write_text(BARE)
        for _ in range(9):
            for name, code in codes.items():
                run = subprocess.run(
                    [sys.executable, "-c", code + timed],
                    env=environment | {"PYTHONPATH": f"{ROOT / 'app'}:{directory}"},
                    capture_output=True,
                    check=True,
                )
                seconds[name].append(float(run.stdout))
    return {name: min(values) for name, values in seconds.items()}


def start_seconds() -> dict[str, float]:
    """CPU seconds of a server until its first answer; the least of several starts."""
    servers = {"bare FastAPI on uvicorn": UVICORN, "the runtime": RUNTIME}
    seconds: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(5):
        for name, arguments in servers.items():
            with server(BARE, arguments, METRICS="cloudwatch") as (process, _):
                seconds[name].append(cpu(process))
    return {name: min(values) for name, values in seconds.items()}


def workers(count: int) -> Mapping[str, float]:
    """Memory and requests per second with so many workers."""
    with server(BARE, RUNTIME, WEB_CONCURRENCY=str(count), METRICS="cloudwatch") as (process, port):
        time.sleep(2)  # until the last worker has started
        asyncio.run(load(port, REQUESTS, 64))
        rates = [REQUESTS / asyncio.run(load(port, REQUESTS, 64)) for _ in range(5)]
        return {"megabytes": memory(process), "requests per second": statistics.median(rates)}


def main() -> None:
    """Measure, and print a table or, with `--json`, the numbers."""
    compileall.compile_dir(ROOT / "app" / "fastapi_runtime", quiet=1)
    tables = {
        "CPU per request (us)": cpu_per_request(),
        "CPU to import (ms)": {name: seconds * 1000 for name, seconds in import_seconds().items()},
        "CPU to the first answer (ms)": {name: seconds * 1000 for name, seconds in start_seconds().items()},
    }
    by_workers = {count: workers(count) for count in (1, 2, 4)}
    if "--json" in sys.argv:
        print(json.dumps({**tables, "workers": by_workers}, indent=2))
        return
    for title, figures in tables.items():
        first = next(iter(figures.values()))
        print(f"| {title} | | ratio |\n|---|---|---|")
        for name, value in figures.items():
            print(f"| {name} | {value:.0f} | {value / first:.2f} |")
        print()
    print("| workers | memory (MB) | requests per second |\n|---|---|---|")
    for count, values in by_workers.items():
        print(f"| {count} | {values['megabytes']:.0f} | {values['requests per second']:.0f} |")


if __name__ == "__main__":
    main()
