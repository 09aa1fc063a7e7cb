"""What happens around a deploy: it does not start into an alarm, migrates first, and never ends in a lie.

The hooks run in the program, with its credentials, in the region of the cluster. ECS itself rolls back; they only hold
a deploy up or tell what became of it.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import pulumi
from pulumi import ErrorHook, ErrorHookArgs, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions

from ..rollout import DeploymentTime, Rollout
from .credentials import Aws, Credentials, DeployError, firing_alarms, indented
from .task import CONTAINER

_POLL_SECONDS = 2.0
_LOG_LINES = 20
_EVENTS = 5
_STOPPED_TASKS = 2
# The provider's words when a deployment does not become steady; a service that is being created has no id yet.
_WAITED_FOR = re.compile(r"waiting for ECS Service \((?P<service>arn:[^)]+)\)")


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What has to go well before a service is updated."""

    migrate: Optional[Sequence[str]] = None
    """Command that runs once as a task of the new image."""
    smoke_test: Optional[Sequence[str]] = None
    """Command that runs after it, as a task too."""
    task_timeout: int = 900
    """Seconds that each may take."""
    ignore_alarms: bool = False
    """Start although a rollback alarm is firing."""


def deployment_hooks(
    name: str, *, rollout: Rollout, longest: DeploymentTime, gates: Gates, credentials: Credentials
) -> ResourceHookBinding:
    """The hooks of an `aws.ecs.Service`.

    Args:
        name: prefix of the hooks' names, which are global in a program.
        longest: how long a deploy takes at worst.
    """

    def announce(args: ResourceHookArgs) -> None:
        pulumi.log.info(f"{args.name}: {announcement(rollout, longest, gates)}")

    async def prepare(args: ResourceHookArgs) -> None:
        aws = await asyncio.to_thread(credentials.session, args.new_inputs["cluster"])  # type: ignore[index]
        if not gates.ignore_alarms:
            await asyncio.to_thread(refuse_firing_alarms, aws, args)
        if await asyncio.to_thread(is_same_image, aws, args):
            return
        for what, command in (("migrate", gates.migrate), ("smoke test", gates.smoke_test)):
            if command is not None:
                await run_once(aws, args, what, command, gates.task_timeout)

    async def verify(args: ResourceHookArgs) -> None:
        aws = await asyncio.to_thread(credentials.session, args.new_inputs["cluster"])  # type: ignore[index]
        await asyncio.to_thread(require_deployed, aws, args)

    async def explain(args: ErrorHookArgs) -> bool:
        inputs = args.new_inputs
        waited_for = _WAITED_FOR.search(args.errors[0]) if args.errors else None
        if inputs is None or waited_for is None:
            return False  # the call itself failed, and says why
        aws = await asyncio.to_thread(credentials.session, inputs["cluster"])
        report = await asyncio.to_thread(
            describe_failure, aws, inputs["cluster"], waited_for["service"], inputs["taskDefinition"]
        )
        pulumi.log.error(f"{args.name}: {report}")
        return False

    def hook(moment: str, run: Callable[[ResourceHookArgs], Any], *, in_preview: bool = False) -> ResourceHook:
        return ResourceHook(f"{name}-{moment}", run, ResourceHookOptions(on_dry_run=in_preview))

    before: list[Any] = [hook("announce", announce, in_preview=True), hook("prepare", prepare)]
    after: list[Any] = [hook("verify", verify)]
    return ResourceHookBinding(
        before_create=before,
        before_update=before,
        after_create=after,
        after_update=after,
        on_error=[ErrorHook(f"{name}-explain", explain)],
    )


