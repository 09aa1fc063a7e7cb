"""What routes share, opened in the lifespan."""

from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi_runtime.cache import Cache
from fastapi_runtime.database import Database
from fastapi_runtime.database_settings import configured
from fastapi_runtime.security import Claims, PasswordHasher, TokenVerifier
from sqlalchemy.ext.asyncio import AsyncSession

from .visits import Visits

database = Database()
cache = Cache(prefix="links-1")
tokens = TokenVerifier()
passwords = PasswordHasher()
visits = Visits(database)

# The scope: what is written is committed before the answer is sent.
Session = Annotated[AsyncSession, Depends(database.session, scope="function")]


async def needs_database() -> None:
    """Answer 503 where the app runs without a database, instead of not starting.

    Raises:
        HTTPException: 503.
    """
    if not configured():
        raise HTTPException(503, "No database is configured: set DATABASE_HOST.")


async def user(claims: Annotated[Claims, Depends(tokens)]) -> str:
    """Who asks: the subject of the token."""
    return str(claims["sub"])[:255]


User = Annotated[str, Depends(user)]
