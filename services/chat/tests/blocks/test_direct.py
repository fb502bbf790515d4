"""A block between the two people of a direct conversation: nobody writes there any more, and all that was stays."""

import asyncio
import random
from uuid import uuid4

import pytest

from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from servicekit.testing import eventually

BLOCKING, CLOSED = "You have blocked this person.", "This person does not accept messages."


async def talk(ada, bob) -> str:
    """A conversation in which each has said something."""
    conversation = (await ada.begin(bob)).json()["id"]
    for who in (ada, bob):
        assert (await who.send(conversation, uuid4(), f"from {who.name}")).status_code == 201
    return conversation


async def refusal(person, conversation: str) -> str:
    answer = await person.send(conversation, uuid4())
    assert answer.status_code == 403, answer.text
    return answer.json()["detail"]


async def test_neither_can_write(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await talk(ada, bob)
    await blocks.block(ada, bob)
    assert await refusal(ada, conversation) == BLOCKING
    assert await refusal(bob, conversation) == CLOSED


async def test_neither_can_edit_or_react(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await talk(ada, bob)
    own = (await bob.get(f"/v1/conversations/{conversation}/messages")).json()["items"][0]
    path = f"/v1/conversations/{conversation}/messages/{own['id']}"
    await blocks.block(ada, bob)
    assert (await bob.request("PATCH", path, json={"text": "more"})).status_code == 403
    assert (await ada.request("PUT", f"{path}/reactions/no")).status_code == 403


async def test_who_is_blocked_may_still_delete_what_is_his_own(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await talk(ada, bob)
    own = (await bob.get(f"/v1/conversations/{conversation}/messages")).json()["items"][0]
    await blocks.block(ada, bob)
    path = f"/v1/conversations/{conversation}/messages/{own['id']}"
    assert (await bob.request("DELETE", path)).status_code == 204


async def test_what_was_said_stays_for_both(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await talk(ada, bob)
    before = [(await who.get(f"/v1/conversations/{conversation}/events")).json() for who in (ada, bob)]
    shown = [(await who.get(f"/v1/conversations/{conversation}/messages")).json() for who in (ada, bob)]
    await blocks.block(ada, bob)
    assert [(await who.get(f"/v1/conversations/{conversation}/events")).json() for who in (ada, bob)] == before
    assert [(await who.get(f"/v1/conversations/{conversation}/messages")).json() for who in (ada, bob)] == shown


async def test_who_is_blocked_is_shown_nothing_of_it(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await talk(ada, bob)
    before = (await bob.get("/v1/conversations")).json()
    since = (await bob.get("/v1/sync", timeout=0)).json()["next"]
    await blocks.block(ada, bob)
    assert (await bob.get("/v1/conversations")).json() == before
    assert (await bob.get("/v1/sync", since=since, timeout=0)).json()["conversations"] == {}
    assert await refusal(bob, conversation) == CLOSED


@pytest.mark.parametrize("act", ["read", "delivered", "clear"])
async def test_who_is_blocked_does_not_learn_what_came_to_the_others_devices(people, blocks, act) -> None:
    ada, bob = await people("ada", "bob")
    path = f"/v1/conversations/{await talk(ada, bob)}"
    before = (await bob.get(f"{path}/receipts")).json()
    await blocks.block(ada, bob)
    if act == "clear":
        assert (await ada.request("DELETE", path)).status_code == 204
    else:
        last_seq = (await ada.get(path)).json()["last_seq"]
        assert (await ada.request("PUT", f"{path}/{act}", json={"seq": last_seq})).status_code == 200
    assert (await bob.get(f"{path}/receipts")).json() == before


async def test_the_end_of_the_block_opens_it_again(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await talk(ada, bob)
    await blocks.block(ada, bob)
    await blocks.unblock(ada, bob)
    for who in (ada, bob):
        assert (await who.send(conversation, uuid4())).status_code == 201


async def test_it_stays_closed_until_both_have_opened_it(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await talk(ada, bob)
    await blocks.block(ada, bob)
    await blocks.block(bob, ada)
    await blocks.unblock(ada, bob)
    assert await refusal(ada, conversation) == CLOSED
    assert await refusal(bob, conversation) == BLOCKING


async def test_a_message_that_was_sent_before_can_be_sent_again(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    conversation = (await ada.begin(bob)).json()["id"]
    client_id = uuid4()
    sent = (await bob.send(conversation, client_id)).json()
    await blocks.block(ada, bob)
    again = await bob.send(conversation, client_id)
    assert again.status_code == 200
    assert again.json()["id"] == sent["id"]


async def test_other_conversations_of_the_two_are_not_touched(people, blocks) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    others = [(await who.begin(eve)).json()["id"] for who in (ada, bob)]
    await blocks.block(ada, bob)
    for who, conversation in zip((ada, bob), others, strict=True):
        assert (await who.send(conversation, uuid4())).status_code == 201


async def test_a_block_that_comes_first_hinders_the_beginning(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    await blocks.block(ada, bob)
    answers = [await ada.begin(bob), await bob.begin(ada)]
    assert [answer.status_code for answer in answers] == [403, 403]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 0, 2, 1, 2)])
async def test_the_newest_event_holds_in_whatever_order_they_come(people, blocks, order) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await talk(ada, bob)
    kinds = (UserBlocked, UserUnblocked, UserBlocked)
    events = [blocks.event(kind, ada, bob) for kind in kinds]
    for place in order:
        await blocks.take(events[place])
    assert await refusal(bob, conversation) == CLOSED


@pytest.mark.parametrize("seed", range(3))
async def test_events_of_both_at_once_in_any_order_end_as_the_newest_of_each_say(people, blocks, sql, seed) -> None:
    ada, bob = await people("ada", "bob")
    await talk(ada, bob)
    order = random.Random(seed)
    kinds = [order.choice((UserBlocked, UserUnblocked)) for _ in range(20)]
    events = [blocks.event(kind, *((ada, bob) if n % 2 else (bob, ada))) for n, kind in enumerate(kinds)]
    shuffled = [*events, *events[::3]]
    order.shuffle(shuffled)
    await asyncio.gather(*map(blocks.take, shuffled))
    newest = {event.data.user_id: event.data for event in events}
    expected = sorted(user for user, data in newest.items() if isinstance(data, UserBlocked))
    assert [row["closed_by"] for row in await sql("SELECT closed_by FROM conversations")] == [expected]
    assert await sql("SELECT count(*) FROM inbox_ledger") == [(20,)]


async def test_after_a_block_has_taken_effect_no_send_is_accepted(people, blocks, sql) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await talk(ada, bob)
    after_block: list[int] = []
    flowing, done = asyncio.Event(), asyncio.Event()

    async def keep_sending(who) -> None:
        while not done.is_set():
            is_after = blocked.done()
            answer = await who.send(conversation, uuid4())
            if is_after:
                after_block.append(answer.status_code)
            flowing.set()

    async def block() -> None:
        await flowing.wait()
        await blocks.block(ada, bob)

    blocked = asyncio.create_task(block())
    senders = [asyncio.create_task(keep_sending(who)) for who in (ada, bob) * 4]
    await blocked
    held = await sql("SELECT last_seq FROM conversations")

    async def enough() -> bool:
        return len(after_block) >= 40

    await eventually(enough)
    done.set()
    await asyncio.gather(*senders)
    assert set(after_block) == {403}
    assert await sql("SELECT last_seq FROM conversations") == held


async def test_a_block_and_a_beginning_at_once_leave_no_open_conversation(people, blocks, sql) -> None:
    for n in range(20):
        ada, bob = await people(f"ada{n}", f"bob{n}")
        begun, _ = await asyncio.gather(bob.begin(ada), blocks.block(ada, bob))
        if begun.status_code == 201:
            assert await refusal(bob, begun.json()["id"]) == CLOSED
    assert await sql("SELECT count(*) FROM conversations WHERE closed_by = '{}'") == [(0,)]
