"""How long `pulumi-fastapi cost` takes: stacks, planned and priced; an exported state of 2,000 resources; `compare`.

Each runs in a process of its own, alternating. Bytecode is compiled first, as `make setup` does.
Run with `.venv/bin/python benchmarks/cost.py`.
"""

import compileall
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from preview import ROOT, ROUNDS, Usage, measure, row

SERVICES = 250


def state() -> dict[str, Any]:
    """A state as `pulumi stack export` writes it: services that scale, with their load balancers, logs and alarms."""
    resources: list[dict[str, Any]] = []

    def add(type_: str, name: str, links: dict[str, list[str]] | None = None, **inputs: Any) -> str:
        urn = f"urn:pulumi:prod::shop::{type_}::{name}"
        inputs |= {"region": "us-east-1"}
        dependencies = links or {}
        resources.append(
            {"urn": urn, "type": type_, "custom": True, "inputs": inputs, "propertyDependencies": dependencies}
        )
        return urn

    for number in range(SERVICES):
        name = f"service-{number}"
        task = add(
            "aws:ecs/taskDefinition:TaskDefinition",
            name,
            cpu="512",
            memory="1024",
            runtimePlatform={"cpuArchitecture": "X86_64"},
        )
        network = {"assignPublicIp": True, "subnets": ["subnet-a", "subnet-b"]}
        made = add(
            "aws:ecs/service:Service",
            name,
            {"taskDefinition": [task]},
            launchType="FARGATE",
            desiredCount=2,
            networkConfiguration=network,
        )
        add("aws:appautoscaling/target:Target", name, {"resourceId": [made]}, minCapacity=2, maxCapacity=8)
        add("aws:lb/loadBalancer:LoadBalancer", name, loadBalancerType="application", subnets=["a", "b"])
        add("aws:cloudwatch/logGroup:LogGroup", name, retentionInDays=30)
        add("aws:cloudwatch/metricAlarm:MetricAlarm", name, period=60, metricName="CPUUtilization")
        add("aws:secretsmanager/secret:Secret", name)
        add("aws:ec2/securityGroup:SecurityGroup", name)
    return {"version": 3, "deployment": {"resources": resources}}


def main() -> None:
    """Print the table."""
    site_packages = Path(sys.prefix, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
    for package in ("pulumi", "pulumi_aws", "pulumi_docker_build", "pulumi_gcp", "typer", "rich", "pydantic"):
        compileall.compile_dir(site_packages / package, quiet=2)
    compileall.compile_dir(ROOT / "components", quiet=2)
    program = str(Path(sys.executable).with_name("pulumi-fastapi"))
    usages: dict[str, list[Usage]] = {}
    with tempfile.TemporaryDirectory() as folder:
        exported = state()
        count = len(exported["deployment"]["resources"])
        file = Path(folder, "state.json")
        file.write_text(json.dumps(exported))
        priced = {f"cost --stack {stack}": ["--stack", stack] for stack in ("prod", "lambda", "cloudrun")}
        priced[f"cost --state, {count:,} resources"] = ["--state", str(file)]
        commands = {name: [program, "cost", "--rps", "10", *arguments] for name, arguments in priced.items()}
        commands["compare"] = [program, "compare"]
        for _ in range(ROUNDS):
            for name, command in commands.items():
                usages.setdefault(name, []).append(measure(command, ROOT))
    print(f"{'':38} {'wall min':>8} {'wall median':>11} {'CPU s':>7} {'MB':>8}")
    for name, each in usages.items():
        print(row(name, each))


if __name__ == "__main__":
    main()
