"""The handler in AWS' own runtime client, against a Lambda Runtime API on loopback."""

import base64
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from collector import collector
from lambda_environment import REQUEST_ID, SECONDS, Lambda, function_url, http_api, load_balancer

CODE = """
import asyncio, os, time
from contextlib import asynccontextmanager
from fastapi import BackgroundTasks, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

@asynccontextmanager
async def lifespan(app):
    print("started up", flush=True)
    yield {"opened": os.getpid()}
    print("shut down", flush=True)

app = FastAPI(lifespan=lifespan)

@app.get("/opened")
async def opened(request: Request) -> int:
    return request.state.opened

@app.api_route("/echo/{name}", methods=["GET", "POST"])
async def echo(name: str, request: Request) -> dict:
    return {
        "name": name, "method": request.method, "url": str(request.url), "client": request.client.host,
        "cookies": request.cookies, "query": request.query_params.multi_items(), "body": (await request.body()).hex(),
        "languages": request.headers.getlist("accept-language"),
    }

@app.post("/count")
async def count(request: Request) -> int:
    return len(await request.body())

@app.get("/cookies")
async def cookies(response: Response) -> None:
    response.set_cookie("a", "1")
    response.set_cookie("b", "2; 3")
    response.headers["x-name"] = "caf\\u00e9"

@app.get("/picture")
async def picture() -> Response:
    return Response(bytes(range(256)), media_type="image/png")

@app.get("/long/{size}")
async def long(size: int) -> Response:
    return Response('"' * size, media_type="text/plain")

@app.get("/fails")
async def fails() -> None:
    raise RuntimeError("secret")

@app.get("/slow")
async def slow() -> None:
    await asyncio.sleep(30)

@app.get("/wait/{seconds}")
async def wait(seconds: float) -> None:
    await asyncio.sleep(seconds)

@app.get("/stream")
async def stream() -> StreamingResponse:
    async def heartbeats():
        while True:
            yield ": still here\\n\\n"
            await asyncio.sleep(0.1)
    return StreamingResponse(heartbeats(), media_type="text/event-stream")

@app.get("/afterwards")
async def afterwards(tasks: BackgroundTasks) -> str:
    tasks.add_task(asyncio.sleep, 30)
    return "done"

@app.get("/blocks")
def blocks() -> None:
    time.sleep(3)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    environment = Lambda(tmp_path_factory.mktemp("lambda"), CODE)
    yield environment
    environment.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Environments of one test."""
    started: list[Lambda] = []

    def start(code: str = CODE, **environment: str) -> Lambda:
        started.append(Lambda(tmp_path, code, **environment))
        return started[-1]

    yield start
    for environment in started:
        environment.close()


def test_the_app_starts_once_and_every_invocation_finds_what_it_opened(shop: Lambda) -> None:
    answers = [shop.invoke(http_api("/opened"))["body"] for _ in range(5)]
    assert set(answers) == {str(shop.process.pid)}
    assert shop.log.read_text().count("started up") == 1
    assert "shut down" not in shop.log.read_text()


@pytest.mark.parametrize("event", [http_api, function_url])
def test_an_http_api_and_a_function_url_ask_the_same_way(shop: Lambda, event: Any) -> None:
    body = base64.b64encode(bytes(range(256))).decode()
    answer = shop.invoke(
        event("/echo/caf%C3%A9", "POST", query="q=a%20b&q=c", cookies=["a=1", "b=2"], body=body, isBase64Encoded=True)
    )
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    assert answer["headers"]["strict-transport-security"]
    assert json.loads(answer["body"]) == {
        "name": "café",
        "method": "POST",
        "url": "https://shop.example.com/echo/café?q=a%20b&q=c",
        "client": "203.0.113.9",
        "cookies": {"a": "1", "b": "2"},
        "query": [["q", "a b"], ["q", "c"]],
        "body": bytes(range(256)).hex(),
        "languages": [],
    }


def test_a_request_has_the_id_that_lambda_gives_the_invocation(shop: Lambda) -> None:
    assert shop.invoke(http_api("/opened"))["headers"]["x-request-id"] == REQUEST_ID
    assert f'"request_id":"{REQUEST_ID}"' in shop.log.read_text()
    own = http_api("/opened", headers={"x-request-id": "the-clients-own"})
    assert shop.invoke(own)["headers"]["x-request-id"] == "the-clients-own"


def test_the_stage_of_an_http_api_is_no_part_of_the_route(shop: Lambda) -> None:
    answer = json.loads(shop.invoke(http_api("/prod/echo/tea", stage="prod"))["body"])
    assert (answer["name"], answer["url"]) == ("tea", "https://shop.example.com/prod/echo/tea")


@pytest.mark.parametrize(
    ("multi", "query", "languages"),
    [(True, [["q", "a b"], ["q", "c"]], ["de", "en"]), (False, [["q", "a b"]], ["en"])],
)
def test_a_load_balancer_asks_with_and_without_multiple_values(
    shop: Lambda, multi: bool, query: list[list[str]], languages: list[str]
) -> None:
    answer = json.loads(shop.invoke(load_balancer("/echo/tea", multi=multi))["body"])
    assert answer["client"] == "203.0.113.9"
    assert answer["url"].startswith("https://shop.example.com/echo/tea?q=a+b")
    assert (answer["query"], answer["languages"]) == (query, languages)


