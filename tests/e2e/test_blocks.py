"""A block, from the topic to the next send. As long as no service keeps blocks, the test speaks for it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from messengerctl.client import Refused
from servicekit.testing import REGION, eventually


@pytest.fixture
def tell(suite):
    """Publish that one person blocks another, or does so no longer."""
    topic = f"arn:aws:sns:{REGION}:{suite.state.resources['account_id']}:{suite.resource('social-graph', 'events')}"

    def publish(kind, person, other, version):
        event = Event[kind](
            id=str(uuid4()),
            source="social-graph",
            type=kind.TYPE,
            time=datetime.now(UTC),
            subject=person.user_id,
            dataschema=schema_uri(kind.TYPE),
            data=kind(user_id=person.user_id, blocked_id=other.user_id, version=version),
        )
        attributes = {"type": {"DataType": "String", "StringValue": kind.TYPE}}
        suite.aws("sns").publish(TopicArn=topic, Message=event.model_dump_json(), MessageAttributes=attributes)

    return publish


async def refusal(client, conversation_id):
    try:
        await client.put_message(conversation_id, str(uuid4()), "hello")
    except Refused as error:
        return error.code, error.detail
    return None


async def test_a_block_closes_a_conversation_to_both_and_its_end_opens_it(stranger, ada, clients, tell):
    mine, theirs = await clients.of(stranger), await clients.of(ada)
    conversation = await mine.converse(ada.user_id)
    await mine.put_message(conversation.id, str(uuid4()), "hello")

    tell(UserBlocked, ada, stranger, 1)
    assert await eventually(lambda: refusal(mine, conversation.id)) == (
        "forbidden",
        "This person does not accept messages.",
    )
    assert await refusal(theirs, conversation.id) == ("forbidden", "You have blocked this person.")

    tell(UserUnblocked, ada, stranger, 2)

    async def opened():
        return await refusal(mine, conversation.id) is None

    assert await eventually(opened)
    assert await refusal(theirs, conversation.id) is None
