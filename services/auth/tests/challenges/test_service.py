"""The answers to challenges that the emulator does not give: codes used twice, and challenges that are over."""

import time
from datetime import UTC, datetime

import pytest
from botocore.stub import ANY, Stubber
from jose import jwt

from auth_service.challenges.errors import ChallengeOver, TooSoon, WrongAnswer
from auth_service.challenges.service import ChallengeService
from auth_service.dependencies import make_accounts
from auth_service.lockouts.errors import LockedOut
from auth_service.recovery_codes.domain import totp
from auth_service.recovery_codes.errors import WrongRecoveryCode
from auth_service.recovery_codes.repository import RecoveryCodeRepository
from auth_service.recovery_codes.service import RecoveryCodeService
from auth_service.user_pool.models import Challenge
from servicekit.errors import DependencyUnavailable, TokenExpired
from servicekit.keys import key_ring
from servicekit.tokens import Tokens

SECRET = "JBSWY3DPEHPK3PXP"
RESPOND = "admin_respond_to_auth_challenge"
ASKED_AT = 1_700_000_000_000_000


@pytest.fixture
def user_id(namespace) -> str:
    return f"id-of-{namespace}"


@pytest.fixture
async def recovery(settings, aws) -> RecoveryCodeService:
    return RecoveryCodeService(
        RecoveryCodeRepository(await aws.client("dynamodb"), settings.resource("recovery-codes"))
    )


@pytest.fixture
async def flows(settings, aws) -> Tokens:
    return Tokens(await key_ring(aws, settings.resource("flow")), "totp_challenge_session")


@pytest.fixture
async def challenges(settings, aws, stubbed, stubbed_lockouts, stubbed_log, recovery, flows) -> ChallengeService:
    return ChallengeService(
        pool=stubbed.pool,
        accounts=await make_accounts(settings, aws, stubbed.pool, stubbed_lockouts),
        recovery=recovery,
        lockouts=stubbed_lockouts,
        log=stubbed_log,
        flows=flows,
    )


@pytest.fixture
def challenge(stubbed, user_id) -> Challenge:
    """A challenge of somebody whom Cognito knows."""
    expect_account(stubbed.answers, user_id)
    return Challenge("ada", "AYABeC1-y8qooiuysEv0uM4wAqQAHQABAAdTZXJ2aWNl", ASKED_AT)


def expect_account(answers: Stubber, user_id: str) -> None:
    answers.add_response(
        "admin_get_user",
        {
            "Username": "ada",
            "UserAttributes": [{"Name": "sub", "Value": user_id}, {"Name": "email", "Value": "ada@example.com"}],
            "UserCreateDate": datetime.now(UTC),
            "Enabled": True,
            "UserStatus": "CONFIRMED",
            "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"],
        },
    )


def tokens(user_id: str) -> dict[str, object]:
    claims = {"sub": user_id, "username": "ada", "origin_jti": "origin", "exp": int(time.time()) + 900}
    token = jwt.encode(claims, "any", algorithm="HS256")
    result = {"AccessToken": token, "RefreshToken": "refresh", "ExpiresIn": 900, "TokenType": "Bearer"}
    return {"AuthenticationResult": result}


async def test_the_answer_names_the_challenge_and_the_name_itself(challenges, challenge, stubbed, user_id):
    expected = {
        "UserPoolId": "us-east-1_stub",
        "ClientId": "client",
        "ChallengeName": "SOFTWARE_TOKEN_MFA",
        "Session": challenge.session,
        "ChallengeResponses": {"USERNAME": "ada", "SOFTWARE_TOKEN_MFA_CODE": "123456", "SECRET_HASH": ANY},
    }
    stubbed.answers.add_response(RESPOND, tokens(user_id), expected)
    assert (await challenges.answer(challenge, "123456")).session_id == "origin"


async def test_a_sign_in_with_an_authenticator_is_challenged_by_name(stubbed):
    stubbed.answers.add_response(
        "admin_initiate_auth",
        {
            "ChallengeName": "SOFTWARE_TOKEN_MFA",
            "Session": "session-of-twenty-characters",
            "ChallengeParameters": {"USER_ID_FOR_SRP": "ada", "FRIENDLY_DEVICE_NAME": "TOTP device"},
        },
    )
    found = await stubbed.pool.authenticate("ada@example.com", "correct horse battery")
    assert isinstance(found, Challenge)
    assert (found.username, found.session) == ("ada", "session-of-twenty-characters")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("CodeMismatchException", "Invalid code received for user"),
        ("ExpiredCodeException", "Your software token has already been used once."),
    ],
)
async def test_a_code_that_is_wrong_or_was_used_is_told_alike(challenges, challenge, stubbed, code, message):
    stubbed.answers.add_client_error(RESPOND, code, message, http_status_code=400)
    with pytest.raises(WrongAnswer):
        await challenges.answer(challenge, "123456")