def test_every_cookie_of_an_answer_arrives(shop: Lambda) -> None:
    cookies = ["a=1; Path=/; SameSite=lax", 'b="2\\073 3"; Path=/; SameSite=lax']
    answer = shop.invoke(http_api("/cookies"))
    assert answer["cookies"] == cookies
    assert answer["headers"]["x-name"] == "café"
    assert shop.invoke(load_balancer("/cookies", multi=True))["multiValueHeaders"]["set-cookie"] == cookies
    single = shop.invoke(load_balancer("/cookies"))["headers"]
    assert [value for name, value in single.items() if name.lower() == "set-cookie"] == cookies


@pytest.mark.parametrize("event", [http_api, load_balancer])
def test_a_binary_answer_is_base64(shop: Lambda, event: Any) -> None:
    answer = shop.invoke(event("/picture"))
    assert answer["isBase64Encoded"] is True
    assert base64.b64decode(answer["body"]) == bytes(range(256))


def test_a_failure_is_a_problem_and_not_a_failed_invocation(shop: Lambda) -> None:
    answer = shop.invoke(http_api("/fails"))
    assert answer["statusCode"] == 500
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert json.loads(answer["body"])["title"] == "Internal Server Error"
    assert "secret" not in answer["body"]
    (line,) = [json.loads(line) for line in shop.log.read_text().splitlines() if "RuntimeError" in line]
    assert line["exception"]["message"] == "secret"


def test_an_answer_that_lambda_cannot_return_is_a_problem_with_a_reason_in_the_log(shop: Lambda) -> None:
    # A quotation mark takes two bytes in JSON, so 4 MB of them are 8.
    answer = shop.invoke(http_api(f"/long/{4 * 2**20}"))
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["detail"] == "The answer is longer than the 6 MB that Lambda can return here."
    assert "put it into S3" in shop.log.read_text()


def test_an_answer_that_a_load_balancer_does_not_take_from_lambda_is_one_too(shop: Lambda) -> None:
    answer = shop.invoke(load_balancer(f"/long/{600_000}"))
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["detail"] == "The answer is longer than the 1 MB that Lambda can return here."
    assert len(shop.invoke(load_balancer(f"/long/{500_000}"))["body"]) == 500_000


def test_the_longest_request_that_lambda_hands_over_reaches_the_app(shop: Lambda) -> None:
    body = base64.b64encode(bytes(4_500_000)).decode()
    answer = shop.invoke(http_api("/count", "POST", body=body, isBase64Encoded=True))
    assert answer["body"] == "4500000"


def test_a_request_longer_than_the_app_wants_is_refused_with_a_reason(start: Any) -> None:
    environment = start(MAX_BODY_BYTES="1000")
    answer = environment.invoke(http_api("/count", "POST", body="x" * 1001))
    assert answer["statusCode"] == 413
    assert json.loads(answer["body"])["detail"] == "The body of the request must not be longer than 1000 bytes."
    assert "refused a request body of more than MAX_BODY_BYTES=1000" in environment.log.read_text()
    assert environment.invoke(http_api("/count", "POST", body="x" * 1000))["body"] == "1000"


def test_an_answer_just_below_the_limit_arrives(shop: Lambda) -> None:
    assert len(shop.invoke(http_api(f"/long/{3_100_000}"))["body"]) == 3_100_000


def test_an_event_that_is_no_request_fails_with_what_it_should_be(shop: Lambda) -> None:
    shop.events.put({"Records": []})
    kind, error = shop.result()
    assert (kind, error["errorType"]) == ("error", "ValueError")
    assert error["errorMessage"] == (
        "this function answers HTTP requests of a function URL, an HTTP API or a load balancer;"
        " got an event with ['Records']"
    )
    assert shop.invoke(http_api("/opened"))["statusCode"] == 200


def test_health_is_answered_on_lambda_too(shop: Lambda) -> None:
    assert json.loads(shop.invoke(http_api("/-/ready"))["body"]) == {"status": "ready"}


@pytest.mark.parametrize("path", ["/slow", "/blocks"])
def test_before_lambda_cuts_an_invocation_it_is_answered(start: Any, path: str) -> None:
    environment = start()
    environment.timeout = 1.5
    began = time.monotonic()
    assert environment.invoke(http_api("/opened"))["statusCode"] == 200  # how long it may take is known from here on
    began = time.monotonic()
    assert environment.invoke(http_api(path))["statusCode"] == 504
    assert time.monotonic() - began < 1.5


def test_each_invocation_has_its_own_time(start: Any) -> None:
    """The first may begin late, if Lambda has initialized the environment within it."""
    environment = start()
    environment.timeout = 1.0
    assert environment.invoke(http_api("/wait/2"))["statusCode"] == 504
    environment.timeout = 30.0
    assert environment.invoke(http_api("/wait/2"))["statusCode"] == 200


