"""How long `pulumi-fastapi preview` takes and how much memory, against the Pulumi SDK's own stock mocks.

The mocks run the same kind of service, without checks or output. Both run in processes of their own, alternating, in
one run. Bytecode is compiled first, as `make setup` does. Run with `make bench`.
"""

import compileall
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 7

PROGRAM = """
import json, time
import pulumi
from pulumi_fastapi import FargateFastAPIService, FargateFastAPIServiceArgs
from pulumi_fastapi.aws import Database, DatabaseArgs, Network
def program():
    network = Network("shop")
    database = Database("shop", DatabaseArgs(network=network))
    args = FargateFastAPIServiceArgs(network=network, database=database, domain="api.example.com", zone_id="Z1")
    FargateFastAPIService("shop", args)
"""

STOCK_MOCKS = (
    PROGRAM
    + """
class Stock(pulumi.runtime.Mocks):
    def new_resource(self, args):
        return f"{args.name}-id", args.inputs
    def call(self, args):
        return {"names": ["a", "b", "c"], "region": "us-east-1", "accountId": "123456789012"}
pulumi.runtime.set_mocks(Stock(), preview=True)
pulumi.runtime.test(program)()
"""
)

AGAIN = (
    PROGRAM
    + """
from pulumi_fastapi.plan import plan
times = []
for _ in range(11):
    start = time.perf_counter()
    resources = len(plan(program).resources)
    times.append(time.perf_counter() - start)
print(json.dumps({"first": times[0], "again": sorted(times[1:])[5], "resources": resources}))
"""
)


@dataclass(frozen=True)
class Usage:
    """What one process took."""

    wall: float
    cpu: float
    megabytes: float


def measure(command: list[str], cwd: Path) -> Usage:
    """Run a command to its end, quietly; a failing one ends the benchmark."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: preview has findings
        sys.exit(f"{' '.join(command[:3])} exited with {process.returncode}:\n{output.decode()}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def row(name: str, usages: list[Usage]) -> str:
    """A line of the table: minimum and median wall time, median CPU time, largest memory."""
    wall = [usage.wall for usage in usages]
    cpu = statistics.median(usage.cpu for usage in usages)
    memory = max(usage.megabytes for usage in usages)
    return f"{name:38} {min(wall):8.2f} {statistics.median(wall):10.2f} {cpu:8.2f} {memory:8.0f}"


def main() -> None:
    """Print the table."""
    site_packages = Path(sys.prefix, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
    for package in ("pulumi", "pulumi_aws", "pulumi_docker_build", "typer", "rich", "pydantic"):
        compileall.compile_dir(site_packages / package, quiet=2)
    compileall.compile_dir(ROOT / "components", quiet=2)
    preview = [str(Path(sys.executable).with_name("pulumi-fastapi")), "preview", "--stack", "prod"]
    stock = [sys.executable, "-c", STOCK_MOCKS]
    previews, mocks = [], []
    for _ in range(ROUNDS):
        previews.append(measure(preview, ROOT))
        mocks.append(measure(stock, ROOT))
    print(f"{'':38} {'wall min':>8} {'wall median':>11} {'CPU s':>7} {'MB':>8}")
    print(row("pulumi-fastapi preview --stack prod", previews))
    print(row("stock mocks, the same service", mocks))
    ratio = min(usage.wall for usage in previews) / min(usage.wall for usage in mocks)
    print(f"\nA preview, with checks and output, takes {ratio:.2f} times as long as the stock mocks.")
    again = json.loads(subprocess.run([sys.executable, "-c", AGAIN], cwd=ROOT, capture_output=True, check=True).stdout)
    print(
        f"In one process: first plan {again['first']:.2f} s, each further one {again['again'] * 1000:.0f} ms"
        f" ({again['resources']} resources)."
    )


if __name__ == "__main__":
    main()
