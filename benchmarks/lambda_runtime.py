"""What the runtime costs on Lambda, as ratios within one run: time to start, of the first and of a warm request.

Each app runs in AWS' own runtime client, awslambdaric, against a Lambda Runtime API on loopback: with the runtime, and
with mangum as its documentation shows it; a bare FastAPI, and the app that comes with the runtime. A start ends with
the process' first call for an event. Rounds alternate between the four, and the best of each counts, as what others do
on the machine only adds. Bytecode is compiled first, as in the image. Run with `python benchmarks/lambda_runtime.py`.
"""

import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "app"))

from lambda_environment import RuntimeApi, http_api  # noqa: E402

ROUNDS = 7
BLOCKS = 3
WARM = 500
TICKS = os.sysconf("SC_CLK_TCK")
EVENT = http_api("/health")

BARE = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
"""
MANGUM = """
from mangum import Mangum
from MODULE import app
handler = Mangum(app, lifespan="off")
"""


@dataclass
class Contender:
    """An app with an adapter, and what was measured of it."""

    module: str
    arguments: tuple[str, ...]
    figures: dict[str, list[float]] = field(default_factory=dict)

    def note(self, **figures: float) -> None:
        for name, value in figures.items():
            self.figures.setdefault(name, []).append(value)

    @property
    def best(self) -> dict[str, float]:
        return {name: min(values) for name, values in self.figures.items()}


AWSLAMBDARIC, RUNTIME = ("-m", "awslambdaric", "handler.handler"), ("-m", "fastapi_runtime")
CONTENDERS = {
    "mangum, bare FastAPI": Contender("bare", AWSLAMBDARIC),
    "runtime, bare FastAPI": Contender("bare", RUNTIME),
    "mangum, bundled app": Contender("app.main", AWSLAMBDARIC),
    "runtime, bundled app": Contender("app.main", RUNTIME),
}


def measure(contender: Contender) -> None:
    """One environment, from the start of its process to the last of its warm requests."""
    with tempfile.TemporaryDirectory() as directory, closing(RuntimeApi()) as api:
        (Path(directory) / "bare.py").write_text(BARE)
        (Path(directory) / "handler.py").write_text(MANGUM.replace("MODULE", contender.module))
        compileall.compile_dir(directory, quiet=1)
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *contender.arguments],
            cwd=directory,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{directory}:{ROOT / 'app' / 'source'}:{ROOT / 'app'}",
                "APP_MODULE": f"{contender.module}:app",
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "AWS_LAMBDA_FUNCTION_NAME": "shop",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            if not api.asked.wait(60):
                raise SystemExit(f"{contender} does not start")
            start, start_cpu = time.perf_counter() - began, cpu(process.pid)
            contender.note(start=start, start_cpu=start_cpu, first=ask(api))
            for _ in range(BLOCKS):
                before = cpu(process.pid)
                warm = statistics.median(ask(api) for _ in range(WARM))
                contender.note(warm=warm, warm_cpu=(cpu(process.pid) - before) / WARM)
        finally:
            process.kill()
            process.wait()


def ask(api: RuntimeApi) -> float:
    """Seconds until an event is answered."""
    began = time.perf_counter()
    answer = api.invoke(EVENT)
    seconds = time.perf_counter() - began
    if answer["statusCode"] != 200:
        raise SystemExit(f"unexpected answer: {answer}")
    return seconds


def cpu(process: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rows(figures: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A table, each app with what the runtime adds to mangum around the same one."""
    bare = figures["mangum, bare FastAPI"]
    lines = [
        "| on Lambda | start (ms) | of it CPU | ratio of CPU | first request (ms) | warm (ms) | of it CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, each in figures.items():
        lines.append(
            f"| {name} | {each['start'] * 1000:.0f} | {each['start_cpu'] * 1000:.0f}"
            f" | {each['start_cpu'] / bare['start_cpu']:.2f} | {each['first'] * 1000:.1f}"
            f" | {each['warm'] * 1000:.2f} | {each['warm_cpu'] * 1000:.2f} |"
        )
    return lines


def main() -> None:
    """Measure, and print a table or, with `--json`, the seconds."""
    for directory in ("fastapi_runtime", "source"):
        compileall.compile_dir(ROOT / "app" / directory, quiet=1)
    for _ in range(ROUNDS):
        for contender in CONTENDERS.values():
            measure(contender)
    figures = {name: contender.best for name, contender in CONTENDERS.items()}
    print(json.dumps(figures, indent=2) if "--json" in sys.argv else "\n".join(rows(figures)))


if __name__ == "__main__":
    main()
