"""Routes of messages that wait. One is handed in where any message is sent: with `send_at`."""

from fastapi import APIRouter, Response

from chat_service.schedules.dependencies import Schedules
from messenger_contracts.conversations import ScheduledMessage
from messenger_contracts.pagination import Page
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter(prefix="/v1/conversations/{conversation_id}/scheduled", tags=["schedules"])


@router.get("")
async def waiting(
    conversation_id: str,
    caller: CurrentUser,
    schedules: Schedules,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[ScheduledMessage]:
    """List the caller's messages that wait, the next one first; those too that could not be sent, with the reason."""
    page = await schedules.page(caller.user_id, conversation_id, cursor, limit)
    link_next(response, page, f"/v1/conversations/{conversation_id}/scheduled", limit)
    return page


@router.get("/{client_id}")
async def one(conversation_id: str, client_id: str, caller: CurrentUser, schedules: Schedules) -> ScheduledMessage:
    """Read one of the caller's messages that wait."""
    return await schedules.one(caller.user_id, conversation_id, client_id)


@router.delete("/{client_id}", status_code=204)
async def cancel(conversation_id: str, client_id: str, caller: CurrentUser, schedules: Schedules) -> None:
    """Cancel one of the caller's messages that wait; 404 when it was sent already."""
    await schedules.cancel(caller.user_id, conversation_id, client_id)
