"""A group of some people, and what must be true of it, whatever they do."""

from collections.abc import Collection
from contextlib import AsyncExitStack
from random import Random
from typing import Any
from uuid import UUID

from messenger_contracts.realtime import conversation_channel
from servicekit.testing import PREFIX

from .devices import Device, Ether

_MEMBERS = """
    SELECT m.user_id, m.visible_from, c.last_seq FROM conversations c JOIN members m ON m.conversation_id = c.id
    WHERE c.id = $1 AND m.left_at IS NULL
"""
_UNREAD = """
    SELECT m.user_id, count(x.seq) AS unread, count(*) FILTER (WHERE m.user_id = ANY(x.mentions)) AS mentions
    FROM members m LEFT JOIN messages x
      ON x.conversation_id = m.conversation_id AND x.seq > m.read_seq AND x.seq >= m.visible_from
     AND x.by <> m.user_id AND x.deleted_at IS NULL
     AND NOT EXISTS (SELECT 1 FROM hidden_messages h
                     WHERE h.conversation_id = m.conversation_id AND h.user_id = m.user_id AND h.seq = x.seq)
     AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.blocker = m.user_id AND b.blocked = x.by AND b.active)
    WHERE m.conversation_id = $1 AND m.left_at IS NULL GROUP BY m.user_id
"""


class Group:
    """It lives in the real app. Devices are told of what is done in it: by sync now and then, or live."""

    def __init__(self, people: list[Any], tools: Any, random: Random) -> None:
        self.people, self.random = people, random
        self.sql, self.blocks, self.listening = tools.sql, tools.blocks, tools.listening
        self.said = 0
        self.old: list[Device] = []
        self.blocked: dict[str, set[str]] = {who.id: set() for who in people}
        self._exits = AsyncExitStack()

    async def begin(self) -> None:
        owner, *others = self.people
        body = {"kind": "group", "member_ids": [each.id for each in others], "title": "We"}
        answer = await owner.request("POST", "/v1/conversations", json=body)
        assert answer.status_code == 201, answer.text
        self.c = answer.json()["id"]
        self.path = f"/v1/conversations/{self.c}"
        self.code = (await owner.request("POST", f"{self.path}/invites", json={})).json()["code"]
        self.clients = [Device(who, self.c) for who in self.people]
        self.connected: dict[str, Device] = {}
        self.ether = Ether(await self._exits.enter_async_context(self.listening(self.c, self._channel)))
        self.heard = len(self.people)

    async def end(self) -> None:
        await self._exits.aclose()

    @property
    def _channel(self) -> str:
        return conversation_channel(PREFIX, self.c)

    async def members(self) -> set[str]:
        return {row["user_id"] for row in await self.sql(_MEMBERS, UUID(self.c))}

    async def holds(self) -> None:
        """What must be true after each step."""
        members = await self.sql(_MEMBERS, UUID(self.c))
        await self._connected_hear(members)
        await self._counts_are_right()
        await self._one_agrees({row["user_id"] for row in members})

    async def _connected_hear(self, members: list[Any]) -> None:
        """Tell those who are connected what happened live; who has just come reads the log first."""
        last = members[0]["last_seq"]
        events = await self.ether.between(self.heard, last)
        self.heard = last
        present = {row["user_id"]: row["visible_from"] for row in members}
        for who in self.people:
            device = self.connected.get(who.id)
            if who.id not in present or device is None or device.visible_from != present[who.id]:
                self.connected.pop(who.id, None)
                if who.id in present:
                    device = self.connected[who.id] = Device(who, self.c)
                    await device.read_log(last)
                    device.visible_from = present[who.id]
            else:
                for event in events:
                    device.hear(event, self.blocked[who.id], present[who.id])

    async def _counts_are_right(self) -> None:
        names = {who.id: who for who in self.people}
        for row in await self.sql(_UNREAD, UUID(self.c)):
            shown = (await names[row["user_id"]].get(self.path)).json()
            assert (shown["unread"], shown["mentions"]) == (row["unread"], row["mentions"]), row["user_id"]

    async def _one_agrees(self, present: Collection[str]) -> None:
        device = self.random.choice([*self.old[-8:], *self.clients]).copy()
        await self._agrees(device, present)
        self.old.append(device)

    async def _agrees(self, device: Device, present: Collection[str]) -> None:
        """Whatever a device had when it was last heard of: once it has synced, it has what one has that reads anew."""
        await device.sync(self.random.choice([1, 2, 5, 200]))
        history = await self._history(device.who) if device.who.id in present else {}
        assert device.messages == history, device.who.name
        if connected := self.connected.get(device.who.id):
            assert connected.messages == history, f"{device.who.name}, connected"

    async def _history(self, who: Any) -> dict[int, dict[str, Any]]:
        page = (await who.get(f"{self.path}/messages", after_seq=0, limit=200)).json()
        assert page["next"] is None
        return {message["seq"]: message for message in page["items"]}

    async def has_held(self) -> None:
        """What must be true in the end, of every device that was ever heard of."""
        present = await self.members()
        await self._logs_are_one(present)
        for device in [*self.old[-20:], *self.clients]:
            await self._agrees(device, present)

    async def _logs_are_one(self, present: Collection[str]) -> None:
        """Dense and in one order for all; whatever place one reads from, each place is covered once."""
        rows = await self.sql("SELECT seq, type, by FROM log WHERE conversation_id = $1 ORDER BY seq", UUID(self.c))
        log = {row["seq"]: (row["type"], row["by"]) for row in rows}
        assert list(log) == list(range(1, len(log) + 1))
        [head] = await self.sql("SELECT * FROM conversations WHERE id = $1", UUID(self.c))
        assert (head["last_seq"], head["last_msg_no"]) == (len(log), self.said)
        assert head["member_count"] == len(present)
        for who in self.people:
            if who.id in present:
                await self._covers(who, log, self.random.randrange(len(log) + 1), self.random.choice([1, 3, 50]))
                anew = Device(who, self.c)
                await anew.read_log(len(log))
                assert anew.messages == await self._history(who)

    async def _covers(self, who: Any, log: dict[int, tuple[str, str]], position: int, limit: int) -> None:
        while position < len(log):
            page = (await who.get(f"{self.path}/events", after_seq=position, limit=limit)).json()["items"]
            assert page
            for event in page:
                assert event["seq"] == position + 1
                assert event["type"] == "skip" or (event["type"], event["by"]) == log[event["seq"]]
                position = event.get("to", event["seq"])
