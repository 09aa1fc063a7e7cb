"""Assemble /rootfs: what the interpreter and the app's libraries load, certificates and time zones. No shell, no pip.

It is taken from the stage that installs the dependencies, so it always is the same interpreter and the same libraries.
`rootfs.py python` comes before them and stays as it is for every app, `rootfs.py libraries` after them.
Debian's record of the packages that something was taken from goes along for scanners (var/lib/dpkg/status.d).
"""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from packages import FILES
from tools import VENV, compile_python, run, same_time

ROOT = Path("/rootfs")
USER = 10001
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py",
    "ensurepip", "lib2to3", "pydoc_data", "config-*", "EXTERNALLY-MANAGED", "_tkinter.*",
)  # fmt: skip
DATA = (
    "/etc/debian_version",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs/ca-certificates.crt",
    "/usr/lib/locale/C.utf8",
    "/usr/share/zoneinfo",
)
LIBRARY = re.compile(r"\.so(\.\d+)*$")
LOADED = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)
SET_ID = 0o6000


def python() -> None:
    """What is the same for every app: directories, settings, data, the interpreter and an empty virtual environment."""
    for directory in ("usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "etc", "dev", "proc", "run", "sys", "var", "tmp"):
        (ROOT / directory).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (ROOT / name).symlink_to(f"usr/{name}")
    run("uv", "venv", "--quiet", "--python", sys.executable, VENV)
    for name in (".lock", ".gitignore"):
        (VENV / name).unlink(missing_ok=True)
    copy_python()
    for path in DATA:
        if Path(path).exists():
            copy(Path(path))
    write_settings()
    same_time(ROOT)


def libraries() -> None:
    """What the packages and the wheels of this app add: files, and the libraries that are loaded."""
    for listed in json.loads(FILES.read_text()):
        copy(Path(listed))
    binaries = [path for root in (ROOT, VENV) for path in root.rglob("*") if LIBRARY.search(path.name)]
    for library in sorted(loaded_by([VENV / "bin/python", *binaries])):
        copy(library)
    subprocess.run(["ldconfig", "-r", ROOT], check=True)
    shutil.rmtree(ROOT / "var/cache", ignore_errors=True)  # ldconfig's own
    for file in ROOT.rglob("*"):
        if file.is_file() and not file.is_symlink() and file.stat().st_mode & SET_ID:
            file.chmod(file.stat().st_mode & ~SET_ID)
    record_packages()
    same_time(ROOT)


def copy_python() -> None:
    """The interpreter where the virtual environment looks for it, and the standard library without what needs a screen
    or installs."""
    copy((VENV / "bin/python").resolve())
    home = re.search(r"^home = (.+)$", (VENV / "pyvenv.cfg").read_text(), re.MULTILINE)
    link = Path(os.readlink(VENV / "bin/python"))
    assert home is not None
    for start in {link, Path(home[1]) / link.name}:
        copied = ROOT / start.relative_to("/")
        if not copied.exists() and start.exists():
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.symlink_to(start.resolve())
    standard_library = Path(sysconfig.get_path("stdlib"))
    target = ROOT / standard_library.relative_to("/")
    shutil.copytree(standard_library, target, ignore=LEFT_OUT, ignore_dangling_symlinks=True, dirs_exist_ok=True)
    compile_python(target, shown_as=standard_library)


def copy(path: Path) -> None:
    """Copy a file or a directory to where it really is; a library keeps the name it is loaded by."""
    real = path.parent.resolve() / path.name
    target = ROOT / real.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if real.is_dir():
        shutil.copytree(real, target, symlinks=True, dirs_exist_ok=True)
    elif real.is_symlink() and not LIBRARY.search(real.name) and real.exists() and not target.is_symlink():
        target.symlink_to(os.readlink(real))
        copy(real.parent / os.readlink(real))
    elif real.exists() and not target.exists():
        shutil.copy2(real, target)


def loaded_by(binaries: Iterable[Path]) -> Iterator[Path]:
    """The shared libraries that the loader finds for these, outside of /venv and /rootfs."""
    # libgcc_s is opened by name when a thread ends.
    command = ["ldd", *map(str, binaries), *map(str, Path("/usr/lib").glob("*/libgcc_s.so.1"))]
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found = {Path(match) for match in LOADED.findall(output)} | set(Path("/usr/lib").glob("*/libgcc_s.so.1"))
    return (path for path in found if not path.is_relative_to(VENV) and not path.is_relative_to(ROOT))


def write_settings() -> None:
    """Users, name look-up, certificates, and directories for temporary files."""
    etc = ROOT / "etc"
    (etc / "passwd").write_text(f"root:x:0:0::/:/sbin/nologin\napp:x:{USER}:{USER}::/tmp:/sbin/nologin\n")
    (etc / "group").write_text(f"root:x:0:\napp:x:{USER}:\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    certificates = ssl.get_default_verify_paths()
    for name, target in (
        (certificates.openssl_cafile, "certs/ca-certificates.crt"),
        (certificates.openssl_capath, "certs"),
    ):
        link = ROOT / Path(name).relative_to("/")
        if not link.is_symlink() and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"/etc/ssl/{target}")
    # Large uploads go to /tmp. Where nobody has mounted one and the root is read-only, Python tries /var/tmp next.
    (ROOT / "tmp").chmod(0o1777)
    (ROOT / "var/tmp").symlink_to("/dev/shm")  # noqa: S108


def record_packages() -> None:
    """For scanners: the entry of every Debian package that a file was taken from."""
    owners: dict[str, str] = {}
    for listing in Path("/var/lib/dpkg/info").glob("*.list"):
        for path in listing.read_text().splitlines():
            owners[re.sub(r"^/(bin|lib|lib64|sbin)/", r"/usr/\1/", path)] = listing.stem.partition(":")[0]
    taken = {
        owners[name]
        for path in ROOT.rglob("*")
        if not path.is_dir() and (name := f"/{path.relative_to(ROOT).as_posix()}") in owners
    }
    # The library that a name such as libz.so.1 stands for is listed as libz.so.1.3.
    real = {str((Path("/") / path.relative_to(ROOT)).resolve()) for path in ROOT.rglob("*.so*")}
    taken |= {owners[name] for name in real if name in owners}
    directory = ROOT / "var/lib/dpkg/status.d"
    directory.mkdir(parents=True)
    for entry in Path("/var/lib/dpkg/status").read_text().split("\n\n"):
        package = re.match(r"Package: (\S+)", entry.lstrip())
        if package and package[1] in taken:
            (directory / package[1]).write_text(f"{entry.strip()}\n")


if __name__ == "__main__":
    os.umask(0o022)
    {"python": python, "libraries": libraries}[sys.argv[1]]()
