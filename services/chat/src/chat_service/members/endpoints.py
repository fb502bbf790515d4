"""Routes of members."""

from fastapi import APIRouter, Response

from chat_service.members.dependencies import ChangeMembers, ReadMembers
from chat_service.members.schemas import MemberPut, MembersAdded, MembersPut
from chat_service.people.dependencies import People
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Member
from messenger_contracts.pagination import Page
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/conversations/{conversation_id}/members", tags=["members"])


@router.get("")
async def members(
    conversation_id: str,
    caller: CurrentUser,
    members: ReadMembers,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[Member]:
    """List who is in a conversation: owners, admins, then the others, each by the time of joining."""
    page = await members.page(caller.user_id, conversation_id, cursor, limit)
    link_next(response, page, f"/v1/conversations/{conversation_id}/members", limit)
    return page


@router.put("")
async def put_all(
    conversation_id: str, body: MembersPut, caller: CurrentUser, members: ChangeMembers, people: People
) -> MembersAdded:
    """Take people into a group, all of them or none. It takes an admin. Who is in it already stays as before.

    Nobody can take in a person who blocks the caller; a person who left or was removed comes in as anybody else.
    """
    actor = Actor(user_id=caller.user_id, username=caller.username)
    return await members.put_all(actor, conversation_id, body.user_ids, people)


@router.get("/{user_id}")
async def one(conversation_id: str, user_id: str, caller: CurrentUser, members: ReadMembers) -> Member:
    """Read one member."""
    return await members.one(caller.user_id, conversation_id, user_id)


@router.put("/{user_id}", responses={201: {"model": Member, "description": "The person has just come in"}})
async def put(
    conversation_id: str,
    user_id: str,
    caller: CurrentUser,
    members: ChangeMembers,
    people: People,
    response: Response,
    body: MemberPut | None = None,
) -> Member:
    """Take a person into a group, or change a member's role.

    Admins take people in; owners change every role, their own too as long as there is another owner. Everybody may
    step down. To hand a group over, make somebody else an owner.
    """
    actor = Actor(user_id=caller.user_id, username=caller.username)
    member, added = await members.put(actor, conversation_id, user_id, body.role if body else None, people)
    response.status_code = 201 if added else 200
    return member


@router.delete("/{user_id}", status_code=204)
async def remove(conversation_id: str, user_id: str, caller: CurrentUser, members: ChangeMembers) -> None:
    """Leave a group, or remove a member: admins may remove members, owners anybody.

    Who left can come back by an invite; who was removed cannot, until an admin takes the person in again. The last
    owner cannot leave before somebody else is one (409); if nobody else is there, the group ends.
    """
    actor = Actor(user_id=caller.user_id, username=caller.username)
    await members.remove(actor, conversation_id, user_id)
