"""A session outlives its sockets: what was lost is fetched, what was not acknowledged is sent again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from messengerctl.client import Event, Listener, Refused, Session, SessionEnded, State
from servicekit.testing import eventually

C = "conversation"


class Ear(Listener):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.pushes: list[str] = []
        self.restarts = 0
        self.states: list[State] = []

    def event(self, event: Event) -> None:
        self.seqs.append(event.seq)

    def push(self, op: str, d: dict[str, Any]) -> None:
        self.pushes.append(op)

    def restarted(self, conversation_id: str) -> None:
        self.restarts += 1
        self.seqs.clear()

    def state(self, state: State, why: str) -> None:
        self.states.append(state)

    async def heard(self, *seqs: int) -> None:
        """Wait until exactly these have been told."""

        async def all_of_them() -> bool:
            return self.seqs == list(seqs)

        await eventually(all_of_them)


@asynccontextmanager
async def live(gateway, position: int = 0) -> AsyncIterator[tuple[Session, Ear]]:
    """Somebody who is connected."""
    ear = Ear()
    async with gateway.running() as client, Session(client, ear, {C: position}, patience=0.2) as session:
        await session.live()
        yield session, ear


async def connected_again(session: Session) -> None:
    async def twice() -> bool:
        return session.sockets == 2 and session.state is State.LIVE

    await eventually(twice)


async def test_a_lost_push_is_noticed_at_the_next_one_and_fetched(gateway):
    async with live(gateway) as (session, ear):
        gateway.append("lost"), gateway.append("lost, too"), gateway.append("and this")
        await gateway.push(gateway.append("heard"))
        await ear.heard(1, 2, 3, 4)
        assert session.filled


async def test_a_lost_push_that_nothing_follows_is_noticed_at_the_next_ping(gateway):
    gateway.ping_seconds = 0.05
    async with live(gateway) as (_, ear):
        gateway.append("lost")
        await ear.heard(1)


async def test_a_repeated_push_is_told_once(gateway):
    async with live(gateway) as (session, ear):
        event = gateway.append("once")
        await gateway.push(event, event)
        await gateway.push(event, gateway.append("then"))
        await ear.heard(1, 2)
        assert session.repeated == 2


async def test_it_resumes_where_it_stood(gateway):
    gateway.append("before")
    async with live(gateway) as (session, ear):
        await ear.heard(1)
        gateway.cut()
        gateway.append("meanwhile")
        await connected_again(session)
        await ear.heard(1, 2)
        assert gateway.hellos == [{C: 0}, {C: 1}]


async def test_when_too_much_was_missed_to_resume_it_is_fetched(gateway):
    gateway.resumed = False
    for number in range(5):
        gateway.append(str(number))
    async with live(gateway, position=1) as (_, ear):
        await ear.heard(2, 3, 4, 5)


async def test_a_restored_log_is_told_again_from_its_start(gateway):
    async with live(gateway) as (_, ear):
        await gateway.push(gateway.append("of the first log"))
        await ear.heard(1)
        gateway.log.clear()
        gateway.epoch = "second"
        gateway.append("restored")
        await gateway.push(gateway.append("after it"))
        await ear.heard(1, 2)
        assert ear.restarts == 1


async def test_positions_that_the_log_does_not_reach_are_given_up(gateway):
    gateway.append("restored")
    gateway.close_at_hello = [4010]
    async with live(gateway, position=9) as (_, ear):
        await ear.heard(1)
        assert ear.restarts == 1


async def test_a_send_whose_acknowledgement_was_lost_is_repeated_under_the_same_id(gateway):
    gateway.swallow_acknowledgements = 1
    async with live(gateway) as (session, _):
        sent = await session.send(C, "hello")
        assert (sent.seq, len(gateway.log), session.retries) == (1, 1, 1)


async def test_a_send_that_is_refused_for_now_is_repeated(gateway):
    gateway.refusals = [{"code": "dependency_unavailable", "retryable": True, "detail": "later"}]
    async with live(gateway) as (session, _):
        assert (await session.send(C, "hello")).seq == 1


async def test_a_send_that_is_refused_for_good_raises(gateway):
    gateway.refusals = [{"code": "not_member", "retryable": False, "detail": "no"}]
    async with live(gateway) as (session, _):
        with pytest.raises(Refused, match="not_member"):
            await session.send(C, "hello")


async def test_sends_keep_the_order_of_the_calls(gateway):
    gateway.refusals = [{"code": "dependency_unavailable", "retryable": True, "detail": "later"}]
    async with live(gateway) as (session, _):
        sent = await asyncio.gather(*(session.send(C, str(number)) for number in range(20)))
        assert [one.seq for one in sent] == list(range(1, 21))


async def test_without_a_socket_a_send_goes_by_put(gateway):
    gateway.close_at_hello = [1011] * 1000
    async with gateway.running() as client, Session(client, Ear(), patience=0.01) as session:
        assert (await session.send(C, "hello")).seq == 1
        assert gateway.puts == 1


async def test_expired_credentials_are_refreshed(gateway):
    async with live(gateway) as (session, _):
        await gateway.close(4001)
        await connected_again(session)
        assert gateway.upgrades == ["Bearer access-0", "Bearer access-1"]


async def test_expired_credentials_are_refreshed_when_the_socket_says_so_at_once(gateway):
    gateway.close_at_hello = [4001]
    async with live(gateway):
        assert gateway.upgrades == ["Bearer access-0", "Bearer access-1"]


async def test_a_revoked_session_stops(gateway):
    async with live(gateway) as (session, ear):
        await gateway.close(4003)
        with pytest.raises(SessionEnded):
            await session.send(C, "hello")
        assert ear.states[-1] is State.ENDED
        assert len(gateway.upgrades) == 1


async def test_a_drained_socket_is_opened_again_when_the_gateway_said(gateway):
    async with live(gateway) as (session, _):
        began = asyncio.get_running_loop().time()
        await gateway.drain(300)
        await connected_again(session)
        assert asyncio.get_running_loop().time() - began >= 0.3


async def test_other_pushes_are_passed_on(gateway):
    async with live(gateway) as (session, ear):
        session._push("typing", {"c": C})
        assert ear.pushes == ["typing"]
