"""The runtime with the variables and headers of Cloud Run."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from launcher import Launch, Server, free_port
from metadata_server import PROJECT, MetadataServer

CODE = """
import logging
from fastapi import FastAPI

app = FastAPI()

@app.get("/logs")
async def logs() -> None:
    logging.getLogger("shop").warning("low on tea")

@app.get("/fails")
async def fails() -> None:
    raise RuntimeError("no tea")
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
NAME = "logging.googleapis.com/trace"


@pytest.fixture
def metadata() -> Iterator[MetadataServer]:
    server = MetadataServer()
    yield server
    server.close()


def lines(server: Server) -> list[dict[str, Any]]:
    server.terminate()
    assert server.exit_code() == 0
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def test_every_line_of_a_request_names_its_trace(launch: Launch, metadata: MetadataServer) -> None:
    server = launch(CODE, K_SERVICE="shop", GCE_METADATA_HOST=metadata.host)
    for path in ("/logs", "/fails"):
        server.get(path, **{"X-Cloud-Trace-Context": f"{TRACE}/2309012304;o=1"})
    told = lines(server)
    of_requests = [line for line in told if line["logger"] in ("access", "shop", "fastapi_runtime.edge")]
    assert [line["severity"] for line in of_requests] == ["WARNING", "INFO", "ERROR", "ERROR"]
    assert {line[NAME] for line in of_requests} == {f"projects/{PROJECT}/traces/{TRACE}"}
    assert not [line for line in told if line not in of_requests and NAME in line]


def test_a_request_without_a_trace_names_none(launch: Launch, metadata: MetadataServer) -> None:
    server = launch(CODE, K_SERVICE="shop", GCE_METADATA_HOST=metadata.host)
    server.get("/logs")
    for header in ("", "x", TRACE[:-1] + "/1", TRACE + "x", '"}'):
        server.get("/logs", **{"X-Cloud-Trace-Context": header})
    told = lines(server)
    assert len([line for line in told if line["logger"] == "access"]) == 6
    assert not [line for line in told if NAME in line]


def test_elsewhere_nobody_is_asked_for_a_project(launch: Launch, metadata: MetadataServer) -> None:
    server = launch(CODE, GCE_METADATA_HOST=metadata.host)
    server.get("/logs", **{"X-Cloud-Trace-Context": TRACE})
    assert not [line for line in lines(server) if NAME in line]


def test_a_project_that_is_given_is_not_asked_for(launch: Launch) -> None:
    server = launch(CODE, K_SERVICE="shop", GOOGLE_CLOUD_PROJECT="other", GCE_METADATA_HOST=f"127.0.0.1:{free_port()}")
    server.get("/logs", **{"X-Cloud-Trace-Context": TRACE})
    assert {line[NAME] for line in lines(server) if NAME in line} == {f"projects/other/traces/{TRACE}"}


def test_without_a_metadata_server_it_starts_and_says_what_is_missing(launch: Launch) -> None:
    server = launch(CODE, K_SERVICE="shop", GCE_METADATA_HOST=f"127.0.0.1:{free_port()}")
    assert "lines of the log name no traces: the metadata server" in lines(server)[0]["message"]
