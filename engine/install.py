"""Find the Pulumi CLI, or install a pinned one below `.pulumi-fastapi/engine`.

Takes, in this order: `PULUMI_BIN`; a `pulumi` on PATH or in `~/.pulumi/bin` that is new enough; what an earlier run
installed; the official release, its checksum verified; the CLI's Go module, built here. Writes the launcher
`.pulumi-fastapi/engine/bin/pulumi`, which everything else in this repository runs, and prints its path.

Needs nothing but the standard library, so that it runs before anything is installed.
"""

import argparse
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn, Optional

VERSION = "3.274.1"
"""What is installed; go.mod pins the same."""
MINIMUM = (3, 238, 0)
"""The first CLI that fails a deployment when an `after_update` hook raises. Older ones only warn, and a deployment that
ECS rolled back would pass for a success."""

SOURCE = Path(__file__).resolve().parent
HOME = SOURCE.parent / ".pulumi-fastapi" / "engine"
RELEASES = "https://get.pulumi.com/releases/sdk"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
HOST = "pulumi-language-python"
REACH_SECONDS = 8
"""How long a closed network may hold us up before the Go build starts."""
STALL_SECONDS = 30
WHAT_TO_DO = """Do one of these and run make again:
  - install the Pulumi CLI: https://www.pulumi.com/docs/install/
  - install Go, which builds the CLI here in a few minutes, once: https://go.dev/doc/install
  - set PULUMI_BIN to the path of a Pulumi CLI"""

Version = tuple[int, int, int]


class InstallError(Exception):
    """The CLI cannot be had; the message says what to do."""


class Unreachable(Exception):
    """The official release cannot be had from here."""


