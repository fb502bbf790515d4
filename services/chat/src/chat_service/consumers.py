"""Which event leads to what."""

from collections.abc import Mapping

from chat_service.arrivals.service import ArrivalService
from chat_service.blocks.service import BlockService
from chat_service.erasures.service import ErasureService
from messenger_contracts.envelope import Event, EventData
from messenger_contracts.events.auth import ErasureRequested
from messenger_contracts.events.media import MediaDeleted, MediaReady, MediaRejected, MediaRestored
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from servicekit.inbox import Handler


def handlers(blocks: BlockService) -> Mapping[type[EventData], Handler]:
    """The handler of each type of event that the queue of blocks holds."""

    async def user_blocked(event: Event[UserBlocked]) -> None:
        await blocks.changed(event)

    async def user_unblocked(event: Event[UserUnblocked]) -> None:
        await blocks.changed(event)

    return {UserBlocked: user_blocked, UserUnblocked: user_unblocked}


def arrival_handlers(arrivals: ArrivalService) -> Mapping[type[EventData], Handler]:
    """The handlers of the queue of files. They need no ledger: a file's version tells what was heard before."""
    return {
        MediaReady: arrivals.settled,
        MediaRejected: arrivals.settled,
        MediaDeleted: arrivals.deleted,
        MediaRestored: arrivals.restored,
    }


def erasure_handlers(erasures: ErasureService) -> Mapping[type[EventData], Handler]:
    """The handler of the queue of erasures. It needs no ledger: to erase what is not there is harmless."""

    async def erasure_requested(event: Event[ErasureRequested]) -> None:
        await erasures.erase(event.data.user_id)

    return {ErasureRequested: erasure_requested}
