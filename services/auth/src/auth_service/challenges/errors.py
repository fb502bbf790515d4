"""What can be wrong with an answer to a challenge."""

from messenger_contracts.problem import FieldError
from servicekit.errors import RateLimited, Unauthenticated, ValidationFailed


class ChallengeOver(Unauthenticated):
    """The challenge was answered, or took too long."""

    detail = "That took too long: sign in again."


class WrongAnswer(ValidationFailed):
    """Neither the authenticator's code nor a recovery code that is left."""

    def __init__(self) -> None:
        super().__init__(
            errors=[FieldError(pointer="/code", detail="is not your authenticator's present code, or was used before")]
        )


class CodeDue(ValidationFailed):
    """The account has an authenticator, and its code is missing."""

    def __init__(self) -> None:
        super().__init__(
            errors=[FieldError(pointer="/code", detail="is needed: the account has an authenticator already")]
        )


class TooSoon(RateLimited):
    """The recovery code is right and still good, but the authenticator's code of this half minute is spent."""

    detail = "Wait half a minute and send the recovery code again."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "30"})
