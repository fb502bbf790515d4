"""Telling the sockets: one publication a channel, many channels in one round trip.

What is published here is never the only word on anything: a gateway that missed it reads the log, or the inbox.

A publication is lines. The first is JSON: what each event is, for those who decide who may see it, the pushes, and by
`seq` what differs between those who see an event. Each further line is the frame of an event, as sockets get it: who
wrote it once spares every gateway to write it again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from messenger_contracts.realtime import Fanout, Live
from messenger_contracts.shapes import Shape
from servicekit.telemetry import record_failure
from servicekit.valkey import UNAVAILABLE

_FRAME = Live._fields.index("frame")


class Published(NamedTuple):
    """A publication, read."""

    events: list[Live]
    pushes: list[dict[str, Any]]
    joined: dict[str, int]
    left: list[str]
    relations: dict[str, list[str]] | None

    @property
    def places_the_person(self) -> bool:
        """Whether it changes what the person's sockets get, and from whom."""
        return bool(self.joined or self.left or self.relations)


def live(
    event: Mapping[str, Any],
    *,
    author: str | None = None,
    target: int | None = None,
    audience: str | None = None,
    readers: Mapping[str, Any] | None = None,
) -> Live:
    """An event, as `LogEvent` or `Skip` JSON, ready for the sockets."""
    seq, frame = event["seq"], event_frame(event).decode()
    return Live(seq, event.get("to", seq), event.get("by"), event["type"], author, target, audience, frame, readers)


def event_frame(event: Mapping[str, Any]) -> bytes:
    """The frame in which a socket gets an event."""
    return orjson.dumps({"op": "event", "d": event})


def publication(events: Iterable[Live] = (), pushes: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """The publication of a conversation's events and pushes."""
    frames, about, readers = [b""], [], {}
    for each in events:
        about.append(each[:_FRAME])
        frames.append(each.frame.encode())
        if each.readers is not None:
            readers[str(each.seq)] = each.readers
    head: dict[str, Any] = {"events": about, "pushes": pushes}
    frames[0] = orjson.dumps(head | {"readers": readers} if readers else head)
    return b"\n".join(frames)


def read_publication(payload: bytes) -> Published:
    """What a publication says; raises `ValueError` for anything else."""
    head, *frames = payload.split(b"\n")
    told = orjson.loads(head)
    about = told.get("events") or ()
    events = [Live._make((*each, frame.decode(), None)) for each, frame in zip(about, frames, strict=True)]
    if readers := told.get("readers"):
        events = [each._replace(readers=readers.get(str(each.seq))) for each in events]
    return Published(
        events,
        told.get("pushes") or [],
        told.get("joined") or {},
        told.get("left") or [],
        told.get("relations"),
    )


class FanoutPublisher:
    """Publishes to Valkey; a Valkey that is away costs a logged failure and nothing else."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def publish(self, publications: Sequence[tuple[str, Fanout | Shape]]) -> None:
        """Publish `(channel, message)` pairs in order."""
        await self.publish_raw([(channel, message.model_dump_json()) for channel, message in publications])

    async def publish_raw(self, publications: Sequence[tuple[str, str | bytes]]) -> None:
        """Publish `(channel, publication)` pairs in order."""
        if not publications:
            return
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for channel, payload in publications:
                    pipeline.publish(channel, payload)
                await pipeline.execute()
        except UNAVAILABLE as error:
            record_failure("fanout", error)
