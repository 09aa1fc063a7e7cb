"""Short links: sessions, cache, tokens, passwords, a rate limit and work in the background, in one small API."""

import secrets
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, Path, Query
from fastapi_runtime.resilience import RateLimit
from pydantic import BaseModel, ConfigDict, Field, HttpUrl
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from .dependencies import Session, User, cache, needs_database, passwords, visits
from .models import Link
from .settings import settings

SLUG = r"^[a-z0-9][a-z0-9-]{0,62}[a-z0-9]$"
Slug = Annotated[str, Path(pattern=SLUG)]


class NewLink(BaseModel):
    """What a link leads to."""

    url: HttpUrl = Field(max_length=2000)
    slug: str | None = Field(default=None, pattern=SLUG)
    """Default: a random one."""
    password: str | None = Field(default=None, min_length=8, max_length=128)
    """Asked of visitors. Default: none is."""


class LinkInfo(BaseModel):
    """A link as everybody may see it."""

    model_config = ConfigDict(from_attributes=True)

    slug: str
    is_protected: bool
    created_at: datetime


class OwnLink(LinkInfo):
    """A link as its owner sees it."""

    url: str
    visits: int


class Password(BaseModel):
    """What opens a protected link."""

    password: str | None = Field(default=None, max_length=128)


class Target(BaseModel):
    """Where a link leads."""

    url: str


class Found(LinkInfo):
    """A link as it is cached; its hash and owner never leave the app."""

    url: str
    password_hash: str | None


def _responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    texts = {401: "No valid token", 404: "No such link", 409: "The slug is taken", 429: "Too many requests"}
    return {503: {"description": "Try again"}, **{status: {"description": texts[status]} for status in statuses}}


router = APIRouter(prefix="/links", tags=["links"], dependencies=[Depends(needs_database)])


# A failed look-up is not cached, so that a link that is made is there at once.
@cache(seconds=settings.cache_seconds, ignore=("session",))
async def find(slug: str, session: Session) -> Found:
    """The link.

    Raises:
        HTTPException: 404, there is none.
    """
    link = (await session.execute(select(Link).where(Link.slug == slug))).scalar_one_or_none()
    if link is None:
        raise HTTPException(404, "No such link.")
    return Found(**_info(link).model_dump(), url=link.url, password_hash=link.password_hash)


@router.post(
    "",
    status_code=201,
    responses=_responses(401, 409, 429),
    dependencies=[Depends(RateLimit(f"{settings.links_per_minute}/minute", name="new links"))],
)
async def make(new: NewLink, owner: User, session: Session) -> OwnLink:
    """Make a link."""
    link = Link(
        slug=new.slug or secrets.token_hex(5),
        url=str(new.url),
        owner=owner,
        password_hash=await passwords.hash(new.password) if new.password else None,
    )
    session.add(link)
    try:
        await session.flush()
    except IntegrityError:
        raise HTTPException(409, f"The slug {link.slug} is taken.") from None
    await session.refresh(link)
    return _own(link)


@router.get("", responses=_responses(401))
async def own(
    owner: User,
    session: Session,
    after: Annotated[str, Query(pattern=rf"^$|{SLUG}", description="The last slug of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[OwnLink]:
    """Your links, in order."""
    statement = select(Link).where(Link.owner == owner, Link.slug > after).order_by(Link.slug).limit(limit)
    return [_own(link) for link in (await session.execute(statement)).scalars()]


@router.get("/{slug}", responses=_responses(404))
async def show(slug: Slug, session: Session) -> LinkInfo:
    """What everybody may know about a link."""
    return await find(slug, session)


@router.post("/{slug}/visits", responses=_responses(401, 404, 429), dependencies=[Depends(RateLimit("60/minute"))])
async def visit(slug: Slug, given: Password, session: Session) -> Target:
    """Where a link leads; a protected one asks for its password."""
    link = await find(slug, session)
    if link.is_protected and not await passwords.verify(link.password_hash, given.password or ""):
        raise HTTPException(401, "The password is wrong.")
    visits.count(slug)
    return Target(url=link.url)


@router.delete("/{slug}", status_code=204, responses=_responses(401, 404))
async def remove(slug: Slug, owner: User, session: Session, later: BackgroundTasks) -> None:
    """Delete a link of yours."""
    statement = delete(Link).where(Link.slug == slug, Link.owner == owner).returning(Link.id)
    if (await session.execute(statement)).scalar_one_or_none() is None:
        raise HTTPException(404, "No such link of yours.")
    later.add_task(find.forget, slug, session)  # after the commit, or another request could cache it again


def _info(link: Link) -> LinkInfo:
    return LinkInfo(slug=link.slug, is_protected=link.password_hash is not None, created_at=link.created_at)


def _own(link: Link) -> OwnLink:
    return OwnLink(**_info(link).model_dump(), url=link.url, visits=link.visits)
