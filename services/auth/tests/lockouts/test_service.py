"""Counting tries, in a real Valkey. Time is turned by moving what is kept, not by waiting."""

import asyncio
from contextlib import suppress

import pytest

from auth_service.lockouts.domain import PASSWORD, subject_of
from auth_service.lockouts.errors import LockedOut
from auth_service.lockouts.repository import TryRepository
from auth_service.lockouts.service import LockoutService
from messenger_contracts.problem import ErrorCode
from servicekit.errors import Conflict, DependencyUnavailable, Unauthenticated, ValidationFailed

HOME, CAFE = "203.0.113.0/24", "198.51.100.0/24"


@pytest.fixture
def lockouts(valkey, namespace, stubbed_log) -> LockoutService:
    return LockoutService(TryRepository(valkey, namespace), stubbed_log)


@pytest.fixture
def time_passes(valkey, namespace):
    """Ends the delay that the last try cost."""

    async def end(login: str = "ada") -> None:
        await valkey.hset(f"{namespace}:tries:password:{subject_of(login)}", "until", 0)

    return end


async def fail(lockouts, *, login: str = "ada", network: str = "", error: Exception | None = None) -> None:
    with suppress(type(error or Unauthenticated())):
        async with lockouts.attempt(PASSWORD, login, network):
            raise error or Unauthenticated


async def succeed(lockouts, *, login: str = "ada", network: str = "") -> None:
    async with lockouts.attempt(PASSWORD, login, network):
        pass


async def waits(lockouts, **where: str) -> int:
    """The seconds until the next try."""
    with pytest.raises(LockedOut) as refusal:
        await succeed(lockouts, **where)
    assert refusal.value.code is ErrorCode.RATE_LIMITED
    return int(refusal.value.headers["Retry-After"])


async def test_wrong_tries_cost_more_and_more(lockouts, time_passes):
    for _ in range(5):
        await fail(lockouts)
    costs = [await waits(lockouts)]
    for _ in range(3):
        await time_passes()
        await fail(lockouts)
        costs.append(await waits(lockouts))
    assert costs == [5, 10, 20, 40]


async def test_a_refused_try_costs_nothing_more(lockouts, time_passes):
    for _ in range(5):
        await fail(lockouts)
    assert [await waits(lockouts) for _ in range(3)] == [5, 5, 5]


async def test_a_right_try_forgets_the_wrong_ones(lockouts):
    for _ in range(3):
        for _ in range(4):
            await fail(lockouts, error=ValidationFailed())
        await succeed(lockouts)


async def test_of_many_at_once_no_more_come_through(lockouts):
    tries = await asyncio.gather(*(fail(lockouts) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(one, LockedOut) for one in tries) == 15


@pytest.mark.parametrize("error", [DependencyUnavailable(), Conflict(), RuntimeError("ours")])
async def test_what_is_not_the_guessers_fault_does_not_count(lockouts, error):
    for _ in range(10):
        await fail(lockouts, error=error)
    await succeed(lockouts)


async def test_going_away_counts(lockouts):
    async def hang() -> None:
        async with lockouts.attempt(PASSWORD, "ada"):
            inside.set()
            await asyncio.Event().wait()

    for _ in range(5):
        inside = asyncio.Event()
        task = asyncio.create_task(hang())
        await inside.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await waits(lockouts) == 5


async def test_a_stranger_does_not_lock_a_person_out_at_home(lockouts):
    await succeed(lockouts, network=HOME)
    for _ in range(5):
        await fail(lockouts, network=CAFE)
    await waits(lockouts, network=CAFE)
    await succeed(lockouts, network=HOME)


async def test_home_has_its_own_count(lockouts):
    await succeed(lockouts, network=HOME)
    for _ in range(5):
        await fail(lockouts, network=HOME)
    await waits(lockouts, network=HOME)
    await succeed(lockouts, network=CAFE)


async def test_who_succeeds_at_home_gives_strangers_no_new_tries(lockouts):
    await succeed(lockouts, network=HOME)
    for _ in range(5):
        await fail(lockouts, network=CAFE)
    await succeed(lockouts, network=HOME)
    await waits(lockouts, network=CAFE)


async def test_who_is_forgiven_may_try_at_once(lockouts):
    for _ in range(5):
        await fail(lockouts)
    await lockouts.forgive(PASSWORD, "ada")
    await succeed(lockouts)


async def test_logins_do_not_share_a_count(lockouts):
    for _ in range(5):
        await fail(lockouts)
    await succeed(lockouts, login="bob")


async def test_counts_forget_themselves(lockouts, valkey, namespace):
    await fail(lockouts)
    (key,) = [key async for key in valkey.scan_iter(f"{namespace}:tries:*")]
    assert 0 < await valkey.ttl(key) <= 24 * 3600


async def test_a_lock_is_logged_under_a_pseudonym(lockouts, stubbed_log, namespace):
    for _ in range(5):
        await fail(lockouts, login=namespace, network=HOME)
    (logged,) = await stubbed_log.of(stubbed_log.pseudonym(namespace), None, 10)
    assert (logged.type, logged.data["network"]) == ("auth.account.locked.v1", HOME)
    assert namespace not in str(logged.data)


async def test_without_valkey_nothing_is_tried(absent_valkey, namespace, stubbed_log):
    lockouts = LockoutService(TryRepository(absent_valkey, namespace), stubbed_log)
    with pytest.raises(DependencyUnavailable):
        await succeed(lockouts)
    with pytest.raises(DependencyUnavailable):
        await lockouts.may_mail("ada")


async def test_mails_are_told_or_left_out_when_they_come_too_soon(lockouts):
    assert await lockouts.may_mail("ada")
    assert not await lockouts.may_mail("ada")
    with pytest.raises(LockedOut) as refusal:
        await lockouts.claim_mail("ada")
    assert refusal.value.headers == {"Retry-After": "30"}
