"""Key rings through floods and outages; through rotations in `test_rotation`."""

import asyncio
import secrets

import pytest
from pyseto import Key

from servicekit.keys import MAX_AGE_SECONDS, MIN_REFETCH_SECONDS, KeyRing, secret_versions
from servicekit.testing import PREFIX

FLOW = f"{PREFIX}-probe-flow"


def symmetric():
    return Key.new(4, "local", secrets.token_bytes(32)).to_paserk()


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Secret:
    """A secret held in memory: the versions that Secrets Manager would give, and how often it was asked."""

    def __init__(self, *versions):
        self.versions = list(versions)
        self.loads = 0
        self.away = False

    async def load(self):
        self.loads += 1
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionError("Secrets Manager is away")
        return list(self.versions)

    def rotate(self):
        self.versions = [symmetric(), self.versions[0]]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def manager(aws, declare):
    """Secrets Manager with a secret made as every service's are."""
    declare(secrets={"flow": {"kind": "symmetric"}})
    return await aws.client("secretsmanager")


async def test_a_secret_that_was_never_rotated_has_one_version(manager):
    assert len(await secret_versions(manager, FLOW)()) == 1


async def test_keys_are_read_again_after_five_minutes_and_not_before(clock):
    secret = Secret(symmetric())
    ring = KeyRing(secret.load, clock=clock)
    first, _ = await ring.current()
    secret.rotate()
    clock.now += MAX_AGE_SECONDS - 1
    assert (await ring.current())[0] == first
    clock.now += 2
    assert (await ring.current())[0] != first
    assert secret.loads == 2


async def test_keys_that_took_long_to_read_are_as_old_as_the_question(clock):
    secret = Secret(symmetric())

    async def slowly():
        versions = await secret.load()
        clock.now += 10
        return versions

    ring = KeyRing(slowly, clock=clock)
    first, _ = await ring.current()
    secret.rotate()
    clock.now += MAX_AGE_SECONDS - 9
    assert (await ring.current())[0] != first


async def test_unknown_keys_cause_at_most_one_load_in_five_seconds(clock):
    secret = Secret(symmetric())
    ring = KeyRing(secret.load, clock=clock)
    for _ in range(10):
        clock.now += 1
        for number in range(50):
            assert await ring.find(f"k4.lid.forged-{number}") is None
    assert secret.loads == 2


async def test_a_crowd_that_comes_at_once_causes_one_load(clock):
    secret = Secret(symmetric())
    ring = KeyRing(secret.load, clock=clock)
    assert len({key_id for key_id, _ in await asyncio.gather(*(ring.current() for _ in range(50)))}) == 1
    assert secret.loads == 1


async def test_the_keys_that_are_held_stay_good_while_secrets_manager_is_away(clock):
    secret = Secret(symmetric())
    ring = KeyRing(secret.load, clock=clock)
    first, _ = await ring.current()
    secret.away = True
    clock.now += MAX_AGE_SECONDS + 1
    for _ in range(20):
        assert (await ring.current())[0] == first
    assert secret.loads == 2


async def test_after_an_outage_the_keys_are_read_again(clock):
    secret = Secret(symmetric())
    ring = KeyRing(secret.load, clock=clock)
    first, _ = await ring.current()
    secret.away = True
    clock.now += MAX_AGE_SECONDS + 1
    await ring.current()
    secret.away = False
    secret.rotate()
    clock.now += MIN_REFETCH_SECONDS + 1
    assert (await ring.current())[0] != first


async def test_without_any_key_an_outage_is_told_and_the_next_call_tries_again(clock):
    secret = Secret(symmetric())
    secret.away = True
    ring = KeyRing(secret.load, clock=clock)
    with pytest.raises(ConnectionError):
        await ring.current()
    secret.away = False
    assert await ring.current()


async def test_a_version_that_is_no_key_does_not_keep_the_others_from_their_work(clock):
    secret = Secret(symmetric(), "k4.local", "nonsense", "")
    ring = KeyRing(secret.load, clock=clock)
    assert await ring.current()


async def test_both_halves_of_a_pair_go_by_the_same_id(key_pair):
    ids = [(await KeyRing(Secret(half).load).current())[0] for half in key_pair]
    assert ids[0] == ids[1]
    assert ids[0].startswith("k4.pid.")
