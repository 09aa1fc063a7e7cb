"""The command `pulumi-fastapi deploy`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer

from ..options import FOUND, OK, WRONG, Directory, Stack, in_one_line
from .strategies import STEPS, ReleaseStrategy

if TYPE_CHECKING:
    from .google import CloudRun
    from .stack import DeployedService, ServiceStack
    from .steps import Outcome


def deploy(
    stack: Stack = None,
    directory: Directory = Path("."),
    service: Annotated[
        Optional[str],
        typer.Option("--service", help="Name of the CloudRunFastAPIService. Default: the only one of the stack."),
    ] = None,
    strategy: Annotated[
        ReleaseStrategy,
        typer.Option("--strategy", help="rolling: one update. canary: in steps. blue-green: all at once, after tests."),
    ] = ReleaseStrategy.CANARY,
    steps: Annotated[
        Optional[str],
        typer.Option("--steps", help="Shares of the traffic in percent, ending with 100. Default: canary 10,50,100."),
    ] = None,
    bake_minutes: Annotated[
        float, typer.Option("--bake-minutes", min=0, max=1440, help="How long each share is watched.")
    ] = 5.0,
    max_error_percent: Annotated[
        float, typer.Option("--max-error-percent", min=0, max=100, help="Most requests answered 5xx.")
    ] = 1.0,
    max_latency: Annotated[
        Optional[float],
        typer.Option(
            "--max-latency", help="Most seconds for 95 % of the requests. Default: the service's alert_latency."
        ),
    ] = None,
    min_requests: Annotated[
        int, typer.Option("--min-requests", min=0, help="With fewer requests in a step, nothing is known: go back.")
    ] = 0,
    smoke_test: Annotated[
        Optional[list[str]],
        typer.Option("--smoke-test", help="Path that must answer below 400 first; repeatable. Default: readiness."),
    ] = None,
    smoke_seconds: Annotated[
        float, typer.Option("--smoke-seconds", min=0, help="How long it may take until it does.")
    ] = 60.0,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Give all traffic to the revision before, without a build.")
    ] = False,
    to: Annotated[Optional[str], typer.Option("--to", help="With --rollback: the revision to go back to.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the outcome as JSON; the progress goes to stderr.")
    ] = False,
) -> None:
    """Release what the program says on Cloud Run: in steps, watched, and back by itself when it fails.

    The new revision first gets no traffic but an address of its own (tag "candidate"), which must pass the smoke test.
    Then it gets its shares of the traffic, each by an ordinary `pulumi up`, and Cloud Monitoring must show no more
    errors and no higher latency than asked for, after --bake-minutes with each (it learns of requests up to three
    minutes late). When it fails, the old revision gets all traffic back.

    The step stands in the stack's configuration (pulumi-fastapi:releases) and state, so the same command goes on after
    a crash. After a failure or --rollback it stays there: `pulumi up` then makes revisions without traffic, until this
    command releases one; --strategy rolling does at once.

    Needs the Pulumi CLI and a login at Google (as the provider's), which may read Cloud Run and Cloud Monitoring.

    Exit codes: 0 released, or nothing was new; 1 it failed, and the old revision has the traffic or the message says
    who; 2 the project, the arguments or the login are wrong. With --json, one object: service, strategy, result
    (released, unchanged, "went back", failed), stable, candidate, reason, url, steps (percent, requests, errors,
    latency, seconds).
    """
    from .. import project as projects
    from .google import GoogleError

    shares = _shares(strategy, steps)
    if to is not None and not rollback:
        _wrong("--to is of use only with --rollback")
    with in_one_line(projects.ProjectError):
        project = projects.find(directory)
        name = stack if stack and "/" in stack else project.choose_stack(stack)

    def say(line: str) -> None:
        typer.echo(line, err=as_json)

    from ..errors import ArgumentError
    from .gate import Gate
    from .stack import ServiceStack, selected
    from .steps import DeployFailed, Outcome, Releaser

    with (
        in_one_line(projects.ProjectError, GoogleError, ArgumentError, DeployFailed),
        selected(project.file.parent, name) as one,
    ):
        target = ServiceStack(one, service)
        deployed = target.service()
        releaser = None
        if deployed is not None:
            latency = max_latency if max_latency is not None else float(deployed.arguments.get("alertLatency", 1.0))
            releaser = Releaser(
                stack=target,
                cloud=_cloud(deployed),
                gate=Gate(max_error_percent=max_error_percent, max_latency=latency, min_requests=min_requests),
                bake_seconds=60 * bake_minutes,
                smoke_test=lambda: _smoke_test(target, smoke_test, smoke_seconds, say),
                say=say,
            )
        elif rollback:
            raise DeployFailed("nothing is deployed, so there is nothing to go back to")
        outcome = Outcome("rollback" if rollback else strategy)
        try:
            if releaser is None:
                say("first update: the first revision gets all traffic")
                target.up("first update")
                outcome.candidate = target.revision()
            elif rollback:
                outcome = releaser.roll_back(to)
            elif strategy is ReleaseStrategy.ROLLING:
                outcome = releaser.roll()
            else:
                outcome = releaser.release(strategy, shares)
        except DeployFailed as error:
            outcome.result, outcome.reason = "failed", str(error)
        except (GoogleError, KeyboardInterrupt) as error:
            outcome.result = "failed"
            outcome.reason = (
                f"{str(error) or 'interrupted'}. Traffic stays as it is; the same command goes on, --rollback goes back"
            )
        _show(outcome, target.service(), as_json)
    well = ("went back",) if rollback else ("released", "unchanged")
    raise typer.Exit(OK if outcome.result in well else FOUND)


def _shares(strategy: ReleaseStrategy, steps: Optional[str]) -> Sequence[int]:
    """The shares of the traffic, growing to 100."""
    if steps is None:
        return STEPS[strategy]
    if strategy is ReleaseStrategy.ROLLING:
        _wrong("--steps is of use only with --strategy canary or blue-green")
    parts = [part.strip() for part in steps.split(",")]
    shares = [int(part) for part in parts if part.isdecimal()]
    if len(shares) != len(parts) or shares != sorted(set(shares)) or shares[-1] != 100 or shares[0] < 1:
        _wrong(f"--steps must grow from 1 or more to 100, such as 10,50,100, got {steps!r}")
    return shares


def _cloud(deployed: "DeployedService") -> "CloudRun":
    from .google import CloudRun

    return CloudRun(deployed.inputs["project"], deployed.inputs["location"], deployed.name)


def _smoke_test(
    target: "ServiceStack", paths: Optional[Sequence[str]], seconds: float, say: Callable[[str], None]
) -> None:
    """Ask the candidate at its own address, where it has one that can be reached from here."""
    from .google import identity_token
    from .smoke import smoke_test
    from .steps import DeployFailed

    deployed = target.service()
    if deployed is None:
        raise DeployFailed("the program makes no CloudRunFastAPIService any more")
    arguments = deployed.arguments
    closed = next((name for name in ("internal", "domain") if arguments.get(name)), None)
    if closed is not None:
        if paths:
            raise DeployFailed(f"--smoke-test cannot reach the candidate: its own address is closed ({closed})")
        say(f"no smoke test: the candidate's own address is closed ({closed}); its start-up probe has passed")
        return
    url = deployed.outputs.get("candidateUrl")
    if not url:
        raise DeployFailed("the candidate has no address of its own; is the tag gone? run the same again")
    say(f"smoke test of {url}")
    token = identity_token(str(deployed.url)) if arguments.get("access", "PUBLIC") != "PUBLIC" else None
    readiness = arguments.get("app", {}).get("readinessPath", "/-/ready")
    smoke_test(str(url), paths or [readiness], seconds=seconds, say=say, token=token)


def _show(outcome: "Outcome", deployed: "Optional[DeployedService]", as_json: bool) -> None:
    url = None if deployed is None else deployed.outputs.get("url", deployed.url)
    if as_json:
        shown = {"service": deployed and deployed.name, "url": url, **asdict(outcome)}
        typer.echo(json.dumps(shown, indent=2, sort_keys=True))
        return
    if outcome.result == "released":
        typer.echo(f"released: {outcome.candidate} serves at {url}")
    elif outcome.result == "unchanged":
        typer.echo(f"unchanged: {outcome.candidate} serves")
    elif outcome.result == "went back":
        typer.echo(
            f"went back: {outcome.stable} has all traffic ({outcome.reason})", err=outcome.strategy != "rollback"
        )
    else:
        typer.echo(f"error: {outcome.reason}", err=True)


def _wrong(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(WRONG)
