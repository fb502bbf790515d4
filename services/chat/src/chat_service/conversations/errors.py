"""What can go wrong with conversations."""

from messenger_contracts.problem import ErrorCode, FieldError
from servicekit.errors import ServiceError, ValidationFailed


class NotMember(ServiceError):
    """The caller is not in the conversation, or there is none: a caller cannot tell which."""

    code = ErrorCode.NOT_MEMBER
    detail = "You are not in such a conversation."


def invalid(pointer: str, detail: str) -> ValidationFailed:
    """A request that is wrong in one place."""
    return ValidationFailed(errors=[FieldError(pointer=pointer, detail=detail)])
