import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from fastapi_runtime import health
from fastapi_runtime.edge import Edge
from fastapi_runtime.observability import logs, request_id
from fastapi_runtime.settings import Settings

LOAD_BALANCER = "10.0.3.7"
Lines = Callable[[], list[dict[str, Any]]]


@dataclass
class Reply:
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} is there twice: {values}"
        return values[0] if values else None


def make_edge(app: Any, **environment: str) -> Edge:
    return Edge(app, Settings.from_environment({"WEB_CONCURRENCY": "1", **environment}))


async def exchange(
    edge: Edge,
    path: str,
    method: str = "GET",
    *,
    headers: dict[str, str] | list[tuple[str, str]] = (),  # type: ignore[assignment]
    body: list[bytes] | None = None,
    client: str = "203.0.113.9",
    query: str = "",
    leaves: bool = False,
) -> Reply:
    """One request as a server would hand it to the app."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    if "host" not in dict(pairs):
        pairs.append(("host", "shop.example.com"))
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
        "client": (client, 50000),
        "server": ("10.0.3.9", 8000),
        "state": {},
    }
    reply, parts = Reply(), list(body or [b""])
    complete = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if leaves:
            return {"type": "http.disconnect"}
        if parts:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}
        await complete.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert not reply.status, "two answers to one request"
            reply.status = message["status"]
            reply.headers = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            reply.chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                complete.set()

    await edge(scope, receive, send)
    return reply


def ask(edge: Edge, path: str, method: str = "GET", **options: Any) -> Reply:
    return asyncio.run(exchange(edge, path, method, **options))


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What was logged so far."""

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    logs.configure("INFO", as_json=True)
    return read


@pytest.fixture(autouse=True)
def no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_checks", {})
    monkeypatch.setattr(health, "_started", bytearray(1))


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()

    @app.get("/items/{item}")
    async def item(item: int) -> dict[str, int]:
        return {"item": item}

    @app.get("/whoami")
    async def whoami(request: Request) -> dict[str, Any]:
        assert request.client
        return {"client": request.client.host, "url": str(request.url_for("whoami"))}

    @app.get("/slash/")
    async def slash() -> str:
        return "here"

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("password=hunter2 postgresql://app:hunter2@db/shop")

    @app.get("/means-it")
    async def means_it() -> Response:
        return PlainTextResponse("Internal Server Error", 500)

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout")

    @app.get("/page")
    async def page() -> HTMLResponse:
        return HTMLResponse("<h1>here</h1>")

    @app.get("/own-headers")
    async def own_headers() -> Response:
        policy = {"content-security-policy": "default-src 'self'", "cache-control": "max-age=60"}
        return Response("{}", media_type="application/json", headers=policy)

    @app.get("/id")
    async def identity(request: Request) -> dict[str, str | None]:
        return {"variable": request_id.get(), "header": request.headers["x-request-id"]}

    @app.post("/bytes")
    async def count(request: Request) -> int:
        return len(await request.body())

    @app.post("/json")
    async def parsed(data: dict[str, str]) -> int:
        return len(data)

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(30)
        return "late"

    @app.get("/blocks")
    def blocks() -> str:
        time.sleep(3)
        return "late"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> Any:
            for number in range(3):
                await asyncio.sleep(0.5)
                yield f"data: {number}\n\n"

        return StreamingResponse(parts(), media_type="text/event-stream")

    @app.get("/breaks-off")
    async def breaks_off() -> StreamingResponse:
        async def parts() -> Any:
            yield "one"
            raise RuntimeError("no more")

        return StreamingResponse(parts())

    return app


# Health


def test_health_is_answered_whatever_host_is_asked_for(app: FastAPI) -> None:
    edge = make_edge(app, ALLOWED_HOSTS="shop.example.com")
    for path in ("/-/healthy", "/-/ready"):
        assert ask(edge, path, headers={"host": "10.0.3.9:8000"}).status == 200


