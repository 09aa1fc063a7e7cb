"""Run a Pulumi program in this process, without engine, cloud or login, and look at what it asks for.

def program():
    bucket = aws.s3.Bucket("data", force_destroy=True)
    pulumi.export("name", bucket.bucket)

result = plan(program)
assert result.find(aws.s3.Bucket, "data").inputs["forceDestroy"] is True
"""

import asyncio
import contextvars
import gc
import json
import os
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from inspect import CORO_CREATED, getcoroutinestate, isawaitable
from types import CoroutineType, TracebackType
from typing import Any, Optional

import pulumi
from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.settings import ROOT, SETTINGS, Settings, _get_rpc_manager
from pulumi.runtime.stack import Stack, wait_for_rpcs

from .offline import DEFAULT_REGION, PROJECT, Place
from .planned import (
    Message,
    Options,
    Plan,
    PlanError,
    Properties,
    Resource,
    ResourceLookupError,
    Secret,
    Unknown,
    UnknownValueError,
    has_secret,
    is_unknown,
)
from .recorder import FEATURES, Callbacks, Log, Recorder

__all__ = [
    "Message",
    "Options",
    "Plan",
    "PlanError",
    "Properties",
    "Resource",
    "ResourceLookupError",
    "Secret",
    "Unknown",
    "UnknownValueError",
    "is_unknown",
    "plan",
]

_BACKGROUND_SECONDS = 5
_SHORTEST_SECRET = 6


def plan(
    program: Callable[[], object],
    *,
    project: str = "project",
    stack: str = "stack",
    organization: str = "organization",
    config: Optional[Mapping[str, Any]] = None,
    secret_config: Optional[Mapping[str, Any]] = None,
    stack_references: Optional[Mapping[str, Mapping[str, Any]]] = None,
    invokes: Optional[Mapping[str, Any]] = None,
    preview: bool = True,
) -> Plan:
    """Run `program` to its end and return what it asks for; what it raises, also inside `apply`, is raised.

    - `config`: stack configuration; a key without namespace is the project's, what is not text is written as JSON.
      `Secret(...)` values, and everything in `secret_config`, are secret.
    - `stack_references`: outputs of other stacks by the name the program uses: `{"org/net/dev": {"vpc_id": "vpc-1"}}`.
    - `invokes`: answers of provider functions by token, as a mapping or a function of the arguments, for those that
      have none offline.
    - `preview`: True runs the program as `pulumi preview` does on an empty stack: what a cloud computes is unknown.
      False runs it as `pulumi up`: ids, ARNs and common attributes get stand-in values, so code inside `apply` runs.
    """
    settings, secret_keys = _configuration(project, config or {}, secret_config or {})
    region = settings.get("aws:region") or settings.get("gcp:region") or _environment_region()
    place = Place(region, project=settings.get("gcp:project") or PROJECT)
    recorder = Recorder(project, stack, preview, place, stack_references or {}, invokes or {})

    def run() -> None:
        ROOT.set(None)
        pulumi.runtime.set_all_config(settings, secret_keys)
        _configure(
            monitor=recorder,
            callbacks=Callbacks(recorder),
            engine=Log(recorder.messages),
            monitor_features=set(FEATURES),
            project=project,
            stack=stack,
            organization=organization,
            dry_run=preview,
        )
        with _event_loop() as loop:
            loop.run_until_complete(_run_to_the_end(program, loop))

    try:
        _in_a_context_of_its_own(run)
    except Exception:
        if recorder.reads_stacks:
            _close_forgotten_coroutines()
        raise
    stack_resource = recorder.stack_resource
    return Plan(
        project=project,
        stack=stack,
        preview=preview,
        region=region,
        resources=recorder.order,
        outputs=stack_resource.outputs if stack_resource else Properties("the stack", {}),
        messages=recorder.messages,
        secrets=frozenset(_secret_texts([config, Secret(secret_config), stack_references])),
    )


# Running the program