def parse_version(text: str) -> Optional[Version]:
    """The version that `pulumi version` prints, such as v3.274.1 or v3.275.0-alpha.1; None when it is none."""
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def version_of(cli: Path) -> Optional[Version]:
    """The version of an executable; None when it is no Pulumi CLI."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        result = subprocess.run([cli, "version"], capture_output=True, text=True, timeout=60, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(result.stdout) if result.returncode == 0 else None


def dotted(version: Version) -> str:
    return ".".join(map(str, version))


@dataclass(frozen=True)
class Engine:
    """Where the engine is kept, and how to come by it."""

    home: Path = HOME
    releases: str = RELEASES
    python: str = sys.executable
    """Runs the language host: it has the Pulumi SDK installed."""
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def launcher(self) -> Path:
        return self.home / "bin" / "pulumi"

    @property
    def own(self) -> Path:
        """The folder of the CLI that we install."""
        return self.home / f"v{VERSION}"

    def ensure(self) -> Path:
        """The launcher of a CLI that is new enough."""
        if self.is_current():
            return self.launcher
        cli = self.named() or self.on_path() or self.installed() or self.official() or self.built()
        path = None if self.has_language_host(cli) else self.add_language_host(cli)
        self.write_launcher(cli, path)
        return self.launcher

    def is_current(self) -> bool:
        """Whether the launcher is ours and still starts what would be chosen now, without starting anything."""
        try:
            recorded = self.launcher.read_bytes()[:4096].decode()
        except (OSError, UnicodeDecodeError):
            return False
        match = re.search(r"^# (\S+) (.+)$", recorded, re.MULTILINE)
        if match is None:
            return False
        cli = Path(match[2])
        named = self.given()
        return (named is None or named == cli) and cli.exists() and match[1] == self.stamp(cli)

    def stamp(self, cli: Path) -> str:
        """Changes with the CLI, and with the files that make the launcher."""
        files = (cli, Path(__file__), SOURCE / "go.sum", SOURCE / "language_host.py")
        facts = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
        return hashlib.sha256(repr((facts, self.python)).encode()).hexdigest()[:16]

    def given(self) -> Optional[Path]:
        """PULUMI_BIN, unless it is our own launcher."""
        value = self.environment.get("PULUMI_BIN")
        if not value or Path(value).absolute() == self.launcher.absolute():
            return None
        return Path(value).absolute()

    def named(self) -> Optional[Path]:
        """The CLI in PULUMI_BIN; one that does not do is an error, as the user asked for it."""
        cli = self.given()
        if cli is None:
            return None
        version = version_of(cli)
        if version is None or version < MINIMUM:
            found = "is no Pulumi CLI" if version is None else f"is version {dotted(version)}"
            raise InstallError(f"PULUMI_BIN={cli} {found}; {dotted(MINIMUM)} or newer is needed.\n{WHAT_TO_DO}")
        return cli

    def on_path(self) -> Optional[Path]:
        """The first CLI on PATH, or where the official installer puts it, that is new enough."""
        for folder in self.search_path():
            cli = shutil.which("pulumi", path=str(folder))
            if cli is None or Path(cli).absolute() == self.launcher.absolute():
                continue
            version = version_of(Path(cli))
            if version is not None and version >= MINIMUM:
                return Path(cli).absolute()
            if version is not None:
                say(f"{cli} is version {dotted(version)}, and {dotted(MINIMUM)} or newer is needed; looking further")
        return None

    def search_path(self) -> list[Path]:
        folders = [Path(folder) for folder in self.environment.get("PATH", "").split(os.pathsep) if folder]
        home = self.environment.get("HOME")
        return [*folders, Path(home, ".pulumi", "bin")] if home else folders

    def installed(self) -> Optional[Path]:
        """What an earlier run installed."""
        cli = self.own / "pulumi"
        return cli if version_of(cli) == parse_version(VERSION) else None

    def official(self) -> Optional[Path]:
        """The official release; None where it cannot be had."""
        try:
            name = f"pulumi-v{VERSION}-{release_platform()}.tar.gz"
            checksum = self.checksum(name)
            say(f"downloading Pulumi {VERSION} (about 100 MB) from {self.releases}")
            with tempfile.TemporaryDirectory(dir=existing(self.home)) as folder:
                archive = Path(folder, name)
                download(f"{self.releases}/{name}", archive, checksum)
                unpack(archive, Path(folder, "bin"))
                shutil.rmtree(self.own, ignore_errors=True)
                Path(folder, "bin").rename(self.own)
        except (Unreachable, OSError, tarfile.TarError) as error:
            say(f"no official release of Pulumi {VERSION} from here ({error})")
            return None
        return self.own / "pulumi"

    def checksum(self, name: str) -> str:
        """The published SHA-256 of an archive."""
        url = f"{self.releases}/pulumi-{VERSION}-checksums.txt"
        text = within(REACH_SECONDS, lambda: read_url(url).decode())
        for line in text.splitlines():
            digest, _, file = line.partition(" ")
            if file.strip().lstrip("*") == name:
                return digest.lower()
        raise Unreachable(f"{url} does not list {name}")

    def built(self) -> Path:
        """The CLI built from its Go module, at the versions that go.mod and go.sum pin."""
        go = self.go()
        cli = existing(self.own) / "pulumi"
        flags = f"-s -w -X {SDK_MODULE}/go/common/version.Version=v{VERSION}"
        command = [go, "build", "-v", "-mod=readonly", "-ldflags", flags, "-o", str(cli), PACKAGE]
        say(f"building Pulumi {VERSION} with Go, once; about five minutes on two cores")
        log = self.home / "build.log"
        with log.open("w") as output:
            process = subprocess.Popen(command, cwd=SOURCE, stdout=output, stderr=subprocess.STDOUT)
            try:
                watch(process, log)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if process.returncode:
            tail = "\n".join(log.read_text().splitlines()[-12:])
            raise InstallError(f"the build failed; the end of {log}:\n{tail}\n{WHAT_TO_DO}")
        return cli

    def go(self) -> str:
        go = shutil.which("go", path=self.environment.get("PATH"))
        if go is None:
            raise InstallError(
                f"there is no Pulumi CLI {dotted(MINIMUM)} or newer here, and no Go to build one.\n{WHAT_TO_DO}"
            )
        return go

    def has_language_host(self, cli: Path) -> bool:
        """Whether the engine will find an official Python language host: beside the CLI, on PATH or in its cache."""
        beside = cli.resolve().parent / HOST
        if beside.exists() and not is_ours(beside):
            return True
        if any((folder / HOST).exists() for folder in self.search_path()):
            return True
        cache = Path(self.environment.get("PULUMI_HOME") or Path(self.environment.get("HOME", "/"), ".pulumi"))
        return any((cache / "plugins").glob("language-python-v*"))

    def add_language_host(self, cli: Path) -> Optional[Path]:
        """Install our small language host; returns the folder to append to PATH when it is not beside the CLI.

        Beside the CLI or last on PATH, an official host that is installed later comes first."""
        folder = existing(self.own if cli.parent == self.own else self.home / "host")
        executor = f"{HOST}-exec"
        shutil.copyfile(self.sdk_source() / "python" / "cmd" / executor, folder / executor)
        script = f'{shlex.quote(self.python)} {shlex.quote(str(SOURCE / "language_host.py"))} "$@"'
        write_executable(
            folder / HOST,
            f"#!/bin/sh\n{OWN_HOST_MARK}\nPULUMI_PYTHON_EXECUTOR={shlex.quote(str(folder / executor))} exec {script}\n",
        )
        return None if folder == self.own else folder

    def sdk_source(self) -> Path:
        """The SDK's Go module, which holds the script that runs a Python program."""
        command = [self.go(), "mod", "download", "-json", SDK_MODULE]
        result = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)
        match = re.search(r'"Dir": "(.+)"', result.stdout)
        if match is None:
            raise InstallError(f"the Pulumi SDK's Go module cannot be had: {result.stderr.strip()}\n{WHAT_TO_DO}")
        return Path(match[1])

    def write_launcher(self, cli: Path, path: Optional[Path]) -> None:
        """A shell script rather than a link: it survives that the CLI moves, and says so."""
        target = shlex.quote(str(cli))
        lines = [
            "#!/bin/sh",
            f"# {self.stamp(cli)} {cli}",
            f'[ -x {target} ] || {{ echo "the Pulumi CLI is gone from {cli}; run make setup" >&2; exit 127; }}',
        ]
        if path is not None:
            lines.append(f'PATH="$PATH":{shlex.quote(str(path))}; export PATH')
        write_executable(self.launcher, "\n".join([*lines, f'exec {target} "$@"', ""]))


