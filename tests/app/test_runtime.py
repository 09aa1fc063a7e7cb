import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPResponse

import pytest
from launcher import Launch, Server, free_port
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

PLAIN = """
import asyncio, json, os


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("this app has no lifespan")
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    known = scope["path"] in ("/slow", "/process")
    await send({"type": "http.response.start", "status": 200 if known else 404, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(os.getpid()).encode()})
"""
GUARDED = """
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

app = FastAPI()


@app.middleware("http")
async def guard(request, call_next):
    return PlainTextResponse("no", 403)
"""
both_servers = pytest.mark.parametrize("workers", [1, 2])


@both_servers
def test_health_is_answered_before_the_middleware_of_the_app(launch: Launch, workers: int) -> None:
    server = launch(GUARDED, WEB_CONCURRENCY=workers)
    assert server.get("/").status == 403
    assert server.get("/-/healthy").status == 200
    assert server.get("/-/ready").status == 200


def test_health_paths_can_be_others(launch: Launch) -> None:
    server = launch(PLAIN, wait=False, LIVENESS_PATH="/up", READINESS_PATH="/set")
    assert server.until_status("/set", 200).json() == {"status": "ready"}
    assert server.get("/up").json() == {"status": "alive"}
    assert server.get("/-/ready").status == 404


def test_each_worker_is_a_process(launch: Launch) -> None:
    server = launch(PLAIN, WEB_CONCURRENCY=2)
    processes: set[int] = set()
    deadline = time.monotonic() + 20
    while len(processes) < 2:
        assert time.monotonic() < deadline
        with ThreadPoolExecutor(8) as pool:
            processes |= {answer.json() for answer in pool.map(server.get, ["/process"] * 50)}
    assert len(processes) == 2
    assert server.process.pid not in processes


def test_one_worker_needs_no_second_process(launch: Launch) -> None:
    server = launch(PLAIN)
    assert server.get("/process").json() == server.process.pid


@both_servers
def test_after_sigterm_it_serves_on_but_is_not_ready_and_then_exits_with_0(launch: Launch, workers: int) -> None:
    server = launch(PLAIN, WEB_CONCURRENCY=workers, DRAIN_SECONDS=1)
    assert "connection" not in server.get("/process").headers
    began = time.monotonic()
    server.terminate()
    assert server.until_status("/-/ready", 503).json() == {"status": "not ready", "reasons": {"runtime": "draining"}}
    assert server.get("/-/healthy").status == 200
    answer = server.get("/process")
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert server.exit_code() == 0
    assert time.monotonic() - began > 1


@both_servers
def test_a_request_in_flight_is_finished(launch: Launch, workers: int) -> None:
    server = launch(PLAIN, WEB_CONCURRENCY=workers)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.get, "/slow")
        time.sleep(0.3)
        server.terminate()
        assert slow.result().status == 200
    assert server.exit_code() == 0


@both_servers
def test_a_request_longer_than_the_grace_is_cut(launch: Launch, workers: int) -> None:
    server = launch(PLAIN.replace("sleep(1)", "sleep(60)"), WEB_CONCURRENCY=workers, GRACEFUL_SECONDS=1)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.get, "/slow")
        time.sleep(0.3)
        server.terminate()
        began = time.monotonic()
        assert server.exit_code() == 0
        assert time.monotonic() - began < 3  # gunicorn itself would end it after 4
        failed = slow.exception()
    assert isinstance(failed, (OSError, HTTPException)) or slow.result().status == 500


@both_servers
def test_a_second_sigterm_does_not_end_the_drain(launch: Launch, workers: int) -> None:
    server = launch(PLAIN, WEB_CONCURRENCY=workers, DRAIN_SECONDS=1)
    began = time.monotonic()
    server.terminate()
    server.until_status("/-/ready", 503)
    server.terminate()
    assert server.exit_code() == 0
    assert time.monotonic() - began > 1


def test_ctrl_c_stops_at_once(launch: Launch) -> None:
    server = launch(PLAIN, DRAIN_SECONDS=60)
    server.process.send_signal(signal.SIGINT)
    assert server.exit_code() != 0
    assert "Finished server process" in server.log.read_text()


@both_servers
def test_an_idle_connection_is_kept_as_long_as_told(launch: Launch, workers: int) -> None:
    server = launch(PLAIN, WEB_CONCURRENCY=workers, KEEP_ALIVE_SECONDS=1)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(10)
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200 OK" in connection.recv(4096)
        began = time.monotonic()
        while connection.recv(4096):
            pass
        assert 0.5 < time.monotonic() - began < 3


