"""The built image by the contract of Cloud Run: its port, its signals, its file system, behind a front end."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from container_engine import Container, Engine
from metadata_server import PROJECT, MetadataServer
from test_runtime_balanced import Balancer, Load

CODE = """
import asyncio, os
from fastapi import FastAPI

app = FastAPI()

@app.get("/fast")
async def fast() -> str:
    return os.environ["K_REVISION"]

@app.get("/slow")
async def slow() -> str:
    await asyncio.sleep(0.8)
    return os.environ["K_REVISION"]

@app.get("/wait/{seconds}")
async def wait(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "answered"
"""
KILLED_AFTER = 10  # seconds from SIGTERM, on Cloud Run
ON_CLOUD_RUN = ("--image-volume=ignore", "--tmpfs=/tmp:rw,size=64m,mode=1777", "--memory=512m")
Revision = Callable[[str], Container]


@pytest.fixture
def revision(engine: Engine, image: str, tmp_path: Path) -> Iterator[Revision]:
    """Start an instance of a revision, and wait for its start-up probe."""
    main = tmp_path / "main.py"
    main.write_text(CODE)
    main.chmod(0o644)
    with ExitStack() as stack:
        metadata = stack.enter_context(closing(MetadataServer()))

        def start(name: str) -> Container:
            variables = {
                "K_SERVICE": "shop",
                "K_REVISION": name,
                "K_CONFIGURATION": "shop",
                "GCE_METADATA_HOST": metadata.host,
                "APP_MODULE": "main:app",
                "DRAIN_SECONDS": "1",
            }
            options = (*ON_CLOUD_RUN, f"--volume={main}:/srv/main.py:ro")
            container = stack.enter_context(engine.running(image, *options, **variables))
            container.until_ready()
            return container

        yield start


def test_it_keeps_the_contract(revision: Revision) -> None:
    container = revision("shop-00001")
    everywhere = f"http://127.0.0.2:{container.port}/fast"  # 0.0.0.0 is each address
    assert httpx.get(everywhere, headers={"X-Cloud-Trace-Context": f"{'a' * 32}/1;o=1"}).json() == "shop-00001"
    (line,) = [json.loads(line) for line in container.lines_with('"path":"/fast"')]
    assert (line["severity"], line["logging.googleapis.com/trace"]) == ("INFO", f"projects/{PROJECT}/traces/{'a' * 32}")
    code = (
        "import os\n"
        "for place in ('/', '/srv', '/opt/runtime', '/tmp'):\n"
        "    try: open(os.path.join(place, 'x'), 'w').close(); print(place)\n"
        "    except OSError: pass"
    )
    assert container.run(code) == "/tmp"  # noqa: S108


def test_what_is_in_flight_at_sigterm_is_answered_before_the_kill(revision: Revision) -> None:
    container = revision("shop-00001")
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(container.get("/wait/6").json()))
    asking.start()
    while container.run("print(open('/proc/net/tcp').read().count(' 01 '))") == "0":
        time.sleep(0.05)
    time.sleep(0.2)  # until the request is with the app
    began = time.monotonic()
    container.terminate()
    assert container.exit_code() == 0
    assert time.monotonic() - began < KILLED_AFTER
    asking.join()
    assert answers == ["answered"]


def test_switches_of_revisions_fail_no_request(revision: Revision, tmp_path: Path) -> None:
    """Worst case: the old revision is told to stop at once when the traffic has moved, amid requests."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    with closing(Balancer(folder)) as front:
        serving = revision("shop-00001")
        front.use(serving)  # type: ignore[arg-type]
        with Load(front.port) as load:
            for number in (2, 3, 4):
                new = revision(f"shop-0000{number}")
                front.use(new)  # type: ignore[arg-type]
                began = time.monotonic()
                serving.terminate()
                assert serving.exit_code() == 0
                assert time.monotonic() - began < KILLED_AFTER
                serving = new
            while httpx.get(f"http://127.0.0.1:{front.port}/fast").json() != "shop-00004":
                time.sleep(0.05)
    failed = {answer: count for answer, count in load.answers.items() if answer[1] != "200"}
    assert not failed
    assert load.answers.total() > 200
