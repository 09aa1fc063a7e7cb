"""What happens around a release of a function: an image that Lambda takes, a migration, a version that is ready, and
traffic that moves in steps and comes back when an alarm fires.

The hooks run in the program, with its credentials, before the alias is touched: if one fails, the alias stays at the
version that serves, `up` fails, and the next `up` tries again.
"""

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

import pulumi
from pulumi import Output, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions

from ..traffic_shift import TrafficShift
from .credentials import Aws, Credentials, DeployError, firing_alarms, indented
from .http_event import http_event
from .registry import ECR_IMAGE

SINGLE_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
"""What Lambda takes; an index of several manifests, as for many platforms or with attestations, it refuses."""
_INDEXES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_POLL_SECONDS = 2.0
_WATCH_SECONDS = 10.0
_ACTIVE_SECONDS = 600
_WARM_SECONDS = 900
_BUSY_SECONDS = 120
_INVOKE_MARGIN = 15  # for the answer to arrive, and the environment to start
_LOG_LINES = 20
_AGENT = "pulumi-fastapi-release"


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What has to go well before a version gets traffic."""

    readiness_path: str = "/-/ready"
    """Path that must answer 200."""
    startup: int = 60
    """Seconds within which it must."""
    timeout: int = 30
    """Longest invocation of the function in seconds."""
    migrate: Optional[Sequence[str]] = None
    """Command that runs once in the new image before that."""
    task_timeout: int = 900
    """Seconds that it may take."""
    ignore_alarms: bool = False
    """Start although an alarm is firing."""
    provisioned: bool = False
    """The alias has provisioned concurrency."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What the hooks need to know of resources; known when the alias is."""

    function_arn: Output[str]
    """ARN of the function."""
    alarm_names: Output[Sequence[str]]
    """Alarms that send traffic back."""
    migrator: Optional[Output[str]] = None
    """Name of the function that runs the migration."""


def function_hooks(name: str, credentials: Credentials) -> ResourceHookBinding:
    """The hooks of an `aws.lambda_.Function`: its image is one that Lambda takes, or it is not touched."""

    async def check(args: ResourceHookArgs) -> None:
        inputs = args.new_inputs or {}
        image = ECR_IMAGE.fullmatch(str(inputs["imageUri"]))
        if image is None:
            raise DeployError(f"Lambda runs images of Amazon ECR only, got {inputs['imageUri']}")
        account = str(inputs["role"]).split(":")[4]
        aws = await asyncio.to_thread(credentials.session, f"arn:aws:ecr:{image['region']}:{account}:repository")
        await asyncio.to_thread(require_single_manifest, aws, image)

    before = [ResourceHook(f"{name}-image", check)]
    return ResourceHookBinding(before_create=before, before_update=before)  # type: ignore[arg-type]


def release_hooks(
    name: str, *, shift: TrafficShift, gates: Gates, watched: Watched, credentials: Credentials
) -> ResourceHookBinding:
    """The hooks of an `aws.lambda_.Alias`.

    Args:
        name: prefix of the hooks' names, which are global in a program.
    """

    def announce(args: ResourceHookArgs) -> None:
        pulumi.log.info(f"{args.name}: {announcement(shift, gates)}")

    async def warm(args: ResourceHookArgs) -> None:
        arn = await _known(watched.function_arn)
        await wait_until_warm(await asyncio.to_thread(credentials.session, arn), Move.of(args, arn))

    async def release(args: ResourceHookArgs) -> None:
        arn = await _known(watched.function_arn)
        aws = await asyncio.to_thread(credentials.session, arn)
        move = await asyncio.to_thread(as_it_serves, aws, Move.of(args, arn))
        if move.new == move.old:
            return
        alarms = await _known(watched.alarm_names)
        if gates.ignore_alarms:
            fired = await asyncio.to_thread(firing_alarms, aws, alarms)
            alarms = [alarm for alarm in alarms if alarm not in fired]
        elif move.old is not None:
            await asyncio.to_thread(refuse_firing_alarms, aws, alarms)
        await wait_until_active(aws, move)
        if (
            gates.migrate is not None
            and watched.migrator is not None
            and not await asyncio.to_thread(is_same_image, aws, move)
        ):
            await migrate(aws, await _known(watched.migrator), gates.migrate, gates.task_timeout)
        await require_ready(aws, move, gates.readiness_path, gates.startup, gates.timeout)
        pulumi.log.info(f"{args.name}: version {move.new} is ready")
        if move.old is not None:
            await shift_traffic(aws, move, shift, alarms, lambda line: pulumi.log.info(f"{args.name}: {line}"))

    before: list[Any] = [
        ResourceHook(f"{name}-announce", announce, ResourceHookOptions(on_dry_run=True)),
        ResourceHook(f"{name}-release", release),
    ]
    after: list[Any] = [ResourceHook(f"{name}-warm", warm)] if gates.provisioned else []
    return ResourceHookBinding(before_create=before, before_update=before, after_update=after)


