"""The queries of invites."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS = "code, conversation_id, created_by, created_at, expires_at, max_uses, uses"
_LASTS = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
_GOOD = f"{_LASTS} AND (max_uses IS NULL OR uses < max_uses)"

_ADD = text(f"""
    INSERT INTO invites (code, conversation_id, created_by, created_at, expires_at, max_uses)
    VALUES (:code, :conversation_id, :created_by, :created_at, :expires_at, :max_uses) RETURNING {_COLUMNS}
""")
_COUNT_GOOD = text(f"SELECT count(*) FROM invites WHERE conversation_id = :conversation_id AND {_GOOD}")
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM invites
    WHERE conversation_id = :conversation_id AND {_LASTS}
      AND (CAST(:at AS timestamptz) IS NULL OR (created_at, code) < (:at, CAST(:code AS text)))
    ORDER BY created_at DESC, code DESC LIMIT :limit
""")
_REVOKE = text("""
    UPDATE invites SET revoked_at = coalesce(revoked_at, :at)
    WHERE conversation_id = :conversation_id AND code = :code RETURNING code
""")
_LEADS_TO = text("SELECT conversation_id FROM invites WHERE code = :code")
_USE = text(f"UPDATE invites SET uses = uses + 1 WHERE code = :code AND {_GOOD} RETURNING code")


class InviteRepository:
    """Reads and writes invites. Who asks for a group's has proved to be its admin."""

    async def add(self, session: AsyncSession, invite: Mapping[str, Any]) -> Row[Any]:
        """Insert an invite."""
        return (await session.execute(_ADD, dict(invite))).one()

    async def count_good(self, session: AsyncSession, conversation_id: UUID) -> int:
        """How many invites of a group somebody could still come in by."""
        return int(await session.scalar(_COUNT_GOOD, {"conversation_id": conversation_id}) or 0)

    async def page(
        self, session: AsyncSession, conversation_id: UUID, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[Row[Any]]:
        """The invites of a group that were not revoked and have not expired, newest first."""
        at, code = after or (None, None)
        parameters = {"conversation_id": conversation_id, "at": at, "code": code, "limit": limit}
        return (await session.execute(_PAGE, parameters)).all()

    async def revoke(self, session: AsyncSession, conversation_id: UUID, code: str, at: datetime) -> bool:
        """End an invite of a group; returns whether there is one."""
        parameters = {"conversation_id": conversation_id, "code": code, "at": at}
        return (await session.execute(_REVOKE, parameters)).one_or_none() is not None

    async def leads_to(self, session: AsyncSession, code: str) -> UUID | None:
        """The group of an invite, good or not."""
        conversation_id: UUID | None = await session.scalar(_LEADS_TO, {"code": code})
        return conversation_id

    async def use(self, session: AsyncSession, code: str) -> bool:
        """Count a use, if the invite is good; returns whether it is."""
        return (await session.execute(_USE, {"code": code})).one_or_none() is not None
