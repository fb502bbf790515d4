"""Tells the owner of a file, live, what has become of it. What is lost on the way is found at `/v1/media/{id}`.

Those to whom it was sent hear of it from chat, which knows who they are.
"""

from media_service.deliveries.service import DeliveryService
from media_service.files.models import File
from messenger_contracts.realtime import Fanout, Push, user_channel
from servicekit.fanout import FanoutPublisher
from servicekit.telemetry import record_failure


class AnnouncementService:
    """Pushes files to the sockets of their owners."""

    def __init__(self, deliveries: DeliveryService, fanout: FanoutPublisher, namespace: str) -> None:
        self._deliveries = deliveries
        self._fanout = fanout
        self._namespace = namespace

    async def announce(self, file: File) -> None:
        """Push a file as its owner sees it now. A failure is counted: the change itself is done."""
        try:
            media = await self._deliveries.describe(file, file.owner_id)
            push = Push(op="media", d=media.model_dump(mode="json"))
            channel = user_channel(self._namespace, file.owner_id)
            await self._fanout.publish([(channel, Fanout(pushes=[push.model_dump()]))])
        except Exception as error:
            record_failure("announcements", error, media_id=file.id)
