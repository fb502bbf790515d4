"""The socket: handshake, resume, order and operations."""

import asyncio
import time
from contextlib import AsyncExitStack
from uuid import uuid4

import orjson
import pytest
import websockets

from messenger_contracts.realtime import SUBPROTOCOL

C = "11111111-1111-4111-8111-111111111111"
READ_3 = {"read_seq": 3, "delivered_seq": 3, "unread": 0, "mentions": 0}


async def seqs(client, count: int) -> list[int]:
    return [(await client.event())["seq"] for _ in range(count)]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
async def test_without_credentials_the_handshake_is_a_401(address, headers) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(f"ws://{address}/v1/realtime", additional_headers=headers)
    assert refused.value.response.status_code == 401
    assert orjson.loads(refused.value.response.body)["code"] == "unauthenticated"


async def test_hello_brings_what_was_missed_in_order(join, conversation) -> None:
    async with join("ada", positions={conversation: 1}) as ada:
        assert ada.greeting["resumed"] is True
        assert ada.greeting["ping"] == 25
        assert await seqs(ada, 2) == [2, 3]


async def test_a_new_client_is_brought_everything(join, conversation) -> None:
    async with join("ada") as ada:
        assert await seqs(ada, 3) == [1, 2, 3]


async def test_hello_names_what_the_client_has_left(join, conversation) -> None:
    async with join("eve", hello=False) as eve:
        answer = await eve.ask("hello", positions={conversation: 2})
        assert (answer["ok"]["resumed"], answer["ok"]["left"]) == (True, [conversation])


async def test_more_than_the_limit_is_not_resumed_in_part(gateway, backend, conversation, publish, followed) -> None:
    async with gateway(resume_limit=2) as join, join("ada") as ada:
        assert ada.greeting["resumed"] is False
        await followed()
        await publish(conversation, backend.append(conversation))
        assert await seqs(ada, 1) == [4]


async def test_clients_who_come_back_at_once_are_asked_about_together(
    address, joined_to, backend, conversation
) -> None:
    async with AsyncExitStack() as stack:
        join = joined_to(address)
        back = [await stack.enter_async_context(join(f"p{number}", hello=False)) for number in range(20)]
        greetings = await asyncio.gather(*(client.ask("hello", positions={}) for client in back))
    assert all(greeting["ok"]["resumed"] for greeting in greetings)
    asked = [int(call.partition(":")[2]) for call in backend.calls if call.startswith("resumes")]
    assert sum(asked) == 20
    assert len(asked) < 10


async def test_who_is_told_to_ask_later_is_asked_for_again(join, backend, conversation) -> None:
    backend.room = 1
    async with join("ada", hello=False) as ada, join("bob", hello=False) as bob, join("ada", hello=False) as laptop:
        clients = (ada, bob, laptop)
        await asyncio.gather(*(client.ask("hello", positions={conversation: 1}) for client in clients))
        assert [await seqs(client, 2) for client in clients] == [[2, 3]] * 3


async def test_what_a_member_may_not_see_comes_as_a_skip(join, backend, conversation, publish, followed) -> None:
    backend.blocked["user-bob"].add("user-eve")
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        await followed()
        await publish(conversation, backend.append(conversation, "user-eve"), author="user-eve", target=4)
        await publish(conversation, backend.append(conversation), audience="user-bob")
        assert [(await ada.event())["type"] for _ in range(2)] == ["message.created", "skip"]
        skip = await bob.event()
        assert skip == {"c": conversation, "epoch": "e1", "seq": 4, "to": 4, "type": "skip"}
        assert (await bob.event())["type"] == "message.created"


async def test_between_two_people_nothing_is_skipped(join, backend, conversation, publish, followed) -> None:
    backend.blocked["user-bob"].add("user-ada")
    backend.direct.add(conversation)
    async with join("bob", positions={conversation: 3}) as bob:
        await followed()
        await publish(conversation, backend.append(conversation), author="user-ada", target=4)
        assert (await bob.event())["type"] == "message.created"


async def test_a_send_says_all_that_its_frame_says(join, conversation, backend) -> None:
    said = {"text": "hi", "mentions": ["user-bob"], "reply_to": str(uuid4()), "expires_in": 60}
    async with join("ada", positions={conversation: 3}) as ada:
        assert "ok" in await ada.ask("send", c=conversation, client_id=str(uuid4()), **said)
    assert backend.sends[0].body.model_dump(mode="json", exclude_unset=True) == said


async def test_live_events_follow_in_order_each_once(join, conversation, backend, publish, followed) -> None:
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        await followed()
        four, five, six = (backend.append(conversation) for _ in range(3))
        await publish(conversation, five)
        await publish(conversation, four, five)
        await publish(conversation, four)
        await publish(conversation, six)
        assert await seqs(ada, 3) == await seqs(bob, 3) == [4, 5, 6]


async def test_an_event_that_was_lost_is_read_from_the_log(join, conversation, backend, publish, followed) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        await followed()
        backend.append(conversation)
        await publish(conversation, backend.append(conversation))
        assert await seqs(ada, 2) == [4, 5]


async def test_a_lost_last_event_is_found_by_comparing(gateway, backend, conversation) -> None:
    async with gateway(reconcile_seconds=0.1) as join, join("ada", positions={conversation: 3}) as ada:
        backend.append(conversation)
        assert await seqs(ada, 1) == [4]


