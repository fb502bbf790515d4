"""Publications reach a channel in order; without Valkey nothing fails."""

import logging

import orjson
import pytest

from messenger_contracts.realtime import Fanout
from servicekit.fanout import FanoutPublisher, Published, live, publication, read_publication
from servicekit.testing import eventually


async def test_publications_arrive_in_order(valkey, namespace):
    async with valkey.pubsub() as pubsub:

        async def receive(kind):
            message = await pubsub.get_message(timeout=1.0)
            return message if message and message["type"] == kind else None

        await pubsub.subscribe(namespace)
        await eventually(lambda: receive("subscribe"))
        await FanoutPublisher(valkey).publish([(namespace, Fanout(joined={str(number): 1})) for number in range(5)])
        found = [Fanout.model_validate_json((await eventually(lambda: receive("message")))["data"]) for _ in range(5)]
    assert [one.joined for one in found] == [{str(number): 1} for number in range(5)]


async def test_without_valkey_a_publication_is_a_logged_failure_and_no_more(absent_valkey, caplog):
    with caplog.at_level(logging.ERROR, "fanout"):
        await FanoutPublisher(absent_valkey).publish([("channel", Fanout())])
    assert [record.name for record in caplog.records] == ["fanout"]


EVENT = {"c": "c1", "epoch": "e", "seq": 7, "type": "message.created", "at": "-", "by": "ada", "data": {"text": "a\nb"}}
SKIP = {"c": "c1", "epoch": "e", "seq": 8, "to": 9, "type": "skip"}


def test_a_publication_carries_frames_as_they_were_written():
    events = [live(EVENT, author="ada", target=7), live(SKIP), live({**EVENT, "seq": 10}, audience="bob")]
    push = {"op": "typing", "d": {"c": "c1"}}
    published = read_publication(publication(events, [push]))
    assert published.events == events
    assert (published.pushes, published.joined) == ([push], {})
    assert [orjson.loads(event.frame) for event in published.events[:2]] == [
        {"op": "event", "d": EVENT},
        {"op": "event", "d": SKIP},
    ]
    assert [(event.seq, event.end, event.audience) for event in events] == [(7, 7, None), (8, 9, None), (10, 10, "bob")]


def test_a_publication_tells_who_sees_an_event_otherwise():
    readers = {"hidden": [], "given": {"ada": ["👍"]}, "unseen": {}}
    events = [live(EVENT), live({**EVENT, "seq": 8}, readers=readers)]
    assert read_publication(publication(events)).events == events


def test_what_is_told_to_a_person_is_read_as_a_publication():
    told = Fanout(joined={"c1": 7}, left=["c2"], pushes=[{"op": "read", "d": {}}]).model_dump_json().encode()
    assert read_publication(told) == Published([], [{"op": "read", "d": {}}], {"c1": 7}, ["c2"], None)


def test_a_publication_that_lacks_a_frame_is_none():
    with pytest.raises(ValueError, match="shorter"):
        read_publication(publication([live(EVENT)]).partition(b"\n")[0])