async def _known(output: Output[Any]) -> Any:
    return await output.future()


def announcement(shift: TrafficShift, gates: Gates) -> str:
    """What a release is about to do, in one line."""
    seconds = gates.startup + shift.seconds + (gates.task_timeout if gates.migrate else 0)
    first = f"; `{' '.join(gates.migrate)}` runs first if the image changes" if gates.migrate else ""
    return f"a {shift.strategy.value} release ends, well or taken back, within {-(-seconds // 60)} min{first}"


class Move(NamedTuple):
    """An alias that goes from one version to another."""

    function: str
    alias: str
    old: Optional[str]
    """Version that serves; None when the alias is new."""
    new: str

    @classmethod
    def of(cls, args: ResourceHookArgs, function_arn: str) -> "Move":
        """What the engine is about to do."""
        inputs, before = args.new_inputs or {}, args.old_outputs or {}
        old = before.get("functionVersion")
        return cls(
            function=function_arn.split(":")[6],
            alias=str(inputs["name"]),
            old=None if old is None else str(old),
            new=str(inputs["functionVersion"]),
        )


def as_it_serves(aws: Aws, move: Move) -> Move:
    """The same move from the version that serves now: a rollback may have gone behind the state's back."""
    if move.old is None:
        return move
    client = aws.client("lambda")
    try:
        return move._replace(old=client.get_alias(FunctionName=move.function, Name=move.alias)["FunctionVersion"])
    except client.exceptions.ResourceNotFoundException:
        return move._replace(old=None)  # deleted, too; the update will say so


# Images


def require_single_manifest(aws: Aws, image: "re.Match[str]") -> None:
    """Lambda refuses an index of manifests, in words that name neither the cause nor the fix.

    Raises:
        DeployError: the image is one, or is not there.
    """
    tag_or_digest = {"imageDigest": image["digest"]} if image["digest"] else {"imageTag": image["tag"] or "latest"}
    answer = aws.client("ecr").batch_get_image(
        registryId=image["account"],
        repositoryName=image["repository"],
        imageIds=[tag_or_digest],
        acceptedMediaTypes=[*SINGLE_MANIFESTS, *_INDEXES],
    )
    if not answer["images"]:
        raise DeployError(f"there is no image {image[0]}; the function was not touched")
    found = answer["images"][0]
    kind = found.get("imageManifestMediaType") or json.loads(found["imageManifest"]).get("mediaType")
    if kind not in SINGLE_MANIFESTS:
        raise DeployError(
            f"{image[0]} is {kind}, an index of several manifests, which Lambda does not take; build it for one"
            " platform and without attestations (docker buildx build --provenance=false --sbom=false), or name the"
            " digest of the one manifest in it; the function was not touched"
        )


# Before a version gets traffic


