"""Cognito's errors, and that it may be away."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from auth_service.user_pool.repository import UserPool
from messenger_contracts.problem import ErrorCode
from servicekit.errors import DependencyUnavailable, ServiceError


class Unreachable:
    """A client whose retries are over."""

    async def resend_confirmation_code(self, **_: str) -> None:
        raise EndpointConnectionError(endpoint_url="https://cognito-idp.us-east-1.amazonaws.com")


TRANSLATED = {
    "NotAuthorizedException": ErrorCode.UNAUTHENTICATED,
    "UserNotFoundException": ErrorCode.UNAUTHENTICATED,
    "PasswordResetRequiredException": ErrorCode.UNAUTHENTICATED,
    "UserNotConfirmedException": ErrorCode.FORBIDDEN,
    "UsernameExistsException": ErrorCode.CONFLICT,
    "AliasExistsException": ErrorCode.CONFLICT,
    "InvalidParameterException": ErrorCode.VALIDATION_FAILED,
    "InvalidPasswordException": ErrorCode.VALIDATION_FAILED,
    "CodeMismatchException": ErrorCode.VALIDATION_FAILED,
    "EnableSoftwareTokenMFAException": ErrorCode.VALIDATION_FAILED,
    "SoftwareTokenMFANotFoundException": ErrorCode.CONFLICT,
    "ExpiredCodeException": ErrorCode.VALIDATION_FAILED,
    "LimitExceededException": ErrorCode.RATE_LIMITED,
    "TooManyFailedAttemptsException": ErrorCode.RATE_LIMITED,
    "TooManyRequestsException": ErrorCode.DEPENDENCY_UNAVAILABLE,
    "CodeDeliveryFailureException": ErrorCode.DEPENDENCY_UNAVAILABLE,
    "InternalErrorException": ErrorCode.DEPENDENCY_UNAVAILABLE,
}


@pytest.mark.parametrize(("code", "ours"), TRANSLATED.items())
async def test_an_error_of_cognito_is_one_of_ours(stubbed, code, ours):
    stubbed.answers.add_client_error("admin_initiate_auth", code, http_status_code=400)
    with pytest.raises(ServiceError) as refusal:
        await stubbed.pool.authenticate("ada", "correct horse")
    assert refusal.value.code is ours


async def test_an_unknown_failure_of_cognito_is_unavailability(stubbed):
    stubbed.answers.add_client_error("resend_confirmation_code", "Strange", http_status_code=502)
    with pytest.raises(DependencyUnavailable):
        await stubbed.pool.resend("ada")


async def test_a_mistake_of_ours_is_not_hidden(stubbed):
    stubbed.answers.add_client_error("resend_confirmation_code", "ResourceNotFoundException", http_status_code=400)
    with pytest.raises(ClientError):
        await stubbed.pool.resend("ada")


async def test_a_cognito_that_cannot_be_reached_is_unavailability():
    with pytest.raises(DependencyUnavailable):
        await UserPool(Unreachable(), "us-east-1_none", "client", "secret").resend("ada")


async def test_the_secret_hash_is_the_one_of_cognitos_guide(stubbed):
    """`echo -n "adaclient" | openssl dgst -sha256 -hmac secret -binary | openssl enc -base64`."""
    expected = {"ClientId": "client", "Username": "ada", "SecretHash": "FEW6rzXVdy2RLJp0KqkU9A6/pxQBq5FgsxTWe/Ot+CI="}
    stubbed.answers.add_response("resend_confirmation_code", {}, expected)
    await stubbed.pool.resend("ada")
