"""Every way in which a socket ends, and with which code."""

import asyncio
import time
from contextlib import suppress

import orjson
import websockets

from gateway_service.main import create
from messenger_contracts.realtime import SessionEnded, revoked_sessions_key, sessions_channel
from servicekit.server import HOW_WE_SERVE
from servicekit.testing import eventually, serving


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


async def test_a_client_that_takes_nothing_ends_with_4008(gateway, backend, conversation, publish, followed) -> None:
    async with gateway(socket_queue_bytes=10_000) as join, join("ada", positions={conversation: 3}) as ada:
        await followed()
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


async def test_a_client_that_answers_no_ping_is_let_go(monkeypatch, gateway, conversation, followed) -> None:
    monkeypatch.setitem(HOW_WE_SERVE, "ws_ping_interval", 0.1)
    monkeypatch.setitem(HOW_WE_SERVE, "ws_ping_timeout", 0.1)
    async with gateway() as join, join("ada", positions={conversation: 3}) as ada:
        await followed()
        ada.socket.transport.pause_reading()

        await followed(yes=False)
        ada.socket.transport.abort()


async def test_after_4008_a_client_is_brought_what_it_missed(gateway, backend, conversation, publish, followed) -> None:
    async with gateway(socket_queue_bytes=30_000) as join:
        async with join("ada", positions={conversation: 3}) as ada:
            await followed()
            for _ in range(300):
                await publish(conversation, *(backend.append(conversation, text="x" * 4_000) for _ in range(4)))
            assert await ada.closed() == 4008
        async with join("ada", positions={conversation: 1190}) as ada:
            assert [(await ada.event())["seq"] for _ in range(13)] == list(range(1191, 1204))