def refuse_firing_alarms(aws: Aws, names: Sequence[str]) -> None:
    """An alarm that fires already could not tell that the new version is at fault.

    Raises:
        DeployError: one does.
    """
    if found := firing_alarms(aws, names):
        raise DeployError(
            f"not started: {', '.join(found)} is in ALARM, so nothing would tell a bad version from a good one."
            " Wait until it is OK, or set ignore_alarms=True for this release"
        )


async def wait_until_active(aws: Aws, move: Move) -> None:
    """A new version answers only once Lambda has taken in its image.

    Raises:
        DeployError: it could not, or not in time.
    """
    client, deadline = aws.client("lambda"), time.monotonic() + _ACTIVE_SECONDS
    while True:
        found = await asyncio.to_thread(
            client.get_function_configuration, FunctionName=move.function, Qualifier=move.new
        )
        state, reason = found.get("State", "Active"), found.get("StateReason", "no reason given")
        if state in ("Active", "Inactive"):  # an inactive one starts when it is invoked
            return
        if state == "Failed" or time.monotonic() > deadline:
            raise DeployError(f"version {move.new} is {state}: {reason}; {_untouched(move)}")
        await asyncio.sleep(_POLL_SECONDS)


def is_same_image(aws: Aws, move: Move) -> bool:
    """Whether the new version runs the image that serves already."""
    if move.old is None:
        return False
    client = aws.client("lambda")
    old, new = (
        client.get_function_configuration(FunctionName=move.function, Qualifier=version)["CodeSha256"]
        for version in (move.old, move.new)
    )
    return bool(old == new)


async def migrate(aws: Aws, migrator: str, command: Sequence[str], seconds: int) -> None:
    """Run a command in the new image, in a function of its own that may take longer than a request.

    Raises:
        DeployError: it did not end with 0.
    """
    shown = f"migrate (`{' '.join(command)}`)"
    event = {"fastapi_runtime": {"run": list(command)}}
    answer = await asyncio.to_thread(invoke, aws, migrator, "$LATEST", event, seconds)
    if answer.error is not None:
        raise DeployError(f"{shown} failed: {answer.error}; no traffic was moved{indented(answer.log)}")
    result = answer.payload if isinstance(answer.payload, Mapping) else {}
    lines = str(result.get("output", "")).splitlines()[-_LOG_LINES:]
    if result.get("exitCode") != 0:
        raise DeployError(f"{shown} ended with {result.get('exitCode')}; no traffic was moved{indented(lines)}")
    pulumi.log.info(f"{shown} ended with 0{indented(lines)}")


async def require_ready(aws: Aws, move: Move, path: str, startup: int, timeout: int) -> None:
    """Ask the new version itself, past alias and entry, until it is ready.

    Raises:
        DeployError: it does not start, or is not ready in time; with its log.
    """
    deadline = time.monotonic() + startup
    while True:
        answer = await asyncio.to_thread(invoke, aws, move.function, move.new, _ask(path), timeout)
        if answer.error is not None:
            raise DeployError(
                f"version {move.new} does not start: {answer.error}; {_untouched(move)}{indented(answer.log)}"
            )
        result = answer.payload if isinstance(answer.payload, Mapping) else {}
        if result.get("statusCode") == 200:
            return
        if time.monotonic() > deadline:
            raise DeployError(
                f"version {move.new} answers {path} with {result.get('statusCode')} after {startup} s:"
                f" {result.get('body') or answer.payload}; {_untouched(move)}{indented(answer.log)}"
            )
        await asyncio.sleep(_POLL_SECONDS)


