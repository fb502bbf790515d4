"""Nobody is told who has an account: not by an answer, not by the calls that it takes, and not by its time."""

import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from pydantic import SecretStr

from auth_service.accounts.schemas import SignUp
from auth_service.accounts.service import AccountService
from auth_service.dependencies import make_accounts, make_log
from auth_service.lockouts.dependencies import open_lockouts
from auth_service.lockouts.domain import PASSWORD
from auth_service.lockouts.service import LockoutService
from auth_service.passwords.errors import WrongResetCode
from auth_service.passwords.schemas import ResetPassword
from auth_service.passwords.service import PasswordService
from auth_service.sessions.models import Client
from auth_service.sessions.schemas import SignIn
from auth_service.sessions.service import SessionService
from auth_service.user_pool.errors import Refused
from auth_service.user_pool.repository import UserPool
from servicekit.keys import key_ring
from servicekit.tokens import Tokens

WRONG = "wrong horse battery"
SAMPLES = 40
SURE = 4.0
"""Standard deviations: chance reaches them in one run of 16,000."""


class Front:
    """What strangers can ask, on parts whose calls to AWS are noted down."""

    def __init__(
        self, accounts: AccountService, sessions: SessionService, passwords: PasswordService, lockouts: LockoutService
    ) -> None:
        self.accounts = accounts
        self.sessions = sessions
        self.passwords = passwords
        self.lockouts = lockouts
        self.calls: list[str] = []

    async def sign_in(self, login: str) -> None:
        with pytest.raises(Refused):
            await self.sessions.sign_in(SignIn(login=login, password=SecretStr(WRONG)), Client())

    async def forgot(self, login: str) -> None:
        await self.passwords.forgot(login)

    async def reset(self, login: str) -> None:
        flow = (await self.passwords.forgot(login)).flow
        with pytest.raises(WrongResetCode):
            await self.passwords.reset(ResetPassword(flow=flow, code="000000", new_password=SecretStr(WRONG)), "")

    async def calls_of(self, doing: Awaitable[None]) -> list[str]:
        self.calls.clear()
        await doing
        return list(self.calls)


@pytest.fixture
async def front(settings, aws) -> AsyncIterator[Front]:
    cognito, dynamodb = await aws.client("cognito-idp"), await aws.client("dynamodb")
    pool = await UserPool.open(cognito, settings.user_pool_id, settings.user_pool_client_id)
    flows = Tokens(await key_ring(aws, settings.resource("flow")), "password_reset_session")
    log = await make_log(settings, aws, pool)
    async with open_lockouts(settings, log) as lockouts:
        accounts = await make_accounts(settings, aws, pool, lockouts)
        parts = {"pool": pool, "accounts": accounts, "lockouts": lockouts, "log": log}
        sessions = SessionService(**parts, sessions=None, ends=None, devices=None, challenges=None, keys=None, days=1)
        passwords = PasswordService(**parts, renewals=None, ends=None, flows=flows)
        front = Front(accounts, sessions, passwords, lockouts)
        for client in (cognito, dynamodb):
            client.meta.events.register("before-call", lambda model, **_: front.calls.append(model.name))
        yield front


@pytest.mark.parametrize("question", [Front.sign_in, Front.forgot, Front.reset])
async def test_a_known_and_an_unknown_login_take_the_same_calls(front, member, somebody, question):
    unknown = somebody()
    calls = [
        await front.calls_of(question(front, login))
        for login in (member.username, member.email, unknown.username, unknown.email)
    ]
    assert calls[0]
    assert calls[1:] == calls[:1] * 3


async def test_an_unverified_account_takes_the_same_calls(front, somebody):
    waiting, unknown = somebody(), somebody()
    await waiting.sign_up()
    calls = [await front.calls_of(front.sign_in(login)) for login in (waiting.username, unknown.username)]
    assert calls[0] == calls[1]


async def test_a_sign_up_takes_the_same_calls_for_a_taken_address(front, member, somebody):
    calls = []
    for email in (member.email, None):
        person = somebody()
        wish = SignUp(email=email or person.email, username=person.username, password=SecretStr(WRONG))

        async def sign_up(wish: SignUp = wish) -> None:
            await front.accounts.sign_up(wish)

        calls.append(await front.calls_of(sign_up()))
    assert calls[0] == calls[1]


async def test_a_known_and_an_unknown_login_take_the_same_time(front, member, somebody):
    known, unknown = await interleaved(front, lambda n: (member.username, somebody().username)[n % 2])
    assert abs(rank_sum(known, unknown)) < SURE, (statistics.median(known), statistics.median(unknown))


@pytest.mark.parametrize(("slower", "is_seen"), [(0, False), (0.2, True)])
def test_a_difference_in_time_would_be_seen(slower, is_seen):
    """The statistic itself: a fifth more time stands out, whatever the machine does besides."""
    times = [0.05 + 0.001 * (n * 7 % SAMPLES) / SAMPLES for n in range(2 * SAMPLES)]
    ours, theirs = times[::2], [one * (1 + slower) for one in times[1::2]]
    assert (abs(rank_sum(ours, theirs)) >= SURE) is is_seen


async def interleaved(front: Front, login_of: Callable[[int], str]) -> tuple[list[float], list[float]]:
    """The seconds of refused sign-ins, two kinds in turn, so that whatever else the machine does falls on both."""
    times: list[float] = []
    for n in range(-2, 2 * SAMPLES):
        login = login_of(n)
        began = time.perf_counter()
        await front.sign_in(login)
        if n >= 0:  # the first ones open connections
            times.append(time.perf_counter() - began)
        await front.lockouts.forgive(PASSWORD, login)
    return times[::2], times[1::2]


def rank_sum(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How far two samples are apart, in standard deviations (Mann and Whitney's U, normal approximation)."""
    wins = sum((one > other) + (one == other) / 2 for one in ours for other in theirs)
    pairs = len(ours) * len(theirs)
    return (wins - pairs / 2) / (pairs * (len(ours) + len(theirs) + 1) / 12) ** 0.5
