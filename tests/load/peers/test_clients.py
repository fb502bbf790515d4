"""The peers' clients read what comes over the wire, however it is cut, and do not count what does not count."""

import asyncio
from typing import Any

import pytest

from ..wire import Gateway, Http, Lost
from .matrix_loads import arrived as events_of
from .xmpp import arrived
from .xmpp_loads import Saturation

FIRST = (
    b"<message xml:lang='en' to='b@localhost/1' from='a@localhost/2' type='chat' id='4-17'>"
    b"<archived by='b@localhost' id='999' xmlns='urn:xmpp:mam:tmp'/><body>the text</body></message>"
)
SECOND = FIRST.replace(b"4-17", b"4-18")
PRESENCE = b"<presence to='b@localhost/1' id='p1' from='b@localhost/1'/>"


def test_a_message_is_known_by_its_own_id() -> None:
    buffer = bytearray(FIRST + PRESENCE + SECOND)

    assert arrived(buffer) == ["4-17", "4-18"]
    assert not buffer


@pytest.mark.parametrize("cut", range(1, len(FIRST), 13))
def test_a_message_that_is_cut_is_read_once_and_whole(cut: int) -> None:
    buffer = bytearray(FIRST[:cut])
    before = arrived(buffer)
    buffer += FIRST[cut:] + SECOND[:20]

    assert (before, arrived(buffer), bytes(buffer)) == ([], ["4-17"], SECOND[:20])


@pytest.mark.parametrize(
    "refusal",
    [
        b"<message from='b@localhost' type='error' id='4-17'><error code='503'/></message>",
        b"<stream:error><policy-violation/></stream:error>",
        b"</stream:stream>",
    ],
    ids=["bounced", "thrown out", "closed"],
)
def test_a_refusal_ends_the_run(refusal: bytes) -> None:
    with pytest.raises(Lost):
        arrived(bytearray(FIRST + refusal))


@pytest.mark.parametrize(("person", "number"), [(1, "0-2"), (0, "0-1")], ids=["out of order", "for somebody else"])
async def test_a_message_out_of_place_ends_the_run(person: int, number: str) -> None:
    load = Saturation(0, ("a", "b"), "", (), 1)
    await load.start()
    load.pairs, load._came = ((0, 1),), [0]

    with pytest.raises(Lost):
        load._arrive(person, number)


def answer(*, limited: bool) -> dict[str, Any]:
    timeline = {"limited": limited, "events": [{"event_id": "$1"}, {"event_id": "$2"}]}
    return {"next_batch": "s2", "rooms": {"join": {"!mine": {"timeline": timeline}}}}


def test_a_poll_tells_the_events_of_its_readers_rooms() -> None:
    assert events_of(answer(limited=False), {"!mine"}) == ["$1", "$2"]
    assert events_of(answer(limited=False), {"!other"}) == []
    assert events_of({"next_batch": "s1"}, {"!mine"}) == []


def test_a_poll_that_left_events_out_ends_the_run() -> None:
    with pytest.raises(Lost):
        events_of(answer(limited=True), {"!mine"})


@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 8\r\n\r\n[1,2, 3]", b"Transfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n5\r\n2, 3]\r\n0\r\n\r\n"],
    ids=["by length", "in chunks"],
)
async def test_an_answer_is_read_to_its_end_and_no_further(body: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n" + body)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        http = await Http.open(Gateway(*server.sockets[0].getsockname()))
        assert [await http.ask("GET", "/") for _ in range(2)] == [[1, 2, 3]] * 2
        http.close()
