"""What can go wrong with conversations."""

from messenger_contracts.problem import ErrorCode, FieldError
from servicekit.errors import Forbidden, ServiceError, ValidationFailed


class NotMember(ServiceError):
    """The caller is not in the conversation, or there is none: a caller cannot tell which."""

    code = ErrorCode.NOT_MEMBER
    detail = "You are not in such a conversation."


class ClosedInbox(Forbidden):
    """The other person takes no messages from the caller. Whether that is a block is not told."""

    detail = "This person does not accept messages."


class Blocking(Forbidden):
    """The caller blocks the other person, and so cannot write either."""

    detail = "You have blocked this person."


class EpochChanged(ServiceError):
    """The log was restored from a backup: what the caller knows of its places is void."""

    code = ErrorCode.EPOCH_CHANGED
    detail = "The log was restored from a backup: start again, from its beginning."


class NotGroup(Forbidden):
    """The thing is for groups alone, and the conversation is a direct one."""

    detail = "A direct conversation does not have this."


class RoleRequired(Forbidden):
    """The caller is in the group, but has not the role that this takes."""

    detail = "Your role in the group does not allow this."


def invalid(pointer: str, detail: str) -> ValidationFailed:
    """A request that is wrong in one place."""
    return ValidationFailed(errors=[FieldError(pointer=pointer, detail=detail)])
