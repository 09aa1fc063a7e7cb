"""Who asks: tokens of an identity provider, and passwords.

    from fastapi_runtime.security import Claims, PasswordHasher, TokenVerifier

    tokens = TokenVerifier()  # JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL

    @asynccontextmanager
    async def lifespan(app):
        async with tokens:
            yield

    @app.get("/me")
    async def me(claims: Annotated[Claims, Depends(tokens)]) -> str:
        return claims["sub"]

Making tokens, refresh tokens and revocation are left to the identity provider.
"""

import asyncio
import json
import logging
import os
import secrets
import time
import urllib.request
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from . import health
from .optional import needs
from .settings import SettingsError

T = TypeVar("T")
Claims = dict[str, Any]
"""What a token says, once it is verified."""

ALGORITHMS = ("RS256", "ES256")
REQUIRED_CLAIMS = ("exp", "iat", "iss", "aud", "sub")
REFRESH_SECONDS = 300.0
COOLDOWN_SECONDS = 30.0
"""Tokens with a key that is not known make the keys be fetched no more often than this."""
LEEWAY_SECONDS = 10.0
_FETCH_SECONDS = 5.0
_LARGEST_KEYS = 1_000_000  # bytes
_BEARER = HTTPBearer(auto_error=False, description="A token of the identity provider")

_log = logging.getLogger(__name__)


class TokenVerifier:
    """A dependency that takes only tokens of one issuer, for one audience, signed with one of its published keys.

    The keys are fetched and parsed at start-up and in the background every 5 minutes, never for a request: a token with
    a key that is not known yet waits for one fetch, at most every 30 seconds, however many of them come. Keys that
    cannot be fetched again stay.
    """

    def __init__(
        self,
        *,
        issuer: str | None = None,
        audience: str | None = None,
        jwks_url: str | None = None,
        algorithms: Collection[str] = ALGORITHMS,
    ) -> None:
        """Describe the tokens; nothing is read or fetched before it is entered.

        Args:
            issuer: `iss`. Default: `JWT_ISSUER`.
            audience: one of `aud`. Default: `JWT_AUDIENCE`.
            jwks_url: where the issuer publishes its keys. Default: `JWT_JWKS_URL`.
            algorithms: of those, signatures that are taken; only with key pairs.

        Raises:
            ValueError: an algorithm is not one with a key pair.
        """
        with needs("pyjwt[crypto]"):
            from jwt import algorithms as known

        unsafe = set(algorithms) - known.requires_cryptography
        if unsafe or not algorithms:
            raise ValueError(f"algorithms must be some that sign with a key pair, such as ES256, got {algorithms!r}")
        self._given = {"JWT_ISSUER": issuer, "JWT_AUDIENCE": audience, "JWT_JWKS_URL": jwks_url}
        self._algorithms = list(algorithms)
        self._issuer = self._audience = self._url = ""
        self._keys: dict[str | None, Any] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._refresher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Fetch the keys, and keep them fresh from now on.

        An issuer that is away only keeps the process from being ready (`/-/ready`).

        Raises:
            SettingsError: issuer, audience or URL is missing or wrong.
        """
        self._issuer, self._audience = self._setting("JWT_ISSUER"), self._setting("JWT_AUDIENCE")
        self._url = self._setting("JWT_JWKS_URL")
        where = urlsplit(self._url)
        local = where.scheme == "http" and where.hostname in ("localhost", "127.0.0.1", "::1")
        if where.scheme != "https" and not local:
            raise SettingsError(f"JWT_JWKS_URL must start with https://, got {self._url!r}: who sends the keys decides")
        self._fetching = asyncio.Lock()
        with suppress(OSError, ValueError):  # logged; the check tells
            await self._fetch()
        self._refresher = asyncio.create_task(self._refresh())
        health.register("token keys", self.check)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop fetching."""
        health.unregister("token keys")
        refresher, self._refresher = self._refresher, None
        if refresher is not None:
            refresher.cancel()
            await asyncio.gather(refresher, return_exceptions=True)

    async def __call__(self, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> Claims:
        """What the request's bearer token says.

        Raises:
            HTTPException: 401, there is none or it is not valid; 503, the keys are not known yet.
        """
        if credentials is None:
            raise _unauthorized("A bearer token is needed.")
        return await self.verify(credentials.credentials)

    async def verify(self, token: str) -> Claims:
        """What a token says.

        Raises:
            HTTPException: as when called.
        """
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(header.get("kid"), header.get("alg"))
            claims: Claims = jwt.decode(
                token,
                key,
                algorithms=self._algorithms,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED_CLAIMS)},
            )
        except jwt.ExpiredSignatureError:
            raise _unauthorized("The token has expired.", "invalid_token") from None
        except jwt.PyJWTError as error:
            _log.info("refused a token: %s: %s", type(error).__name__, error)
            raise _unauthorized("The token is not valid.", "invalid_token") from None
        return claims

    async def check(self) -> None:
        """Whether keys are known.

        Raises:
            OSError, ValueError: they are not, and this is why.
        """
        if not self._keys:
            await self._fetch()

    def _setting(self, variable: str) -> str:
        value = self._given[variable] or os.environ.get(variable)
        if not value:
            raise SettingsError(f"{variable} is not set, and without it no token can be verified")
        return value

    async def _key(self, kid: str | None, algorithm: str | None) -> Any:
        import jwt

        if algorithm not in self._algorithms:
            raise jwt.InvalidAlgorithmError(f"signed with {str(algorithm)[:20]}")
        key = self._find(kid)
        if key is None and self._stale():
            with suppress(OSError, ValueError):  # logged
                await self._fetch()
            key = self._find(kid)
        if not self._keys:
            raise HTTPException(
                503, "The keys of the identity provider are not known; try again.", {"Retry-After": "5"}
            )
        if key is None:
            raise jwt.InvalidKeyError("signed with a key that is not published")
        return key

    def _find(self, kid: str | None) -> Any:
        """A token without `kid` has to be signed with the only key."""
        return next(iter(self._keys.values())) if kid is None and len(self._keys) == 1 else self._keys.get(kid)

    def _stale(self) -> bool:
        return bool(self._url) and time.monotonic() - self._fetched_at >= COOLDOWN_SECONDS

    async def _fetch(self) -> None:
        """Fetch the keys, once for all who wait.

        Raises:
            OSError, ValueError: they cannot be had; those that are known stay.
        """
        asked_at = time.monotonic()
        async with self._fetching:
            if self._fetched_at >= asked_at:
                return
            self._fetched_at = time.monotonic()
            try:
                self._keys = await asyncio.to_thread(_fetch_keys, self._url, self._algorithms)
            except (OSError, ValueError) as error:
                _log.warning("cannot fetch the keys of tokens from %s: %s", self._url, error)
                raise

    async def _refresh(self) -> None:
        while True:
            # Without keys nobody is let in, so that is tried sooner.
            await asyncio.sleep(REFRESH_SECONDS if self._keys else COOLDOWN_SECONDS)
            with suppress(OSError, ValueError):  # logged
                await self._fetch()