OWN_HOST_MARK = "# the language host of pulumi-fastapi, for machines without the official one"


def is_ours(host: Path) -> bool:
    return OWN_HOST_MARK.encode() in host.read_bytes()[:200]


def existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_executable(file: Path, text: str) -> None:
    """Atomically, so that a run at the same time sees the old or the new file."""
    temporary = existing(file.parent) / f"{file.name}.{os.getpid()}"
    temporary.write_text(text)
    temporary.chmod(0o755)
    temporary.replace(file)


def release_platform() -> str:
    """The platform's name in the names of the release archives."""
    systems = {"Linux": "linux", "Darwin": "darwin"}
    machines = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}
    system, machine = platform.system(), platform.machine()
    if system not in systems or machine.lower() not in machines:
        raise Unreachable(f"none is published for {system} on {machine}")
    return f"{systems[system]}-{machines[machine.lower()]}"


def open_url(url: str) -> IO[bytes]:
    try:
        response: IO[bytes] = urllib.request.urlopen(url, timeout=STALL_SECONDS)  # noqa: S310  https, or a test's own
    except OSError as error:
        raise Unreachable(f"{url}: {error}") from None
    return response


def read_url(url: str) -> bytes:
    with open_url(url) as response:
        return response.read()


def within(seconds: float, call: Callable[[], str]) -> str:
    """What a call returns, if it does in time: name resolution has no timeout of its own."""
    results: list[str] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except (Unreachable, OSError) as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise Unreachable(str(errors[0]))
    if not results:
        raise Unreachable(f"no answer in {seconds:g} s")
    return results[0]


def download(url: str, target: Path, checksum: str) -> None:
    """Download a file and hold it to its checksum."""
    digest, progress, size = hashlib.sha256(), Progress(), 0
    with open_url(url) as response, target.open("wb") as file:
        while chunk := response.read(1 << 20):
            digest.update(chunk)
            file.write(chunk)
            size += len(chunk)
            progress.show(f"{size >> 20} MB")
    progress.end()
    if digest.hexdigest() != checksum:
        raise Unreachable(f"{url} has not the published checksum")


def unpack(archive: Path, folder: Path) -> None:
    """The executables of a release, which all lie in one folder; nothing else of the archive counts."""
    folder.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                file = folder / PurePosixPath(member.name).name
                with file.open("wb") as output:
                    shutil.copyfileobj(content, output)
                file.chmod(0o755)
    if not (folder / "pulumi").exists():
        raise Unreachable(f"{archive.name} holds no pulumi")


class Progress:
    """One line that is rewritten on a terminal; a line every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._next = 0.2 if sys.stderr.isatty() else 10.0
        self._every = self._next

    def show(self, text: str) -> None:
        elapsed = time.monotonic() - self._started
        if elapsed < self._next:
            return
        self._next = elapsed + self._every
        line = f"engine: {int(elapsed) // 60}:{int(elapsed) % 60:02d} {text}"
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def end(self) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def watch(process: subprocess.Popen[bytes], log: Path) -> None:
    """Show what the build does until it ends."""
    progress, lines = Progress(), follow(log)
    modules = packages = 0
    while process.poll() is None:
        time.sleep(0.2)
        for line in next(lines):
            modules += line.startswith("go: downloading")
            packages += not line.startswith("go: ")
        progress.show(f"{modules} modules downloaded, {packages} packages compiled")
    progress.end()


def follow(log: Path) -> Iterator[list[str]]:
    """The lines added to a file since the last look."""
    with log.open() as file:
        while True:
            yield file.readlines()


def say(text: str) -> None:
    print(f"engine: {text}", file=sys.stderr, flush=True)


def fail(error: Exception) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="runs the language host: has the Pulumi SDK installed")
    options = parser.parse_args()
    try:
        print(Engine(python=os.path.abspath(options.python)).ensure())
    except InstallError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
