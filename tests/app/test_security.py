import asyncio
import base64
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import argon2
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import Depends, FastAPI
from fastapi_runtime import health, security
from fastapi_runtime.security import Claims, PasswordHasher, TokenVerifier
from fastapi_runtime.settings import SettingsError
from issuers import AUDIENCE, ISSUER, Issuer, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serving() as issuer:
        yield issuer


def verifier(issuer: Issuer, **changes: Any) -> TokenVerifier:
    return TokenVerifier(**{"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": issuer.url} | changes)


@asynccontextmanager
async def api(tokens: TokenVerifier) -> AsyncIterator[Callable[[str | None], Any]]:
    """Asks `/me` with a token."""
    app = FastAPI()

    @app.get("/me")
    async def me(claims: Annotated[Claims, Depends(tokens)]) -> str:
        return str(claims["sub"])

    transport = httpx.ASGITransport(app)
    async with tokens, httpx.AsyncClient(transport=transport, base_url="http://app", timeout=30) as client:

        async def ask(token: str | None) -> httpx.Response:
            return await client.get("/me", headers={"Authorization": f"Bearer {token}"} if token is not None else {})

        yield ask


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_valid_token_says_who_asks(issuer: Issuer, algorithm: str) -> None:
    issuer.add("two", algorithm)
    async with api(verifier(issuer)) as ask:
        answer = await ask(issuer.token("two"))
    assert (answer.status_code, answer.json()) == (200, "ann")


async def test_without_a_token_it_is_401_that_asks_for_one(issuer: Issuer) -> None:
    async with api(verifier(issuer)) as ask:
        answer = await ask(None)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"iat": None},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"aud": "another"},
        {"iss": "https://evil.example.com/"},
        {"exp": int(time.time()) - 60},
        {"nbf": int(time.time()) + 3600},
        {"iat": int(time.time()) + 3600},
    ],
    ids=lambda changes: "-".join(name if value else f"no {name}" for name, value in changes.items()),
)
async def test_a_token_that_lacks_or_fails_a_claim_is_refused(issuer: Issuer, changes: dict[str, Any]) -> None:
    async with api(verifier(issuer)) as ask:
        answer = await ask(issuer.token(**changes))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


async def test_one_of_several_audiences_is_enough(issuer: Issuer) -> None:
    async with api(verifier(issuer)) as ask:
        assert (await ask(issuer.token(aud=["another", AUDIENCE]))).status_code == 200


def unsigned(issuer: Issuer) -> str:
    _, body, _ = issuer.token().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').decode().rstrip("=")
    return f"{head}.{body}."


def signed_with_the_public_key(issuer: Issuer) -> str:
    """HS256 with the public key as the secret, which a verifier that trusts the header takes."""
    public = issuer.keys["one"][0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    body = jwt.encode(claims, "x" * 32, "HS256", headers={"kid": "one"}).rsplit(".", 1)[0]
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(body.encode(), public)
    return f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def of_another_issuer(_: Issuer) -> str:
    other = Issuer()
    other.add("one")
    return other.token()


def changed(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{issuer.token(sub='admin').split('.')[1]}.{signature}"


@pytest.mark.parametrize("forge", [unsigned, signed_with_the_public_key, of_another_issuer, changed])
async def test_a_forged_token_is_refused(issuer: Issuer, forge: Callable[[Issuer], str]) -> None:
    async with api(verifier(issuer)) as ask:
        assert (await ask(forge(issuer))).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "." * 5000, "eyJhbGciOiJSUzI1NiIsImtpZCI6MX0.e30.e30"])
