"""What can be wrong with a wish about an authenticator."""

from messenger_contracts.problem import FieldError
from servicekit.errors import ValidationFailed


class WrongPassword(ValidationFailed):
    """The password is not the person's. No 401: the session of who asks is as good as before."""

    def __init__(self) -> None:
        super().__init__(errors=[FieldError(pointer="/password", detail="is wrong")])


class NothingToTakeOff(ValidationFailed):
    """The account has no authenticator."""

    def __init__(self) -> None:
        super().__init__(errors=[FieldError(pointer="/code", detail="is of no use: the account has no authenticator")])
