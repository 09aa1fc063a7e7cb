"""Commands in a Lambda environment, for deploys: what a task is on ECS.

    {"fastapi_runtime": {"run": ["alembic", "upgrade", "head"]}}  ->  {"exitCode": 0, "output": "..."}

Only who may call `lambda:InvokeFunction` can ask for one. A request over HTTP comes as an event that Lambda, API
Gateway or the load balancer writes, with the client's own words in fields of it; none of these has this form.
"""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from .observability.logs import redact

KEY = "fastapi_runtime"
NOT_FOUND, TOO_LATE = 127, 124
MOST_LINES, MOST_CHARACTERS = 100, 16_000
_GRACE_SECONDS = 5.0  # from SIGTERM to SIGKILL; a migration rolls back meanwhile


def command_of(event: Any) -> list[str] | None:
    """The command that an event asks for; None if it is another event.

    Raises:
        ValueError: it asks for one, but not in the form of one.
    """
    if not isinstance(event, dict) or event.keys() != {KEY}:
        return None
    asked = event[KEY]
    command = asked.get("run") if isinstance(asked, dict) and asked.keys() == {"run"} else None
    if not isinstance(command, list) or not command or not all(isinstance(part, str) and part for part in command):
        raise ValueError(f'{KEY} must be like {{"run": ["alembic", "upgrade", "head"]}}, got {asked!r}')
    return command


def run(command: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run a command and wait for it; everything that it says is logged, too.

    Args:
        command: the program with its arguments; no shell sees it.
        seconds: after which it is ended.

    Returns:
        `exitCode`: the command's; 128 + signal if one ended it, 124 if it had no time left, 127 if there is no such
        command. `output`: the last lines of what it said, at most 100 lines and 16000 characters.
    """
    environment = {name: value for name, value in os.environ.items() if name != "AWS_LAMBDA_RUNTIME_API"}
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
    except OSError as error:
        return _answer(NOT_FOUND, [f"cannot run {command[0]!r}: {error.strerror}\n"])
    late = threading.Event()

    def end(number: int) -> None:
        late.set()
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.killpg(process.pid, number)

    grace = min(_GRACE_SECONDS, seconds / 5)
    timers = [
        threading.Timer(seconds - grace, end, (signal.SIGTERM,)),
        threading.Timer(seconds, end, (signal.SIGKILL,)),
    ]
    for timer in timers:
        timer.start()
    lines: deque[str] = deque(maxlen=MOST_LINES)
    try:
        assert process.stdout is not None
        with process.stdout:
            for line in map(redact, process.stdout):
                sys.stdout.write(line)
                lines.append(line)
        code = process.wait()
    finally:
        for timer in timers:
            timer.cancel()
    if late.is_set():
        return _answer(TOO_LATE, [*lines, f"ended after {seconds - grace:g} seconds, before the function's timeout\n"])
    return _answer(code if code >= 0 else 128 - code, lines)


def _answer(code: int, lines: Sequence[str] | deque[str]) -> dict[str, Any]:
    return {"exitCode": code, "output": "".join(lines)[-MOST_CHARACTERS:]}