async def test_what_is_no_token_is_refused_and_not_logged(
    issuer: Issuer, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = verifier(issuer)
    async with tokens:
        with caplog.at_level(logging.INFO), pytest.raises(security.HTTPException) as error:
            await tokens.verify(token)
    assert error.value.status_code == 401
    assert token == "" or token not in caplog.messages


async def test_no_request_makes_keys_be_fetched_or_parsed(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api(verifier(issuer)) as ask:
        monkeypatch.setattr(jwt, "PyJWK", None)
        for _ in range(20):
            assert (await ask(issuer.token())).status_code == 200
    assert issuer.fetched == 1


async def test_a_flood_of_unknown_keys_makes_no_flood_of_fetches(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = verifier(issuer)
    async with api(tokens) as ask:
        forged = [issuer.token(headers={"kid": f"k{number}"}) for number in range(50)]
        assert {(await ask(token)).status_code for token in forged} == {401}
        assert issuer.fetched == 1
        monkeypatch.setattr(tokens, "_fetched_at", time.monotonic() - security.COOLDOWN_SECONDS)
        assert {answer.status_code for answer in await asyncio.gather(*map(ask, forged))} == {401}
        assert issuer.fetched == 2


async def test_a_new_key_is_known_at_its_first_token(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = verifier(issuer)
    async with api(tokens) as ask:
        issuer.add("two")
        monkeypatch.setattr(tokens, "_fetched_at", time.monotonic() - security.COOLDOWN_SECONDS)
        assert (await ask(issuer.token("two"))).status_code == 200


async def test_keys_are_refreshed_in_the_background(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "REFRESH_SECONDS", 0.05)
    async with api(verifier(issuer)) as ask:
        withdrawn = issuer.token("one")
        issuer.add("two")
        del issuer.keys["one"]
        await asyncio.sleep(0.5)
        assert (await ask(issuer.token("two"))).status_code == 200
        assert (await ask(withdrawn)).status_code == 401


async def test_keys_that_cannot_be_refreshed_stay(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "REFRESH_SECONDS", 0.05)
    async with api(verifier(issuer)) as ask:
        issuer.broken = True
        await asyncio.sleep(0.5)
        assert issuer.fetched > 2
        assert (await ask(issuer.token())).status_code == 200


async def test_without_keys_it_is_503_and_not_ready(issuer: Issuer) -> None:
    issuer.broken = True
    async with api(verifier(issuer)) as ask:
        answer = await ask(issuer.token())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        readiness = health.Readiness(required=["token keys"])
        assert "500" in (await readiness.problems())["token keys"]
        issuer.broken = False
        await asyncio.sleep(1.1)  # a failed answer is kept for a second
        assert await readiness.problems() == {}
        assert (await ask(issuer.token())).status_code == 200


async def test_a_redirect_is_not_followed(issuer: Issuer) -> None:
    issuer.redirect = "http://192.0.2.1/keys"
    async with verifier(issuer) as tokens:
        with pytest.raises(OSError, match="302"):
            await tokens.check()


async def test_keys_for_something_else_do_not_count(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    def jwks(_: Issuer) -> dict[str, Any]:
        return {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}, {"kty": "unknown"}]}

    monkeypatch.setattr(Issuer, "jwks", jwks)
    async with verifier(issuer) as tokens:
        with pytest.raises(ValueError, match="publishes no key for RS256 or ES256"):
            await tokens.check()


@pytest.mark.parametrize("url", ["http://id.example.com/keys", "file:///etc/keys", "file://localhost/etc/keys"])
async def test_keys_come_over_https(issuer: Issuer, url: str) -> None:
    with pytest.raises(SettingsError, match="JWT_JWKS_URL must start with https://"):
        await verifier(issuer, jwks_url=url).__aenter__()


async def test_a_missing_setting_is_named(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JWT_AUDIENCE", raising=False)
    with pytest.raises(SettingsError, match="JWT_AUDIENCE is not set"):
        await verifier(issuer, audience=None).__aenter__()


@pytest.mark.parametrize("algorithms", [["HS256"], ["none"], ["RS256", "HS512"], []])
def test_algorithms_without_a_key_pair_are_refused(algorithms: list[str]) -> None:
    with pytest.raises(ValueError, match="algorithms must be some that sign with a key pair"):
        TokenVerifier(algorithms=algorithms)


def test_the_openapi_says_that_a_token_is_needed() -> None:
    app = FastAPI()

    @app.get("/me")
    async def me(claims: Annotated[Claims, Depends(TokenVerifier())]) -> str:
        return str(claims["sub"])

    assert app.openapi()["paths"]["/me"]["get"]["security"] == [{"HTTPBearer": []}]


# Passwords


async def test_a_password_is_known_again_and_its_hash_says_nothing() -> None:
    passwords = PasswordHasher()
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert hashed != await passwords.hash("correct horse")
    assert await passwords.verify(hashed, "correct horse") is True
    assert await passwords.verify(hashed, "wrong horse") is False


async def test_a_hash_that_is_none_is_no_error() -> None:
    assert await PasswordHasher().verify("md5:abc", "x") is False


async def test_nobody_has_no_password_and_takes_as_long() -> None:
    passwords = PasswordHasher()
    hashed = await passwords.hash("x")

    async def seconds(kept: str | None) -> float:
        best = 9.0
        for _ in range(3):
            began = time.monotonic()
            assert await passwords.verify(kept, "wrong") is False
            best = min(best, time.monotonic() - began)
        return best

    assert await seconds(None) > 0.3 * await seconds(hashed)


async def test_old_parameters_are_noticed() -> None:
    old = PasswordHasher(hasher=argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    hashed = await old.hash("x")
    assert not old.needs_rehash(hashed)
    assert PasswordHasher().needs_rehash(hashed)


async def test_hashing_leaves_the_loop_free_and_only_two_run_at_a_time() -> None:
    running = most = 0
    lock = threading.Lock()

    class Slow(argon2.PasswordHasher):
        def hash(self, *args: Any, **kwargs: Any) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            try:
                return super().hash(*args, **kwargs)
            finally:
                with lock:
                    running -= 1

    passwords = PasswordHasher(hasher=Slow())
    hashing = [asyncio.create_task(passwords.hash("x")) for _ in range(8)]
    longest = 0.0
    while not all(task.done() for task in hashing):
        began = time.monotonic()
        await asyncio.sleep(0.001)
        longest = max(longest, time.monotonic() - began)
    assert most == 2
    assert longest < 0.2
