"""All that people do in a group."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from .group import Group


@dataclass
class Sent:
    """A message that was acknowledged, and how."""

    by: Any
    client_id: str
    body: dict[str, Any]
    answer: dict[str, Any]


class Story(Group):
    """What each step does, and what it is answered. What must hold after it is the group's."""

    def __init__(self, people: list[Any], tools: Any, random: Random) -> None:
        super().__init__(people, tools, random)
        self.sent: list[Sent] = []
        self.focus = 0
        self.removed: set[str] = set()

    async def begin(self) -> None:
        await super().begin()
        await self.at_once(self.people)

    def one(self, which: int) -> Sent:
        """A message: the one that the last step was about, or one of the newest."""
        if which:
            self.focus = max(0, len(self.sent) - which)
        return self.sent[self.focus]

    def _keep(self, *sent: Sent) -> None:
        self.sent += sent
        self.said = len(self.sent)

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
            self._keep(Sent(who, client_id, body, answer.json()))

    async def at_once(self, senders: list[Any]) -> None:
        """Many sends, each several times, in any order."""
        present = await self.members()
        sends = [(who, self._client_id()) for who in senders if who.id in present]
        repeated = sends * 2
        self.random.shuffle(repeated)
        answers = await asyncio.gather(*(self._put(who, each, {"text": each}) for who, each in repeated))
        stored = {each: answer.json() for (_, each), answer in zip(repeated, answers, strict=True)}
        assert sorted(answer.status_code for answer in answers) == [200] * len(sends) + [201] * len(sends)
        self._keep(*(Sent(who, each, {"text": each}, stored[each]) for who, each in sends))

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

    async def vanish(self, who: Any, which: int) -> None:
        """Let somebody delete a message for himself or herself, and then its author for everybody."""
        await self.about(who, which, "DELETE", params={"for": "me"})
        await self.about(None, 0, "DELETE")

    async def all_react(self, which: int, emoji: str) -> None:
        """Let everybody give one reaction, one after the other."""
        for who in self.people:
            await self.about(who, which, "PUT", f"/reactions/{emoji}")
            which = 0

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

    async def make_up(self, blocker: Any, other: Any) -> None:
        """Let a block end that stands, or else one that has just begun."""
        for _ in range(1 if other.id in self.blocked[blocker.id] else 2):
            await self.block(blocker, other)

    async def read(self, who: Any, *, back: int, private: bool) -> None:
        answer = await who.get(self.path)
        if answer.status_code == 200:
            seq = max(0, answer.json()["last_seq"] - back)
            marked = await who.request("PUT", f"{self.path}/read", json={"seq": seq, "private": private})
            assert marked.json()["read_seq"] >= seq

    async def sync(self, number: int, limit: int) -> None:
        await self.clients[number].sync(limit)
        self.old.append(self.clients[number].copy())
