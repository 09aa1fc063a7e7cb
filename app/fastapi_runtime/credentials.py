"""A password that another party rotates."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .database_settings import DatabaseSettings

ReadSecret = Callable[[str], Mapping[str, str]]

_AGAIN_SECONDS = 0.5  # while server and secret disagree, read no more often than this
_log = logging.getLogger(__name__)


class Login(NamedTuple):
    """As whom to connect."""

    username: str | None
    password: str | None


class Credentials:
    """The login to the database: first the variables', then what the secret says each time the server refuses it."""

    def __init__(self, settings: DatabaseSettings, read: ReadSecret) -> None:
        self._arn = settings.secret_arn
        self._read = read
        self._login = Login(settings.username, settings.password)
        self._lock = threading.Lock()
        self._tried_at = float("-inf")

    @property
    def known(self) -> bool:
        """Whether there is something to try; otherwise `renew` first."""
        return self._arn is None or self._login.password is not None

    @property
    def login(self) -> Login:
        """The latest."""
        return self._login

    def renew(self, refused: Login) -> None:
        """Read the secret again, unless there is none or another thread has just done so. Blocks."""
        if self._arn is None:
            return
        with self._lock:
            if self._login == refused and time.monotonic() - self._tried_at >= _AGAIN_SECONDS:
                self._tried_at = time.monotonic()
                self._login = self._read_login(self._arn)
                if self._login != refused:
                    _log.info("read the rotated password of the database from its secret")

    def _read_login(self, arn: str) -> Login:
        try:
            secret = self._read(arn)
            return Login(secret.get("username") or self._login.username, secret["password"])
        except Exception as error:  # of any reader; the refused login stands, and the caller tries again for a while
            why = "it has no key password" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
            _log.error(
                "cannot read %s, so a rotated password stays unknown (the task's role needs"
                " secretsmanager:GetSecretValue): %s",
                arn,
                why,
            )
            return self._login
