"""What the environment configures of the app itself; the pieces of the runtime read theirs."""

import json
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Each field is the variable of its name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    cors_origins: Annotated[list[str], NoDecode] = []
    """Pages of other origins that may use the API: as JSON, or with commas. Default none."""
    links_per_minute: int = Field(default=60, ge=1)
    """How many links each client may make. Default 60."""
    cache_seconds: float = Field(default=30, gt=0)
    """How long a link is remembered after it was looked up. Default 30."""

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        """pydantic-settings takes JSON alone, and everybody writes commas."""
        if not isinstance(value, str):
            return value
        return (
            json.loads(value) if value.lstrip().startswith("[") else [part.strip() for part in value.split(",") if part]
        )


settings = Settings()