def announcement(rollout: Rollout, longest: DeploymentTime, gates: Gates) -> str:
    """What a deploy is about to do, in one line."""
    tasks = sum(command is not None for command in (gates.migrate, gates.smoke_test))
    minutes = -(-(longest.total + tasks * gates.task_timeout) // 60)
    first = f"; `{' '.join(gates.migrate)}` runs first if the image changes" if gates.migrate else ""
    waits = (
        f"; it waits up to {rollout.approval_minutes} min for `aws ecs continue-service-deployment`"
        if rollout.shifts_traffic and rollout.approval_minutes
        else ""
    )
    return f"a {rollout.strategy.value} deploy ends, well or rolled back, within {minutes} min{first}{waits}"


# Before


def refuse_firing_alarms(aws: Aws, args: ResourceHookArgs) -> None:
    """ECS ignores, for the whole deployment, an alarm that fires when it starts.

    Raises:
        DeployError: one does.
    """
    names = ((args.new_inputs or {}).get("alarms") or {}).get("alarmNames") or []
    if firing := firing_alarms(aws, names):
        raise DeployError(
            f"not started: {', '.join(firing)} is in ALARM, so ECS would not go back however the deploy went."
            " Wait until it is OK, or set ignore_alarms=True for this deploy"
        )


def is_same_image(aws: Aws, args: ResourceHookArgs) -> bool:
    """Whether the update runs the image that runs already."""
    old = (args.old_outputs or {}).get("taskDefinition")
    if old is None:
        return False
    ecs = aws.client("ecs")
    return image_of(ecs, str(old)) == image_of(ecs, (args.new_inputs or {})["taskDefinition"])


def image_of(ecs: Any, task_definition: str) -> str:
    """The app's image in a revision."""
    return str(_container(ecs, task_definition)["image"])


async def run_once(aws: Aws, args: ResourceHookArgs, what: str, command: Sequence[str], timeout: int) -> None:
    """Run a command as a task of the new revision, where the service runs, and show its log.

    Raises:
        DeployError: it did not end with 0 in time; then the update is not attempted.
    """
    inputs = args.new_inputs or {}
    ecs = aws.client("ecs")
    task = await asyncio.to_thread(_start, ecs, inputs, what, command)
    shown = f"{what} (`{' '.join(command)}`)"
    deadline = time.monotonic() + timeout
    try:
        while task["lastStatus"] != "STOPPED":
            if time.monotonic() > deadline:
                raise DeployError(
                    f"{shown} did not end within {timeout} s and was stopped; the service was not touched"
                    + indented(await asyncio.to_thread(last_lines, aws, task))
                )
            await asyncio.sleep(_POLL_SECONDS)
            task = await asyncio.to_thread(_task, ecs, task)
    finally:  # also when the program is cancelled
        if task["lastStatus"] != "STOPPED":
            ecs.stop_task(cluster=task["clusterArn"], task=task["taskArn"], reason=f"{what}: time is up")
    lines = await asyncio.to_thread(last_lines, aws, task)
    code = _exit_code(task)
    if code != 0:
        raise DeployError(f"{shown} failed: {_how_it_ended(task)}; the service was not touched{indented(lines)}")
    pulumi.log.info(f"{args.name}: {shown} ended with 0{indented(lines)}")


def _start(ecs: Any, inputs: Mapping[str, Any], what: str, command: Sequence[str]) -> Any:
    network = inputs["networkConfiguration"]
    answer = ecs.run_task(
        cluster=inputs["cluster"],
        taskDefinition=inputs["taskDefinition"],
        launchType="FARGATE",
        count=1,
        startedBy=f"pulumi-fastapi {what}",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": list(network["subnets"]),
                "securityGroups": list(network["securityGroups"]),
                "assignPublicIp": "ENABLED" if network.get("assignPublicIp") else "DISABLED",
            }
        },
        overrides={"containerOverrides": [{"name": CONTAINER, "command": list(command)}]},
    )
    if not answer["tasks"]:
        reasons = ", ".join(failure.get("reason", "no reason given") for failure in answer["failures"])
        raise DeployError(f"{what} could not start: {reasons}; the service was not touched")
    return answer["tasks"][0]


def _task(ecs: Any, task: Mapping[str, Any]) -> Any:
    return ecs.describe_tasks(cluster=task["clusterArn"], tasks=[task["taskArn"]])["tasks"][0]


# After


