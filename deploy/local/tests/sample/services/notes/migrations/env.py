"""Applies the migrations to the database that the environment names."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine


def apply(connection: Connection) -> None:
    """Run what is missing, in one transaction."""
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    """Connect as the service's own role."""
    engine = create_async_engine(os.environ["NOTES_DATABASE_URL"])
    async with engine.begin() as connection:
        await connection.run_sync(apply)
    await engine.dispose()


asyncio.run(main())
