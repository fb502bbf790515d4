"""The queries of previews: find the links in the log, hand out the work, and show what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.log.domain import SYSTEM
from messenger_contracts.conversations import LogEventType
from servicekit.outbox import BELOW_RUNNING, OutboxPosition

_SAYING = f"'{LogEventType.MESSAGE_CREATED}', '{LogEventType.MESSAGE_EDITED}'"
_IN_COMMIT_ORDER = text(f"""
    SELECT xid, position, conversation_id, coalesce(target_seq, seq) AS message_seq,
           type IN ({_SAYING}) AND by <> '{SYSTEM}' AS may_link
    FROM log WHERE (xid, position) > (:xid, :position) AND {BELOW_RUNNING} ORDER BY xid, position LIMIT :limit
""")
_LINKING = text("""
    SELECT x.conversation_id, x.seq, x.text, x.previews IS NOT NULL AS has_previews
    FROM unnest(CAST(:conversations AS uuid[]), CAST(:seqs AS bigint[])) AS k (conversation_id, seq)
    JOIN messages x ON x.conversation_id = k.conversation_id AND x.seq = k.seq
    WHERE x.deleted_at IS NULL
      AND (x.previews IS NOT NULL
           OR x.text ~* 'https?://' AND greatest(x.created_at, x.edited_at) > now() - interval '1 day')
""")
_ADD = text("""
    INSERT INTO preview_jobs (conversation_id, seq, urls, due_at)
    SELECT conversation_id, seq, ARRAY(SELECT jsonb_array_elements_text(urls)), now()
    FROM unnest(CAST(:conversations AS uuid[]), CAST(:seqs AS bigint[]), CAST(:urls AS jsonb[]))
         AS new (conversation_id, seq, urls)
    ON CONFLICT (conversation_id, seq) DO UPDATE SET urls = excluded.urls, attempts = 0, due_at = excluded.due_at
""")

_TAKE = text("""
    UPDATE preview_jobs j SET attempts = attempts + 1, due_at = now() + make_interval(secs => :lease)
    FROM (SELECT conversation_id, seq FROM preview_jobs WHERE due_at <= now()
          ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED) due
    WHERE j.conversation_id = due.conversation_id AND j.seq = due.seq
    RETURNING j.conversation_id, j.seq, j.urls, j.attempts, j.due_at
""")
_SAME = "conversation_id = :conversation_id AND seq = :seq AND due_at = :due_at"
_PUT_BACK = text(f"""
    UPDATE preview_jobs SET attempts = :attempts, due_at = now() + make_interval(secs => :pause) WHERE {_SAME}
""")
_REMOVE = text(f"DELETE FROM preview_jobs WHERE {_SAME}")

_MESSAGE = text("""
    SELECT text, previews FROM messages
    WHERE conversation_id = :conversation_id AND seq = :seq AND deleted_at IS NULL
      AND coalesce(expires_at > now(), true)
""")
_SHOW = text("""
    UPDATE messages SET previews = CAST(:previews AS jsonb) WHERE conversation_id = :conversation_id AND seq = :seq
""")


@dataclass(frozen=True, slots=True)
class Job:
    """The links of a message, to be looked at by whoever took the job, until it is due again."""

    conversation_id: UUID
    seq: int
    urls: list[str]
    attempts: int
    due_at: datetime

    @property
    def key(self) -> dict[str, Any]:
        """What tells it from what is noted of the message later."""
        return {"conversation_id": self.conversation_id, "seq": self.seq, "due_at": self.due_at}


class LinkRepository:
    """Follows the log, and notes which messages have links to look at."""

    async def in_commit_order(self, session: AsyncSession, after: OutboxPosition, limit: int) -> Sequence[Row[Any]]:
        """The log behind a position, with what of it may have brought links."""
        return (await session.execute(_IN_COMMIT_ORDER, {**after._asdict(), "limit": limit})).all()

    async def linking(self, session: AsyncSession, messages: Sequence[tuple[UUID, int]]) -> Sequence[Row[Any]]:
        """Those of some messages that have links, as long as they are of today, and those that show previews."""
        keys = {"conversations": [c for c, _ in messages], "seqs": [seq for _, seq in messages]}
        return (await session.execute(_LINKING, keys)).all()

    async def add(self, session: AsyncSession, jobs: Sequence[tuple[UUID, int, Sequence[str]]]) -> None:
        """Note the links of messages, in place of what was noted of these before."""
        parameters = {
            "conversations": [conversation_id for conversation_id, _, _ in jobs],
            "seqs": [seq for _, seq, _ in jobs],
            "urls": [orjson.dumps(urls).decode() for _, _, urls in jobs],
        }
        await session.execute(_ADD, parameters)


class PreviewRepository:
    """Hands jobs out, each to one worker for a while, and writes what came of them.

    A job that was noted anew meanwhile is another one: what is done with the old one leaves it alone.
    """

    async def take(self, session: AsyncSession, limit: int, lease: float) -> list[Job]:
        """Jobs that are due, for `lease` seconds the caller's own: then another worker may take them."""
        rows = (await session.execute(_TAKE, {"limit": limit, "lease": lease})).all()
        return [Job(*row) for row in rows]

    async def put_back(self, session: AsyncSession, job: Job, attempts: int, pause: float) -> None:
        """Let a job be due again after a pause, in seconds."""
        await session.execute(_PUT_BACK, {**job.key, "attempts": attempts, "pause": pause})

    async def remove(self, session: AsyncSession, job: Job) -> None:
        """Forget a job."""
        await session.execute(_REMOVE, job.key)

    async def message(self, session: AsyncSession, job: Job) -> Row[Any] | None:
        """What a job's message says and shows now; None when it is gone."""
        key = {"conversation_id": job.conversation_id, "seq": job.seq}
        return (await session.execute(_MESSAGE, key)).one_or_none()

    async def show(self, session: AsyncSession, job: Job, previews: Sequence[dict[str, Any]]) -> None:
        """Show previews under a job's message, in place of those that are there."""
        shown = orjson.dumps(previews).decode() if previews else None
        key = {"conversation_id": job.conversation_id, "seq": job.seq}
        await session.execute(_SHOW, {**key, "previews": shown})
