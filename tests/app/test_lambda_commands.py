"""Commands that a deploy runs in a Lambda environment, and that nobody else can."""

import base64
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lambda_environment import SECONDS, Lambda, function_url, http_api, load_balancer

CODE = """
import os
from contextlib import asynccontextmanager
from pathlib import Path
from fastapi import FastAPI, Request

@asynccontextmanager
async def lifespan(app):
    if os.environ.get("NEEDS") and not Path(os.environ["NEEDS"]).exists():
        raise RuntimeError("the schema is too old")
    print("started up", flush=True)
    yield
    print("shut down", flush=True)

app = FastAPI(lifespan=lifespan)

@app.post("/echo")
async def echo(request: Request) -> str:
    return (await request.body()).decode()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Lambda]]:
    started: list[Lambda] = []

    def start(**environment: str) -> Lambda:
        started.append(Lambda(tmp_path, CODE, **environment))
        return started[-1]

    yield start
    for environment in started:
        environment.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    environment = Lambda(tmp_path_factory.mktemp("lambda"), CODE)
    yield environment
    environment.close()


def command(*parts: str) -> dict[str, Any]:
    return {"fastapi_runtime": {"run": [*parts]}}


def python(code: str) -> dict[str, Any]:
    return command(sys.executable, "-c", code)


def test_a_command_runs_and_its_output_is_answered_and_logged(shop: Lambda) -> None:
    answer = shop.invoke(python("import sys; print('migrated'); print('with a warning', file=sys.stderr)"))
    assert answer["exitCode"] == 0
    assert sorted(answer["output"].splitlines()) == ["migrated", "with a warning"]
    assert "migrated\n" in shop.log.read_text()


def test_a_command_that_fails_is_an_answer_with_its_code(shop: Lambda) -> None:
    answer = shop.invoke(python("print('no such table'); raise SystemExit(3)"))
    assert answer == {"exitCode": 3, "output": "no such table\n"}


def test_a_command_that_a_signal_ends_has_the_code_of_shells(shop: Lambda) -> None:
    assert shop.invoke(python("import os; os.kill(os.getpid(), 9)"))["exitCode"] == 137


def test_a_command_that_does_not_exist_is_told(shop: Lambda) -> None:
    answer = shop.invoke(command("alembik", "upgrade", "head"))
    assert answer == {"exitCode": 127, "output": "cannot run 'alembik': No such file or directory\n"}


def test_of_a_long_output_the_end_is_answered(shop: Lambda) -> None:
    answer = shop.invoke(python("for line in range(5000): print(line)"))
    assert answer["output"] == "".join(f"{line}\n" for line in range(4900, 5000))
    assert len(shop.invoke(python("print('x' * 10**6)"))["output"]) == 16_000


def test_credentials_in_a_url_are_neither_answered_nor_logged(shop: Lambda) -> None:
    answer = shop.invoke(python("print('cannot connect to postgresql://app:hunter2@db/app')"))
    assert answer["output"] == "cannot connect to postgresql://***@db/app\n"
    assert "hunter2" not in shop.log.read_text()


def test_a_command_takes_no_events_from_lambda(shop: Lambda) -> None:
    answer = shop.invoke(python("import os; print('AWS_LAMBDA_RUNTIME_API' in os.environ, os.environ['APP_MODULE'])"))
    assert answer["output"] == "False main:app\n"


@pytest.mark.parametrize("asked", ["alembic upgrade head", [], [""], ["alembic", 1], {"alembic": "upgrade"}, None])
def test_what_is_no_command_is_refused(shop: Lambda, asked: object) -> None:
    shop.events.put({"fastapi_runtime": {"run": asked}})
    kind, error = shop.result()
    assert (kind, error["errorType"]) == ("error", "ValueError")
    assert error["errorMessage"].startswith(
        'fastapi_runtime must be like {"run": ["alembic", "upgrade", "head"]}, got {\'run\': '
    )


def test_a_command_without_time_left_is_ended_and_told(start: Callable[..., Lambda]) -> None:
    environment = start()
    environment.timeout = 5.0
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('rolled back', flush=True), exit(1)))\n"
        "print('begun', flush=True); time.sleep(60)"
    )
    assert environment.asked.wait(SECONDS)
    began = time.monotonic()
    answer = environment.invoke(python(code))
    assert time.monotonic() - began < 5.0
    assert answer["exitCode"] == 124
    assert answer["output"].startswith("begun\nrolled back\nended after 3.")


def test_a_command_that_ignores_its_end_is_killed_with_all_that_it_started(start: Callable[..., Lambda]) -> None:
    environment = start()
    environment.timeout = 4.0
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\ntime.sleep(60)"
    )
    assert environment.asked.wait(SECONDS)
    began = time.monotonic()
    assert environment.invoke(python(code))["exitCode"] == 124
    assert time.monotonic() - began < 4.0


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("entry", [http_api, function_url, load_balancer])
def test_no_request_over_http_runs_a_command(shop: Lambda, tmp_path: Path, entry: Any, binary: bool) -> None:
    body = json.dumps(python(f"open({str(tmp_path / 'ran')!r}, 'w')"))
    content = {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True} if binary else {"body": body}
    answer = shop.invoke(entry("/echo", "POST", **content))
    assert json.loads(answer["body"]) == body
    event = entry("/echo", "POST", headers={"fastapi_runtime": body}, **content)
    event["queryStringParameters"] = {"fastapi_runtime": body}
    event["rawQueryString"] = "fastapi_runtime=" + body
    event["fastapi_runtime"] = python("pass")["fastapi_runtime"]  # not even if a service copied a client's word
    assert json.loads(shop.invoke(event)["body"]) == body
    assert not (tmp_path / "ran").exists()


def test_after_a_command_the_app_starts_anew_in_the_same_process(start: Callable[..., Lambda]) -> None:
    """What it has read at its start, the command may have changed."""
    environment = start()
    environment.invoke(python("pass"))
    assert environment.invoke(http_api("/echo", "POST", body="x"))["statusCode"] == 200
    log = environment.log.read_text()
    assert (log.count("started up"), log.count("shut down")) == (2, 1)
    assert environment.process.poll() is None
    assert len(environment.extensions) == 1  # which Lambda takes only while the environment is made


def test_a_migration_runs_although_the_app_needs_it_to_start(start: Callable[..., Lambda], tmp_path: Path) -> None:
    schema = tmp_path / "schema"
    environment = start(NEEDS=str(schema), AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")
    assert environment.invoke(python(f"open({str(schema)!r}, 'w')"))["exitCode"] == 0
    assert environment.invoke(http_api("/-/ready"))["statusCode"] == 200


def test_an_app_that_cannot_start_fails_each_request_until_it_can(start: Callable[..., Lambda], tmp_path: Path) -> None:
    schema = tmp_path / "schema"
    environment = start(NEEDS=str(schema), AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")
    for _ in range(2):
        environment.events.put(http_api("/-/ready"))
        kind, error = environment.result()
        assert (kind, error["errorType"]) == ("error", "LifespanFailure")
        assert "the schema is too old" in error["errorMessage"]
    schema.touch()
    environment.events.put(http_api("/-/ready"))
    environment.result()  # of the process that started before
    assert environment.invoke(http_api("/-/ready"))["statusCode"] == 200
    assert environment.process.poll() is None


def test_a_provisioned_environment_whose_app_cannot_start_is_reported_at_once(
    start: Callable[..., Lambda], tmp_path: Path
) -> None:
    environment = start(NEEDS=str(tmp_path / "schema"), AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency")
    kind, error = environment.result()
    assert (kind, error["errorType"]) == ("init", "LifespanFailure")
    assert environment.process.wait(SECONDS) == 1
