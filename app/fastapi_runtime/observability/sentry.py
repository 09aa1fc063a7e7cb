"""Errors to Sentry, if `SENTRY_DSN` is set.

Only what reports errors: the default integrations cost a third of a second at each start, tracing more than the whole
runtime on each request. `SENTRY_TRACES_SAMPLE_RATE` switches tracing on; an app that calls `sentry_sdk.init` itself has
the last word.
"""

import os

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.fastapi import FastApiIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.starlette import StarletteIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration


def start(service: str) -> None:
    """Report errors from here on. Release and environment come from `SENTRY_RELEASE` and `SENTRY_ENVIRONMENT`."""
    rate = os.environ.get("SENTRY_TRACES_SAMPLE_RATE")
    sentry_sdk.init(
        default_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda _pending, _timeout: None),
            DedupeIntegration(),
            ExcepthookIntegration(),
            FastApiIntegration(),
            LoggingIntegration(),
            StarletteIntegration(),
            ThreadingIntegration(),
        ],
        traces_sample_rate=float(rate) if rate else None,
        send_default_pii=False,
        include_local_variables=False,  # the request with its tokens is in one of them
        max_request_body_size="never",
        server_name=service,
    )


def flush() -> None:
    """Send what was not sent yet, for at most two seconds."""
    sentry_sdk.flush(timeout=2)
