"""What a sync token stands for, and which stretch of a log is told.

A token holds a snapshot of the database, as PostgreSQL writes it. `seq` follows the order of commits, so that what is
visible in a snapshot is a beginning of each log, whose length need not be kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, Self
from uuid import UUID

from chat_service.conversations.domain import to_draft
from messenger_contracts.conversations import LogEvent, Skip, SyncedConversation

MOST_CONVERSATIONS = 200
MOST_EVENTS = 2_000
"""What one answer holds at most, all conversations together."""

Cut = tuple[datetime, UUID]
"""A conversation's place among the others: its last activity, and its id."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a client is. Without `since` it knows nothing yet.

    While an answer is given in parts, `begun` is the snapshot of the first part, by whose order of conversations the
    others go on, and `cut` the last conversation that was told.
    """

    restored: str
    since: str | None = None
    begun: str | None = None
    cut: Cut | None = None

    @classmethod
    def from_claims(cls, claims: Sequence[Any]) -> Self:
        """The place of a token."""
        restored, since, begun, cut = claims
        return cls(restored, since, begun, (datetime.fromisoformat(cut[0]), UUID(cut[1])) if cut else None)

    @property
    def claims(self) -> list[Any]:
        """What a token holds."""
        cut = [self.cut[0].isoformat(), str(self.cut[1])] if self.cut else None
        return [self.restored, self.since, self.begun, cut]

    @property
    def floor(self) -> int:
        """The oldest transaction that the client may lack."""
        return oldest_running(self.since) if self.since else 0

    def after(self, snapshot: str, last: Cut | None) -> "Place":
        """Where the client is after an answer that saw `snapshot` and ended at `last`; None: it told all.

        The parts that follow the first see more than it did. That is told again next time: it does no harm.
        """
        begun = self.begun or snapshot
        if last is None:
            return Place(self.restored, begun)
        return replace(self, begun=begun, cut=last)


def oldest_running(snapshot: str) -> int:
    """The oldest transaction that a snapshot may not show: all before it are visible."""
    return int(snapshot.partition(":")[0])


def most_conversations(limit: int) -> int:
    """How many conversations one answer holds, with up to `limit` events of each."""
    return max(1, min(MOST_CONVERSATIONS, MOST_EVENTS // limit))


class Changed(Protocol):
    """A conversation that changed; `fresh` events, of the newest `limit` + 1, are new to the client."""

    last_seq: int
    visible_from: int
    fresh: int


def stretch(row: Changed, limit: int) -> tuple[int, bool]:
    """The position before what is told of a conversation, and whether more than that is new."""
    if row.fresh <= limit:
        return row.last_seq - row.fresh, False
    begin = row.last_seq - limit
    return (0, False) if begin < row.visible_from else (begin, True)


def position(row: Changed, limit: int) -> int:
    """Where the client stands in a conversation. One that lacks more than `limit` may in truth stand further back."""
    return max(0, row.last_seq - min(row.fresh, limit + 1))


def to_synced(
    row: Any, kept: Any, events: list[LogEvent | Skip], prev_seq: int, *, limited: bool
) -> SyncedConversation:
    """What is told of a conversation."""
    return SyncedConversation(
        events=events,
        limited=limited,
        prev_seq=prev_seq,
        visible_from=row.visible_from,
        reset=row.reset,
        last_seq=row.last_seq,
        epoch=row.epoch,
        read_seq=kept.read_seq,
        unread=kept.unread,
        mentions=kept.mention_count,
        marked_unread=kept.marked_unread,
        muted_until=kept.muted_until,
        pinned=kept.pinned,
        archived=kept.archived,
        draft=to_draft(kept.draft),
    )
