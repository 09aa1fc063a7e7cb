"""Builds and runs images with buildah, podman and runc, as root and without a daemon or a registry of images.

The base images that the Dockerfile names are made from Debian's packages and get the public names. Storage and layers
are kept in `.pulumi-fastapi/images`, so that only the first run takes minutes.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pulumi_fastapi.build import BASES

NEEDED = ("buildah", "podman", "runc", "mmdebstrap")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PYTHON = "3.13"
"""The one that Debian has."""
READ_ONLY = ("--read-only", "--read-only-tmpfs=false")
HARDENED = ("--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=10001:10001")
SECONDS = 60


@dataclass(frozen=True)
class Built:
    """A build that has ended."""

    image: str
    log: str
    succeeded: bool


BuildApp = Callable[..., Built]


@dataclass(frozen=True)
class Container:
    """A container that runs."""

    engine: "Engine"
    id: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=SECONDS, **options)

    def until_ready(self) -> None:
        """Wait for the runtime's own readiness."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if self.get("/-/ready").status_code == 200:
                    return
            assert self.state()["Running"], self.logs()
            time.sleep(0.05)
        raise AssertionError(f"never ready:\n{self.logs()}")

    def run(self, code: str) -> str:
        """Run Python code in the container."""
        return self.engine.podman("exec", self.id, "python", "-c", code).strip()

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.engine.podman("inspect", self.id))[0]["State"])

    def logs(self) -> str:
        done = self.engine.call("podman", "logs", self.id)
        return done.stdout + done.stderr

    def lines_with(self, text: str) -> list[str]:
        """Lines of the log that hold a text, once there is one: the log comes later than the answer."""
        deadline = time.monotonic() + SECONDS
        while not (found := [line for line in self.logs().splitlines() if text in line]):
            assert time.monotonic() < deadline, f"never logged {text}:\n{self.logs()}"
            time.sleep(0.05)
        return found

    def terminate(self) -> None:
        self.engine.podman("kill", "--signal=TERM", self.id)

    def exit_code(self) -> int:
        return int(self.engine.podman("wait", self.id))


class Engine:
    """Images and containers below one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._storage = [f"--root={root}/storage", f"--runroot={root}/run", "--storage-driver=overlay"]

    def call(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run buildah or podman."""
        options = list(self._storage)
        if command == "podman":
            options += [
                "--runtime=runc",
                "--events-backend=none",
                "--cgroup-manager=cgroupfs",
                f"--tmpdir={self.root / 'tmp'}",
            ]
        return subprocess.run([command, *options, *arguments], capture_output=True, text=True)

    def _must(self, command: str, *arguments: str) -> str:
        done = self.call(command, *arguments)
        assert done.returncode == 0, f"{command} {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def podman(self, *arguments: str) -> str:
        return self._must("podman", *arguments)

    def buildah(self, *arguments: str) -> str:
        return self._must("buildah", *arguments)

    def make_bases(self) -> None:
        """What a registry would have: Python on Debian, with pip and without what Debian adds against it."""
        if self.call("podman", "image", "exists", BASES[PYTHON]).returncode == 0:
            return
        files = self.root / "debian"
        shutil.rmtree(files, ignore_errors=True)
        packages = "python3,python3-pip,ca-certificates,netbase,tzdata"
        made = subprocess.run(
            ["mmdebstrap", "--variant=minbase", f"--include={packages}", "trixie", files],
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
        for marker in files.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            marker.unlink()
        for name in ("python3", "python"):
            (files / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", "--quiet", container, str(files), "/")
        # The certificates of this machine are mounted into builds; installers bring their own otherwise.
        variables = [f"SSL_CERT_FILE={CERTIFICATES}", f"PIP_CERT={CERTIFICATES}"]
        variables.append("PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
        self.buildah("config", *(f"--env={variable}" for variable in variables), container)
        self.buildah("commit", "--quiet", "--rm", container, BASES[PYTHON])
        shutil.rmtree(files)

    def build(
        self,
        context: Path,
        tag: str,
        arguments: Mapping[str, str],
        *,
        dockerfile: Path | None = None,
        secret: Path | None = None,
        options: tuple[str, ...] = (),
    ) -> Built:
        """Build an image, with the layers of earlier builds."""
        image = f"localhost/{tag}"
        certificates = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or CERTIFICATES
        done = self.call(
            *("buildah", "build", "--isolation=chroot", "--pull-never", "--network=host", "--layers", "--force-rm"),
            # What BuildKit takes from SOURCE_DATE_EPOCH.
            "--timestamp=315532800",
            f"--volume={certificates}:{CERTIFICATES}:ro",
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            *([f"--secret=id=environment,src={secret}"] if secret else []),
            *options,
            f"--tag={image}",
            f"--file={dockerfile or context / 'Dockerfile'}",
            str(context),
        )
        return Built(image, done.stdout + done.stderr, done.returncode == 0)

    @contextmanager
    def running(self, image: str, *options: str, **environment: object) -> Iterator[Container]:
        """A container without privileges and with a read-only root, on a free port of this machine."""
        port = free_port()
        variables = {"PORT": port, "DRAIN_SECONDS": 0} | environment
        identifier = self.podman(
            *("run", "--detach", "--network=host", "--ulimit=nofile=20000:20000", "--ulimit=nproc=10000:10000"),
            *READ_ONLY,
            *HARDENED,
            *options,
            *(f"--env={name}={value}" for name, value in variables.items()),
            image,
        ).strip()
        try:
            yield Container(self, identifier, port)
        finally:
            self.podman("rm", "--force", "--time=0", identifier)

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """The files of an image."""
        try:
            yield Path(self.podman("image", "mount", image).strip())
        finally:
            self.podman("image", "unmount", image)

    def config(self, image: str) -> dict[str, Any]:
        return dict(json.loads(self.podman("image", "inspect", image))[0])

    def layers(self, image: str) -> list[Path]:
        """The directory of each layer, also of what a later layer hides."""
        data = self.config(image)["GraphDriver"]["Data"]
        return [Path(layer) for layer in [data["UpperDir"], *data.get("LowerDir", "").split(":")] if layer]

    def compressed_size(self, image: str, directory: Path) -> int:
        """Bytes that a registry would store."""
        self.buildah("push", "--quiet", "--compression-format=gzip", image, f"oci:{directory}:image")
        index = json.loads((directory / "index.json").read_text())
        manifest = (directory / "blobs/sha256" / index["manifests"][0]["digest"].removeprefix("sha256:")).read_text()
        return sum(layer["size"] for layer in json.loads(manifest)["layers"])


def missing_tools() -> list[str]:
    return [tool for tool in NEEDED if shutil.which(tool) is None]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lock(project: Path) -> None:
    """Write uv.lock, as a developer does."""
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "lock", "--quiet", "--python", sys.executable, "--project", project]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
