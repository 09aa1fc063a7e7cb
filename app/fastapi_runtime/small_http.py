"""One request over HTTP with the standard library, which is imported with the first one: few apps make any."""

import ssl
from collections.abc import Mapping
from functools import cache


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than some answers."""
    return ssl.create_default_context()


def ask(url: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> bytes:
    """The body of the answer. Blocks.

    Args:
        url: where the operator or the platform says.
        headers: of the request.
        body: to send by POST. None: GET.
        seconds: for each step of it.

    Raises:
        Refused: the status is none of success.
        OSError: there is no answer.
    """
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, body, dict(headers))  # noqa: S310
    tls = _tls() if request.type == "https" else None
    try:
        with urllib.request.urlopen(request, timeout=seconds, context=tls) as response:  # noqa: S310
            answer: bytes = response.read()
            return answer
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(error.code, error.read()) from None
