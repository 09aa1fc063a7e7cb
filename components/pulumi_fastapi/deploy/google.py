"""The few questions that a release asks Google: who serves, which revisions there are, how one of them does."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Optional

import httpx

from .gate import Observed

# The provider reads the same variables, so whatever stands in for Google does it for both.
_RUN = "GOOGLE_CLOUD_RUN_V2_CUSTOM_ENDPOINT", "https://run.googleapis.com/v2/"
_MONITORING = "GOOGLE_MONITORING_CUSTOM_ENDPOINT", "https://monitoring.googleapis.com/"
_TOKEN = "GOOGLE_OAUTH_ACCESS_TOKEN"  # noqa: S105
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_SECONDS = 30


class GoogleError(Exception):
    """Google did not answer, or not as hoped; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A revision of a service."""

    name: str
    """Its short name."""
    image: str
    """Its image."""
    ready: bool
    """Whether it can serve."""


class CloudRun:
    """One Cloud Run service, through Google's APIs; with the login of the provider."""

    def __init__(self, project: str, location: str, service: str) -> None:
        self.project = project
        self.service = service
        self._location = location
        self._path = f"projects/{project}/locations/{location}/services/{service}"
        self._http = httpx.Client(timeout=_SECONDS)
        self._token = access_token(self._http)

    def serving(self) -> Optional[str]:
        """The revision that has most of the traffic; None when there is no such service."""
        found = self._get(_RUN, self._path, missing=None)
        if found is None:
            return None
        latest = str(found.get("latestReadyRevision", "")).rpartition("/")[2]
        targets = found.get("trafficStatuses") or []
        most: Mapping[str, Any] = max(targets, key=lambda each: int(each.get("percent", 0)), default={})
        return str(most.get("revision") or latest) or None

    def revisions(self) -> list[Revision]:
        """All revisions, newest first."""
        found = self._get(_RUN, f"{self._path}/revisions", pageSize="100")
        newest_first = sorted(found.get("revisions", []), key=lambda each: str(each["createTime"]), reverse=True)
        return [
            Revision(
                name=each["name"].rpartition("/")[2],
                image=each["containers"][0]["image"],
                ready=any(
                    condition["type"] == "Ready" and condition.get("state") == "CONDITION_SUCCEEDED"
                    for condition in each.get("conditions", [])
                ),
            )
            for each in newest_first
        ]

    def observe(self, revision: str, since: datetime) -> Observed:
        """How a revision has done since a moment."""
        classes = self._series(
            "request_count", revision, since, "ALIGN_DELTA", "REDUCE_SUM", "metric.labels.response_code_class"
        )
        by_class: dict[str, int] = {}
        for series in classes:
            labels = series.get("metric", {}).get("labels", {})
            answers = str(labels.get("response_code_class", ""))
            by_class[answers] = by_class.get(answers, 0) + sum(int(_number(point)) for point in series["points"])
        latencies = self._series("request_latencies", revision, since, "ALIGN_DELTA", "REDUCE_PERCENTILE_95")
        values = [_number(point) / 1000 for series in latencies for point in series["points"]]
        return Observed(
            requests=sum(by_class.values()), errors=by_class.get("5xx", 0), latency=max(values) if values else None
        )

    def _series(
        self, metric: str, revision: str, since: datetime, aligner: str, reducer: str, group_by: Optional[str] = None
    ) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        terms = {
            "metric.type": f"run.googleapis.com/{metric}",
            "resource.type": "cloud_run_revision",
            "resource.labels.service_name": self.service,
            "resource.labels.location": self._location,
            "resource.labels.revision_name": revision,
        }
        found = self._get(
            _MONITORING,
            f"v3/projects/{self.project}/timeSeries",
            **{
                "filter": " AND ".join(f'{key} = "{value}"' for key, value in terms.items()),
                "interval.startTime": _written(since),
                "interval.endTime": _written(now),
                "aggregation.alignmentPeriod": f"{max(60, round((now - since).total_seconds()))}s",
                "aggregation.perSeriesAligner": aligner,
                "aggregation.crossSeriesReducer": reducer,
                **({"aggregation.groupByFields": group_by} if group_by else {}),
            },
        )
        return list(found.get("timeSeries", []))

    def _get(self, api: tuple[str, str], path: str, missing: Any = GoogleError, **parameters: str) -> Any:
        """What a GET answers; `missing` instead of an error if there is nothing there."""
        variable, default = api
        url = os.environ.get(variable, default).rstrip("/") + "/" + path
        try:
            answer = self._http.get(url, params=parameters, headers={"Authorization": f"Bearer {self._token()}"})
        except httpx.HTTPError as error:
            raise GoogleError(f"{url}: {error or type(error).__name__}") from None
        if answer.status_code == httpx.codes.NOT_FOUND and missing is not GoogleError:
            return missing
        if answer.is_error:
            raise GoogleError(f"{url}: {answer.status_code} {_message(answer)}")
        return answer.json()


def access_token(http: httpx.Client) -> Callable[[], str]:
    """Hands out a token that is valid, of the login that the provider uses too.

    Raises:
        GoogleError: nobody is logged in.
    """
    given = os.environ.get(_TOKEN)
    if given:
        return lambda: given
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except GoogleAuthError as error:
        raise GoogleError(f"no login at Google: {error}; run: gcloud auth application-default login") from None

    def token() -> str:
        if not credentials.valid:
            try:
                credentials.refresh(transport(http))  # type: ignore[no-untyped-call]
            except GoogleAuthError as error:
                raise GoogleError(f"the login at Google has ended: {error}") from None
        return str(credentials.token)

    return token


def identity_token(audience: str) -> str:
    """A token that says who asks, for a service that is not public.

    Raises:
        GoogleError: the login is none that Google makes one for.
    """
    import google.oauth2.id_token
    from google.auth.exceptions import GoogleAuthError

    try:
        with httpx.Client(timeout=_SECONDS) as http:
            return str(google.oauth2.id_token.fetch_id_token(transport(http), audience))  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise GoogleError(
            f"the smoke test needs a service account that may call the service, as in CI: {error}"
        ) from None


def transport(http: httpx.Client) -> Any:
    """What google-auth sends its requests with: it knows httpx not, and needs no second library for it."""

    @dataclass(frozen=True)
    class Answer:
        status: int
        headers: Mapping[str, str]
        data: bytes

    def send(
        url: str,
        method: str = "GET",
        body: Optional[bytes] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: Optional[float] = None,
        **_: Any,
    ) -> Answer:
        from google.auth.exceptions import TransportError

        try:
            answer = http.request(method, url, content=body, headers=headers, timeout=timeout or _SECONDS)
        except httpx.HTTPError as error:
            raise TransportError(str(error)) from error  # type: ignore[no-untyped-call]
        return Answer(answer.status_code, answer.headers, answer.content)

    return send


def _number(point: Mapping[str, Any]) -> float:
    value = point["value"]
    return float(value.get("int64Value", value.get("doubleValue", 0)))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
