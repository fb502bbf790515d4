"""Runs the migrations: one process at a time, with short waits for locks."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from chat_service.arrivals import models as arrivals
from chat_service.blocks import models as blocks
from chat_service.conversations import models as conversations
from chat_service.invites import models as invites
from chat_service.log import models as log
from chat_service.messages import models as messages
from chat_service.models import Base
from chat_service.pins import models as pins
from chat_service.previews import models as previews
from chat_service.reactions import models as reactions
from chat_service.reports import models as reports
from chat_service.schedules import models as schedules
from chat_service.search import models as search
from chat_service.settings import ChatSettings
from servicekit.postgres import create_engine

MIGRATION_LOCK = 7_305_808_869_229_000_000
TABLES = (
    arrivals,
    blocks,
    conversations,
    invites,
    log,
    messages,
    pins,
    previews,
    reactions,
    reports,
    schedules,
    search,
)


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