def _fetch_keys(url: str, algorithms: Collection[str]) -> dict[str | None, Any]:
    """The public signing keys by `kid`. Blocks.

    Raises:
        OSError, ValueError: there is no answer, or it holds no key that can be used.
    """
    import jwt

    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 (checked when entered)
    with urllib.request.build_opener(_NoRedirects).open(request, timeout=_FETCH_SECONDS) as response:
        text = response.read(_LARGEST_KEYS + 1)
    if len(text) > _LARGEST_KEYS:
        raise ValueError("the answer is larger than a megabyte")
    content = json.loads(text)
    keys: dict[str | None, Any] = {}
    for each in content.get("keys", ()) if isinstance(content, Mapping) else ():
        with suppress(jwt.PyJWTError):  # a key of a kind that is not known is not for us
            key = jwt.PyJWK(each)
            if each.get("use", "sig") == "sig" and key.algorithm_name in algorithms:
                keys[key.key_id] = key
    if not keys:
        raise ValueError(f"it publishes no key for {' or '.join(algorithms)}")
    return keys


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The keys come from where they were said to be, not over plain HTTP from elsewhere."""

    def redirect_request(self, *_: object) -> None:
        """Take it for an error."""


def _unauthorized(detail: str, error: str | None = None) -> HTTPException:
    return HTTPException(401, detail, {"WWW-Authenticate": f'Bearer error="{error}"' if error else "Bearer"})


class PasswordHasher:
    """Argon2id, in threads of its own: each hash takes milliseconds and megabytes, which must not add up.

    With the default of 2 at a time and argon2-cffi's 64 MiB each, 128 MiB are enough.
    """

    def __init__(self, *, at_a_time: int = 2, hasher: Any = None) -> None:
        """Make one for the whole app.

        Args:
            at_a_time: how many are computed at the same time; further ones wait.
            hasher: an `argon2.PasswordHasher` with other parameters. Default: those of RFC 9106 for little memory.
        """
        with needs("argon2-cffi"):
            import argon2

        self._hasher: Any = hasher or argon2.PasswordHasher()
        self._wrong = (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError)
        self._threads = ThreadPoolExecutor(at_a_time, thread_name_prefix="passwords")
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to keep."""
        return await self._run(lambda: str(self._hasher.hash(password)))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether the password is the one of the hash.

        Args:
            hashed: what was kept; None if there is no such user, which takes as long to refuse as a wrong password.
            password: what was given.
        """
        return await self._run(lambda: self._matches(hashed, password))

    def needs_rehash(self, hashed: str) -> bool:
        """Whether it was made with other parameters than now: after a successful `verify`, keep a new `hash`."""
        return bool(self._hasher.check_needs_rehash(hashed))

    def _matches(self, hashed: str | None, password: str) -> bool:
        if self._nobody is None:
            self._nobody = str(self._hasher.hash(secrets.token_hex(16)))
        try:
            self._hasher.verify(hashed or self._nobody, password)
        except self._wrong:
            return False
        return hashed is not None

    async def _run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)
