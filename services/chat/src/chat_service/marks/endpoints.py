"""Routes of marks."""

from fastapi import APIRouter

from chat_service.marks.dependencies import Marks
from chat_service.marks.schemas import ReadUpdate
from messenger_contracts.commands import Actor, ReadCommand
from messenger_contracts.conversations import ReadMark
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/conversations/{conversation_id}", tags=["marks"])


@router.put("/read")
async def read(conversation_id: str, body: ReadUpdate, caller: CurrentUser, marks: Marks) -> ReadMark:
    """Move the caller's read mark forward. A mark that is further already stays where it is."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    return await marks.read(
        ReadCommand(actor=actor, conversation_id=conversation_id, seq=body.seq, private=body.private)
    )
