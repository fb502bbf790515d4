"""A person gets a copy of everything, also when the worker dies while it is made."""

import io
import json
import signal
import zipfile

import httpx
import pytest

from messengerctl.client import Refused
from servicekit.testing import eventually

PATIENCE_SECONDS = 150.0


async def ready(client, job):
    """Wait for the archive, and give its description."""

    async def state():
        export = (await client.request("GET", f"/v1/auth/me/export/{job}", attempts=5)).json()
        return export if export["state"] != "running" else None

    export = await eventually(state, PATIENCE_SECONDS)
    assert export["state"] == "ready"
    return export


async def archive_of(export):
    """The archive, by its link."""
    async with httpx.AsyncClient(trust_env=False) as http:
        content = (await http.get(export["url"])).raise_for_status().content
    assert len(content) == export["size"]
    return zipfile.ZipFile(io.BytesIO(content))


async def files_of(export):
    """What the archive holds: lines by file."""
    archive = await archive_of(export)
    return {name: [json.loads(line) for line in archive.read(name).splitlines()] for name in archive.namelist()}


async def ask(client):
    answer = await client.request("POST", "/v1/auth/me/export")
    assert answer.status_code == 202
    return answer.json()["job"]


async def test_the_copy_has_what_every_service_keeps(stranger, bob, clients):
    mine, his = await clients.of(stranger), await clients.of(bob)
    conversation = await mine.converse(bob.user_id)
    for number in range(3):
        await mine.put_message(conversation.id, f"0190000{number}-0000-7000-8000-000000000002", f"mine {number}")
    await his.put_message(conversation.id, "01900000-0000-7000-8000-000000000003", "only his")

    async def told():
        return (await mine.notifications()).items

    await eventually(told)
    files = await files_of(await ready(mine, await ask(mine)))
    (account,) = files["auth/account.jsonl"]
    assert (account["id"], account["email"]) == (stranger.user_id, stranger.email)
    assert [message["text"] for message in files["chat/messages.jsonl"]] == [f"mine {number}" for number in range(3)]
    assert [each["id"] for each in files["chat/conversations.jsonl"]] == [conversation.id]
    assert {each["body"] for each in files["notification/notifications.jsonl"]} == {"only his"}
    assert "auth.session.started.v1" in {each["type"] for each in files["auth/security_events.jsonl"]}


async def test_the_copy_has_the_pictures_as_they_were_uploaded(stranger, bob, clients, pictures):
    mine, his = await clients.of(stranger), await clients.of(bob)
    content = pictures.make()
    media_id = await pictures.upload(mine, content, filename="The sea.png")
    conversation = await mine.converse(bob.user_id)
    at = f"/v1/conversations/{conversation.id}/messages/01900000-0000-7000-8000-0000000000af"
    await mine.request("PUT", at, json={"text": "look", "media_ids": [media_id]})
    await his.request("POST", "/v1/albums", json={"title": "His alone"})
    await mine.request("POST", "/v1/albums", json={"title": "Mine"})

    archive = await archive_of(await ready(mine, await ask(mine)))

    (told,) = [json.loads(line) for line in archive.read("media/files.jsonl").splitlines()]
    assert (told["id"], told["filename"]) == (media_id, "The sea.png")
    assert archive.read(f"media/{told['file']}") == content
    (album,) = [json.loads(line) for line in archive.read("media/albums.jsonl").splitlines()]
    assert album["title"] == "Mine"
    (usage,) = [json.loads(line) for line in archive.read("media/usage.jsonl").splitlines()]
    assert usage["used"] == len(content)


async def test_a_worker_that_dies_in_the_middle_is_succeeded(suite, stranger, clients):
    client = await clients.of(stranger)
    suite.signal("chat", signal.SIGSTOP)  # so that the worker is in the middle of it
    try:
        job = await ask(client)
        killed = suite.signal("auth worker", signal.SIGKILL)
    finally:
        suite.signal("chat", signal.SIGCONT)
    await suite.healed("auth worker", killed)
    assert (await ready(client, job))["url"]


async def test_somebody_elses_copy_is_not_found(stranger, bob, clients):
    job = await ask(await clients.of(stranger))
    other = await clients.of(bob)
    with pytest.raises(Refused) as refused:
        await other.request("GET", f"/v1/auth/me/export/{job}")
    assert refused.value.status == 404
