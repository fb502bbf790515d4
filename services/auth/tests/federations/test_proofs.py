"""The proof of an address by itself: what it calls, and what becomes of it where something is away."""

import secrets
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.stub import Stubber

from auth_service.dependencies import make_accounts, make_log
from auth_service.federations.dependencies import open_federations
from auth_service.federations.domain import Identity
from auth_service.federations.errors import FlowOver
from auth_service.lockouts.dependencies import open_lockouts
from auth_service.mails.errors import MailNotTaken
from auth_service.user_pool.errors import WrongCode
from auth_service.user_pool.repository import UserPool
from servicekit.aws import Aws
from servicekit.errors import DependencyUnavailable
from servicekit.testing import REGION


def new_subject() -> str:
    return secrets.token_hex(6)


def new_address() -> str:
    return f"{new_subject()}@facebook.example"


@asynccontextmanager
async def parts(settings, aws):
    """The service by itself, for what a browser cannot bring about."""
    pool = await UserPool.open(await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id)
    log = await make_log(settings, aws, pool)
    async with open_lockouts(settings, log) as lockouts:
        accounts = await make_accounts(settings, aws, pool, lockouts)
        async with open_federations(settings, aws, pool, accounts, None, lockouts, log) as federations:
            yield federations


async def test_until_the_code_is_right_every_address_takes_the_same_calls(settings, aws, member):
    calls: list[str] = []
    async with parts(settings, aws) as federations:
        proofs = federations.proofs
        for service in ("cognito-idp", "dynamodb", "sesv2"):
            (await aws.client(service)).meta.events.register("before-call", lambda model, **_: calls.append(model.name))
        seen = []
        for email in (member.email, new_address()):
            calls.clear()
            arrival = await proofs.begin(Identity("Kakao", "1", email, verified=False, name="Ada"), "/")
            with pytest.raises(WrongCode):
                await proofs.finish(arrival.proof, "000000", "")
            seen.append(list(calls))
    assert seen[0] == seen[1] == ["SendEmail", "TransactWriteItems"]


async def test_the_longest_that_may_be_asked_for_fits_into_a_cookie(settings, aws):
    identity = Identity("SignInWithApple", "s" * 255, f"{'a' * 64}@{'b.' * 94}cd", verified=False, name="漢" * 64)
    async with parts(settings, aws) as federations:
        arrival = await federations.proofs.begin(identity, "https://app.example/" + "x" * 1516)
    assert len(f"__Host-proof={arrival.proof}") <= 4096


async def test_without_valkey_nothing_is_mailed_and_nothing_proved(settings, aws):
    identity = Identity("Kakao", "1", new_address(), verified=False, name="Ada")
    async with parts(settings, aws) as federations:
        arrival = await federations.proofs.begin(identity, "/")
    away = settings.model_copy(update={"valkey_url": "redis://127.0.0.1:1/0"})
    async with parts(away, aws) as federations:
        for asked in (
            federations.proofs.begin(identity, "/"),
            federations.proofs.finish(arrival.proof, "000000", ""),
            federations.proofs.resend(arrival.proof),
        ):
            with pytest.raises(DependencyUnavailable):
                await asked


async def test_a_mail_that_is_not_taken_is_told_and_asked_for_again(settings, aws, codes_of, time_passes):
    email = new_address()
    async with Aws(REGION) as other:
        ses = await other.client("sesv2")
        with Stubber(ses) as answers:
            async with parts(settings, other) as federations:
                for _ in range(2):
                    answers.add_client_error("send_email", "MessageRejected", http_status_code=400)
                identity = Identity("Kakao", "1", email, verified=False, name="Ada")
                arrival = await federations.proofs.begin(identity, "/chats")
                assert arrival.url == "/chats?proof=unsent"
                await time_passes(email)
                with pytest.raises(MailNotTaken, match=r"^The mail service did not take the mail\.$"):
                    await federations.proofs.resend(arrival.proof)
                await time_passes(email)
    async with parts(settings, aws) as federations:
        again = await federations.proofs.resend(arrival.proof)
        (code,) = await codes_of(email)
        assert "/v1/auth/oidc/kakao/start" in await federations.proofs.finish(again, code, "")


async def test_what_fails_after_the_right_code_does_not_use_it_up(settings, aws, codes_of):
    email = new_address()
    identity = Identity("Kakao", new_subject(), email, verified=False, name="Ada")
    async with parts(settings, aws) as federations:
        arrival = await federations.proofs.begin(identity, "/")
    (code,) = await codes_of(email)
    async with Aws(REGION) as other, parts(settings, other) as federations:
        with Stubber(await other.client("cognito-idp")) as answers:
            answers.add_client_error("admin_get_user", "TooManyRequestsException", http_status_code=429)
            with pytest.raises(DependencyUnavailable):
                await federations.proofs.finish(arrival.proof, code, "")
    async with parts(settings, aws) as federations:
        url = await federations.proofs.finish(arrival.proof, code, "")
        assert parse_qs(urlsplit(url).query) == {"return_to": ["/"]}
        with pytest.raises(FlowOver):
            await federations.proofs.finish(arrival.proof, code, "")
