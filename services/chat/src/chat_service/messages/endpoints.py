"""Routes of messages."""

from fastapi import APIRouter, Response

from chat_service.messages.dependencies import ChangeMessages, Messages
from chat_service.messages.schemas import DeleteForQuery, SeqQuery
from messenger_contracts.commands import Actor, DeleteCommand, EditCommand, MessagePatch
from messenger_contracts.conversations import Message, MessageEdit
from messenger_contracts.pagination import Page
from servicekit.etags import IfMatch, etag
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
async def one(
    conversation_id: str, message_id: str, caller: CurrentUser, messages: Messages, response: Response
) -> Message:
    """Read one message. Its `ETag` names what its author says in it; reactions and threads do not change that."""
    message, version = await messages.one(caller.user_id, conversation_id, message_id)
    response.headers["ETag"] = etag(version)
    return message


@router.patch("/{message_id}")
async def edit(
    conversation_id: str,
    message_id: str,
    body: MessagePatch,
    caller: CurrentUser,
    messages: ChangeMessages,
    response: Response,
    if_match: IfMatch = None,
) -> Message:
    """Let one's own message say something else. What it said is kept, and can be read under `edits`."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    command = EditCommand(actor=actor, conversation_id=conversation_id, message_id=message_id, body=body)
    edited = await messages.edit(command, if_match)
    response.headers["ETag"] = etag(edited.version)
    return edited.message


@router.delete("/{message_id}", status_code=204)
async def delete(
    conversation_id: str,
    message_id: str,
    caller: CurrentUser,
    messages: ChangeMessages,
    whose: DeleteForQuery = "everyone",
    if_match: IfMatch = None,
) -> None:
    """Delete a message: one's own, or as an admin of a group anybody's, for everyone; or any for the caller alone.

    For everyone a tombstone stays in its place, without content. What is deleted already is not deleted again: 204.
    """
    actor = Actor(user_id=caller.user_id, username=caller.username)
    everywhere = whose == "everyone"
    command = DeleteCommand(actor=actor, conversation_id=conversation_id, message_id=message_id, everywhere=everywhere)
    await messages.delete(command, if_match)


@router.get("/{message_id}/edits")
async def edits(
    conversation_id: str,
    message_id: str,
    caller: CurrentUser,
    messages: Messages,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[MessageEdit]:
    """List what a message said before each of its edits, oldest first."""
    page = await messages.versions(caller.user_id, conversation_id, message_id, cursor, limit)
    link_next(response, page, f"/v1/conversations/{conversation_id}/messages/{message_id}/edits", limit)
    return page


@router.get("/{message_id}/thread")
async def thread(
    conversation_id: str,
    message_id: str,
    caller: CurrentUser,
    messages: Messages,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[Message]:
    """Read the thread that begins at a message, oldest first, without that message."""
    page = await messages.thread(caller.user_id, conversation_id, message_id, cursor, limit)
    link_next(response, page, f"/v1/conversations/{conversation_id}/messages/{message_id}/thread", limit)
    return page
