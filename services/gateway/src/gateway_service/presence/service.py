"""Takes note of how people say they are, and tells those with whom they have direct conversations.

Only who says so is there: a client that says nothing costs nothing. Without Valkey there is no presence, and all else
goes on.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from gateway_service.presence.domain import together
from gateway_service.presence.repository import PresenceRepository, Shown
from gateway_service.settings import GatewaySettings
from gateway_service.sockets.domain import Socket
from gateway_service.topics.streams import Streams
from messenger_contracts.realtime import PresenceRead, PresenceState, conversation_channel
from servicekit.batching import Batcher
from servicekit.fanout import FanoutPublisher, publication
from servicekit.loops import wait_for
from servicekit.telemetry import record_failure
from servicekit.valkey import UNAVAILABLE


class PresenceService:
    """What the sockets of this gateway say of their people."""

    def __init__(
        self, repository: PresenceRepository, streams: Streams, fanout: FanoutPublisher, settings: GatewaySettings
    ) -> None:
        self._gateway = uuid4().hex
        self._repository = repository
        self._streams = streams
        self._fanout = fanout
        self._namespace = settings.resource_prefix
        self._repeat_seconds = settings.presence_seconds / 3
        self._grace_seconds = settings.presence_grace_seconds
        self._here: dict[str, dict[Socket, PresenceState]] = {}
        self._leaving: dict[str, list[str]] = {}
        self._words: Batcher[str, None] = Batcher(self._say_together)

    async def say(self, socket: Socket, state: PresenceState) -> None:
        """Take note of what a client says of its person."""
        self._here.setdefault(socket.user_id, {})[socket] = state
        self._leaving.pop(socket.user_id, None)
        await self._words.submit(socket.user_id)

    def leave(self, socket: Socket) -> None:
        """Take note that a client is going. The last one's person may be back in a moment, here or elsewhere."""
        said = self._here.get(socket.user_id, {})
        if said.pop(socket, None) is None:
            return
        if said:
            self._words.submit(socket.user_id)
            return
        del self._here[socket.user_id]
        self._leaving[socket.user_id] = self._streams.directs(socket)
        asyncio.get_running_loop().call_later(self._grace_seconds, self._left, socket.user_id)

    def _left(self, user_id: str) -> None:
        if user_id in self._leaving:
            self._words.submit(user_id)

    async def of(self, people: Sequence[str]) -> dict[str, Any]:
        """How people are, who let the one who asks see it: `PresenceRead` JSON by person."""
        try:
            shown = await self._repository.of(people)
        except UNAVAILABLE as error:
            record_failure("presence", error)
            return {}
        return {person: _read(each) for person, each in zip(people, shown, strict=True)}

    async def run(self, stopping: asyncio.Event) -> None:
        """Repeat what is said, before it expires, until the event is set."""
        while not await wait_for(stopping, self._repeat_seconds):
            await asyncio.gather(*map(self._words.submit, list(self._here)))

    async def drain(self) -> None:
        """Finish saying what was handed in."""
        await self._words.drain()

    async def _say_together(self, people: Sequence[str]) -> Sequence[None]:
        words = {person: together(self._here.get(person, {}).values()) for person in people}
        directs = {person: self._directs(person) for person in words}
        try:
            shown = await self._repository.say(self._gateway, list(words.items()))
        except UNAVAILABLE as error:
            record_failure("presence", error)
            return [None] * len(people)
        changes = [
            (conversation_channel(self._namespace, direct), _push(person, each.state))
            for person, each in zip(words, shown, strict=True)
            if each.changed
            for direct in directs[person]
        ]
        await self._fanout.publish_raw(changes)
        return [None] * len(people)

    def _directs(self, user_id: str) -> set[str]:
        if user_id not in self._here:
            return set(self._leaving.pop(user_id, ()))
        return {direct for socket in self._here[user_id] for direct in self._streams.directs(socket)}


def _read(shown: Shown) -> dict[str, Any]:
    at = None if shown.at is None else datetime.fromtimestamp(shown.at / 1000, UTC)
    return PresenceRead(state=shown.state, last_active=at).model_dump(mode="json")


def _push(user_id: str, state: PresenceState) -> bytes:
    return publication(pushes=[{"op": "presence", "d": {"user_id": user_id, "state": state}}])
