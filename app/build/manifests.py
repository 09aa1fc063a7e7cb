"""Copy only the files that choose dependencies, so that a change to the code keeps the layer that installs them.

Usage: manifests.py SOURCE TARGET
"""

import os
import re
import shutil
import sys
from pathlib import Path

from tools import same_time, words

NAMES = re.compile(
    r"pyproject\.toml|uv\.lock|uv\.toml|poetry\.lock|pylock(\..+)?\.toml|\.python-version"
    r"|.*(requirements|constraints).*\.(txt|in)"
)
NEEDS_SOURCES = re.compile(
    # A requirement that is a directory, dependencies that the project's own code computes.
    r"^\s*(-e\b|--editable\b|\.{1,2}(/|$)|file:)|^\s*dynamic\s*=[^\]]*dependencies|\bpath\s*=\s*['\"]\.",
    re.MULTILINE,
)


def main(source: Path, target: Path) -> None:
    named = {*words("REQUIREMENTS"), *words("CONSTRAINTS")}
    manifests = [
        path
        for path in sorted(source.rglob("*"))
        if path.is_file()
        and (
            NAMES.fullmatch(path.name)
            or path.parent.name == "requirements"
            or path.relative_to(source).as_posix() in named
        )
    ]
    if any(NEEDS_SOURCES.search(path.read_text(errors="replace")) for path in manifests if path.suffix != ".lock"):
        shutil.copytree(source, target, symlinks=True)
    else:
        target.mkdir()
        for path in manifests:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    same_time(target)


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
