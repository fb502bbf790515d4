"""The queries of arrivals. What a message waits for is written with it (`sends`)."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_SETTLE = text("""
    INSERT INTO settled_files (media_id, version, at) VALUES (:media_id, :version, now())
    ON CONFLICT (media_id) DO UPDATE SET version = excluded.version, at = excluded.at
        WHERE settled_files.version < excluded.version
    RETURNING media_id
""")
_AWAIT_AGAIN = text("""
    INSERT INTO awaited_files (media_id, conversation_id, seq)
    SELECT :media_id, conversation_id, seq FROM messages
    WHERE media @> jsonb_build_array(jsonb_build_object('id', CAST(:shown AS text))) AND deleted_at IS NULL
    ON CONFLICT DO NOTHING
""")
_ARRIVED = text("""
    SELECT DISTINCT a.conversation_id FROM awaited_files a JOIN settled_files s ON s.media_id = a.media_id LIMIT :limit
""")
_TAKE = text("""
    WITH taken AS (
        DELETE FROM awaited_files a USING settled_files s
        WHERE a.conversation_id = :conversation_id AND s.media_id = a.media_id RETURNING a.seq
    )
    SELECT DISTINCT x.seq FROM taken JOIN messages x ON x.conversation_id = :conversation_id AND x.seq = taken.seq
    WHERE x.deleted_at IS NULL AND coalesce(x.expires_at > now(), true) ORDER BY x.seq
""")
_FORGET_SETTLED = text("""
    DELETE FROM settled_files s WHERE s.at < now() - make_interval(hours => :hours)
       AND NOT EXISTS (SELECT 1 FROM awaited_files a WHERE a.media_id = s.media_id)
""")
_FORGET_AWAITED = text("DELETE FROM awaited_files WHERE since < now() - make_interval(days => :days)")


class ArrivalRepository:
    """Reads and writes which files settled, and which messages wait for them."""

    async def settle(self, session: AsyncSession, media_id: UUID, version: int) -> bool:
        """Note what media said of a file; False if it has said that, or something later, before."""
        found = await session.execute(_SETTLE, {"media_id": media_id, "version": version})
        return found.one_or_none() is not None

    async def await_again(self, session: AsyncSession, media_id: UUID) -> None:
        """Let every message that shows a file be one that waits for it."""
        await session.execute(_AWAIT_AGAIN, {"media_id": media_id, "shown": str(media_id)})

    async def arrived(self, session: AsyncSession, limit: int) -> list[UUID]:
        """Conversations in which files have arrived that messages wait for."""
        return list((await session.execute(_ARRIVED, {"limit": limit})).scalars())

    async def take(self, session: AsyncSession, conversation_id: UUID) -> list[int]:
        """Wait no longer for what has arrived; the messages that show it. The caller holds the conversation's lock."""
        return list((await session.execute(_TAKE, {"conversation_id": conversation_id})).scalars())

    async def forget(self, session: AsyncSession, *, hours: int, days: int) -> None:
        """Forget files that settled long ago and are waited for by nobody, and such as never came."""
        await session.execute(_FORGET_AWAITED, {"days": days})
        await session.execute(_FORGET_SETTLED, {"hours": hours})