async def _run_to_the_end(program: Callable[[], object], loop: "_Loop") -> None:
    try:
        stack = Stack()
        result = program()
        if isawaitable(result):
            await result
        entry_point = stack._take_async_program()
        if entry_point is not None:
            stack._add_program_outputs(await entry_point())
        stack._finish()
        await _settle()
        await _finish_background_tasks(loop)
    except Exception as error:
        own = _own_error(error)
        cause = own.__cause__
        raise own from (None if cause is own or cause is error else cause)


async def _settle() -> None:
    """Wait for every registration and output. (`wait_for_rpcs` alone looks at all of them each time one is done.)"""
    while waiting := [each for each in (*_get_rpc_manager().rpcs, *SETTINGS.outputs) if not each.done()]:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
        if any(each.cancelled() or each.exception() is not None for each in done):
            break
    await wait_for_rpcs()


async def _finish_background_tasks(loop: "_Loop") -> None:
    """Wait for tasks the program started and did not await: a failure there must fail the plan too."""
    me = asyncio.current_task()
    while pending := [task for task in loop.tasks if task is not me and not task.done()]:
        _, running = await asyncio.wait(pending, timeout=_BACKGROUND_SECONDS)
        if running:
            names = ", ".join(sorted({getattr(task.get_coro(), "__qualname__", "task") for task in running}))
            raise PlanError(f"the program left tasks running that do not end: {names}; await or cancel them")
        await _settle()
    for task in loop.tasks:
        # asyncio's own mark of an exception that nobody looked at.
        if task.done() and not task.cancelled() and getattr(task, "_log_traceback", False):
            task.result()


def _own_error(error: BaseException) -> BaseException:
    """What the program itself raised: the SDK wraps an error inside `apply` for every resource that uses it."""
    if isinstance(error, KeyError) and (missing := _missing_stack_output(error)) is not None:
        return missing
    seen = {id(error)}
    while error.__cause__ is not None and id(error.__cause__) not in seen:
        cause = error.__cause__
        seen.add(id(cause))
        wrapped = str(error).startswith(("While processing resource", "While processing input"))
        if isinstance(cause, pulumi.RunError):  # written for the user, and its frames may be gone: several awaited it
            return cause
        if isinstance(cause, KeyError) and (missing := _missing_stack_output(cause)) is not None:
            return missing
        if not wrapped or (not str(cause).startswith("While processing") and _raised_by_sdk(cause)):
            break
        error = cause
    return error


def _close_forgotten_coroutines() -> None:
    """`StackReference` hands coroutines to an Output, which drops them on a failure; Python would warn much later."""
    forgotten = {getattr(pulumi.Output, name).__code__ for name in ("future", "is_known", "is_secret", "resources")}
    for each in gc.get_objects():
        if type(each) is CoroutineType and each.cr_code in forgotten and getcoroutinestate(each) == CORO_CREATED:
            each.close()


