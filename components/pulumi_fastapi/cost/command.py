"""`pulumi-fastapi cost`, `pulumi-fastapi compare` and `pulumi-fastapi prices`."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..options import FOUND, OK, WRONG, Answers, Debug, Directory, Stack, in_one_line

if TYPE_CHECKING:
    from ..planned import Plan
    from ..project import Project
    from .bill import Estimate
    from .compare import Comparison
    from .resources import Resource
    from .usage import UsageFile

INCOMPLETE = 3

FreeTierOption = Annotated[
    bool, typer.Option("--free-tier", help="Leave out what an account gets free, if nothing else in it uses that.")
]

prices = typer.Typer(help="The price tables that `cost` reads.", no_args_is_help=True, rich_markup_mode=None)


class Format(StrEnum):
    """How to show an estimate."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


def cost(
    stack: Stack = None,
    directory: Directory = Path("."),
    answers: Answers = None,
    preview_json: Annotated[
        Optional[Path], typer.Option("--preview-json", help="Price a file of `pulumi preview --json` instead.")
    ] = None,
    state: Annotated[
        Optional[Path], typer.Option("--state", help="Price a file of `pulumi stack export` instead.")
    ] = None,
    region: Annotated[
        Optional[str], typer.Option("--region", help="Region of resources that name none, of either cloud.")
    ] = None,
    usage: Annotated[
        Optional[Path], typer.Option("--usage", help="YAML file with traffic and usage, see below.")
    ] = None,
    rps: Annotated[Optional[str], typer.Option("--rps", help="Requests per second, the mean of the month.")] = None,
    latency_ms: Annotated[Optional[str], typer.Option("--latency-ms", help="Milliseconds an answer takes.")] = None,
    response_bytes: Annotated[Optional[str], typer.Option("--response-bytes", help="Bytes of an answer.")] = None,
    free_tier: FreeTierOption = False,
    base: Annotated[
        Optional[Path], typer.Option("--diff", help="Compare with this file of a preview or an exported state.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to show it.")] = Format.TABLE,
    budget: Annotated[Optional[str], typer.Option("--budget", help="Most it may cost, USD a month.")] = None,
    max_increase: Annotated[
        Optional[str], typer.Option("--max-increase", help="Most it may rise over --diff: 20% or 50 (USD).")
    ] = None,
    write_budget: Annotated[
        bool, typer.Option("--write-budget", help="Set the stack's monthly_budget from the estimate, see below.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail when something that costs has no price.")] = False,
    debug: Debug = False,
) -> None:
    """Show what a stack costs a month, with no login and no cloud; prices come with the package.

    Plans the stack's program as `preview` does, or reads a file, so that any Pulumi program for AWS or Google Cloud can
    be priced. For each line: baseline (billed as long as it exists), usage (comes with traffic), and low..high (nobody
    calls and everything at its least; everything at its most). A price that is not known adds nothing, and the total
    then says "at least". Discounts and taxes are not counted, free tiers only with --free-tier.

    --usage: `traffic` (requests_per_second, latency_ms, response_bytes, log_bytes, database_bytes,
    requests_per_second_per_task, requests_per_connection), `defaults` by type token and `resources` by name, wildcards
    allowed (requests_per_second, latency_ms, response_bytes, storage_gb, backup_gb, data_gb, ingest_gb, requests,
    metrics, image_gb, deploys_per_month).

    --write-budget writes `monthly_budget`, of which an AWS Budget is made, into the file of the stack: the most that it
    costs by its own limits with this traffic, and a fifth.

    Exit codes: 0 within budget, or none is given; 1 over --budget or --max-increase; 2 an argument, a file or the
    program is wrong; 3 with --strict: a price or an input is not known, so the total is too low; 70 this command itself
    is broken, or --debug shows a traceback.
    """
    from ..project import ProjectError
    from .prices import PriceDataError
    from .resources import InputError

    with in_one_line(ProjectError, InputError, PriceDataError, debug=debug):
        if base is None and max_increase is not None:
            raise InputError("--max-increase needs --diff: with what to compare")
        if write_budget and (state or preview_json):
            raise InputError("--write-budget is for a stack of a project, not for --state or --preview-json")
        given = _usage(usage, requests_per_second=rps, latency_ms=latency_ms, response_bytes=response_bytes)
        limit, rise = _dollars("--budget", budget), _rise(max_increase)
        title, resources, regions = _source(stack, directory, answers, preview_json, state, region)
        from . import render
        from .estimator import estimate
        from .resources import from_file

        now = estimate(resources, usage=given, free_tier=free_tier)
        before = None
        if base is not None:
            before = estimate(from_file(base, regions=regions), usage=given, free_tier=free_tier)
        if write_budget:
            _write_budget(now, directory, stack)
    verdicts = _verdicts(now, before, limit, rise)
    report = render.Report(title=title, estimate=now, base=before, verdicts=verdicts)
    if format_ is Format.TABLE:
        render.table(report)
    else:
        show = {Format.JSON: render.as_json, Format.MARKDOWN: render.markdown, Format.HTML: render.html}
        typer.echo(show[format_](report))
    raise typer.Exit(FOUND if verdicts else INCOMPLETE if strict and now.at_least else OK)


