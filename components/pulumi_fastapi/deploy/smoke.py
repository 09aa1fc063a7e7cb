"""The smoke test: the new revision answers at its own address, before anybody else is sent to it."""

import time
from collections.abc import Callable, Sequence
from typing import Optional

import httpx

from .steps import DeployFailed

_AGAIN_SECONDS = 2.0


def smoke_test(
    url: str, paths: Sequence[str], *, seconds: float, say: Callable[[str], None], token: Optional[str] = None
) -> None:
    """Ask each path until it answers below 400; a new address takes some seconds to lead anywhere.

    Raises:
        DeployFailed: one did not within `seconds`.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    deadline = time.monotonic() + seconds
    with httpx.Client(timeout=10, headers=headers) as http:
        for path in paths:
            while True:
                answer = _ask(http, url.rstrip("/") + path)
                if answer.isdecimal() and int(answer) < httpx.codes.BAD_REQUEST:
                    say(f"  {path} answers {answer}")
                    break
                if time.monotonic() >= deadline:
                    raise DeployFailed(f"smoke test: {url}{path} answers {answer}")
                time.sleep(_AGAIN_SECONDS)


def _ask(http: httpx.Client, url: str) -> str:
    """The status, or what came instead of an answer."""
    try:
        return str(http.get(url).status_code)
    except httpx.HTTPError as error:
        return f"not: {error or type(error).__name__}"
