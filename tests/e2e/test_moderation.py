"""A report, from the message to the moderator, who is one by a group of the user pool."""

from uuid import uuid4

import pytest

from messengerctl.client import Refused


@pytest.fixture
async def report(ada, bob, clients):
    """Ada's report of something that bob said."""
    reporter, author = await clients.of(ada), await clients.of(bob)
    conversation = await author.converse(ada.user_id)
    message = await author.put_message(conversation.id, str(uuid4()), "something foul")
    path = f"/v1/conversations/{conversation.id}/messages/{message.id}/report"
    return (await reporter.request("POST", path, json={"reason": "harassment"})).json()


async def test_people_do_not_see_reports(report, ada, clients):
    client = await clients.of(ada)
    with pytest.raises(Refused) as refused:
        await client.request("GET", f"/v1/moderation/reports/{report['id']}")
    assert refused.value.code == "forbidden"


async def test_who_becomes_a_moderator_decides_with_the_next_token(report, stranger, ada, suite, clients):
    client = await clients.of(stranger)
    suite.make_moderator(stranger.username)
    await client.refresh()
    queue = (await client.request("GET", "/v1/moderation/reports?limit=200")).json()
    assert report["id"] in [each["id"] for each in queue["items"]]
    decision = {"status": "resolved", "delete_message": True}
    closed = (await client.request("PATCH", f"/v1/moderation/reports/{report['id']}", json=decision)).json()
    assert (closed["status"], closed["closed_by"]) == ("resolved", stranger.user_id)
    reader = await clients.of(ada)
    path = f"/v1/conversations/{report['conversation_id']}/messages/{report['message_id']}"
    assert (await reader.request("GET", path)).json()["text"] is None
