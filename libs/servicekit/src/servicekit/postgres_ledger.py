"""The ledger of `servicekit.inbox` for effects in PostgreSQL. Services without it do not install what it needs."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.postgres import Database

_ENTER = text("""
    INSERT INTO inbox_ledger (event_id, at) VALUES (:event_id, now()) ON CONFLICT DO NOTHING RETURNING event_id
""")

Effect = Callable[[AsyncSession], Awaitable[None]]
"""What an event leads to, written in the session that it is given."""


class LedgerColumns:
    """The table `inbox_ledger`: the events that have taken effect."""

    event_id: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True, precision=3))


class PostgresLedger:
    """Remembers which events have taken effect, in the table `inbox_ledger` of the effects' own database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def once(self, event_id: str, work: Effect) -> bool:
        """Commit the work together with the event's row; False when the event had taken effect before.

        The row comes first: a second delivery waits for the first, and holds no other lock meanwhile.
        """
        async with self._database.write() as session:
            if (await session.execute(_ENTER, {"event_id": event_id})).one_or_none() is None:
                return False
            await work(session)
        return True
