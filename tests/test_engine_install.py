"""Which Pulumi CLI `make` takes, and how it comes by one; with stand-ins for pulumi and go."""

import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "engine" / "install.py"
spec = importlib.util.spec_from_file_location("engine_install", SOURCE)
install = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = install
spec.loader.exec_module(install)

NEW = "v3.274.1"
OLD = "v3.237.9"


def script(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def cli(folder: Path, version: str) -> Path:
    """A `pulumi` that knows its version, counts who asks for it, and fails as told."""
    return script(
        folder / "pulumi",
        f'case "$1" in version) echo {version}; echo asked >> {folder}/asked;; exit) exit "$2";; *) echo "$@"; esac',
    )


def asked(folder: Path) -> int:
    return len((folder / "asked").read_text().splitlines())


@pytest.fixture
def engine(tmp_path):
    """An installer with nothing on PATH, no network, and a home of its own."""
    return install.Engine(
        home=tmp_path / "engine",
        releases="http://127.0.0.1:1",
        environment={"PATH": str(tmp_path / "path"), "HOME": str(tmp_path / "home")},
    )


@pytest.fixture
def path(tmp_path) -> Path:
    (tmp_path / "path").mkdir()
    return tmp_path / "path"


@pytest.fixture
def go(path, tmp_path) -> Path:
    """A `go` that builds a CLI of the pinned version, and has the SDK's module."""
    executor = tmp_path / "sdk" / "python" / "cmd" / "pulumi-language-python-exec"
    executor.parent.mkdir(parents=True)
    executor.write_text("the SDK's own")
    return script(
        path / "go",
        f"""if [ "$1" = mod ]; then printf '{{\\n\\t"Dir": "{tmp_path}/sdk"\\n}}\\n'; exit; fi
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho v{install.VERSION}\\n' > "$2"; /bin/chmod +x "$2"; echo "go: downloading x"; echo compiled""",
    )


def run(launcher: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([launcher, *arguments], capture_output=True, text=True, env=environment)


def official_host(folder: Path) -> Path:
    return script(folder / "pulumi-language-python", "echo official")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.274.1\n", (3, 274, 1)),
        ("3.238.0", (3, 238, 0)),
        ("v3.275.0-alpha.1+dirty", (3, 275, 0)),
        ("command not found", None),
        ("", None),
    ],
)
def test_version_is_read_from_what_the_cli_prints(text, version):
    assert install.parse_version(text) == version


def test_go_module_pins_the_version_that_is_installed():
    pinned = (SOURCE.parent / "go.mod").read_text()

    assert f"github.com/pulumi/pulumi/pkg/v3 v{install.VERSION}\n" in pinned
    assert f"github.com/pulumi/pulumi/sdk/v3 v{install.VERSION}\n" in pinned
    assert install.parse_version(install.VERSION) >= install.MINIMUM


def test_cli_on_path_is_taken_and_run_with_its_arguments(engine, path):
    cli(path, NEW)
    official_host(path)

    launcher = engine.ensure()

    assert run(launcher, "up", "--yes", "a b").stdout == "up --yes a b\n"


def test_exit_code_of_the_cli_passes_through(engine, path):
    cli(path, NEW)
    official_host(path)

    assert run(engine.ensure(), "exit", "7").returncode == 7


def test_too_old_cli_is_passed_over_for_a_newer_one_further_on(engine, path, tmp_path, capsys):
    cli(path, OLD)
    cli(tmp_path / "further", NEW)
    official_host(path)
    engine.environment["PATH"] += f":{tmp_path}/further"

    assert run(engine.ensure(), "version").stdout.strip() == NEW
    assert "3.237.9, and 3.238.0 or newer is needed" in capsys.readouterr().err


def test_oldest_good_enough_cli_is_taken(engine, path):
    cli(path, "v3.238.0")
    official_host(path)

    assert run(engine.ensure(), "version").stdout.strip() == "v3.238.0"


