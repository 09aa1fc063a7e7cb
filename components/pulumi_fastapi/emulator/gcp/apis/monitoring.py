"""Alerting, dashboards, objectives and the time series that a gate looks at."""

import datetime
import itertools
import json
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pulumi_fastapi.emulator.gcp.cloud import Call, completes, handles, refuses_deletion
from pulumi_fastapi.emulator.gcp.discovery import shape
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.gcp.validation import readable, violations
from pulumi_fastapi.emulator.values import Properties


@completes("monitoring", "alertPolicies")
def complete_policy(call: Call, path: str, policy: Properties, before: Properties | None) -> None:
    for channel in policy.get("notificationChannels") or []:
        if call.cloud.look_up("monitoring", channel) is None:
            raise GoogleError(404, f"Cannot find notification channel {channel}")
    policy.setdefault("enabled", True)
    for position, each in enumerate(policy.get("conditions") or []):
        each.setdefault("name", f"{path}/conditions/{uuid.uuid4().int % 10**19 + position}")


@refuses_deletion("monitoring", "notificationChannels")
def keep_used_channel(call: Call, channel: Properties) -> None:
    for name, other in call.cloud.resources.items():
        if "/alertPolicies/" in name and call.path in (other.get("notificationChannels") or []):
            if call.query.get("force") == "true":
                other["notificationChannels"].remove(call.path)
            else:
                text = f"Cannot delete notification channel {call.path}: {other['name']} refers to it"
                raise GoogleError(400, text, "FAILED_PRECONDITION")


@completes("monitoring", "notificationChannels")
def complete_channel(call: Call, path: str, channel: Properties, before: Properties | None) -> None:
    channel.setdefault("enabled", True)
    needed = _CHANNEL_LABELS.get(str(channel.get("type")))
    if needed is None:
        raise GoogleError(400, f"Field 'notification_channel.type': {channel.get('type')!r} is no type of channel")
    missing = [label for label in needed if label not in (channel.get("labels") or {})]
    if missing and before is None:
        raise GoogleError(400, f"Field 'notification_channel.labels': a channel of this type needs {missing[0]!r}")


_CHANNEL_LABELS: Mapping[str, Sequence[str]] = {
    "email": ("email_address",),
    "google_chat": ("space",),
    "pagerduty": ("service_key",),
    "pubsub": ("topic",),
    "slack": ("channel_name", "auth_token"),
    "sms": ("number",),
    "webhook_basicauth": ("url", "username", "password"),
    "webhook_tokenauth": ("url",),
}


@completes("monitoring", "uptimeCheckConfigs")
def complete_check(call: Call, path: str, check: Properties, before: Properties | None) -> None:
    check.setdefault("period", "60s")
    if not any(key in check for key in ("httpCheck", "tcpCheck", "syntheticMonitor")):
        raise GoogleError(400, "an uptime check needs one of http_check, tcp_check and synthetic_monitor")


@completes("monitoring", "dashboards")
def complete_dashboard(call: Call, path: str, dashboard: Properties, before: Properties | None) -> None:
    dashboard["name"] = path
    dashboard["etag"] = uuid.uuid4().hex[:12]


@completes("monitoring", "serviceLevelObjectives")
def complete_objective(call: Call, path: str, objective: Properties, before: Properties | None) -> None:
    call.cloud.find("monitoring", path.rpartition("/serviceLevelObjectives/")[0])
    if not objective.get("serviceLevelIndicator"):
        raise GoogleError(400, "service_level_indicator: one of basic_sli, request_based and windows_based is needed")


@completes("monitoring", "services")
def complete_service(call: Call, path: str, service: Properties, before: Properties | None) -> None:
    basic = service.get("basicService")
    if basic is not None:
        service["telemetry"] = {"resourceName": f"//run.googleapis.com/{basic.get('serviceLabels', {})}"}


@completes("logging", "metrics")
def complete_metric(call: Call, path: str, metric: Properties, before: Properties | None) -> None:
    descriptor: Properties = dict(metric.get("metricDescriptor") or {})
    descriptor.setdefault("metricKind", "DELTA")
    descriptor.setdefault("valueType", "INT64")
    metric["metricDescriptor"] = {
        **descriptor,
        "name": f"projects/{call.project}/metricDescriptors/logging.googleapis.com/user/{metric['name']}",
        "type": f"logging.googleapis.com/user/{metric['name']}",
        "unit": descriptor.get("unit", "1"),
    }


# ---------------------------------------------------------------------------------------------------------- time series
def check_time_series(series: Any) -> list[Properties]:
    """What a test wants `timeSeries.list` to answer from; a ValueError when it is not what the API could hold."""
    if not isinstance(series, list):
        raise ValueError("time series are a list of objects as monitoring's API writes them")
    kind = shape("monitoring.v3", "TimeSeries")
    for position, each in enumerate(series):
        problems = [f"{message} at '{readable(path, kind.name)}'" for path, message in violations(kind, each)]
        if not problems:
            problems = [
                f"{name} is missing"
                for name in ("metric", "resource", "points")
                if not isinstance(each, dict) or not each.get(name)
            ]
        if problems:
            raise ValueError(f"time series {position}: {'; '.join(problems)}")
    return series


