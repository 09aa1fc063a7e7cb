"""The real `pulumi up` against an emulated cloud: AWS and Google Cloud.

    python -m pulumi_fastapi.emulator up
    python -m pulumi_fastapi.emulator down

The emulated account lives in a background process. Its files, and the state of the stacks that were brought up in it,
are in `.pulumi-fastapi/` beside Pulumi.yaml; the login, the plugins and the stacks of your own Pulumi are left alone.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, Optional

import typer
from rich.console import Console

from ..project import Project, ProjectError, find
from .control import Control

EMULATED = "pulumi-fastapi:emulated"
"""Configuration key: `true` says that a stack is meant for the emulator; one named `local` needs no saying."""
PASSPHRASE = "local"  # noqa: S105  an emulated account holds nothing worth a secret one
START_SECONDS = 60
STOP_SECONDS = 10

Stack = Annotated[str, typer.Option(help=f"Stack to run: local, or one whose configuration has {EMULATED}: true.")]
Force = Annotated[
    bool, typer.Option("--force", help="Run a stack that is meant for a real cloud in the emulator all the same.")
]

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
out = Console(highlight=False, soft_wrap=True)


def fail(message: str, code: int = 2) -> NoReturn:
    """End with one clear message."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("error:", style="red", end=" ")
    console.print(message, markup=False)
    raise typer.Exit(code)


