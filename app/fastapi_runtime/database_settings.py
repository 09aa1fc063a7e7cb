"""The environment variables that say where PostgreSQL is, and the same for libraries that know nothing of them.

Nothing here imports a driver: the launcher reads it for every app.
"""

import hashlib
import ipaddress
import json
import os
import ssl
import tempfile
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from .settings import SettingsError

RDS_CA = Path(__file__).with_name("rds-ca.pem")
"""The roots of Amazon RDS and RDS Proxy, which no system's store has."""
DRIVERS = ("asyncpg", "psycopg", "psycopg2", "pg8000")
_OURS_IS_STRICTER = {"allow", "prefer", "require", "verify-ca", "verify-full"}


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where PostgreSQL is, as whom to connect, and how often.

    The connection is encrypted and the server verified (`verify-full`); no setting turns that off. Only what does not
    leave the machine, a loopback address or a Unix socket, goes without unless `ca` or `server_ca` is given.
    """

    host: str
    """`DATABASE_HOST`: a name, an address or the directory of a Unix socket."""
    port: int = 5432
    """`DATABASE_PORT`. Default 5432."""
    name: str = "app"
    """`DATABASE_NAME`. Default app."""
    username: str | None = None
    """`DATABASE_USERNAME`. Default: that of the secret."""
    password: str | None = field(default=None, repr=False)
    """`DATABASE_PASSWORD`, with any character in it. Default: that of the secret, or none."""
    secret_arn: str | None = None
    """`DATABASE_SECRET_ARN`: Secrets Manager secret with the JSON keys `username` and `password`, read again whenever
    the server refuses the password. Default none."""
    iam: str | None = None
    """`DATABASE_IAM`: `google` if the password is a token of the service account that this runs as, which the metadata
    server gives for an hour (Cloud SQL, with a user of type `CLOUD_IAM_SERVICE_ACCOUNT`). Default none."""
    ca: Path | None = None
    """`DATABASE_CA`: file with the roots to trust. Default: those of Amazon RDS, which come with the runtime."""
    server_ca: Path | None = None
    """`DATABASE_SERVER_CA`: the certificates (PEM, not a file) of an authority that stands for this one server, as that
    of a Cloud SQL instance does: it is trusted alone, and the name in the server's certificate does not matter. Default
    none."""
    pool_size: int = 5
    """`DATABASE_POOL_SIZE`: connections that each worker keeps. Default 5."""
    max_overflow: int = 0
    """`DATABASE_MAX_OVERFLOW`: connections that each worker opens on top. Default 0."""
    pool_timeout: float = 3.0
    """`DATABASE_POOL_TIMEOUT`: seconds that a request waits for a connection, be it that all are taken or that the
    server is away. Default 3."""
    statement_timeout: float = 60.0
    """`DATABASE_STATEMENT_TIMEOUT`: seconds after which this side gives up on a statement. Default 60."""
    pooler: bool = False
    """`DATABASE_POOLER`: 1 if PgBouncer or RDS Proxy stands before the server. Default 0."""
    peak_tasks: int = 2
    """`DATABASE_PEAK_TASKS`: tasks that run side by side at the peak of a deploy. Default 2: one and its successor."""
    workers: int = 1
    """`WEB_CONCURRENCY`: processes of each task, which have a pool each. Default 1."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "DatabaseSettings":
        """Read the settings: the variables above, or `DATABASE_URL` in place of host, port, name, user and password.

        Raises:
            SettingsError: no database is named, or a variable holds something else than it should.
        """
        if not configured(environment):
            raise SettingsError("the environment names no database; set DATABASE_HOST (or DATABASE_URL)")
        where = _parts(environment) if environment.get("DATABASE_HOST") else _parts_of_url(environment["DATABASE_URL"])
        iam = environment.get("DATABASE_IAM") or None
        if iam not in (None, "google"):
            raise SettingsError(f"DATABASE_IAM must be google, or left out, got {iam!r}")
        if iam and not where.get("DATABASE_USERNAME"):
            raise SettingsError(
                "DATABASE_IAM=google needs DATABASE_USERNAME: the email of the service account without"
                " .gserviceaccount.com, such as shop@my-project.iam"
            )
        if iam and (where.get("DATABASE_PASSWORD") or environment.get("DATABASE_SECRET_ARN")):
            raise SettingsError("DATABASE_IAM=google takes the place of a password; leave the other out")
        port = _whole({"DATABASE_PORT": where.get("DATABASE_PORT") or "5432"}, "DATABASE_PORT", 5432, 1, 65535)
        return cls(
            host=where["DATABASE_HOST"],
            port=port,
            name=where.get("DATABASE_NAME") or "app",
            username=where.get("DATABASE_USERNAME") or None,
            password=where.get("DATABASE_PASSWORD") or None,
            secret_arn=environment.get("DATABASE_SECRET_ARN") or None,
            iam=iam,
            ca=_file(environment, "DATABASE_CA"),
            server_ca=_certificates(environment),
            pool_size=_whole(environment, "DATABASE_POOL_SIZE", 5, 1, 1000),
            max_overflow=_whole(environment, "DATABASE_MAX_OVERFLOW", 0, 0, 1000),
            pool_timeout=_seconds(environment, "DATABASE_POOL_TIMEOUT", 3.0),
            statement_timeout=_seconds(environment, "DATABASE_STATEMENT_TIMEOUT", 60.0),
            pooler=_whole(environment, "DATABASE_POOLER", 0, 0, 1) == 1,
            peak_tasks=_whole(environment, "DATABASE_PEAK_TASKS", 2, 1, 10000),
            workers=_whole(environment, "WEB_CONCURRENCY", 1, 1, 256),
        )

    @property
    def trusted(self) -> Path | None:
        """The file with the roots to trust; None if the connection does not leave the machine."""
        return self.server_ca or self.ca or (None if _is_local(self.host) else RDS_CA)

    @property
    def sslmode(self) -> str:
        """libpq's word for what is verified."""
        if self.trusted is None:
            return "disable"
        return "verify-ca" if self.server_ca else "verify-full"

    @property
    def on_socket(self) -> bool:
        """Whether `host` is the directory of a Unix socket."""
        return self.host.startswith("/")

    def tls(self) -> ssl.SSLContext | None:
        """The TLS of a driver that takes Python's; None if the connection does not leave the machine."""
        if self.trusted is None:
            return None
        context = ssl.create_default_context(cafile=self.trusted)
        context.check_hostname = self.sslmode == "verify-full"
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Since Python 3.13 the default is stricter about the form of certificates than libpq, with the same file.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def url(self, driver: str | None = None, *, password: bool = True) -> str:
        """The URL, percent-encoded, without TLS: no parameter for it is understood by every driver.

        Args:
            driver: one of `DRIVERS` for SQLAlchemy's `postgresql+driver://`. Default: plain `postgresql://`.
            password: whether to put it in.
        """
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        user = quote(self.username or "", safe="")
        if password and self.password is not None:
            user += ":" + quote(self.password, safe="")
        at = f"{user}@" if user else ""
        name = quote(self.name, safe="")
        if self.on_socket:
            return f"{scheme}://{at}/{name}?host={quote(self.host)}&port={self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{at}{host}:{self.port}/{name}"

    def libpq(self) -> dict[str, str]:
        """libpq's variables, which psycopg, psycopg2, asyncpg and PostgreSQL's own tools read, with TLS."""
        trusted = self.trusted
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.name,
            **({"PGUSER": self.username} if self.username else {}),
            **({"PGPASSWORD": self.password} if self.password else {}),
            "PGSSLMODE": self.sslmode,
            **({"PGSSLROOTCERT": str(trusted)} if trusted else {}),
        }


def configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names a database."""
    return bool(environment.get("DATABASE_HOST") or environment.get("DATABASE_URL"))


def export(environment: MutableMapping[str, str] = os.environ) -> None:
    """Add what apps read that know nothing of this runtime: `DATABASE_URL` and libpq's `PG*`; what is set stays.

    TLS is in `PGSSLMODE` and `PGSSLROOTCERT`, which libpq and asyncpg both read, as no URL can serve both.
    `DATABASE_URLS` names other variables, with the driver of each, as JSON: `{"DATABASE_ASYNC_URL": "asyncpg"}`.
    The password is that of this moment: after a rotation only `Database` and `sync_engine` know the new one.

    Raises:
        SettingsError: a variable holds something else than it should.
    """
    if not environment.get("DATABASE_HOST"):
        return
    settings = DatabaseSettings.from_environment(environment)
    for variable, value in settings.libpq().items():
        environment.setdefault(variable, value)
    for variable, driver in url_variables(environment).items():
        environment.setdefault(variable, settings.url(driver))


def url_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Which variables get a URL, with the driver of each: `DATABASE_URL` and those of `DATABASE_URLS`."""
    text = environment.get("DATABASE_URLS", "{}")
    try:
        urls = json.loads(text)
    except ValueError:
        urls = None
    if not isinstance(urls, dict) or not all(driver in DRIVERS for driver in urls.values()):
        raise SettingsError(
            f'DATABASE_URLS must be JSON like {{"DATABASE_ASYNC_URL": "asyncpg"}} with the drivers '
            f"{', '.join(DRIVERS)}, got {text!r}"
        )
    return {"DATABASE_URL": None, **urls}


