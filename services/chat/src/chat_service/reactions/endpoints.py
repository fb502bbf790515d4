"""Routes of reactions."""

from fastapi import APIRouter, Response

from chat_service.reactions.dependencies import Reactions
from chat_service.reactions.schemas import EmojiPath, EmojiQuery
from messenger_contracts.commands import Actor, ReactCommand
from messenger_contracts.conversations import Reactor
from messenger_contracts.pagination import Page
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/conversations/{conversation_id}/messages/{message_id}/reactions", tags=["reactions"])


@router.get("")
async def reactors(
    conversation_id: str,
    message_id: str,
    caller: CurrentUser,
    reactions: Reactions,
    response: Response,
    emoji: EmojiQuery = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[Reactor]:
    """List who gave which reaction to a message. The message itself tells how many did."""
    page = await reactions.page(caller.user_id, conversation_id, message_id, emoji, cursor, limit)
    path = f"/v1/conversations/{conversation_id}/messages/{message_id}/reactions"
    link_next(response, page, path, limit, **({"emoji": emoji} if emoji else {}))
    return page


@router.put("/{emoji}", status_code=204)
async def add(
    conversation_id: str, message_id: str, emoji: EmojiPath, caller: CurrentUser, reactions: Reactions
) -> None:
    """Give a message a reaction. A person can give several of different kinds; a message has at most 50 kinds."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    await reactions.react(
        ReactCommand(actor=actor, conversation_id=conversation_id, message_id=message_id, emoji=emoji)
    )


@router.delete("/{emoji}", status_code=204)
async def remove(
    conversation_id: str, message_id: str, emoji: EmojiPath, caller: CurrentUser, reactions: Reactions
) -> None:
    """Take one's own reaction back."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    await reactions.react(
        ReactCommand(actor=actor, conversation_id=conversation_id, message_id=message_id, emoji=emoji, remove=True)
    )
