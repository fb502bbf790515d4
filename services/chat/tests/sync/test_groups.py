"""Sync when people come and go, and when they block each other."""

from uuid import uuid4


async def sync(who, since: str | None = None, **params) -> dict:
    answer = await who.get("/v1/sync", **({"since": since} if since else {}), **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def member(actor, method: str, conversation: str, who):
    answer = await actor.request(method, f"/v1/conversations/{conversation}/members/{who.id}")
    assert answer.status_code < 300, answer.text


def places(synced: dict) -> list[tuple[str, int]]:
    return [(event["type"], event["seq"]) for event in synced["events"]]


async def test_a_group_that_one_was_removed_from_is_named_once(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    since = (await sync(bob))["next"]
    await member(ada, "DELETE", c, bob)
    await ada.send(c, uuid4())
    left = await sync(bob, since)
    assert (left["left"], left["conversations"]) == ([c], {})
    await ada.send(c, uuid4())
    assert (await sync(bob, left["next"]))["left"] == []
    assert (await sync(bob))["conversations"] == {}


async def test_a_group_that_was_deleted_is_left_by_all(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    of_ada, of_bob = (await sync(ada))["next"], (await sync(bob))["next"]
    assert (await ada.request("DELETE", f"/v1/conversations/{c}")).status_code == 204
    assert [(await sync(who, since))["left"] for who, since in ((ada, of_ada), (bob, of_bob))] == [[c], [c]]


async def test_who_joins_late_gets_what_follows_the_joining(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada)
    for n in range(3):
        await ada.send(c, uuid4(), str(n))
    since = (await sync(bob))["next"]
    await member(ada, "PUT", c, bob)
    await ada.send(c, uuid4(), "welcome")
    synced = (await sync(bob, since))["conversations"][c]
    assert places(synced) == [("skip", 1), ("member.joined", 5), ("message.created", 6)]
    assert (synced["prev_seq"], synced["limited"], synced["visible_from"], synced["unread"]) == (0, False, 5, 1)


async def test_who_joins_a_group_with_shared_history_is_told_of_the_gap(people, group_of, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada)
    await sql("UPDATE conversations SET history = 'shared'")
    for n in range(5):
        await ada.send(c, uuid4(), str(n))
    since = (await sync(bob))["next"]
    await member(ada, "PUT", c, bob)
    synced = (await sync(bob, since, limit=3))["conversations"][c]
    assert (synced["reset"], synced["limited"], synced["prev_seq"]) == (True, True, 4)
    assert places(synced) == [("message.created", 5), ("message.created", 6), ("member.joined", 7)]


async def test_who_comes_back_starts_the_conversation_anew(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    await ada.send(c, uuid4(), "early")
    since = (await sync(bob))["next"]
    await member(ada, "DELETE", c, bob)
    await ada.send(c, uuid4(), "meanwhile")
    await member(ada, "PUT", c, bob)
    synced = await sync(bob, since)
    assert synced["left"] == []
    again = synced["conversations"][c]
    assert (again["reset"], again["visible_from"], places(again)) == (True, 6, [("skip", 1), ("member.joined", 6)])


async def test_a_block_begins_the_groups_of_both_anew_for_the_blocker(people, group_of, blocks) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    with_bob, without = await group_of(ada, bob, cleo), await group_of(ada, cleo)
    await bob.send(with_bob, uuid4())
    since = {who.id: (await sync(who))["next"] for who in (ada, bob, cleo)}
    await blocks.block(ada, bob)
    synced = await sync(ada, since[ada.id])
    assert list(synced["conversations"]) == [with_bob]
    assert without not in synced["conversations"]
    again = synced["conversations"][with_bob]
    assert (again["reset"], again["unread"], places(again)[-1]) == (True, 0, ("skip", 4))
    for other in (bob, cleo):
        assert (await sync(other, since[other.id]))["conversations"] == {}
    await blocks.unblock(ada, bob)
    shown = (await sync(ada, synced["next"]))["conversations"][with_bob]
    assert (shown["reset"], places(shown)[-1]) == (True, ("message.created", 4))


async def test_a_conversation_that_one_cleared_is_not_there_on_a_new_device(talk) -> None:
    ada, bob, c = talk
    await bob.send(c, uuid4(), "old")
    since = (await sync(ada))["next"]
    assert (await ada.request("DELETE", f"/v1/conversations/{c}")).status_code == 204
    assert (await sync(ada))["conversations"] == {}
    [event] = (await sync(ada, since))["conversations"][c]["events"]
    assert (event["type"], event["data"]["cleared"]) == ("conversation.updated", True)
    await bob.send(c, uuid4(), "new")
    anew = (await sync(ada))["conversations"][c]
    assert (places(anew)[-1], anew["unread"]) == (("message.created", 5), 1)


async def test_what_a_blocked_person_adds_to_others_messages_is_not_shown_at_all(people, group_of, blocks) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    c = await group_of(ada, bob, cleo)
    message = (await cleo.send(c, uuid4())).json()
    path = f"/v1/conversations/{c}/messages/{message['id']}"
    await blocks.block(ada, bob)
    assert (await bob.request("PUT", f"{path}/reactions/yes")).status_code == 204
    assert (await ada.get(path)).json()["reactions"] == {}
    assert (await bob.get(path)).json()["reactions"] == {"yes": {"count": 1, "mine": True}}
    await cleo.request("PUT", f"{path}/reactions/yes")
    [*_, event] = (await ada.get(f"/v1/conversations/{c}/events")).json()["items"]
    assert (event["type"], event["data"]["count"]) == ("reaction.added", 1)


async def test_what_a_blocked_admin_does_with_others_messages_is_told(people, group_of, blocks, sql) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    c = await group_of(ada, bob, cleo)
    await sql("UPDATE members SET role = 'admin' WHERE user_id = $1", bob.id)
    messages = [(await cleo.send(c, uuid4())).json()["id"] for _ in range(2)]
    await blocks.block(ada, bob)
    since = (await sync(ada))["next"]
    path = f"/v1/conversations/{c}/messages"
    assert (await bob.request("PUT", f"{path}/{messages[0]}/pin")).status_code < 300
    assert (await bob.request("DELETE", f"{path}/{messages[1]}")).status_code == 204
    synced = (await sync(ada, since))["conversations"][c]
    assert [kind for kind, _ in places(synced)] == ["pin.added", "message.deleted"]
