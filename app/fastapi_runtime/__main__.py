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
            from .lambda_runtime import serve

            serve(os.environ["AWS_LAMBDA_RUNTIME_API"])
            return 0
        settings = Settings.from_environment(os.environ)
        observability.check(settings, os.environ)
        from .server import serve_alone, serve_workers

        return serve_workers(settings) if settings.workers > 1 else serve_alone(settings)
    except (SettingsError, AppNotFound) as error:
        print(f"fastapi_runtime: {error}", file=sys.stderr)
        return CANNOT_START


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
