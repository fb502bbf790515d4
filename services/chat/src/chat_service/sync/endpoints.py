"""The route of sync."""

from fastapi import APIRouter

from chat_service.sync.dependencies import ClientGone, Syncing
from chat_service.sync.schemas import EventsQuery, SinceQuery, WaitQuery
from messenger_contracts.conversations import Sync
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/sync", tags=["sync"])


@router.get("")
async def sync(
    caller: CurrentUser,
    syncing: Syncing,
    gone: ClientGone,
    since: SinceQuery = None,
    seconds: WaitQuery = 0,
    limit: EventsQuery = 20,
) -> Sync:
    """Tell everything that the caller missed, newest activity first; without `since`, how everything stands.

    With nothing to tell it waits up to `timeout` seconds, and answers as soon as something comes. Where `more` is
    true, the next call continues. `epoch_changed` means that the log was restored: begin anew, without `since`.
    """
    return await syncing.sync(caller.user_id, since, seconds=seconds, limit=limit, gone=gone)
