"""Who calls a function: CloudFront before its URL, somebody past it, a schedule."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from lambda_environment import Lambda, function_url, http_api

CODE = """
from fastapi import FastAPI, Request, Response

app = FastAPI()

@app.get("/seen")
async def seen(request: Request) -> dict:
    return {"client": request.client.host, "url": str(request.url), "headers": sorted(request.headers)}

@app.post("/job")
async def job(fails: bool = False) -> Response:
    return Response(status_code=503 if fails else 204)
"""
SECRET, NEXT_SECRET, GUESSED = "4f" * 32, "5e" * 32, "letmein"
EDGE, CLIENT = "203.0.113.9", "198.51.100.7"  # of CloudFront, which is who connects


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    digests = ",".join(hashlib.sha256(secret.encode()).hexdigest() for secret in (SECRET, NEXT_SECRET))
    environment = Lambda(
        tmp_path_factory.mktemp("lambda"), CODE, ORIGIN_SECRET_DIGEST=digests, AWS_LAMBDA_FUNCTION_VERSION="7"
    )
    yield environment
    environment.close()


def through_cloud_front(path: str, secret: str = SECRET, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return function_url(path, headers={"x-origin-secret": secret, "x-forwarded-for": CLIENT, **named})


def scheduled(path: str, query: str = "") -> dict[str, Any]:
    event = http_api(path, "POST", query=query)
    event["requestContext"] |= {"apiId": "pulumi-fastapi-schedule", "domainName": "localhost"}
    event["requestContext"]["http"]["sourceIp"] = "127.0.0.1"
    return event


@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
def test_what_comes_through_cloudfront_is_answered(shop: Lambda, secret: str) -> None:
    assert shop.invoke(through_cloud_front("/seen", secret))["statusCode"] == 200


@pytest.mark.parametrize("event", [function_url("/seen"), through_cloud_front("/seen", "6d" * 32)])
def test_who_goes_past_cloudfront_is_refused(shop: Lambda, event: dict[str, Any]) -> None:
    answer = shop.invoke(event)
    assert answer["statusCode"] == 403
    assert "use the one of the API" in json.loads(answer["body"])["detail"]
    assert "has not come through CloudFront" in shop.log.read_text()


def test_health_is_told_to_nobody_who_goes_past_it(shop: Lambda) -> None:
    assert shop.invoke(function_url("/-/ready"))["statusCode"] == 403


def test_the_app_does_not_see_the_secret(shop: Lambda) -> None:
    assert "x-origin-secret" not in json.loads(shop.invoke(through_cloud_front("/seen"))["body"])["headers"]


@pytest.mark.parametrize("forwarded", [CLIENT, f"{CLIENT},{EDGE}", f"192.0.2.1, {CLIENT}"])
def test_the_client_is_who_cloudfront_saw(shop: Lambda, forwarded: str) -> None:
    """What the client itself wrote stands before that, and Lambda may write CloudFront's address after it."""
    answer = json.loads(shop.invoke(through_cloud_front("/seen", x_forwarded_for=forwarded))["body"])
    assert answer["client"] == CLIENT


def test_the_app_knows_the_name_that_its_clients_use(shop: Lambda) -> None:
    """Else its redirects and links would lead past CloudFront."""
    event = through_cloud_front("/seen", host="abc.lambda-url.eu-west-1.on.aws", x_forwarded_host="shop.example.com")
    assert json.loads(shop.invoke(event)["body"])["url"] == "https://shop.example.com/seen"


def test_nobody_else_says_what_the_host_is(shop: Lambda) -> None:
    event = http_api("/seen", headers={"x-forwarded-host": "evil.example.com"})
    assert json.loads(shop.invoke(event)["body"])["url"] == "https://shop.example.com/seen"


def test_the_checks_of_a_release_and_other_entries_need_no_secret(shop: Lambda) -> None:
    assert shop.invoke(http_api("/-/ready"))["statusCode"] == 200


def test_the_line_of_a_request_tells_the_version(shop: Lambda) -> None:
    shop.invoke(http_api("/seen", headers={"x-request-id": "versioned"}))
    (line,) = [json.loads(line) for line in shop.log.read_text().splitlines() if '"versioned"' in line]
    assert (line["logger"], line["status"], line["version"]) == ("access", 200, "7")


def test_a_scheduled_request_is_answered(shop: Lambda) -> None:
    assert shop.invoke(scheduled("/job"))["statusCode"] == 204


def test_a_scheduled_request_that_fails_is_an_error_which_lambda_tries_again(shop: Lambda) -> None:
    shop.events.put(scheduled("/job", "fails=true"))
    kind, error = shop.result()
    assert kind == "error"
    assert (error["errorType"], error["errorMessage"]) == ("ScheduledRequestFailed", "/job answered 503")
    assert shop.invoke(scheduled("/job"))["statusCode"] == 204  # and the environment lives on


def test_a_failing_answer_to_anyone_else_is_an_answer(shop: Lambda) -> None:
    assert shop.invoke(http_api("/job", "POST", query="fails=true"))["statusCode"] == 503


def test_a_secret_in_place_of_its_digest_is_refused_without_being_shown(tmp_path: Any) -> None:
    environment = Lambda(tmp_path, CODE, ORIGIN_SECRET_DIGEST=GUESSED)
    kind, error = environment.result()
    environment.close()
    assert kind == "init"
    assert "ORIGIN_SECRET_DIGEST must hold SHA-256 digests" in error["errorMessage"]
    assert GUESSED not in json.dumps(error)
