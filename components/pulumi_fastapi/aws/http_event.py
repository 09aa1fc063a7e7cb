"""Requests for a function that come from no entry: jobs on a schedule, checks of a release."""

from collections.abc import Mapping
from typing import Any, Optional
from urllib.parse import urlsplit


def http_event(
    path: str,
    *,
    agent: str,
    request_id: str,
    time: str,
    time_epoch: int = 0,
    method: str = "GET",
    host: str = "localhost",
    headers: Optional[Mapping[str, str]] = None,
    body: Optional[str] = None,
) -> dict[str, Any]:
    """A request as an HTTP API and a function URL send it (payload format 2.0), from the host itself.

    The app sees 127.0.0.1 as its client, which no request through an entry has.

    Args:
        path: path, with its query if there is one.
        agent: who asks, as `User-Agent`.
        request_id: id of the request.
        time: when it is made.
        time_epoch: the same in milliseconds since 1970, if it is known.
        method: HTTP method. Default GET.
        host: `Host` of the request, of those that the app answers for. Default localhost.
        headers: more headers, by names in lower case.
        body: body as text. Default none.
    """
    where = urlsplit(path)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": where.path,
        "rawQueryString": where.query,
        "headers": {"host": host, "user-agent": agent, "x-forwarded-proto": "https", **(headers or {})},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": agent,
            "domainName": host,
            "domainPrefix": host.split(".")[0],
            "http": {
                "method": method,
                "path": where.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": agent,
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": time,
            "timeEpoch": time_epoch,
        },
        "isBase64Encoded": False,
    }
    if body is not None:
        event["body"] = body
        event["headers"]["content-length"] = str(len(body.encode()))
    return event
