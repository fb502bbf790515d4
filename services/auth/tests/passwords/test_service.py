"""What Cognito answers about passwords and the emulator does not, in the real service's words."""

import pytest
from pydantic import SecretStr

from auth_service.dependencies import make_accounts
from auth_service.lockouts.domain import subject_of
from auth_service.passwords.errors import WrongResetCode
from auth_service.passwords.schemas import ResetPassword
from auth_service.passwords.service import PasswordService
from servicekit.errors import DependencyUnavailable, TokenExpired
from servicekit.keys import key_ring
from servicekit.tokens import Tokens

FORGOT, RESET = "forgot_password", "confirm_forgot_password"


@pytest.fixture
async def flows(settings, aws) -> Tokens:
    return Tokens(await key_ring(aws, settings.resource("flow")), "password_reset_session")


@pytest.fixture
async def passwords(settings, aws, stubbed, stubbed_lockouts, stubbed_log, flows) -> PasswordService:
    accounts = await make_accounts(settings, aws, stubbed.pool, stubbed_lockouts)
    return PasswordService(
        pool=stubbed.pool,
        accounts=accounts,
        renewals=None,
        ends=None,
        lockouts=stubbed_lockouts,
        log=stubbed_log,
        flows=flows,
    )


async def wish(flows: Tokens, login: str, seconds: float = 60) -> ResetPassword:
    flow = await flows.make({"login": login}, seconds)
    return ResetPassword(flow=flow, code="123456", new_password=SecretStr("tin whistle orchestra"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidParameterException", "Cannot reset password for the user as there is no registered/verified email"),
        ("NotAuthorizedException", "User is disabled."),
        ("UserNotFoundException", "Username/client id combination not found."),
        ("LimitExceededException", "Attempt limit exceeded, please try after some time."),
        ("CodeDeliveryFailureException", "Email could not be sent."),
    ],
)
async def test_why_no_code_was_mailed_is_not_told(passwords, stubbed, namespace, code, message):
    stubbed.answers.add_client_error(FORGOT, code, message, http_status_code=400)
    assert (await passwords.forgot(namespace)).flow


async def test_that_cognito_is_away_is_told(passwords, stubbed, namespace):
    stubbed.answers.add_client_error(FORGOT, "TooManyRequestsException", http_status_code=429)
    with pytest.raises(DependencyUnavailable):
        await passwords.forgot(namespace)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("CodeMismatchException", "Invalid verification code provided, please try again."),
        ("ExpiredCodeException", "Invalid code provided, please request a code again."),
        ("NotAuthorizedException", "User is disabled."),
        ("UserNotConfirmedException", "User is not confirmed."),
        ("UserNotFoundException", "Username/client id combination not found."),
        ("LimitExceededException", "Attempt limit exceeded, please try after some time."),
        ("TooManyFailedAttemptsException", "Attempt limit exceeded."),
    ],
)
async def test_why_a_reset_was_refused_is_not_told(passwords, stubbed, flows, namespace, code, message):
    stubbed.answers.add_client_error(RESET, code, message, http_status_code=400)
    stubbed.answers.add_client_error("admin_initiate_auth", "NotAuthorizedException", http_status_code=400)
    with pytest.raises(WrongResetCode):
        await passwords.reset(await wish(flows, namespace), "")


async def test_a_reset_while_cognito_is_away_costs_no_try(passwords, stubbed, flows, namespace, valkey, settings):
    stubbed.answers.add_client_error(RESET, "InternalErrorException", http_status_code=500)
    with pytest.raises(DependencyUnavailable):
        await passwords.reset(await wish(flows, namespace), "")
    key = f"{settings.resource_prefix}:tries:code:{subject_of(f'reset {namespace}')}"
    assert await valkey.hget(key, "tries") == b"0"


async def test_a_flow_ends_with_its_time(passwords, flows, namespace):
    with pytest.raises(TokenExpired):
        await passwords.reset(await wish(flows, namespace, seconds=-1), "")
