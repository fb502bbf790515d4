"""Routes of pins."""

from fastapi import APIRouter, Response

from chat_service.pins.dependencies import Pins
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Message
from messenger_contracts.pagination import Page
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/conversations/{conversation_id}", tags=["pins"])


@router.get("/pins")
async def pinned(
    conversation_id: str,
    caller: CurrentUser,
    pins: Pins,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[Message]:
    """List the messages that are pinned, newest pin first."""
    page = await pins.page(caller.user_id, conversation_id, cursor, limit)
    link_next(response, page, f"/v1/conversations/{conversation_id}/pins", limit)
    return page


@router.put("/messages/{message_id}/pin", status_code=204)
async def pin(conversation_id: str, message_id: str, caller: CurrentUser, pins: Pins) -> None:
    """Pin a message for everybody. Any member may; a conversation has at most 100 pins."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    await pins.pin(actor, conversation_id, message_id)


@router.delete("/messages/{message_id}/pin", status_code=204)
async def unpin(conversation_id: str, message_id: str, caller: CurrentUser, pins: Pins) -> None:
    """Unpin a message, whoever pinned it."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    await pins.unpin(actor, conversation_id, message_id)
