import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pulumi_fastapi.build_context import assemble, digest, files, stage
from pulumi_fastapi.errors import ArgumentError

APP = {
    "pyproject.toml": "[project]\nname = 'shop'\nversion = '1'\n",
    "uv.lock": "version = 1\n",
    "README.md": "# Shop\n",
    "shop/__init__.py": "",
    "shop/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
    "shop/prompts/system.md": "You sell things.\n",
    "start.sh": "#!/bin/sh\nexec python -m shop\n",
    "tests/test_main.py": "def test_it(): ...\n",
}
IN_THE_IMAGE = ["pyproject.toml", "shop/__init__.py", "shop/main.py", "shop/prompts/system.md", "start.sh", "uv.lock"]
LEFT_BY_WORK = [
    ".git/HEAD",
    ".git/objects/aa/bb",
    ".venv/bin/python",
    ".venv/pyvenv.cfg",
    "env/pyvenv.cfg",
    "env/lib/x.py",
    "shop/__pycache__/main.cpython-313.pyc",
    ".mypy_cache/x.json",
    ".pytest_cache/v/x",
    ".ruff_cache/x",
    "node_modules/left/index.js",
    "shop.egg-info/PKG-INFO",
    ".env",
    ".env.local",
    "shop/.env",
    ".coverage",
    ".idea/workspace.xml",
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    ".pulumi-fastapi/build/x/Dockerfile",
    "docs/index.md",
]

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(name: str = "app", content: dict[str, str] = APP, **more: str) -> Path:
        root = tmp_path / name
        for path, text in {**content, **more}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return root

    return make


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def names(source: Path) -> list[str]:
    return [path.as_posix() for path in files(source)]


