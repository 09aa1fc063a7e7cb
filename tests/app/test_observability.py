import json
import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from collector import collector
from fastapi_runtime.health import Result
from fastapi_runtime.observability import Observability, PoolUse, check, logs
from fastapi_runtime.observability import metrics as process_metrics
from fastapi_runtime.observability.cloudwatch import CloudWatch
from fastapi_runtime.observability.metrics import Lag, Sample
from fastapi_runtime.settings import Settings, SettingsError
from launcher import APP, Launch, Server, free_port

APP_CODE = """
import logging, os
from fastapi import FastAPI
from fastapi_runtime.observability import PoolUse, register_pool

app = FastAPI()
log = logging.getLogger("shop")
register_pool("database", lambda: PoolUse(in_use=3, size=5))


@app.get("/items/{item}")
async def item(item: int) -> int:
    return os.getpid()


@app.get("/logs")
async def logs() -> None:
    log.warning("low on %s", "tea", extra={"left": 3})


@app.get("/fails")
async def fails() -> None:
    raise RuntimeError("no tea")
"""


# Logs


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Log something, get what was written."""
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    logs.configure("INFO", as_json=True)

    def write(*arguments: Any, level: int = logging.INFO, **options: Any) -> dict[str, Any]:
        logging.getLogger("shop").log(level, *arguments, **options)
        (line,) = capsys.readouterr().out.splitlines()
        return json.loads(line)  # type: ignore[no-any-return]

    return write


def test_a_named_logger_writes_json_with_its_extra_fields(record: Any) -> None:
    fields = record("low on %s", "tea", level=logging.WARNING, extra={"left": 3, "user_id": 7})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", fields.pop("time"))
    assert fields == {"severity": "WARNING", "logger": "shop", "message": "low on tea", "left": 3, "user_id": 7}


def test_an_exception_is_a_field_and_one_line(record: Any) -> None:
    try:
        raise ValueError("no\ntea")
    except ValueError as error:
        fields = record("failed", exc_info=error)
    assert fields["exception"]["type"] == "builtins.ValueError"
    assert fields["exception"]["message"] == "no\ntea"
    assert "test_observability.py" in fields["exception"]["traceback"]


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes", float("nan"), {("a", 1): 2}])
def test_a_value_that_json_does_not_know_is_written_as_text(record: Any, value: Any) -> None:
    assert "left" in record("low", extra={"left": value})


def test_a_value_inside_itself_is_written_as_text(record: Any) -> None:
    inside: dict[str, Any] = {}
    inside["self"] = inside
    assert record("low", extra={"left": inside})["left"] == "{'self': {...}}"


def test_a_traceback_without_end_keeps_both_ends(record: Any) -> None:
    def deeper(depth: int) -> None:
        if depth == 0:
            raise RuntimeError("the end")
        (deeper if depth % 2 else lambda depth: deeper(depth))(depth - 1)  # so that Python does not abridge it

    try:
        deeper(600)
    except RuntimeError as error:
        trace = record("failed", exc_info=error)["exception"]["traceback"]
    assert len(trace) < 31_000
    assert trace.startswith("Traceback")
    assert trace.rstrip().endswith("RuntimeError: the end")


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://app:p%40ss@db/shop", "redis://:p@ss@cache:6379/0", "https://u:p@example.com/x"]
)
def test_credentials_in_a_url_are_left_out(record: Any, url: str) -> None:
    try:
        raise ConnectionError(f"cannot reach {url}")
    except ConnectionError as error:
        fields = record("failed: %s", url, exc_info=error)
    text = json.dumps(fields)
    assert "p@ss" not in text
    assert "p%40ss" not in text
    assert "u:p@" not in text
    assert "***@" in fields["message"]
    assert "***@" in fields["exception"]["traceback"]


def test_a_url_without_credentials_is_kept(record: Any) -> None:
    assert record("see https://example.com/a:b@c")["message"] == "see https://example.com/a:b@c"


def test_the_log_of_a_served_app_is_json_line_by_line(launch: Launch) -> None:
    server = launch(APP_CODE)
    identifier = server.get("/logs").headers["x-request-id"]
    server.get("/fails")
    server.terminate()
    assert server.exit_code() == 0
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    (own,) = [line for line in lines if line["logger"] == "shop"]
    assert (own["message"], own["left"], own["request_id"]) == ("low on tea", 3, identifier)
    assert [line["exception"]["message"] for line in lines if "exception" in line] == ["no tea"]
    assert {line["logger"] for line in lines} >= {"uvicorn.error", "access", "shop", "fastapi_runtime.edge"}


def test_the_log_of_workers_is_json_line_by_line(launch: Launch) -> None:
    server = launch(APP_CODE, WEB_CONCURRENCY=2)
    server.get("/logs")
    server.terminate()
    assert server.exit_code() == 0
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert {line["logger"] for line in lines} >= {"uvicorn.error", "gunicorn.error", "access", "shop"}


# What a process measures


def test_the_lag_of_the_loop_is_the_worst_since_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    lag = Lag(0.1)
    for moment in (10.0, 10.1, 10.9, 11.0):
        now[0] = moment
        lag.tick()
    assert lag.take() == pytest.approx(0.7)
    assert lag.take() == 0


def test_the_memory_of_the_process_is_what_the_kernel_says() -> None:
    status = Path("/proc/self/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]
    assert process_metrics.resident_memory() == pytest.approx(resident, rel=0.05)


# Prometheus


def scrape(port: int) -> dict[str, float]:
    """The exposed series; the server of the metrics is another one than that of the app."""
    text = Server(None, port, None).get("/metrics").text  # type: ignore[arg-type]
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            found[series] = float(value)
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_prometheus_counts_every_request_of_all_workers_by_template(launch: Launch, workers: int) -> None:
    port = free_port()
    server = launch(APP_CODE, WEB_CONCURRENCY=workers, METRICS="prometheus", METRICS_PORT=port)
    server.until_logged("Application startup complete", workers)
    processes: set[int] = set()
    asked = 0
    while asked < 200 or len(processes) < workers:
        assert asked < 5000
        processes.add(server.get("/items/1").json())
        asked += 1
    assert len(processes) == workers
    for number in range(50):
        server.get(f"/wp-admin/{number}")
    counts = {
        scrape(port)['fastapi_runtime_http_requests_total{method="GET",route="/items/{item}",status="200"}']
        for _ in range(10)
    }
    assert counts == {asked}
    series = scrape(port)
    assert series['fastapi_runtime_http_requests_total{method="GET",route="(none)",status="404"}'] == 50
    assert series['fastapi_runtime_http_request_duration_seconds_count{method="GET",route="/items/{item}"}'] == asked
    assert not [name for name in series if "wp-admin" in name]
    assert series['fastapi_runtime_pool_connections_in_use{pool="database"}'] == 3 * workers
    assert series['fastapi_runtime_pool_connections_max{pool="database"}'] == 5 * workers
    assert series["fastapi_runtime_worker_restarts"] == 0
    assert series["fastapi_runtime_event_loop_lag_seconds"] < 5
    memory = [value for name, value in series.items() if name.startswith("fastapi_runtime_worker_memory_bytes")]
    assert len(memory) == workers
    assert min(memory) > 10_000_000
    assert server.get("/metrics").status == 404  # not where the world can ask


def test_prometheus_drops_what_an_earlier_start_left(launch: Launch, tmp_path: Any) -> None:
    directory = tmp_path / "metrics"
    for _ in range(2):
        port = free_port()
        server = launch(
            APP_CODE,
            WEB_CONCURRENCY=2,
            METRICS="prometheus",
            METRICS_PORT=port,
            PROMETHEUS_MULTIPROC_DIR=directory,
        )
        server.get("/items/1")
        series = scrape(port)
        server.terminate()
        server.exit_code()
    assert series['fastapi_runtime_http_requests_total{method="GET",route="/items/{item}",status="200"}'] == 1


def test_prometheus_shows_the_apps_own_metrics_too(launch: Launch) -> None:
    code = APP_CODE + '\nfrom prometheus_client import Counter\nCounter("http_requests", "Of the app.").inc(7)\n'
    port = free_port()
    launch(code, METRICS="prometheus", METRICS_PORT=port)
    assert scrape(port)["http_requests_total"] == 7


def test_prometheus_knows_that_a_worker_was_replaced(launch: Launch) -> None:
    port = free_port()
    server = launch(APP_CODE, WEB_CONCURRENCY=2, METRICS="prometheus", METRICS_PORT=port)
    server.until_logged("Started server process", 2)
    os.kill(server.get("/items/1").json(), 9)
    server.until_logged("Started server process", 3)
    deadline = time.monotonic() + 10
    while (series := scrape(port)).get("fastapi_runtime_worker_restarts") != 1:
        assert time.monotonic() < deadline, series
        time.sleep(0.1)
    assert len([name for name in series if name.startswith("fastapi_runtime_worker_memory_bytes")]) == 2


# CloudWatch


def sampled(**changes: Any) -> Sample:
    return Sample(**({"loop_lag": 0.0, "memory": 50_000_000, "in_flight": 2, "worker_restarts": 0} | changes))


def test_cloudwatch_gets_a_line_in_its_embedded_format() -> None:
    lines: list[dict[str, Any]] = []
    publisher = CloudWatch("shop", lines.append)
    for _ in range(3):
        publisher.request("GET", "/items/{item}", 200, 0.1)
    publisher.request("GET", "/items/{item}", 503, 2.0)
    publisher.request("WEBSOCKET", "/talk", 101, None)
    publisher.sample(sampled(loop_lag=0.2, pools={"database": PoolUse(in_use=5, size=5)}))
    publisher.sample(
        sampled(
            pools={"database": PoolUse(in_use=1, size=5)},
            checks={"database": Result("refused", 0.1), "a": Result(None, 0.1)},
        )
    )
    publisher.close()
    (line,) = lines
    header = line["_aws"]
    assert abs(header["Timestamp"] / 1000 - time.time()) < 5
    (directive,) = header["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("FastAPI", [["Service"]])
    assert {metric["Name"] for metric in directive["Metrics"]} <= set(line)  # each has its value beside it
    assert line["Service"] == "shop"
    assert (line["Requests"], line["ServerErrors"]) == (5, 1)
    assert sorted(zip(line["Duration"]["Values"], line["Duration"]["Counts"], strict=True)) == [
        (pytest.approx(100, rel=0.15), 3),
        (pytest.approx(2000, rel=0.15), 1),
    ]
    assert (line["EventLoopLag"], line["PoolUse"], line["FailingDependencies"]) == (200, 100, 1)  # the worst
    assert line["routes"][0] == {
        "route": "/items/{item}",
        "method": "GET",
        "count": 4,
        "statuses": {"200": 3, "503": 1},
    }


def test_cloudwatch_begins_anew_after_each_line() -> None:
    lines: list[dict[str, Any]] = []
    publisher = CloudWatch("shop", lines.append)
    publisher.request("GET", "/", 200, 0.1)
    publisher.close()
    publisher.close()
    assert [line["Requests"] for line in lines] == [1, 0]
    assert "Duration" not in lines[1]


def test_cloudwatch_keeps_to_the_limits_of_the_format() -> None:
    lines: list[dict[str, Any]] = []
    publisher = CloudWatch("shop", lines.append)
    for number in range(3000):
        publisher.request("GET", f"/{number % 501}", 200, 10 ** (number / 3000 * 8 - 5))
    publisher.sample(sampled())
    publisher.close()
    assert len(lines[0]["Duration"]["Values"]) <= 100
    assert len(lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"]) <= 100
    assert len(json.dumps(lines[0])) < 256 * 1024


def test_the_log_of_a_task_holds_the_metrics(launch: Launch) -> None:
    server = launch(APP_CODE, METRICS="cloudwatch", SERVICE_NAME="shop")
    server.get("/items/1")
    server.get("/fails")
    server.terminate()
    assert server.exit_code() == 0
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    (line,) = [line for line in lines if "_aws" in line]
    assert (line["Service"], line["Requests"], line["ServerErrors"], line["PoolUse"]) == ("shop", 2, 1, 60)
    assert line["Memory"] > 10_000_000


# Sentry and OpenTelemetry


def test_sentry_gets_the_error_once_and_nothing_about_the_person(launch: Launch) -> None:
    with collector() as (address, received):
        server = launch(APP_CODE, SENTRY_DSN=f"http://key@{address}/1", SENTRY_RELEASE="shop@1.2")
        assert server.get("/fails", authorization="Bearer secret", cookie="session=secret").status == 500
        server.get("/items/1")
        server.terminate()
        assert server.exit_code() == 0
    items = [json.loads(line) for _, body in received for line in body.splitlines() if line.startswith(b"{")]
    (event,) = [item for item in items if "exception" in item]
    assert event["exception"]["values"][0]["value"] == "no tea"
    assert (event["release"], event["transaction"]) == ("shop@1.2", "/fails")
    assert b"secret" not in b"".join(body for _, body in received)
    assert not [item for item in items if item.get("type") == "transaction"]  # no tracing unless asked


def test_opentelemetry_gets_spans_and_the_log_their_trace(launch: Launch) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with collector() as (address, received):
        server = launch(
            APP_CODE,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{address}",
            SERVICE_NAME="shop",
        )
        server.get("/items/1", traceparent=f"00-{trace}-b7ad6b7169203331-01")
        server.get("/items/2", traceparent="00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
        server.terminate()
        assert server.exit_code() == 0
    sent = b"".join(body for path, body in received if path == "/v1/traces")
    assert bytes.fromhex(trace) in sent
    assert b"/items/{item}" in sent
    assert b"shop" in sent
    assert bytes.fromhex("1af7651916cd43dd8448eb211c80319c") not in sent  # the caller did not sample it
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [line["trace_id"] for line in lines if line.get("path") == "/items/1"] == [trace]


@pytest.mark.parametrize("unwanted", ["sentry_sdk", "prometheus_client", "opentelemetry.sdk", "sqlalchemy", "redis"])
def test_what_is_switched_off_is_not_imported(unwanted: str) -> None:
    code = f"import fastapi_runtime.loading, sys; sys.exit({unwanted!r} in sys.modules)"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(APP)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


@pytest.mark.parametrize(
    ("variables", "module", "line"),
    [
        ({"METRICS": "prometheus"}, "prometheus_client", "METRICS=prometheus is set, but prometheus_client is not"),
        ({"SENTRY_DSN": "http://key@localhost/1"}, "sentry_sdk", "SENTRY_DSN is set, but sentry_sdk is not"),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost"},
            "opentelemetry.exporter.otlp.proto.http",
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but opentelemetry.exporter.otlp.proto.http is not",
        ),
    ],
)
def test_what_is_switched_on_but_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], module: str, line: str
) -> None:
    find = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == module else find(name))
    with pytest.raises(SettingsError) as error:
        check(Settings.from_environment(variables), variables)
    assert str(error.value).startswith(line)
    assert "add fastapi-runtime[" in str(error.value)


def test_nothing_switched_on_publishes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    for variable in ("SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    observed = Observability(Settings.from_environment({}))
    assert observed.publisher is None
    observed.close()
