"""Messages that answer below another."""


def path_of(message: dict) -> str:
    return f"/v1/conversations/{message['conversation_id']}/messages/{message['id']}"


async def test_a_thread_is_read_oldest_first_page_by_page(talk) -> None:
    ada, bob, c = talk
    root = await ada.say(c, "root")
    for n in range(3):
        await bob.say(c, f"answer {n}", thread_root=root["id"])
        await ada.say(c, f"beside {n}")
    seen, link = [], f"{path_of(root)}/thread?limit=2"
    while link:
        page = await ada.get(link)
        seen += [message["text"] for message in page.json()["items"]]
        link = page.links.get("next", {}).get("url")
    assert seen == ["answer 0", "answer 1", "answer 2"]
    assert (await ada.get(path_of(root))).json()["thread_count"] == 3


async def test_a_thread_outlives_the_message_at_which_it_began(talk) -> None:
    ada, bob, c = talk
    root = await ada.say(c, "root")
    await bob.say(c, "answer", thread_root=root["id"])
    await ada.request("DELETE", path_of(root))
    thread = (await ada.get(f"{path_of(root)}/thread")).json()["items"]
    assert [message["text"] for message in thread] == ["answer"]


async def test_an_answer_that_was_deleted_no_longer_counts(talk) -> None:
    ada, bob, c = talk
    root = await ada.say(c, "root")
    answer = await bob.say(c, "answer", thread_root=root["id"])
    await bob.request("DELETE", path_of(answer))
    assert (await ada.get(path_of(root))).json()["thread_count"] == 0


async def test_what_one_may_not_see_has_no_thread(talk, people) -> None:
    ada, bob, c = talk
    [eve] = await people("eve")
    root = await ada.say(c, "root")
    await bob.request("DELETE", path_of(root), params={"for": "me"})
    assert (await bob.get(f"{path_of(root)}/thread")).json()["code"] == "not_found"
    assert (await eve.get(f"{path_of(root)}/thread")).json()["code"] == "not_member"


async def test_a_cursor_of_another_thread_is_refused(talk) -> None:
    ada, bob, c = talk
    roots = [await ada.say(c, "root") for _ in range(2)]
    for _ in range(2):
        await bob.say(c, "answer", thread_root=roots[0]["id"])
    cursor = (await ada.get(f"{path_of(roots[0])}/thread", limit=1)).json()["next"]
    assert (await ada.get(f"{path_of(roots[1])}/thread", cursor=cursor)).status_code == 422
