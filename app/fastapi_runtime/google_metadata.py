"""What Google Cloud tells a container about itself: the metadata server, as far as the runtime needs it.

`GCE_METADATA_HOST` names another host, as for Google's own libraries.
"""

import json
import os
import time
from typing import Any, NamedTuple

from . import small_http

_SECONDS = 2.0
_LOGIN = "https://www.googleapis.com/auth/sqlservice.login"


class MetadataUnreadable(Exception):
    """The metadata server does not answer as it should. The text says how, and holds nothing secret."""


class Token(NamedTuple):
    """An access token of the service account."""

    value: str
    expires: float
    """Seconds since 1970."""


def login_token() -> Token:
    """A token that logs the service account in to Cloud SQL, and does nothing else. Blocks for 2 seconds at most.

    Raises:
        MetadataUnreadable: there is no metadata server, or it gives no token.
    """
    try:
        answer = json.loads(_ask(f"instance/service-accounts/default/token?scopes={_LOGIN}"))
        return Token(answer["access_token"], time.time() + answer["expires_in"])
    except (ValueError, KeyError, TypeError):
        raise MetadataUnreadable("the metadata server's answer holds no token") from None


def project() -> str:
    """The id of the project. Blocks for 2 seconds at most.

    Raises:
        MetadataUnreadable: there is no metadata server.
    """
    return _ask("project/project-id")


def _ask(path: str) -> str:
    host = os.environ.get("GCE_METADATA_HOST") or "metadata.google.internal"
    url = f"http://{host}/computeMetadata/v1/{path}"
    try:
        return small_http.ask(url, {"Metadata-Flavor": "Google"}, None, _SECONDS).decode()
    except small_http.Refused as error:
        raise MetadataUnreadable(f"the metadata server {host} says {error.status}") from None
    except OSError as error:
        why: Any = getattr(error, "reason", None) or error
        raise MetadataUnreadable(f"the metadata server {host} does not answer: {why}") from None
