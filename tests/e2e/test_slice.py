"""From sign-up to a notification, over the public address alone."""

import asyncio
from typing import Any

from messengerctl.client import Event, Listener, Session
from servicekit.testing import eventually


class Ear(Listener):
    """Remembers what it was told, of one conversation or of all."""

    def __init__(self, conversation_id: str = "") -> None:
        self._conversation_id = conversation_id
        self.events: list[Event] = []
        self.pushes: list[tuple[str, dict[str, Any]]] = []

    def event(self, event: Event) -> None:
        if event.c.startswith(self._conversation_id):
            self.events.append(event)

    def push(self, op: str, d: dict[str, Any]) -> None:
        self.pushes.append((op, d))

    async def pushed(self, op: str) -> dict[str, Any]:
        """Wait for a push."""

        async def find() -> dict[str, Any] | None:
            return next((d for pushed, d in self.pushes if pushed == op), None)

        return await eventually(find)

    async def said(self, text: str) -> Event:
        """Wait for a message."""

        async def find() -> Event | None:
            return next((event for event in self.events if event.data.get("text") == text), None)

        return await eventually(find)


async def test_somebody_new_writes_and_the_other_is_told(stranger, ada, clients):
    mine, theirs = await clients.of(stranger), await clients.of(ada)
    ear = Ear()
    async with Session(theirs, ear) as listening, Session(mine, Listener()) as speaking:
        await listening.live()
        conversation = await mine.converse(ada.user_id)
        sent = await speaking.send(conversation.id, "hello ada")
        event = await ear.said("hello ada")
        assert (event.c, event.seq, event.by) == (conversation.id, sent.seq, stranger.user_id)
        notification = await ear.pushed("notification")
    assert notification["title"] == stranger.username
    assert notification["subject"] == {"type": "message", "id": sent.id, "c": conversation.id, "seq": sent.seq}
    assert notification["id"] in [kept.id for kept in (await theirs.notifications(unread=True)).items]


async def test_a_notification_is_read_and_deleted(stranger, bob, clients):
    mine, theirs = await clients.of(bob), await clients.of(stranger)
    conversation = await mine.converse(stranger.user_id)
    await mine.put_message(conversation.id, "01900000-0000-7000-8000-000000000001", "hello")

    async def arrived():
        return (await theirs.notifications()).items

    [notification] = await eventually(arrived)
    path = f"/v1/notifications/{notification.id}"
    assert (await theirs.request("PATCH", path, json={"read": True})).json()["read"] is True
    assert (await theirs.notifications(unread=True)).items == []
    await theirs.request("DELETE", path)
    assert (await theirs.notifications()).items == []


async def test_everybody_sees_the_same_log(ada, bob, clients):
    of_ada, of_bob = await clients.of(ada), await clients.of(bob)
    conversation = await of_ada.converse(bob.user_id)
    again = await of_bob.converse(ada.user_id)
    assert again.id == conversation.id
    ears = [Ear(conversation.id) for _ in range(3)]
    at = {conversation.id: again.last_seq}
    async with (
        Session(of_ada, ears[0], at) as ada_speaks,
        Session(of_bob, ears[1], at) as bob_speaks,
        Session(of_bob, ears[2], at) as bob_elsewhere,
    ):
        await asyncio.gather(ada_speaks.live(), bob_speaks.live(), bob_elsewhere.live())
        speaking = [ada_speaks, bob_speaks] * 10
        sent = await asyncio.gather(*(one.send(conversation.id, f"line {n}") for n, one in enumerate(speaking)))
        wanted = sorted((one.seq, one.id) for one in sent)

        async def all_heard() -> bool:
            return all(len(ear.events) == len(wanted) for ear in ears)

        await eventually(all_heard)
    for ear in ears:
        assert [(event.seq, event.data["id"]) for event in ear.events] == wanted
    page = await of_ada.events(conversation.id, again.last_seq)
    assert [(event.seq, event.data["id"]) for event in page.items] == wanted


async def test_reading_is_seen_by_the_other_and_counts_down(ada, bob, clients):
    of_ada, of_bob = await clients.of(ada), await clients.of(bob)
    conversation = await of_ada.converse(bob.user_id)
    ear = Ear()
    async with (
        Session(of_ada, ear, {conversation.id: conversation.last_seq}) as speaking,
        Session(of_bob, Listener(), {conversation.id: conversation.last_seq}) as reading,
    ):
        await asyncio.gather(speaking.live(), reading.live())
        sent = await speaking.send(conversation.id, "read this")
        await reading.tell("typing", {"c": conversation.id})
        assert (await ear.pushed("typing"))["by"] == bob.user_id
        await reading.tell("read", {"c": conversation.id, "seq": sent.seq})
        mark = await ear.pushed("read")
    assert (mark["by"], mark["seq"]) == (bob.user_id, sent.seq)
    assert (await of_bob.converse(ada.user_id)).unread == 0