def _write_budget(estimate: "Estimate", directory: Path, stack: Optional[str]) -> None:
    from .. import project as projects
    from .budget import KEY, budget, write
    from .resources import InputError

    project = projects.find(directory)
    chosen = project.choose_stack(stack)
    file = project.stack_directory / f"Pulumi.{chosen}.yaml"
    if f"{project.name}:alarm_emails" not in project.configuration(chosen):
        raise InputError(f"--write-budget: {file} must say first who is told: {project.name}:alarm_emails: [ADDRESS]")
    amount = budget(estimate)
    write(file, project.name, amount)
    typer.echo(f"{file}: {project.name}:{KEY} is {amount:f} USD a month now", err=True)


def _source(
    stack: Optional[str],
    directory: Path,
    answers: Optional[Path],
    preview_json: Optional[Path],
    state: Optional[Path],
    region: Optional[str],
) -> tuple[str, "Sequence[Resource]", Mapping[str, str]]:
    """What to price, its title and the regions of resources that name none."""
    from .prices import default_table
    from .resources import InputError, check_region, from_file, from_plan

    if region is not None:
        check_region(region, (place for _, place, _ in default_table().entries))
    given = [
        name for name, value in (("--stack", stack), ("--preview-json", preview_json), ("--state", state)) if value
    ]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other")
    regions = {} if region is None else {"aws": region, "gcp": region}
    if preview_json:
        return preview_json.name, from_file(preview_json, "preview", regions), regions
    if state:
        return state.name, from_file(state, "state", regions), regions
    from .. import preview as previews
    from .. import project as projects

    project = projects.find(directory)
    chosen = project.choose_stack(stack)
    plan = previews.run(project, chosen, **projects.read_answers(answers))
    regions = regions_of(plan, project) | regions
    return f"{plan.project}/{plan.stack}", from_plan(plan, regions), regions


def regions_of(plan: "Plan", project: "Project") -> dict[str, str]:
    """Where the resources of a plan are that name no region, by cloud."""
    configured = project.configuration(plan.stack).get("gcp:region")
    return {"aws": plan.region} | ({"gcp": configured} if isinstance(configured, str) else {})


def _usage(file: Optional[Path], **options: Optional[str]) -> "UsageFile":
    """The usage file, with the traffic that the options say."""
    from .usage import Traffic, UsageFile, parsed, read

    whole = UsageFile() if file is None else read(file)
    said = {key: value for key, value in options.items() if value is not None}
    traffic = whole.traffic.model_dump(exclude_unset=True) | said
    return whole.model_copy(update={"traffic": parsed(Traffic, traffic, "traffic")})


def _dollars(option: str, text: Optional[str]) -> Optional[Decimal]:
    from .resources import InputError

    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise InputError(f"{option}: must be an amount such as 150, got {text!r}")
    return amount


