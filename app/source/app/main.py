"""A small JSON API without state, to see a deploy work."""

import re
import unicodedata

from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI(title="Slugs")


class Status(BaseModel):
    """Whether the app is well."""

    status: str = "ok"


class Title(BaseModel):
    """A text to make a slug of."""

    text: str = Field(min_length=1, max_length=200)


class Slug(BaseModel):
    """The text in a form for URLs."""

    slug: str


@app.get("/")
async def index() -> dict[str, str]:
    """Say what this is."""
    return {"service": "slugs", "documentation": "/docs"}


@app.post("/slugs")
async def make_slug(title: Title) -> Slug:
    """`Crème brûlée!` -> `creme-brulee`."""
    plain = unicodedata.normalize("NFKD", title.text).encode("ascii", "ignore").decode().lower()
    return Slug(slug=re.sub(r"[^a-z0-9]+", "-", plain).strip("-"))


@app.get("/health")
async def health() -> Status:
    """The app's own liveness; load balancers ask the runtime (`/-/healthy`)."""
    return Status()


@app.get("/ready")
async def ready() -> Status:
    """The app's own readiness; load balancers ask the runtime (`/-/ready`)."""
    return Status()
