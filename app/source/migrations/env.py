"""Connects Alembic to the database that the environment names."""

from alembic import context
from app.models import Base
from fastapi_runtime.database import sync_engine
from sqlalchemy import text

engine = sync_engine()
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        # The server's limit is for requests; an index may take longer. Its lock_timeout stays: requests wait behind us.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        context.run_migrations()
engine.dispose()
