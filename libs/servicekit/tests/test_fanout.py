"""Publications reach a channel in order; without Valkey nothing fails."""

import logging

import pytest

from messenger_contracts.realtime import Fanout
from servicekit.fanout import FanoutPublisher
from servicekit.testing import eventually
from servicekit.valkey import create_valkey


@pytest.fixture
async def valkey(valkey_url):
    client = create_valkey(valkey_url)
    yield client
    await client.aclose()


async def test_publications_arrive_in_order(valkey, namespace):
    async with valkey.pubsub() as pubsub:

        async def receive(kind):
            message = await pubsub.get_message(timeout=1.0)
            return message if message and message["type"] == kind else None

        await pubsub.subscribe(namespace)
        await eventually(lambda: receive("subscribe"))
        await FanoutPublisher(valkey).publish([(namespace, Fanout(joined=[str(number)])) for number in range(5)])
        found = [Fanout.model_validate_json((await eventually(lambda: receive("message")))["data"]) for _ in range(5)]
    assert [one.joined for one in found] == [["0"], ["1"], ["2"], ["3"], ["4"]]


async def test_without_valkey_a_publication_is_a_logged_failure_and_no_more(caplog):
    absent = create_valkey("redis://127.0.0.1:1/0")
    with caplog.at_level(logging.ERROR, "fanout"):
        await FanoutPublisher(absent).publish([("channel", Fanout())])
    assert [record.name for record in caplog.records] == ["fanout"]
    await absent.aclose()