@dataclass(frozen=True)
class Account:
    """The emulated account of one project, and its process."""

    project: Project

    @property
    def home(self) -> Path:
        return self.project.file.parent / ".pulumi-fastapi"

    @property
    def ready(self) -> Path:
        """Written by the process once it serves."""
        return self.home / "emulator.json"

    @property
    def log(self) -> Path:
        return self.home / "emulator.log"

    @property
    def state(self) -> Path:
        """Pulumi's backend."""
        return self.home / "state"

    def running(self) -> Optional[dict[str, Any]]:
        """Connection details of the process, if it runs."""
        try:
            details: dict[str, Any] = json.loads(self.ready.read_text())
            alive = Control(details["endpoint"]).health()["pid"] == details["pid"]
        except (OSError, ValueError, KeyError):
            return None
        return details if alive else None

    def start(self) -> dict[str, Any]:
        """Connection details of the process, which is started if it does not run."""
        details = self.running()
        if details is not None:
            return details
        self.state.mkdir(parents=True, exist_ok=True)
        (self.home / ".gitignore").write_text("*\n")
        self.ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", f"{__package__}.server", "--ready-file", str(self.ready)]
        with self.log.open("w") as log:
            # A session of its own: Ctrl-C is for pulumi alone. The program's folder, as paths in inputs start there.
            process = subprocess.Popen(
                command,
                cwd=self.project.program.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if (details := self.running()) is not None:
                return details
            time.sleep(0.05)
        ended = process.poll()
        if ended is None:
            process.kill()
        what = f"did not answer within {START_SECONDS} s" if ended is None else f"ended with code {ended}"
        fail(f"the emulated cloud {what}; {self.log} says:\n{tail(self.log)}")

    def stop(self) -> bool:
        """Stop the process; False when none runs."""
        details = self.running()
        if details is None:
            return False
        os.kill(details["pid"], signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.running() is not None:
            if time.monotonic() > deadline:
                fail(f"the emulated cloud (process {details['pid']}) does not end; see {self.log}")
            time.sleep(0.05)
        return True

    def environment(self, details: Mapping[str, Any]) -> dict[str, str]:
        """What the CLI needs to reach this account and nothing else."""
        return {
            **details["environment"],
            "PULUMI_BACKEND_URL": self.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.home / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }


@dataclass(frozen=True)
class Cli:
    """The Pulumi CLI, pointed at an account."""

    executable: str
    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> None:
        """Run a command on this terminal; a failure ends us with its exit code."""
        process = subprocess.Popen([self.executable, *arguments], cwd=self.folder, env=self._environment)
        with on_interrupt_let_end(process):
            code = process.wait()
        if code:
            raise typer.Exit(128 - code if code < 0 else code)

    def read(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        result = subprocess.run(
            [self.executable, *arguments], cwd=self.folder, env=self._environment, capture_output=True
        )
        if result.returncode:
            fail(result.stderr.decode(errors="replace").strip().removeprefix("error: "), result.returncode)
        return json.loads(result.stdout)

    @property
    def _environment(self) -> dict[str, str]:
        # A secrets provider or file of the user's own would take precedence over the passphrase.
        ours = {name: value for name, value in os.environ.items() if name != "PULUMI_CONFIG_PASSPHRASE_FILE"}
        return {**ours, **self.environment}


@contextmanager
def on_interrupt_let_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ctrl-C: the terminal tells pulumi too, which ends in good order, so just wait. SIGTERM: pass it on as Ctrl-C."""
    handlers = {
        signal.SIGINT: lambda *_: None,
        signal.SIGTERM: lambda *_: process.send_signal(signal.SIGINT),
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def unchanged(file: Path) -> Iterator[None]:
    """Take back what the CLI writes into a stack's file: the salt of a passphrase that is not the user's."""
    content = file.read_bytes()
    try:
        yield
    finally:
        if file.read_bytes() != content:
            file.write_bytes(content)


def find_cli() -> str:
    executable = os.environ.get("PULUMI_BIN") or shutil.which("pulumi")
    if executable is None:
        fail("there is no pulumi on PATH, and PULUMI_BIN is not set: https://www.pulumi.com/docs/install/")
    return executable


def find_project() -> Project:
    try:
        return find(Path.cwd())
    except ProjectError as error:
        fail(str(error))


def stack_file(project: Project, stack: str) -> Path:
    """The stack's configuration."""
    try:
        return project.stack_directory / f"Pulumi.{project.choose_stack(stack)}.yaml"
    except ProjectError as error:
        fail(str(error))


def is_emulated(project: Project, stack: str) -> bool:
    """Whether a stack is meant for the emulator."""
    return stack == "local" or project.configuration(stack).get(EMULATED) is True


def check_is_emulated(project: Project, stack: str) -> None:
    """A stack that is meant for a real cloud must not pass for deployed by accident."""
    try:
        emulated = is_emulated(project, project.choose_stack(stack))
    except ProjectError as error:
        fail(str(error))
    if not emulated:
        fail(
            f"stack {stack} is meant for a real cloud: pulumi up --stack {stack}\n"
            f"To run it in the emulated cloud, set {EMULATED}: true in its configuration, or add --force."
        )


@app.command()
def up(stack: Stack = "local", force: Force = False) -> None:
    """Start the emulated cloud if it does not run, and run `pulumi up`."""
    project = find_project()
    if not force:
        check_is_emulated(project, stack)
    file, executable, account = stack_file(project, stack), find_cli(), Account(project)
    was_running = account.running() is not None
    details = account.start()
    out.print(f"Emulated cloud: {details['endpoint']} ({'running' if was_running else 'started'})", style="bold")
    cli = Cli(executable, project.file.parent, account.environment(details))
    control = Control(details["endpoint"])
    arguments = ["up", "--yes", "--stack", stack]
    with unchanged(file):
        existing = {each["name"]: each for each in cli.read("stack", "ls", "--json")}
        if stack not in existing:
            cli.run("stack", "init", stack, "--no-select")
        elif existing[stack].get("resourceCount") and not control.resources():
            out.print("It was restarted and is empty: what the stack had is created again (pulumi up --refresh).")
            arguments.append("--refresh")
        cli.run(*arguments)
        outputs = cli.read("stack", "output", "--stack", stack, "--json")
        state = cli.read("stack", "export", "--stack", stack)
    print_summary(control.resources(), outputs, monthly_price(state))
    print_next(project, stack, executable)


@app.command()
def down(stack: Stack = "local") -> None:
    """Run `pulumi destroy`, make sure that nothing is left, and stop the emulated cloud."""
    project = find_project()
    account = Account(project)
    if not account.state.exists():
        out.print("Nothing is up.")
        return
    file, executable = stack_file(project, stack), find_cli()
    details = account.start()
    cli = Cli(executable, project.file.parent, account.environment(details))
    control = Control(details["endpoint"])
    with unchanged(file):
        stacks = [each["name"] for each in cli.read("stack", "ls", "--json")]
        if stack in stacks:
            # A restarted account is empty; without a refresh the engine would ask it to delete what it never had.
            refresh = [] if control.resources() else ["--refresh"]
            cli.run("destroy", "--yes", "--stack", stack, *refresh)
            cli.run("stack", "rm", "--yes", "--preserve-config", stack)
            stacks.remove(stack)
        else:
            out.print(f"Stack {stack} is not up.")
    if stacks:
        out.print(f"The emulated cloud keeps running for: {', '.join(stacks)}")
        return
    left = control.resources()
    if left:
        lines = "\n".join(f"  {each['service']} {each['type']} {each['id']} ({each['region']})" for each in left)
        fail(f"the emulated account still holds {len(left)} resources that no stack knows:\n{lines}", 1)
    account.stop()
    shutil.rmtree(account.state)  # no stack is left in it
    out.print("\nThe emulated account is empty, and the emulated cloud has stopped.", style="green")


@app.command()
def start() -> None:
    """Start the emulated cloud if it does not run."""
    details = Account(find_project()).start()
    out.print(f"The emulated cloud runs at {details['endpoint']} (process {details['pid']}).")


@app.command()
def stop() -> None:
    """Stop the emulated cloud; what its account held is gone, and the next `up` creates it again."""
    stopped = Account(find_project()).stop()
    out.print("The emulated cloud has stopped." if stopped else "The emulated cloud does not run.")


@app.command()
def status() -> None:
    """Say whether the emulated cloud runs, and what its account holds; exit code 1 when it does not run."""
    details = Account(find_project()).running()
    if details is None:
        out.print("The emulated cloud does not run.")
        raise typer.Exit(1)
    out.print(f"The emulated cloud runs at {details['endpoint']} (process {details['pid']}).")
    print_resources(Control(details["endpoint"]).resources())


@app.command()
def env() -> None:
    """Start the emulated cloud, and print the environment for `pulumi` and `aws` commands of your own.

    eval "$(python -m pulumi_fastapi.emulator env)"
    """
    account = Account(find_project())
    for name, value in account.environment(account.start()).items():
        print(f"export {name}={shlex.quote(value)}")


def print_resources(resources: Iterable[Mapping[str, str]]) -> None:
    """How many resources there are, by service and type."""
    services: dict[str, Counter[str]] = {}
    for each in resources:
        services.setdefault(each["service"], Counter())[each["type"]] += 1
    out.print(f"{sum(types.total() for types in services.values())} resources in the emulated account")
    width = max((len(service) for service in services), default=0)
    for service, types in sorted(services.items()):
        kinds = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in sorted(types.items()))
        out.print(f"  {types.total():3}  [bold]{service:{width}}[/]  [dim]{kinds}[/]")


def monthly_price(state: Mapping[str, Any]) -> str:
    """What the same stack costs on the real cloud, in words."""
    from ..cost.estimator import estimate
    from ..cost.render import money
    from ..cost.resources import from_state

    found = estimate(from_state(state))
    types = [resource["type"] for resource in state["deployment"].get("resources", ())]
    cloud = "Google Cloud" if any(type_.startswith("gcp:") for type_ in types) else "AWS"
    return f"On {cloud}: {'at least ' if found.at_least else ''}${money(found.total.expected)} a month before traffic"


def print_summary(resources: Iterable[Mapping[str, str]], outputs: Mapping[str, Any], price: str) -> None:
    """What there is now, and what it would cost."""
    out.print()
    print_resources(resources)
    if "url" in outputs:
        out.print(f"\n[bold cyan]{outputs['url']}[/]  [dim]emulated: no container runs, so nothing answers there[/]")
    out.print(f"{price}  [dim]list prices; more by pulumi-fastapi cost[/]")


def print_next(project: Project, stack: str, executable: str) -> None:
    """What to try next."""
    by_make = "MAKELEVEL" in os.environ
    ours = f"{Path(sys.executable).name} -m pulumi_fastapi.emulator "
    chosen = "" if stack == "local" else f" STACK={stack}" if by_make else f" --stack {stack}"
    pulumi = "pulumi" if shutil.which("pulumi") else os.path.relpath(executable)
    real = next((each for each in project.stacks() if not is_emulated(project, each)), "STACK")
    preview = "make preview" if by_make else "pulumi-fastapi preview"
    commands = {
        f"{preview}{chosen}": "the plan, its numbers and findings; no engine needed",
        f"{'make ' if by_make else ours}up{chosen}": "again: nothing changes",
        f"{'make ' if by_make else ours}down{chosen}": "destroy everything",
        f"{pulumi} up --stack {real}": "deploy for real, with the cloud's credentials",
    }
    width = max(len(command) for command in commands)
    out.print("\nNext:")
    for command, meaning in commands.items():
        out.print(f"  [bold]{command:{width}}[/]  {meaning}")


def tail(file: Path, lines: int = 15) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])


if __name__ == "__main__":
    app()
