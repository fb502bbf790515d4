"""Which event leads to what."""

from collections.abc import Mapping

from messenger_contracts.envelope import Event, EventData
from messenger_contracts.events.chat import MessageCreated
from notification_service.notifications.service import DeliveryService
from servicekit.inbox import Handler


def handlers(delivery: DeliveryService) -> Mapping[type[EventData], Handler]:
    """The handler of each type of event that the queue holds."""

    async def message_created(event: Event[MessageCreated]) -> None:
        await delivery.message_created(event)

    return {MessageCreated: message_created}
