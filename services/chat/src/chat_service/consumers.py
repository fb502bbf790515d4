"""Which event leads to what."""

from collections.abc import Mapping

from chat_service.blocks.service import BlockService
from messenger_contracts.envelope import Event, EventData
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from servicekit.inbox import Handler


def handlers(blocks: BlockService) -> Mapping[type[EventData], Handler]:
    """The handler of each type of event that the queue holds."""

    async def user_blocked(event: Event[UserBlocked]) -> None:
        await blocks.changed(event)

    async def user_unblocked(event: Event[UserUnblocked]) -> None:
        await blocks.changed(event)

    return {UserBlocked: user_blocked, UserUnblocked: user_unblocked}
