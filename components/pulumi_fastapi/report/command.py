"""`pulumi-fastapi report`."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from ..options import FOUND, OK, Answers, Debug, Directory, Stack, in_one_line


def report(
    stack: Stack = None,
    directory: Directory = Path("."),
    answers: Answers = None,
    rps: Annotated[
        Optional[str], typer.Option("--rps", help="Requests per second, the mean of the month, as in cost.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("report.html"),
    debug: Debug = False,
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

    with in_one_line(projects.ProjectError, InputError, PriceDataError, debug=debug):
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
    typer.echo(f"{output}: {previews.summary(findings)}")
    raise typer.Exit(FOUND if any(finding.severity == "error" for finding in findings) else OK)
