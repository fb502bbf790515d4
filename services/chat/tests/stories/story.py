"""A group of some people, all that they do in it, and what must be true of it whatever that was."""

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass
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


@dataclass
class Sent:
    """A message that was acknowledged, and how."""

    by: Any
    client_id: str
    body: dict[str, Any]
    answer: dict[str, Any]


class Story:
    """It plays on the real app. Beside what is done, devices are told of it: by sync now and then, or live."""

    def __init__(self, people: list[Any], tools: Any, random: Random) -> None:
        self.people, self.random = people, random
        self.sql, self.blocks, self.listening = tools.sql, tools.blocks, tools.listening
        self.sent: list[Sent] = []
        self.focus = 0
        self.old: list[Device] = []
        self.blocked: dict[str, set[str]] = {who.id: set() for who in people}
        self.removed: set[str] = set()
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
        await self.at_once(self.people)

    async def end(self) -> None:
        await self._exits.aclose()

    @property
    def _channel(self) -> str:
        return conversation_channel(PREFIX, self.c)

    async def members(self) -> set[str]:
        return {row["user_id"] for row in await self.sql(_MEMBERS, UUID(self.c))}

    def one(self, which: int) -> Sent:
        """A message: the one that the last step was about, or one of the newest."""
        if which:
            self.focus = max(0, len(self.sent) - which)
        return self.sent[self.focus]

    def _client_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    async def _put(self, who: Any, client_id: str, body: dict[str, Any]) -> Any:
        return await who.request("PUT", f"{self.path}/messages/{client_id}", json=body)

    async def _mentioning(self, whom: Any) -> dict[str, Any]:
        return {"mentions": [whom.id]} if whom and whom.id in await self.members() else {}

    async def send(self, who: Any, text: str, *, mention: Any, lost: bool) -> None:
        body, client_id = {"text": text, **await self._mentioning(mention)}, self._client_id()
        answer = await self._put(who, client_id, body)
        assert answer.status_code == (201 if who.id in await self.members() else 404)
        if answer.status_code == 201:
            if lost:
                assert (await self._put(who, client_id, body)).json() == answer.json()
            self.sent.append(Sent(who, client_id, body, answer.json()))

    async def at_once(self, senders: list[Any]) -> None:
        """Many sends, each several times, in any order."""
        present = await self.members()
        sends = [(who, self._client_id()) for who in senders if who.id in present]
        repeated = sends * 2
        self.random.shuffle(repeated)
        answers = await asyncio.gather(*(self._put(who, each, {"text": each}) for who, each in repeated))
        stored = {each: answer.json() for (_, each), answer in zip(repeated, answers, strict=True)}
        assert sorted(answer.status_code for answer in answers) == [200] * len(sends) + [201] * len(sends)
        self.sent += [Sent(who, each, {"text": each}, stored[each]) for who, each in sends]

    async def repeat(self, which: int, *, other: bool) -> None:
        """A late retry of a send, or another message under its id."""
        sent = self.one(which)
        answer = await self._put(sent.by, sent.client_id, {**sent.body, **({"text": "other"} if other else {})})
        if sent.by.id not in await self.members():
            assert answer.status_code == 404
        elif other:
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
        else:
            assert answer.status_code == 200
            assert all(answer.json()[name] == sent.answer[name] for name in ("id", "seq", "msg_no", "created_at"))

    async def about(self, who: Any, which: int, method: str, name: str = "", **options: Any) -> None:
        """Let somebody, or its author (None), do something with a message.

        Whether it is allowed is for other tests; it must be one or the other.
        """
        sent = self.one(which)
        path = f"{self.path}/messages/{sent.answer['id']}{name}"
        assert (await (who or sent.by).request(method, path, **options)).status_code in (200, 204, 403, 404)

    async def edit(self, which: int, text: str, *, mention: Any) -> None:
        await self.about(None, which, "PATCH", json={"text": text, **await self._mentioning(mention)})

    async def go(self, who: Any, *, by_choice: bool) -> None:
        """Let a member leave, or be removed by the owner."""
        if who.id in await self.members():
            actor = who if by_choice else self.people[0]
            assert (await actor.request("DELETE", f"{self.path}/members/{who.id}")).status_code == 204
            self.removed -= {who.id}
            self.removed |= set() if by_choice else {who.id}

    async def come(self, who: Any, *, invited: bool) -> None:
        """Let somebody come back: by the invite, unless the person was removed; or because the owner says so."""
        if who.id in await self.members():
            return
        if invited:
            answer = await who.request("POST", f"/v1/invites/{self.code}/accept")
            assert answer.status_code == (403 if who.id in self.removed else 200), answer.text
        else:
            answer = await self.people[0].request("PUT", f"{self.path}/members/{who.id}")
            blocked = self.people[0].id in self.blocked[who.id] or who.id in self.blocked[self.people[0].id]
            assert answer.status_code == (403 if blocked else 201), answer.text
            self.removed -= set() if blocked else {who.id}

    async def block(self, blocker: Any, other: Any) -> None:
        """Block somebody, or end that."""
        blocks = other.id in self.blocked[blocker.id]
        await (self.blocks.unblock if blocks else self.blocks.block)(blocker, other)
        self.blocked[blocker.id] ^= {other.id}
        self.connected.pop(blocker.id, None)  # who blocks reads anew: older places look different from now on

    async def read(self, who: Any, *, back: int, private: bool) -> None:
        answer = await who.get(self.path)
        if answer.status_code == 200:
            seq = max(0, answer.json()["last_seq"] - back)
            marked = await who.request("PUT", f"{self.path}/read", json={"seq": seq, "private": private})
            assert marked.json()["read_seq"] >= seq

    async def sync(self, number: int, limit: int) -> None:
        await self.clients[number].sync(limit)
        self.old.append(self.clients[number].copy())

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
        assert (head["last_seq"], head["last_msg_no"]) == (len(log), len(self.sent))
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