def test_something_else_named_pulumi_is_passed_over(engine, path, tmp_path):
    script(path / "pulumi", "echo hello")
    cli(tmp_path / "home" / ".pulumi" / "bin", NEW)
    official_host(path)

    assert run(engine.ensure(), "version").stdout.strip() == NEW


def test_named_cli_comes_before_path(engine, path, tmp_path):
    cli(path, NEW)
    official_host(path)
    engine.environment["PULUMI_BIN"] = str(cli(tmp_path / "mine", "v3.999.0"))

    assert run(engine.ensure(), "version").stdout.strip() == "v3.999.0"


def test_named_cli_that_is_too_old_is_an_error(engine, path, tmp_path):
    cli(path, NEW)
    engine.environment["PULUMI_BIN"] = str(cli(tmp_path / "mine", OLD))

    with pytest.raises(install.InstallError, match=r"PULUMI_BIN=.*/mine/pulumi is version 3\.237\.9; 3\.238\.0 or"):
        engine.ensure()


def test_named_cli_that_is_missing_is_an_error(engine, tmp_path):
    engine.environment["PULUMI_BIN"] = str(tmp_path / "nowhere")

    with pytest.raises(install.InstallError, match="is no Pulumi CLI"):
        engine.ensure()


def test_launcher_named_as_the_cli_does_not_run_itself(engine, path):
    cli(path, NEW)
    official_host(path)
    engine.environment["PULUMI_BIN"] = str(engine.launcher)

    assert run(engine.ensure(), "version").stdout.strip() == NEW
    assert run(engine.ensure(), "version").stdout.strip() == NEW


def test_second_run_starts_nothing(engine, path):
    cli(path, NEW)
    official_host(path)
    engine.ensure()
    before = asked(path)

    engine.ensure()

    assert asked(path) == before


def test_upgraded_cli_is_looked_at_again(engine, path):
    cli(path, NEW)
    official_host(path)
    engine.ensure()
    before = asked(path)
    cli(path, "v3.300.12")

    engine.ensure()

    assert asked(path) == before + 1


def test_launcher_says_when_the_cli_is_gone(engine, path):
    found = cli(path, NEW)
    official_host(path)
    launcher = engine.ensure()
    found.unlink()

    result = run(launcher, "version")

    assert result.returncode == 127
    assert "run make setup" in result.stderr


def test_official_language_host_is_left_alone(engine, path):
    cli(path, NEW)
    official_host(path)

    launcher = engine.ensure()

    assert "PATH" not in launcher.read_text()
    assert list(engine.home.rglob("pulumi-language-python")) == []


def test_official_language_host_in_the_plugin_cache_is_left_alone(engine, path, tmp_path):
    cli(path, NEW)
    (tmp_path / "home" / ".pulumi" / "plugins" / "language-python-v3.274.1").mkdir(parents=True)

    assert "PATH" not in engine.ensure().read_text()


@pytest.mark.usefixtures("go")
def test_own_language_host_comes_last_on_path(engine, path):
    script(path / "pulumi", f'[ "$1" = version ] && echo {NEW} || pulumi-language-python')
    launcher = engine.ensure()
    host = engine.home / "host" / "pulumi-language-python"
    script(host, "echo own")
    ours = run(launcher, "up", PATH="/bin").stdout

    official_host(path)
    official = run(launcher, "up", PATH=f"/bin:{path}").stdout

    assert (ours, official) == ("own\n", "official\n")


@pytest.mark.usefixtures("go")
def test_own_language_host_brings_the_runner_of_the_sdk(engine, path):
    cli(path, NEW)

    engine.ensure()

    assert (engine.home / "host" / "pulumi-language-python-exec").read_text() == "the SDK's own"


