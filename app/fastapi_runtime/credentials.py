"""A password that another party rotates."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .database_settings import DatabaseSettings
from .optional import needs

ReadSecret = Callable[[str], Mapping[str, str]]

_AGAIN_SECONDS = 0.5  # while server and secret disagree, read no more often than this
_log = logging.getLogger(__name__)


class Login(NamedTuple):
    """As whom to connect."""

    username: str | None
    password: str | None


def read_secret(arn: str) -> Mapping[str, str]:
    """Read a secret of AWS Secrets Manager that is a JSON object. Blocks; region and permission come from the task."""
    with needs("boto3"):
        import boto3
        from botocore.config import Config

    config = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 2})
    client = boto3.client("secretsmanager", region_name=arn.split(":")[3], config=config)
    secret: Mapping[str, str] = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
    return secret


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

    def renew(self, refused: Login) -> bool:
        """Read the secret again, unless another thread has just done so. Blocks.

        Returns:
            Whether it makes sense to try again.
        """
        if self._arn is None:
            return False
        with self._lock:
            if self._login == refused and time.monotonic() - self._tried_at >= _AGAIN_SECONDS:
                self._tried_at = time.monotonic()
                self._login = self._read_login(self._arn)
                if self._login != refused:
                    _log.info("read the rotated password of the database from its secret")
        return True

    def _read_login(self, arn: str) -> Login:
        try:
            secret = self._read(arn)
            return Login(secret.get("username") or self._login.username, secret["password"])
        except Exception as error:  # of any library; the refused login stands, and the caller tries again for a while
            _log.error(
                "cannot read the secret %s, so a rotated password stays unknown (the task's role needs"
                " secretsmanager:GetSecretValue): %s: %s",
                arn,
                type(error).__name__,
                error if not isinstance(error, (KeyError, ValueError)) else "not JSON with username and password",
            )
            return self._login
