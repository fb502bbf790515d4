"""What can go wrong with messages."""

from messenger_contracts.problem import ErrorCode
from servicekit.errors import NotFound, ServiceError


class IdempotencyMismatch(ServiceError):
    """The sender has used this id for another message."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH
    detail = "Another message was sent under this client_id."


class MessageNotFound(NotFound):
    """The conversation has no such message."""

    detail = "There is no such message."
