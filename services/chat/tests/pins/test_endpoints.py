"""Pins, over HTTP."""

import asyncio
from uuid import uuid4


async def said(who, c: str, text: str = "hi") -> str:
    """The path of a new message."""
    return f"/v1/conversations/{c}/messages/{(await who.send(c, uuid4(), text)).json()['id']}"


async def pin(who, path: str, method: str = "PUT"):
    return await who.request(method, f"{path}/pin")


async def pinned(who, c: str) -> list[str]:
    return [message["text"] for message in (await who.get(f"/v1/conversations/{c}/pins")).json()["items"]]


async def test_pins_are_listed_newest_first_page_by_page(talk) -> None:
    ada, bob, c = talk
    paths = [await said(ada, c, str(n)) for n in range(4)]
    for n in (2, 0, 3):
        assert (await pin(bob, paths[n])).status_code == 204
    seen, link = [], f"/v1/conversations/{c}/pins?limit=1"
    while link:
        page = await ada.get(link)
        seen += [message["text"] for message in page.json()["items"]]
        link = page.links.get("next", {}).get("url")
    assert seen == ["3", "0", "2"]


async def test_pinning_and_unpinning_again_changes_nothing(talk) -> None:
    ada, bob, c = talk
    path = await said(ada, c)
    await asyncio.gather(*(pin(who, path) for who in (ada, bob)))
    assert await pinned(ada, c) == ["hi"]
    for who in (ada, bob):
        assert (await pin(who, path, "DELETE")).status_code == 204
    assert await pinned(ada, c) == []
    events = (await ada.get(f"/v1/conversations/{c}/events", after_seq=3)).json()["items"]
    message = (await ada.get(path)).json()
    assert [(event["type"], event["data"]) for event in events] == [
        (kind, {"message_id": message["id"], "message_seq": message["seq"]}) for kind in ("pin.added", "pin.removed")
    ]


async def test_what_is_deleted_is_not_pinned_any_more(talk) -> None:
    ada, bob, c = talk
    for whose in ("everyone", "me"):
        path = await said(ada, c)
        await pin(ada, path)
        await ada.request("DELETE", path, params={"for": whose})
        assert (await pin(ada, path)).json()["code"] == "not_found"
    assert await pinned(ada, c) == []
    assert await pinned(bob, c) == ["hi"]


async def test_a_conversation_takes_a_hundred_pins_and_no_more(talk, sql) -> None:
    ada, _, c = talk
    first, *_, last = [await said(ada, c, str(n)) for n in range(101)]
    await sql("INSERT INTO pins SELECT conversation_id, seq, by, now() FROM messages ORDER BY seq LIMIT 100")
    refused = await pin(ada, last)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await pin(ada, first)).status_code == 204
    await pin(ada, first, "DELETE")
    assert (await pin(ada, last)).status_code == 204


async def test_who_is_not_there_neither_pins_nor_sees_pins(talk, people) -> None:
    ada, _, c = talk
    [eve] = await people("eve")
    path = await said(ada, c)
    for answer in (await pin(eve, path), await pin(eve, path, "DELETE"), await eve.get(f"/v1/conversations/{c}/pins")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_member")
    assert (await pin(ada, f"/v1/conversations/{c}/messages/seven")).json()["code"] == "not_found"


async def test_who_came_late_sees_no_pins_of_before(people, group_of, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    for text in ("before", "after"):
        await pin(ada, await said(ada, c, text))
    await sql("UPDATE members SET visible_from = 4 WHERE user_id = $1", bob.id)
    assert await pinned(bob, c) == ["after"]


async def test_where_a_block_stands_between_two_one_can_only_unpin(talk, sql) -> None:
    ada, bob, c = talk
    one, other = await said(ada, c), await said(ada, c)
    await pin(ada, one)
    await sql("UPDATE conversations SET closed_by = ARRAY[$1]", bob.id)
    assert (await pin(ada, other)).status_code == 403
    assert (await pin(ada, one, "DELETE")).status_code == 204
