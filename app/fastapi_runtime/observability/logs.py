"""Logs as one JSON object a line, the form in which CloudWatch, Cloud Logging and others can search them."""

import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from io import TextIOWrapper
from traceback import format_exception
from typing import Any, TextIO

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered, also in its `x-request-id` header; None outside of one."""

google_trace: ContextVar[str | None] = ContextVar("google_trace", default=None)
"""The trace of the request that is being answered, as Cloud Logging names it; None outside of Google Cloud."""

GOOGLE_TRACE = "logging.googleapis.com/trace"
_TRACE_CONTEXT = re.compile(rb"([0-9a-f]{32})(/|$)")
_google_project: str | None = None

_LONGEST_TRACEBACK = 30_000  # below the 256 KB that CloudWatch takes in one line
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@'\"]*:[^\s'\"]*@")
_OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message", "taskName"}


def configure(level: str, *, as_json: bool) -> None:
    """Send everything that is logged to standard output. An app that configures logging itself has the last word.

    Args:
        level: the least severe level to log, such as `INFO`.
        as_json: one JSON object a line, else text for the eye.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a process that is killed must not take its last lines with it
    handler = StandardOutput()
    handler.setFormatter(JSONFormatter() if as_json else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "gunicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = True  # the edge logs requests
    logging.getLogger("mangum").setLevel(logging.WARNING)


def name_traces(google_project: str | None) -> None:
    """Have lines name their traces as Cloud Logging does: a request's lines are then shown below its own log."""
    global _google_project
    _google_project = google_project


def begin_request(identifier: str, headers: Mapping[bytes, bytes]) -> None:
    """Have the lines that follow name this request."""
    request_id.set(identifier)
    if _google_project is not None:
        found = _TRACE_CONTEXT.match(headers.get(b"x-cloud-trace-context", b""))
        google_trace.set(f"projects/{_google_project}/traces/{found[1].decode()}" if found else None)


class StandardOutput(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stdout` is at that moment: servers and tests put others in its place."""

    @property
    def stream(self) -> TextIO:
        """The stream to write to."""
        return sys.stdout

    @stream.setter
    def stream(self, _: TextIO) -> None:
        """What the constructor wants to keep is not needed."""


def redact(text: str) -> str:
    """`text` without the credentials in URLs, which drivers like to put into their errors."""
    return _CREDENTIALS.sub("***@", text) if "://" in text else text


class JSONFormatter(logging.Formatter):
    """A record, its extra fields, its request and its exception as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Never fails on a value that JSON does not know: it becomes text."""
        fields: dict[str, Any] = {
            "time": timestamp(record.created),
            "severity": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if identifier := request_id.get():
            fields["request_id"] = identifier
        if trace := google_trace.get():
            fields[GOOGLE_TRACE] = trace
        fields.update((name, value) for name, value in vars(record).items() if name not in _OWN)
        if record.exc_info and record.exc_info[1]:
            fields["exception"] = _exception(record.exc_info[1])
        if record.stack_info:
            fields["stack"] = record.stack_info
        return dumps(fields)


class TextFormatter(logging.Formatter):
    """A record in one line for the eye, its exception below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The extra fields follow the message."""
        extra = " ".join(f"{name}={value}" for name, value in vars(record).items() if name not in _OWN)
        return redact(f"{super().format(record)} {extra}".rstrip())


def _exception(error: BaseException) -> dict[str, str]:
    trace = "".join(format_exception(error))
    if len(trace) > _LONGEST_TRACEBACK:  # a recursion without end; both ends tell
        half = _LONGEST_TRACEBACK // 2
        trace = f"{trace[:half]}\n[...]\n{trace[-half:]}"
    kind = type(error)
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "message": redact(str(error)),
        "traceback": redact(trace),
    }


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 with milliseconds, in UTC."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}+00:00"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


_quote = json.encoder.encode_basestring_ascii
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, default=str, separators=(",", ":")).encode


def dumps(fields: dict[str, Any]) -> str:
    """`fields` as JSON in one line."""
    try:
        return _encode(fields)
    except (TypeError, ValueError, RecursionError):  # a key that is no text, a value inside itself
        return _encode({str(name): value if isinstance(value, str) else repr(value) for name, value in fields.items()})


def write(fields: dict[str, Any]) -> None:
    """Write a line past `logging`."""
    sys.stdout.write(dumps(fields) + "\n")


class AccessLog:
    """One line for each request, past `logging` and built by hand: it is written once for all that an app does."""

    def __init__(self, level: str, *, as_json: bool) -> None:
        least = logging.getLevelNamesMapping()[level]
        self._hides_successes = least > logging.INFO
        self._hides_all = least > logging.ERROR
        self._as_json = as_json

    def write(
        self,
        method: str,
        path: str,
        status: int,
        seconds: float,
        *,
        identifier: str,
        route: str,
        client: str,
        user_agent: str,
        more: dict[str, Any],
    ) -> None:
        """Write the line. There is no query in it: tokens and addresses stand there."""
        failed = status >= 500
        if self._hides_all or (self._hides_successes and not failed):
            return
        severity, message = "ERROR" if failed else "INFO", f"{method} {path} {status}"
        if not self._as_json:
            sys.stdout.write(f"{timestamp(time.time())} {severity:8} {_quote(message)[1:-1]} {seconds * 1000:.2f} ms\n")
            return
        if trace := google_trace.get():
            more = {**more, GOOGLE_TRACE: trace}
        rest = "," + dumps(more)[1:] if more else "}"
        sys.stdout.write(
            f'{{"time":"{timestamp(time.time())}","severity":"{severity}","logger":"access","message":{_quote(message)}'
            f',"request_id":"{identifier}","method":{_quote(method)},"path":{_quote(path)},"route":{_quote(route)}'
            f',"status":{status},"duration_ms":{seconds * 1000:.2f},"client":{_quote(client)}'
            f',"user_agent":{_quote(user_agent)}{rest}\n'
        )
