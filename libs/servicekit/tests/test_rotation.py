"""Keys are replaced by Secrets Manager's four steps while tokens are made and read, and no good token is refused.

Time is turned: one clock drives what a process holds, the other the age of a version.
"""

import io
import logging
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from localcloud.provision import connect
from servicekit import rotation as rotation_module
from servicekit.errors import Unauthenticated
from servicekit.keys import CURRENT, MAX_AGE_SECONDS, PENDING, PREVIOUS, RETIRED, KeyRing, secret_versions
from servicekit.rotation import STEPS, Rotation, RotationRefused, handler, rotate
from servicekit.testing import PREFIX, REGION
from servicekit.tokens import Tokens

FLOW = f"{PREFIX}-probe-flow"
PRIVATE, PUBLIC = f"{PREFIX}-probe-identity-private", f"{PREFIX}-probe-identity-public"
SETTLED = 2 * MAX_AGE_SECONDS + 1
DAY = 24 * 3600
TOKEN = "11111111-2222-4333-8444-555555555555"


@dataclass
class Time:
    """Time that passes when it is told to."""

    passed: float = 0.0
    real: float = field(default_factory=time.time)

    def meet(self) -> None:
        """Make it now, really: the emulator dates a version by the real time."""
        self.real = time.time() - self.passed

    def monotonic(self) -> float:
        return self.passed

    def wall(self) -> float:
        return self.real + self.passed


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def manager(aws_account, emulator_url, declare) -> Any:
    """Secrets Manager with a symmetric secret and a pair, as a rotation function sees it."""
    declare(secrets={"flow": {"kind": "symmetric"}, "identity": {"kind": "keypair"}})
    return connect(emulator_url, aws_account, "test", REGION)("secretsmanager")


@pytest.fixture
async def process(aws, manager, clock):
    """Makes what a process holds of a secret: a key ring, which looks at Secrets Manager when it is due."""
    client = await aws.client("secretsmanager")

    def begin(secret: str) -> Tokens:
        load = secret_versions(client, secret, now=clock.wall)
        return Tokens(KeyRing(load, clock=clock.monotonic), "probe")

    return begin


def holders(manager, secret) -> dict[str, str]:
    """Which version has which label."""
    stages = manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
    return {label: version for version, labels in stages.items() for label in labels}


def event(manager, secret: str, step: str, token: str = TOKEN) -> dict[str, str]:
    """What Secrets Manager calls the Lambda with."""
    arn = manager.describe_secret(SecretId=secret)["ARN"]
    return {"Step": step, "SecretId": arn, "ClientRequestToken": token}


@pytest.fixture
def as_lambda(manager):
    """Calls the handler as AWS does, at the emulator."""
    return lambda secret, step, token=TOKEN: handler(event(manager, secret, step, token), None)


async def test_the_four_steps_make_a_new_key_current(manager, as_lambda):
    before = holders(manager, FLOW)
    for step in STEPS[:3]:
        as_lambda(FLOW, step)
        assert holders(manager, FLOW)[CURRENT] == before[CURRENT]
    as_lambda(FLOW, STEPS[3])
    assert holders(manager, FLOW) == {CURRENT: TOKEN, PREVIOUS: before[CURRENT]}


@pytest.mark.parametrize("secret", [FLOW, PRIVATE])
async def test_every_step_may_come_twice_and_all_of_them_again(manager, as_lambda, secret):
    for step in STEPS:
        as_lambda(secret, step)
        key = manager.get_secret_value(SecretId=secret, VersionId=TOKEN)["SecretString"]
        as_lambda(secret, step)
        assert manager.get_secret_value(SecretId=secret, VersionId=TOKEN)["SecretString"] == key
    after = holders(manager, secret)
    for step in STEPS:
        as_lambda(secret, step)
    assert holders(manager, secret) == after


async def test_a_rotation_that_was_given_up_does_not_stand_in_the_way_of_the_next(manager, as_lambda):
    as_lambda(FLOW, "createSecret", "aaaaaaaa-2222-4333-8444-555555555555")
    first = holders(manager, FLOW)[CURRENT]
    for step in STEPS:
        as_lambda(FLOW, step)
    assert holders(manager, FLOW) == {CURRENT: TOKEN, PREVIOUS: first}


async def test_a_rotation_that_ends_between_the_halves_of_a_pair_can_be_taken_up(manager, as_lambda, process, clock):
    signer, verifier = process(PRIVATE), process(PUBLIC)
    for step in STEPS[:3]:
        as_lambda(PRIVATE, step)
    Rotation(manager, PRIVATE, TOKEN)._promote(PUBLIC)
    clock.passed += SETTLED
    assert await verifier.read(await signer.make({}, 60))
    as_lambda(PRIVATE, "finishSecret")
    clock.passed += SETTLED
    assert await verifier.read(await signer.make({}, 60))
    assert holders(manager, PRIVATE)[CURRENT] == holders(manager, PUBLIC)[CURRENT] == TOKEN


