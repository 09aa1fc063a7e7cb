"""The job that runs a command of a new image before the service gets it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import pulumi
import pulumi_gcp as gcp
from pulumi import CustomTimeouts, Input, Output, ResourceOptions

from .component import GoogleComponent, google_name
from .container import Resources, mounts, variables
from .secrets import SecretVersion

_LONGEST_NAME = 40  # with the token of an execution fewer than 63
_TOKEN = 10
_START_SECONDS = 600


class Migration(GoogleComponent):
    """A Cloud Run job that runs once for each image and configuration, before they are deployed. When it fails it is
    not repeated, and nothing is deployed.

    Costs CPU and memory while it runs.
    """

    image: Output[str]
    """The image, once the command has ended well."""
    job_name: Output[str]
    """Name of the job."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        resources: Resources,
        *,
        location: str,
        image: Input[str],
        service_account: Input[str],
        environment: Mapping[str, Input[str]],
        secrets: Mapping[str, SecretVersion],
        timeout: int,
        project: Optional[Input[str]] = None,
        surroundings: Optional[Mapping[str, Any]] = None,
        labels: Optional[Mapping[str, str]] = None,
        redeploy: str = "",
        depends_on: Sequence[pulumi.Resource] = (),
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, None, opts)
        template: Any = {
            "service_account": service_account,
            "timeout": f"{timeout}s",
            "max_retries": 0,
            "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
            "containers": [
                {
                    "image": image,
                    "args": list(command),
                    "envs": variables(environment, secrets),
                    "volume_mounts": mounts(surroundings or {}),
                    "resources": {"limits": resources.limits},
                }
            ],
            **(surroundings or {}),
        }
        token = execution_token(template, redeploy)
        longest = f"{timeout + _START_SECONDS}s"
        job = gcp.cloudrunv2.Job(
            self.child_name("migrate"),
            name=google_name(name, "migrate", _LONGEST_NAME),
            project=project,
            location=location,
            template={"template": template, "task_count": 1, "parallelism": 1},
            run_execution_token=token,
            labels=labels,
            deletion_protection=False,  # it holds nothing
            opts=self.child_options(
                depends_on=list(depends_on), custom_timeouts=CustomTimeouts(create=longest, update=longest)
            ),
        )
        self.publish(
            image=Output.all(image, _ended_well(job, token)).apply(lambda known: str(known[0])), job_name=job.name
        )


def execution_token(template: Mapping[str, Any], redeploy: str = "") -> Output[str]:
    """The end of the name of the execution that a template makes."""
    text: Output[str] = Output.json_dumps({"template": template, "redeploy": redeploy}, sort_keys=True)
    return text.apply(lambda known: "x" + hashlib.sha256(known.encode()).hexdigest()[: _TOKEN - 1])


def _ended_well(job: gcp.cloudrunv2.Job, token: Output[str]) -> Output[str]:
    """The token, once the job's last execution is that one and did not fail.

    As with a service's revision: the state after a failed update holds what was asked for, and only what Cloud Run
    reports tells that it did not happen.
    """
    if pulumi.runtime.is_dry_run():
        return token
    known = Output.all(token, job.name, job.latest_created_executions, job.terminal_conditions)
    return known.apply(lambda values: _checked(*values))


def _checked(token: str, job: str, executions: Optional[Sequence[Any]], conditions: Optional[Sequence[Any]]) -> str:
    execution = executions[0]["name"] if executions else None
    failed = next((each for each in conditions or () if each["state"] != "CONDITION_SUCCEEDED"), None)
    if failed is not None or not str(execution).endswith(token):
        why = (failed.get("message") if failed else None) or f"the last execution is {execution}, not ...{token}"
        raise pulumi.RunError(
            f"{job}: the migration of this version did not end well: {why}. The version before keeps the traffic."
            f" Its log: gcloud run jobs executions list --job {job}. To run the same again, change redeploy"
        )
    return token
