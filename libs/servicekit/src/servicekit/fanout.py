"""Telling the sockets: one publication a channel, many channels in one round trip.

What is published here is never the only word on anything: a gateway that missed it reads the log, or the inbox.
"""

from collections.abc import Sequence
from typing import Any

from messenger_contracts.realtime import Fanout
from messenger_contracts.shapes import Shape
from servicekit.telemetry import record_failure
from servicekit.valkey import UNAVAILABLE


class FanoutPublisher:
    """Publishes to Valkey; a Valkey that is away costs a logged failure and nothing else."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def publish(self, publications: Sequence[tuple[str, Fanout | Shape]]) -> None:
        """Publish `(channel, message)` pairs in order."""
        await self.publish_raw([(channel, message.model_dump_json()) for channel, message in publications])

    async def publish_raw(self, publications: Sequence[tuple[str, str | bytes]]) -> None:
        """Publish `(channel, JSON)` pairs in order."""
        if not publications:
            return
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for channel, payload in publications:
                    pipeline.publish(channel, payload)
                await pipeline.execute()
        except UNAVAILABLE as error:
            record_failure("fanout", error)
