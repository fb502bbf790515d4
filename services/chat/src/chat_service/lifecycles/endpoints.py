"""Routes by which conversations begin, change and end."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from chat_service.lifecycles.dependencies import Beginnings, Lifecycles
from chat_service.lifecycles.schemas import ConversationCreate, ConversationPatch, DirectCreate
from chat_service.people.dependencies import People
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Conversation
from servicekit.etags import IfMatch, etag
from servicekit.idempotency import CurrentAttempt
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.post("", status_code=201, responses={200: {"model": Conversation, "description": "It was there already"}})
async def begin(
    body: Annotated[ConversationCreate, Body()],
    caller: CurrentUser,
    beginnings: Beginnings,
    people: People,
    attempt: CurrentAttempt,
    response: Response,
) -> Conversation:
    """Begin a conversation. A second direct one with the same person is the first, with 200.

    The caller is the owner of a new group. Nobody can be brought together with a person who blocks the caller.
    """
    actor = Actor(user_id=caller.user_id, username=caller.username)
    if isinstance(body, DirectCreate):
        answer = await beginnings.direct(actor, body.member_ids, people, attempt)
    else:
        answer = await beginnings.group(actor, body, people, attempt)
    response.headers["Location"] = f"/v1/conversations/{answer.body.id}"
    return answer.give(response)


@router.patch("/{conversation_id}")
async def change(
    conversation_id: str,
    body: ConversationPatch,
    caller: CurrentUser,
    lifecycles: Lifecycles,
    response: Response,
    if_match: IfMatch = None,
) -> Conversation:
    """Change a group's title, picture or rule of history. It takes an admin.

    `history` says what those who join from now on may read: what follows their joining, or all of it.
    """
    actor = Actor(user_id=caller.user_id, username=caller.username)
    conversation, version = await lifecycles.change(actor, conversation_id, body, if_match)
    response.headers["ETag"] = etag(version)
    return conversation


@router.delete("/{conversation_id}", status_code=204)
async def delete(conversation_id: str, caller: CurrentUser, lifecycles: Lifecycles) -> None:
    """End a group for all of its members, which takes an owner; or empty a direct conversation for the caller alone.

    An emptied conversation leaves the caller's list until there is a new message in it. The other person keeps it all.
    """
    actor = Actor(user_id=caller.user_id, username=caller.username)
    await lifecycles.delete(actor, conversation_id)
