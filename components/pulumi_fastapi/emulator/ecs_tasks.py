"""How ECS tasks end: moto lets each end well; a fault on `ecs:Task` or `ecs:Deployment` says otherwise."""

import copy
import functools
import inspect
import time
from collections.abc import Mapping
from typing import Any

from pulumi_fastapi.emulator.api import ACCOUNT_ID
from pulumi_fastapi.emulator.faults import Fault, Faults

TASK = "Task"
"""Pseudo-operation whose faults decide how a task that someone runs ends."""

_EXITED = "Essential container in task exited"


def end_tasks_by(faults: Faults) -> None:
    """Let the tasks that are run end as the faults in force say, and be found by the service they belong to."""
    from moto.ecs.models import EC2ContainerServiceBackend

    # A second emulator in one process takes over.
    run = inspect.unwrap(EC2ContainerServiceBackend.run_task)
    listed = inspect.unwrap(EC2ContainerServiceBackend.list_tasks)

    @functools.wraps(run)
    def run_task(self: Any, *arguments: Any, **named: Any) -> Any:
        tasks = run(self, *arguments, **named)
        for task in tasks:
            family = task.task_definition_arn.split("/")[-1].split(":")[0]
            _will_end(self, task, faults.strike(f"ecs:{TASK}", family))
        return tasks

    @functools.wraps(listed)
    def list_tasks(self: Any, *arguments: Any, **named: Any) -> Any:
        service, wanted = named.pop("service_name", None), named.pop("desiredStatus", None)
        found = listed(self, *arguments, **named)
        if service:
            found = [task for task in found if task.group == f"service:{service.split('/')[-1]}"]
        return [task for task in found if wanted in (None, _desired(task))]

    required = inspect.unwrap(EC2ContainerServiceBackend._calculate_task_resource_requirements)

    @functools.wraps(required)
    def requirements(task_definition: Any) -> Any:
        """On Fargate a container needs no memory of its own; moto adds up None."""
        counted = copy.copy(task_definition)
        counted.container_definitions = [{"memory": 0, **each} for each in task_definition.container_definitions]
        return required(counted)

    EC2ContainerServiceBackend._calculate_task_resource_requirements = staticmethod(requirements)  # type: ignore[method-assign]
    EC2ContainerServiceBackend.run_task = run_task  # type: ignore[method-assign]
    EC2ContainerServiceBackend.list_tasks = list_tasks  # type: ignore[method-assign]


def _desired(task: Any) -> str:
    return "STOPPED" if task.last_status == "STOPPED" else str(task.desired_status)


def _will_end(backend: Any, task: Any, fault: Fault | None) -> None:
    if fault is not None and fault.effect == "timeout":
        task.advance = lambda: None  # it runs on
        return
    task.stopped_reason = _EXITED
    if fault is not None:
        task.containers[0].exitCode = fault.exit_code
        _log(backend, task, fault.log)


def fail_deployment(region: str, cluster: str, service: str, network: Mapping[str, Any], fault: Fault) -> None:
    """Leave behind what a deployment that failed leaves: a stopped task with its log, and events of the service."""
    from moto.backends import get_backend

    backend = get_backend("ecs")[ACCOUNT_ID][region]
    made = backend._get_service(cluster, service)
    (task,) = inspect.unwrap(type(backend).run_task)(
        backend,
        cluster,
        made.task_definition,
        1,
        None,
        "ecs-svc/1",
        None,
        "FARGATE",
        networking_configuration=network,
        group=f"service:{made.name}",
    )
    task.stopped_reason, task.last_status, task.desired_status = _EXITED, "STOPPED", "STOPPED"
    task.containers[0].exitCode = fault.exit_code
    _log(backend, task, fault.log)
    for message in (
        f"(service {made.name}) has started 1 tasks: (task {task.id}).",
        f"(service {made.name}) (deployment ecs-svc/1) deployment failed: tasks failed to start.",
    ):
        made.events.insert(0, {"id": task.id, "createdAt": time.time(), "message": message})


def _log(backend: Any, task: Any, text: str | None) -> None:
    from moto.backends import get_backend

    (definition,) = backend.describe_task_definition(task.task_definition_arn).container_definitions[:1]
    options = (definition.get("logConfiguration") or {}).get("options") or {}
    if not text or "awslogs-group" not in options:
        return
    logs = get_backend("logs")[ACCOUNT_ID][task.region_name]
    stream = f"{options['awslogs-stream-prefix']}/{definition['name']}/{task.id}"
    logs.create_log_stream(options["awslogs-group"], stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + index, "message": line} for index, line in enumerate(text.splitlines())]
    logs.put_log_events(options["awslogs-group"], stream, events)