def _ask(path: str) -> dict[str, Any]:
    return http_event(
        path,
        agent=_AGENT,
        request_id=f"release-{time.time_ns()}",
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def _untouched(move: Move) -> str:
    return "no traffic was moved" if move.old is None else f"version {move.old} keeps all traffic"


class Answer(NamedTuple):
    """What an invocation came to."""

    payload: Any
    error: Optional[str]
    """Of the function, not of the app: it did not start, ran out of time or memory."""
    log: Sequence[str]
    """The end of its log."""


def invoke(aws: Aws, function: str, qualifier: str, event: Mapping[str, Any], seconds: int) -> Answer:
    """Invoke one version and wait for its answer, once: an invocation that runs must not be sent again.

    One that Lambda refuses, as all environments are busy, is: it did not run.
    """
    client = aws.client("lambda", read_timeout=seconds + _INVOKE_MARGIN, retries={"total_max_attempts": 1})
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            answer = client.invoke(
                FunctionName=function, Qualifier=qualifier, LogType="Tail", Payload=json.dumps(event).encode()
            )
            break
        except client.exceptions.TooManyRequestsException as refused:
            if time.monotonic() > deadline:
                return Answer(None, f"no environment was free for {_BUSY_SECONDS} s: {refused}", [])
            time.sleep(_POLL_SECONDS)
    payload = json.loads(answer["Payload"].read() or b"null")
    log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").splitlines()[-_LOG_LINES:]
    error = None
    if answer.get("FunctionError"):
        told = payload if isinstance(payload, Mapping) else {}
        error = f"{told.get('errorType', answer['FunctionError'])}: {told.get('errorMessage', payload)}"
    return Answer(payload, error, log)


# Traffic


async def wait_until_warm(aws: Aws, move: Move) -> None:
    """Lambda keeps the old version until the new one's environments are started; a change meanwhile is refused.

    Raises:
        DeployError: it could not start them; the new version serves, without any that are started beforehand.
    """
    client, deadline = aws.client("lambda"), time.monotonic() + _WARM_SECONDS
    while True:
        try:
            found = await asyncio.to_thread(
                client.get_provisioned_concurrency_config, FunctionName=move.function, Qualifier=move.alias
            )
        except client.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            return  # it is about to be made, and its own resource waits for it
        if found["Status"] == "READY":
            return
        if found["Status"] == "FAILED" or time.monotonic() > deadline:
            raise DeployError(
                f"version {move.new} serves, but its provisioned concurrency is {found['Status']}:"
                f" {found.get('StatusReason', 'no reason given')}"
            )
        await asyncio.sleep(_POLL_SECONDS)


async def shift_traffic(
    aws: Aws, move: Move, shift: TrafficShift, alarms: Sequence[str], say: Callable[[str], None]
) -> None:
    """Give the new version its shares, step by step; the engine then makes it the only one.

    Raises:
        DeployError: an alarm fired; the old version has all traffic again, as it has when the program is stopped.
    """
    done = False
    try:
        for step in shift.steps:
            await asyncio.to_thread(set_weight, aws, move, step.percent)
            say(f"version {move.new} gets {step.percent:g} % of the traffic for {step.seconds} s")
            await _watch(aws, move, step.percent, step.seconds, alarms)
        done = True
    finally:
        if not done:
            set_weight(aws, move, 0)


async def _watch(aws: Aws, move: Move, percent: float, seconds: float, alarms: Sequence[str]) -> None:
    deadline = time.monotonic() + seconds
    while True:
        if found := await asyncio.to_thread(firing_alarms, aws, alarms):
            raise DeployError(
                f"went back: {', '.join(found)} fired while version {move.new} had {percent:g} % of the traffic;"
                f" version {move.old} has all of it again"
            )
        left = deadline - time.monotonic()
        if left <= 0:
            return
        await asyncio.sleep(min(_WATCH_SECONDS, left))


def set_weight(aws: Aws, move: Move, percent: float) -> None:
    """Let the alias give the new version that share, and the old one the rest."""
    weights = {move.new: percent / 100} if percent else {}
    aws.client("lambda").update_alias(
        FunctionName=move.function,
        Name=move.alias,
        FunctionVersion=move.old,
        RoutingConfig={"AdditionalVersionWeights": weights},
    )
