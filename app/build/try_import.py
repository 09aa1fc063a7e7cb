"""Import the app as it will run, and end the build if that fails: before anything is pushed.

Runs in the finished image, as its user, who can write nothing but /tmp and /dev/shm. IMPORT_ENVIRONMENT holds the
variables that the app will have, as JSON.
"""

import errno
import faulthandler
import json
import os
import re
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

SECONDS = 120
APP = "/srv"
RESOLVED = Path("/opt/runtime/resolved.txt")
asked_for: list[str] = []


def note_missing_variables() -> None:
    """Remember the names that the app looks for in the environment and does not find."""
    encode = os.environ.encodekey

    def note(name: str) -> Any:
        key = encode(name)
        if key not in os.environ._data and name not in asked_for and asked_by_app():  # type: ignore[attr-defined]
            asked_for.append(name)
        return key

    os.environ.encodekey = note


def asked_by_app() -> bool:
    """Whether the app's own code asks, if through a library; not a library that it only imports."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        if frame.f_code.co_filename.startswith(f"{APP}/"):
            return True
        frame = frame.f_back
    return False


def load(module: str) -> None:
    """Import the app, and call it if it is a factory.

    Raises:
        LookupError: the module has no such attribute, or it is no app.
        SettingsError: the runtime would refuse to start.
    """
    from fastapi_runtime import observability
    from fastapi_runtime.settings import Settings
    from uvicorn.importer import ImportFromStringError, import_from_string

    observability.check(Settings.from_environment(os.environ), os.environ)
    try:
        app = import_from_string(module.removesuffix("()"))
    except ImportFromStringError as error:
        raise LookupError(str(error)) from None
    if module.endswith("()"):
        app = app()
    if not callable(app):
        raise LookupError(f"{module} is a {type(app).__name__}, not an app.")


def explain(module: str, error: BaseException) -> list[str]:
    """What went wrong and what to do, in lines."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(f"{APP}/")]
    place = f" ({os.path.relpath(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    lines = [f"{module} cannot be imported as it will run.", f"{type(error).__name__}: {text(error)}{place}"]
    missing = missing_fields(error)
    if isinstance(error, KeyError) and error.args and error.args[0] in asked_for:
        missing = [str(error.args[0])]
    if isinstance(error, ModuleNotFoundError):
        lines.append(f"No dependency installs {error.name!r}: add it, or name the extra or group that has it.")
    elif type(error).__name__ == "SettingsError" and "fastapi-runtime[" in str(error):
        lines.append("With the components that is build.runtime_extras, such as runtime_extras=['sentry'].")
    elif isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS) and error.filename:
        lines.append(f"The files of the image are read-only: write {error.filename} to /tmp, or log to stdout.")
    if missing:
        lines.append(f"Variables it needs and does not get: {', '.join(missing)}.")
    elif asked_for:
        lines.append(f"Variables it looked for and did not find: {', '.join(asked_for)}.")
    if not_locked := loose():
        lines.append(f"{not_locked}.")
    return lines


def loose() -> str:
    """What no lock has chosen, with the version that this build got."""
    origin, *resolved = RESOLVED.read_text().splitlines()
    said, _, names = origin.removeprefix("# ").partition(": ")
    if not names:
        return ""
    chosen = [line for line in resolved if re.split(r"[ =@]", line)[0] in names.split()]
    return f"{said}; this build resolved {', '.join(chosen)}"


def text(error: BaseException) -> str:
    return error.msg if isinstance(error, ImportError) and error.msg else str(error)


def missing_fields(error: BaseException) -> list[str]:
    """The variables that a pydantic settings class found nothing for."""
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return []
    return [
        ".".join(map(str, item["loc"])).upper()
        for item in errors()
        if item.get("type") in ("missing", "value_error.missing")
    ]


def main() -> NoReturn:
    module = os.environ["APP_MODULE"]
    os.environ.update(json.loads(os.environ.pop("IMPORT_ENVIRONMENT", "") or "{}"))
    sys.path.insert(0, os.getcwd())
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    note_missing_variables()
    status = 0
    try:
        load(module)
        print(f"imported {module}")
        if not_locked := loose():
            print(f"warning: {not_locked}. The next one may be another app: uv lock, or uv pip compile --universal.")
    except (Exception, SystemExit) as error:
        message = "\n  ".join(explain(module, error))
        print(f"{''.join(traceback.format_exception(error))}\nerror: {message}", file=sys.stderr, flush=True)
        time.sleep(0.5)  # buildah loses what is written in the last moment
        status = 1
    sys.stdout.flush()
    os._exit(status)  # whatever threads the app has started


if __name__ == "__main__":
    main()
