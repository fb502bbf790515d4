"""Who is written to about a new device, and that no mail is lost or sent by every worker."""

import asyncio
import os

import httpx
import pytest
from botocore.stub import Stubber

from auth_service.dependencies import make_notices
from auth_service.mails.repository import MailRepository
from auth_service.notices.domain import MOST_TRIES
from auth_service.notices.repository import SOURCES, NoticeRepository
from auth_service.notices.service import NoticeService
from auth_service.user_pool.repository import UserPool
from servicekit.aws import Aws
from servicekit.dynamodb import from_item, to_item
from servicekit.testing import REGION

SUBJECT = "New sign-in to your Messenger account"


@pytest.fixture
async def notices(aws, settings):
    return await make_notices(settings, aws)


@pytest.fixture
def inbox():
    """The mails about devices that came to a person."""

    async def read(person) -> list[dict]:
        async with httpx.AsyncClient(trust_env=False) as http:
            kept = (await http.get(f"{os.environ['AWS_ENDPOINT_URL']}/_ministack/ses/messages")).json()["messages"]
        mails = [mail for account in kept.values() for mail in account]
        return [mail for mail in mails if mail["Subject"] == SUBJECT and person.email in mail["To"]]

    return read


@pytest.fixture
async def rows(aws, settings):
    """The rows of a person's sessions."""
    dynamodb = await aws.client("dynamodb")

    async def read(person) -> list[dict]:
        found = await dynamodb.query(
            TableName=settings.resource("sessions"),
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues=to_item({":user": person.user_id}),
        )
        return [from_item(item) for item in found["Items"]]

    return read


@pytest.fixture
async def without_mail(aws, settings):
    """What sends notices, with a mail service that refuses; gives it and the mail service's stub."""
    async with Aws(REGION) as other:
        ses = await other.client("sesv2")
        with Stubber(ses) as answers:
            pool = await UserPool.open(
                await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id
            )
            dynamodb = await aws.client("dynamodb")
            sources = [NoticeRepository(dynamodb, settings.resource(source.table), source) for source in SOURCES]
            yield NoticeService(sources, MailRepository(ses, settings.mail_sender), pool), answers


async def test_the_first_device_of_a_new_account_is_no_news(signed_in, notices, inbox, rows):
    assert not [row for row in await rows(signed_in) if "unnoticed" in row]
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
    assert not [row for row in await rows(signed_in) if "unnoticed" in row or "not_before" in row]


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
async def test_a_mail_waits_until_the_mail_service_takes_it(
    signed_in, aws, settings, notices, without_mail, inbox, rows, error, status
):
    await signed_in.sign_in()
    failing, answers = without_mail
    answers.add_client_error("send_email", error, http_status_code=status)
    await failing.step()
    await notices.step()
    assert await inbox(signed_in) == []
    (row,) = [row for row in await rows(signed_in) if "unnoticed" in row]
    assert row["tries"] == 1
    await _change(await aws.client("dynamodb"), settings, row, "REMOVE not_before", {})
    await notices.step()
    assert len(await inbox(signed_in)) == 1


async def test_what_cannot_be_sent_is_given_up_at_last(signed_in, aws, settings, without_mail, inbox, rows):
    await signed_in.sign_in()
    failing, answers = without_mail
    answers.add_client_error("send_email", "MessageRejected", http_status_code=400)
    (row,) = [row for row in await rows(signed_in) if "unnoticed" in row]
    await _change(await aws.client("dynamodb"), settings, row, "SET tries = :tries", {":tries": MOST_TRIES - 1})
    await failing.step()
    assert not [row for row in await rows(signed_in) if "unnoticed" in row]
    assert await inbox(signed_in) == []


async def _change(dynamodb, settings, row, update, values) -> None:
    bound = {"ExpressionAttributeValues": to_item(values)} if values else {}
    await dynamodb.update_item(
        TableName=settings.resource("sessions"),
        Key=to_item({"user_id": row["user_id"], "session_id": row["session_id"]}),
        UpdateExpression=update,
        **bound,
    )
