"""Routes of messages."""

from fastapi import APIRouter, Response

from chat_service.messages.dependencies import Messages
from chat_service.messages.schemas import SeqQuery
from messenger_contracts.conversations import Message
from messenger_contracts.pagination import Page
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/conversations/{conversation_id}/messages", tags=["messages"])


@router.get("")
async def history(
    conversation_id: str,
    caller: CurrentUser,
    messages: Messages,
    response: Response,
    before_seq: SeqQuery = None,
    after_seq: SeqQuery = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[Message]:
    """Read history: newest first below `before_seq` (or from the end), oldest first above `after_seq`."""
    page = await messages.page(
        caller.user_id, conversation_id, before_seq=before_seq, after_seq=after_seq, cursor=cursor, limit=limit
    )
    link_next(response, page, f"/v1/conversations/{conversation_id}/messages", limit)
    return page


@router.get("/{message_id}")
async def one(conversation_id: str, message_id: str, caller: CurrentUser, messages: Messages) -> Message:
    """Read one message."""
    return await messages.one(caller.user_id, conversation_id, message_id)
