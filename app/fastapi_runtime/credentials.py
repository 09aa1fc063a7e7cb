"""A password that another party rotates, or that ends by itself."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from . import google_metadata
from .database_settings import DatabaseSettings

ReadSecret = Callable[[str], Mapping[str, str]]

_AGAIN_SECONDS = 0.5  # while server and secret disagree, read no more often than this
_EARLY_SECONDS = 60.0  # before a token ends, to take the next one
_log = logging.getLogger(__name__)


class Login(NamedTuple):
    """As whom to connect."""

    username: str | None
    password: str | None
    expires: float = float("inf")
    """Seconds since 1970."""


class Credentials:
    """The login to the database: first the variables', then what its source says each time the server refuses it.

    The source is a secret, the metadata server of Google Cloud, or none.
    """

    def __init__(self, settings: DatabaseSettings, read: ReadSecret) -> None:
        self._settings = settings
        self._read = read
        self._login = Login(settings.username, settings.password)
        self._lock = threading.Lock()
        self._tried_at = float("-inf")

    @property
    def renewable(self) -> bool:
        """Whether there is a source."""
        return bool(self._settings.secret_arn or self._settings.iam)

    @property
    def known(self) -> bool:
        """Whether there is something to try; otherwise `renew` first."""
        if not self.renewable:
            return True
        return self._login.password is not None and time.time() < self._login.expires - _EARLY_SECONDS

    @property
    def login(self) -> Login:
        """The latest."""
        return self._login

    def renew(self, refused: Login) -> None:
        """Ask the source again, unless there is none or another thread has just done so. Blocks."""
        if not self.renewable:
            return
        with self._lock:
            if self._login == refused and time.monotonic() - self._tried_at >= _AGAIN_SECONDS:
                self._tried_at = time.monotonic()
                arn = self._settings.secret_arn
                self._login = self._login_of_secret(arn) if arn else self._login_of_google()

    def _login_of_secret(self, arn: str) -> Login:
        try:
            secret = self._read(arn)
            login = Login(secret.get("username") or self._login.username, secret["password"])
        except Exception as error:  # of any reader; the refused login stands, and the caller tries again for a while
            why = "it has no key password" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
            _log.error(
                "cannot read %s, so a rotated password stays unknown (the task's role needs"
                " secretsmanager:GetSecretValue): %s",
                arn,
                why,
            )
            return self._login
        if login != self._login:
            _log.info("read the rotated password of the database from its secret")
        return login

    def _login_of_google(self) -> Login:
        try:
            return Login(self._login.username, *google_metadata.login_token())
        except google_metadata.MetadataUnreadable as error:
            _log.error("cannot log in to the database as the service account: %s", error)
            return self._login
