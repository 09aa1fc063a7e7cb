"""How large the image of the bundled app is, against the same packages installed the usual way into one stage.

Both start from the same base, made from Debian's packages, and have the versions of the runtime's lock. Compressed is
what a registry stores and a task pulls: gzip, as builders push by default. Needs buildah, podman, runc and mmdebstrap,
as root. Run with `python benchmarks/image.py`.
"""

import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "image"))

from container_engine import PYTHON, Built, Engine, missing_tools  # noqa: E402
from pulumi_fastapi import build_context  # noqa: E402
from pulumi_fastapi.build import BASES  # noqa: E402
from pulumi_fastapi.image import ImageArgs, bundled_app  # noqa: E402

USUAL = f"""
FROM {BASES[PYTHON]}
WORKDIR /srv
COPY requirements.txt ./
RUN pip install --no-cache-dir --root-user-action=ignore --ignore-installed --require-hashes -r requirements.txt
COPY fastapi_runtime fastapi_runtime
COPY source .
RUN useradd --uid 10001 app
USER app
CMD ["python", "-m", "fastapi_runtime"]
"""


@dataclass(frozen=True)
class Measured:
    """One image."""

    compressed: int
    unpacked: int
    set_id: int
    programs: int
    shell: bool


def measure(engine: Engine, image: str) -> Measured:
    with tempfile.TemporaryDirectory() as directory:
        compressed = engine.compressed_size(image, Path(directory))
    with engine.mounted(image) as root:
        files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
        return Measured(
            compressed=compressed,
            unpacked=sum(path.stat().st_size for path in files),
            set_id=sum(bool(path.stat().st_mode & 0o6000) for path in files),
            programs=sum(path.parent.name in ("bin", "sbin") and os.access(path, os.X_OK) for path in files),
            shell=any(path.name in ("sh", "bash", "dash") for path in root.glob("usr/bin/*")),
        )


def build(engine: Engine, context: Path, tag: str, arguments: dict[str, str], *options: str) -> tuple[Built, float]:
    start = time.perf_counter()
    built = engine.build(context, tag, arguments, options=options)
    if not built.succeeded:
        sys.exit(built.log)
    return built, time.perf_counter() - start


def main() -> None:
    if missing := missing_tools():
        sys.exit(f"error: needs {', '.join(missing)}")
    engine = Engine(ROOT / ".pulumi-fastapi" / "images")
    engine.make_bases()
    with tempfile.TemporaryDirectory() as directory:
        context = build_context.assemble(bundled_app(), None, Path(directory, "context"))
        arguments = ImageArgs().build_arguments
        ours, first = build(engine, context, "benchmark", arguments, "--no-cache")
        main_file = next(path for path in context.rglob("source/**/*.py") if re.search("FastAPI", path.read_text()))
        main_file.write_text(f"{main_file.read_text()}\n# edited at {time.time()}\n")
        build(engine, context, "benchmark", arguments)  # with --no-cache nothing was kept
        main_file.write_text(f"{main_file.read_text()}\n# edited at {time.time()}\n")
        _, edited = build(engine, context, "benchmark", arguments)
        (context / "Dockerfile").write_text(USUAL)
        usual, _ = build(engine, context, "benchmark-usual", {})
    print("| image of the bundled app | compressed | unpacked | set-uid files | programs | shell |")
    print("|---|---|---|---|---|---|")
    for name, image in (("ours", ours.image), ("the same packages, one stage, pip", usual.image)):
        found = measure(engine, image)
        sizes = f"{found.compressed / 1e6:.1f} MB | {found.unpacked / 1e6:.0f} MB"
        print(f"| {name} | {sizes} | {found.set_id} | {found.programs} | {'yes' if found.shell else 'no'} |")
    print(f"\nBuilt without any layer in {first:.0f} s, after a change of the code in {edited:.0f} s.")


if __name__ == "__main__":
    main()
