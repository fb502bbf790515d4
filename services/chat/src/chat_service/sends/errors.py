"""What can go wrong with a send."""

from messenger_contracts.problem import ErrorCode
from servicekit.errors import ServiceError


class IdempotencyMismatch(ServiceError):
    """The sender has used this id for another message."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH
    detail = "Another message was sent under this client_id."
