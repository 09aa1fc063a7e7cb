"""`python -m fastapi_runtime`: serve the app that `APP_MODULE` names until SIGTERM."""

import os
import sys

from . import observability
from .loading import AppNotFound
from .settings import Settings, SettingsError

CANNOT_START = 2


def main(arguments: list[str]) -> int:
    """Serve the app.

    Returns:
        0 after SIGTERM, 2 if the configuration is wrong, another number if the app does not start.
    """
    try:
        if arguments:
            raise SettingsError(f"takes no arguments, got {' '.join(arguments)}; use environment variables")
        if "AWS_LAMBDA_RUNTIME_API" in os.environ:
            return _serve_lambda(os.environ["AWS_LAMBDA_RUNTIME_API"])
        settings = Settings.from_environment(os.environ)
        observability.check(settings, os.environ)
        from .server import serve_alone, serve_workers

        return serve_workers(settings) if settings.workers > 1 else serve_alone(settings)
    except (SettingsError, AppNotFound) as error:
        print(f"fastapi_runtime: {error}", file=sys.stderr)
        return CANNOT_START


def _serve_lambda(runtime_api: str) -> int:
    """Answer what Lambda asks until it ends the environment. What fails at the start is reported to it."""
    from awslambdaric import bootstrap
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    # True: a thread waits for the next event, so that this one can be told to stop.
    bootstrap.run("fastapi_runtime.lambda_handler.handler", LambdaRuntimeClient(runtime_api, True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
