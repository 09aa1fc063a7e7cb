"""The build context as Docker would send it."""

from pathlib import Path

import pytest
from pulumi_fastapi.emulator.build_context import DockerIgnore, context_files, context_hash


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("Dockerfile", "main.py", "notes.md", "sub/notes.md", "sub/data.bin", "node_modules/a/index.js"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"FROM scratch\n# {name}")
        file.chmod(0o644)
    return tmp_path


def names(source: Path) -> set[str]:
    return {path.relative_to(source).as_posix() for path in context_files(source, source / "Dockerfile")}


@pytest.mark.parametrize(
    ("ignore", "path", "excluded"),
    [
        ("*.md", "notes.md", True),
        ("*.md", "sub/notes.md", False),
        ("**/*.md", "sub/notes.md", True),
        ("**/*.md", "notes.md", True),
        ("sub", "sub/data.bin", True),
        ("/sub/", "sub/data.bin", True),
        ("*\n!main.py", "main.py", False),
        ("*\n!main.py", "other.py", True),
        ("*\n!sub", "sub/data.bin", False),
        ("*\n!main.py", "sub/data.bin", True),
        ("!main.py\n*", "main.py", True),
        ("# *.py", "main.py", False),
        ("sub/data.???", "sub/data.bin", True),
        ("[mn]ain.py", "main.py", True),
        ("**", "a/b/c", True),
        ("a/**/c", "a/x/y/c", True),
        ("a/**/c", "a/c", True),
        ("sub\n!sub/data.bin", "sub/data.bin", False),
        (".", "main.py", False),
        (" main.py ", "main.py", True),
        ("./sub/../main.py", "main.py", True),
    ],
)
def test_patterns_are_docker_s(ignore, path, excluded):
    assert DockerIgnore(ignore).excludes(path) is excluded


def test_ignored_files_stay_out(source):
    (source / ".dockerignore").write_text("node_modules\n**/*.md\n")

    assert names(source) == {".dockerignore", "Dockerfile", "main.py", "sub/data.bin"}


def test_dockerfile_goes_along_even_when_ignored(source):
    (source / ".dockerignore").write_text("*\n")

    assert names(source) == {".dockerignore", "Dockerfile"}


def test_ignore_file_of_the_dockerfile_comes_first(source):
    (source / ".dockerignore").write_text("main.py\n")
    (source / "Dockerfile.dockerignore").write_text("sub\n")

    assert "main.py" in names(source)
    assert "sub/data.bin" not in names(source)


def test_hash_changes_with_content_name_and_mode(source):
    hashes = {context_hash(source, source / "Dockerfile")}
    (source / "main.py").write_text("changed")
    hashes.add(context_hash(source, source / "Dockerfile"))
    (source / "main.py").rename(source / "app.py")
    hashes.add(context_hash(source, source / "Dockerfile"))
    (source / "app.py").chmod(0o755)
    hashes.add(context_hash(source, source / "Dockerfile"))

    assert len(hashes) == 4


def test_hash_ignores_what_docker_does_not_get(source):
    (source / ".dockerignore").write_text("node_modules\n")
    before = context_hash(source, source / "Dockerfile")

    (source / "node_modules/a/index.js").write_text("changed")

    assert context_hash(source, source / "Dockerfile") == before
