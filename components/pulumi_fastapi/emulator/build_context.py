"""The build context as Docker would send it: which files `.dockerignore` leaves in, and a hash of them."""

import functools
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Pattern:
    regex: re.Pattern[str]
    keeps: bool


class DockerIgnore:
    """Docker's rules, which are not Git's: patterns are anchored at the root, and the last one that matches wins."""

    def __init__(self, text: str) -> None:
        self._patterns = [pattern for line in text.splitlines() if (pattern := _parse(line)) is not None]

    def excludes(self, path: str) -> bool:
        """Whether a file (relative, with slashes) stays out; a pattern for a directory counts for all inside."""
        excluded = False
        parts = path.split("/")
        ancestors = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        for pattern in self._patterns:
            if any(pattern.regex.fullmatch(ancestor) for ancestor in ancestors):
                excluded = not pattern.keeps
        return excluded


def _parse(line: str) -> _Pattern | None:
    text = line.strip()
    if not text or line.startswith("#"):
        return None
    keeps = text.startswith("!")
    text = text.removeprefix("!").strip()
    cleaned = os.path.normpath(text).replace(os.sep, "/").lstrip("/")
    return None if cleaned in ("", ".") else _Pattern(_translate(cleaned), keeps)


@functools.lru_cache(maxsize=1024)
def _translate(pattern: str) -> re.Pattern[str]:
    """Go's filepath.Match, and `**` for any number of directories."""
    expression, position = "", 0
    while position < len(pattern):
        rest = pattern[position:]
        if rest.startswith("**"):
            slash = rest.startswith("**/")
            expression += "(.*/)?" if slash else ".*"
            position += 3 if slash else 2
        elif rest[0] == "*":
            expression += "[^/]*"
            position += 1
        elif rest[0] == "?":
            expression += "[^/]"
            position += 1
        elif rest[0] == "[" and "]" in rest:
            end = rest.index("]") + 1
            expression += rest[:end]
            position += end
        elif rest[0] == "\\" and len(rest) > 1:
            expression += re.escape(rest[1])
            position += 2
        else:
            expression += re.escape(rest[0])
            position += 1
    return re.compile(expression)


def context_files(context: Path, dockerfile: Path) -> Iterator[Path]:
    """Files of the context in a fixed order, with the Dockerfile and `.dockerignore`, which Docker needs."""
    ignore_file = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    if not ignore_file.is_file():
        ignore_file = context / ".dockerignore"
    ignore = DockerIgnore(ignore_file.read_text(encoding="utf-8") if ignore_file.is_file() else "")
    for path in sorted(context.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if path in (dockerfile, ignore_file) or not ignore.excludes(path.relative_to(context).as_posix()):
            yield path


def context_hash(context: Path, dockerfile: Path) -> str:
    """SHA-256 over path, mode and content of every file Docker would send."""
    digest = hashlib.sha256()
    for path in context_files(context, dockerfile):
        digest.update(path.relative_to(context).as_posix().encode() + b"\0")
        if path.is_symlink():
            digest.update(b"link\0" + os.readlink(path).encode())
        else:
            digest.update(f"{path.stat().st_mode & 0o777:o}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        digest.update(b"\0")
    return digest.hexdigest()