def test_a_stream_without_end_is_told_and_not_cut(start: Any) -> None:
    """Lambda takes an answer as a whole; what has begun within the app has not yet begun for the client."""
    environment = start()
    environment.timeout = 3.0
    answer = environment.invoke(http_api("/stream"))
    assert answer["statusCode"] == 504
    assert json.loads(answer["body"])["detail"].startswith("The answer was not complete within 2.")
    assert "the answer of /stream has no end" in environment.log.read_text()
    assert environment.invoke(http_api("/opened"))["statusCode"] == 200


def test_an_answer_does_not_wait_longer_than_it_may_for_what_comes_after_it(start: Any) -> None:
    environment = start()
    environment.timeout = 3.0
    answer = environment.invoke(http_api("/afterwards"))
    assert (answer["statusCode"], answer["body"]) == (200, '"done"')
    assert "what /afterwards still does after its answer is cut" in environment.log.read_text()


def test_traces_leave_with_the_answer_as_nothing_runs_until_the_next_event(start: Any) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with collector() as (address, received):
        environment = start(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{address}", OTEL_BSP_SCHEDULE_DELAY="60000")
        environment.invoke(http_api("/opened", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"}))
        assert bytes.fromhex(trace) in b"".join(body for _, body in received)


def test_on_sigterm_the_app_is_stopped(start: Any) -> None:
    environment = start()
    environment.invoke(http_api("/opened"))
    assert environment.extensions == [{"events": []}]  # without one Lambda sends no SIGTERM
    environment.process.send_signal(signal.SIGTERM)
    assert environment.process.wait(SECONDS) == 0
    log = environment.log.read_text()
    assert log.count("shut down") == 1
    (metrics,) = [json.loads(line) for line in log.splitlines() if '"_aws"' in line]
    assert metrics["Requests"] == 1


def test_a_shutdown_that_takes_longer_than_lambda_gives_it_is_told(start: Any) -> None:
    code = CODE.replace('    print("shut down", flush=True)', "    await asyncio.sleep(60)")
    environment = start(code)
    environment.invoke(http_api("/opened"))
    began = time.monotonic()
    environment.process.send_signal(signal.SIGTERM)
    assert environment.process.wait(SECONDS) == 0
    assert time.monotonic() - began < 10
    log = environment.log.read_text()
    assert "the app's shutdown takes longer than the 0.35 seconds that Lambda gives it" in log
    assert '"_aws"' in log  # its last metrics


def test_an_app_that_gives_no_answer_is_told(start: Any) -> None:
    environment = start("async def app(scope, receive, send):\n    return\n")
    assert environment.invoke(http_api("/"))["statusCode"] == 500
    assert "the app has returned from / without an answer" in environment.log.read_text()


def test_a_schedule_calls_a_path_with_no_more_than_it_needs(shop: Lambda) -> None:
    """EventBridge sends what the schedule holds: an event of this form, without an entry that adds anything."""
    event = {
        "version": "2.0",
        "rawPath": "/echo/tea",
        "rawQueryString": "",
        "headers": {"host": "schedule"},
        "requestContext": {"http": {"method": "POST", "path": "/echo/tea", "sourceIp": "127.0.0.1"}},
        "isBase64Encoded": False,
    }
    answer = shop.invoke(event)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["method"] == "POST"


def test_an_app_that_refuses_all_without_a_header_is_ready_anyway(start: Any) -> None:
    environment = start(
        "from fastapi import FastAPI, Request, Response\napp = FastAPI()\n"
        "@app.middleware('http')\nasync def check(request: Request, call_next):\n"
        "    if 'x-cloudfront-header' not in request.headers: return Response(status_code=403)\n"
        "    return await call_next(request)\n"
        "@app.get('/version')\nasync def version(): return 1\n"
    )
    assert environment.invoke(http_api("/version"))["statusCode"] == 403
    assert environment.invoke(http_api("/-/ready"))["statusCode"] == 200
    assert environment.invoke(load_balancer("/-/healthy"))["statusCode"] == 200


@pytest.mark.parametrize(
    ("code", "variables", "kind", "text"),
    [
        ("import missing_module", {}, "ImportModuleError", "No module named 'missing_module'"),
        ("app = None", {"APP_MODULE": "main:nope"}, "AppNotFound", 'Attribute "nope" not found in module "main"'),
        (
            CODE.replace('print("started up",', 'raise RuntimeError("no licence"); print('),
            {},
            "LifespanFailure",
            "no licence",
        ),
        (CODE, {"PORT": "http"}, "SettingsError", "PORT must be a whole number"),
    ],
)
def test_a_start_that_fails_is_reported_to_lambda(
    start: Any, code: str, variables: dict[str, str], kind: str, text: str
) -> None:
    environment = start(code, **variables)
    report, error = environment.result()
    assert report == "init"
    assert error["errorType"].endswith(kind)
    assert text in error["errorMessage"]
    assert environment.process.wait(SECONDS) == 1
