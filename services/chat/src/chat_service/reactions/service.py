"""Use cases of reactions: give one, take it back, see who gave which."""

from chat_service.conversations.domain import parse_id
from chat_service.messages.service import MessageChange, MessageChanges, MessageFinder
from chat_service.reactions.errors import TooManyKinds
from chat_service.reactions.repository import ReactionRepository
from messenger_contracts.commands import ReactCommand
from messenger_contracts.conversations import LogEventType, Reactor
from messenger_contracts.pagination import Page
from servicekit.cursors import Cursors
from servicekit.postgres import Database

MOST_KINDS = 50


class ReactionService:
    """Adds and removes reactions, each in a transaction of its own, and lists them."""

    def __init__(
        self,
        database: Database,
        about: MessageChanges,
        finder: MessageFinder,
        repository: ReactionRepository,
        cursors: Cursors,
    ) -> None:
        self._database = database
        self._about = about
        self._finder = finder
        self._repository = repository
        self._cursors = cursors

    async def react(self, command: ReactCommand) -> int | None:
        """Give or take back a reaction; returns the place of the event, if that changed anything.

        What adds to a conversation is refused where it is closed; raises `TooManyKinds`.
        """
        async with self._about.about(command.actor, command.conversation_id, command.message_id) as about:
            return await (self._remove(about, command) if command.remove else self._add(about, command))

    async def _add(self, about: MessageChange, command: ReactCommand) -> int | None:
        about.require_open(command.actor)
        session, seq = about.change.session, about.message.message_seq
        kinds, has_this = await self._repository.kinds(session, about.conversation_id, seq, command.emoji)
        if kinds >= MOST_KINDS and not has_this:
            raise TooManyKinds
        user_id = command.actor.user_id
        if not await self._repository.add(session, about.conversation_id, seq, command.emoji, user_id):
            return None
        return await about.append(LogEventType.REACTION_ADDED, command.actor, {"emoji": command.emoji})

    async def _remove(self, about: MessageChange, command: ReactCommand) -> int | None:
        about.require_shown()
        session, seq, user_id = about.change.session, about.message.message_seq, command.actor.user_id
        if not await self._repository.remove(session, about.conversation_id, seq, command.emoji, user_id):
            return None
        return await about.append(LogEventType.REACTION_REMOVED, command.actor, {"emoji": command.emoji})

    async def page(
        self,
        reader: str,
        conversation_id: str,
        message_id: str,
        emoji: str | None,
        cursor: str | None,
        limit: int,
    ) -> Page[Reactor]:
        """Who gave which reaction to a message."""
        scope = f"{reader}:{message_id}:{emoji}"
        after_emoji, after_user = await self._cursors.read(scope, cursor) if cursor else ("", "")
        conversation = parse_id(conversation_id)
        async with self._database.read() as session:
            _, message = await self._finder.shown(session, reader, conversation, message_id)
            rows = await self._repository.page(
                session, reader, conversation, message.message_seq, emoji, (after_emoji, after_user), limit + 1
            )
        reactors = [Reactor(user_id=row.user_id, emoji=row.emoji, at=row.at) for row in rows]
        return await self._cursors.page(scope, reactors, limit, lambda last: (last.emoji, last.user_id))
