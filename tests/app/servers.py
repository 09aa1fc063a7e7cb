"""Real servers on free loopback ports: PostgreSQL with TLS, standbys, PgBouncer, Redis."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from launcher import free_port

HOST = "127.0.0.1"
PASSWORD = "p@%/:#x'\" \\$é"  # noqa: S105
"""Every character that has broken a URL, a configuration file or a shell."""
SECONDS = 30  # generous: only a broken server takes this long
BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/local/bin"), key=lambda each: each.parent.name)
# PostgreSQL refuses to run as root.
ACCOUNT: str | None = "postgres" if os.geteuid() == 0 else None


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for it."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited {SECONDS} seconds for {what}"
        time.sleep(0.02)


@dataclass(frozen=True)
class Authority:
    """A root certificate of our own, and the key and certificate of a server on loopback."""

    root: Path
    certificate: Path
    key: Path

    @classmethod
    def make(cls, directory: Path, addresses: tuple[str, ...] = (HOST, "localhost")) -> "Authority":
        directory.mkdir(parents=True, exist_ok=True)
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Test Root {directory.name}")])
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "db.test")])
        now = datetime.now(UTC)

        def sign(subject: x509.Name, public: Any, *extensions: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
            builder = (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(ca_name)
                .public_key(public)
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(hours=1))
                .not_valid_after(now + timedelta(days=1))
            )
            for extension, critical in extensions:
                builder = builder.add_extension(extension, critical)
            return builder.sign(ca_key, SHA256())

        names = [_general_name(address) for address in addresses]
        root = sign(ca_name, ca_key.public_key(), (x509.BasicConstraints(ca=True, path_length=0), True))
        leaf = sign(name, key.public_key(), (x509.SubjectAlternativeName(names), False))
        files = cls(directory / "root.pem", directory / "server.pem", directory / "server.key")
        files.root.write_bytes(root.public_bytes(Encoding.PEM))
        files.certificate.write_bytes(leaf.public_bytes(Encoding.PEM))
        files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(address))
    except ValueError:
        return x509.DNSName(address)


@dataclass
class Postgres:
    """A PostgreSQL server. Over TCP it takes only TLS and passwords, as RDS does; over its socket it trusts us."""

    directory: Path
    authority: Authority
    port: int
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def initialize(self) -> None:
        """Make the database `app` and the role `app` with `PASSWORD`."""
        shutil.copyfile(self.authority.certificate, self.directory / "server.pem")
        shutil.copyfile(self.authority.key, self.directory / "server.key")
        (self.directory / "server.key").chmod(0o600)
        (self.directory / "hba").write_text(
            "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
            "hostssl replication all 127.0.0.1/32 trust\n"
        )
        _give(self.directory)
        if not _template.is_dir():  # made once, as it takes longer than all the rest
            self.run("initdb", "-D", self.data, "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
            self.start()
            self.sql("CREATE ROLE app LOGIN")
            self.password(PASSWORD)
            self.sql("CREATE DATABASE app OWNER app")
            self.stop()
            shutil.copytree(self.data, _template)
        else:
            shutil.copytree(_template, self.data)
            _give(self.data)
        self.start()

    def password(self, new: str) -> None:
        """Change the password of `app`, as a rotation does."""
        with self.admin("postgres") as connection:
            connection.execute(psycopg.sql.SQL("ALTER ROLE app PASSWORD {}").format(psycopg.sql.Literal(new)))

    def start(self) -> None:
        settings = {
            "port": self.port,
            "listen_addresses": HOST,
            "unix_socket_directories": self.directory,
            "hba_file": self.directory / "hba",
            "ssl": "on",
            "ssl_cert_file": self.directory / "server.pem",
            "ssl_key_file": self.directory / "server.key",
            "fsync": "off",
            **self.settings,
        }
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self.run("pg_ctl", "-D", self.data, "-w", "-t", SECONDS, "-l", self.directory / "log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def run(self, program: str, *arguments: object) -> None:
        # Not a pipe: what pg_ctl starts keeps its descriptors, and the end of the output would never come.
        with tempfile.TemporaryFile("w+") as output:
            command = [BIN / program, *map(str, arguments)]
            done = subprocess.run(
                command, user=ACCOUNT, cwd="/", env={"HOME": "/"}, stdout=output, stderr=output, timeout=2 * SECONDS
            )
            output.seek(0)
            assert done.returncode == 0, f"{program}: {output.read()}\n{self.log()[-2000:]}"

    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def admin(self, database: str = "app") -> psycopg.Connection[Any]:
        """A connection of the superuser."""
        return psycopg.connect(
            host=str(self.directory), port=self.port, dbname=database, user="postgres", autocommit=True
        )

    def sql(self, statement: str, *parameters: object, database: str = "postgres") -> list[Any]:
        with self.admin(database) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def environment(self) -> dict[str, str]:
        """The variables that the infrastructure sets."""
        return {
            "DATABASE_HOST": HOST,
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": "app",
            "DATABASE_USERNAME": "app",
            "DATABASE_PASSWORD": PASSWORD,
            "DATABASE_CA": str(self.authority.root),
        }

    def standby(self, directory: Path) -> "Postgres":
        """A server that follows this one."""
        _give(directory)
        other = Postgres(directory, self.authority, free_port(), dict(self.settings))
        for name in ("server.pem", "server.key", "hba"):
            shutil.copy(self.directory / name, directory / name)
        (directory / "server.key").chmod(0o600)
        _give(directory)
        source = f"host={HOST} port={self.port} user=postgres sslmode=require"
        other.run("pg_basebackup", "-D", other.data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", source)
        other.start()
        return other

    def promote(self) -> None:
        """Make a standby the primary."""
        self.run("pg_ctl", "-D", self.data, "-w", "promote")


def _give(path: Path) -> None:
    """Let the account that runs PostgreSQL own it."""
    if ACCOUNT is not None:
        for each in (path, *path.rglob("*")):
            shutil.chown(each, ACCOUNT)


_made = tempfile.TemporaryDirectory(prefix="servers-")
_template = Path(_made.name) / "data"


@contextmanager
def directory() -> Iterator[Path]:
    """A directory that another account can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="servers-", ignore_cleanup_errors=True) as path:
        Path(path).chmod(0o755)
        yield Path(path)


