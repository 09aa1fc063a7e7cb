"""A part of a namespace package, which only works installed: version and plug-ins come from its metadata."""

from importlib.metadata import entry_points, version

from fastapi import FastAPI


def create_app() -> FastAPI:
    app = FastAPI(version=version("acme.inventory"))

    @app.get("/_mgmt/ping")
    def ping() -> list[str]:
        return [plugin.name for plugin in entry_points(group="acme.plugins")]

    return app