def test_it_is_ready_once_its_database_accepts_connections_and_stays_so(launch: Launch) -> None:
    port = free_port()
    server = launch(PLAIN, wait=False, DATABASE_HOST="127.0.0.1", DATABASE_PORT=port)
    reason = server.until_status("/-/ready", 503).json()["reasons"]["database"]
    assert reason.startswith(f"127.0.0.1:{port} does not accept connections: ")
    assert server.get("/-/healthy").status == 200
    assert server.get("/process").status == 200
    with socket.create_server(("127.0.0.1", port)):
        server.until_status("/-/ready", 200)
    assert server.get("/-/ready").status == 200


def test_a_database_that_never_answers_does_not_hold_up_the_check(launch: Launch) -> None:
    # A full backlog: the kernel drops further connections without an answer.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as one, socket.socket() as two:
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        server = launch(PLAIN, wait=False, DATABASE_HOST="127.0.0.1", DATABASE_PORT=full.getsockname()[1])
        server.until_status("/-/healthy", 200)
        began = time.monotonic()
        response = server.get("/-/ready")
        assert time.monotonic() - began < 4
        assert response.status == 503
        assert response.json()["reasons"] == {"database": "no answer within 2 seconds"}


def test_reasons_are_not_told_to_who_comes_through_the_load_balancer(launch: Launch) -> None:
    server = launch(PLAIN, wait=False, DATABASE_HOST="127.0.0.1", DATABASE_PORT=free_port())
    server.until_status("/-/ready", 503)
    assert server.get("/-/ready", **{"x-forwarded-for": "10.0.0.7"}).json() == {"status": "not ready"}


@both_servers
@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("nope:app", 'APP_MODULE=nope:app: Could not import module "nope". Looked in '),
        ("main:nope", 'APP_MODULE=main:nope: Attribute "nope" not found in module "main". Looked in '),
    ],
)
def test_a_missing_app_ends_the_start_with_one_clear_line(launch: Launch, workers: int, module: str, line: str) -> None:
    server = launch(PLAIN, wait=False, WEB_CONCURRENCY=workers, APP_MODULE=module)
    assert server.exit_code() not in (0, None)
    log = server.log.read_text()
    assert line in log
    assert "Traceback" not in log


@both_servers
def test_an_error_in_the_apps_own_code_is_shown_whole(launch: Launch, workers: int) -> None:
    server = launch("import module_that_is_missing\napp = None\n", wait=False, WEB_CONCURRENCY=workers)
    assert server.exit_code() not in (0, None)
    log = server.log.read_text()
    assert "Traceback" in log
    assert "No module named 'module_that_is_missing'" in log


@both_servers
def test_a_start_up_that_fails_ends_the_process(launch: Launch, workers: int) -> None:
    code = """
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    raise RuntimeError("no licence")
    yield

app = FastAPI(lifespan=lifespan)
"""
    server = launch(code, wait=False, WEB_CONCURRENCY=workers)
    assert server.exit_code() == 3
    assert "no licence" in server.log.read_text()


def test_a_factory_makes_the_app(launch: Launch) -> None:
    server = launch(PLAIN + "\n\ndef make():\n    return app\n", APP_MODULE="main:make()")
    assert server.get("/process").status == 200


def test_shutdown_code_of_the_app_runs(launch: Launch) -> None:
    code = """
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    yield
    print("closed its connections", flush=True)

app = FastAPI(lifespan=lifespan)
"""
    server = launch(code)
    server.terminate()
    assert server.exit_code() == 0
    assert "closed its connections" in server.log.read_text()


def test_there_is_no_reload_and_no_other_argument(launch: Launch) -> None:
    server = launch(PLAIN, "--reload", wait=False)
    assert server.exit_code() == 2
    assert server.log.read_text() == "fastapi_runtime: takes no arguments, got --reload; use environment variables\n"


def test_the_servers_own_variables_change_nothing(launch: Launch) -> None:
    server = launch(PLAIN, WEB_CONCURRENCY=2, UVICORN_RELOAD="true", GUNICORN_CMD_ARGS="--reload --workers 7")
    server.until_logged("Started server process", 2)
    log = server.log.read_text()
    assert log.count("Booting worker") == 2
    assert "reload" not in log


def test_a_wrong_variable_ends_the_start_with_one_clear_line(launch: Launch) -> None:
    server = launch(PLAIN, wait=False, WEB_CONCURRENCY="0")
    assert server.exit_code() == 2
    assert server.log.read_text() == (
        "fastapi_runtime: WEB_CONCURRENCY must be a whole number from 1 to 256, got '0'\n"
    )


def test_a_worker_that_dies_is_replaced(launch: Launch) -> None:
    server = launch(PLAIN, WEB_CONCURRENCY=2)
    victim = server.get("/process").json()
    os.kill(victim, signal.SIGKILL)
    server.until_logged("Booting worker", 3)
    assert server.get("/process").status == 200


