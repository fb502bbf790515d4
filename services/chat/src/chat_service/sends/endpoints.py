"""The route of sending."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Response

from chat_service.sends.dependencies import Sender
from chat_service.sends.schemas import OwnIdPath
from messenger_contracts.commands import Actor, MessageCreate, SendCommand
from messenger_contracts.conversations import Media, Message
from servicekit.identity import CurrentUser

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
        media=[Media(id=each) for each in body.media_ids],
        reply_to=body.reply_to,
        thread_root=body.thread_root,
        mentions=list(dict.fromkeys(body.mentions)),
        created_at=sent.created_at,
        expires_at=sent.created_at + timedelta(seconds=body.expires_in) if body.expires_in else None,
    )
