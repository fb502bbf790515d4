"""`Idempotency-Key`: a request that creates something takes effect once, however often it is sent.

The answer is kept in the transaction of the effect and given again for a day. A refusal keeps nothing, so that the same
key may try again. While the first request is under way, others with its key are told so; they do not wait for it.
What creates by an id that the client chose needs none of this.

Where the store is DynamoDB, the row belongs in the `Transaction` of the effect; here is the one for PostgreSQL.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy import Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from messenger_contracts.problem import ErrorCode
from servicekit.errors import ServiceError
from servicekit.identity import CurrentUser
from servicekit.postgres import Database

HOURS_KEPT = 24
PURGED_AT_ONCE = 1000
REPLAY_HEADER = "Idempotency-Replay"

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Any text of the client's own: sent again with the same body within a day, it gets the same answer",
    ),
]

Body = TypeVar("Body", bound=BaseModel)


class KeyInUse(ServiceError):
    """The first request with the key has not been answered yet."""

    code = ErrorCode.IDEMPOTENCY_IN_PROGRESS
    detail = "A request with this Idempotency-Key is under way."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class KeyMismatch(ServiceError):
    """The key was used for another request."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH
    detail = "This Idempotency-Key was used for another request."


class IdempotencyKeyColumns:
    """The table `idempotency_keys`: what each caller's key was answered, and to which request."""

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that may be one of several sent for the same effect; without a key it stands for itself."""

    caller: str
    key: str | None
    fingerprint: bytes = b""

    @property
    def lock(self) -> int:
        """The number of its advisory lock."""
        name = f"idempotency:{self.caller}\n{self.key}".encode()
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big", signed=True)


async def _attempt(request: Request, caller: CurrentUser, idempotency_key: IdempotencyKey = None) -> Attempt:
    if idempotency_key is None:
        return Attempt(caller.user_id, None)
    told = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    return Attempt(caller.user_id, idempotency_key, hashlib.blake2b(told, digest_size=16).digest())


CurrentAttempt = Annotated[Attempt, Depends(_attempt)]
"""The caller's request, as its `Idempotency-Key` names it."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[Body]):
    """What a request was answered, now or before."""

    body: Body
    status: int = 201
    replayed: bool = False

    def give(self, response: Response) -> Body:
        """Set status and headers of the response, and return its body."""
        response.status_code = self.status
        if self.replayed:
            response.headers[REPLAY_HEADER] = "true"
        return self.body


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
        if not await session.scalar(_LOCK, {"lock": attempt.lock}):
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
