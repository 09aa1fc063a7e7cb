"""Reads AWS Secrets Manager and the Parameter Store of SSM, with the standard library.

boto3 would add 20 MB to every image, and a third of a second to the moment in which requests wait for a new password.
The tests hold the signature to botocore's.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from . import small_http

_SECONDS = 2.0
_TASKS = "http://169.254.170.2"  # where ECS gives a task the credentials of its role
_CONTENT = "application/x-amz-json-1.1"
_TARGETS = {"secretsmanager": "secretsmanager.GetSecretValue", "ssm": "AmazonSSM.GetParameter"}
_ENDPOINTS = {"secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER", "ssm": "AWS_ENDPOINT_URL_SSM"}


class SecretUnreadable(Exception):
    """The secret could not be read. The text says why, and holds nothing secret."""


class Keys(NamedTuple):
    """Credentials of AWS."""

    access: str
    secret: str
    session: str | None


def read_secret(arn: str) -> Mapping[str, str]:
    """Read a secret that is a JSON object. Blocks, for at most 2 seconds per answer.

    Raises:
        SecretUnreadable: there are no credentials, they do not allow it, or it is no JSON object.
    """
    return json_object(read_text(arn))


def read_text(arn: str, stage: str | None = None, version: str | None = None) -> str:
    """Read a secret of Secrets Manager or a parameter of SSM. Blocks, for at most 2 seconds per answer.

    Args:
        arn: its ARN, in any region.
        stage: of Secrets Manager. Default `AWSCURRENT`.
        version: the id of a version, of Secrets Manager. Default that of the stage.

    Raises:
        SecretUnreadable: there are no credentials, they do not allow it, or it holds no text.
    """
    if arn.split(":")[2] == "ssm":
        text = _call(arn, {"Name": arn, "WithDecryption": True}).get("Parameter", {}).get("Value")
    else:
        wanted = {"SecretId": arn, "VersionStage": stage, "VersionId": version}
        text = _call(arn, {name: value for name, value in wanted.items() if value}).get("SecretString")
    if not isinstance(text, str):
        raise SecretUnreadable("it holds no text")
    return text


def json_object(text: str) -> Mapping[str, Any]:
    """The keys of a secret that has several.

    Raises:
        SecretUnreadable: it is no JSON object.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SecretUnreadable("it is no JSON object")
    return found


def _call(arn: str, content: dict[str, Any]) -> dict[str, Any]:
    """Ask the service and region that an ARN names."""
    _, partition, service, region, *_ = arn.split(":")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    url = os.environ.get(_ENDPOINTS[service]) or f"https://{service}.{region}.{suffix}"
    body = json.dumps(content).encode()
    headers = signed_headers(url, body, service, region, _keys(), datetime.now(UTC))
    return _ask(url, headers, body)


def signed_headers(url: str, body: bytes, service: str, region: str, keys: Keys, now: datetime) -> dict[str, str]:
    """The headers of the request, with AWS' signature of version 4."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "content-type": _CONTENT,
        "host": urlsplit(url).netloc,
        "x-amz-date": moment,
        **({"x-amz-security-token": keys.session} if keys.session else {}),
        "x-amz-target": _TARGETS[service],
    }
    names = ";".join(headers)  # in the order of the alphabet
    lines = [f"{name}:{value}" for name, value in headers.items()]
    request = "\n".join(["POST", "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()])
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return headers | {"authorization": authorization}


def _keys() -> Keys:
    """The credentials of the task's role (ECS, EKS), of the function's (Lambda), or the variables set by hand."""
    environment = os.environ
    if access := environment.get("AWS_ACCESS_KEY_ID"):
        return Keys(access, environment.get("AWS_SECRET_ACCESS_KEY", ""), environment.get("AWS_SESSION_TOKEN"))
    relative, full = (environment.get(f"AWS_CONTAINER_CREDENTIALS_{kind}_URI") for kind in ("RELATIVE", "FULL"))
    if not relative and not full:
        raise SecretUnreadable("there are no AWS credentials: the task has no role")
    token = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if file := environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        token = Path(file).read_text().strip()
    url = f"{_TASKS}{relative}" if relative else str(full)
    answer = _ask(url, {"Authorization": token} if token else {})
    return Keys(answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("Token"))


def _ask(url: str, headers: Mapping[str, str], body: bytes | None = None) -> dict[str, Any]:
    where = urlsplit(url).netloc
    try:
        answer: dict[str, Any] = json.loads(small_http.ask(url, headers, body, _SECONDS))
    except small_http.Refused as error:
        raise SecretUnreadable(f"{where} says {error.status}: {_reason(error.body)}") from None
    except (OSError, ValueError) as error:
        raise SecretUnreadable(f"{where} does not answer: {getattr(error, 'reason', None) or error}") from None
    return answer


def _reason(text: bytes) -> str:
    """`AccessDeniedException: User ... is not authorized`."""
    try:
        content = json.loads(text)
        return f"{content['__type'].rpartition('#')[2]}: {content.get('message') or content.get('Message')}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return text[:200].decode(errors="replace")