@contextmanager
def postgres(authority: Authority, **settings: object) -> Iterator[Postgres]:
    """A new server."""
    with directory() as path:
        server = Postgres(path, authority, free_port(), settings)
        server.initialize()
        try:
            yield server
        finally:
            with suppress(AssertionError):  # the test has stopped it
                server.stop("immediate")


@contextmanager
def pgbouncer(server: Postgres) -> Iterator[int]:
    """A transaction pooler before `server`, with TLS; its port."""
    port = free_port()
    with directory() as path:
        (path / "users").write_text('"app" "%s"\n' % PASSWORD.replace('"', '""'))  # noqa: UP031
        for name in ("server.pem", "server.key"):
            shutil.copy(server.directory / name, path / name)
        (path / "ini").write_text(f"""
[databases]
app = host={server.directory} port={server.port} user=postgres
[pgbouncer]
listen_addr = {HOST}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {path}/users
pool_mode = transaction
default_pool_size = 3
max_client_conn = 500
client_tls_sslmode = require
client_tls_cert_file = {path}/server.pem
client_tls_key_file = {path}/server.key
""")
        _give(path)
        with (path / "log").open("w") as log:
            process = subprocess.Popen(["pgbouncer", path / "ini"], user=ACCOUNT, stdout=log, stderr=log)
        try:
            until(lambda: _listens(port), f"PgBouncer: {(path / 'log').read_text()}")
            yield port
        finally:
            process.terminate()
            process.wait(SECONDS)


@dataclass
class Redis:
    """A Redis server."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It accepts connections, as the kernel does that, and never answers."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(port: int | None = None) -> Iterator[Redis]:
    """A new, empty server."""
    port = port or free_port()
    command = ["redis-server", "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/")
    try:
        until(lambda: _listens(port), "Redis")
        yield Redis(process, port)
    finally:
        process.kill()
        process.wait(SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


class Gateway:
    """A port that leads to one server and then to another, as the name of a Multi-AZ database does."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._server = socket.create_server((HOST, 0), backlog=200)
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((HOST, self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    @staticmethod
    def _copy(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while content := one.recv(65536):
                other.sendall(content)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        self._server.close()
