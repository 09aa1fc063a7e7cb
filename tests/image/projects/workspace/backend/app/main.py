"""A member of a workspace that uses another one, files of its own directory, an extra and a group."""

import os
from importlib.metadata import distributions, version
from pathlib import Path

from acme_prices import price
from fastapi import FastAPI


def create_app() -> FastAPI:
    if os.environ["SECRET_KEY"] == "changethis":  # noqa: S105
        raise ValueError("SECRET_KEY is still the one of the template")
    app = FastAPI(title=os.environ["PROJECT_NAME"])
    catalogue = Path("data/catalogue.txt").read_text().split()

    @app.get("/api/v1/utils/health-check/")
    def health_check() -> bool:
        return True

    @app.get("/catalogue")
    def read_catalogue() -> dict[str, object]:
        return {
            "prices": {item: price(item) for item in catalogue},
            "version": version("app"),
            "installed": sorted(package.metadata["Name"] for package in distributions()),
        }

    return app
