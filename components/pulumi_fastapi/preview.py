"""What `pulumi-fastapi preview` does: plan a stack's program, check it, and show both."""

import contextlib
import os
import runpy
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from . import checks
from .checks import Finding
from .plan import Plan, PlanError, Resource, Secret, is_unknown, plan
from .planned import plain
from .project import Encrypted, Project, ProjectError

FORMAT = 1
_INSTANCES = {
    "pulumi-fastapi:index:FargateFastAPIService": "task",
    "pulumi-fastapi:index:LambdaFastAPIFunction": "environment",
    "pulumi-fastapi:index:CloudRunFastAPIService": "instance",
}
"""What each component calls one running copy of the app."""
PHASES = (
    "provision",
    "startup",
    "health",
    "approval",
    "canary",
    "linear",
    "bake",
    "drain",
    "stop",
    "failures",
    "rollback",
)


class ProgramError(ProjectError):
    """The program stopped; one line says why and where."""


def run(project: Project, stack: str, **answers: Any) -> Plan:
    """Plan the stack as if it were deployed, with stand-ins for ids, ARNs and encrypted values."""
    config = {key: _with_stand_ins(value) for key, value in project.configuration(stack).items()}
    with _as_pulumi_runs_it(project.program):
        try:
            return plan(
                lambda: runpy.run_path(str(project.program), run_name="__main__"),
                project=project.name,
                stack=stack,
                config=config,
                preview=False,
                **answers,
            )
        except PlanError as error:
            raise ProgramError(f"{error} (on the command line: in the file of --answers)") from error
        except pulumi.RunError as error:
            raise ProgramError(str(error)) from error
        except SystemExit as error:
            raise ProgramError(f"the program ended itself with sys.exit({error.code!r})") from error
        except Exception as error:
            where = _where(error, project)
            text = " ".join(str(error).split()) or "no message"
            raise ProgramError(f"{type(error).__name__}: {text}{f' ({where})' if where else ''}") from error


def _with_stand_ins(value: Any) -> Any:
    if isinstance(value, Encrypted):
        return Secret(value.stand_in)
    if isinstance(value, dict):
        return {key: _with_stand_ins(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_stand_ins(item) for item in value]
    return value


@contextlib.contextmanager
def _as_pulumi_runs_it(program: Path) -> Iterator[None]:
    """Its folder as working directory and first on the path. What it prints goes to stderr: stdout is ours."""
    directory, path, arguments = os.getcwd(), list(sys.path), list(sys.argv)
    os.chdir(program.parent)
    sys.path.insert(0, str(program.parent))
    sys.argv = [str(program)]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.chdir(directory)
        sys.path[:] = path
        sys.argv = arguments


def _where(error: BaseException, project: Project) -> str:
    """The last line of the user's own code on the way to the error."""
    root = str(project.file.parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(root) and "site-packages" not in frame.filename:
            return f"{os.path.relpath(frame.filename, root)}:{frame.lineno}"
    return ""


# As data


def as_data(result: Plan, findings: Sequence[Finding]) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "format": FORMAT,
        "project": result.project,
        "stack": result.stack,
        "region": result.region,
        "counts": dict(sorted(Counter(resource.type for resource in result.resources).items())),
        "services": [{"urn": service.urn, "name": service.name, **_derived(service)} for service in services(result)],
        "findings": [vars(finding) | {"name": finding.name} for finding in findings],
        "messages": [vars(message) for message in result.messages],
        "resources": result.to_dict()["resources"],
        "outputs": plain(result.outputs),
    }


def _derived(service: Resource) -> dict[str, Any]:
    keys = ("workers", "reservedConcurrency", "connectionBudget", "timeouts", "deploymentSeconds")
    return {key: plain(service.outputs.get(key)) for key in keys}


# As text


def show(result: Plan, findings: Sequence[Finding]) -> None:
    """Print the tree of resources, the derived numbers and the findings."""
    from rich.console import Console
    from rich.text import Text

    # Rich itself honours NO_COLOR and drops colours in a pipe, where lines are better left whole too.
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())
    components = sum(not resource.custom for resource in result.resources)
    count = len(result.resources) - components
    where = f"{result.project}/{result.stack} in {result.region}"
    console.print(Text(f"{where}: {count} resources in {components} components", style="bold"))
    for root in result.roots():
        console.print(_tree(root))
    for service in services(result):
        console.print()
        console.print(Text(f"{_short(service.type)} {service.name}", style="bold"))
        for label, text in explained(service):
            console.print(Text.assemble((f"  {label:<12}", "cyan"), text))
    for message in result.messages:
        console.print(Text.assemble((f"{message.severity}: ", "yellow"), message.text))
    console.print()
    for finding, names in grouped(findings):
        style = {"error": "bold red", "warning": "yellow", "info": "blue"}[finding.severity]
        console.print(Text.assemble((finding.severity, style), f" {finding.rule}", (f" {', '.join(names)}", "bold")))
        console.print(Text(f"  {finding.message}"))
        console.print(Text(f"  fix: {finding.fix}", style="green"))
    console.print(Text(summary(findings), style="bold"))


