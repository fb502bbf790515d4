"""A session while Cognito is in trouble."""

import pytest
from botocore.stub import Stubber

from auth_service.dependencies import make_devices, make_log, make_rows, open_announcer, session_keys
from auth_service.sessions.ends import SessionEnds
from auth_service.sessions.models import Client
from auth_service.sessions.renewals import SessionRenewals
from auth_service.sessions.schemas import Refresh
from auth_service.user_pool.repository import UserPool
from servicekit.aws import Aws
from servicekit.errors import DependencyUnavailable
from servicekit.testing import REGION


@pytest.fixture
async def troubled(settings, aws):
    """What renews sessions, and what ends them, with a Cognito that answers what a test says."""
    async with Aws(REGION) as other, open_announcer(settings, aws) as announcer:
        cognito = await other.client("cognito-idp")
        with Stubber(cognito) as answers:
            pool = UserPool(cognito, settings.user_pool_id, "client", "secret")
            rows = await make_rows(settings, aws)
            keys, devices = await session_keys(settings, aws), await make_devices(settings, aws)
            log = await make_log(settings, aws, pool)
            ends = SessionEnds(pool=pool, sessions=rows, announcer=announcer, seals=keys.seals, log=log)
            renewals = SessionRenewals(pool=pool, sessions=rows, ends=ends, devices=devices, keys=keys)
            yield ends, renewals, answers


async def test_a_refresh_that_cognito_could_not_do_costs_no_token(signed_in, troubled):
    _, renewals, answers = troubled
    answers.add_client_error("admin_initiate_auth", "TooManyRequestsException", http_status_code=429)
    with pytest.raises(DependencyUnavailable):
        await renewals.refresh(Refresh(refresh_token=signed_in.tokens["refresh_token"]), Client())
    assert (await signed_in.refresh()).status_code == 200


async def test_a_sign_out_that_cognito_could_not_do_is_one(signed_in, troubled):
    ends, _, answers = troubled
    answers.add_client_error("revoke_token", "InternalErrorException", http_status_code=500)
    await ends.end_others(signed_in.principal.model_copy(update={"session_id": "another"}))
    assert (await signed_in.refresh()).status_code == 401
