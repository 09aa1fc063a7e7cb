"""Environment variables whose values stand in AWS Secrets Manager or the Parameter Store, read when the app starts.

    SECRET_ARNS='{"STRIPE_KEY": "arn:aws:secretsmanager:eu-west-1:1:secret:shop-a1b2c3:stripe::",
                  "SENTRY_DSN": "arn:aws:ssm:eu-west-1:1:parameter/shop/sentry"}'

ECS does this for its tasks, by the same names (`valueFrom`: the ARN, then `:json-key:version-stage:version-id`, each of
which may be empty). Lambda has nothing like it: what stands in a function's configuration can be read by all who may
look at it.
"""

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .aws_secrets import SecretUnreadable, json_object, read_text
from .settings import SettingsError

VARIABLE = "SECRET_ARNS"
_PAUSES = (0.2, 0.8, None)  # a call may be throttled when many environments start, and a new grant takes a moment
_SECRET = re.compile(
    r"(?P<arn>arn:aws[\w-]*:secretsmanager:[\w-]+:\d+:secret:[^:]+)"
    r"(:(?P<key>[^:]*):(?P<stage>[^:]*):(?P<version>[^:]*))?"
)
_PARAMETER = re.compile(r"(?P<arn>arn:aws[\w-]*:ssm:[\w-]+:\d+:parameter/[^:]+)(?P<key>)(?P<stage>)(?P<version>)")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reference:
    """Where the value of one variable stands."""

    arn: str
    key: str | None = None
    """Of a secret that is a JSON object. Default: all of it."""
    stage: str | None = None
    version: str | None = None

    @classmethod
    def parse(cls, text: object) -> "Reference | None":
        """Read what ECS calls `valueFrom`; None if it is something else."""
        for form in (_SECRET, _PARAMETER):
            if isinstance(text, str) and (match := form.fullmatch(text)):
                return cls(match["arn"], match["key"] or None, match["stage"] or None, match["version"] or None)
        return None

    @property
    def call(self) -> tuple[str, str | None, str | None]:
        """What is read for it; the keys of one secret need only one call."""
        return self.arn, self.stage, self.version


class SecretVariables:
    """The variables of `SECRET_ARNS`."""

    def __init__(self, references: Mapping[str, Reference]) -> None:
        self._references = references
        self._values: dict[str, str] = {}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "SecretVariables":
        """Read which variables there are.

        Raises:
            SettingsError: `SECRET_ARNS` is something else than a JSON object of ARNs. It is not shown, as somebody may
                have put the secret itself there.
        """
        try:
            given = json.loads(environment.get(VARIABLE) or "{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise SettingsError(f'{VARIABLE} must be JSON like {{"API_KEY": "arn:aws:secretsmanager:..."}}')
        references = {name: Reference.parse(text) for name, text in given.items()}
        for name, reference in references.items():
            if reference is None or not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise SettingsError(
                    f"{VARIABLE} must give each variable the ARN of a secret of Secrets Manager, if need be with"
                    f" :json-key:version-stage:version-id, or of a parameter of SSM; {name!r} has something else"
                )
        return cls({name: reference for name, reference in references.items() if reference is not None})

    def export(self, environment: MutableMapping[str, str]) -> None:
        """Read the values into the environment, all at the same time.

        Raises:
            SecretUnreadable: says which could not be read, and why.
        """
        for pause in _PAUSES:
            try:
                self._values = self._read()
                break
            except SecretUnreadable as error:
                if pause is None:
                    raise
                _log.warning("reading the secrets again: %s", error)
                time.sleep(pause)
        environment.update(self._values)

    def have_changed(self) -> bool:
        """Whether other values would be read now. What cannot be read counts as it was."""
        try:
            return self._read() != self._values
        except SecretUnreadable as error:
            _log.warning("cannot see whether secrets were rotated: %s", error)
            return False

    def _read(self) -> dict[str, str]:
        if not self._references:
            return {}
        calls = {reference.call: name for name, reference in self._references.items()}
        with ThreadPoolExecutor(min(len(calls), 16)) as threads:
            texts = dict(zip(calls, threads.map(self._read_one, calls.items()), strict=True))
        return dict(self._each(texts))

    def _read_one(self, call: tuple[tuple[str, str | None, str | None], str]) -> str:
        (arn, stage, version), name = call
        try:
            return read_text(arn, stage, version)
        except SecretUnreadable as error:
            raise SecretUnreadable(f"{name} from {arn}: {error}") from None

    def _each(self, texts: Mapping[tuple[str, str | None, str | None], str]) -> Iterator[tuple[str, str]]:
        for name, reference in self._references.items():
            text = texts[reference.call]
            if reference.key is None:
                yield name, text
                continue
            try:
                value = json_object(text)[reference.key]
            except SecretUnreadable as error:
                raise SecretUnreadable(f"{name} from {reference.arn}: {error}") from None
            except KeyError:
                raise SecretUnreadable(f"{name} from {reference.arn}: it has no key {reference.key!r}") from None
            yield name, value if isinstance(value, str) else json.dumps(value)
