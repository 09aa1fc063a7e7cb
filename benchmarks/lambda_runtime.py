"""What the runtime costs on Lambda, as ratios within one run: time of the init, of the first and of a warm request.

Each app runs in AWS' own runtime client, awslambdaric, against a Lambda Runtime API on loopback: with the runtime, and
with plain mangum as its documentation shows it, around the same app and around a bare FastAPI. Init ends with the
process' first call for an event. Rounds alternate between the apps, and the best round counts, as what others do on the
machine only adds; bytecode is compiled first, as in the image. Run with `python benchmarks/lambda_runtime.py`.
"""

import compileall
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "app"))

from lambda_environment import RuntimeApi, http_api  # noqa: E402

ROUNDS = 15
WARM = 400
BARE = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/health")
async def read() -> dict[str, str]:
    return {"status": "ok"}
"""
MANGUM = """
from mangum import Mangum
from {module} import app
handler = Mangum(app, lifespan="{lifespan}")
"""
APP_AND_RUNTIME = f"{ROOT / 'app' / 'source'}:{ROOT / 'app'}"


@dataclass
class Contender:
    """An app with an adapter."""

    arguments: tuple[str, ...]
    path: str
    module: str = ""
    lifespan: str = "off"
    init: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)


AWS_CLIENT = ("-m", "awslambdaric", "handler.handler")
CONTENDERS = {
    "mangum + bare FastAPI": Contender(AWS_CLIENT, "/health", "bare"),
    "mangum + bundled app": Contender(AWS_CLIENT, "/health", "app.main"),
    "runtime + bare FastAPI": Contender(("-m", "fastapi_runtime"), "/health", "bare"),
    "runtime + bundled app": Contender(("-m", "fastapi_runtime"), "/health", "app.main"),
}


def measure(contender: Contender, directory: Path) -> None:
    """One environment, from its start to its last warm request."""
    (directory / "handler.py").write_text(MANGUM.format(module=contender.module, lifespan=contender.lifespan))
    (directory / "bare.py").write_text(BARE)
    compileall.compile_dir(directory, quiet=1, force=True)
    api = RuntimeApi()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *contender.arguments],
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{directory}:{APP_AND_RUNTIME}",
            "APP_MODULE": f"{contender.module}:app",
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not api.asked.wait(60):
            raise SystemExit(f"{contender.arguments} does not start")
        contender.init.append(time.perf_counter() - began)
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        contender.cpu.append((int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"))
        event = http_api(contender.path)
        seconds = []
        for _ in range(WARM + 1):
            began = time.perf_counter()
            answer = api.invoke(event)
            seconds.append(time.perf_counter() - began)
            if answer["statusCode"] != 200:
                raise SystemExit(f"unexpected answer: {answer}")
        contender.first.append(seconds[0])
        contender.warm.append(statistics.median(seconds[1:]))
    finally:
        process.kill()
        process.wait()
        api.close()
        del before


def main() -> None:
    """Measure, and print a table or, with `--json`, the numbers."""
    for directory in (ROOT / "app" / "fastapi_runtime", ROOT / "app" / "source"):
        compileall.compile_dir(directory, quiet=1)
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(ROUNDS):
            for contender in CONTENDERS.values():
                measure(contender, Path(directory))
    figures = {
        name: {what: min(getattr(contender, what)) * 1000 for what in ("init", "cpu", "first", "warm")}
        for name, contender in CONTENDERS.items()
    }
    if "--json" in sys.argv:
        print(json.dumps(figures, indent=2))
        return
    bare = figures["mangum + bare FastAPI"]
    print("| on Lambda (ms) | init | ratio | of it CPU | first request | warm request | more than bare |")
    print("|---|---|---|---|---|---|---|")
    for name, values in figures.items():
        print(
            f"| {name} | {values['init']:.0f} | {values['init'] / bare['init']:.2f} | {values['cpu']:.0f} "
            f"| {values['first']:.1f} | {values['warm']:.2f} | {values['warm'] - bare['warm']:.2f} |"
        )


if __name__ == "__main__":
    main()
