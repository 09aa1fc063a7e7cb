"""What a release asks Google, and the candidate, against servers on loopback."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pulumi_fastapi.deploy.google import CloudRun, GoogleError
from pulumi_fastapi.deploy.smoke import smoke_test
from pulumi_fastapi.deploy.steps import DeployFailed


class Server(ThreadingHTTPServer):
    """Answers by path: a status and JSON, or several of them in turn; remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, dict[str, list[str]], str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def _answer(self) -> None:
        asked = urlsplit(self.path)
        self.server.asked.append((asked.path, parse_qs(asked.query), self.headers.get("Authorization")))
        answers = self.server.answers.get(asked.path, [(404, {"error": {"message": "not found"}})])
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("GOOGLE_CLOUD_RUN_V2_CUSTOM_ENDPOINT", f"{server.url}/run/")
        monkeypatch.setenv("GOOGLE_MONITORING_CUSTOM_ENDPOINT", f"{server.url}/monitoring/")
        monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "token-1")
        yield server
        server.shutdown()


SERVICE = "/run/projects/p/locations/l/services/shop"
SERIES = "/monitoring/v3/projects/p/timeSeries"


def shop() -> CloudRun:
    return CloudRun("p", "l", "shop")


@pytest.mark.parametrize(
    ("targets", "serving"),
    [
        ([{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}], "shop-new"),
        ([{"revision": "shop-old", "percent": 90}, {"revision": "shop-new", "percent": 10}], "shop-old"),
        ([{"revision": "shop-new", "tag": "candidate"}, {"revision": "shop-old", "percent": 100}], "shop-old"),
    ],
)
def test_who_serves_is_who_has_most_of_the_traffic(google: Server, targets: Any, serving: str) -> None:
    google.answers[SERVICE] = [
        (200, {"latestReadyRevision": f"{SERVICE[5:]}/revisions/shop-new", "trafficStatuses": targets})
    ]
    assert shop().serving() == serving
    assert google.asked[0][2] == "Bearer token-1"


@pytest.mark.usefixtures("google")
def test_a_service_that_is_not_there_serves_nothing() -> None:
    assert shop().serving() is None


def test_requests_and_latency_are_those_of_one_revision(google: Server) -> None:
    def counted(answer: str, value: int) -> dict[str, Any]:
        point = {"value": {"int64Value": str(value)}}
        return {"metric": {"labels": {"response_code_class": answer}}, "points": [point]}

    google.answers[SERIES] = [
        (200, {"timeSeries": [counted("2xx", 95), counted("5xx", 5)]}),
        (200, {"timeSeries": [{"points": [{"value": {"doubleValue": 250.0}}]}]}),
    ]
    observed = shop().observe("shop-new", datetime.now(UTC))
    assert (observed.requests, observed.errors, observed.latency) == (100, 5, 0.25)
    for _, query, _ in google.asked:
        assert 'resource.labels.revision_name = "shop-new"' in query["filter"][0]


def test_a_refusal_is_told_with_googles_words(google: Server) -> None:
    google.answers[SERVICE] = [(403, {"error": {"message": "Permission 'run.services.get' denied"}})]
    with pytest.raises(GoogleError, match=r"services/shop: 403 Permission 'run.services.get' denied"):
        shop().serving()


def test_a_service_account_logs_in_without_another_http_library(
    google: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "client_email": "ci@p.iam.gserviceaccount.com",
        "private_key": key.decode(),
        "token_uri": f"{google.url}/token",
    }
    (tmp_path / "key.json").write_text(json.dumps(account))
    monkeypatch.delenv("GOOGLE_OAUTH_ACCESS_TOKEN")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    google.answers["/token"] = [(200, {"access_token": "token-2", "expires_in": 3600, "token_type": "Bearer"})]
    google.answers[SERVICE] = [(200, {"latestReadyRevision": "x/shop-a"})]
    assert shop().serving() == "shop-a"
    assert [authorization for path, _, authorization in google.asked if path == SERVICE] == ["Bearer token-2"]


@pytest.mark.usefixtures("google")
def test_without_a_login_it_says_how_to_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_OAUTH_ACCESS_TOKEN")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(GoogleError, match=r"no login at Google: .* run: gcloud auth application-default login"):
        shop()


def test_a_candidate_passes_once_each_path_answers(google: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi_fastapi.deploy.smoke._AGAIN_SECONDS", 0.01)
    google.answers |= {"/-/ready": [(503, {}), (200, {})], "/orders": [(307, {})]}
    said: list[str] = []
    smoke_test(google.url, ["/-/ready", "/orders"], seconds=30, say=said.append, token="id-token")  # noqa: S106
    assert said == ["  /-/ready answers 200", "  /orders answers 307"]
    assert {authorization for _, _, authorization in google.asked} == {"Bearer id-token"}


def test_a_candidate_that_does_not_answer_is_told_with_its_answer(google: Server) -> None:
    with pytest.raises(DeployFailed, match=r"smoke test: http://127.0.0.1:\d+/orders answers 404"):
        smoke_test(google.url, ["/orders"], seconds=0, say=print)


def test_a_candidate_that_nobody_reaches_is_told(google: Server) -> None:
    google.shutdown()
    google.server_close()
    with pytest.raises(DeployFailed, match=r"smoke test: .* answers not: "):
        smoke_test(google.url, ["/"], seconds=0, say=print)