def test_requests_during_the_drain_do_not_fail(launch: Launch) -> None:
    server = launch(PLAIN, DRAIN_SECONDS=1)
    answers: set[object] = set()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                answers.add(server.get("/process").status)
            except (OSError, HTTPException) as error:
                answers.add(error)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(ask)
        server.terminate()
        time.sleep(0.8)  # the load balancer looks elsewhere now
        stop.set()
    assert answers == {200}
    assert server.exit_code() == 0


@both_servers
def test_until_the_app_is_imported_and_started_nothing_waits_in_an_open_port(launch: Launch, workers: int) -> None:
    code = "import time\ntime.sleep(1.5)\n" + PLAIN
    server = launch(code, wait=False, WEB_CONCURRENCY=workers)
    began = time.monotonic()
    outcomes = []
    while not outcomes or outcomes[-1] != 200:
        assert time.monotonic() - began < 20
        asked = time.monotonic()
        try:
            outcomes.append(server.get("/-/ready").status)
        except ConnectionRefusedError:
            outcomes.append(0)
        assert time.monotonic() - asked < 0.5  # never an open socket that hangs
        time.sleep(0.05)
    assert outcomes.count(0) > 10
    assert set(outcomes) <= {0, 503, 200}


def ask_from(address: str, server: Server, path: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", server.port, source_address=(address, 0))
    connection.request(
        "GET", path, headers={"host": "shop.example", "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    )
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


@both_servers
def test_only_the_load_balancer_says_that_it_was_https(launch: Launch, workers: int) -> None:
    code = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/items/")
async def items() -> None: ...
"""
    server = launch(code, WEB_CONCURRENCY=workers, FORWARDED_ALLOW_IPS="127.0.0.2/32")
    assert ask_from("127.0.0.2", server, "/items").headers["location"] == "https://shop.example/items/"
    assert ask_from("127.0.0.3", server, "/items").headers["location"] == "http://shop.example/items/"
    server.until_logged('"client":"203.0.113.9"', 1)
    server.until_logged('"client":"127.0.0.3"', 1)


def test_a_body_without_a_length_is_cut_at_the_limit_and_the_connection_goes_on(launch: Launch) -> None:
    code = """
from fastapi import FastAPI, Request
app = FastAPI()

@app.post("/")
async def upload(request: Request) -> int:
    return len(await request.body())
"""
    server = launch(code, MAX_BODY_BYTES=100_000)
    chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection, connection.makefile("rb") as answers:
        head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.sendall(head + chunk * 11 + b"0\r\n\r\n")
        assert b" 413 " in answers.readline()
        while line := answers.readline().strip().lower():
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert b"must not be longer than 100000 bytes" in answers.read(length)
        connection.sendall(head + chunk * 10 + b"0\r\n\r\n")
        assert b" 200 " in answers.readline()


def test_a_websocket_passes_and_is_one_line_of_the_log(launch: Launch) -> None:
    code = """
from fastapi import FastAPI, WebSocket
app = FastAPI()

@app.websocket("/talk/{room}")
async def talk(socket: WebSocket, room: str) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"{room}: {text}")
"""
    server = launch(code, ALLOWED_HOSTS="localhost,127.0.0.1")
    with connect(f"ws://localhost:{server.port}/talk/tea") as client:
        client.send("hello")
        assert client.recv() == "tea: hello"
        assert client.response is not None
        identifier = client.response.headers["x-request-id"]
    server.until_logged('"route":"/talk/{room}","status":101', 1)
    assert f'"request_id":"{identifier}"' in server.log.read_text()
    with (
        pytest.raises(InvalidStatus),
        connect(f"ws://localhost:{server.port}/talk/tea", additional_headers={"Host": "e"}),
    ):
        pass


def test_debug_does_not_show_tracebacks_to_clients(launch: Launch) -> None:
    code = """
from fastapi import FastAPI
app = FastAPI(debug=True)

@app.get("/fails")
async def fails() -> None:
    raise RuntimeError("secret")
"""
    server = launch(code)
    assert "secret" not in server.get("/fails", accept="text/html").text
    assert "the app has debug=True" in server.log.read_text()


def test_a_websocket_that_is_open_at_the_end_is_told_to_come_again(launch: Launch) -> None:
    code = """
from fastapi import FastAPI, WebSocket
app = FastAPI()

@app.websocket("/")
async def talk(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)
"""
    server = launch(code, DRAIN_SECONDS=1)
    with connect(f"ws://localhost:{server.port}/") as client:
        server.terminate()
        client.send("still here")
        assert client.recv() == "still here"
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012  # service restart
    assert server.exit_code() == 0
