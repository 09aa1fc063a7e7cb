"""The build context of an image: which files belong to it, in a form that is the same on every clone.

A provider that hashes the directory as it lies on disk sees another image after every checkout: file modes follow the
umask, caches and virtual environments come and go, notes are edited. So the context is staged: exactly the files that
matter, with fixed modes and times.
"""

import contextlib
import errno
import hashlib
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pathspec

from .errors import ArgumentError

_USUALLY_IGNORED = (
    # Notes and tests at the top do not run in the container; a `.md` further down may be a prompt or a template.
    "/*.md",
    "/docs/",
    "/test/",
    "/tests/",
    # The infrastructure program may live beside the app; a changed stack file is no changed app.
    "/Pulumi.yaml",
    "/Pulumi.*.yaml",
)
"""Git patterns that the app's `.dockerignore` can take back, for instance with `!tests`."""

_NEVER = (
    ".git",
    ".hg/",
    ".svn/",
    ".gitignore",
    ".gitattributes",
    ".github/",
    ".dockerignore",
    "__pycache__/",
    "*.py[cod]",
    ".*_cache/",
    ".hypothesis/",
    ".tox/",
    ".nox/",
    ".venv/",
    "venv/",
    "node_modules/",
    "*.egg-info/",
    ".coverage",
    ".idea/",
    ".vscode/",
    ".DS_Store",
    ".pulumi/",
    ".pulumi-fastapi/",
    ".terraform/",
    "*.tfstate*",
    # Secrets reach the app through its environment, never through the image.
    ".env",
    ".env.*",
    ".envrc",
)
"""Git patterns that stay out whatever `.dockerignore` says."""

_EPOCH = 315532800  # 1980-01-01, the oldest time that zip files can hold


def files(source: Path) -> list[Path]:
    """The files of the app in `source` that belong into its image, relative to `source` and sorted.

    What stays out: what the app's own `.dockerignore` says (by Docker's rules), version control, caches, virtual
    environments, `.env` files, and at the top tests, docs and notes (`*.md` that `pyproject.toml` does not mention).

    Raises:
        ArgumentError: no such directory, nothing in it, or a symbolic link that leaves it.
    """
    source = _directory(source)
    found = sorted(_walk(source), key=lambda path: path.as_posix())
    if not found:
        raise ArgumentError(
            "source", str(source), "has no file for an image (.dockerignore counts); give the directory of the app"
        )
    for path in found:
        _check_link(source, path)
    return found


def digest(source: Path, extra: Mapping[str, str]) -> str:
    """SHA-256 of the context and of `extra` (build arguments, platform, ...), in hex.

    Covers paths and contents; not times, modes, owners or files that stay out of the image.
    """
    source = Path(source)
    total = hashlib.sha256()
    for path in files(source):
        for part in (os.fsencode(path.as_posix()), _content(source / path)):
            total.update(hashlib.sha256(part).digest())
    for key, value in sorted(extra.items()):
        for part in (b"extra", key.encode(), value.encode()):
            total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def stage(source: Path, target: Path) -> Path:
    """Copy exactly `files(source)` to `target`, which is replaced, with modes and times that only depend on content.

    Files get 0644, or 0755 if they start with `#!`; directories 0755; everything the same old time. A target that holds
    the same already is not touched: another command may be reading it.

    Returns:
        `target`.
    """
    source, target = Path(source).resolve(), Path(target)
    _check_target(source, target)
    with _replacing(target) as fresh:
        _fill(fresh, source)
    return target


def assemble(runtime: Path, source: Path | None, target: Path, extra_files: Mapping[str, str] | None = None) -> Path:
    """Stage a whole context: the runtime with its Dockerfile, and the app in `source/` (default: the bundled example).

    Args:
        extra_files: path below `source/` to a file or directory that lies elsewhere.

    Returns:
        `target`.

    Raises:
        ArgumentError: `files` refuses something, or an extra file is not there or never belongs into an image.
    """
    runtime, target = Path(runtime).resolve(), Path(target)
    _check_target(runtime, target)
    if source is not None:
        source = Path(source).resolve()
        _check_target(source, target / "source")
    with _replacing(target) as fresh:
        _fill(fresh, runtime)
        if source is not None:
            shutil.rmtree(fresh / "source", ignore_errors=True)
            _fill(fresh / "source", source)
        for path, origin in (extra_files or {}).items():
            _add(Path(origin), fresh / "source", Path(path))
    return target