def _rise(text: Optional[str]) -> Optional[tuple[Decimal, bool]]:
    """The amount, and whether it is a percentage."""
    if text is None:
        return None
    amount = _dollars("--max-increase", text.removesuffix("%"))
    return None if amount is None else (amount, text.endswith("%"))


def _verdicts(
    now: "Estimate", before: "Optional[Estimate]", budget: Optional[Decimal], rise: Optional[tuple[Decimal, bool]]
) -> tuple[str, ...]:
    """One line for each limit that is passed, by the expected total."""
    from .render import money

    total, verdicts = now.total.expected, []
    if budget is not None and total > budget:
        verdicts.append(f"Over budget: ${money(total)} of ${money(budget)} a month.")
    if before is not None and rise is not None:
        old, (amount, percent) = before.total.expected, rise
        allowed = old * amount / 100 if percent else amount
        if total - old > allowed:
            said = f"{amount}% (${money(allowed)})" if percent else f"${money(allowed)}"
            verdicts.append(f"Over the allowed increase: ${money(total - old)} of {said} a month.")
    return tuple(verdicts)


def compare(
    rps_from: Annotated[str, typer.Option("--rps-from", help="Lowest requests per second.")] = "0.01",
    rps_to: Annotated[str, typer.Option("--rps-to", help="Highest requests per second.")] = "1000",
    latency_ms: Annotated[str, typer.Option("--latency-ms", help="Milliseconds an answer takes.")] = "100",
    response_bytes: Annotated[str, typer.Option("--response-bytes", help="Bytes of an answer.")] = "5000",
    cpu_ms: Annotated[str, typer.Option("--cpu-ms", help="Milliseconds that a whole vCPU works for it.")] = "5",
    aws_region: Annotated[str, typer.Option("--aws-region", help="Of Fargate and Lambda.")] = "us-east-1",
    gcp_region: Annotated[str, typer.Option("--gcp-region", help="Of Cloud Run.")] = "us-central1",
    free_tier: FreeTierOption = False,
    out: Annotated[
        Optional[list[Path]], typer.Option("--out", "-o", help="Draw it into this .svg or .png, repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what the same app costs a month on Fargate, Lambda and Cloud Run, by traffic, and where which is cheaper.

    Each figure is the estimate of a plan of the real component with its defaults, as large as the traffic needs it:
    Fargate and Cloud Run keep their CPU at what they scale at, Lambda has an environment for each request that is being
    answered. Traffic is even over the month. Needs no login, no cloud and no project. --out needs matplotlib:
    pip install 'pulumi-fastapi[cost]'.

    --json prints one object. Its keys mean the same in every release with the same "format" (1): regions; load;
    platforms (by name: model, a_million_requests, points with requests_per_second, monthly, baseline, at_least,
    variant); crossings (requests_per_second, monthly, below, above: which is cheaper there); cheapest (from, to,
    platform); sentences; notes.

    Exit codes: 0 it is shown; 2 an argument is wrong, or a component cannot be that large; 70 this command is broken.
    """
    from .prices import PriceDataError, default_table
    from .resources import InputError, check_region

    with in_one_line(InputError, PriceDataError):
        from importlib.util import find_spec

        from .compare_text import as_json as in_json
        from .compare_text import table
        from .platforms import PLATFORMS, Load
        from .usage import Traffic, parsed

        prices = default_table()
        for provider, option, region in (("aws", "--aws-region", aws_region), ("gcp", "--gcp-region", gcp_region)):
            check_region(region, (place for owner, place, _ in prices.entries if owner == provider), option)
        low, high, work = (
            _positive(*each) for each in (("--rps-from", rps_from), ("--rps-to", rps_to), ("--cpu-ms", cpu_ms))
        )
        if low >= high:
            raise InputError(f"--rps-to: must be above --rps-from {low}, got {high}")
        traffic = parsed(Traffic, {"latency_ms": latency_ms, "response_bytes": response_bytes}, "the traffic")
        draw = _drawing(out or [])
        from .compare import Planner, compare

        planner = Planner(
            regions={"aws": aws_region, "gcp": gcp_region},
            load=Load(traffic=traffic, cpu_ms=work),
            table=prices,
            free_tier=free_tier,
        )
        there = []
        for platform in PLATFORMS:
            if find_spec(f"pulumi_{platform.provider}") is not None:
                there.append(platform)
            else:
                extra = f"pip install 'pulumi-fastapi[{platform.provider}]'"
                typer.echo(f"{platform.name} is left out, as its SDK is not installed: {extra}", err=True)
        found = compare(there, planner, low, high)
        if draw is not None:
            draw(found)
    if as_json:
        typer.echo(in_json(found))
    else:
        table(found)


def _positive(option: str, text: str) -> Decimal:
    from .resources import InputError

    amount = _dollars(option, text)
    if not amount:
        raise InputError(f"{option}: must be above 0, got {text!r}")
    return amount


def _drawing(files: Sequence[Path]) -> "Optional[Callable[[Comparison], None]]":
    """Draws into the files; refuses what cannot be drawn before anything is planned."""
    from .resources import InputError

    if not files:
        return None
    for file in files:
        if file.suffix not in (".svg", ".png"):
            raise InputError(f"--out: must end with .svg or .png, got {str(file)!r}")
        if not file.parent.is_dir():
            raise InputError(f"--out: there is no folder {file.parent}")
    try:
        from .plot import draw
    except ImportError:
        raise InputError("--out needs matplotlib: pip install 'pulumi-fastapi[cost]'") from None
    return lambda comparison: draw(comparison, files)


def policy_pack() -> None:
    """Print the folder of the cost policies, for `pulumi preview --policy-pack "$(pulumi-fastapi policy-pack)"`.

    cost-estimate shows the estimate in every preview and update; cost-budget stops them above monthlyBudget of
    --policy-pack-config. Needs pulumi-policy: pip install 'pulumi-fastapi[cost]'.
    """
    typer.echo(Path(__file__).parent / "policy_pack")


@prices.command()
def refresh(
    region: Annotated[
        Optional[list[str]], typer.Option("--region", help="AWS region, repeatable. Default: all of the tables.")
    ] = None,
) -> None:
    """Update the prices from AWS's bulk price lists and, with GOOGLE_API_KEY set, from Google's SKU list.

    Reads about ten lists a region; that of EC2 alone has some 400 MB. A list that cannot be fetched or has another
    shape changes nothing. The tables are those of the package, or in the folder that PULUMI_FASTAPI_PRICES names.

    Exit codes: 0 all lists were read; 1 some were not, and their old prices stay; 2 an argument or a table is wrong.
    """
    import os

    from .prices import PriceDataError, directory, load
    from .resources import InputError, check_region

    try:
        import httpx
    except ImportError:
        typer.echo("error: prices refresh needs httpx: pip install 'pulumi-fastapi[cost]'", err=True)
        raise typer.Exit(WRONG) from None
    from . import refresh as refreshing

    with in_one_line(InputError, PriceDataError):
        known = [place for provider, place, _ in load(directory()).entries if provider == "aws" and place != "*"]
        for each in region or ():
            check_region(each, known)
        with httpx.Client(timeout=60, follow_redirects=True) as client:
            result = refreshing.refresh(
                directory(),
                region or sorted(set(known)),
                client,
                google_key=os.environ.get("GOOGLE_API_KEY"),
            )
    for update in result.updates:
        before = "new" if update.old is None else str(update.old)
        typer.echo(f"{update.provider} {update.region} {update.id}: {before} -> {update.new}")
    typer.echo(f"{len(result.updates)} prices changed, {result.confirmed} are as they were.")
    if not os.environ.get("GOOGLE_API_KEY"):
        typer.echo("Google Cloud was not asked: GOOGLE_API_KEY is not set.")
    for failure in result.failures:
        typer.echo(f"not read, its old prices stay: {failure}", err=True)
    raise typer.Exit(FOUND if result.failures else OK)
