"""Whatever stands in a path, the answer says what is wrong with it, and nothing fails."""

import asyncio
from uuid import uuid4

import pytest

ROUTES = [
    ("GET", "/messages/{id}", None),
    ("PATCH", "/messages/{id}", {"text": "hi"}),
    ("DELETE", "/messages/{id}", None),
    ("GET", "/messages/{id}/edits", None),
    ("GET", "/messages/{id}/thread", None),
    ("GET", "/messages/{id}/reactions", None),
    ("PUT", "/messages/{id}/reactions/👍", None),
    ("DELETE", "/messages/{id}/reactions/👍", None),
    ("PUT", "/messages/{id}/pin", None),
    ("DELETE", "/messages/{id}/pin", None),
    ("GET", "/scheduled/{id}", None),
    ("DELETE", "/scheduled/{id}", None),
]
NEARLY = "6b7e2f7e-6f0b-4f7c-9a59-0d0f5d0f0001%0A"
NO_IDS = [NEARLY, "7", "%00", "%F0%9F%98%80", "%ED%A0%80", "x" * 3000, "%D9%A0" * 32, "-" * 36, "{" + "0" * 32 + "}"]


@pytest.mark.parametrize(("method", "route", "body"), ROUTES)
async def test_what_is_no_id_is_found_nowhere(talk, method, route, body) -> None:
    ada, _, c = talk
    for wrong in (*NO_IDS, str(uuid4())):
        answer = await ada.request(method, f"/v1/conversations/{c}{route.format(id=wrong)}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), wrong
        answer = await ada.request(method, f"/v1/conversations/{wrong}{route.format(id=uuid4())}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_member"), wrong


async def test_a_conversation_that_cannot_be_fails_no_send_but_its_own(talk) -> None:
    ada, _, c = talk
    answers = await asyncio.gather(*(ada.send(each, uuid4()) for each in (c, NEARLY, f"{c}%0A", c)))
    assert [answer.status_code for answer in answers] == [201, 404, 404, 201]
