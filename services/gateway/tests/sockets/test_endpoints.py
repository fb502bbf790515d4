"""The socket: handshake, resume, order, operations, and every way in which it ends."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from uuid import uuid4

import orjson
import pytest
import websockets

from gateway_service.main import create
from messenger_contracts.realtime import SUBPROTOCOL, SessionEnded, revoked_sessions_key, sessions_channel
from servicekit.server import HOW_WE_SERVE
from servicekit.testing import eventually, serving

C = "11111111-1111-4111-8111-111111111111"
READ_3 = {"read_seq": 3, "delivered_seq": 3, "unread": 0, "mentions": 0}


@pytest.fixture
def conversation(backend) -> str:
    backend.members[C] |= {"user-ada", "user-bob"}
    for n in range(3):
        backend.append(C, text=str(n))
    return C


async def seqs(client, count: int) -> list[int]:
    return [(await client.event())["seq"] for _ in range(count)]


async def listened(valkey, namespace: str, topic: str = C) -> None:
    """Wait until the gateway has subscribed."""

    async def subscribed() -> bool:
        [(_, count)] = await valkey.pubsub_numsub(f"{namespace}:c:{topic}")
        return count > 0

    await eventually(subscribed)


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


async def test_more_than_the_limit_is_not_resumed_in_part(
    gateway, backend, conversation, valkey, namespace, publish
) -> None:
    async with gateway(resume_limit=2) as join, join("ada") as ada:
        assert ada.greeting["resumed"] is False
        await listened(valkey, namespace)
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


async def test_what_a_member_may_not_see_comes_as_a_skip(
    join, backend, conversation, publish, valkey, namespace
) -> None:
    backend.blocked["user-bob"].add("user-eve")
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        await listened(valkey, namespace)
        await publish(conversation, backend.append(conversation, "user-eve"), author="user-eve", target=4)
        await publish(conversation, backend.append(conversation), audience="user-bob")
        assert [(await ada.event())["type"] for _ in range(2)] == ["message.created", "skip"]
        skip = await bob.event()
        assert skip == {"c": conversation, "epoch": "e1", "seq": 4, "to": 4, "type": "skip"}
        assert (await bob.event())["type"] == "message.created"


async def test_between_two_people_nothing_is_skipped(join, backend, conversation, publish, valkey, namespace) -> None:
    backend.blocked["user-bob"].add("user-ada")
    backend.direct.add(conversation)
    async with join("bob", positions={conversation: 3}) as bob:
        await listened(valkey, namespace)
        await publish(conversation, backend.append(conversation), author="user-ada", target=4)
        assert (await bob.event())["type"] == "message.created"


async def test_a_send_says_all_that_its_frame_says(join, conversation, backend) -> None:
    said = {"text": "hi", "mentions": ["user-bob"], "reply_to": str(uuid4()), "expires_in": 60}
    async with join("ada", positions={conversation: 3}) as ada:
        assert "ok" in await ada.ask("send", c=conversation, client_id=str(uuid4()), **said)
    assert backend.sends[0].body.model_dump(mode="json", exclude_unset=True) == said


async def test_live_events_follow_in_order_each_once(join, conversation, backend, publish, valkey, namespace) -> None:
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        await listened(valkey, namespace)
        four, five, six = (backend.append(conversation) for _ in range(3))
        await publish(conversation, five)
        await publish(conversation, four, five)
        await publish(conversation, four)
        await publish(conversation, six)
        assert await seqs(ada, 3) == await seqs(bob, 3) == [4, 5, 6]


async def test_an_event_that_was_lost_is_read_from_the_log(
    join, conversation, backend, publish, valkey, namespace
) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        await listened(valkey, namespace)
        backend.append(conversation)
        await publish(conversation, backend.append(conversation))
        assert await seqs(ada, 2) == [4, 5]


async def test_a_lost_last_event_is_found_by_comparing(gateway, backend, conversation) -> None:
    async with gateway(reconcile_seconds=0.1) as join, join("ada", positions={conversation: 3}) as ada:
        backend.append(conversation)
        assert await seqs(ada, 1) == [4]


async def test_live_delivery_comes_back_with_valkey(
    join, conversation, backend, publish, valkey, namespace, settings
) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        await listened(valkey, namespace)
        for client in await valkey.client_list("pubsub"):
            if client["name"] == settings.client_name:
                await valkey.client_kill_filter(_id=client["id"])
        backend.append(conversation)
        await listened(valkey, namespace)
        assert await seqs(ada, 1) == [4]
        await publish(conversation, backend.append(conversation))
        assert await seqs(ada, 1) == [5]


async def test_a_conversation_begun_elsewhere_is_followed_at_once(join, backend, publish, valkey, namespace) -> None:
    async with join("ada") as ada:
        new = str(uuid4())
        backend.members[new].add("user-ada")
        backend.append(new)
        await publish.person("user-ada", joined={new: 1})
        assert (await ada.event())["c"] == new
        await listened(valkey, namespace, new)
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


async def test_others_see_who_types(join, conversation, valkey, namespace) -> None:
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        await listened(valkey, namespace)
        await ada.ask("typing", c=conversation)
        assert await bob.next() == {"op": "typing", "d": {"c": conversation, "by": "user-ada", "expires_in": 6}}


async def test_ping_tells_which_positions_moved(join, conversation, backend, publish, valkey, namespace) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        await listened(valkey, namespace)
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


async def test_expired_credentials_end_with_4001(join) -> None:
    async with join("ada", hello=False, exp=1) as ada:
        assert await ada.closed() == 4001
    async with join("ada", exp=time.time() + 1.5) as ada:
        assert await ada.closed() == 4001


async def test_a_revoked_session_ends_with_4003_and_stays_out(join, http, backend, valkey, namespace) -> None:
    until = int(time.time()) + 60
    async with join("ada") as ada, join("ada", origin_jti="other") as other:
        ended = SessionEnded(user_id="user-ada", session_id="session-ada", until=until)
        await valkey.publish(sessions_channel(namespace), ended.model_dump_json())
        assert await ada.closed() == 4003
        assert (await other.ask("ping"))["ok"] == {"positions": {}}
    async with join("ada", hello=False) as late:
        assert await late.closed() == 4003
    answer = await http.get("/v1/conversations", headers={"Authorization": f"Bearer {backend.token('ada')}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_session_that_ended_before_the_gateway_began_stays_out(gateway, valkey, namespace) -> None:
    await valkey.zadd(revoked_sessions_key(namespace), {"session-ada": time.time() + 60})
    async with gateway() as join:

        async def refused() -> bool:
            async with join("ada", hello=False) as ada:
                with suppress(websockets.ConnectionClosed):
                    await ada.socket.send('{"id": 1, "op": "ping"}')
                    await ada.socket.recv()
                return ada.socket.close_code == 4003

        await eventually(refused)


async def test_positions_beyond_the_log_end_with_4010(join, conversation) -> None:
    async with join("ada", hello=False) as ada:
        await ada.socket.send(orjson.dumps({"id": 1, "op": "hello", "d": {"positions": {conversation: 9}}}).decode())
        assert await ada.closed() == 4010


async def test_a_log_from_a_backup_ends_with_4010(gateway, backend, conversation) -> None:
    async with gateway(reconcile_seconds=0.1) as join, join("ada", positions={conversation: 3}) as ada:
        backend.epoch = "e2"
        assert await ada.closed() == 4010


async def test_a_flood_ends_with_4029(gateway) -> None:
    async with gateway(socket_operations_per_second=1) as join, join("ada") as ada:
        await ada.socket.send("\n".join(f'{{"id": {n}, "op": "ping"}}' for n in range(50)))
        assert await ada.closed() == 4029


async def test_too_many_sockets_of_one_person_end_with_4029(gateway) -> None:
    async with gateway(sockets_per_user=1) as join, join("ada") as first, join("ada", hello=False) as second:
        assert await second.closed() == 4029
        assert (await first.ask("ping"))["ok"] == {"positions": {}}


async def test_a_frame_past_64_kib_ends_the_socket(join) -> None:
    async with join("ada") as ada:
        await ada.socket.send("x" * (64 * 1024 + 1))
        assert await ada.closed() == 1009


async def test_a_client_that_takes_nothing_ends_with_4008(
    gateway, backend, conversation, publish, valkey, namespace
) -> None:
    async with gateway(socket_queue_bytes=10_000) as join, join("ada", positions={conversation: 3}) as ada:
        await listened(valkey, namespace)
        for _ in range(300):
            await publish(conversation, *(backend.append(conversation, text="x" * 16_000) for _ in range(4)))
        assert await ada.closed() == 4008


async def test_a_draining_gateway_says_so_and_ends_with_4000(settings, joined_to, conversation) -> None:
    app = create(settings)
    async with serving(app) as address, joined_to(address)("ada", positions={conversation: 3}) as ada:
        draining = asyncio.create_task(app.state.drain())
        frame = await ada.next()
        assert frame["op"] == "drain"
        assert frame["d"]["retry_after_ms"] >= 0
        assert await ada.closed() == 4000
        await draining


async def test_a_client_of_other_protocols_alone_is_refused(address, backend) -> None:
    headers = {"Authorization": f"Bearer {backend.token('ada')}"}
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(
            f"ws://{address}/v1/realtime", additional_headers=headers, subprotocols=["messenger.v9"]
        )
    assert refused.value.response.status_code == 422


async def test_a_client_that_answers_no_ping_is_let_go(monkeypatch, gateway, conversation, valkey, namespace) -> None:
    monkeypatch.setitem(HOW_WE_SERVE, "ws_ping_interval", 0.1)
    monkeypatch.setitem(HOW_WE_SERVE, "ws_ping_timeout", 0.1)
    async with gateway() as join, join("ada", positions={conversation: 3}) as ada:
        await listened(valkey, namespace)
        ada.socket.transport.pause_reading()

        async def forgotten() -> bool:
            [(_, count)] = await valkey.pubsub_numsub(f"{namespace}:c:{conversation}")
            return count == 0

        await eventually(forgotten)
        ada.socket.transport.abort()


async def test_after_4008_a_client_is_brought_what_it_missed(
    gateway, backend, conversation, publish, valkey, namespace
) -> None:
    async with gateway(socket_queue_bytes=30_000) as join:
        async with join("ada", positions={conversation: 3}) as ada:
            await listened(valkey, namespace)
            for _ in range(300):
                await publish(conversation, *(backend.append(conversation, text="x" * 4_000) for _ in range(4)))
            assert await ada.closed() == 4008
        async with join("ada", positions={conversation: 1190}) as ada:
            assert await seqs(ada, 13) == list(range(1191, 1204))