def test_health_is_not_written_to_the_log(app: FastAPI, lines: Lines) -> None:
    ask(make_edge(app), "/-/healthy")
    ask(make_edge(app), "/-/ready")
    assert lines() == []


def test_a_dependency_that_fails_later_is_told_to_private_addresses_but_stays_ready(app: FastAPI) -> None:
    fails: list[Exception] = []

    async def database() -> None:
        if fails:
            raise fails[0]

    health.register("database", database)
    edge = make_edge(app)
    assert ask(edge, "/-/ready", client=LOAD_BALANCER).json() == {"status": "ready", "checks": {"database": "ok"}}
    fails.append(ConnectionError("refused"))
    edge.readiness._expires = 0
    inside = ask(edge, "/-/ready", client=LOAD_BALANCER)
    assert (inside.status, inside.json()) == (200, {"status": "ready", "checks": {"database": "refused"}})
    assert ask(edge, "/-/ready", client="8.8.8.8").json() == {"status": "ready"}


@pytest.mark.parametrize("header", ["x-forwarded-for", "x-forwarded-proto", "forwarded"])
def test_reasons_are_told_to_nobody_whom_a_proxy_forwards(app: FastAPI, header: str) -> None:
    async def database() -> None:
        raise ConnectionError("refused")

    health.register("database", database)
    reply = ask(make_edge(app), "/-/ready", client=LOAD_BALANCER, headers={header: "10.0.0.1"})
    assert (reply.status, reply.json()) == (503, {"status": "not ready"})


# Who asks


def behind(app: FastAPI, hops: int = 1) -> Edge:
    return make_edge(app, FORWARDED_ALLOW_IPS="10.0.0.0/16", FORWARDED_HOPS=str(hops))


def test_the_load_balancer_is_believed_about_client_and_scheme(app: FastAPI) -> None:
    headers = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    told = ask(behind(app), "/whoami", client=LOAD_BALANCER, headers=headers).json()
    assert told == {"client": "203.0.113.9", "url": "https://shop.example.com/whoami"}


def test_the_slash_redirect_keeps_https_and_the_public_host(app: FastAPI) -> None:
    headers = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    reply = ask(behind(app), "/slash", client=LOAD_BALANCER, headers=headers)
    assert (reply.status, reply.header("location")) == (307, "https://shop.example.com/slash/")


def test_nobody_else_is_believed(app: FastAPI) -> None:
    headers = {"x-forwarded-for": "198.51.100.1", "x-forwarded-proto": "https"}
    told = ask(behind(app), "/whoami", client="203.0.113.9", headers=headers).json()
    assert told == {"client": "203.0.113.9", "url": "http://shop.example.com/whoami"}
    location = ask(behind(app), "/slash", client="203.0.113.9", headers=headers).header("location")
    assert location == "http://shop.example.com/slash/"


@pytest.mark.parametrize(
    ("written_by_the_client", "seen_by_the_proxy"),
    [
        ("198.51.100.1", "203.0.113.9"),
        ("198.51.100.1, 10.0.0.8", "203.0.113.9"),
        ("198.51.100.1", "10.0.9.9"),  # a client inside of the network is no proxy
        ("", "203.0.113.9"),
    ],
)
def test_what_a_client_writes_in_front_is_not_believed(
    app: FastAPI, written_by_the_client: str, seen_by_the_proxy: str
) -> None:
    headers = {"x-forwarded-for": f"{written_by_the_client}, {seen_by_the_proxy}"}
    assert ask(behind(app), "/whoami", client=LOAD_BALANCER, headers=headers).json()["client"] == seen_by_the_proxy


def test_a_second_header_of_the_same_name_counts_as_the_same_list(app: FastAPI) -> None:
    headers = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.9, 130.176.0.1")]
    assert ask(behind(app, 2), "/whoami", client=LOAD_BALANCER, headers=headers).json()["client"] == "203.0.113.9"


