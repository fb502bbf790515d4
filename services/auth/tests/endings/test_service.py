"""The gateways hear of every end, also of one that came while Valkey was away."""

import pytest
from fastapi import FastAPI

from auth_service import worker
from auth_service.main import create
from auth_service.settings import AuthSettings
from messenger_contracts.realtime import revoked_sessions_key
from servicekit.testing import client_of, eventually


@pytest.fixture
def app(settings: AuthSettings) -> FastAPI:
    """An API that cannot reach Valkey."""
    return create(settings.model_copy(update={"valkey_url": "redis://127.0.0.1:1/0"}))


async def test_an_end_that_valkey_did_not_hear_is_announced_by_the_worker(signed_in, settings, valkey):
    session_id, revoked = signed_in.principal.session_id, revoked_sessions_key(settings.resource_prefix)
    assert (await signed_in.post("sign-out")).status_code == 204
    assert (await signed_in.refresh()).status_code == 401
    assert await valkey.zscore(revoked, session_id) is None
    async with client_of(worker.create(settings)) as process:
        await eventually(lambda: valkey.zscore(revoked, session_id))
        assert (await process.get("/readyz")).status_code == 200


async def test_everything_but_announcing_works_without_valkey(signed_in):
    assert (await signed_in.refresh()).status_code == 200
    assert (await signed_in.get("me")).status_code == 200
    assert (await signed_in.post("realtime-ticket")).status_code == 200
