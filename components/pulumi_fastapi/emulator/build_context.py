"""The build context as Docker would send it: which files `.dockerignore` leaves in, and a hash of them."""

import hashlib
import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

import pathspec


class DockerIgnore:
    """Docker's rules in Git's words: a pattern counts from the top, and a directory's for all inside."""

    def __init__(self, text: str) -> None:
        lines = (line.strip() for line in text.splitlines() if not line.startswith("#"))
        patterns = [pattern for line in lines if line for pattern in _anchored(line)]
        self._patterns = pathspec.PathSpec.from_lines("gitignore", patterns)

    def excludes(self, path: str) -> bool:
        """Whether a file (relative, with slashes) stays out."""
        return self._patterns.match_file(path)


def _anchored(pattern: str) -> tuple[str, ...]:
    negation = "!" if pattern.startswith("!") else ""
    cleaned = posixpath.normpath(pattern.removeprefix("!").strip()).lstrip("/")
    # The second one, as `/*` alone would leave in what lies deeper.
    return () if cleaned == "." else (f"{negation}/{cleaned}", f"{negation}/{cleaned}/**")


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
