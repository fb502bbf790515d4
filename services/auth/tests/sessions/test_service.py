"""A session while Cognito is in trouble."""

import pytest
from botocore.stub import Stubber

from auth_service.dependencies import open_announcer, session_keys
from auth_service.sessions.repository import SessionRepository
from auth_service.sessions.service import SessionService
from auth_service.user_pool.repository import UserPool
from servicekit.aws import Aws
from servicekit.errors import DependencyUnavailable
from servicekit.testing import REGION


@pytest.fixture
async def troubled(settings, aws):
    """A service of sessions whose Cognito answers what a test says."""
    async with Aws(REGION) as other, open_announcer(settings, aws) as announcer:
        cognito = await other.client("cognito-idp")
        with Stubber(cognito) as answers:
            service = SessionService(
                pool=UserPool(cognito, settings.user_pool_id, "client", "secret"),
                accounts=None,
                sessions=SessionRepository(await aws.client("dynamodb"), settings.resource("sessions")),
                announcer=announcer,
                keys=await session_keys(settings, aws),
                days=settings.session_days,
            )
            yield service, answers


async def test_a_refresh_that_cognito_could_not_do_costs_no_token(signed_in, troubled):
    service, answers = troubled
    answers.add_client_error("admin_initiate_auth", "TooManyRequestsException", http_status_code=429)
    with pytest.raises(DependencyUnavailable):
        await service.refresh(signed_in.tokens["refresh_token"])
    assert (await signed_in.refresh()).status_code == 200


async def test_a_sign_out_that_cognito_could_not_do_is_one(signed_in, troubled):
    service, answers = troubled
    answers.add_client_error("revoke_token", "InternalErrorException", http_status_code=500)
    await service.sign_out(signed_in.principal, everywhere=False)
    assert (await signed_in.refresh()).status_code == 401