def test_with_two_proxies_the_entry_before_the_last_counts(app: FastAPI) -> None:
    headers = {"x-forwarded-for": "198.51.100.1, 203.0.113.9, 130.176.0.1", "x-forwarded-proto": "http, https, http"}
    told = ask(behind(app, 2), "/whoami", client=LOAD_BALANCER, headers=headers).json()
    assert told == {"client": "203.0.113.9", "url": "https://shop.example.com/whoami"}


@pytest.mark.parametrize(
    ("entry", "client"),
    [
        ("203.0.113.9:51234", "203.0.113.9"),
        ("[2001:db8::1]:51234", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", LOAD_BALANCER),
        ("203.0.113.9\tx", LOAD_BALANCER),
    ],
)
def test_an_entry_may_have_a_port_and_must_be_an_address(app: FastAPI, entry: str, client: str) -> None:
    reply = ask(behind(app), "/whoami", client=LOAD_BALANCER, headers={"x-forwarded-for": entry})
    assert reply.json()["client"] == client


def test_the_forwarded_host_is_not_believed(app: FastAPI) -> None:
    headers = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}
    told = ask(behind(app), "/whoami", client=LOAD_BALANCER, headers=headers).json()
    assert told["url"] == "https://shop.example.com/whoami"


def test_on_cloud_run_the_last_entry_is_the_client(app: FastAPI) -> None:
    headers = {"x-forwarded-for": "198.51.100.1,203.0.113.9", "x-forwarded-proto": "https"}
    told = ask(make_edge(app, K_SERVICE="shop"), "/whoami", client="169.254.169.126", headers=headers).json()
    assert told == {"client": "203.0.113.9", "url": "https://shop.example.com/whoami"}


# Hosts


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("shop.example.com", 200),
        ("SHOP.example.com:443", 200),
        ("eu.shop.example", 200),
        ("shop.example", 400),
        ("evilshop.example", 400),
        ("shop.example.com.evil.example", 400),
        ("10.0.3.9", 400),
    ],
)
def test_only_allowed_hosts_are_served(app: FastAPI, host: str, status: int) -> None:
    edge = make_edge(app, ALLOWED_HOSTS="shop.example.com,*.shop.example")
    assert ask(edge, "/items/1", headers={"host": host}).status == status


@pytest.mark.parametrize("hosts", [("evil.example", "shop.example.com"), ("shop.example.com", "evil.example")])
def test_two_hosts_in_one_request_are_refused(app: FastAPI, hosts: tuple[str, str]) -> None:
    edge = make_edge(app, ALLOWED_HOSTS="shop.example.com")
    assert ask(edge, "/items/1", headers=[("host", host) for host in hosts]).status == 400


# Ids


@pytest.mark.parametrize(
    "given", ["0af7651916cd43dd8448eb211c80319c", "1-67891233-abcdef012345678912345678", "a" * 128]
)
def test_a_sane_id_is_kept(app: FastAPI, given: str) -> None:
    reply = ask(make_edge(app), "/id", headers={"x-request-id": given})
    assert reply.header("x-request-id") == given
    assert reply.json() == {"variable": given, "header": given}


@pytest.mark.parametrize(
    "given", [None, "", "short", "a" * 129, 'x"}\n{"severity":"ERROR', "<script>alert(1)</script>", "ü" * 10]
)
def test_any_other_id_is_replaced_for_the_app_the_log_and_the_client(
    app: FastAPI, given: str | None, lines: Lines
) -> None:
    reply = ask(make_edge(app), "/id", headers={} if given is None else {"x-request-id": given})
    made = reply.header("x-request-id")
    assert made
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert reply.json() == {"variable": made, "header": made}
    assert lines()[-1]["request_id"] == made


# The log


def test_a_request_is_one_line(app: FastAPI, lines: Lines) -> None:
    headers = {"user-agent": "probe/1", "x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678"}
    reply = ask(make_edge(app), "/items/7", headers=headers, query="token=secret")
    (line,) = lines()
    assert 0 <= line.pop("duration_ms") < 1000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line == {
        "severity": "INFO",
        "logger": "access",
        "message": "GET /items/7 200",
        "request_id": reply.header("x-request-id"),
        "method": "GET",
        "path": "/items/7",
        "route": "/items/{item}",
        "status": 200,
        "client": "203.0.113.9",
        "user_agent": "probe/1",
        "load_balancer_trace": "Root=1-67891233-abcdef012345678912345678",
    }