def tree(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything that can be seen of a directory: kind and mode, time, content."""
    return {
        path.relative_to(root).as_posix(): (
            path.lstat().st_mode,
            int(path.lstat().st_mtime),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (root, *root.rglob("*"))
    }


def test_the_files_of_an_app_are_its_code_and_its_dependencies(make: Make) -> None:
    assert names(make()) == IN_THE_IMAGE


def test_what_work_leaves_behind_stays_out(make: Make) -> None:
    assert names(make(content=APP | dict.fromkeys(LEFT_BY_WORK, "x"))) == IN_THE_IMAGE


def test_two_clones_have_the_same_digest_and_the_same_staged_tree(
    make: Make, tmp_path: Path, umask: Callable[[int], int]
) -> None:
    umask(0o022)
    first = make("first")
    umask(0o077)
    second = make("second", APP | dict.fromkeys(LEFT_BY_WORK, "x"))
    (second / "start.sh").chmod(0o755)
    for path in second.rglob("*"):
        os.utime(path, (1, 1))
    subprocess.run(["git", "init", "-q", str(tmp_path / "second" / "shop")], check=True)
    assert digest(first, {}) == digest(second, {})
    umask(0o022)
    staged = tree(stage(first, tmp_path / "staged-first"))
    umask(0o077)
    assert tree(stage(second, tmp_path / "staged-second")) == staged


def test_staged_files_have_fixed_modes(make: Make, tmp_path: Path, umask: Callable[[int], int]) -> None:
    umask(0o077)
    target = stage(make(), tmp_path / "staged")
    modes = {path.relative_to(target).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*")}
    assert modes["shop"] == modes["start.sh"] == 0o755
    assert modes["shop/main.py"] == modes["pyproject.toml"] == 0o644
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


@pytest.mark.parametrize("changed", ["shop/main.py", "uv.lock", "shop/prompts/system.md", "shop/__init__.py"])
def test_a_changed_file_of_the_app_changes_the_digest(make: Make, changed: str) -> None:
    assert digest(make("before"), {}) != digest(make("after", APP | {changed: "changed"}), {})


@pytest.mark.parametrize("changed", ["README.md", "tests/test_main.py", "docs/index.md", "Pulumi.prod.yaml"])
def test_a_changed_note_or_test_does_not(make: Make, changed: str) -> None:
    assert digest(make("before"), {}) == digest(make("after", APP | {changed: "changed"}), {})


def test_a_readme_that_the_project_names_is_part_of_it(make: Make) -> None:
    project = APP["pyproject.toml"] + "readme = 'README.md'\n"
    before = make("before", APP | {"pyproject.toml": project})
    after = make("after", APP | {"pyproject.toml": project, "README.md": "changed"})
    assert "README.md" in names(before)
    assert digest(before, {}) != digest(after, {})


def test_a_moved_file_changes_the_digest(make: Make) -> None:
    moved = {path.replace("main.py", "serve.py"): text for path, text in APP.items()}
    assert digest(make("before"), {}) != digest(make("after", moved), {})


def test_content_cannot_move_between_files_unseen(make: Make) -> None:
    assert digest(make("one", {"a": "bc", "d": ""}), {}) != digest(make("two", {"a": "b", "d": "c"}), {})
    assert digest(make("five", {"a": "bc"}), {}) != digest(make("six", {"ab": "c"}), {})
    assert digest(make("three", {"a": "b"}), {"c": "d"}) != digest(make("four", {"a": "b", "c": "d"}), {})


def test_build_arguments_are_part_of_the_digest(make: Make) -> None:
    source = make()
    assert digest(source, {"APP_MODULE": "a:app", "B": "1"}) == digest(source, {"B": "1", "APP_MODULE": "a:app"})
    assert digest(source, {"APP_MODULE": "a:app"}) != digest(source, {"APP_MODULE": "b:app"})


@pytest.mark.parametrize(
    ("patterns", "out"),
    [
        ("start.sh", {"start.sh"}),
        ("/start.sh", {"start.sh"}),
        ("./start.sh", {"start.sh"}),
        ("main.py", set()),  # Docker's patterns start at the top
        ("prompts", set()),
        ("**/main.py", {"shop/main.py"}),
        ("shop/prompts", {"shop/prompts/system.md"}),
        ("shop/prompts/", {"shop/prompts/system.md"}),
        ("shop/*.py", {"shop/main.py", "shop/__init__.py"}),
        ("*\n!shop", {"pyproject.toml", "uv.lock", "start.sh"}),
        ("shop\n!shop/main.py", {"shop/__init__.py", "shop/prompts/system.md"}),
        ("# start.sh\n\n  uv.lock  ", {"uv.lock"}),
    ],
)
def test_the_dockerignore_of_the_app_counts_by_dockers_rules(make: Make, patterns: str, out: set[str]) -> None:
    source = make(content=APP | {".dockerignore": patterns})
    assert set(IN_THE_IMAGE) - set(names(source)) == out


def test_a_dockerignore_that_begins_with_everything_keeps_what_lies_deeper_out(make: Make) -> None:
    """The usual way to let in only what is named."""
    source = make(
        content={"main.py": "", "app/a.py": "", "sub/secret.key": "x", ".dockerignore": "*\n!main.py\n!app\n"}
    )
    assert {path.as_posix() for path in files(source)} == {"main.py", "app/a.py"}


def test_the_dockerignore_can_take_tests_back_but_no_secrets(make: Make) -> None:
    source = make(content=APP | {".env": "TOKEN=x", ".dockerignore": "!tests\n!.env\n"})
    assert "tests/test_main.py" in names(source)
    assert ".env" not in names(source)


@pytest.mark.parametrize("pattern", ["[z-a]", "shop\\"])
def test_a_pattern_that_cannot_be_read_is_named(make: Make, pattern: str) -> None:
    with pytest.raises(ArgumentError, match=r"source: .*\.dockerignore has a pattern that cannot be read"):
        files(make(content=APP | {".dockerignore": pattern}))


def test_staging_copies_exactly_the_files(make: Make, tmp_path: Path) -> None:
    target = stage(make(content=APP | dict.fromkeys(LEFT_BY_WORK, "x")), tmp_path / "deep" / "staged")
    copied = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert copied == IN_THE_IMAGE
    assert (target / "shop/main.py").read_text() == APP["shop/main.py"]


def test_staging_again_leaves_nothing_of_the_last_time(make: Make, tmp_path: Path) -> None:
    source, target = make(), tmp_path / "staged"
    stage(source, target)
    (source / "shop/prompts/system.md").unlink()
    stage(source, target)
    assert not (target / "shop/prompts").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app", "staged"]


def test_a_target_that_holds_the_same_is_not_touched(make: Make, tmp_path: Path) -> None:
    source, target = make(), tmp_path / "staged"
    first = stage(source, target).stat().st_ino
    assert stage(source, target).stat().st_ino == first
    (target / IN_THE_IMAGE[0]).chmod(0o600)
    assert stage(source, target).stat().st_ino != first


def test_commands_at_the_same_time_do_not_disturb_each_other(make: Make, tmp_path: Path) -> None:
    runtime, target = make("runtime"), tmp_path / "context"
    apps = [make("one"), make("two", more="x = 2")]
    expected = [tree(assemble(runtime, app, tmp_path / f"expected-{app.name}")) for app in apps]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda app: assemble(runtime, app, target), apps * 40))
    assert tree(target) in expected


def test_a_target_inside_the_app_does_not_become_part_of_it(make: Make) -> None:
    source = make()
    before = digest(source, {})
    target = source / ".pulumi-fastapi" / "build"
    assert tree(stage(source, target)) == tree(stage(source, target))
    assert digest(source, {}) == before


def test_a_target_that_would_replace_the_app_is_refused(make: Make, tmp_path: Path) -> None:
    source = make()
    for target in (source, tmp_path):
        with pytest.raises(ArgumentError, match="target: would replace the source"):
            stage(source, target)
    assert names(source) == IN_THE_IMAGE


def test_a_failed_staging_keeps_the_last_one(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = make(), tmp_path / "staged"
    before = tree(stage(source, target))

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full_disk)
    with pytest.raises(OSError, match="No space left"):
        stage(source, target)
    assert tree(target) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app", "staged"]


def test_a_link_inside_the_app_stays_a_link(make: Make, tmp_path: Path) -> None:
    source = make()
    (source / "shop/current.py").symlink_to("main.py")
    (source / "templates").symlink_to("shop/prompts")
    target = stage(source, tmp_path / "staged")
    assert os.readlink(target / "shop/current.py") == "main.py"
    assert (target / "templates/system.md").read_text() == APP["shop/prompts/system.md"]
    before = digest(source, {})
    (source / "shop/current.py").unlink()
    (source / "shop/current.py").symlink_to("__init__.py")
    assert digest(source, {}) != before


def test_an_absolute_link_is_refused_even_if_it_points_into_the_app(make: Make) -> None:
    source = make()
    (source / "link").symlink_to(source / "shop/main.py")
    with pytest.raises(ArgumentError, match=r"the symbolic link link -> .* leaves the directory"):
        files(source)


@pytest.mark.parametrize("points_to", ["/etc/passwd", "../outside.txt", "../../../../etc", "shop/../../outside.txt"])
def test_a_link_out_of_the_app_is_refused(make: Make, tmp_path: Path, points_to: str) -> None:
    source = make()
    (tmp_path / "outside.txt").write_text("x")
    (source / "link").symlink_to(points_to)
    for use in (files, lambda source: digest(source, {}), lambda source: stage(source, tmp_path / "staged")):
        with pytest.raises(ArgumentError, match=r"source: the symbolic link link -> .* leaves the directory"):
            use(source)


def test_an_ignored_link_out_of_the_app_is_no_problem(make: Make) -> None:
    source = make(content=APP | {".dockerignore": "link"})
    (source / "link").symlink_to("/etc/passwd")
    assert names(source) == IN_THE_IMAGE


def test_a_named_pipe_is_left_alone(make: Make) -> None:
    source = make()
    os.mkfifo(source / "shop/pipe")
    assert names(source) == IN_THE_IMAGE


def test_a_directory_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ArgumentError, match=r"source: does not exist; give the directory that holds the app, got '.*/nope'"
    ):
        files(tmp_path / "nope")


def test_a_file_is_refused(make: Make) -> None:
    with pytest.raises(ArgumentError, match="source: is a file; give the directory"):
        digest(make() / "shop/main.py", {})


@pytest.mark.parametrize("content", [{}, {"README.md": "x"}, {"main.py": "x", ".dockerignore": "*"}])
def test_a_directory_without_a_file_for_the_image_is_refused(
    make: Make, tmp_path: Path, content: dict[str, str]
) -> None:
    (tmp_path / "app").mkdir()
    with pytest.raises(ArgumentError, match="source: has no file for an image"):
        stage(make(content=content), tmp_path / "staged")


def test_a_context_is_the_runtime_with_the_app_in_source(make: Make, tmp_path: Path) -> None:
    runtime = make("runtime", {"Dockerfile": "FROM scratch\n", "rt/main.py": "", "source/example/main.py": ""})
    target = assemble(runtime, make(), tmp_path / "context")
    assert names(target) == ["Dockerfile", "rt/main.py", *(f"source/{name}" for name in IN_THE_IMAGE)]
    example = assemble(runtime, None, tmp_path / "example")
    assert names(example) == ["Dockerfile", "rt/main.py", "source/example/main.py"]


def test_the_digest_of_a_context_covers_every_file_in_it(make: Make, tmp_path: Path) -> None:
    runtime = make("runtime", {"Dockerfile": "FROM scratch\n", "source/example/main.py": ""})
    project = APP["pyproject.toml"] + "readme = 'README.md'\n"
    app = make(content=APP | {"pyproject.toml": project, ".dockerignore": "!tests", "shop/README.md": "x"})
    context = assemble(runtime, app, tmp_path / "context")
    everything = sorted(path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file())
    assert names(context) == everything
    assert {"source/README.md", "source/tests/test_main.py", "source/shop/README.md"} <= set(everything)


def test_two_contexts_of_the_same_app_are_the_same(make: Make, tmp_path: Path) -> None:
    runtime = make("runtime", {"Dockerfile": "FROM scratch\n", "source/example/main.py": ""})
    one, two = assemble(runtime, make(), tmp_path / "one"), assemble(runtime, make(), tmp_path / "two")
    assert tree(one) == tree(two)
    assert len({time for _, time, _ in tree(one).values()}) == 1


def test_files_from_elsewhere_join_the_app(make: Make, tmp_path: Path) -> None:
    runtime = make("runtime", {"Dockerfile": "FROM scratch\n", "source/example/main.py": ""})
    elsewhere = make("elsewhere", {"a.yaml": "a: 1\n", "certificates/ca.pem": "x", "certificates/.env": "SECRET=1"})
    extra = {"config/a.yaml": str(elsewhere / "a.yaml"), "certificates": str(elsewhere / "certificates")}
    target = assemble(runtime, make(), tmp_path / "context", extra)
    added = {"source/certificates/ca.pem", "source/config/a.yaml"}
    assert set(names(target)) == {"Dockerfile", *(f"source/{name}" for name in IN_THE_IMAGE), *added}
    assert len({time for _, time, _ in tree(target).values()}) == 1
    assert stat.S_IMODE((target / "source/config/a.yaml").stat().st_mode) == 0o644


def test_a_file_from_elsewhere_that_is_not_there_is_refused(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"^build.extra_files\['a.yaml'\]: does not exist, got '/no/such/file'"):
        assemble(make("runtime"), make(), tmp_path / "context", {"a.yaml": "/no/such/file"})


def test_a_file_of_secrets_is_refused(make: Make, tmp_path: Path) -> None:
    secrets = make("elsewhere", {"secrets": "TOKEN=1"}) / "secrets"
    with pytest.raises(ArgumentError, match=r"^build.extra_files\['.env'\]: never belongs into an image"):
        assemble(make("runtime"), make(), tmp_path / "context", {".env": str(secrets)})
