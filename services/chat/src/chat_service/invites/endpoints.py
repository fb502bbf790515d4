"""Routes of invites."""

from fastapi import APIRouter, Response

from chat_service.invites.dependencies import Invites
from chat_service.invites.schemas import InviteCreate
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Conversation, Invite
from messenger_contracts.pagination import Page
from servicekit.idempotency import CurrentAttempt
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1", tags=["invites"])


@router.post("/conversations/{conversation_id}/invites", status_code=201)
async def create(
    conversation_id: str,
    caller: CurrentUser,
    invites: Invites,
    attempt: CurrentAttempt,
    response: Response,
    body: InviteCreate | None = None,
) -> Invite:
    """Make a code by which people join a group by themselves. It takes an admin; at most 100 are good at a time."""
    actor = Actor(user_id=caller.user_id, username=caller.username)
    answer = await invites.create(actor, conversation_id, body or InviteCreate(), attempt)
    return answer.give(response)


@router.get("/conversations/{conversation_id}/invites")
async def listed(
    conversation_id: str,
    caller: CurrentUser,
    invites: Invites,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[Invite]:
    """List the invites of a group, newest first, without those that were revoked or have expired. It takes an admin."""
    page = await invites.page(caller.user_id, conversation_id, cursor, limit)
    link_next(response, page, f"/v1/conversations/{conversation_id}/invites", limit)
    return page


@router.delete("/conversations/{conversation_id}/invites/{code}", status_code=204)
async def revoke(conversation_id: str, code: str, caller: CurrentUser, invites: Invites) -> None:
    """Revoke an invite. It takes an admin. Who came in by it stays."""
    await invites.revoke(Actor(user_id=caller.user_id, username=caller.username), conversation_id, code)


@router.post("/invites/{code}/accept")
async def accept(code: str, caller: CurrentUser, invites: Invites) -> Conversation:
    """Join the group of an invite. Again is harmless, and uses it up no further.

    An invite that does not exist, has expired, was revoked or is used up is 404, the same for all; a full group 409.
    """
    return await invites.accept(Actor(user_id=caller.user_id, username=caller.username), code)
