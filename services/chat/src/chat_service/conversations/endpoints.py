"""Routes of conversations."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from chat_service.conversations.dependencies import ChangeConversations, ReadConversations
from chat_service.conversations.schemas import ConversationCreate
from chat_service.people.dependencies import People
from messenger_contracts.conversations import Conversation, EventPage
from messenger_contracts.pagination import Page
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.post("", status_code=201, responses={200: {"model": Conversation, "description": "It was there already"}})
async def begin(
    body: ConversationCreate,
    caller: CurrentUser,
    conversations: ChangeConversations,
    people: People,
    response: Response,
) -> Conversation:
    """Begin a conversation. A second direct one with the same person is the first, with 200."""
    conversation, created = await conversations.begin_direct(caller, body.member_ids[0], people)
    response.status_code = 201 if created else 200
    return conversation


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
async def one(conversation_id: str, caller: CurrentUser, conversations: ReadConversations) -> Conversation:
    """Read one conversation."""
    return await conversations.one(caller.user_id, conversation_id)


@router.get("/{conversation_id}/events")
async def events(
    conversation_id: str,
    caller: CurrentUser,
    conversations: ReadConversations,
    after_seq: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: LimitQuery = 50,
) -> EventPage:
    """Read the log behind a position, oldest first. An empty page means that the caller is up to date."""
    return await conversations.events(caller.user_id, conversation_id, after_seq, limit)
