"""Routes of conversations."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from chat_service.conversations.dependencies import ReadConversations
from messenger_contracts.conversations import Conversation, EventPage
from messenger_contracts.pagination import Page
from servicekit.etags import etag
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.get("")
async def mine(
    caller: CurrentUser,
    conversations: ReadConversations,
    response: Response,
    archived: Annotated[bool, Query(description="Those in the archive, instead of the others")] = False,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[Conversation]:
    """List the caller's conversations, newest activity first."""
    page = await conversations.page(caller.user_id, archived, cursor, limit)
    link_next(response, page, "/v1/conversations", limit, **({"archived": "true"} if archived else {}))
    return page


@router.get("/{conversation_id}")
async def one(
    conversation_id: str, caller: CurrentUser, conversations: ReadConversations, response: Response
) -> Conversation:
    """Read one conversation. Its `ETag` names title, picture and rule of history: what members can change."""
    conversation, version = await conversations.one(caller.user_id, conversation_id)
    response.headers["ETag"] = etag(version)
    return conversation


@router.get("/{conversation_id}/events")
async def events(
    conversation_id: str,
    caller: CurrentUser,
    conversations: ReadConversations,
    after_seq: Annotated[int, Query(ge=0, le=2**53)] = 0,
    epoch: Annotated[
        str | None, Query(max_length=64, description="That of the position: if it is another, 410")
    ] = None,
    limit: LimitQuery = 50,
) -> EventPage:
    """Read the log behind a position, oldest first. An empty page means that the caller is up to date."""
    return await conversations.events(caller.user_id, conversation_id, after_seq, limit, epoch)