@pytest.mark.parametrize("spoilt", ["the same key", "no key", "the public half"])
async def test_a_bad_new_key_never_becomes_current(manager, as_lambda, spoilt):
    secret = PRIVATE if spoilt == "the public half" else FLOW
    present = manager.get_secret_value(SecretId=secret)
    values = {"the same key": present["SecretString"], "no key": "k4.local.AAAA"}
    values["the public half"] = manager.get_secret_value(SecretId=PUBLIC)["SecretString"]
    manager.put_secret_value(
        SecretId=secret, ClientRequestToken=TOKEN, SecretString=values[spoilt], VersionStages=[PENDING]
    )
    as_lambda(secret, "createSecret")

    def go_on():
        for step in STEPS[1:]:
            as_lambda(secret, step)

    with pytest.raises((RotationRefused, ValueError)):
        go_on()
    assert holders(manager, secret)[CURRENT] == present["VersionId"]


async def test_what_is_no_rotation_is_refused(manager, as_lambda):
    with pytest.raises(RotationRefused):
        as_lambda(FLOW, "dropSecret")
    with pytest.raises(RotationRefused):
        as_lambda(PUBLIC, "createSecret")


async def test_no_key_is_ever_logged(manager, as_lambda, monkeypatch):
    log, written = logging.getLogger("rotation"), io.StringIO()
    log.disabled = False
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler(written))
    monkeypatch.setattr(rotation_module, "log", log)
    for step in STEPS:
        as_lambda(PRIVATE, step)
    keys = [manager.get_secret_value(SecretId=secret)["SecretString"] for secret in (PRIVATE, PUBLIC)]
    assert len(written.getvalue().splitlines()) == len(STEPS)
    assert not [key for key in keys if key.rpartition(".")[2] in written.getvalue()]


@pytest.mark.parametrize(("made", "read"), [(FLOW, FLOW), (PRIVATE, PUBLIC)], ids=["sealed", "signed"])
async def test_through_a_year_of_rotations_every_process_reads_what_any_made(manager, process, clock, made, read):
    """Four processes look at different moments; a fifth begins at each step. None may ever meet an unknown key.

    A stranger's forgery spends, just before each step, the one look at Secrets Manager that an unknown key is worth.
    """
    forged = "v4.local.AAAA.AAAA" if made == FLOW else "v4.public.AAAA.AAAA"
    makers, readers = [process(made) for _ in range(2)], [process(read) for _ in range(2)]
    for month in range(8):
        rotation = Rotation(manager, made, f"{month:032}")
        for steps in [STEPS] if month % 2 else [[step] for step in STEPS]:  # AWS takes them within seconds
            for reader in readers:
                with pytest.raises(Unauthenticated):
                    await reader.read(forged)
            clock.meet()
            for step in steps:
                rotation.take(step)
            for later in (0, MAX_AGE_SECONDS - 1, 2, SETTLED):
                clock.passed += later
                token = await makers[month // 2 % 2].make({"at": clock.passed}, 60)
                fresh = await process(made).make({"at": clock.passed}, 60)
                for reader in (*readers, process(read)):
                    assert (await reader.read(token))["at"] == (await reader.read(fresh))["at"] == clock.passed
        clock.passed += 30 * DAY


async def test_the_current_key_makes_nothing_before_everybody_has_read_it(manager, process, clock):
    early = process(FLOW)
    key_of = lambda token: token.rpartition(".")[2]  # noqa: E731
    before = key_of(await early.make({}, 60))
    rotate(manager, FLOW)
    clock.passed += MAX_AGE_SECONDS + 1
    assert key_of(await early.make({}, 60)) == key_of(await process(FLOW).make({}, 60)) == before
    clock.passed += SETTLED
    assert key_of(await early.make({}, 60)) != before


async def test_a_token_of_thirty_days_outlives_two_rotations_and_not_three(manager, process, clock):
    """Sealed in the last moment of its key's month, it is offered in the last moment of its own."""
    tokens = process(FLOW)
    token = await tokens.make({}, 365 * DAY)
    for _ in range(2):
        rotate(manager, FLOW)
        clock.meet()
        clock.passed += SETTLED
        assert await tokens.read(token)
    assert set(holders(manager, FLOW)) == {CURRENT, PREVIOUS, RETIRED}
    rotate(manager, FLOW)
    clock.passed += SETTLED
    with pytest.raises(Unauthenticated):
        await tokens.read(token)


@pytest.mark.parametrize("reads", range(5))
async def test_a_rotation_in_the_midst_of_a_look_hides_no_key(aws, manager, clock, process, reads):
    """The look is four calls; the rotation happens after any of them."""
    token = await process(FLOW).make({}, 60)
    rotate(manager, FLOW)
    client = await aws.client("secretsmanager")

    class Slow:
        """Secrets Manager, in which a rotation happens between two calls."""

        exceptions = client.exceptions
        calls = 0

        async def get_secret_value(self, **asked):
            if self.calls == reads:
                rotate(manager, FLOW)
            self.calls += 1
            return await client.get_secret_value(**asked)

    looking = Tokens(KeyRing(secret_versions(Slow(), FLOW, now=clock.wall), clock=clock.monotonic), "probe")
    assert await looking.read(token) == await process(FLOW).read(token)


async def test_a_secret_of_before_is_read_although_it_has_no_label_of_ours(manager, process, clock):
    """What was rotated in the console, without our function."""
    tokens = process(FLOW)
    token = await tokens.make({}, 60)
    manager.put_secret_value(SecretId=FLOW, SecretString=rotation_module._new_symmetric())
    clock.passed += SETTLED
    assert await tokens.read(token)
    assert await process(FLOW).read(await tokens.make({}, 60))
