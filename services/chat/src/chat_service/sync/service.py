"""Use cases of sync: tell everything that a person missed, and wait for it."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chat_service.conversations.errors import EpochChanged
from chat_service.conversations.service import KeptService
from chat_service.files.service import FileService
from chat_service.log.service import LogService
from chat_service.sync.domain import Place, most_conversations, position, stretch, to_synced
from chat_service.sync.repository import SyncRepository
from chat_service.sync.watcher import Gone, Watcher
from messenger_contracts.conversations import LogEvent, Skip, Sync, SyncedConversation
from servicekit.cursors import Cursors
from servicekit.errors import ServiceError
from servicekit.postgres import Database, Session


class SyncService:
    """Tells one reader at a time. Every answer shows one moment, and its token says which."""

    def __init__(
        self,
        database: Database,
        repository: SyncRepository,
        log: LogService,
        kept: KeptService,
        tokens: Cursors,
        files: FileService,
    ) -> None:
        self.watcher = Watcher(database, repository)
        self._database = database
        self._repository = repository
        self._log = log
        self._kept = kept
        self._tokens = tokens
        self._files = files

    async def sync(self, reader: str, since: str | None, *, seconds: float, limit: int, gone: Gone) -> Sync:
        """What happened since a token, or without one how everything stands; waits while there is nothing.

        Raises `ValidationFailed` for a token that is not the reader's, `EpochChanged` for one from before a restore.
        """
        place = await self._place(reader, since)
        ending = asyncio.get_running_loop().time() + seconds
        while True:
            answer, snapshot = await self._read(reader, place, limit)
            rest = ending - asyncio.get_running_loop().time()
            if answer.conversations or answer.left or place is None or place.cut or rest <= 0:
                return answer
            if not await self.watcher.wait(reader, snapshot, rest, gone):
                return answer

    async def positions_at(self, asked: Sequence[tuple[str, str, int]]) -> list[dict[UUID, int] | None]:
        """Where clients stand who ask by reader, token and limit; None for a token that `sync` would refuse.

        A client stands further back than it does in truth, never further on; in a conversation in which it lacks more
        than its limit, just so far back that this shows. Conversations that the reader left since are named.
        """
        places = [await self._place_if_good(reader, since) for reader, since, _ in asked]
        async with self._database.snapshot() as session:
            now = await self._repository.now(session)
            good = {n: place for n, place in enumerate(places) if place and place.restored == now.restored}
            known = [n for n, place in good.items() if place.since]
            rows = await self._repository.positions(session, [(asked[n][0], good[n], asked[n][2]) for n in known])
        standing: dict[int, dict[UUID, int]] = {n: {} for n in good}
        for row in rows:
            n = known[row.place - 1]
            standing[n][row.id] = position(row, asked[n][2])
        return [standing.get(n) for n in range(len(asked))]

    async def _place_if_good(self, reader: str, since: str) -> Place | None:
        try:
            return await self._place(reader, since)
        except ServiceError:
            return None

    async def _place(self, reader: str, since: str | None) -> Place | None:
        return Place.from_claims(await self._tokens.read(reader, since)) if since else None

    async def _read(self, reader: str, known: Place | None, limit: int) -> tuple[Sync, str]:
        """One answer, and the snapshot that it was read from."""
        most = most_conversations(limit)
        async with self._database.snapshot() as session:
            now = await self._repository.now(session)
            place = known or Place(now.restored)
            if place.restored != now.restored:
                raise EpochChanged
            begun = place.begun or now.snapshot
            rows = await self._repository.changed(session, reader, place, begun, limit, most + 1)
            conversations = await self._tell(session, reader, rows[:most], limit)
        told = (event for conversation in conversations.values() for event in conversation.events)
        await self._files.describe(reader, told)
        more = len(rows) > most
        last = (rows[most - 1].at, rows[most - 1].id) if more else None
        token = await self._tokens.make(reader, place.after(now.snapshot, last).claims)
        left = [str(row.id) for row in rows[:most] if row.gone]
        return Sync(next=token, conversations=conversations, left=left, more=more), now.snapshot

    async def _tell(
        self, session: Session, reader: str, rows: Sequence[Any], limit: int
    ) -> dict[str, SyncedConversation]:
        mine = {row.id: (row, *stretch(row, limit)) for row in rows if not row.gone}
        if not mine:
            return {}
        kept = await self._kept.of(session, reader, list(mine))
        behind = {each: prev_seq for each, (row, prev_seq, _) in mine.items() if row.last_seq > prev_seq}
        events: dict[str, list[LogEvent | Skip]] = {str(each): [] for each in mine}
        for event in await self._log.after(session, reader, behind, limit):
            events[event.c].append(event)
        return {
            str(each): to_synced(row, kept[each], events[str(each)], prev_seq, limited=limited)
            for each, (row, prev_seq, limited) in mine.items()
        }
