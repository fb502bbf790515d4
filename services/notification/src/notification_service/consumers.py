"""Which event leads to what."""

from collections.abc import Mapping

from messenger_contracts.envelope import Event, EventData
from messenger_contracts.events.auth import ErasureRequested
from messenger_contracts.events.chat import MessageCreated
from notification_service.erasures.service import ErasureService
from notification_service.notifications.service import DeliveryService
from servicekit.inbox import Handler


def handlers(delivery: DeliveryService) -> Mapping[type[EventData], Handler]:
    """The handler of each type of event that the queue `inbox` holds."""

    async def message_created(event: Event[MessageCreated]) -> None:
        await delivery.message_created(event)

    return {MessageCreated: message_created}


def erasure_handlers(erasures: ErasureService) -> Mapping[type[EventData], Handler]:
    """The handler of the queue of erasures. It needs no ledger: to erase what is not there is harmless."""

    async def erasure_requested(event: Event[ErasureRequested]) -> None:
        await erasures.erase(event.data.user_id)

    return {ErasureRequested: erasure_requested}