async def test_live_delivery_comes_back_with_valkey(
    join, conversation, backend, publish, valkey, settings, followed
) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        await followed()
        for client in await valkey.client_list("pubsub"):
            if client["name"] == settings.client_name:
                await valkey.client_kill_filter(_id=client["id"])
        backend.append(conversation)
        await followed()
        assert await seqs(ada, 1) == [4]
        await publish(conversation, backend.append(conversation))
        assert await seqs(ada, 1) == [5]


async def test_a_conversation_begun_elsewhere_is_followed_at_once(join, backend, publish, followed) -> None:
    async with join("ada") as ada:
        new = str(uuid4())
        backend.members[new].add("user-ada")
        backend.append(new)
        await publish.person("user-ada", joined={new: 1})
        assert (await ada.event())["c"] == new
        await followed(new)
        await publish(new, backend.append(new))
        assert await seqs(ada, 1) == [2]


async def test_pushes_to_a_person_reach_every_socket(join, publish) -> None:
    async with join("ada") as phone, join("ada") as laptop, join("bob") as other:
        await publish.person("user-ada", pushes=[{"op": "notification", "d": {"id": "n1"}}])
        assert await phone.next() == await laptop.next() == {"op": "notification", "d": {"id": "n1"}}
        assert (await other.ask("ping"))["ok"] == {"positions": {}}


async def test_a_send_is_acknowledged_with_its_place(join, conversation) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        answer = await ada.ask("send", c=conversation, client_id=str(uuid4()), text="hi")
        assert answer["ok"] == {"id": "m", "seq": 4, "msg_no": 4, "created_at": "2026-01-01T00:00:00.000Z"}


async def test_sends_that_wait_go_together(join, conversation, backend) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        frames = [
            orjson.dumps(
                {"id": 100 + n, "op": "send", "d": {"c": conversation, "client_id": str(uuid4()), "text": str(n)}}
            ).decode()
            for n in range(50)
        ]
        await ada.socket.send("\n".join(frames))
        answers = []
        while len(answers) < 50:
            frame = await ada.next()
            if "ok" in frame:
                answers.append((frame["id"], frame["ok"]["seq"]))
        assert answers == [(100 + n, 4 + n) for n in range(50)]
        assert len([call for call in backend.calls if call.startswith("commands")]) <= 3


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("nonsense", "validation_failed"),
        ('{"id": 5, "op": "dance"}', "validation_failed"),
        ('{"id": 5, "op": "send", "d": {"c": "x"}}', "validation_failed"),
        ('{"id": 5, "op": "send", "d": {"c": "x", "client_id": "7", "text": "hi"}}', "validation_failed"),
        (f'{{"id": 5, "op": "send", "d": {{"c": "x", "client_id": "{uuid4()}", "text": "hi"}}}}', "not_member"),
        ('{"id": 5, "op": "read", "d": {"c": "x", "seq": -1}}', "validation_failed"),
        ('{"id": 5, "op": "typing", "d": {"c": "x"}}', "not_member"),
        ('{"id": 5, "op": "hello"}', "conflict"),
    ],
)
async def test_a_bad_operation_is_refused_and_the_socket_goes_on(join, frame, code) -> None:
    async with join("ada") as ada:
        await ada.socket.send(frame)
        refusal = await ada.next()
        assert refusal["id"] == (5 if frame.startswith("{") else None)
        assert (refusal["error"]["code"], refusal["error"]["retryable"]) == (code, False)
        assert (await ada.ask("ping"))["ok"] == {"positions": {}}


async def test_nothing_is_done_before_hello(join, conversation) -> None:
    async with join("ada", hello=False) as ada:
        refusal = await ada.ask("send", c=conversation, client_id=str(uuid4()), text="hi")
        assert refusal["error"]["code"] == "conflict"


async def test_a_read_mark_is_answered(join, conversation) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        assert (await ada.ask("read", c=conversation, seq=3))["ok"] == READ_3


async def test_others_see_who_types(join, conversation, followed) -> None:
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        await followed()
        await ada.ask("typing", c=conversation)
        assert await bob.next() == {"op": "typing", "d": {"c": conversation, "by": "user-ada", "expires_in": 6}}


async def test_ping_tells_which_positions_moved(join, conversation, backend, publish, followed) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        await followed()
        await ada.ask("ping")
        assert (await ada.ask("ping"))["ok"] == {"positions": {}}
        await publish(conversation, backend.append(conversation))
        await ada.event()
        assert (await ada.ask("ping"))["ok"] == {"positions": {conversation: 4}}


async def test_a_ticket_is_good_once(address, tickets) -> None:
    claims = {
        "user_id": "user-ada",
        "username": "ada",
        "session_id": "s",
        "jti": "j",
        "access_expires_at": time.time() + 60,
    }
    ticket = await tickets.make(claims, 30)
    url = f"ws://{address}/v1/realtime?ticket={ticket}"
    async with websockets.connect(url, subprotocols=[SUBPROTOCOL]) as socket:
        assert socket.subprotocol == SUBPROTOCOL
        await socket.send('{"id": 1, "op": "hello", "d": {}}')
        assert orjson.loads(await socket.recv())["ok"]["resumed"] is True
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(url)
    assert refused.value.response.status_code == 401


async def test_a_client_of_other_protocols_alone_is_refused(address, backend) -> None:
    headers = {"Authorization": f"Bearer {backend.token('ada')}"}
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(
            f"ws://{address}/v1/realtime", additional_headers=headers, subprotocols=["messenger.v9"]
        )
    assert refused.value.response.status_code == 422
