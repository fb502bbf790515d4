"""What can be wrong with a recovery code."""

from messenger_contracts.problem import FieldError
from servicekit.errors import ValidationFailed


class WrongRecoveryCode(ValidationFailed):
    """Not one of the person's, or one that was used."""

    def __init__(self) -> None:
        super().__init__(errors=[FieldError(pointer="/code", detail="is none of your recovery codes that are left")])
