"""Cognito's errors in our words, in one place.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/CommonErrors.html and each operation's own.
"""

from collections.abc import Callable

from botocore.exceptions import ClientError

from messenger_contracts.problem import FieldError
from servicekit.errors import (
    Conflict,
    DependencyUnavailable,
    Forbidden,
    RateLimited,
    ServiceError,
    Unauthenticated,
    ValidationFailed,
)


class Refused(Unauthenticated):
    """Wrong password, unknown or disabled account, revoked token: Cognito does not say which, nor do we."""

    detail = "The login or the password is wrong."


class UnknownAccount(Refused):
    """Nobody has this name. Only calls that no stranger can see tell it apart."""


class NotVerified(Forbidden):
    """The account's address was never verified."""

    detail = "Verify your e-mail address first: enter the code that we sent to it."


class UsernameTaken(Conflict):
    """Somebody has the username."""

    detail = "This username is taken."


class AddressTaken(Conflict):
    """Another account has the address; only who can read its mail hears of it."""

    detail = "An account with this e-mail address exists already: sign in to that one."


class MailFailed(DependencyUnavailable):
    """A mail could not be sent; only for an account that is there."""


class Rejected(ValidationFailed):
    """Cognito does not take a parameter."""


class WrongCode(ValidationFailed):
    """A code is wrong, too old, or was used before."""

    def __init__(self, detail: str = "is not the code that we sent") -> None:
        super().__init__(errors=[FieldError(pointer="/code", detail=detail)])


class NoAuthenticator(Conflict):
    """The account has no authenticator, or none that waits for its first code."""

    detail = "No authenticator waits for a code: begin anew."


def _field(pointer: str, detail: str) -> Callable[[], ServiceError]:
    return lambda: ValidationFailed(errors=[FieldError(pointer=pointer, detail=detail)])


_TRANSLATIONS: dict[str, Callable[[], ServiceError]] = {
    "NotAuthorizedException": Refused,
    "PasswordResetRequiredException": Refused,
    "UserNotFoundException": UnknownAccount,
    "UserNotConfirmedException": NotVerified,
    "UsernameExistsException": UsernameTaken,
    "AliasExistsException": AddressTaken,
    "InvalidParameterException": Rejected,
    "InvalidPasswordException": _field("/password", "is too weak"),
    "CodeMismatchException": WrongCode,
    "EnableSoftwareTokenMFAException": WrongCode,
    "ExpiredCodeException": lambda: WrongCode("is too old: ask for another"),
    "SoftwareTokenMFANotFoundException": NoAuthenticator,
    "LimitExceededException": RateLimited,
    "TooManyFailedAttemptsException": RateLimited,
    "CodeDeliveryFailureException": MailFailed,
    "InternalErrorException": DependencyUnavailable,
    "ServiceUnavailable": DependencyUnavailable,
    "ServiceUnavailableException": DependencyUnavailable,
    "Throttling": DependencyUnavailable,
    "ThrottlingException": DependencyUnavailable,
    "TooManyRequestsException": DependencyUnavailable,
}


def translate(error: ClientError) -> Exception:
    """Our error for one of Cognito's; one that only a mistake of ours can cause stays what it is."""
    translation = _TRANSLATIONS.get(error.response["Error"]["Code"])
    if translation:
        return translation()
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return DependencyUnavailable() if status >= 500 else error
