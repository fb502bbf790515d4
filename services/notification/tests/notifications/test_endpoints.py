"""The routes, as a signed-in person uses them."""

from datetime import timedelta

import pytest

from messenger_contracts.identity import service
from messenger_contracts.notifications import Notification
from notification_service.main import create
from notification_service.notifications.domain import of_message
from servicekit.testing import client_of

INBOX = "/v1/notifications"


@pytest.fixture
def arrive(aws, repository, message_created, bob):
    """Put notifications into somebody's inbox, bob's if not said; gives their ids, oldest first."""

    async def insert(count=1, user=f"user-{bob}"):
        client, ids = await aws.client("dynamodb"), []
        for number in range(count):
            event = message_created(user)
            notification = of_message(
                event.model_copy(update={"time": event.time + timedelta(milliseconds=number)}), user
            )
            await repository.insertion({user: notification}, event.id).commit(client)
            ids.append(notification.id)
        return ids

    return insert


async def test_the_inbox_lists_the_whole_shape(api, arrive):
    await arrive()
    (item,) = (await api.get(INBOX)).json()["items"]
    assert set(item) == set(Notification.model_fields)
    assert item["created_at"] == "2026-01-31T09:30:00.123Z"


async def test_an_empty_inbox_is_an_empty_page(api):
    answer = await api.get(INBOX)
    assert answer.json() == {"items": [], "next": None}
    assert "link" not in answer.headers


async def test_the_link_header_leads_to_the_next_page(api, arrive):
    ids = await arrive(3)
    first = await api.get(INBOX, params={"limit": 2})
    second = await api.get(first.links["next"]["url"])
    assert [item["id"] for item in first.json()["items"] + second.json()["items"]] == ids[::-1]
    assert second.json()["next"] is None


async def test_the_link_header_of_unread_ones_stays_with_unread_ones(api, arrive):
    ids = await arrive(3)
    await api.patch(f"{INBOX}/{ids[0]}", json={"read": True})
    first = await api.get(INBOX, params={"limit": 1, "unread": True})
    second = await api.get(first.links["next"]["url"])
    assert [item["id"] for item in second.json()["items"]] == [ids[1]]
    assert second.json()["next"] is None


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"cursor": "v4.local.forged"}, {"unread": "perhaps"}])
async def test_a_query_that_makes_no_sense_is_refused(api, query):
    answer = await api.get(INBOX, params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == f"query/{next(iter(query))}"


async def test_a_cursor_of_another_person_is_refused(api, settings, callers, arrive):
    await arrive(2)
    cursor = (await api.get(INBOX, params={"limit": 1})).json()["next"]
    answer = await api.get(INBOX, params={"cursor": cursor}, headers=await callers.user("mallory"))
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_the_count_follows_reading_and_deleting(api, arrive):
    ids = await arrive(3)
    counts = [(await api.get(f"{INBOX}/unread-count")).json()]
    await api.patch(f"{INBOX}/{ids[0]}", json={"read": True})
    counts.append((await api.get(f"{INBOX}/unread-count")).json())
    await api.delete(f"{INBOX}/{ids[1]}")
    counts.append((await api.get(f"{INBOX}/unread-count")).json())
    assert counts == [{"unread": 3}, {"unread": 2}, {"unread": 1}]


async def test_marking_answers_with_the_notification(api, arrive):
    (notification_id,) = await arrive()
    answer = await api.patch(f"{INBOX}/{notification_id}", json={"read": True})
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["read"]) == (notification_id, True)


async def test_reading_all_leaves_nothing_unread(api, arrive):
    await arrive(3)
    assert (await api.post(f"{INBOX}/read-all")).status_code == 204
    assert (await api.get(f"{INBOX}/unread-count")).json() == {"unread": 0}
    assert (await api.get(INBOX, params={"unread": True})).json()["items"] == []


async def test_a_deleted_notification_is_gone(api, arrive):
    (notification_id,) = await arrive()
    assert (await api.delete(f"{INBOX}/{notification_id}")).status_code == 204
    assert (await api.get(INBOX)).json()["items"] == []
    assert (await api.delete(f"{INBOX}/{notification_id}")).status_code == 404


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_the_notification_of_another_person_does_not_exist(api, arrive, repository, method):
    (notification_id,) = await arrive(user="user-carol")
    answer = await api.request(method, f"{INBOX}/{notification_id}", json={"read": True})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await repository.count_unread("user-carol") == 1


@pytest.mark.parametrize("body", [{}, {"read": None}, {"read": True, "title": "x"}])
async def test_a_change_of_anything_else_is_refused(api, arrive, body):
    (notification_id,) = await arrive()
    answer = await api.patch(f"{INBOX}/{notification_id}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/unread-count"), ("POST", "/read-all"), ("PATCH", "/some-id"), ("DELETE", "/some-id")],
)
async def test_nothing_is_said_to_one_who_is_not_signed_in(settings, callers, method, path):
    async with client_of(create(settings)) as client:
        unsigned = await client.request(method, f"{INBOX}{path}", json={"read": True})
        machine = await client.request(
            method, f"{INBOX}{path}", json={"read": True}, headers=await callers.headers(service("gateway"))
        )
    assert [unsigned.json()["code"], machine.json()["code"]] == ["unauthenticated", "unauthenticated"]


async def test_the_api_is_ready_when_it_can_read_its_table(api):
    assert (await api.get("/readyz")).json() == {"status": "ready"}
