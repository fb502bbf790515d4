"""Who is written to about a new device, and that no mail is lost or sent by every worker."""

import asyncio

import pytest

from auth_service.notices.domain import MOST_TRIES
from messenger_contracts.events.auth import PasswordChanged

SUBJECT = "New sign-in to your Messenger account"
FAR = 4102444800
"""A moment at which everything is due, in Unix seconds."""


@pytest.fixture
def inbox(mails_of):
    """The mails about devices that came to a person."""

    async def read(person) -> list[dict]:
        return [mail for mail in await mails_of(person) if mail["Subject"] == SUBJECT]

    return read


@pytest.fixture(params=["a new device", "a changed password"])
async def news(request, signed_in, log):
    """Somebody who is to hear of something: the name of the table that says so, and the person."""
    if request.param == "a new device":
        await signed_in.sign_in()
        return "sessions", signed_in
    await log.write(PasswordChanged(user_id=signed_in.user_id))
    return "audits", signed_in


async def test_the_first_device_of_a_new_account_is_no_news(signed_in, notices, inbox, rows):
    assert await rows.marked(signed_in) == []
    await notices.step()
    assert await inbox(signed_in) == []


async def test_another_device_is_told_of_once(signed_in, another_device, notices, inbox, rows):
    signed_in.headers = {
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
        "x-client-address": "203.0.113.7",
    }
    await signed_in.sign_in()
    await asyncio.gather(*(notices.step() for _ in range(4)))
    (mail,) = await inbox(signed_in)
    assert mail["Source"] == "no-reply@messenger.example"
    assert "Firefox on Linux" in mail["BodyText"]
    assert "203.0.113.7" in mail["BodyText"]
    await notices.step()
    assert len(await inbox(signed_in)) == 1
    assert await rows.marked(signed_in) == []


async def test_a_known_device_is_not_told_of(signed_in, notices, inbox):
    device = signed_in.tokens["device_token"]
    for _ in range(2):
        await signed_in.sign_in(device_token=device)
        device = (await signed_in.refresh()).json()["device_token"] or signed_in.tokens["device_token"]
    await notices.step()
    assert await inbox(signed_in) == []


async def test_a_browser_is_known_by_its_cookie(signed_in, notices, inbox):
    answer = await signed_in.sign_in(session="cookie", device_token=signed_in.tokens["device_token"])
    device = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("device="))
    await notices.step()
    assert len(await inbox(signed_in)) == 1
    signed_in.headers = {"cookie": device.partition(";")[0]}
    await signed_in.sign_in(session="cookie")
    await notices.step()
    assert len(await inbox(signed_in)) == 1


@pytest.mark.parametrize(("error", "status"), [("TooManyRequestsException", 429), ("MessageRejected", 400)])
async def test_a_mail_waits_until_the_mail_service_takes_it(news, notices, without_mail, mails_of, rows, error, status):
    table, person = news
    before = await mails_of(person)
    failing, answers = without_mail
    answers.add_client_error("send_email", error, http_status_code=status)
    await failing.step()
    await notices.step()
    assert await mails_of(person) == before
    (row,) = await rows.marked(person)
    assert (row["table"], row["tries"]) == (table, 1)
    await rows.change(row, "REMOVE not_before")
    await notices.step()
    assert len(await mails_of(person)) == len(before) + 1


async def test_what_cannot_be_sent_is_given_up_at_last(news, without_mail, mails_of, rows):
    _, person = news
    before = await mails_of(person)
    failing, answers = without_mail
    answers.add_client_error("send_email", "MessageRejected", http_status_code=400)
    (row,) = await rows.marked(person)
    await rows.change(row, "SET tries = :tries", tries=MOST_TRIES - 1)
    await failing.step()
    assert await rows.marked(person) == []
    assert await mails_of(person) == before


async def test_a_row_that_is_erased_meanwhile_does_not_come_back(news, notice_rows, rows):
    table, person = news
    (row,) = await rows.marked(person)
    (notice,) = [each for each in await notice_rows[table].due(FAR) if each.user_id == person.user_id]
    await rows.delete(row)
    assert await notice_rows[table].claim(notice, FAR, FAR + 60) is False
    await notice_rows[table].settle(notice)
    assert not await rows.is_there(row)