def _frames(error: BaseException) -> Iterator[TracebackType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _raised_by_sdk(error: BaseException) -> bool:
    *_, last = _frames(error)
    return str(last.tb_frame.f_globals.get("__name__", "")).startswith("pulumi.")


def _missing_stack_output(error: KeyError) -> Optional[PlanError]:
    """`StackReference.require_output` raises a bare KeyError; say which output of which stack."""
    for traceback in _frames(error):
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__") == "pulumi.stack_reference" and "l" in frame.f_locals:
            name, outputs = frame.f_locals["l"]
            given = ", ".join(sorted(outputs)) or "none"
            monitor = pulumi.runtime.settings.get_monitor()
            stacks = [
                reference
                for reference, values in getattr(monitor, "stack_references", {}).items()
                if set(values) == set(outputs)
            ]
            return PlanError(f"stack reference {' or '.join(map(repr, stacks))} has no output {name!r}; given: {given}")
    return None


def _in_a_context_of_its_own(run: Callable[[], None]) -> None:
    """The SDK keeps its state in context variables, so a copied context isolates one plan from everything else."""
    context = contextvars.copy_context()
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        context.run(run)
        return
    # Called from a coroutine: this thread's loop is taken.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(context.run, run).result()


def _configure(**settings: Any) -> None:
    """Set SDK settings in this context only; assigning the attributes would change the default of others too."""
    fresh = {
        "rpc_manager": RPCManager(),  # type: ignore[no-untyped-call]
        "outputs": set(),
        "lock": threading.Lock(),
        "parallel": None,
        "legacy_apply_enabled": False,
        "package_refs": {},
        "base_providers_by_ref": {},
        "root_directory": ".",
    }
    for name, value in (fresh | settings).items():
        vars(Settings)[name]._data.set(value)


class _Loop(asyncio.SelectorEventLoop):
    """Answers the SDK's calls in place instead of on a thread, and notices when nothing can happen any more."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[asyncio.Task[Any]] = []
        self._threads = threading.active_count()
        self.set_task_factory(self._task)
        # After a failure many futures carry the same error that nobody will read.
        self.set_exception_handler(lambda *_: None)

    def _task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        self.tasks.append(task)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        if executor is not None or getattr(func, "__module__", "") != "pulumi.runtime._context":
            return super().run_in_executor(executor, func, *args)
        answer = self.create_future()
        try:
            answer.set_result(func(*args))
        except Exception as error:
            answer.set_exception(error)
        return answer

    @property
    def ready(self) -> bool:
        """Whether a callback waits to be run."""
        return bool(self._ready)  # type: ignore[attr-defined]

    def _run_once(self) -> None:
        idle = not self.ready and not self._scheduled and not self._stopping  # type: ignore[attr-defined]
        only_self_pipe = len(self._selector.get_map()) <= 1  # type: ignore[attr-defined]
        if idle and only_self_pipe and threading.active_count() <= self._threads:
            raise PlanError(
                "the program waits for a value that never comes; is there an Output that depends on itself?"
            )
        super()._run_once()  # type: ignore[misc]


@contextmanager
def _event_loop() -> Generator[_Loop, None, None]:
    """A loop that leaves nothing behind. The collector pauses: little of a plan is garbage before its end."""
    collecting = gc.isenabled()
    gc.disable()
    loop = _Loop()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", r"coroutine 'Output\.", RuntimeWarning
            )  # _close_forgotten_coroutines, early
            try:
                yield loop
            finally:
                _end_tasks(loop)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        loop.tasks.clear()
        if collecting:
            gc.enable()


def _end_tasks(loop: _Loop) -> None:
    """After a failure: let end what can (a cancelled task may leave coroutines behind), cancel what is stuck."""
    while loop.ready:
        loop.run_until_complete(asyncio.sleep(0))
    while leftovers := asyncio.all_tasks(loop):
        for task in leftovers:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*leftovers, return_exceptions=True))


# Configuration


def _configuration(
    project: str, config: Mapping[str, Any], secret_config: Mapping[str, Any]
) -> tuple[dict[str, str], list[str]]:
    """Configuration as the SDK keeps it: text by full key, and the keys that are secret."""
    values = {_full_key(project, key): value for key, value in config.items()}
    secrets = {_full_key(project, key): value for key, value in secret_config.items()}
    secret_keys = [*secrets, *(key for key, value in values.items() if has_secret(value))]
    return {key: _config_text(value) for key, value in (values | secrets).items()}, secret_keys


def _full_key(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _config_text(value: Any) -> str:
    bare = _without_secrets(value)
    return bare if isinstance(bare, str) else json.dumps(bare)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Secret):
        return _without_secrets(value.value)
    if isinstance(value, Mapping):
        return {key: _without_secrets(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(item) for item in value]
    return value


def _secret_texts(value: Any, *, secret: bool = False) -> Iterator[str]:
    """Every text inside a `Secret`. Short ones are left out: they occur by chance."""
    if isinstance(value, Secret):
        yield from _secret_texts(value.value, secret=True)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secret_texts(item, secret=secret)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secret_texts(item, secret=secret)
    elif secret and isinstance(value, str) and len(value) >= _SHORTEST_SECRET:
        yield value


def _environment_region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
