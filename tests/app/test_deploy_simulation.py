"""Deploys of good and bad versions under load, played with real processes behind a real nginx, by our ladder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from ecs_simulator import Ecs, Outcome
from launcher import Server, start
from pulumi_fastapi.rollout import Rollout, happy_path_seconds, worst_case_seconds
from pulumi_fastapi.timeouts import Timeouts, ladder
from test_runtime_balanced import Balancer, Load

# The ladder of the components, with its long waits cut so that a deploy takes seconds; its rules still hold.
TIMES = replace(
    ladder(Timeouts(request=1, idle=10, startup=4)),
    drain=2,
    shutdown_delay=1,
    graceful=2,
    stop=5,
    health_interval=1,
    health_timeout=1,
    grace=6,
)
TASKS = 2
APP = """
import asyncio, os, signal, time
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    {start}
    yield

app = FastAPI(lifespan=lifespan)

@app.get("/fast")
async def fast() -> str:
    await asyncio.sleep({answer})
    return "{name}"

@app.get("/slow")
async def slow() -> str:
    await asyncio.sleep(0.8)
    return "{name}"
"""


def version(name: str, start: str = "pass", answer: float = 0) -> str:
    return APP.format(name=name, start=start, answer=answer)


GOOD, BETTER = version("good"), version("better")
NEVER_READY = version("never", start="await asyncio.sleep(1000)")
CRASHES = version("crashes", start="asyncio.get_running_loop().call_later(4, os._exit, 3)")
SLOW = version("slow", answer=0.9)
DEAF = version(
    "deaf", start="asyncio.get_running_loop().call_later(0.5, signal.signal, signal.SIGTERM, signal.SIG_IGN)"
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[Ecs, Balancer]]:
    with ExitStack() as stack:
        count = 0

        def launch(code: str) -> Server:
            nonlocal count
            count += 1
            directory = tmp_path / f"task-{count}"
            directory.mkdir()
            (directory / "main.py").write_text(code)
            environment = {**TIMES.environment(), "APP_MODULE": "main:app", "STARTUP_SECONDS": 60}
            return start(stack, directory / "log", directory, (), **environment)

        folder = tmp_path / "nginx"
        folder.mkdir()
        balancer = Balancer(folder)
        stack.callback(balancer.close)
        yield Ecs(balancer, TIMES, TASKS, launch, GOOD), balancer


def failed_share(load: Load) -> float:
    failed = sum(count for (_, answer), count in load.answers.items() if answer != "200")
    return failed / load.answers.total()


def name_of_what_runs(ecs: Ecs) -> set[str]:
    return {task.server.get("/fast").text.strip('"') for task in ecs.tasks}


Deploy = Callable[[Ecs, str], Outcome]
ROLLING: Deploy = Ecs.rolling
BLUE_GREEN: Deploy = lambda ecs, code: ecs.blue_green(code, bake=4)  # noqa: E731


@pytest.mark.parametrize("deploy", [ROLLING, BLUE_GREEN], ids=["rolling", "blue-green"])
def test_a_good_deploy_fails_no_request_and_takes_no_longer_than_computed(
    service: tuple[Ecs, Balancer], deploy: Deploy
) -> None:
    ecs, balancer = service
    with Load(balancer.port) as load:
        outcome = deploy(ecs, BETTER)

    assert outcome.completed
    assert name_of_what_runs(ecs) == {"better"}
    assert failed_share(load) == 0, load.answers
    assert load.answers.total() > 500
    strategy = Rollout(strategy="ROLLING" if deploy is ROLLING else "BLUE_GREEN", bake_minutes=0)  # type: ignore[arg-type]
    waits = {"provision": 0, "startup": 0}  # of Fargate, and of an app that is larger than this one
    least = sum(({**happy_path_seconds(TIMES, strategy, tasks=TASKS).terms} | waits).values())
    baked = 0 if deploy is ROLLING else 4
    assert least - TIMES.health_interval <= outcome.seconds - baked
    assert outcome.seconds - baked <= worst_case_seconds(TIMES, strategy, tasks=TASKS).total


@pytest.mark.parametrize("deploy", [ROLLING, BLUE_GREEN], ids=["rolling", "blue-green"])
def test_a_version_that_never_gets_ready_gets_no_request(service: tuple[Ecs, Balancer], deploy: Deploy) -> None:
    ecs, balancer = service
    with Load(balancer.port) as load:
        outcome = deploy(ecs, NEVER_READY)

    assert not outcome.completed
    assert name_of_what_runs(ecs) == {"good"}
    assert failed_share(load) == 0, load.answers
    assert outcome.seconds <= worst_case_seconds(TIMES, Rollout(), tasks=TASKS).total


def test_blue_green_takes_back_a_version_that_crashes_after_a_while(service: tuple[Ecs, Balancer]) -> None:
    """It was ready, so some requests meet it; rolling would have had no old tasks to go back to."""
    ecs, balancer = service
    with Load(balancer.port) as load:
        outcome = ecs.blue_green(CRASHES, bake=8)

    assert not outcome.completed
    assert name_of_what_runs(ecs) == {"good"}
    print(f"{failed_share(load):.1%} of {load.answers.total()} requests failed")
    assert 0 < failed_share(load) < 0.25, load.answers


def test_blue_green_takes_back_a_slow_version_when_the_latency_alarm_fires(service: tuple[Ecs, Balancer]) -> None:
    ecs, balancer = service
    with Load(balancer.port) as load:
        outcome = ecs.blue_green(SLOW, bake=8, alarm=lambda: load.latest("/fast") > 0.5)

    assert not outcome.completed
    assert name_of_what_runs(ecs) == {"good"}
    assert failed_share(load) == 0, load.answers


def test_a_version_that_ignores_sigterm_is_killed_and_fails_no_request(service: tuple[Ecs, Balancer]) -> None:
    ecs, balancer = service
    assert ecs.rolling(DEAF).completed
    deaf = [task.server.process for task in ecs.tasks]
    with Load(balancer.port) as load:
        outcome = ecs.rolling(BETTER)

    assert outcome.completed
    assert [process.returncode for process in deaf] == [-9] * TASKS
    assert failed_share(load) == 0, load.answers
