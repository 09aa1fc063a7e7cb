"""The command line: `pulumi-fastapi`."""

import gc
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer

from .cost import command as cost
from .deploy.command import deploy
from .options import FOUND, OK, Debug, Directory, Stack, in_one_line
from .report.command import report

if TYPE_CHECKING:
    from .aws.credentials import Aws

BROKEN = 70

app = typer.Typer(
    name="pulumi-fastapi",
    help="Look at a FastAPI deployment before it happens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> NoReturn:
    """Entry point. The process is short, so nothing is gained by collecting what it holds, at its end least of all."""
    gc.disable()
    try:
        app()
    except Exception:  # not 1, which would say that the stack has errors
        traceback.print_exc()
        sys.exit(BROKEN)
    finally:
        gc.freeze()
    sys.exit(OK)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"pulumi-fastapi {version('pulumi-fastapi')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def preview(
    stack: Stack = None,
    directory: Directory = Path("."),
    answers: Annotated[
        Optional[Path], typer.Option("--answers", help="YAML file with stack_references and invokes, see below.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
    debug: Debug = False,
) -> None:
    """Show what a stack would create and everything that is wrong with it, with no login, no cloud and no Pulumi CLI.

    Runs the program of Pulumi.yaml in this process with the configuration of Pulumi.STACK.yaml. Encrypted values are
    not opened: the program sees a stand-in. Nothing is built, looked up or sent anywhere. What only a cloud or another
    stack knows comes from --answers: stack_references (outputs by stack) and invokes (results by function token).

    Exit codes: 0 nothing is wrong; 1 there are errors (with --strict: or warnings); 2 the program, its configuration
    or the arguments of this command are wrong; 70 this command itself is broken, or --debug shows a traceback.

    --json prints one object. Its keys mean the same in every release with the same "format" (1): project, stack,
    region; counts (resources by type); services (one per FargateFastAPIService: urn, name, workers, connectionBudget,
    timeouts, deploymentSeconds); findings (rule, severity, resource, name, message, fix; worst first); messages
    (severity, text: what the program logged); resources (urn, type, name, custom, parent, inputs, dependencies,
    propertyDependencies, options; sorted by urn); outputs. Secrets are "[secret]", values that only a deployment knows
    "[unknown]".
    """
    from . import project as projects

    with in_one_line(projects.ProjectError, debug=debug):
        project = projects.find(directory)
        chosen = project.choose_stack(stack)
        given = projects.read_answers(answers)
        from . import checks
        from . import preview as previews

        result = previews.run(project, chosen, **given)
    findings = checks.run(result)
    if as_json:
        import json

        typer.echo(json.dumps(previews.as_data(result, findings), indent=2, sort_keys=True))
    else:
        previews.show(result, findings)
    failing = {"error", "warning"} if strict else {"error"}
    raise typer.Exit(FOUND if any(finding.severity in failing for finding in findings) else OK)


@app.command()
def rollback(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FUNCTION|CLUSTER",
            help="Name of the Lambda function: the stack's output function_name. Or of the ECS cluster: cluster_name.",
        ),
    ],
    service: Annotated[
        Optional[str], typer.Argument(help="With a cluster, the ECS service: the stack's output service_name.")
    ] = None,
    to: Annotated[
        Optional[str],
        typer.Option("--to", help="Version, or revision of the task definition. Default: the last other image."),
    ] = None,
    region: Annotated[
        Optional[str], typer.Option("--region", help="AWS region. Default: as for the AWS CLI.", show_default=False)
    ] = None,
    timeout: Annotated[int, typer.Option("--timeout", min=1, help="Seconds to wait for it.")] = 1800,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Bring back the image that a Lambda function or a Fargate service ran before, without a build.

    Of a function, the newest older version with another image gets all traffic, once it has said that it is ready. Of
    a service, the newest older revision of the task definition with another image is deployed, with the service's own
    strategy. The database stays as it is. Neither program nor state is changed: `pulumi up --refresh` deploys what the
    program says, so change that first.

    Exit codes: 0 the older image runs; 1 it does not; 2 there is nothing to go back to, or no access to AWS.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from .aws.credentials import Aws, DeployError

    failures = (BotoCoreError, ClientError, DeployError)
    with in_one_line(*failures):
        aws = Aws(boto3.Session(region_name=region))
    if service is None:
        chosen = _roll_back_function(aws, name, to, timeout, yes, failures)
    else:
        chosen = _roll_back_service(aws, name, service, to, timeout, yes, failures)
    typer.echo(f"{chosen} runs. `pulumi up --refresh` deploys what the program says: change that first.")


def _roll_back_function(
    aws: "Aws", name: str, to: Optional[str], timeout: int, yes: bool, failures: tuple[type[Exception], ...]
) -> str:
    from .aws.function_rollback import plan_function_rollback, roll_back_function

    with in_one_line(*failures):
        plan = plan_function_rollback(aws, name, to)
        _confirm(f"version {plan.running}", f"version {plan.to}", plan.image, yes)
    with in_one_line(*failures, code=FOUND):
        roll_back_function(aws, plan, timeout)
    return f"version {plan.to}"


def _roll_back_service(
    aws: "Aws",
    cluster: str,
    service: str,
    to: Optional[str],
    timeout: int,
    yes: bool,
    failures: tuple[type[Exception], ...],
) -> str:
    from .aws.rollback import plan_rollback, roll_back

    with in_one_line(*failures):
        plan = plan_rollback(aws, cluster, service, to)
        running, chosen = (arn.split("/")[-1] for arn in (plan.running, plan.to))
        _confirm(running, chosen, plan.image, yes)
    with in_one_line(*failures, code=FOUND):
        roll_back(aws, plan, timeout, lambda line: typer.echo(f"  {line}"))
    return chosen


def _confirm(running: str, chosen: str, image: str, yes: bool) -> None:
    typer.echo(f"{running} runs; going back to {chosen} ({image})")
    if not yes and not typer.confirm("Deploy it?"):
        raise typer.Exit(FOUND)


app.command()(cost.cost)
app.command()(cost.compare)
app.command()(cost.policy_pack)
app.command()(report)
app.command()(deploy)
app.add_typer(cost.prices, name="prices")


if __name__ == "__main__":
    main()
