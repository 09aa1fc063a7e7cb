"""Real servers behind a real nginx that, like an Application Load Balancer, tries no second server."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import IncompleteRead
from pathlib import Path

import pytest
from launcher import Launch, Server, free_port, start

CODE = """
import asyncio, os, re, time
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()

@app.get("/fast")
async def fast() -> int:
    return os.getpid()

@app.get("/slow")
async def slow() -> int:
    await asyncio.sleep(0.8)
    return os.getpid()

@app.get("/block")
async def block() -> None:
    time.sleep(60)

@app.get("/backtrack")
async def backtrack() -> None:
    re.match("(a+)+$", "a" * 40 + "b")  # C code that holds the interpreter's lock

@app.get("/stream")
async def stream(heartbeat: bool) -> StreamingResponse:
    async def parts():
        for _ in range(5):
            await asyncio.sleep(0.5)
            if heartbeat:
                yield ": still here\\n\\n"
        yield "data: answer\\n\\n"

    return StreamingResponse(parts(), media_type="text/event-stream")
"""
CONFIGURATION = """
daemon off; master_process on; worker_processes 2; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
    upstream app {{ {servers} keepalive 64; keepalive_timeout {idle}s; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://app; proxy_next_upstream off; proxy_http_version 1.1; proxy_buffering off;
            proxy_set_header Connection ""; proxy_set_header Host $host; proxy_read_timeout {read}s;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""


class Balancer:
    """nginx in front of servers that can be exchanged."""

    def __init__(self, directory: Path, idle: int = 60, read: int = 60) -> None:
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.port, self._directory, self._idle, self._read = free_port(), directory, idle, read
        self._command = [nginx, "-e", f"{directory}/error.log", "-c", f"{directory}/nginx.conf", "-p", str(directory)]
        self._process: subprocess.Popen[bytes] | None = None

    def use(self, *servers: Server) -> None:
        """Send requests to these servers from now on."""
        (self._directory / "nginx.conf").write_text(
            CONFIGURATION.format(
                directory=self._directory,
                port=self.port,
                servers=" ".join(f"server 127.0.0.1:{server.port} max_fails=0;" for server in servers),
                idle=self._idle,
                read=self._read,
            )
        )
        if self._process is None:
            self._process = subprocess.Popen(self._command)
            deadline = time.monotonic() + 10
            while True:
                with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                    return
                assert time.monotonic() < deadline, (self._directory / "error.log").read_text()
                time.sleep(0.02)
        self._process.send_signal(signal.SIGHUP)

    def close(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.terminate()
                self._process.wait(5)


@pytest.fixture
def balance(tmp_path: Path) -> Iterator[Callable[..., Balancer]]:
    with ExitStack() as stack:

        def balance(**options: int) -> Balancer:
            directory = tmp_path / "nginx"
            directory.mkdir()
            balancer = Balancer(directory, **options)
            stack.callback(balancer.close)
            return balancer

        yield balance


class Load:
    """Asks all the time, fast and slow, and counts the answers."""

    def __init__(self, port: int) -> None:
        self.answers: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[str, float] = {}
        self._port = port
        self._over = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()

    def latest(self, path: str) -> float:
        """Seconds that the last answer took."""
        return self._seconds.get(path, 0)

    async def _run(self) -> None:
        await asyncio.gather(*(self._ask("/fast", 0.03) for _ in range(8)), *(self._ask("/slow", 0) for _ in range(8)))

    async def _ask(self, path: str, pause: float) -> None:
        while not self._over:
            began = time.monotonic()
            try:
                answer = await self._request(path)
            except OSError as error:
                answer = repr(error)
            self._seconds[path] = time.monotonic() - began
            self.answers[path, answer] += 1
            await asyncio.sleep(pause)

    async def _request(self, path: str) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(f"GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n".encode())
        content = await reader.read()
        writer.close()
        return content.split(b" ", 2)[1].decode() if content else "closed without an answer"


class Deploys:
    """Versions of one app, each in a process of its own, one after the other."""

    def __init__(self, stack: ExitStack, directory: Path, **environment: object) -> None:
        self._stack, self._directory, self._environment = stack, directory, environment
        self._count = 0
        (directory / "main.py").write_text(CODE)

    def version(self, workers: int) -> Server:
        """The next version, ready."""
        self._count += 1
        log = self._directory / f"log-{self._count}"
        server = start(
            self._stack,
            log,
            self._directory,
            (),
            **({"APP_MODULE": "main:app", "WEB_CONCURRENCY": workers} | self._environment),
        )
        server.until_status("/-/ready", 200)
        return server


def roll(balancer: Balancer, old: Server, new: Server) -> None:
    """What an orchestrator does: add the new one, end the old one, notice a second later that it is not ready."""
    balancer.use(old, new)
    time.sleep(0.3)
    old.terminate()
    time.sleep(1)
    assert old.get("/-/ready").status == 503
    balancer.use(new)
    assert old.exit_code() == 0


def test_five_rolling_deploys_under_load_fail_no_request(tmp_path: Path, balance: Callable[..., Balancer]) -> None:
    with ExitStack() as stack:
        deploys = Deploys(stack, tmp_path, DRAIN_SECONDS=2)
        balancer, old = balance(), deploys.version(2)
        balancer.use(old)
        with Load(balancer.port) as load:
            for workers in (1, 2, 1, 2, 1):
                new = deploys.version(workers)
                roll(balancer, old, new)
                old = new
        assert {answer for _, answer in load.answers} == {"200"}, load.answers
        assert load.answers["/fast", "200"] > 1000
        assert load.answers["/slow", "200"] > 100


def test_the_same_deploy_without_a_drain_does_fail_requests(tmp_path: Path, balance: Callable[..., Balancer]) -> None:
    """So the test above would see it."""
    with ExitStack() as stack:
        deploys = Deploys(stack, tmp_path, DRAIN_SECONDS=0)
        balancer, old, new = balance(), deploys.version(2), deploys.version(2)
        balancer.use(old, new)
        with Load(balancer.port) as load:
            time.sleep(0.5)
            old.terminate()
            time.sleep(1)
            balancer.use(new)
            time.sleep(0.5)
        assert sum(count for (_, answer), count in load.answers.items() if answer != "200") > 10


def test_workers_that_are_recycled_under_load_fail_no_request(tmp_path: Path, balance: Callable[..., Balancer]) -> None:
    with ExitStack() as stack:
        server = Deploys(stack, tmp_path, MAX_REQUESTS=100).version(2)
        balancer = balance()
        balancer.use(server)
        with Load(balancer.port) as load:
            server.until_logged("Started server process", 6)
        assert {answer for _, answer in load.answers} == {"200"}, load.answers


def test_a_connection_that_the_balancer_keeps_is_never_closed_first_by_the_server(launch: Launch) -> None:
    server = launch(CODE, KEEP_ALIVE_SECONDS=2)
    request = b"GET /fast HTTP/1.1\r\nhost: shop\r\n\r\n"

    async def reuse(connections: int, idle: float) -> list[str]:
        async def one(number: int) -> str:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            answers = ""
            try:
                for _ in range(4):
                    writer.write(request)
                    head = await reader.readuntil(b"\r\n\r\n")
                    await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                    answers += head.split(b" ")[1].decode()
                    await asyncio.sleep(idle + number / connections * 0.01)
            except (OSError, asyncio.IncompleteReadError):
                return "reset"
            finally:
                writer.close()
            return answers

        return await asyncio.gather(*(one(number) for number in range(connections)))

    assert set(asyncio.run(reuse(100, 1.5))) == {"200" * 4}
    assert set(asyncio.run(reuse(20, 2.5))) == {"reset"}  # a balancer that keeps them for longer than the server


def test_a_blocked_worker_is_ended_with_its_traceback_and_replaced(
    tmp_path: Path, balance: Callable[..., Balancer]
) -> None:
    with ExitStack() as stack:
        server = Deploys(stack, tmp_path, BLOCKED_SECONDS=2).version(2)
        server.until_logged("Started server process", 2)
        balancer = balance()
        balancer.use(server)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET /block HTTP/1.1\r\nhost: shop\r\n\r\n")
            began = time.monotonic()
            server.until_logged("Started server process", 3)
            assert time.monotonic() - began < 3 + 5
        log = server.log.read_text()
        assert "Timeout (0:00:03)!" in log
        assert "in block" in log
        with Load(balancer.port) as load:
            time.sleep(0.5)
        assert {answer for _, answer in load.answers} == {"200"}, load.answers


def test_a_request_that_only_waits_for_longer_than_that_is_finished(launch: Launch) -> None:
    # Long enough that a busy machine does not hold the process up for as long.
    server = launch(CODE.replace("asyncio.sleep(0.8)", "asyncio.sleep(8)"), WEB_CONCURRENCY=2, BLOCKED_SECONDS=5)
    assert server.get("/slow").status == 200


def test_a_lone_process_that_c_code_holds_up_ends_with_its_traceback(launch: Launch) -> None:
    server = launch(CODE, BLOCKED_SECONDS=2)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /backtrack HTTP/1.1\r\nhost: shop\r\n\r\n")
        assert server.exit_code() == 1
    assert "in backtrack" in server.log.read_text()


def test_a_killed_worker_is_replaced_and_the_others_serve_on(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = Deploys(stack, tmp_path).version(2)
        server.until_logged("Started server process", 2)
        victim = server.get("/fast").json()
        os.kill(victim, signal.SIGKILL)
        answers = Counter(server.get("/fast").status for _ in range(100))
        server.until_logged("Started server process", 3)
        assert answers == {200: 100}
        assert {server.get("/fast").json() for _ in range(50)} & {victim} == set()


def test_a_stream_with_heartbeats_outlives_the_balancers_patience_and_one_without_does_not(
    launch: Launch, balance: Callable[..., Balancer]
) -> None:
    server = launch(CODE)
    balancer = balance(read=1)
    balancer.use(server)
    behind = Server(server.process, balancer.port, server.log)
    assert behind.get("/stream?heartbeat=true").text.endswith("data: answer\n\n")
    with pytest.raises(IncompleteRead):
        behind.get("/stream?heartbeat=false")
