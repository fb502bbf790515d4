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


async def test_a_picture_is_gone_from_where_it_was_sent_and_from_the_bucket(
    suite, stranger, bob, clients, outsider, pictures
):
    mine, his = await clients.of(stranger), await clients.of(bob)
    sent = await pictures.upload(mine, pictures.make())
    unsent = await pictures.upload(mine, pictures.make("navy"), purpose="library")
    conversation = await mine.converse(bob.user_id)
    at = f"/v1/conversations/{conversation.id}/messages/01900000-0000-7000-8000-0000000000ae"
    await mine.request("PUT", at, json={"text": "look", "media_ids": [sent]})
    wish = {"title": "Ours", "shared": [{"user_ids": [stranger.user_id], "role": "contributor"}]}
    album = (await his.request("POST", "/v1/albums", json=wish)).json()["id"]
    await mine.request("PUT", f"/v1/albums/{album}/items/{unsent}")

    async def seen():
        try:
            return (await his.request("GET", f"/v1/media/{sent}")).json()
        except Refused:
            return None

    url = (await eventually(seen))["variants"]["thumb"]["url"]
    assert (await pictures.s3.get(url)).status_code == 200
    assert (await done(outsider, await erase(mine)))["services"]["media"] == "done"

    assert (await pictures.s3.get(url)).status_code == 404
    for media_id in (sent, unsent):
        with pytest.raises(Refused, match="not_found"):
            await his.request("GET", f"/v1/media/{media_id}")
    kept = (await his.request("GET", f"/v1/albums/{album}")).json()
    assert (kept["items"], kept["shared"]) == (0, {})
    bucket = f"{suite.resource('media', 'objects')}-{suite.state.resources['account_id']}"
    pages = suite.aws("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    assert [key for key in keys if sent in key or unsent in key] == []


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
    victims = ("auth worker", "chat worker", "notification worker", "media worker", "auth")
    killed = {victim: suite.signal(victim, signal.SIGKILL) for victim in victims}
    for victim, process in killed.items():
        await suite.healed(victim, process)
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
