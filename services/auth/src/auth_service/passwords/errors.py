"""What can be wrong with a wish for another password."""

from messenger_contracts.problem import FieldError
from servicekit.errors import ValidationFailed


class WrongPassword(ValidationFailed):
    """The old password is not the person's. No 401: the session of who asks is as good as before."""

    def __init__(self) -> None:
        super().__init__(errors=[FieldError(pointer="/old_password", detail="is wrong")])


class PoorPassword(ValidationFailed):
    """The new password is not good enough for this person."""

    def __init__(self, flaw: str, pointer: str = "/new_password") -> None:
        super().__init__(errors=[FieldError(pointer=pointer, detail=flaw)])


class WrongResetCode(ValidationFailed):
    """The code of a reset is wrong, too old or used, or the login is nobody's: it is not said which."""

    def __init__(self) -> None:
        super().__init__(
            errors=[FieldError(pointer="/code", detail="is not the code that we sent last, or is too old")]
        )
