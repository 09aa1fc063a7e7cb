"""`pulumi-fastapi report`."""

from pathlib import Path
from typing import Annotated, Optional

import typer

OK, FOUND, WRONG = 0, 1, 2


def report(
    stack: Annotated[
        Optional[str], typer.Option("--stack", "-s", help="Stack to plan. Default: PULUMI_STACK, or the only one.")
    ] = None,
    directory: Annotated[
        Path, typer.Option("--dir", "-C", help="Folder of the project, or one inside it.", show_default=False)
    ] = Path("."),
    answers: Annotated[
        Optional[Path], typer.Option("--answers", help="YAML file with stack_references and invokes, as in preview.")
    ] = None,
    rps: Annotated[
        Optional[str], typer.Option("--rps", help="Requests per second, the mean of the month, as in cost.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("report.html"),
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback when the program fails.")] = False,
) -> None:
    """Write what `preview` and `cost` know of a stack as one HTML page: picture, bill, connections, timeouts, findings.

    The page needs nothing else: no network, no scripts. Secrets are not in it. Needs no login and no cloud.

    Exit codes: 0 nothing is wrong; 1 there are errors, which the page shows; 2 the program, its configuration or the
    arguments of this command are wrong, and no page is written; 70 this command itself is broken, or --debug shows a
    traceback.
    """
    from .. import checks
    from .. import preview as previews
    from .. import project as projects
    from ..cost.command import regions_of
    from ..cost.estimator import estimate
    from ..cost.prices import PriceDataError
    from ..cost.render import Report
    from ..cost.resources import InputError, from_plan
    from ..cost.usage import Traffic, UsageFile, parsed
    from .page import page

    try:
        traffic = parsed(Traffic, {} if rps is None else {"requests_per_second": rps}, "--rps")
        project = projects.find(directory)
        chosen = project.choose_stack(stack)
        plan = previews.run(project, chosen, **projects.read_answers(answers))
        bill = estimate(from_plan(plan, regions_of(plan, project)), usage=UsageFile(traffic=traffic))
        findings = checks.run(plan)
        text = page(plan, findings, Report(title=f"{plan.project}/{plan.stack}", estimate=bill))
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"--output: {output} cannot be written: {error.strerror or error}") from None
    except (projects.ProjectError, InputError, PriceDataError) as error:
        if debug and error.__cause__ is not None:
            raise error.__cause__ from None
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(WRONG) from None
    typer.echo(f"{output}: {previews.summary(findings)}")
    raise typer.Exit(FOUND if any(finding.severity == "error" for finding in findings) else OK)
