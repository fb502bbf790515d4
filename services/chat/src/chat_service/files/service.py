"""Use cases of files on messages: may they be sent, and how do they look to a reader?

A read does without what media does not say: it answers with the ids, and the failure is counted. A send does not: what
hangs on a message must be its sender's own. See docs/decisions/0017-files-are-described-when-read.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from chat_service.files.domain import Attached, Sender, Shown, fill, questions, slots, wanted
from chat_service.files.errors import FilesUnavailable
from chat_service.files.repository import MediaRepository
from messenger_contracts.media import (
    MOST_QUESTIONS,
    AttachAnswer,
    Media,
    MediaAnswer,
    MediaQuestion,
    ShownQuestion,
    hidden,
)
from servicekit.batching import Batcher
from servicekit.postgres import Session
from servicekit.telemetry import record_failure

AT_ONCE = 4
"""Requests to media at a time; what is asked meanwhile goes together in the next."""


class FileService:
    """Asks media, for many senders and readers in one request. Whatever goes wrong with one is noted once."""

    def __init__(self, media: MediaRepository) -> None:
        self._media = media
        self._attaching: Batcher[MediaQuestion, AttachAnswer] = Batcher(
            self._ask_attachable, limit=MOST_QUESTIONS, concurrency=AT_ONCE
        )
        self._showing: Batcher[ShownQuestion, MediaAnswer] = Batcher(
            self._ask_shown, limit=MOST_QUESTIONS, concurrency=AT_ONCE
        )

    async def attach(self, sender: str, media_ids: Sequence[str]) -> Attached:
        """Ask whether a person may send files. That media cannot say is part of the answer, not an error."""
        try:
            answer = await self._attaching.submit(MediaQuestion(user_id=sender, media_ids=list(media_ids)))
        except FilesUnavailable:
            return Attached(media_ids, None)
        return Attached(media_ids, answer)

    async def describe(self, reader: str, shown: Iterable[Shown | None], session: Session | None = None) -> None:
        """Put the files of messages and events into them as their reader sees them.

        While media is asked, `session` holds no connection.
        """
        await self._describe(reader, shown, session)

    async def describe_each(self, shown: Mapping[str, Iterable[Shown]], session: Session) -> None:
        """The same for many readers."""
        places = {reader: found for reader, theirs in shown.items() if (found := list(slots(theirs)))}
        if not places:
            return
        await session.close()
        known = await self._known([(reader, wanted(found)) for reader, found in places.items()])
        for found, theirs in zip(places.values(), known, strict=True):
            fill(found, theirs)

    async def describe_to_all(self, shown: Iterable[Shown], session: Session | None = None) -> None:
        """The same of live events, as all see them who may; who may is for the gateway to see to."""
        await self._describe(None, shown, session)

    async def _describe(self, reader: str | None, shown: Iterable[Shown | None], session: Session | None) -> None:
        places = list(slots(shown))
        if not places:
            return
        if session is not None:
            await session.close()
        fill(places, (await self._known([(reader, wanted(places))]))[0])

    async def drain(self) -> None:
        """Wait for what was asked."""
        await self._attaching.drain()
        await self._showing.drain()

    async def _known(self, asked: Sequence[tuple[str | None, Mapping[str, Sender]]]) -> list[dict[str, Media]]:
        """By reader, what media says of files: nothing while it cannot be reached. What it leaves out is hidden."""
        waiting = [[(each, self._showing.submit(each)) for each in questions(reader, files)] for reader, files in asked]
        known: list[dict[str, Media]] = []
        for theirs in waiting:
            known.append({})
            for question, future in theirs:
                with suppress(FilesUnavailable):
                    shown = {each.id: each for each in (await future).items}
                    known[-1] |= {each: shown.get(each) or hidden(each) for each in question.sent}
        return known

    async def _ask_attachable(self, asked: Sequence[MediaQuestion]) -> Sequence[AttachAnswer]:
        try:
            return await self._media.attachable(asked)
        except Exception as error:
            record_failure("files", error)
            raise FilesUnavailable from error

    async def _ask_shown(self, asked: Sequence[ShownQuestion]) -> Sequence[MediaAnswer]:
        try:
            return await self._media.shown(asked)
        except Exception as error:
            record_failure("files", error)
            raise FilesUnavailable from error
