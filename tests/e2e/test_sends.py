"""A message that was PUT is shown to its sender as chat shows it to everybody: the gateway answers in chat's place."""

from uuid import uuid4

import pytest


@pytest.fixture
async def conversation(ada, bob, clients):
    client = await clients.of(ada)
    return client, await client.converse(bob.user_id)


async def ask(client, method, path, **body):
    headers = {"authorization": f"Bearer {client.tokens.access_token}"}
    return await client.http.request(method, path, headers=headers, **body)


@pytest.mark.parametrize(
    "says",
    [
        lambda bob, first: {"text": "hi"},
        lambda bob, first: {"text": ' \n👩‍👩‍👧‍👦 \u2028 " \\ ', "mentions": [], "media_ids": []},
        lambda bob, first: {"text": "to you", "mentions": [bob, bob]},
        lambda bob, first: {"text": "yes", "reply_to": first.upper()},
        lambda bob, first: {"text": "more", "thread_root": first, "reply_to": first},
        lambda bob, first: {"text": "soon gone", "expires_in": 86_400},
        lambda bob, first: {"text": "nothing else", "reply_to": None, "send_at": None, "expires_in": None},
    ],
)
async def test_the_answer_to_a_put_is_the_message_that_chat_shows(conversation, bob, says) -> None:
    client, conversation = conversation
    messages = f"/v1/conversations/{conversation.id}/messages"
    first = (await ask(client, "PUT", f"{messages}/{uuid4()}", json={"text": "first"})).json()
    answer = await ask(client, "PUT", f"{messages}/{uuid4()}", json=says(bob.user_id, first["id"]))
    shown = await ask(client, "GET", f"{messages}/{answer.json()['id']}")
    assert (answer.status_code, shown.status_code) == (201, 200)
    assert answer.json() == shown.json()


async def test_the_answer_to_a_put_has_its_files_as_chat_shows_them(conversation, bob, clients, pictures) -> None:
    client, conversation = conversation
    messages = f"/v1/conversations/{conversation.id}/messages"
    says = {"media_ids": [await pictures.upload(client, pictures.make("olive"))]}
    answer = (await ask(client, "PUT", f"{messages}/{uuid4()}", json=says)).json()
    shown = (await ask(await clients.of(bob), "GET", f"{messages}/{answer['id']}")).json()
    assert answer["media"][0]["variants"].keys() == shown["media"][0]["variants"].keys() != set()
    assert without_urls(answer) == without_urls(shown)


def without_urls(message):
    """URLs are dated, and may be of two windows."""
    media = [{name: value for name, value in each.items() if name != "variants"} for each in message["media"]]
    return message | {"media": media}
