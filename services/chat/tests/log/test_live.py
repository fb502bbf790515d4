"""What the sockets are told at once is what each of the readers reads in the log afterwards."""

from uuid import uuid4

import orjson
import pytest

from messenger_contracts.identity import service
from messenger_contracts.realtime import conversation_channel, is_visible, reactions_of
from servicekit.fanout import live
from servicekit.testing import PREFIX


def seen_by(who, event, blocked: set[str], *, direct: bool) -> dict:
    """What a gateway sends somebody of a live event."""
    told = orjson.loads(event.frame)["d"]
    if not is_visible(event, who.id, blocked, direct=direct, visible_from=1):
        return {"c": told["c"], "epoch": told["epoch"], "seq": event.seq, "to": event.end, "type": "skip"}
    if event.readers and (reactions := reactions_of(told["data"], event.readers, who.id)):
        told["data"] |= reactions
    return told


class Group:
    """Ada, who blocks bob, and others; what all of them are told live."""

    def __init__(self, c: str, people: list, heard, client, headers: dict) -> None:
        self.path, self.c, self.people, self.direct = f"/v1/conversations/{c}", c, people, False
        self.blocked: dict[str, set[str]] = {}
        self._heard, self._client, self._headers = heard, client, headers

    async def message(self, who, text: str = "hi") -> str:
        path = f"{self.path}/messages/{(await who.send(self.c, uuid4(), text)).json()['id']}"
        await self.agrees()
        return path

    async def does(self, who, method: str, path: str, **options) -> None:
        assert (await who.request(method, path, **options)).is_success
        await self.agrees()

    async def agrees(self) -> None:
        """All read what they were told."""
        [event] = (await self._heard())[1].events
        [again] = await self.read_as_gateway(event.seq - 1)
        for who in self.people:
            [read] = (await who.get(f"{self.path}/events", after_seq=event.seq - 1)).json()["items"]
            for each in (event, again):
                assert seen_by(who, each, self.blocked.get(who.id, set()), direct=self.direct) == read

    async def read_as_gateway(self, after: int) -> list:
        """What a gateway finds in the log that nobody published."""
        body = {"after": {self.c: after}}
        answer = await self._client.post("/internal/missed", json=body, headers=self._headers)
        return [live(each.pop("event"), **each) for each in answer.json()["events"]]


@pytest.fixture
async def group(people, group_of, blocks, listening, client, callers):
    """A group in which ada blocks bob, and eve blocks both bob and dan."""
    everybody = ada, bob, dan, eve = await people("ada", "bob", "dan", "eve")
    c = await group_of(*everybody)
    for blocker, blocked in ((ada, bob), (eve, bob), (eve, dan)):
        await blocks.block(blocker, blocked)
    async with listening(c, conversation_channel(PREFIX, c)) as heard:
        group = Group(c, everybody, heard, client, await callers.headers(service("gateway")))
        group.blocked = {ada.id: {bob.id}, eve.id: {bob.id, dan.id}}
        yield group


async def test_who_blocks_is_told_of_no_reaction_of_whom_he_or_she_blocks(group) -> None:
    ada, bob, dan, eve = group.people
    path = await group.message(ada)
    for who in (bob, dan, eve, ada):
        await group.does(who, "PUT", f"{path}/reactions/👍")
    await group.does(bob, "PUT", f"{path}/reactions/no")
    await group.does(dan, "PUT", f"{path}/reactions/no")
    await group.does(dan, "DELETE", f"{path}/reactions/👍")


async def test_an_edited_message_comes_with_ones_own_reactions(group) -> None:
    ada, bob, dan, eve = group.people
    path = await group.message(ada, "one")
    for who, emoji in ((bob, "👍"), (dan, "👍"), (dan, "no"), (eve, "no"), (bob, "b")):
        await group.does(who, "PUT", f"{path}/reactions/{emoji}")
    await group.does(ada, "PATCH", path, json={"text": "two"})
    await group.does(ada, "DELETE", path)


async def test_who_deleted_a_message_for_oneself_hears_no_more_of_it(group) -> None:
    ada, _, dan, eve = group.people
    path = await group.message(ada, "one")
    await group.does(dan, "DELETE", path, params={"for": "me"})
    await group.does(eve, "PUT", f"{path}/reactions/👍")
    await group.does(ada, "PATCH", path, json={"text": "two"})
    await group.does(ada, "DELETE", path)


async def test_what_is_read_late_is_right_for_each_too(group) -> None:
    ada, bob, dan, eve = group.people
    path = await group.message(ada)
    for who in (bob, dan, eve):
        await group.does(who, "PUT", f"{path}/reactions/👍")
    seq = (await ada.get(path)).json()["seq"]
    for who in group.people:
        first, *rest = await group.read_as_gateway(seq - 1)
        read = (await who.get(f"{group.path}/events", after_seq=seq - 1)).json()["items"]
        blocked = group.blocked.get(who.id, set())
        told = [seen_by(who, each, blocked, direct=False) for each in (first, *rest)]
        assert _flat(told) == _flat(read)


def _flat(events: list[dict]) -> list[dict]:
    """The events one by one: a skip may stand for several places."""
    return [
        event if event["type"] != "skip" else {**event, "seq": seq, "to": seq}
        for event in events
        for seq in range(event["seq"], event.get("to", event["seq"]) + 1)
    ]


async def test_two_people_are_told_of_each_others_reactions_and_their_own(talk, listening, client, callers) -> None:
    ada, bob, c = talk
    async with listening(c, conversation_channel(PREFIX, c)) as heard:
        pair = Group(c, [ada, bob], heard, client, await callers.headers(service("gateway")))
        pair.direct = True
        path = await pair.message(ada)
        await pair.does(bob, "PUT", f"{path}/reactions/👍")
        await pair.does(ada, "PATCH", path, json={"text": "better"})


async def test_a_plain_event_carries_nothing_about_readers(group) -> None:
    path = await group.message(group.people[0])
    await group.does(group.people[0], "PATCH", path, json={"text": "better"})
    assert [event.readers for event in await group.read_as_gateway(4)] == [None, None]
