"""Answers to requests with an `Idempotency-Key`, in PostgreSQL: a table, and a lock for each key."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.idempotency import HOURS_KEPT, Answer, Attempt, Body, KeyInUse, KeyMismatch
from servicekit.postgres import Database

PURGED_AT_ONCE = 1000


class IdempotencyKeyColumns:
    """The table `idempotency_keys`: what each caller's key was answered, and to which request."""

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]


_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)")
_FIND = text("""
    SELECT fingerprint, status, body FROM idempotency_keys
    WHERE caller = :caller AND key = :key AND at > now() - make_interval(hours => :hours)
""")
_KEEP = text("""
    INSERT INTO idempotency_keys (caller, key, fingerprint, status, body, at)
    VALUES (:caller, :key, :fingerprint, :status, CAST(:body AS jsonb), now())
    ON CONFLICT (caller, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body, at = excluded.at
""")
_PURGE = text("""
    DELETE FROM idempotency_keys WHERE (caller, key) IN (
        SELECT caller, key FROM idempotency_keys WHERE at <= now() - make_interval(hours => :hours)
        ORDER BY at LIMIT :limit FOR UPDATE SKIP LOCKED)
""")


class PostgresIdempotency:
    """Keeps answers in the table `idempotency_keys`."""

    async def once(
        self, session: AsyncSession, attempt: Attempt, shape: type[Body], make: Callable[[], Awaitable[Answer[Body]]]
    ) -> Answer[Body]:
        """Make an answer in the transaction of `session`, or give the one that the key was given before.

        Raises `KeyInUse` while another transaction makes it, and `KeyMismatch` when the key was another request's.
        """
        if attempt.key is None:
            return await make()
        if kept := await self._find(session, attempt, shape):
            return kept
        answer = await make()
        parameters = {
            "caller": attempt.caller,
            "key": attempt.key,
            "fingerprint": attempt.fingerprint,
            "status": answer.status,
            "body": answer.body.model_dump_json(),
        }
        await session.execute(_KEEP, parameters)
        return answer

    @staticmethod
    async def _find(session: AsyncSession, attempt: Attempt, shape: type[Body]) -> Answer[Body] | None:
        """Lock first, then look, in a statement of its own: it sees what the holder before has committed."""
        if not await session.scalar(_LOCK, {"lock": _lock_of(attempt)}):
            raise KeyInUse
        parameters = {"caller": attempt.caller, "key": attempt.key, "hours": HOURS_KEPT}
        row = (await session.execute(_FIND, parameters)).one_or_none()
        if row is None:
            return None
        if row.fingerprint != attempt.fingerprint:
            raise KeyMismatch
        return Answer(shape.model_validate(row.body), row.status, replayed=True)

    @staticmethod
    async def purge(database: Database) -> bool:
        """Forget answers that are older than a day, a bounded number of them; returns whether there may be more."""
        async with database.write() as session:
            gone = await session.execute(_PURGE, {"hours": HOURS_KEPT, "limit": PURGED_AT_ONCE})
        return bool(gone.rowcount >= PURGED_AT_ONCE)  # type: ignore[attr-defined]


def _lock_of(attempt: Attempt) -> int:
    """The number of an attempt's advisory lock."""
    name = f"idempotency:{attempt.caller}\n{attempt.key}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big", signed=True)
