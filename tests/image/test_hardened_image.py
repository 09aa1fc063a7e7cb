"""The image of the bundled app, as a task on Fargate runs it: numeric user, read-only root, nothing else allowed."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from container_engine import Container, Engine

DOCKERFILE = Path(__file__).parents[2] / "app" / "Dockerfile"
LARGEST = 56_000_000


@pytest.fixture(scope="module")
def container(engine: Engine, image: str) -> Iterator[Container]:
    """Ready, with limits, and without the volume at /tmp, so with nowhere to write."""
    with engine.running(image, "--image-volume=ignore", "--cpus=0.5", "--memory=256m") as container:
        container.until_ready()
        yield container


@contextmanager
def files(engine: Engine, image: str) -> Iterator[list[Path]]:
    with engine.mounted(image) as root:
        yield list(root.rglob("*"))


def test_it_answers(container: Container) -> None:
    assert container.get("/docs").status_code == 200
    assert container.get("/-/healthy").status_code == 200


def test_its_process_may_do_nothing_that_needs_a_privilege(container: Container) -> None:
    status = dict(line.split(":\t", 1) for line in container.run("print(open('/proc/1/status').read())").splitlines())
    assert status["Uid"].split() == ["10001"] * 4
    assert status["Gid"].split() == ["10001"] * 4
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_it_lives_within_its_memory(container: Container) -> None:
    limit, used = container.run(
        "import glob\n"
        "for names in (('memory.max', 'memory.current'), ('memory.limit_in_bytes', 'memory.usage_in_bytes')):\n"
        "    found = [glob.glob('/sys/fs/cgroup/**/' + name, recursive=True) for name in names]\n"
        "    if all(found): print(*(open(each[0]).read().strip() for each in found)); break"
    ).split()
    assert int(limit) == 256 * 1024 * 1024
    assert int(used) < int(limit)


@pytest.mark.parametrize("path", ["/x", "/srv/x", "/venv/x", "/opt/runtime/x", "/etc/x", "/tmp/x"])  # noqa: S108
def test_no_file_can_be_written(container: Container, path: str) -> None:
    code = f"try: open({path!r}, 'w')\nexcept OSError as error: print(error.strerror)"
    assert container.run(code) in ("Read-only file system", "Permission denied")


def test_temporary_files_have_a_place_without_tmp(container: Container) -> None:
    place = container.run("import tempfile; tempfile.TemporaryFile().write(b'x'); print(tempfile.gettempdir())")
    assert place == "/var/tmp"  # noqa: S108


def test_large_temporary_files_go_where_the_volume_is(engine: Engine, image: str) -> None:
    size = 100 << 20
    with engine.running(image) as container:
        code = f"import tempfile\nprint(tempfile.TemporaryFile().write(bytes({size})), tempfile.gettempdir())"
        assert container.run(code) == f"{size} /tmp"


def test_a_cache_in_the_home_directory_can_be_written(engine: Engine, image: str) -> None:
    with engine.running(image) as container:
        code = "from pathlib import Path; c = Path.home() / '.cache'; c.mkdir(); print(c.joinpath('x').write_text('x'))"
        assert container.run(code) == "1"


def test_it_serves_with_several_workers_and_nowhere_to_write(engine: Engine, image: str) -> None:
    with engine.running(image, "--image-volume=ignore", WEB_CONCURRENCY=2) as container:
        container.until_ready()
        assert container.get("/docs").status_code == 200
        container.terminate()
        assert container.exit_code() == 0


def test_terminated_it_drains_and_exits_with_0(engine: Engine, image: str) -> None:
    with engine.running(image, DRAIN_SECONDS=2) as container, httpx.Client(base_url=container.url) as client:
        container.until_ready()
        start = time.monotonic()
        container.terminate()
        while client.get("/-/ready").status_code != 503:
            assert time.monotonic() - start < 2
        assert client.get("/-/healthy").status_code == 200
        assert container.exit_code() == 0
        assert 2 <= time.monotonic() - start < 20


def test_there_is_no_shell_and_no_installer(engine: Engine, image: str, container: Container) -> None:
    with engine.mounted(image) as root:
        programs = {path.name for path in root.rglob("*") if path.is_file() and os.access(path, os.X_OK)}
        installers = [*root.rglob("site-packages/pip"), *root.rglob("ensurepip"), *root.rglob("site-packages/uv")]
    assert "python3.13" in programs
    assert not programs & {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "pip", "uv", "perl", "curl"}
    assert not installers
    assert "executable file not found" in engine.call("podman", "exec", container.id, "sh", "-c", "true").stderr


def test_nothing_is_set_uid_or_writable_by_others(engine: Engine, image: str) -> None:
    with engine.mounted(image) as root:
        modes = {path: path.lstat().st_mode for path in root.rglob("*") if not path.is_symlink()}
        assert not [path for path, mode in modes.items() if mode & 0o6000]
        assert [path.relative_to(root) for path, mode in modes.items() if mode & 0o002] == [Path("tmp")]
        assert {(path.lstat().st_uid, path.lstat().st_gid) for path in modes} == {(0, 0)}


def test_every_module_is_compiled_and_never_checked(engine: Engine, image: str) -> None:
    with files(engine, image) as found:
        compiled = {path: path.read_bytes()[4:8] for path in found if path.suffix == ".pyc"}
        sources = [path for path in found if path.suffix == ".py" and path.parts[-2] in ("fastapi_runtime", "json")]
    assert set(compiled.values()) == {b"\x01\0\0\0"}  # by hash, unchecked
    places = {path.parent.parent / path.name.partition(".")[0] for path in compiled}
    assert sources
    assert not [path for path in sources if path.with_suffix("") not in places]


def test_it_says_what_it_is(engine: Engine, image: str) -> None:
    config = engine.config(image)["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Cmd"] == ["python", "-m", "fastapi_runtime"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.base.name"].endswith("-slim-trixie")
    assert labels["org.opencontainers.image.description"] == "app.main:app in the fastapi_runtime"


def test_its_bill_of_materials_has_every_package(engine: Engine, image: str, container: Container) -> None:
    names = container.run("from importlib.metadata import *; print(*{d.metadata['Name'] for d in distributions()})")
    with engine.mounted(image) as root:
        bill = json.loads((root / "opt/runtime/sbom.cdx.json").read_text())
        debian = {path.name for path in (root / "var/lib/dpkg/status.d").iterdir()}
    kinds: dict[str, set[str]] = {}
    for component in bill["components"]:
        kinds.setdefault(component["purl"].partition(":")[2].partition("/")[0], set()).add(component["name"])
    assert kinds["pypi"] == {re.sub(r"[-_.]+", "-", name).lower() for name in names.split()}
    assert kinds["deb"] == debian
    assert {"libc6", "libssl3t64", "tzdata"} <= debian
    assert kinds["generic"] == {"python"}


def test_what_is_installed_is_what_the_lock_says(engine: Engine, image: str) -> None:
    with engine.mounted(image) as root:
        origin, *resolved = (root / "opt/runtime/resolved.txt").read_text().splitlines()
    locked = (DOCKERFILE.parent / "requirements.txt").read_text()
    assert origin == "# the lock of the runtime"
    assert len(resolved) > 20
    assert not [package for package in resolved if f"\n{package} " not in locked]


def test_it_verifies_certificates(container: Container) -> None:
    assert int(container.run("import ssl; print(len(ssl.create_default_context().get_ca_certs()))")) > 50


def test_names_and_time_zones_are_there(container: Container) -> None:
    assert container.run("import socket; print(socket.gethostbyname('localhost'))") == "127.0.0.1"
    assert container.run("import zoneinfo; print(zoneinfo.ZoneInfo('Europe/Berlin'))") == "Europe/Berlin"
    assert container.run("import pwd, os; print(pwd.getpwuid(os.getuid()).pw_name)") == "app"


def test_it_is_small(engine: Engine, image: str, tmp_path: Path) -> None:
    size = engine.compressed_size(image, tmp_path / "oci")
    print(f"compressed: {size / 1e6:.1f} MB")
    assert size <= LARGEST


def test_the_dockerfile_is_clean() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
