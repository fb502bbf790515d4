"""The gateways hear of every end, also of one that came while Valkey was away."""

from copy import copy

import pytest

from auth_service import worker
from auth_service.main import create
from auth_service.settings import AuthSettings
from messenger_contracts.realtime import revoked_sessions_key
from servicekit.testing import client_of, eventually


@pytest.fixture
async def cut_off(signed_in, settings: AuthSettings):
    """A person who signed in before the API could reach Valkey no more."""
    async with client_of(create(settings.model_copy(update={"valkey_url": "redis://127.0.0.1:1/0"}))) as client:
        person = copy(signed_in)
        person._client = client
        yield person


async def test_an_end_that_valkey_did_not_hear_is_announced_by_the_worker(cut_off, settings, valkey):
    session_id, revoked = cut_off.principal.session_id, revoked_sessions_key(settings.resource_prefix)
    assert (await cut_off.post("sign-out")).status_code == 204
    assert (await cut_off.refresh()).status_code == 401
    assert await valkey.zscore(revoked, session_id) is None
    async with client_of(worker.create(settings)) as process:
        await eventually(lambda: valkey.zscore(revoked, session_id))
        assert (await process.get("/readyz")).status_code == 200


async def test_a_session_goes_on_without_valkey(cut_off):
    assert (await cut_off.refresh()).status_code == 200
    assert (await cut_off.get("me")).status_code == 200
    assert (await cut_off.get("sessions")).status_code == 200
    assert (await cut_off.post("realtime-ticket")).status_code == 200


async def test_nobody_signs_in_without_valkey(cut_off):
    answer = await cut_off.sign_in()
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
