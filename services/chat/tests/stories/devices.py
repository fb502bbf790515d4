"""A client of its own, which knows nothing but the contract: it sets what events say, and never counts."""

from collections.abc import Collection
from copy import deepcopy
from typing import Any

import orjson

from messenger_contracts.realtime import Live, is_visible, reactions_of


class Device:
    """It holds a position, and what it was told of the messages. It asks for whatever it is told that it lacks."""

    def __init__(self, who: Any, conversation: str) -> None:
        self.who = who
        self.conversation = conversation
        self.since: str | None = None
        self.forget()

    def forget(self) -> None:
        self.position, self.visible_from = 0, None
        self.messages: dict[int, dict[str, Any]] = {}

    def copy(self) -> "Device":
        other = Device(self.who, self.conversation)
        other.since, other.position, other.visible_from = self.since, self.position, self.visible_from
        other.messages = deepcopy(self.messages)
        return other

    def apply(self, event: dict[str, Any]) -> None:
        kind, data = event["type"], event.get("data")
        if kind in ("message.created", "message.edited"):
            self.messages[data["seq"]] = data
        elif kind == "message.deleted" and data["everywhere"]:
            self.messages[data["seq"]] = {k: v for k, v in data.items() if k not in ("everywhere", "reason")}
        elif kind == "message.deleted":
            self.messages.pop(data["seq"], None)
        elif kind in ("reaction.added", "reaction.removed") and data["message_seq"] in self.messages:
            self._react(self.messages[data["message_seq"]]["reactions"], data, given=kind == "reaction.added")
        self.position = event.get("to", event["seq"])

    def _react(self, reactions: dict[str, Any], data: dict[str, Any], *, given: bool) -> None:
        mine = given if data["user_id"] == self.who.id else reactions.get(data["emoji"], {}).get("mine", False)
        reactions.pop(data["emoji"], None)
        if data["count"]:
            reactions[data["emoji"]] = {"count": data["count"], "mine": mine}

    async def read_log(self, up_to: int, limit: int = 200) -> None:
        path = f"/v1/conversations/{self.conversation}/events"
        while self.position < up_to:
            page = (await self.who.get(path, after_seq=self.position, limit=limit)).json()["items"]
            for event in page:
                if event["seq"] <= up_to:
                    assert event["seq"] == self.position + 1
                    self.apply(event)

    async def sync(self, limit: int) -> None:
        params = {"since": self.since} if self.since else {}
        answer = await self.who.get("/v1/sync", limit=limit, **params)
        assert answer.status_code == 200, answer.text
        synced = answer.json()
        self.since = synced["next"]
        if self.conversation in synced["left"]:
            self.forget()
        if told := synced["conversations"].get(self.conversation):
            await self._take(told)

    async def _take(self, told: dict[str, Any]) -> None:
        if told["reset"] or self.visible_from not in (None, told["visible_from"]):
            self.forget()
        self.visible_from = told["visible_from"]
        hidden = self.visible_from - 1
        if told["limited"]:
            await self.read_log(told["prev_seq"])
        assert told["prev_seq"] <= max(self.position, hidden), "a gap that nobody named"
        for event in told["events"]:
            self.apply(event)
        assert max(self.position, told["prev_seq"]) == told["last_seq"]
        self.position = told["last_seq"]

    def hear(self, event: Live, blocked: Collection[str], visible_from: int) -> None:
        """Take a live event, as a gateway passes it on to a member of the group."""
        assert event.seq == self.position + 1
        if not is_visible(event, self.who.id, blocked, direct=False, visible_from=visible_from):
            self.position = event.end
            return
        told = orjson.loads(event.frame)["d"]
        if event.readers and (reactions := reactions_of(told["data"], event.readers, self.who.id)):
            told["data"] |= reactions
        self.apply(told)


class Ether:
    """The publications about one conversation, in the order of the log: nothing else is told live."""

    def __init__(self, heard: Any) -> None:
        self._heard = heard
        self._early: dict[int, Live] = {}

    async def between(self, after: int, last: int) -> list[Live]:
        """The events behind a position, up to the last one that is committed."""
        events: list[Live] = []
        while after < last:
            while (event := self._early.pop(after + 1, None)) is None:
                _, published = await self._heard()
                self._early |= {each.seq: each for each in published.events}
            events.append(event)
            after = event.seq
        return events
