"""Cloud Run: CPU and memory, probes, traffic, names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_fastapi.emulator.gcp.rules.judging import DNS_LABEL, GI, MI, Rule, items, known, number, quantity, under
from pulumi_fastapi.emulator.gcp.validation import Violation
from pulumi_fastapi.emulator.mapping import ApiPath, dig
from pulumi_fastapi.emulator.values import Properties, has_unknown

_MEMORY_RANGE = {
    1: (128 * MI, 4 * GI),
    2: (128 * MI, 8 * GI),
    4: (2 * GI, 16 * GI),
    6: (4 * GI, 24 * GI),
    8: (4 * GI, 32 * GI),
}
"""Least and most memory of a Cloud Run container by whole vCPUs, in bytes."""
_RESERVED_VARIABLES = frozenset({"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"})
_TAG_AND_SERVICE = 46
_GEN2 = "EXECUTION_ENVIRONMENT_GEN2"


def _service(body: Properties, id: str | None) -> Iterator[Violation]:
    if id is not None and not (len(id) < 50 and DNS_LABEL.fullmatch(id)):
        text = "must begin with a letter, hold lower case letters, digits and hyphens only, end with none of those"
        yield (
            ("name",),
            f"Violation in CreateServiceRequest.service_id: {id!r} {text}, and be shorter than 50 characters",
        )
    template = body.get("template")
    if isinstance(template, Mapping):
        yield from under(("template",), _revision_template(dict(template), id))
    scaling = body.get("scaling")
    if isinstance(scaling, Mapping):
        yield from under(("scaling",), _scaling(dict(scaling)))
    yield from under(("traffic",), _traffic(body.get("traffic"), id))


def _revision_template(template: Properties, service: str | None) -> Iterator[Violation]:
    revision = template.get("revision")
    if isinstance(revision, str):
        if len(revision) > 63 or not DNS_LABEL.fullmatch(revision):
            yield ("revision",), f"{revision!r} must be lower case letters, digits and hyphens, at most 63 characters"
        elif service is not None and not revision.startswith(f"{service}-"):
            yield ("revision",), f"revision name {revision!r} must be prefixed by the service name: {service}-"
    concurrency = number(template, "maxInstanceRequestConcurrency", 0)
    if concurrency is not None and not 0 <= concurrency <= 1000:
        yield ("maxInstanceRequestConcurrency",), f"must be from 1 to 1000, not {concurrency:g}"
    if isinstance(template.get("scaling"), Mapping):
        yield from under(("scaling",), _scaling(dict(template["scaling"])))
    yield from _task(template, longest_timeout=3600)
    for position, container in items(template.get("containers")):
        yield from under(("containers", position), _service_container(container, template))


def _task(template: Properties, longest_timeout: float) -> Iterator[Violation]:
    """What services and jobs have in common."""
    timeout = template.get("timeout")
    seconds = float(timeout[:-1]) if isinstance(timeout, str) and re.fullmatch(r"\d+(\.\d+)?s", timeout) else 1
    if not 0 < seconds <= longest_timeout:
        yield ("timeout",), f"must be from 1s to {longest_timeout:g}s, not {timeout}"
    access = template.get("vpcAccess")
    if isinstance(access, Mapping) and access.get("connector") and access.get("networkInterfaces"):
        yield ("vpcAccess",), "connector and networkInterfaces exclude each other"
    volumes = {volume.get("name") for _, volume in items(template.get("volumes"))}
    volumes_known = not has_unknown(template.get("volumes"))
    for position, container in items(template.get("containers")):
        place: ApiPath = ("containers", position)
        for index, variable in items(container.get("env")):
            if variable.get("name") in _RESERVED_VARIABLES:
                text = (
                    f"The following reserved env names were provided: {variable['name']}. The system sets them itself"
                )
                yield (*place, "env", index, "name"), text
        for index, mount in items(container.get("volumeMounts")):
            if volumes_known and known(mount.get("name")) and mount["name"] not in volumes:
                yield (*place, "volumeMounts", index, "name"), f"volume {mount['name']} does not exist"
        for resource in ("cpu", "memory"):
            limit = dig(container, f"resources.limits.{resource}")
            if known(limit) and quantity(limit) is None:
                yield (*place, "resources", "limits", resource), f"Invalid value specified: {limit!r}"


def _scaling(scaling: Properties) -> Iterator[Violation]:
    low, high = number(scaling, "minInstanceCount", 0), number(scaling, "maxInstanceCount", float("inf"))
    if low is not None and high and low > high:
        yield ("minInstanceCount",), f"{low:g} is more than maxInstanceCount, {high:g}"


def _service_container(container: Properties, template: Properties) -> Iterator[Violation]:
    limits = dig(container, "resources.limits") or {}
    if isinstance(limits, Mapping) and ("ports" in container or len(template.get("containers", ())) == 1):
        yield from _cpu_and_memory(container, dict(limits), template)
    for name, longest in (("startupProbe", 240), ("livenessProbe", 3600), ("readinessProbe", 3600)):
        probe = container.get(name)
        if isinstance(probe, Mapping):
            yield from under((name,), _probe(name, dict(probe), longest))


def _cpu_and_memory(container: Properties, limits: Properties, template: Properties) -> Iterator[Violation]:
    cpu, memory = quantity(limits.get("cpu", "1")), quantity(limits.get("memory", "512Mi"))
    place: ApiPath = ("resources", "limits")
    if cpu is None or memory is None:
        return
    if cpu >= 1 and cpu not in _MEMORY_RANGE:
        yield (*place, "cpu"), f"Invalid value specified for cpu: {cpu:g}. Use less than 1, or 1, 2, 4, 6 or 8"
        return
    if cpu < 0.08:
        yield (*place, "cpu"), f"cpu must be at least 0.08, not {cpu:g}"
    low, high = _MEMORY_RANGE.get(int(cpu), (128 * MI, GI if cpu >= 0.5 else 0.5 * GI))
    if not low <= memory <= high:
        text = f"from {low / MI:g}Mi to {high / MI:g}Mi"
        yield (*place, "memory"), f"For {cpu:g} CPU, memory must be {text}, not {memory / MI:g}Mi"
    environment = template.get("executionEnvironment")
    if environment == _GEN2 and memory < 512 * MI:
        yield (*place, "memory"), "Total memory < 512 Mi is not supported with gen2 execution environment"
    if cpu >= 1:
        return
    concurrency = number(template, "maxInstanceRequestConcurrency", 1)
    if concurrency is not None and concurrency > 1:
        yield (*place, "cpu"), f"Total cpu < 1 is not supported with concurrency > 1 ({concurrency:g})"
    if dig(container, "resources.cpuIdle") is False:
        yield ("resources", "cpuIdle"), "Total cpu < 1 is not supported with cpu that is always allocated"
    if environment == _GEN2:
        yield (*place, "cpu"), "Total cpu < 1 is not supported with gen2 execution environment"


def _probe(name: str, probe: Properties, longest: int) -> Iterator[Violation]:
    actions = [action for action in ("httpGet", "grpc", "tcpSocket") if action in probe]
    if len(actions) != 1:
        yield (), f"exactly one of httpGet, tcpSocket and grpc is needed, not {' and '.join(actions) or 'none'}"
    if name != "startupProbe" and "tcpSocket" in probe:
        yield ("tcpSocket",), "only a startup probe may be one of TCP"
    period, timeout = number(probe, "periodSeconds", 10), number(probe, "timeoutSeconds", 1)
    failures = number(probe, "failureThreshold", 3)
    if period is not None and timeout is not None and timeout > period:
        yield ("timeoutSeconds",), f"{timeout:g} must not be more than periodSeconds, {period:g}"
    for key in ("periodSeconds", "initialDelaySeconds"):
        seconds = number(probe, key, 0)
        if seconds is not None and seconds > longest:
            yield (key,), f"must be at most {longest}, not {seconds:g}"
    if name == "startupProbe" and period is not None and failures is not None and failures * period > 240:
        yield (
            ("failureThreshold",),
            f"failureThreshold * periodSeconds must be at most 240 s, not {failures * period:g}",
        )


def _traffic(traffic: Any, service: str | None) -> Iterator[Violation]:
    targets = list(items(traffic))
    percents = [number(target, "percent", 0) for _, target in targets]
    if targets and None not in percents and sum(each or 0 for each in percents) != 100:
        yield (), f"the sum of traffic percents must be 100, not {sum(each or 0 for each in percents):g}"
    for position, target in targets:
        tag, kind = target.get("tag"), target.get("type")
        if isinstance(tag, str) and service is not None and len(tag) + len(service) > _TAG_AND_SERVICE:
            text = f"traffic tag {tag!r} and service name {service!r} are together longer than {_TAG_AND_SERVICE}"
            yield (position, "tag"), f"{text} characters"
        if kind == "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION" and target.get("revision") is None:
            yield (position, "revision"), "a target of type REVISION needs a revision"
        if kind == "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" and known(target.get("revision")):
            yield (position, "revision"), "a target of type LATEST takes no revision"
    tags = [target["tag"] for _, target in targets if isinstance(target.get("tag"), str)]
    for tag in sorted({tag for tag in tags if tags.count(tag) > 1}):
        yield (), f"traffic tag {tag!r} is used more than once"


def _job(body: Properties, id: str | None) -> Iterator[Violation]:
    if id is not None and not (len(id) < 64 and DNS_LABEL.fullmatch(id)):
        yield ("name",), f"Violation in CreateJobRequest.job_id: {id!r} is no name of at most 63 characters"
    for key in ("runExecutionToken", "startExecutionToken"):
        token = body.get(key)
        if id is not None and isinstance(token, str) and len(id) + len(token) >= 63:
            text = f"job name and token must together be shorter than 63 characters, not {len(id) + len(token)}"
            yield (key,), text
    task = dig(body, "template.template")
    if isinstance(task, Mapping):
        yield from under(("template", "template"), _task(dict(task), longest_timeout=7 * 24 * 3600))


RULES: Mapping[str, Rule] = {
    "run.Job": _job,
    "run.Service": _service,
}