def test_a_level_above_info_leaves_out_requests_that_did_not_fail(app: FastAPI, lines: Lines) -> None:
    edge = make_edge(app, LOG_LEVEL="WARNING")
    ask(edge, "/items/7")
    ask(edge, "/fails")
    assert [line["message"] for line in lines()] == ["unhandled exception", "GET /fails 500"]


def test_text_is_for_the_eye(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    ask(make_edge(app, LOG_FORMAT="text"), "/items/7")
    assert re.fullmatch(r"\S+ INFO     GET /items/7 200 [\d.]+ ms\n", capsys.readouterr().out)


# Failures


def test_a_failure_is_a_problem_that_tells_nothing_but_the_id(app: FastAPI, lines: Lines) -> None:
    reply = ask(make_edge(app), "/fails")
    assert reply.status == 500
    assert reply.header("content-type") == "application/problem+json"
    assert reply.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": f"The error is logged with the request id {reply.header('x-request-id')}.",
    }
    error, access = lines()
    assert error["exception"]["type"] == "builtins.RuntimeError"
    assert error["exception"]["traceback"].startswith("Traceback (most recent call last):")
    assert "postgresql://***@db/shop" in error["exception"]["message"]
    assert "app:hunter2" not in json.dumps(error)
    assert error["request_id"] == access["request_id"] == reply.header("x-request-id")
    assert (access["severity"], access["status"], access["route"]) == ("ERROR", 500, "/fails")


def test_an_app_that_means_its_500_is_not_corrected(app: FastAPI) -> None:
    reply = ask(make_edge(app), "/means-it")
    assert (reply.status, reply.body) == (500, b"Internal Server Error")


