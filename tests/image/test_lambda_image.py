"""The built image as Lambda runs it: read-only but for /tmp, as another user, without shared memory."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from container_engine import Container, Engine
from lambda_environment import RuntimeApi, function_url, load_balancer

ON_LAMBDA = (
    "--user=993:990",  # Lambda takes one of its own, whatever the image says
    "--image-volume=ignore",
    "--tmpfs=/tmp:rw,size=512m,mode=1777",
    "--ipc=none",  # no /dev/shm
    "--memory=512m",
)


@pytest.fixture(scope="module")
def environment(engine: Engine, image: str) -> Iterator[tuple[RuntimeApi, Container]]:
    with ExitStack() as stack:
        api = stack.enter_context(closing(RuntimeApi()))
        variables = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        }
        yield api, stack.enter_context(engine.running(image, *ON_LAMBDA, **variables))


def run(api: RuntimeApi, *command: str) -> dict[str, Any]:
    return api.invoke({"fastapi_runtime": {"run": [*command]}})


@pytest.mark.parametrize("event", [function_url, load_balancer])
def test_it_answers_the_events_of_lambda(environment: tuple[RuntimeApi, Container], event: Any) -> None:
    api, container = environment
    answer = api.invoke(event("/health"))
    assert answer["statusCode"] == 200, container.logs()
    assert json.loads(api.invoke(event("/-/ready"))["body"]) == {"status": "ready"}


def test_it_runs_the_commands_of_a_deploy(environment: tuple[RuntimeApi, Container]) -> None:
    answer = run(environment[0], "alembic", "heads")
    assert answer == {"exitCode": 0, "output": "0001 (head)\n"}


def test_it_writes_to_tmp_alone(environment: tuple[RuntimeApi, Container]) -> None:
    code = (
        "import os, tempfile\n"
        "for place in ('/', '/srv', '/opt/runtime', '/var/tmp', '/tmp'):\n"
        "    try: open(os.path.join(place, 'x'), 'w').close(); print(place)\n"
        "    except OSError: pass\n"
        "print(os.path.exists('/dev/shm'), tempfile.gettempdir(), os.getuid())"
    )
    assert run(environment[0], "python", "-c", code)["output"] == "/tmp\nFalse /tmp 993\n"  # noqa: S108


def test_it_stops_when_lambda_ends_the_environment(environment: tuple[RuntimeApi, Container]) -> None:
    api, container = environment
    assert api.invoke(function_url("/health"))["statusCode"] == 200
    assert api.extensions == [{"events": []}]
    container.terminate()
    assert container.exit_code() == 0
