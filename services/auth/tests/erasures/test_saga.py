"""A person is forgotten by every service, or the saga goes on: whoever dies, does not answer, or has something left."""

import asyncio
from typing import Annotated

import pytest
from fastapi import FastAPI, Header
from starlette.responses import JSONResponse

from auth_service.dependencies import open_announcer, open_departures
from auth_service.erasures.domain import CLAIM_SECONDS, erasure_id
from messenger_contracts.identity import IDENTITY_HEADER
from servicekit.dynamodb import from_item, to_item
from servicekit.testing import serving


class Killed(BaseException):
    """The worker is killed: nothing that handles failures sees it."""


class Keeper:
    """A service that keeps something of people."""

    def __init__(self):
        self.left = {"things": 2}
        self.away = False
        self.identities = []
        self.asked_of = []


@pytest.fixture
async def keeper():
    keeper, app = Keeper(), FastAPI()

    @app.get("/internal/erasures/{user_id}")
    async def remains(user_id: str, identity: Annotated[str, Header(alias=IDENTITY_HEADER)]) -> JSONResponse:
        keeper.identities.append(identity)
        keeper.asked_of.append(user_id)
        return JSONResponse({}, 500) if keeper.away else JSONResponse({"left": keeper.left})

    async with serving(app) as address:
        keeper.url = f"http://{address}"
        yield keeper


@pytest.fixture
def settings(settings, keeper):
    """Auth knows one keeper, and waits for nothing."""
    return settings.model_copy(update={"keepers": {"chat": keeper.url}, "settle_seconds": 0})


@pytest.fixture
async def eraser(settings, aws):
    """What erases, as the worker has it."""
    async with open_announcer(settings, aws) as announcer, open_departures(settings, aws, announcer) as (eraser, _):
        yield eraser


@pytest.fixture
async def row(aws, settings):
    """Reads or changes the row of a person's erasure."""
    client, table = await aws.client("dynamodb"), settings.resource("erasures")

    async def read(person, **changes):
        key = {"id": erasure_id(person.user_id)}
        if changes:
            found = from_item((await client.get_item(TableName=table, Key=to_item(key)))["Item"])
            await client.put_item(TableName=table, Item=to_item(found | changes))
        return from_item((await client.get_item(TableName=table, Key=to_item(key), ConsistentRead=True))["Item"])

    return read


async def erase(person):
    answer = await person.request("DELETE", "me")
    assert answer.status_code == 202, answer.text
    return answer.json()["receipt"]


