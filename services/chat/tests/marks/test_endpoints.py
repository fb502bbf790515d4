"""What a person keeps about a conversation, over HTTP and on the person's channel."""

from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from chat_service.main import create
from messenger_contracts.realtime import conversation_channel, user_channel
from servicekit.fanout import read_publication
from servicekit.testing import PREFIX, client_of


async def direct(one, other) -> str:
    return (await one.begin(other)).json()["id"]


async def put(who, conversation: str, name: str, body: object = None):
    options = {} if body is None else {"json": body}
    return await who.request("PUT", f"/v1/conversations/{conversation}/{name}", **options)


async def delete(who, conversation: str, name: str):
    return await who.request("DELETE", f"/v1/conversations/{conversation}/{name}")


@asynccontextmanager
async def listening(valkey, *channels: str):
    """Gives a function that waits for the next push on these channels."""
    async with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(*channels)

        async def heard() -> dict:
            while True:
                message = await pubsub.get_message(timeout=5)
                if message and (pushes := read_publication(message["data"]).pushes):
                    return pushes[0]

        yield heard


async def test_receipts_show_how_far_the_others_are(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    await ada.send(c, uuid4())
    await ada.send(c, uuid4())
    await put(bob, c, "delivered", {"seq": 4})
    await put(bob, c, "read", {"seq": 3})
    page = (await ada.get(f"/v1/conversations/{c}/receipts")).json()
    assert page == {"items": [{"user_id": bob.id, "read_seq": 3, "delivered_seq": 4}], "next": None}
    assert (await bob.get(f"/v1/conversations/{c}/receipts")).json()["items"][0]["user_id"] == ada.id


async def test_a_private_read_is_not_shown_until_a_public_one_is(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    await ada.send(c, uuid4())
    mark = (await put(bob, c, "read", {"seq": 3, "private": True})).json()
    assert (mark["read_seq"], mark["unread"]) == (3, 0)
    [receipt] = (await ada.get(f"/v1/conversations/{c}/receipts")).json()["items"]
    assert (receipt["read_seq"], receipt["delivered_seq"]) == (0, 3)
    await put(bob, c, "read", {"seq": 3})
    [receipt] = (await ada.get(f"/v1/conversations/{c}/receipts")).json()["items"]
    assert receipt["read_seq"] == 3


async def test_what_was_delivered_moves_forward_only_and_is_not_read(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    await ada.send(c, uuid4())
    assert (await put(bob, c, "delivered", {"seq": 3})).json()["delivered_seq"] == 3
    mark = (await put(bob, c, "delivered", {"seq": 1})).json()
    assert (mark["delivered_seq"], mark["read_seq"], mark["unread"]) == (3, 0, 1)
    too_far = await put(bob, c, "delivered", {"seq": 4})
    assert (too_far.status_code, too_far.json()["errors"][0]["pointer"]) == (422, "/seq")


async def test_marked_unread_lasts_until_the_next_read(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    await put(ada, c, "read", {"seq": 2})
    assert (await put(ada, c, "unread")).json()["marked_unread"] is True
    assert (await ada.get(f"/v1/conversations/{c}")).json()["marked_unread"] is True
    await put(ada, c, "read", {"seq": 2})
    assert (await ada.get(f"/v1/conversations/{c}")).json()["marked_unread"] is False


async def test_a_draft_is_kept_changed_and_dropped(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    answered = str(uuid4())
    draft = (await put(ada, c, "draft", {"text": "so f", "reply_to": answered.upper()})).json()["draft"]
    assert (draft["text"], draft["reply_to"]) == ("so f", answered)
    assert (await put(ada, c, "draft", {"text": ""})).json()["draft"]["text"] == ""
    assert (await bob.get(f"/v1/conversations/{c}")).json()["draft"] is None
    assert (await delete(ada, c, "draft")).json()["draft"] is None
    assert (await delete(ada, c, "draft")).status_code == 200


async def test_a_mute_ends_by_itself_or_by_null(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    for_ever = "9999-12-31T23:59:59.999Z"
    assert (await put(ada, c, "mute", {"until": for_ever})).json()["muted_until"] == for_ever
    assert (await put(ada, c, "mute", {"until": "2020-01-01T00:00:00Z"})).json()["muted_until"] is None
    await put(ada, c, "mute", {"until": for_ever})
    assert (await put(ada, c, "mute", {"until": None})).json()["muted_until"] is None


async def test_a_pin_is_ones_own(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    assert [(await put(ada, c, "pin")).json()["pinned"] for _ in range(2)] == [True, True]
    assert (await bob.get(f"/v1/conversations/{c}")).json()["pinned"] is False
    assert (await delete(ada, c, "pin")).json()["pinned"] is False


async def test_an_archived_conversation_stays_archived_and_counts_what_is_new(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    assert (await put(ada, c, "archive")).json()["archived"] is True
    await bob.send(c, uuid4())
    assert (await ada.get("/v1/conversations")).json()["items"] == []
    [archived] = (await ada.get("/v1/conversations", archived="true")).json()["items"]
    assert (archived["id"], archived["unread"]) == (c, 1)
    await delete(ada, c, "archive")
    assert [each["id"] for each in (await ada.get("/v1/conversations")).json()["items"]] == [c]


@pytest.mark.parametrize("name", ["read", "delivered", "draft", "mute", "unread", "pin", "archive"])
async def test_a_stranger_keeps_nothing(people, name) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    bodies = {"read": {"seq": 1}, "delivered": {"seq": 1}, "draft": {"text": "x"}, "mute": {"until": None}}
    for conversation in (await direct(ada, bob), str(uuid4()), "no-id"):
        answer = await put(eve, conversation, name, bodies.get(name))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_member")


@pytest.mark.parametrize(
    ("name", "body", "pointer"),
    [
        ("read", {"seq": 2**60}, "/seq"),
        ("read", {"seq": -1}, "/seq"),
        ("draft", {"text": "a\x00b"}, "/text"),
        ("draft", {"text": "x" * (16 * 1024 + 1)}, "/text"),
        ("draft", {"text": "x", "reply_to": "7"}, "/reply_to"),
        ("mute", {"until": "0001-01-01T00:00:00+14:00"}, "/until"),
        ("mute", {"until": "tomorrow"}, "/until"),
        ("mute", {}, "/until"),
    ],
)
async def test_a_bad_mark_is_refused(people, name, body, pointer) -> None:
    ada, bob = await people("ada", "bob")
    answer = await put(ada, await direct(ada, bob), name, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_draft_of_half_a_character_is_refused(people) -> None:
    ada, bob = await people("ada", "bob")
    path = f"/v1/conversations/{await direct(ada, bob)}/draft"
    options = {"content": b'{"text": "\\ud800"}', "headers": {**ada.headers, "content-type": "application/json"}}
    answer = await ada.client.put(path, **options)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/text")


async def test_the_persons_other_devices_are_told_at_once(people, valkey) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    await bob.send(c, uuid4())
    async with listening(valkey, user_channel(PREFIX, ada.id)) as heard:
        told = []
        for name, body in (("draft", {"text": "hm"}), ("pin", None), ("archive", None), ("read", {"seq": 3})):
            await put(ada, c, name, body)
            told.append(await heard())
        await put(ada, c, "pin")
        await put(ada, c, "unread")
        told.append(await heard())
    assert {push["op"] for push in told} == {"conversation"}
    assert [push["d"]["draft"]["text"] for push in told] == ["hm"] * 5
    assert [push["d"]["pinned"] for push in told] == [False, True, True, True, True]
    assert [push["d"]["unread"] for push in told] == [1, 1, 1, 0, 0]
    assert told[-1]["d"]["marked_unread"] is True
    assert set(told[-1]["d"]) == {
        "c", "read_seq", "unread", "mentions", "marked_unread", "muted_until", "pinned", "archived", "draft"
    }  # fmt: skip


async def test_the_others_hear_of_reading_and_receiving(people, valkey) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    await bob.send(c, uuid4())
    async with listening(valkey, conversation_channel(PREFIX, c)) as heard:
        await put(ada, c, "delivered", {"seq": 3})
        assert (await heard())["d"] == {"c": c, "by": ada.id, "seq": 3, "mark": "delivered"}
        await put(ada, c, "read", {"seq": 2, "private": True})
        await put(ada, c, "read", {"seq": 3})
        assert (await heard())["d"] == {"c": c, "by": ada.id, "seq": 3, "mark": "read"}


async def test_in_a_large_conversation_nobody_is_told(settings, callers, valkey) -> None:
    small = settings.model_copy(update={"receipts_up_to": 1})
    async with client_of(create(small)) as client:
        ada = await callers.user("ada")
        begun = await client.post("/v1/conversations", json={"kind": "direct", "member_ids": ["user-bob"]}, headers=ada)
        c = begun.json()["id"]
        async with listening(valkey, conversation_channel(PREFIX, c), user_channel(PREFIX, "user-ada")) as heard:
            await client.put(f"/v1/conversations/{c}/read", json={"seq": 2}, headers=ada)
            assert (await heard())["op"] == "conversation"
            await client.put(f"/v1/conversations/{c}/pin", headers=ada)
            assert (await heard())["op"] == "conversation"
        receipts = await client.get(f"/v1/conversations/{c}/receipts", headers=await callers.user("bob"))
        assert receipts.json()["items"][0]["read_seq"] == 2
