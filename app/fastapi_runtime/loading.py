"""Imports the app and puts the edge around it."""

import asyncio
import importlib
import logging
import os
import sys
from typing import Any

from starlette.types import ASGIApp

from . import database_settings, health
from .edge import Edge
from .observability import Observability
from .settings import Settings

_log = logging.getLogger(__name__)


class AppNotFound(Exception):
    """The module or the attribute of `APP_MODULE` does not exist."""


def load(settings: Settings, observability: Observability) -> Edge:
    """Import the app and put the edge before it.

    Raises:
        AppNotFound: no such module or attribute. Errors inside the app's own modules come through as they are.
        SettingsError: a variable of the database holds something else than it should.
    """
    if settings.database_host is not None:
        health.register("database", _accepts_connections(settings.database_host, settings.database_port))
        database_settings.export()
    found = _find(settings.module.removesuffix("()"))
    app: ASGIApp = found() if settings.module.endswith("()") else found
    if getattr(app, "debug", False) is True:
        _log.warning("the app has debug=True, which shows tracebacks to clients: turned off")
        app.debug = False  # type: ignore[attr-defined]
    observability.adapt(app)
    return Edge(app, settings, observability.publisher)


def _find(name: str) -> Any:
    """The object that `package.module:attribute` names."""
    module, _, attributes = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # something that the app imports is missing
        problem = f'Could not import module "{module}".'
    except AttributeError:
        if module not in sys.modules:
            raise  # the import itself failed
        problem = f'Attribute "{attributes}" not found in module "{module}".'
    else:
        return found
    raise AppNotFound(f"APP_MODULE={name}: {problem} Looked in {os.getcwd()}.")


def _accepts_connections(host: str, port: int) -> health.Check:
    """A check that knows no driver; an app that uses `fastapi_runtime.database` replaces it by a query."""

    async def check() -> None:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            raise ConnectionError(f"{host}:{port} does not accept connections: {error}") from None
        writer.close()

    return check
