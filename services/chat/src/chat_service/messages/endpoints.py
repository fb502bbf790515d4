"""Routes of messages."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from chat_service.messages.dependencies import Messages, Sender
from chat_service.messages.schemas import OwnIdPath, SeqQuery
from messenger_contracts.commands import Actor, MessageCreate, SendCommand
from messenger_contracts.conversations import Message
from messenger_contracts.pagination import Page
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/conversations/{conversation_id}/messages", tags=["messages"])


@router.put(
    "/{message_id}", status_code=201, responses={200: {"model": Message, "description": "It was there already"}}
)
async def send(
    conversation_id: str,
    message_id: OwnIdPath,
    body: Annotated[MessageCreate, Body()],
    caller: CurrentUser,
    sender: Sender,
    response: Response,
) -> Message:
    """Send a message under the sender's own UUID. Sending it again is harmless and answers 200 with the same body."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    sent = await sender.send(SendCommand(actor=actor, conversation_id=conversation_id, client_id=message_id, body=body))
    response.status_code = 200 if sent.replayed else 201
    return Message(
        id=sent.id,
        conversation_id=conversation_id.lower(),
        client_id=message_id.lower(),
        seq=sent.seq,
        msg_no=sent.msg_no,
        by=caller.user_id,
        text=body.text,
        created_at=sent.created_at,
    )


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