def _check_target(source: Path, target: Path) -> None:
    if target.resolve() in (source, *source.parents):
        raise ArgumentError("target", str(target), f"would replace the source {source}; give a directory of its own")


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """An empty directory beside `target` to fill; it takes the place of `target` if it came to something else."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        fresh = Path(folder) / "fresh"
        fresh.mkdir()
        yield fresh
        for directory in (*_directories(fresh), fresh):
            directory.chmod(0o755)
            os.utime(directory, (_EPOCH, _EPOCH))
        while _tree(target) != _tree(fresh):
            with contextlib.suppress(FileNotFoundError):
                target.rename(Path(tempfile.mkdtemp(dir=folder)) / "before")
            try:
                fresh.rename(target)
                return
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another command was faster
                    raise


def _fill(target: Path, source: Path) -> None:
    for path in files(source):
        _copy(source / path, target / path)


def _tree(root: Path) -> dict[Path, tuple[float, int, bytes]]:
    """Every file and directory below `root`, and itself, with all that counts for a provider; nothing if it is gone."""
    found: dict[Path, tuple[float, int, bytes]] = {}
    with contextlib.suppress(FileNotFoundError):  # another command puts something else there just now
        for path in (root, *root.rglob("*")):
            status = path.lstat()
            content = b"" if path.is_dir() and not path.is_symlink() else _content(path)
            found[path.relative_to(root)] = (status.st_mtime, status.st_mode, content)
    return found


def _add(origin: Path, root: Path, path: Path) -> None:
    """Copy a file, or the files of a directory, to `path` below `root`."""
    field = f"build.extra_files[{path.as_posix()!r}]"
    if not origin.exists():
        raise ArgumentError(field, str(origin), "does not exist")
    for inside in files(origin) if origin.is_dir() else [Path()]:
        if _git_patterns(_NEVER).match_file((path / inside).as_posix()):
            raise ArgumentError(
                field,
                str(origin / inside),
                "never belongs into an image; secrets reach the app through its environment",
            )
        _copy(origin / inside, root / path / inside)


def _directory(source: Path) -> Path:
    path = Path(source)
    if not path.exists():
        raise ArgumentError("source", str(source), "does not exist; give the directory that holds the app")
    if not path.is_dir():
        raise ArgumentError("source", str(source), "is a file; give the directory that holds the app")
    return path.resolve()


def _walk(source: Path) -> Iterator[Path]:
    """Every entry that is not ignored: files, and symbolic links as such."""
    never = _git_patterns(_NEVER)
    ignored = _git_patterns((*_USUALLY_IGNORED, *_mentioned_notes(source), *_docker_patterns(source)))
    for parent, directories, names in os.walk(source):
        here = Path(parent).relative_to(source)
        links = [name for name in directories if (Path(parent) / name).is_symlink()]
        # Only what can never come back is not entered: below an ignored directory, `!` may take a file back.
        directories[:] = [
            name
            for name in directories
            if name not in links
            and not never.match_file(f"{(here / name).as_posix()}/")
            and not (Path(parent) / name / "pyvenv.cfg").exists()
        ]
        for name in (*names, *links):
            path = here / name
            # A socket or a named pipe is no part of an app, and reading it may never end.
            ordinary = (source / path).is_symlink() or (source / path).is_file()
            if ordinary and not never.match_file(path.as_posix()) and not ignored.match_file(path.as_posix()):
                yield path


def _git_patterns(lines: tuple[str, ...]) -> pathspec.PathSpec[pathspec.Pattern]:
    return pathspec.PathSpec.from_lines("gitignore", lines)


def _mentioned_notes(source: Path) -> list[str]:
    """`!` patterns for the notes that `pyproject.toml` names (readme, license): building the project needs them."""
    project = source / "pyproject.toml"
    if not project.is_file():
        return []
    text = project.read_text(errors="replace")
    return [f"!/{note.name}" for note in sorted(source.glob("*.md")) if note.name in text]


def _docker_patterns(source: Path) -> list[str]:
    """The app's `.dockerignore` as Git patterns.

    Docker reads a pattern from the top of the context (`data` is not `app/data`) and a trailing slash means nothing.
    """
    ignore_file = source / ".dockerignore"
    if not ignore_file.is_file():
        return []
    patterns = []
    for line in ignore_file.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        negated = "!" if pattern.startswith("!") else ""
        clean = posixpath.normpath(pattern.removeprefix("!").strip()).lstrip("/")
        if clean != ".":
            # The second one, as `/*` alone would leave in what lies deeper.
            patterns += [_valid(ignore_file, f"{negated}/{clean}{deeper}") for deeper in ("", "/**")]
    return patterns


def _valid(ignore_file: Path, pattern: str) -> str:
    try:
        _git_patterns((pattern,))
    except (ValueError, re.error) as error:
        raise ArgumentError("source", pattern, f"{ignore_file} has a pattern that cannot be read ({error})") from None
    return pattern


def _check_link(source: Path, path: Path) -> None:
    """Refuse a link that means something else, or nothing, inside the image."""
    link = source / path
    if not link.is_symlink():
        return
    points_to = os.readlink(link)
    if os.path.isabs(points_to) or not link.resolve().is_relative_to(source):
        raise ArgumentError(
            "source",
            str(source),
            f"the symbolic link {path.as_posix()} -> {points_to} leaves the directory;"
            " copy what it points to, or list it in .dockerignore",
        )


def _content(path: Path) -> bytes:
    return f"link to {os.readlink(path)}".encode() if path.is_symlink() else path.read_bytes()


def _copy(origin: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    if origin.is_symlink():
        copy.symlink_to(os.readlink(origin))
    else:
        shutil.copyfile(origin, copy)
        with origin.open("rb") as file:
            copy.chmod(0o755 if file.read(2) == b"#!" else 0o644)
    os.utime(copy, (_EPOCH, _EPOCH), follow_symlinks=False)


def _directories(root: Path) -> Iterator[Path]:
    """Every directory below `root`, the deepest first."""
    for parent, names, _ in os.walk(root, topdown=False):
        yield from (Path(parent) / name for name in names if not (Path(parent) / name).is_symlink())
