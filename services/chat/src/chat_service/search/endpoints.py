"""The route of search."""

from fastapi import APIRouter, Response

from chat_service.search.dependencies import Searching
from chat_service.search.schemas import BeforeQuery, ConversationQuery, FromQuery, WordsQuery
from messenger_contracts.conversations import FoundMessage
from messenger_contracts.pagination import Page
from messenger_contracts.shapes import format_timestamp
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/search", tags=["search"])


@router.get("/messages")
async def messages(
    q: WordsQuery,
    caller: CurrentUser,
    searching: Searching,
    response: Response,
    conversation: ConversationQuery = None,
    by: FromQuery = None,
    before: BeforeQuery = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[FoundMessage]:
    """Search the messages that the caller may read, newest first. What was sent is found a moment later."""
    page = await searching.messages(
        caller.user_id, q, conversation_id=conversation, by=by, before=before, cursor=cursor, limit=limit
    )
    asked = {"q": q, "conversation": conversation, "from": by, "before": before and format_timestamp(before)}
    link_next(response, page, "/v1/search/messages", limit, **{name: value for name, value in asked.items() if value})
    return page