async def test_a_challenge_that_was_answered_or_took_too_long_is_over(challenges, challenge, stubbed):
    message = "Invalid session for the user, session is expired."
    stubbed.answers.add_client_error(RESPOND, "NotAuthorizedException", message, http_status_code=400)
    with pytest.raises(ChallengeOver):
        await challenges.answer(challenge, "123456")


async def test_a_recovery_code_answers_with_the_authenticators_code(challenges, challenge, stubbed, recovery, user_id):
    code = (await recovery.replace(user_id, SECRET))[0]
    shown = ({"SOFTWARE_TOKEN_MFA_CODE": totp(SECRET, time.time() + step)} for step in (0, 30))
    near = [{"USERNAME": "ada", "SECRET_HASH": ANY} | one for one in shown]
    stubbed.answers.add_response(RESPOND, tokens(user_id), {"ChallengeResponses": OneOf(near), **ANY_CHALLENGE})
    await challenges.answer(challenge, code)
    with pytest.raises(WrongRecoveryCode):
        await recovery.open(user_id, code)


async def test_a_failure_of_cognito_costs_no_recovery_code(challenges, challenge, stubbed, recovery, user_id):
    code = (await recovery.replace(user_id, SECRET))[0]
    stubbed.answers.add_client_error(RESPOND, "InternalErrorException", http_status_code=500)
    with pytest.raises(DependencyUnavailable):
        await challenges.answer(challenge, code)
    assert await recovery.open(user_id, code) == SECRET


async def test_a_recovery_code_in_the_half_minute_of_a_sign_in_waits(challenges, challenge, stubbed, recovery, user_id):
    code = (await recovery.replace(user_id, SECRET))[0]
    stubbed.answers.add_client_error(RESPOND, "ExpiredCodeException", http_status_code=400)
    with pytest.raises(TooSoon) as refusal:
        await challenges.answer(challenge, code)
    assert refusal.value.headers == {"Retry-After": "30"}
    assert await recovery.open(user_id, code) == SECRET


async def test_the_second_of_two_with_one_recovery_code_gets_no_tokens(stubbed, challenges, challenge, user_id):
    """Both were answered by Cognito before either was noted down."""

    class Used:
        async def open(self, user_id: str, code: str) -> str:
            return SECRET

        async def use(self, user_id: str, code: str) -> None:
            raise WrongRecoveryCode

    challenges._recovery = Used()
    stubbed.answers.add_response(RESPOND, tokens(user_id))
    revoked = {"Token": "refresh", "ClientId": "client", "ClientSecret": "secret"}
    stubbed.answers.add_response("revoke_token", {}, revoked)
    with pytest.raises(WrongAnswer):
        await challenges.answer(challenge, "abcd-efgh-ijkl-mnop")


async def test_five_wrong_answers_and_the_sixth_waits(challenges, stubbed, user_id):
    challenge = Challenge("ada", "session-of-twenty-characters", ASKED_AT)
    for _ in range(5):
        expect_account(stubbed.answers, user_id)
        stubbed.answers.add_client_error(RESPOND, "CodeMismatchException", http_status_code=400)
        with pytest.raises(WrongAnswer):
            await challenges.answer(challenge, "123456")
    expect_account(stubbed.answers, user_id)
    with pytest.raises(LockedOut):
        await challenges.answer(challenge, "123456")


async def test_a_flow_ends_with_its_time(challenges, flows):
    old = await flows.make({"username": "ada", "session": "session", "wish": {}}, -1)
    with pytest.raises(TokenExpired):
        await challenges.meet(old, "123456", "")


ANY_CHALLENGE = {"UserPoolId": ANY, "ClientId": ANY, "ChallengeName": ANY, "Session": ANY}


class OneOf:
    """Equal to any of some values, which ANY within them makes wide."""

    def __init__(self, values: list[dict[str, object]]) -> None:
        self._values = values

    def __eq__(self, other: object) -> bool:
        return other in self._values

    __hash__ = None