async def state(person, receipt):
    answer = await person.get(f"erasures/{receipt}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def step(eraser, row, person):
    """Let the erasure be due, and take a step."""
    await row(person, due_at=0)
    assert await eraser.step()


async def test_the_account_is_shut_at_once(signed_in):
    await erase(signed_in)
    assert (await signed_in.get("me")).status_code == 401
    assert (await signed_in.refresh()).status_code == 401
    assert (await signed_in.sign_in()).status_code == 401


async def test_a_person_is_erased_when_nobody_has_anything_left(signed_in, keeper, eraser, row):
    receipt = await erase(signed_in)
    await step(eraser, row, signed_in)
    running = await state(signed_in, receipt)
    assert (running["state"], running["services"], running["completed_at"]) == ("running", {"chat": "erasing"}, None)

    keeper.left = {}
    await step(eraser, row, signed_in)
    done = await state(signed_in, receipt)
    assert (done["state"], done["services"]) == ("done", {"chat": "done"})
    assert done["completed_at"] >= done["requested_at"]
    kept = await row(signed_in)
    assert not {"user_id", "username", "logins", "running"} & kept.keys()


async def test_the_name_is_free_afterwards_and_the_id_is_nobodys(signed_in, keeper, eraser, row, somebody, callers):
    await erase(signed_in)
    keeper.left = {}
    await step(eraser, row, signed_in)
    answer = await signed_in.get("username-available", username=signed_in.username)
    assert answer.json()["available"]
    successor = somebody()
    successor.username = signed_in.username
    assert (await successor.sign_up()).status_code == 201
    assert successor.user_id != signed_in.user_id


async def test_a_service_that_does_not_answer_is_seen_and_asked_again(signed_in, keeper, eraser, row):
    receipt = await erase(signed_in)
    keeper.away = True
    await step(eraser, row, signed_in)
    assert (await state(signed_in, receipt))["services"] == {"chat": "no_answer"}
    keeper.away, keeper.left = False, {}
    await step(eraser, row, signed_in)
    assert (await state(signed_in, receipt))["state"] == "done"


async def test_services_are_told_again_after_a_minute(signed_in, keeper, eraser, row, aws, settings):
    await erase(signed_in)
    before = await row(signed_in)
    await step(eraser, row, signed_in)
    assert (await row(signed_in))["asked_at"] == before["asked_at"]
    await row(signed_in, asked_at=before["asked_at"] - 61)
    await step(eraser, row, signed_in)
    assert (await row(signed_in))["asked_at"] >= before["asked_at"]


async def test_who_dies_in_the_middle_holds_the_erasure_up_for_a_minute_at_most(
    signed_in, keeper, eraser, row, settings, aws, monkeypatch
):
    await erase(signed_in)
    await row(signed_in, due_at=0)
    keeper.left = {}

    async def die(user_id):
        raise Killed

    monkeypatch.setattr(eraser._pool, "delete", die)
    with pytest.raises(Killed):
        await eraser.step()
    held = await row(signed_in)
    assert held["running"] == "running"
    assert held["due_at"] - held["requested_at"] <= CLAIM_SECONDS + 5

    async with open_announcer(settings, aws) as announcer, open_departures(settings, aws, announcer) as (heir, _):
        await step(heir, row, signed_in)
    assert "completed_at" in await row(signed_in)


async def test_two_workers_do_not_take_one_erasure_together(signed_in, keeper, eraser, row, settings, aws):
    await erase(signed_in)
    await row(signed_in, due_at=0)
    await asyncio.gather(*(eraser.step() for _ in range(4)))
    assert keeper.asked_of.count(signed_in.user_id) == 1  # erasures of other tests may be due, too


async def test_auth_asks_in_its_own_name(signed_in, keeper, eraser, row):
    await erase(signed_in)
    await step(eraser, row, signed_in)
    assert keeper.identities
    assert {identity.partition(":")[0] for identity in keeper.identities} == {"auth"}


async def test_of_requests_at_once_each_has_a_receipt_of_one_erasure(signed_in, row):
    receipts = await asyncio.gather(*(signed_in.request("DELETE", "me") for _ in range(4)))
    given = [answer.json()["receipt"] for answer in receipts if answer.status_code == 202]
    assert given
    assert {answer.status_code for answer in receipts} <= {202, 401}  # 401: the first had ended the session by then
    states = [await state(signed_in, receipt) for receipt in given]
    assert len({one["requested_at"] for one in states}) == 1


async def test_an_old_sign_in_is_not_enough(signed_in, aws, settings):
    client = await aws.client("dynamodb")
    key = {"user_id": signed_in.principal.user_id, "session_id": signed_in.principal.session_id}
    await client.update_item(
        TableName=settings.resource("sessions"),
        Key=to_item(key),
        UpdateExpression="SET created_at = created_at - :hour",
        ExpressionAttributeValues=to_item({":hour": 3600}),
    )
    answer = await signed_in.request("DELETE", "me")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await signed_in.get("me")).status_code == 200


@pytest.mark.parametrize("receipt", ["x", "v4.public.AAAA", "v4.local.AAAA.BBBB"])
async def test_what_is_no_receipt_of_ours_is_not_found(somebody, receipt):
    answer = await somebody().get(f"erasures/{receipt}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_receipt_can_be_read_by_who_holds_it_and_changed_by_nobody(signed_in):
    receipt = await erase(signed_in)
    changed = receipt[:-40] + ("A" if receipt[-40] != "A" else "B") + receipt[-39:]
    assert (await signed_in.get(f"erasures/{changed}")).status_code == 404
