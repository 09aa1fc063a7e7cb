"""Settings as many apps have them: required ones, a list, and a choice by environment."""

import os

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str
    sentry_dsn: str
    cors_origins: list[str] = []


debug = {"test": True, "local": True, "prod": False}[os.environ.get("ENV", "local")]
settings = Settings()  # type: ignore[call-arg]
