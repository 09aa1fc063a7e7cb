"""The API: starts and answers with no database, cache or identity provider; what needs one says so with 503."""

import os
import re
import unicodedata
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_runtime.database_settings import configured
from pydantic import BaseModel, Field

from . import links
from .dependencies import cache, database, tokens, visits
from .settings import settings


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Open what is configured, and close it in the opposite order."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(cache)
        if os.environ.get("JWT_JWKS_URL"):
            await stack.enter_async_context(tokens)
        if configured():
            await stack.enter_async_context(database)
            await stack.enter_async_context(visits)
        yield


app = FastAPI(title="Short links", lifespan=lifespan)
app.include_router(links.router)
if settings.cors_origins:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["authorization", "content-type"],
        max_age=86400,
    )


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
    return {"service": "links", "documentation": "/docs"}


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
