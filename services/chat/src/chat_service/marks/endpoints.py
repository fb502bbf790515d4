"""Routes of marks. They are the caller's own, but for the receipts."""

from fastapi import APIRouter, Response

from chat_service.marks.dependencies import Marks, Receipts
from chat_service.marks.schemas import DeliveredUpdate, DraftUpdate, MuteUpdate, ReadUpdate
from messenger_contracts.commands import Actor, ReadCommand
from messenger_contracts.conversations import Kept, ReadMark, Receipt
from messenger_contracts.pagination import Page
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/conversations/{conversation_id}", tags=["marks"])


@router.put("/read")
async def read(conversation_id: str, body: ReadUpdate, caller: CurrentUser, marks: Marks) -> ReadMark:
    """Move the caller's read mark forward. A mark that is further already stays where it is."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    return await marks.read(
        ReadCommand(actor=actor, conversation_id=conversation_id, seq=body.seq, private=body.private)
    )


@router.put("/delivered")
async def delivered(conversation_id: str, body: DeliveredUpdate, caller: CurrentUser, marks: Marks) -> ReadMark:
    """Move the mark of what has come to the caller's devices forward. Reading moves it too."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    return await marks.read(ReadCommand(actor=actor, conversation_id=conversation_id, seq=body.seq, delivered=True))


@router.get("/receipts")
async def receipts(
    conversation_id: str,
    caller: CurrentUser,
    shown: Receipts,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[Receipt]:
    """List how far the other members show to have read and received."""
    page = await shown.page(caller.user_id, conversation_id, cursor, limit)
    link_next(response, page, f"/v1/conversations/{conversation_id}/receipts", limit)
    return page


@router.put("/unread")
async def unread(conversation_id: str, caller: CurrentUser, marks: Marks) -> Kept:
    """Mark the conversation as unread. The next read takes the mark away."""
    return await marks.mark_unread(caller.user_id, conversation_id)


@router.put("/draft")
async def draft(conversation_id: str, body: DraftUpdate, caller: CurrentUser, marks: Marks) -> Kept:
    """Keep what the caller has begun to write. The last one wins, on whichever device."""
    return await marks.draft(caller.user_id, conversation_id, body.text, body.reply_to)


@router.delete("/draft")
async def drop_draft(conversation_id: str, caller: CurrentUser, marks: Marks) -> Kept:
    """Forget the draft."""
    return await marks.drop_draft(caller.user_id, conversation_id)


@router.put("/mute")
async def mute(conversation_id: str, body: MuteUpdate, caller: CurrentUser, marks: Marks) -> Kept:
    """Mute the conversation until a time. Null, or a time that is over, ends it."""
    return await marks.mute(caller.user_id, conversation_id, body.until)


@router.put("/pin")
async def pin(conversation_id: str, caller: CurrentUser, marks: Marks) -> Kept:
    """Pin the conversation in the caller's list."""
    return await marks.pin(caller.user_id, conversation_id, pinned=True)


@router.delete("/pin")
async def unpin(conversation_id: str, caller: CurrentUser, marks: Marks) -> Kept:
    """Do not pin the conversation any more."""
    return await marks.pin(caller.user_id, conversation_id, pinned=False)


@router.put("/archive")
async def archive(conversation_id: str, caller: CurrentUser, marks: Marks) -> Kept:
    """Put the conversation into the caller's archive. It stays there when something new comes, and counts as unread."""
    return await marks.archive(caller.user_id, conversation_id, archived=True)


@router.delete("/archive")
async def unarchive(conversation_id: str, caller: CurrentUser, marks: Marks) -> Kept:
    """Take the conversation out of the caller's archive."""
    return await marks.archive(caller.user_id, conversation_id, archived=False)
