"""PUTs of messages: they go with the sockets' commands, and look as if chat's own route had answered."""

from uuid import uuid4

import pytest

C = "11111111-1111-4111-8111-111111111111"
CREATED_AT = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def put(http, backend):
    backend.members[C].add("user-ada")

    async def put(body, *, conversation: str = C, message: str | None = None, name: str = "ada"):
        headers = {"Authorization": f"Bearer {backend.token(name)}"}
        return await http.put(
            f"/v1/conversations/{conversation}/messages/{message or uuid4()}", json=body, headers=headers
        )

    return put


async def test_a_plain_send_is_a_command_and_answers_with_the_message(put, backend) -> None:
    message = str(uuid4())
    answer = await put({"text": "hi"}, message=message.upper())
    assert (answer.status_code, backend.calls) == (201, ["commands:1"])
    assert answer.headers["ratelimit-policy"] == '"user";q=1200;w=60'
    assert answer.headers["etag"] == '"1767225600000"'
    assert answer.json() == {
        "id": "m",
        "conversation_id": C,
        "client_id": message,
        "seq": 1,
        "msg_no": 1,
        "by": "user-ada",
        "text": "hi",
        "media": [],
        "reply_to": None,
        "thread_root": None,
        "thread_count": 0,
        "mentions": [],
        "reactions": {},
        "previews": [],
        "created_at": CREATED_AT,
        "edited_at": None,
        "deleted_at": None,
        "expires_at": None,
    }


async def test_a_send_says_all_that_its_body_says(put, backend) -> None:
    body = {
        "text": "hi",
        "mentions": ["b", "b"],
        "reply_to": str(uuid4()),
        "media_ids": [str(uuid4())],
        "expires_in": 60,
    }
    answer = (await put(body)).json()
    assert backend.sends[0].body.model_dump(mode="json", exclude_unset=True) == body
    assert (answer["mentions"], answer["reply_to"]) == (["b"], body["reply_to"])
    assert (answer["media"][0]["id"], answer["media"][0]["status"]) == (body["media_ids"][0], "ready")
    assert answer["expires_at"] == "2026-01-01T00:01:00.000Z"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": 7},
        {"text": "hi", "colour": "red"},
        ["hi"],
        {"text": "x", "send_at": "2030-01-01T00:00:00Z"},
    ],
)
async def test_what_is_wrong_or_waits_is_left_to_chat_s_own_route(put, backend, body) -> None:
    answer = await put(body)
    assert (answer.status_code, answer.json()["method"], backend.calls) == (202, "PUT", [])


async def test_an_id_that_is_none_is_left_to_chat_s_own_route(put, backend) -> None:
    assert (await put({"text": "hi"}, message="7")).status_code == 202
    assert (await put({"text": "hi"}, conversation="c1")).status_code == 202
    assert backend.calls == []


async def test_who_is_not_there_is_refused_as_chat_refuses(put) -> None:
    answer = await put({"text": "hi"}, name="eve")
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (problem["code"], problem["detail"]) == ("not_member", "You are not there.")
    assert problem["instance"] == answer.request.url.path
    assert problem["trace_id"] == answer.headers["x-trace-id"]
    assert "ratelimit" in answer.headers


async def test_another_body_under_the_same_id_is_refused(put) -> None:
    message = str(uuid4())
    await put({"text": "hi"}, message=message)
    answer = await put({"text": "ho"}, message=message)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")


async def test_a_replay_is_answered_with_the_message_as_it_is(put) -> None:
    message = str(uuid4())
    await put({"text": "hi"}, message=message)
    again = await put({"text": "hi"}, message=message)
    assert again.status_code == 200
    assert (again.json()["method"], again.json()["path"]) == ("GET", f"/v1/conversations/{C}/messages/m")


async def test_without_credentials_nothing_is_sent(http, backend) -> None:
    answer = await http.put(f"/v1/conversations/{C}/messages/{uuid4()}", json={"text": "hi"})
    assert (answer.status_code, answer.json()["code"], backend.calls) == (401, "unauthenticated", [])


async def test_what_is_no_json_is_refused_at_the_edge(http, backend) -> None:
    headers = {"Authorization": f"Bearer {backend.token('ada')}", "Content-Type": "text/plain"}
    answer = await http.put(f"/v1/conversations/{C}/messages/{uuid4()}", content="hi", headers=headers)
    assert (answer.status_code, answer.json()["code"], backend.calls) == (415, "unsupported_media", [])
