"""What happens to an account is told once, to us and to others, and says no secret."""

import asyncio
from datetime import UTC, datetime

import pytest

from auth_service.audits.domain import FAILURES_KEPT, KEPT
from auth_service.audits.service import SecurityLog
from auth_service.dependencies import make_log
from auth_service.user_pool.repository import UserPool
from messenger_contracts.events.auth import AccountErased, ErasureRequested, PasswordChanged, SignInFailed
from servicekit.dynamodb import from_item
from servicekit.inbox import parse_event


@pytest.fixture
async def log(aws, settings):
    """The security log, as the API has it."""
    pool = await UserPool.open(await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id)
    return await make_log(settings, aws, pool)


@pytest.fixture
async def outbox(aws, settings):
    """Reads what waits to be published, by subject."""
    client = await aws.client("dynamodb")

    async def read(subject):
        found = []
        for lane in "0123":
            pages = client.get_paginator("query").paginate(
                TableName=settings.resource("outbox"),
                KeyConditionExpression="lane = :lane",
                ExpressionAttributeValues={":lane": {"S": lane}},
            )
            found += [parse_event(from_item(item)["event"]) async for page in pages for item in page["Items"]]
        return [event for event in found if event.subject == subject]

    return read


async def types_of(log, subject):
    return [record.type for record in reversed(await log.of(subject, None, 100))]


async def test_a_session_tells_of_its_beginning_and_its_end(signed_in, log, outbox):
    user_id = signed_in.user_id
    await signed_in.post("sign-out")
    told = ["auth.session.started.v1", "auth.session.ended.v1"]
    assert (await types_of(log, user_id))[-2:] == told
    assert [event.type for event in await outbox(user_id)][-2:] == told
    ended = (await log.of(user_id, None, 1))[0]
    assert ended.data == {"user_id": user_id, "session_id": signed_in.principal.session_id, "reason": "signed_out"}


async def test_sign_outs_at_once_are_told_once(signed_in, log):
    await asyncio.gather(*(signed_in.post("sign-out") for _ in range(5)))
    assert (await types_of(log, signed_in.user_id)).count("auth.session.ended.v1") == 1


async def test_a_failed_sign_in_stands_under_the_logins_pseudonym_alone(member, log):
    assert (await member.sign_in(password="not the password at all")).status_code == 401
    (failed,) = await log.of(log.pseudonym(member.username), None, 10)
    assert failed.type == SignInFailed.TYPE
    assert member.username not in str(failed)
    assert SignInFailed.TYPE not in await types_of(log, member.user_id)


async def test_an_unknown_login_leaves_the_same_trace_as_a_known_one(member, somebody, log):
    stranger = somebody()
    for person in (member, stranger):
        assert (await person.sign_in(password="not the password at all")).status_code == 401
    traces = [await log.of(log.pseudonym(person.username), None, 10) for person in (member, stranger)]
    assert [len(trace) for trace in traces] == [1, 1]
    assert traces[0][0].data.keys() == traces[1][0].data.keys()


def test_a_pseudonym_depends_on_the_key():
    logins = {SecurityLog(None, None, pepper).pseudonym("ada") for pepper in (b"one", b"two", b"two")}
    assert len(logins) == 2


async def test_the_newest_comes_first_and_pages_go_on(log):
    for _ in range(5):
        await log.write(PasswordChanged(user_id="paged"))
    first = await log.of("paged", None, 2)
    rest = await log.of("paged", first[-1].place, 10)
    places = [record.place for record in first + rest]
    assert len(places) == 5
    assert places == sorted(places, reverse=True)


async def test_failures_expire_before_the_rest(log):
    await log.write(PasswordChanged(user_id="expiring"))
    await log.write(SignInFailed(login="expiring", method="password"))
    now = datetime.now(UTC)
    kept = {record.type: record.expires_at - now.timestamp() for record in await log.of("expiring", None, 10)}
    assert kept[PasswordChanged.TYPE] == pytest.approx(KEPT.total_seconds(), abs=60)
    assert kept[SignInFailed.TYPE] == pytest.approx(FAILURES_KEPT.total_seconds(), abs=60)


async def test_of_an_erased_person_the_erasure_alone_stays(log):
    for _ in range(3):
        await log.write(PasswordChanged(user_id="gone"))
        await log.write(SignInFailed(login="gone-login", method="password"))
    await log.write(ErasureRequested(user_id="gone", erasure="e"))
    await log.erase("gone", ["gone-login"])
    await log.write(AccountErased(user_id="gone", erasure="e"))
    assert await types_of(log, "gone") == [ErasureRequested.TYPE, AccountErased.TYPE]
    assert await log.of("gone-login", None, 10) == []