def _parts(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("DATABASE_")}


def _parts_of_url(url: str) -> dict[str, str]:
    """What a URL says. No error shows it, as it may hold a password."""
    try:
        parsed = urlsplit(url)
        port = parsed.port
    except ValueError:
        raise SettingsError(
            "DATABASE_URL is no URL; special characters of a password have to be percent-encoded, such as %40 for @"
        ) from None
    if parsed.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise SettingsError(f"DATABASE_URL must start with postgresql://, got {parsed.scheme!r}")
    options = {name: values[-1] for name, values in parse_qs(parsed.query).items()}
    host = options.pop("host", None) or parsed.hostname
    option_port = options.pop("port", None)
    if not host:
        raise SettingsError("DATABASE_URL names no host")
    mode = options.pop("sslmode", options.pop("ssl", None))
    if mode is not None and mode not in _OURS_IS_STRICTER and not _is_local(host):
        raise SettingsError(
            f"DATABASE_URL asks for sslmode={mode}, but the connection to {host} is always encrypted and verified;"
            " leave it out, and name other roots than those of Amazon RDS with DATABASE_CA"
        )
    for name in ("channel_binding", "sslrootcert"):
        options.pop(name, None)
    if options:
        raise SettingsError(f"DATABASE_URL has options that are not known here: {', '.join(sorted(options))}")
    return {
        "DATABASE_HOST": host,
        "DATABASE_PORT": option_port or str(port or ""),
        "DATABASE_NAME": unquote(parsed.path.removeprefix("/")),
        "DATABASE_USERNAME": unquote(parsed.username or ""),
        "DATABASE_PASSWORD": unquote(parsed.password or ""),
    }


def _is_local(host: str) -> bool:
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _whole(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = environment.get(name, str(default))
    if not (value.isascii() and value.isdecimal()) or not low <= int(value) <= high:
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, got {value!r}")
    return int(value)


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(name, str(default))
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise SettingsError(f"{name} must be a number of seconds from 0.1 to 3600, got {value!r}")
    return seconds


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    if not value:
        return None
    if not Path(value).is_file():
        raise SettingsError(f"{name} must be a file with certificates, got {value!r}")
    return Path(value)


def _certificates(environment: Mapping[str, str]) -> Path | None:
    """A file with the certificates of `DATABASE_SERVER_CA`: libpq takes them in no other form."""
    text = environment.get("DATABASE_SERVER_CA")
    if not text:
        return None
    if environment.get("DATABASE_CA"):
        raise SettingsError("set DATABASE_CA or DATABASE_SERVER_CA, not both")
    try:
        ssl.create_default_context(cadata=text)
    except ssl.SSLError:
        raise SettingsError(
            "DATABASE_SERVER_CA must be certificates in PEM, '-----BEGIN CERTIFICATE-----' and so on"
        ) from None
    path = Path(tempfile.gettempdir(), f"database-server-ca-{hashlib.sha256(text.encode()).hexdigest()[:16]}.pem")
    if not (path.is_file() and path.read_text() == text):
        try:
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
                file.write(text)
            Path(file.name).replace(path)  # whole or not at all: other workers write it too
        except OSError as error:
            raise SettingsError(f"DATABASE_SERVER_CA needs a file that cannot be written: {error}") from None
    return path
