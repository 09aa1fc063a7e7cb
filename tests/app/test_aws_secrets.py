import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fastapi_runtime.aws_secrets import Keys, SecretUnreadable, read_secret, signed_headers
from launcher import free_port
from moto.server import ThreadedMotoServer

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-a1b2c3"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY_ID", "SECRET"):
        monkeypatch.delenv(f"AWS_ACCESS_{name}", raising=False)
    for name in ("RELATIVE", "FULL"):
        monkeypatch.delenv(f"AWS_CONTAINER_CREDENTIALS_{name}_URI", raising=False)


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """AWS Secrets Manager of moto, and credentials for it."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-key")
    yield boto3.client("secretsmanager", region_name="eu-west-1", endpoint_url=url)
    server.stop()


def test_it_reads_what_boto3_wrote(secrets_manager: Any) -> None:
    value = {"username": "app", "password": "p@%/:#x'\" \\$é"}
    arn = secrets_manager.create_secret(Name=str(uuid4()), SecretString=json.dumps(value))["ARN"]
    assert read_secret(arn) == value


@pytest.mark.parametrize("text", ["hunter2", '["hunter2"]'])
def test_a_secret_that_is_no_json_object_is_not_shown(secrets_manager: Any, text: str) -> None:
    arn = secrets_manager.create_secret(Name=str(uuid4()), SecretString=text)["ARN"]
    with pytest.raises(SecretUnreadable) as error:
        read_secret(arn)
    assert str(error.value) == "it is no JSON object"


@pytest.mark.usefixtures("secrets_manager")
def test_what_aws_says_against_it_is_told() -> None:
    with pytest.raises(SecretUnreadable, match=r"says 4\d\d: ResourceNotFoundException: Secrets Manager can't find"):
        read_secret(ARN)


@pytest.mark.parametrize("service", ["secretsmanager", "ssm"])
@pytest.mark.parametrize("session", [None, "session-token"])
def test_the_signature_is_botocores(service: str, session: str | None) -> None:
    url, body, now = f"https://{service}.eu-west-1.amazonaws.com", b'{"SecretId": "x"}', datetime.now(UTC)
    ours = signed_headers(url, body, service, "eu-west-1", Keys("AKIDEXAMPLE", "secret-of-the-key", session), now)
    headers = {name: ours[name] for name in ("content-type", "x-amz-target")}
    request = AWSRequest("POST", url, headers=headers, data=body)
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret-of-the-key", session), service, "eu-west-1")
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert ours["authorization"].endswith(f"Signature={signature}")
    assert ours.get("x-amz-security-token") == session


def test_the_credentials_come_from_the_tasks_role(
    secrets_manager: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            answer = {"AccessKeyId": "ASIAROLE", "SecretAccessKey": "of-the-role", "Token": "t"}
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    arn = secrets_manager.create_secret(Name=str(uuid4()), SecretString="{}")["ARN"]
    (tmp_path / "token").write_text("let me in\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/role")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    assert read_secret(arn) == {}
    assert asked == ["let me in"]
    server.shutdown()
    server.server_close()
    thread.join()


def test_without_a_role_it_says_so() -> None:
    with pytest.raises(SecretUnreadable, match="there are no AWS credentials: the task has no role"):
        read_secret(ARN)


def test_an_endpoint_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SecretUnreadable, match=r"127.0.0.1:\d+ does not answer: .*refused"):
        read_secret(ARN)