@pytest.mark.usefixtures("go")
def test_without_a_cli_one_is_built_with_its_language_host_beside_it(engine, capsys):
    launcher = engine.ensure()

    assert run(launcher, "version").stdout.strip() == f"v{install.VERSION}"
    assert (engine.own / "pulumi-language-python").exists()
    assert "PATH" not in launcher.read_text()
    assert "building Pulumi" in capsys.readouterr().err


def test_what_was_built_is_not_built_again(engine, go):
    engine.ensure()
    engine.launcher.unlink()
    script(go, f"""[ "$1" = mod ] && printf '{{"Dir": "{go.parents[1]}/sdk"}}' || exit 1""")

    assert run(engine.ensure(), "version").stdout.strip() == f"v{install.VERSION}"


def test_failed_build_shows_why_and_what_to_do(engine, path):
    script(path / "go", "echo dial tcp: no route to host; exit 1")

    with pytest.raises(install.InstallError, match=r"(?s)no route to host.*install the Pulumi CLI: https://"):
        engine.ensure()


def test_without_cli_network_and_go_the_error_says_what_to_do(engine):
    with pytest.raises(install.InstallError, match=r"(?s)no Go to build one.*pulumi\.com/docs/install.*go\.dev"):
        engine.ensure()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def releases(tmp_path) -> Iterator[tuple[Path, str]]:
    """A folder with a release in it, and the address at which it is served as the official ones are."""
    folder = tmp_path / "releases"
    folder.mkdir()
    name = f"pulumi-v{install.VERSION}-{install.release_platform()}.tar.gz"
    with tarfile.open(folder / name, "w:gz") as tar:
        for member, text in (
            ("pulumi/pulumi", f"#!/bin/sh\necho v{install.VERSION} official\n"),
            ("pulumi/pulumi-language-python", "#!/bin/sh\n"),
            ("../../outside", "no"),
        ):
            header = tarfile.TarInfo(member)
            header.size = len(text)
            tar.addfile(header, io.BytesIO(text.encode()))
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / f"pulumi-{install.VERSION}-checksums.txt").write_text(f"{'0' * 64}  other.tar.gz\n{digest}  {name}\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.usefixtures("go")
def test_official_release_is_preferred_to_a_build(engine, releases):
    launcher = replace(engine, releases=releases[1]).ensure()

    assert run(launcher, "version").stdout == f"v{install.VERSION} official\n"
    assert "PATH" not in launcher.read_text()


def test_archive_writes_nothing_outside_its_folder(engine, releases, tmp_path):
    replace(engine, releases=releases[1]).ensure()

    assert [file.relative_to(tmp_path).parts[0] for file in tmp_path.rglob("outside")] == ["engine"]


@pytest.mark.usefixtures("go")
def test_release_with_another_checksum_is_refused(engine, releases, capsys):
    archive = next(releases[0].glob("*.tar.gz"))
    archive.write_bytes(archive.read_bytes() + b"x")

    launcher = replace(engine, releases=releases[1]).ensure()

    assert run(launcher, "version").stdout == f"v{install.VERSION}\n"
    assert "has not the published checksum" in capsys.readouterr().err


def test_release_that_no_checksum_is_published_for_is_refused(engine, releases, capsys):
    next(releases[0].glob("*checksums.txt")).write_text("")

    assert replace(engine, releases=releases[1]).official() is None
    assert "does not list pulumi-v" in capsys.readouterr().err


def test_network_that_never_answers_holds_up_for_a_limited_time():
    blocked = threading.Event()

    with pytest.raises(install.Unreachable, match=r"no answer in 0\.05 s"):
        install.within(0.05, lambda: str(blocked.wait(5)))

    blocked.set()


def test_failure_ends_the_command_with_one_clear_message(tmp_path):
    environment = {**os.environ, "PULUMI_BIN": str(tmp_path / "nowhere")}

    result = subprocess.run([sys.executable, SOURCE], capture_output=True, text=True, env=environment)

    assert result.returncode == 1
    assert result.stderr.startswith("error: PULUMI_BIN=")
    assert "Traceback" not in result.stderr