def test_the_handlers_of_the_app_are_not_corrected(app: FastAPI) -> None:
    @app.exception_handler(Exception)
    async def sorry(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("sorry", 500)

    assert ask(make_edge(app), "/fails").body == b"sorry"
    assert ask(make_edge(app), "/teapot").json() == {"detail": "short and stout"}


def test_a_failure_in_plain_asgi_is_a_problem_too() -> None:
    async def app(*_: Any) -> None:
        raise RuntimeError("secret")

    reply = ask(make_edge(app), "/")
    assert (reply.status, reply.header("content-type")) == (500, "application/problem+json")
    assert b"secret" not in reply.body


def test_a_failure_in_the_middle_of_an_answer_does_not_pretend_to_be_its_end(app: FastAPI, lines: Lines) -> None:
    reply = ask(make_edge(app), "/breaks-off")
    assert reply.chunks == [b"one"]  # no last, empty chunk: the server closes the connection
    assert lines()[0]["exception"]["message"] == "no more"


def test_what_the_edge_answers_has_the_cors_headers_of_the_app(app: FastAPI) -> None:
    app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"], allow_credentials=True)
    edge = make_edge(app, MAX_BODY_BYTES="10")
    fails = ask(edge, "/fails", headers={"origin": "https://shop.example"})
    assert (fails.status, fails.header("access-control-allow-origin")) == (500, "https://shop.example")
    long = ask(edge, "/bytes", "POST", headers={"origin": "https://shop.example", "content-length": "11"})
    assert (long.status, long.header("access-control-allow-origin")) == (413, "https://shop.example")
    foreign = ask(edge, "/fails", headers={"origin": "https://evil.example"})
    assert (foreign.status, foreign.header("access-control-allow-origin")) == (500, None)


def test_a_client_that_went_away_is_no_error(app: FastAPI, lines: Lines) -> None:
    ask(make_edge(app), "/bytes", "POST", leaves=True)
    assert [(line["severity"], line["status"]) for line in lines()] == [("INFO", 499)]


# Security headers


def test_data_may_not_be_framed_run_or_kept(app: FastAPI) -> None:
    reply = ask(make_edge(app), "/items/1")
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("content-security-policy") == "default-src 'none'; frame-ancestors 'none'"
    assert reply.header("cache-control") == "no-store"
    assert reply.header("strict-transport-security") is None


def test_a_page_can_load_what_it_needs(app: FastAPI) -> None:
    reply = ask(make_edge(app), "/docs")
    assert reply.header("x-frame-options") == "SAMEORIGIN"
    assert reply.header("content-security-policy") is None
    assert reply.header("cache-control") is None


def test_only_over_tls_the_browser_is_told_to_stay_there(app: FastAPI) -> None:
    headers = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    reply = ask(behind(app), "/items/1", client=LOAD_BALANCER, headers=headers)
    assert reply.header("strict-transport-security") == "max-age=31536000"


def test_headers_of_the_app_win(app: FastAPI) -> None:
    reply = ask(make_edge(app), "/own-headers")
    assert reply.header("content-security-policy") == "default-src 'self'"
    assert reply.header("cache-control") == "max-age=60"


def test_errors_have_the_headers_too(app: FastAPI) -> None:
    for path in ("/fails", "/nowhere", "/teapot"):
        assert ask(make_edge(app), path).header("x-content-type-options") == "nosniff"


def test_they_can_be_left_out(app: FastAPI) -> None:
    reply = ask(make_edge(app, SECURITY_HEADERS="off"), "/items/1")
    assert reply.header("x-content-type-options") is None
    assert reply.header("x-request-id")


# Limits


def test_a_body_that_says_it_is_too_long_is_refused_unread(app: FastAPI) -> None:
    edge = make_edge(app, MAX_BODY_BYTES="10")
    reply = ask(edge, "/bytes", "POST", headers={"content-length": "11"}, body=[b"x" * 11])
    assert reply.status == 413
    assert reply.json()["detail"] == "The body of the request must not be longer than 10 bytes."


@pytest.mark.parametrize("path", ["/bytes", "/json"])
def test_a_body_in_chunks_is_refused_once_it_is_too_long(app: FastAPI, path: str, lines: Lines) -> None:
    edge = make_edge(app, MAX_BODY_BYTES="1000")
    headers = {"transfer-encoding": "chunked", "content-type": "application/json"}
    reply = ask(edge, path, "POST", headers=headers, body=[b'{"a": "', *[b"x" * 100] * 20, b'"}'])
    assert (reply.status, reply.header("content-type")) == (413, "application/problem+json")
    warning, access = lines()
    assert warning["message"] == "refused a request body of more than MAX_BODY_BYTES=1000"
    assert access["status"] == 413


def test_a_body_of_exactly_the_limit_passes(app: FastAPI) -> None:
    edge = make_edge(app, MAX_BODY_BYTES="10")
    assert ask(edge, "/bytes", "POST", headers={"content-length": "10"}, body=[b"x" * 5, b"x" * 5]).json() == 10


def test_no_limit_is_no_limit(app: FastAPI) -> None:
    edge = make_edge(app, MAX_BODY_BYTES="0")
    assert ask(edge, "/bytes", "POST", body=[b"x" * 2**20] * 40).json() == 40 * 2**20


@pytest.mark.parametrize("path", ["/slow", "/blocks"])
def test_an_answer_that_does_not_begin_on_time_is_given_in_the_place_of_the_app(
    app: FastAPI, path: str, lines: Lines
) -> None:
    async def timed() -> tuple[Reply, float]:
        began = time.monotonic()
        answered: list[float] = []
        edge = make_edge(app, REQUEST_SECONDS="1")
        original = edge.access_log.write

        def write(*what: Any, **more: Any) -> None:
            answered.append(time.monotonic() - began)
            original(*what, **more)

        edge.access_log.write = write  # type: ignore[method-assign]
        reply = await exchange(edge, path)
        assert time.monotonic() - began < 10  # what waits is cancelled, and does not wait for its 30 seconds
        return reply, answered[0]

    reply, seconds = asyncio.run(timed())
    assert (reply.status, reply.json()["detail"]) == (504, "There was no answer within 1 seconds.")
    assert 0.9 < seconds < 2.5  # though the thread of /blocks runs on
    assert [line["status"] for line in lines()] == [504]


def test_an_answer_that_has_begun_may_take_as_long_as_it_likes(app: FastAPI) -> None:
    reply = ask(make_edge(app, REQUEST_SECONDS="1"), "/stream")
    assert reply.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_a_stream_passes_chunk_by_chunk(app: FastAPI) -> None:
    reply = ask(make_edge(app), "/stream")
    assert reply.chunks == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n", b""]


def test_zero_seconds_is_for_ever(app: FastAPI) -> None:
    edge = make_edge(app, REQUEST_SECONDS="0")
    assert ask(edge, "/blocks").json() == "late"


# Routes


class Counted:
    """A publisher that keeps what it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, int, bool]] = []

    def request(self, method: str, route: str, status: int, seconds: float | None) -> None:
        self.requests.append((method, route, status, seconds is not None))

    def sample(self, sample: Any) -> None:
        raise AssertionError("only the server samples")

    def close(self) -> None:
        raise AssertionError("only the server closes")


def counted(app: Any, *asked: tuple[str, str]) -> list[tuple[str, str, int, bool]]:
    publisher = Counted()
    edge = Edge(app, Settings.from_environment({"WEB_CONCURRENCY": "1"}), publisher)
    for method, path in asked:
        ask(edge, path, method)
    return publisher.requests


def test_a_route_is_named_by_its_template_with_every_prefix(app: FastAPI, tmp_path: Any) -> None:
    inner, outer, part = APIRouter(prefix="/in"), APIRouter(prefix="/api/v1"), FastAPI()

    async def read(id: int) -> int:
        return id

    inner.get("/x/{id}")(read)
    outer.include_router(inner)
    app.include_router(outer)
    part.get("/y/{id}")(read)
    part.include_router(inner)
    app.mount("/part", part)
    app.mount("/of/{tenant}", part)
    app.mount("/static", StaticFiles(directory=tmp_path))
    paths = ["/api/v1/in/x/1", "/part/y/1", "/part/in/x/1", "/of/acme/y/1", "/static/a.css", "/part/nowhere", "/docs"]
    assert [route for _, route, _, _ in counted(app, *(("GET", path) for path in paths))] == [
        "/api/v1/in/x/{id}",
        "/part/y/{id}",
        "/part/in/x/{id}",
        "/of/{tenant}/y/{id}",
        "/static/*",
        "/part/*",
        "/docs",
    ]


@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
def test_a_root_path_does_not_change_the_name() -> None:
    app = FastAPI(root_path="/v0.1")

    @app.get("/items/{item}")
    async def item(item: int) -> int:
        return item

    assert counted(app, ("GET", "/items/1"))[0][1] == "/items/{item}"


def test_paths_without_a_route_are_one_and_so_are_unknown_methods(app: FastAPI) -> None:
    asked = [("GET", f"/wp-admin/{number}") for number in range(50)] + [
        (f"X{number}", "/items/1") for number in range(5)
    ]
    assert set(counted(app, *asked)) == {("GET", "(none)", 404, True), ("OTHER", "/items/{item}", 405, True)}


def test_there_are_never_more_than_500_names() -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope["endpoint"] = app  # as a plain Starlette route without a template
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    names = {route for _, route, _, _ in counted(app, *(("GET", f"/{number}") for number in range(600)))}
    assert len(names) == 501
    assert "(other)" in names


def test_the_duration_of_an_event_stream_says_nothing(app: FastAPI) -> None:
    assert counted(app, ("GET", "/stream"), ("GET", "/items/1")) == [
        ("GET", "/stream", 200, False),
        ("GET", "/items/{item}", 200, True),
    ]


def test_the_app_is_not_wrapped_in_middleware_that_buffers(app: FastAPI) -> None:
    make_edge(app)
    assert app.user_middleware == []
