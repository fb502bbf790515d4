"""The route of sending."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from chat_service.schedules.dependencies import Schedules
from chat_service.schedules.domain import Waiting
from chat_service.sends.dependencies import Sender
from chat_service.sends.schemas import OwnIdPath
from messenger_contracts.commands import Actor, MessageCreate, SendCommand
from messenger_contracts.conversations import Message, ScheduledMessage
from messenger_contracts.shapes import version_at
from servicekit.etags import etag
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/conversations/{conversation_id}/messages", tags=["messages"])


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Message, "description": "It was there already"},
    202: {"model": ScheduledMessage, "description": "It waits until `send_at`"},
}


@router.put("/{message_id}", status_code=201, response_model=Message, responses=ANSWERS)
async def send(
    conversation_id: str,
    message_id: OwnIdPath,
    body: Annotated[MessageCreate, Body()],
    caller: CurrentUser,
    sender: Sender,
    schedules: Schedules,
    response: Response,
) -> Message | Response:
    """Send a message under the sender's own UUID. Sending it again is harmless and answers 200 with the same body.

    With `send_at` in the future it waits until then, at most a year, and is listed under `scheduled`; nothing else can
    be sent under its UUID until it is cancelled.
    """
    actor = Actor(user_id=caller.user_id, username=caller.username)
    command = SendCommand(actor=actor, conversation_id=conversation_id, client_id=message_id, body=body)
    sent = await (schedules.submit(command) if body.send_at else sender.send(command))
    if isinstance(sent, Waiting):
        return Response(sent.message.model_dump_json(), 202, media_type="application/json")
    response.status_code = 200 if sent.replayed else 201
    if not sent.replayed:
        response.headers["ETag"] = etag(version_at(sent.created_at))
    return Message(
        id=sent.id,
        conversation_id=conversation_id.lower(),
        client_id=message_id.lower(),
        seq=sent.seq,
        msg_no=sent.msg_no,
        by=caller.user_id,
        text=body.text,
        media=sent.media or [],
        reply_to=body.reply_to,
        thread_root=body.thread_root,
        mentions=list(dict.fromkeys(body.mentions)),
        created_at=sent.created_at,
        expires_at=sent.created_at + timedelta(seconds=body.expires_in) if body.expires_in else None,
    )