@handles("monitoring.projects.timeSeries.list")
def list_series(call: Call) -> Properties:
    query = call.query
    for needed in ("filter", "interval.endTime"):
        if not query.get(needed):
            raise GoogleError(400, f"Field {needed} is required.")
    matches = parse_filter(query["filter"])
    end = _time(query["interval.endTime"])
    start = _time(query.get("interval.startTime") or query["interval.endTime"])
    if start > end:
        raise GoogleError(400, "Field interval.startTime is after interval.endTime")
    found = []
    for series in call.cloud.time_series:
        points = [point for point in series["points"] if start <= _time(point["interval"]["endTime"]) <= end]
        if points and matches(series):
            found.append(
                {**series, "points": sorted(points, key=lambda each: each["interval"]["endTime"], reverse=True)}
            )
    aligner = query.get("aggregation.perSeriesAligner", "ALIGN_NONE")
    if aligner != "ALIGN_NONE":
        found = [_aligned(series, aligner, query, start, end) for series in found]
    reducer = query.get("aggregation.crossSeriesReducer", "REDUCE_NONE")
    if reducer != "REDUCE_NONE":
        found = _reduced(found, reducer, query.get("aggregation.groupByFields", ""))
    return {"timeSeries": found} if found else {}


def _time(text: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise GoogleError(400, f"Invalid value (Timestamp), {text!r}") from None


_TERM = re.compile(
    r"\s*(?P<place>[\w.]+)\s*(?P<operator>=|!=|:)\s*(?P<value>\"[^\"]*\"|(?:starts_with|ends_with|has_substring|"
    r"monitoring\.regex\.full_match|one_of)\([^)]*\)|[\w.-]+)\s*"
)


def parse_filter(text: str) -> Callable[[Properties], bool]:
    """Whether a series passes a filter: terms joined by AND (or by nothing)."""
    terms: list[Callable[[Properties], bool]] = []
    position = 0
    while position < len(text):
        conjunction = re.compile(r"\s*AND\s+").match(text, position)
        if conjunction and terms:
            position = conjunction.end()
        found = _TERM.match(text, position)
        if found is None:
            raise GoogleError(
                400, f"Field filter had an invalid value: could not parse {text[position:]!r} in {text!r}"
            )
        terms.append(_term(found["place"], found["operator"], found["value"]))
        position = found.end()
    if not any("metric.type" in each for each in re.findall(r"[\w.]+", text)):
        raise GoogleError(400, f'Field filter had an invalid value of "{text}": it has to name a metric.type')
    return lambda series: all(term(series) for term in terms)


def _term(place: str, operator: str, value: str) -> Callable[[Properties], bool]:
    path = place.replace("metric.label.", "metric.labels.").replace("resource.label.", "resource.labels.").split(".")
    if path[0] not in ("metric", "resource") or len(path) < 2:
        raise GoogleError(400, f"Field filter had an invalid value: {place} is nothing to filter by")
    words = re.findall(r"\"([^\"]*)\"", value) or [value]

    def passes(series: Properties) -> bool:
        found: Any = series
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        held = str(found or "")
        if value.startswith("starts_with"):
            passed = held.startswith(words[0])
        elif value.startswith("ends_with"):
            passed = held.endswith(words[0])
        elif value.startswith("has_substring") or operator == ":":
            passed = words[0] in held
        elif value.startswith("monitoring.regex"):
            passed = re.fullmatch(words[0], held) is not None
        else:
            passed = held in words
        return passed is not (operator == "!=")

    return passes


def number_of(value: Properties) -> float:
    """A point's value as a number: of a distribution, its mean."""
    if "distributionValue" in value:
        return float(value["distributionValue"].get("mean", 0))
    return float(next(iter(value.values()), 0))


def _aligned(
    series: Properties, aligner: str, query: Mapping[str, str], start: datetime.datetime, end: datetime.datetime
) -> Properties:
    """The series with one point for each alignment period."""
    text = query.get("aggregation.alignmentPeriod", "60s")
    period = float(text.removesuffix("s"))
    if period < 60:
        raise GoogleError(400, f"Field aggregation.alignmentPeriod had an invalid value of {text}: at least 60s")
    groups: dict[int, list[Properties]] = defaultdict(list)
    for point in series["points"]:
        age = (end - _time(point["interval"]["endTime"])).total_seconds()
        groups[int(age // period)].append(point["value"])
    points = []
    for step, values in sorted(groups.items()):
        until = end - datetime.timedelta(seconds=step * period)
        interval = {"startTime": _text(max(start, until - datetime.timedelta(seconds=period))), "endTime": _text(until)}
        points.append({"interval": interval, "value": _align(aligner, values, period)})
    return {**series, "points": points, "metricKind": "GAUGE"}


def _text(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _align(aligner: str, values: Sequence[Properties], period: float) -> Properties:
    if aligner in ("ALIGN_DELTA", "ALIGN_SUM") and all("distributionValue" in value for value in values):
        return {"distributionValue": _merged([value["distributionValue"] for value in values])}
    return {"doubleValue": _aligned_number(aligner, values, period)}


def _merged(distributions: Sequence[Properties]) -> Properties:
    """Distributions over the same buckets as one."""
    count = sum(int(each.get("count", 0)) for each in distributions)
    total = sum(float(each.get("mean", 0)) * int(each.get("count", 0)) for each in distributions)
    buckets = [[int(number) for number in each.get("bucketCounts", [])] for each in distributions]
    return {
        **distributions[0],
        "count": str(count),
        "mean": total / count if count else 0,
        "bucketCounts": [str(sum(numbers)) for numbers in itertools.zip_longest(*buckets, fillvalue=0)],
    }


def _aligned_number(aligner: str, values: Sequence[Properties], period: float) -> float:
    if aligner in ("ALIGN_DELTA", "ALIGN_RATE"):
        total = sum(number_of(value) for value in values)
        return total / period if aligner == "ALIGN_RATE" else total
    return _aggregated("ALIGN", aligner, values)


def _aggregated(verb: str, name: str, values: Sequence[Properties]) -> float:
    """What aligners and reducers, `ALIGN_...` and `REDUCE_...`, have in common."""
    percentile = re.fullmatch(rf"{verb}_PERCENTILE_(\d\d)", name)
    if percentile is not None:
        return _percentile([sample for value in values for sample in _samples(value)], int(percentile[1]))
    numbers = [number_of(value) for value in values]
    known: Mapping[str, Callable[[], float]] = {
        f"{verb}_SUM": lambda: sum(numbers),
        f"{verb}_MEAN": lambda: sum(numbers) / len(numbers),
        f"{verb}_MAX": lambda: max(numbers),
        f"{verb}_MIN": lambda: min(numbers),
        f"{verb}_COUNT": lambda: float(len(numbers)),
    }
    if name not in known:
        raise GoogleError(400, f"the emulator does not know {name}")
    return known[name]()


def _samples(value: Properties) -> list[float]:
    """A distribution as the upper bounds of the buckets that its samples lie in."""
    distribution = value.get("distributionValue")
    if distribution is None:
        return [number_of(value)]
    counts = [int(count) for count in distribution.get("bucketCounts", [])]
    options = distribution.get("bucketOptions") or {}
    if not counts or not options:
        return [float(distribution.get("mean", 0))] * int(distribution.get("count", 0))
    bounds = _bounds(options, len(counts))
    return [bounds[index] for index, count in enumerate(counts) for _ in range(count)]


def _bounds(options: Properties, buckets: int) -> list[float]:
    if "explicitBuckets" in options:
        bounds = [float(bound) for bound in options["explicitBuckets"]["bounds"]]
    elif "exponentialBuckets" in options:
        growth = options["exponentialBuckets"]
        bounds = [growth["scale"] * growth["growthFactor"] ** power for power in range(buckets)]
    else:
        linear = options["linearBuckets"]
        bounds = [linear.get("offset", 0) + linear["width"] * step for step in range(buckets)]
    return [*bounds, *[bounds[-1]] * buckets][: max(buckets, len(bounds))]


def _percentile(samples: Sequence[float], percent: int) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def _reduced(found: Iterable[Properties], reducer: str, group_by: str) -> list[Properties]:
    """The series of each group as one."""
    fields = [field.replace(".label.", ".labels.").split(".") for field in group_by.split(",") if field]
    groups: dict[str, list[Properties]] = defaultdict(list)
    for series in found:
        kept: Properties = {
            "metric": {"type": series["metric"]["type"]},
            "resource": {"type": series["resource"]["type"]},
        }
        for first, *rest in fields:
            if rest:
                label = rest[-1]
                kept[first].setdefault("labels", {})[label] = series.get(first, {}).get("labels", {}).get(label, "")
        groups[json.dumps(kept, sort_keys=True)].append(series)
    reduced = []
    for key, members in groups.items():
        by_time: dict[tuple[str, str], list[Properties]] = defaultdict(list)
        for series in members:
            for point in series["points"]:
                interval = point["interval"]
                by_time[interval["endTime"], interval.get("startTime", interval["endTime"])].append(point["value"])
        points = [
            {
                "interval": {"startTime": begin, "endTime": end},
                "value": {"doubleValue": _aggregated("REDUCE", reducer, values)},
            }
            for (end, begin), values in sorted(by_time.items(), reverse=True)
        ]
        reduced.append({**json.loads(key), "metricKind": "GAUGE", "valueType": "DOUBLE", "points": points})
    return reduced