def require_deployed(aws: Aws, args: ResourceHookArgs) -> None:
    """A deployment that ECS rolled back is a success to the provider.

    Raises:
        DeployError: another revision runs than the one that was asked for.
    """
    inputs, outputs = args.new_inputs or {}, args.new_outputs or {}
    asked, recorded = inputs["taskDefinition"], outputs.get("taskDefinition")
    service = _service(aws, inputs["cluster"], args.id)
    if asked == recorded == service.get("taskDefinition"):
        return
    raise DeployError(describe_failure(aws, inputs["cluster"], args.id, asked))


def describe_failure(aws: Aws, cluster: str, service_id: str, asked: str) -> str:
    """Why a deployment is not what was asked for: what runs now, the events, the stopped tasks and their log."""
    service = _service(aws, cluster, service_id)
    running = service.get("taskDefinition", "nothing")
    stopped = _stopped_tasks(aws, cluster, service, asked)
    ready, wanted = service.get("runningCount", 0), service.get("desiredCount", 0)
    lines = [
        _verdict(asked, running, stopped),
        f"  asked for  {_revision(asked)}",
        f"  runs now   {_revision(running)}, {ready} of {wanted} tasks",
    ]
    for task in stopped:
        lines.append(f"  stopped    task {task['taskArn'].split('/')[-1]}: {_how_it_ended(task)}")
        lines += [f"    | {line}" for line in last_lines(aws, task)]
    lines += [f"  event      {event['message']}" for event in (service.get("events") or [])[:_EVENTS]]
    return "\n".join(lines)


def _verdict(asked: str, running: str, stopped: Sequence[Any]) -> str:
    if asked != running:
        return "ECS rolled the deployment back"
    if stopped:
        return "the deployment is failing: its tasks stop"
    return "the deployment is slow: no task stopped, and not all are ready; ECS goes on with it"


def _service(aws: Aws, cluster: str, service_id: str) -> Mapping[str, Any]:
    ecs = aws.client("ecs")
    found = ecs.describe_services(cluster=cluster, services=[service_id])["services"]
    return found[0] if found else {}


def _stopped_tasks(aws: Aws, cluster: str, service: Mapping[str, Any], asked: str) -> list[Any]:
    if not service:
        return []
    ecs = aws.client("ecs")
    arns = ecs.list_tasks(cluster=cluster, serviceName=service["serviceName"], desiredStatus="STOPPED")["taskArns"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns[:100])["tasks"] if arns else []
    of_deploy = [task for task in tasks if task["taskDefinitionArn"] == asked]
    return sorted(of_deploy, key=lambda task: str(task.get("stoppedAt", "")), reverse=True)[:_STOPPED_TASKS]


def last_lines(aws: Aws, task: Mapping[str, Any]) -> list[str]:
    """The end of what a task's container wrote; empty when it wrote nothing, or not to CloudWatch Logs."""
    from botocore.exceptions import ClientError

    container = _container(aws.client("ecs"), task["taskDefinitionArn"])
    options = (container.get("logConfiguration") or {}).get("options") or {}
    if "awslogs-group" not in options:
        return []
    stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{task['taskArn'].split('/')[-1]}"
    try:
        events = aws.client("logs").get_log_events(
            logGroupName=options["awslogs-group"], logStreamName=stream, limit=_LOG_LINES
        )["events"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":  # it stopped before it wrote anything
            return []
        raise
    return [event["message"].rstrip() for event in events]


def _container(ecs: Any, task_definition: str) -> Mapping[str, Any]:
    found = ecs.describe_task_definition(taskDefinition=task_definition)["taskDefinition"]["containerDefinitions"]
    own: Mapping[str, Any] = next(each for each in found if each["name"] == CONTAINER)
    return own


def _exit_code(task: Mapping[str, Any]) -> Optional[int]:
    codes = [each.get("exitCode") for each in task.get("containers") or [] if each["name"] == CONTAINER]
    return codes[0] if codes else None


def _how_it_ended(task: Mapping[str, Any]) -> str:
    code = _exit_code(task)
    ended = "the app did not start" if code is None else f"the app ended with {code}"
    reasons = [each["reason"] for each in task.get("containers") or [] if each.get("reason")]
    return " - ".join([task.get("stoppedReason") or "no reason given", ended, *reasons])


def _revision(task_definition: str) -> str:
    return task_definition.split("/")[-1]
