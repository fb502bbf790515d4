"""Sign-ins that all sessions' end overtakes: asked for before it, and about to begin after it."""

import pytest
from pydantic import SecretStr

from auth_service.challenges.dependencies import make_challenges
from auth_service.dependencies import make_accounts, make_devices, make_log, make_rows, open_announcer, session_keys
from auth_service.lockouts.dependencies import open_lockouts
from auth_service.recovery_codes.dependencies import make_recovery
from auth_service.sessions.ends import SessionEnds
from auth_service.sessions.errors import Overtaken
from auth_service.sessions.models import Client
from auth_service.sessions.schemas import SignIn
from auth_service.sessions.service import SessionService
from auth_service.user_pool.errors import Refused
from auth_service.user_pool.repository import UserPool, present
from servicekit.keys import key_ring

OLD, NEW = "correct horse battery", "tin whistle orchestra"
RESET_CODE = "654321"


class SlowPool(UserPool):
    """A pool whose word that a password is right takes as long as something else; notes what it is told to revoke."""

    async def meanwhile(self):
        """Nothing, unless a test says otherwise."""

    async def authenticate(self, login, password):
        found = await super().authenticate(login, password)
        await self.meanwhile()
        return found

    async def revoke(self, refresh_token):
        await super().revoke(refresh_token)
        self.revoked = refresh_token


@pytest.fixture
async def slow(settings, aws):
    """What begins sessions, on a pool that takes its time."""
    pool = await SlowPool.open(await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id)
    rows, keys, log = (
        await make_rows(settings, aws),
        await session_keys(settings, aws),
        await make_log(settings, aws, pool),
    )
    flows = await key_ring(aws, settings.resource("flow"))
    async with open_announcer(settings, aws) as announcer, open_lockouts(settings, log) as lockouts:
        accounts = await make_accounts(settings, aws, pool, lockouts)
        recovery = await make_recovery(settings, aws)
        sessions = SessionService(
            pool=pool,
            accounts=accounts,
            sessions=rows,
            ends=SessionEnds(pool=pool, sessions=rows, announcer=announcer, seals=keys.seals, log=log),
            devices=await make_devices(settings, aws),
            lockouts=lockouts,
            challenges=make_challenges(flows, pool, accounts, recovery, lockouts, log),
            keys=keys,
            log=log,
            days=30,
        )
        yield pool, sessions, rows, accounts


async def change(person):
    return await person.post("password/change", old_password=OLD, new_password=NEW)


async def reset(person):
    flow = (await person.post("password/forgot", login=person.username)).json()["flow"]
    return await person.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW)


async def sign_out_everywhere(person):
    return await person.post("sign-out", everywhere=True)


async def erase(person):
    return await person.request("DELETE", "me")


@pytest.mark.parametrize(("end", "left"), [(change, 1), (reset, 0), (sign_out_everywhere, 0), (erase, 0)])
async def test_a_sign_in_under_way_is_overtaken(signed_in, slow, end, left):
    pool, sessions, rows, _ = slow

    async def meanwhile():
        assert (await end(signed_in)).is_success

    pool.meanwhile = meanwhile
    with pytest.raises(Overtaken):
        await sessions.sign_in(SignIn(login=signed_in.username, password=SecretStr(OLD)), Client())
    assert len(await rows.of_person(signed_in.user_id)) == left


async def test_what_cognito_gave_for_it_is_void(signed_in, slow):
    pool, sessions, *_ = slow

    async def meanwhile():
        await sign_out_everywhere(signed_in)

    pool.meanwhile = meanwhile
    with pytest.raises(Overtaken):
        await sessions.sign_in(SignIn(login=signed_in.username, password=SecretStr(OLD)), Client())
    with pytest.raises(Refused):
        await pool.refresh(signed_in.username, pool.revoked)


async def test_who_is_erased_meanwhile_is_not_remembered(signed_in, slow):
    pool, sessions, _, accounts = slow

    async def meanwhile():
        assert (await erase(signed_in)).status_code == 202

    pool.meanwhile = meanwhile
    with pytest.raises(Overtaken):
        await sessions.sign_in(SignIn(login=signed_in.username, password=SecretStr(OLD)), Client())
    assert await accounts.people([signed_in.user_id]) == []


async def test_who_is_erased_meanwhile_keeps_no_name_from_others(signed_in, slow, somebody):
    pool, sessions, _, accounts = slow

    async def meanwhile():
        assert (await erase(signed_in)).status_code == 202
        await accounts.release(signed_in.username)  # as the worker does in the end

    pool.meanwhile = meanwhile
    with pytest.raises(Overtaken):
        await sessions.sign_in(SignIn(login=signed_in.username, password=SecretStr(OLD)), Client())
    await pool.delete(signed_in.user_id)
    assert (await somebody().sign_up(username=signed_in.username)).status_code == 201


async def test_a_cutoff_never_goes_back(signed_in, slow):
    _, _, rows, _ = slow
    session = (await rows.of_person(signed_in.user_id))[0]
    cutoff = present()
    await rows.cut_off(signed_in.user_id, cutoff)
    await rows.cut_off(signed_in.user_id, cutoff - 9)
    assert [await rows.add(session, cutoff + later) for later in (-1, 0, 1)] == [False, False, True]
