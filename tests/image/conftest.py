import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from container_engine import BuildApp, Built, Engine, missing_tools
from pulumi_fastapi import build_context
from pulumi_fastapi.build import Build
from pulumi_fastapi.image import ImageArgs, bundled_app

PROJECTS = Path(__file__).parent / "projects"
ROOT = Path(__file__).parents[2]
# The platforms that the runtime is tested with, which its image is tested with, too.
sys.path.insert(0, str(ROOT / "tests" / "app"))


@pytest.fixture(scope="session")
def engine() -> Engine:
    if missing := missing_tools():
        pytest.fail(f"these tests build images: apt-get install {' '.join(missing)}")
    engine = Engine(ROOT / ".pulumi-fastapi" / "images")
    engine.make_bases()
    return engine


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime as it is now, for all builds of this session."""
    return build_context.stage(bundled_app(), tmp_path_factory.mktemp("runtime") / "app")


@pytest.fixture(scope="session")
def build_app(engine: Engine, runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> BuildApp:
    """Build an app as the components do: same arguments, same context."""

    def build_app(
        name: str,
        source: Path | None,
        *,
        module: str | None = None,
        build: Build | None = None,
        environment: dict[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> Built:
        args = ImageArgs(
            source=str(source) if source else None, module=module, build=build or Build(), environment=environment
        )
        directory = tmp_path_factory.mktemp(name)
        secret = None
        if args.build.secrets:
            secret = directory / "secret.json"
            secret.write_text(json.dumps(args.build.secrets))
        if args.build.dockerfile is not None and source is not None:
            context = build_context.stage(source, directory / "context")
            return engine.build(context, name, {}, dockerfile=context / args.build.dockerfile, secret=secret)
        context = build_context.assemble(runtime, source, directory / "context", args.build.extra_files)
        return engine.build(context, name, args.build_arguments, secret=secret, options=options)

    return build_app


@pytest.fixture(scope="session")
def image(build_app: BuildApp) -> str:
    """The image of the bundled app."""
    built = build_app("bundled", None)
    assert built.succeeded, built.log
    return built.image


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A copy of one of the projects beside this file, with other or more files; `None` takes one away."""

    def project(name: str, changes: dict[str, str | None] | None = None) -> Path:
        copy = tmp_path_factory.mktemp(name) / "source"
        shutil.copytree(PROJECTS / name, copy)
        for path, text in (changes or {}).items():
            if text is None:
                (copy / path).unlink()
            else:
                (copy / path).parent.mkdir(parents=True, exist_ok=True)
                (copy / path).write_text(text)
        return copy

    return project
