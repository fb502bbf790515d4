"""A person who asks to be forgotten is: everywhere, also when the processes that do it die, and at once at the door."""

import signal
from datetime import UTC, datetime, timedelta

import pytest

from messengerctl.audit import audit
from messengerctl.client import Client, Listener, Refused, Session, SessionEnded
from messengerctl.security import security_log
from servicekit.testing import eventually

PATIENCE_SECONDS = 200.0
SECRET = "the aardvark flies at midnight"


@pytest.fixture
async def outsider(suite):
    """Asks as somebody who is not signed in, and asks again where that may help."""
    async with Client(suite.gateway) as client:

        async def get(path):
            return await client.request("GET", path, signed=False, attempts=10)

        yield get


async def leave_traces(client, peer):
    """Be in a group with somebody and in a direct conversation, and say things."""
    group = await client.create_group("Ours", [peer])
    direct = await client.converse(peer)
    for conversation in (group, direct):
        for number in range(3):
            await client.put_message(conversation.id, f"0190000{number}-0000-7000-8000-000000000001", SECRET)
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    at = f"/v1/conversations/{group.id}/messages/01900009-0000-7000-8000-000000000001"
    await client.request("PUT", at, json={"text": SECRET, "send_at": later})
    return group.id, direct.id


async def erase(client):
    answer = await client.request("DELETE", "/v1/auth/me")
    assert answer.status_code == 202
    return answer.json()["receipt"]


async def done(outsider, receipt):
    async def state():
        erasure = (await outsider(f"/v1/auth/erasures/{receipt}")).json()
        return erasure if erasure["state"] == "done" else None

    return await eventually(state, PATIENCE_SECONDS)


async def test_nothing_of_a_person_stays_but_tombstones(suite, stranger, bob, clients, outsider):
    mine, his = await clients.of(stranger), await clients.of(bob)
    conversations = await leave_traces(mine, bob.user_id)

    async def told():
        items = (await his.notifications()).items
        return [item for item in items if item.actor == stranger.user_id]

    await eventually(told)
    receipt = await erase(mine)
    assert set((await done(outsider, receipt))["services"].values()) == {"done"}

    assert await told() == []
    for conversation in conversations:
        events = (await his.events(conversation, 0)).items
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert SECRET not in str(events)
        assert stranger.username not in str(events)
    available = await outsider(f"/v1/auth/username-available?username={stranger.username}")
    assert available.json()["available"]
    kept = [event.type for event in security_log(suite, stranger.user_id, 100)]
    assert kept == ["auth.account.erasure_requested.v1", "auth.account.erased.v1"]
    report = await audit(suite)
    assert (report.findings, report.dead_letters) == ([], {})


async def test_the_door_closes_at_once(stranger, clients):
    client = await clients.of(stranger)
    async with Session(client, Listener()) as session:
        await session.live()
        await erase(client)

        async def ended():
            try:
                await session.live()
            except SessionEnded:
                return True
            return False

        await eventually(ended)
    with pytest.raises((Refused, SessionEnded)):
        await client.conversations().__anext__()
    with pytest.raises(Refused, match="wrong"):
        await client.sign_in(stranger.username, stranger.password)


async def test_workers_that_die_in_the_middle_lose_nothing(suite, stranger, bob, clients, outsider):
    mine, his = await clients.of(stranger), await clients.of(bob)
    conversations = await leave_traces(mine, bob.user_id)
    receipt = await erase(mine)
    for victim in ("auth worker", "chat worker", "notification worker", "auth"):
        await suite.healed(victim, suite.signal(victim, signal.SIGKILL))
    erasure = await done(outsider, receipt)
    assert erasure["completed_at"]
    for conversation in conversations:
        assert SECRET not in str((await his.events(conversation, 0)).items)


async def test_while_a_service_is_away_the_receipt_says_so(suite, stranger, clients, outsider):
    client = await clients.of(stranger)
    suite.signal("notification", signal.SIGSTOP)
    try:
        receipt = await erase(client)

        async def waiting():
            erasure = (await outsider(f"/v1/auth/erasures/{receipt}")).json()
            return erasure["services"]["notification"] == "no_answer" and erasure["state"] == "running"

        await eventually(waiting, PATIENCE_SECONDS)
    finally:
        suite.signal("notification", signal.SIGCONT)
    await done(outsider, receipt)


async def test_a_receipt_that_is_none_is_not_found(outsider):
    with pytest.raises(Refused) as refused:
        await outsider("/v1/auth/erasures/v4.public.AAAA")
    assert refused.value.status == 404