def summary(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    words: dict[checks.Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
    return ", ".join(f"{counts[kind]} {word}{'' if counts[kind] == 1 else 's'}" for kind, word in words.items())


def _tree(resource: Resource, above: Any = None) -> Any:
    from rich.text import Text
    from rich.tree import Tree

    style = "cyan" if resource.custom else "bold cyan"
    existing = ("  exists already", "dim") if resource.read else ""
    label = Text.assemble((_short(resource.type), style), f" {resource.name}", existing)
    branch = Tree(label, guide_style="dim") if above is None else above.add(label)
    for child in resource.children:
        _tree(child, branch)
    return branch


def _short(type_: str) -> str:
    """`ecs.Service` for `aws:ecs/service:Service`, `Network` for a component of this package."""
    package, module, kind = [*type_.split(":"), "", ""][:3]
    module = module.partition("/")[0]
    if package in ("aws", "gcp") and module != "index":
        return f"{module}.{kind}"
    return kind if package in ("pulumi-fastapi", "aws") else f"{package}.{kind}"


# By the timeout that only this platform has: Fargate, Lambda, Cloud Run.
_TIMEOUTS = {
    "idle": (
        "client {client} s > balancer idle {idle} s < keep-alive {keepAlive} s;"
        " request {request} s < drain {drain} s <= stop {stop} s;"
        " health every {healthInterval} s, {healthyThreshold} good or {unhealthyThreshold} bad;"
        " start within {startup} s"
    ),
    "function": (
        "request {request} s <= function {function} s <= entry {entry} s, function < client {client} s;"
        " start within {init} s"
    ),
    "answer": (
        "answer {answer} s < request {request} s; shutdown {shutdownDelay} s + {graceful} s < stop {stop} s;"
        " keep-alive {keepAlive} s; health every {healthInterval} s, {unhealthyThreshold} bad; start within {startup} s"
    ),
}


def services(result: Plan) -> list[Resource]:
    """The services that this package made."""
    return [resource for resource in result.resources if resource.type in _INSTANCES]


def explained(service: Resource) -> Iterator[tuple[str, str]]:
    """The derived numbers of a service, each as a line that can be checked by hand."""
    known = {key: value for key, value in service.outputs.items() if value is not None and not is_unknown(value)}
    if "workers" in known:
        yield "workers", f"{known['workers']} per {_INSTANCES[service.type]}"
    if "reservedConcurrency" in known:
        yield (
            "concurrency",
            f"at most {known['reservedConcurrency']} requests at once, each in an environment of its own",
        )
    if "connectionBudget" in known:
        yield "connections", _budget(known["connectionBudget"])
    if "timeouts" in known:
        yield "timeouts", _ladder(known["timeouts"])
    if "deploymentSeconds" in known:
        yield "deployment", _deployment(known["deploymentSeconds"])


def _budget(budget: Mapping[str, Any]) -> str:
    demands = "; ".join(f"{demand['client']}: {demand['explanation']}" for demand in budget["demands"])
    where = f" ({budget['server']})" if budget.get("server") else ""
    room = f"{budget['maxConnections']}{where} - {budget['reserved']} reserved = {budget['available']}"
    return f"{demands}; {budget['used']} used of {room}"


def _ladder(rungs: Mapping[str, Any]) -> str:
    return next((line.format_map(rungs) for rung, line in _TIMEOUTS.items() if rung in rungs), "")


def _deployment(terms: Mapping[str, Any]) -> str:
    ordered = sorted((name for name in terms if name != "total"), key=lambda name: (*PHASES, name).index(name))
    parts = " + ".join(f"{name} {terms[name]}" for name in ordered if terms[name])
    return f"over after {terms['total']} s at worst: {parts}"


def grouped(findings: Sequence[Finding]) -> Iterator[tuple[Finding, list[str]]]:
    """Findings that differ only in the resource, together."""
    groups: dict[tuple[str, str, str], tuple[Finding, list[str]]] = {}
    for finding in findings:
        key = (finding.rule, finding.message, finding.fix)
        groups.setdefault(key, (finding, []))[1].append(finding.name or "stack")
    yield from groups.values()
