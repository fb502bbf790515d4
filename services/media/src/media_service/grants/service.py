"""Answers who may see files, and learns it from events.

Events come at least once and in any order: each says what is so as of a position (`seq`, `version`), and only what is
newer than what is known changes anything. Numbers are never added up from events.
"""

from collections.abc import Iterable, Sequence

from media_service.files.errors import MediaNotFound
from media_service.files.models import File
from media_service.files.repository import FileRepository
from media_service.grants.domain import (
    CLOSED,
    apart,
    blocks,
    conversation,
    may_attach,
    may_be_shown,
    may_see,
    questions,
)
from media_service.grants.models import Use
from media_service.grants.repository import GrantRepository, UseRepository
from media_service.states.service import StateService
from messenger_contracts.envelope import Event
from messenger_contracts.events.chat import (
    ConversationUpdated,
    MemberJoined,
    MemberLeft,
    MessageCreated,
    MessageDeleted,
)
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from messenger_contracts.media import MediaQuestion, ShownQuestion
from servicekit.dynamodb import Transaction
from servicekit.errors import DependencyUnavailable

ATTEMPTS = 8
AVATAR = "avatar"


class GrantService:
    """Who may see what."""

    def __init__(
        self, files: FileRepository, states: StateService, grants: GrantRepository, uses: UseRepository
    ) -> None:
        self._files = files
        self._states = states
        self._grants = grants
        self._uses = uses

    async def require(self, reader: str, media_id: str) -> File:
        """A file that a reader may see; raises `MediaNotFound`."""
        found = await self.visible(reader, [media_id])
        if not found:
            raise MediaNotFound
        return found[0]

    async def visible(self, reader: str, media_ids: Sequence[str]) -> list[File]:
        """Those files that a reader may see, in the order of their ids as given: two reads, however many they are."""
        files = await self._files.get_all(media_ids)
        known = await self._grants.known([each for file in files.values() for each in questions(file, reader)])
        wanted = dict.fromkeys(media_ids)
        return [files[each] for each in wanted if each in files and may_see(files[each], reader, known)]

    async def shown(self, asked: Sequence[ShownQuestion]) -> list[list[File]]:
        """By question, the files that its reader is shown: two reads, however many are asked."""
        files = await self._files.get_all([each for one in asked for each in one.sent])
        theirs = [(files[each], one.reader) for one in asked for each in one.sent if each in files]
        known = await self._grants.known(
            [each for file, reader in theirs if reader for each in apart(file.owner_id, reader)]
        )
        return [
            [
                files[each]
                for each, sender in one.sent.items()
                if each in files and may_be_shown(files[each], sender, one.reader, known)
            ]
            for one in asked
        ]

    async def apart(self, reader: str, owners: Iterable[str]) -> set[str]:
        """Those of some owners from whom a block keeps a reader apart, in one read."""
        others = {owner for owner in owners if owner != reader}
        known = await self._grants.known([each for owner in others for each in apart(owner, reader)])
        return {owner for owner in others if not known.isdisjoint(apart(owner, reader))}

    async def attachable(self, asked: Sequence[MediaQuestion]) -> list[list[File]]:
        """By question, the files that its person may attach: one read, however many are asked."""
        files = await self._files.get_all([each for one in asked for each in one.media_ids])
        return [
            [files[each] for each in dict.fromkeys(one.media_ids) if _may_attach(files.get(each), one.user_id)]
            for one in asked
        ]

    async def refused(self, user_id: str, media_ids: Sequence[str]) -> list[str]:
        """Those that a person may not attach."""
        files = await self._files.get_all(media_ids)
        return [each for each in dict.fromkeys(media_ids) if not _may_attach(files.get(each), user_id)]

    async def require_own(self, user_id: str, media_id: str) -> None:
        """Raise `MediaNotFound` unless a person may attach the file."""
        if await self.refused(user_id, [media_id]):
            raise MediaNotFound

    def allow(self, work: Transaction, place: str, user_id: str, version: int, **more: str) -> None:
        """Let a person look into a place of ours, in the transaction of what makes it so."""
        self._grants.add(work, place, user_id, version, active=True, **more)

    def forbid(self, work: Transaction, place: str, user_id: str, version: int) -> None:
        """Let a person look into a place of ours no longer."""
        self._grants.add(work, place, user_id, version, active=False)

    def put_up(self, work: Transaction, media_id: str, place: str) -> None:
        """Note that a file hangs in a place of ours once more."""
        self._files.count(work, media_id, place, 1)

    async def take_off(self, work: Transaction, media_id: str, place: str) -> None:
        """Note that a file, if it is still there, hangs in a place of ours once less."""
        file = await self._files.get(media_id)
        if file:
            self._files.count(work, media_id, place, -1, **self._states.after_use(file))

    async def hang(self, use: Use, owner_id: str) -> None:
        """Have files hang on something, in the place of those that did, unless something newer is known of it.

        Files of others than `owner_id` are passed over, unless they hang there already: nobody grants what is not
        theirs. Nothing hangs where nobody may look any more.
        """
        for _ in range(ATTEMPTS):
            before = await self._uses.get(use.place, use.ref)
            if before and before.seq >= use.seq:
                return
            if use.media_ids and await self._grants.known([(use.place, CLOSED)]):
                return
            were = before.media_ids if before else []
            files = await self._files.get_all([*use.media_ids, *were])
            theirs = {each for each, file in files.items() if file.owner_id == owner_id}
            now = [each for each in use.media_ids if each in theirs.union(were) & files.keys()]
            work = Transaction()
            for media_id in set(now) - set(were):
                self._files.count(work, media_id, use.place, 1)
            for media_id in (set(were) - set(now)) & files.keys():
                self._files.count(work, media_id, use.place, -1, **self._states.after_use(files[media_id]))
            if now:
                self._grants.require_open(work, use.place)
            if await self._uses.commit(use.model_copy(update={"media_ids": now}), work):
                return
        raise DependencyUnavailable("What hangs there is being changed by too many at once.")

    async def message_created(self, event: Event[MessageCreated]) -> None:
        """What a message carries hangs in its conversation."""
        message = event.data.message
        if not message.media:
            return
        media_ids = list(dict.fromkeys(each.id for each in message.media))
        await self.hang(_use(event.data, message.id, media_ids), message.by)

    async def message_deleted(self, event: Event[MessageDeleted]) -> None:
        """What a deleted message carried hangs there no longer."""
        await self.hang(_use(event.data, event.data.message_id, []), event.data.actor.user_id)

    async def conversation_updated(self, event: Event[ConversationUpdated]) -> None:
        """A group's picture hangs in it, for as long as it is the picture. In a deleted group nothing hangs.

        It must be the file of who gave it, whoever changed something else of the group last.
        """
        data = event.data
        if data.deleted:
            await self._close(conversation(data.conversation_id), data.seq)
        else:
            await self.hang(
                _use(data, AVATAR, [data.avatar] if data.avatar else []), data.avatar_by or data.actor.user_id
            )

    async def _close(self, place: str, seq: int) -> None:
        """Let nobody look into a place any more, and take down what hangs there. Nothing is hung there from then on."""
        await self._grants.set(place, CLOSED, seq, active=True)
        async for use in self._uses.of_place(place):
            await self.hang(use.model_copy(update={"seq": seq, "media_ids": []}), "")

    async def member_changed(self, event: Event[MemberJoined] | Event[MemberLeft]) -> None:
        """Who is in a conversation may look into it, and who has left may not."""
        data = event.data
        place = conversation(data.conversation_id)
        await self._grants.set(
            place, data.user_id, data.seq, active=isinstance(data, MemberJoined), people=[data.user_id]
        )

    async def block_changed(self, event: Event[UserBlocked] | Event[UserUnblocked]) -> None:
        """Between two of whom one blocks the other, nothing is granted."""
        data = event.data
        active = isinstance(data, UserBlocked)
        people = [data.user_id, data.blocked_id]
        await self._grants.set(blocks(data.user_id), data.blocked_id, data.version, active=active, people=people)


def _may_attach(file: File | None, user_id: str) -> bool:
    return file is not None and may_attach(file, user_id)


def _use(data: MessageCreated | MessageDeleted | ConversationUpdated, ref: str, media_ids: list[str]) -> Use:
    return Use(place=conversation(data.conversation_id), ref=ref, seq=data.seq, media_ids=media_ids)
