"""What the scripts of the image's build share."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

VENV = Path("/venv")
APP = Path("/srv")
RUNTIME = Path("/opt/runtime")
RESOLVED = RUNTIME / "resolved.txt"
"""In the image: every installed distribution with its version; the first line says what no lock has chosen."""


def fail(problem: str) -> NoReturn:
    """End the build with one message."""
    sys.exit(f"\nerror: {problem}\n")


def words(variable: str) -> list[str]:
    """A build argument that holds a list."""
    return os.environ.get(variable, "").split()


def run(*command: str | Path, hints: dict[str, str] | None = None) -> str:
    """Run a command and return what it prints.

    Its failure ends the build with what it said, and with the hint whose key (a regular expression) is in there.
    """
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    sys.stderr.write(done.stderr)
    if done.returncode:
        hint = next((hint for key, hint in (hints or {}).items() if re.search(key, done.stderr)), "")
        fail(f"{Path(command[0]).name} {command[1]} ended with {done.returncode}, see above. {hint}".rstrip())
    return done.stdout


def same_time(*roots: Path) -> None:
    """Give everything below the one time of the build, so that the same content is the same layer."""
    when = int(os.environ["SOURCE_DATE_EPOCH"])
    for root in roots:
        for parent, directories, files in os.walk(root):
            for name in (*directories, *files, "."):
                path = Path(parent, name)
                if path.lstat().st_mtime != when:  # touching a file of an earlier layer would copy it
                    os.utime(path, (when, when), follow_symlinks=False)


def compile_python(*roots: Path, shown_as: Path | None = None) -> None:
    """Write bytecode that no start has to check or to write again: by hash, and unchecked.

    Args:
        shown_as: where `roots[0]` will be in the image. Default: where it is.
    """
    for root in roots:
        for cache in root.rglob("__pycache__"):
            shutil.rmtree(cache)
    place = ["-s", str(roots[0]), "-p", str(shown_as)] if shown_as else []
    # A file in an old syntax, as some packages carry for tests, is no reason to stop.
    subprocess.run(
        [
            VENV / "bin/python",
            "-m",
            "compileall",
            "-qq",
            "-j",
            "0",
            *place,
            "--invalidation-mode",
            "unchecked-hash",
            *roots,
        ],
        stdout=subprocess.DEVNULL,
        check=False,
    )
