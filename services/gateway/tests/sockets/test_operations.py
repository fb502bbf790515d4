"""What a client may ask besides to send a text, and how that reaches chat."""

import asyncio
from uuid import uuid4

import pytest

M = "22222222-2222-4222-8222-222222222222"
CHANGES = [
    ("edit", {"text": "better"}, {"op": "edit", "body": {"text": "better", "mentions": None}}),
    ("edit", {"text": "x", "mentions": ["u"]}, {"op": "edit", "body": {"text": "x", "mentions": ["u"]}}),
    ("delete", {}, {"op": "delete", "everywhere": True}),
    ("delete", {"for": "me"}, {"op": "delete", "everywhere": False}),
    ("react", {"emoji": "👍"}, {"op": "react", "emoji": "👍", "remove": False}),
    ("unreact", {"emoji": "👍"}, {"op": "react", "emoji": "👍", "remove": True}),
]


@pytest.mark.parametrize(("op", "said", "command"), CHANGES)
async def test_a_change_of_a_message_is_answered_with_its_place(join, backend, conversation, op, said, command) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        assert (await ada.ask(op, c=conversation, id=M, **said))["ok"] == {"seq": 9}
    assert backend.ran == [{"conversation_id": conversation, "message_id": M, **command}]


@pytest.mark.parametrize(
    ("op", "said"),
    [
        ("edit", {"text": " "}),
        ("edit", {"text": "a\x00"}),
        ("edit", {}),
        ("delete", {"for": "them"}),
        ("react", {"emoji": ""}),
        ("unreact", {"emoji": "a b"}),
        ("read", {"seq": 2**63}),
        ("read", {"seq": True}),
        ("read", {"seq": "3"}),
        ("read", {"seq": 3, "private": "yes"}),
        ("presence", {"state": "asleep"}),
        ("presence", {"of": ["a b"]}),
    ],
)
async def test_what_rest_would_refuse_is_refused(join, backend, conversation, op, said) -> None:
    about = {} if op == "presence" else {"c": conversation}
    about |= {} if op in ("read", "presence") else {"id": M}
    async with join("ada", positions={conversation: 3}) as ada:
        refusal = await ada.ask(op, **about, **said)
        assert refusal["error"]["code"] == "validation_failed"
    assert backend.ran == []


@pytest.mark.parametrize("number", ['"5"', "true", "1.5", "null", str(2**64)])
async def test_a_request_without_a_number_is_refused_and_given_none(join, number) -> None:
    async with join("ada") as ada:
        await ada.socket.send(f'{{"id": {number}, "op": "ping"}}')
        refusal = await ada.next()
        assert (refusal["id"], refusal["error"]["code"]) == (None, "validation_failed")
        assert refusal["error"]["detail"].startswith("id: ")


async def test_a_mark_of_what_was_received_is_no_read_mark(join, backend, conversation) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        assert "ok" in await ada.ask("read", c=conversation, seq=2, delivered=True)
        assert "ok" in await ada.ask("read", c=conversation, seq=3, private=True)
    assert [(ran["seq"], ran["delivered"], ran["private"]) for ran in backend.ran] == [
        (2, True, False),
        (3, False, True),
    ]


async def test_a_send_for_later_is_acknowledged_without_a_place(join, conversation) -> None:
    client_id = str(uuid4())
    async with join("ada", positions={conversation: 3}) as ada:
        answer = await ada.ask(
            "send", c=conversation, client_id=client_id, text="later", send_at="2099-01-01T00:00:00.000Z"
        )
    waiting = answer["ok"]["scheduled"]
    assert (waiting["client_id"], waiting["send_at"]) == (client_id, "2099-01-01T00:00:00.000Z")


async def test_typing_is_told_at_most_once_a_second_and_its_end_at_once(join, conversation, followed) -> None:
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        await followed()
        for typing in (True, True, True, False, False):
            assert (await ada.ask("typing", c=conversation, typing=typing))["ok"] == {}
        assert [(await bob.next())["d"]["expires_in"] for _ in range(2)] == [6, 0]
        assert (await bob.ask("ping"))["ok"] == {"positions": {}}
        assert bob.frames == []


@pytest.mark.parametrize("blocker", ["user-ada", "user-bob"])
async def test_typing_does_not_cross_a_block(join, backend, conversation, followed, blocker) -> None:
    backend.members[conversation].add("user-eve")
    backend.blocked[blocker].add("user-bob" if blocker == "user-ada" else "user-ada")
    at = {conversation: 3}
    async with join("ada", positions=at) as ada, join("bob", positions=at) as bob, join("eve", positions=at) as eve:
        await followed()
        await ada.ask("typing", c=conversation)
        assert (await eve.next())["d"]["by"] == "user-ada"
        assert (await bob.ask("ping"))["ok"] == {"positions": {}}
        assert bob.frames == []


async def test_a_binary_frame_is_refused_and_the_socket_goes_on(join) -> None:
    async with join("ada") as ada:
        await ada.socket.send(b"\x00\x01")
        assert (await ada.next())["error"]["code"] == "validation_failed"
        assert (await ada.ask("ping"))["ok"] == {"positions": {}}


async def test_what_waits_for_files_holds_up_nothing_else(join, backend, conversation) -> None:
    backend.members[conversation] |= {"user-ada", "user-bob"}
    backend.knows_files.clear()
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        carrying = {"c": conversation, "client_id": str(uuid4()), "media_ids": [M]}
        sending = asyncio.create_task(ada.ask("send", **carrying))
        assert "ok" in await bob.ask("send", c=conversation, client_id=str(uuid4()), text="hi")
        assert not sending.done()
        backend.knows_files.set()
        assert [each["id"] for each in (await sending)["ok"]["media"]] == [M]
