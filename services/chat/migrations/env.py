"""Runs the migrations: one process at a time, with short waits for locks."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from chat_service.conversations import models as conversations
from chat_service.log import models as log
from chat_service.messages import models as messages
from chat_service.models import Base
from chat_service.settings import ChatSettings
from servicekit.postgres import create_engine

MIGRATION_LOCK = 7_305_808_869_229_000_000
TABLES = (conversations, messages, log)


def run(connection: Connection) -> None:
    """Apply what is missing."""
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    """Connect as the settings say, and run."""
    engine = create_engine(ChatSettings().database_url.get_secret_value(), name="chat-migrations")
    async with engine.connect() as connection:
        await connection.execute(text("SET lock_timeout = '5s'"))
        await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        await connection.commit()
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


asyncio.run(main())
