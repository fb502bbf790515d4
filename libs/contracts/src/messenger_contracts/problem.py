"""The one error body (RFC 9457) and the codes that programs may branch on."""

from enum import StrEnum

from pydantic import Field

from messenger_contracts.shapes import Shape

PROBLEM_MEDIA_TYPE = "application/problem+json"


class ErrorCode(StrEnum):
    """A stable name for what went wrong; ``status`` and ``retryable`` follow from it."""

    VALIDATION_FAILED = "validation_failed"
    UNAUTHENTICATED = "unauthenticated"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a code, not a secret
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    NOT_MEMBER = "not_member"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    PRECONDITION_FAILED = "precondition_failed"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    UPLOAD_INCOMPLETE = "upload_incomplete"
    RATE_LIMITED = "rate_limited"
    CURSOR_EXPIRED = "cursor_expired"
    EPOCH_CHANGED = "epoch_changed"
    DEPENDENCY_UNAVAILABLE = "dependency_unavailable"
    INTERNAL = "internal"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return _STATUS[self]

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without being changed."""
        return self in _RETRYABLE

    @property
    def summary(self) -> str:
        """A short sentence for people, the same for every occurrence."""
        return self.value.replace("_", " ").capitalize()


_STATUS = {
    ErrorCode.VALIDATION_FAILED: 422,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.TOKEN_EXPIRED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.NOT_MEMBER: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.CONFLICT: 409,
    ErrorCode.PRECONDITION_FAILED: 412,
    ErrorCode.IDEMPOTENCY_MISMATCH: 422,
    ErrorCode.IDEMPOTENCY_IN_PROGRESS: 409,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA: 415,
    ErrorCode.UPLOAD_INCOMPLETE: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.CURSOR_EXPIRED: 410,
    ErrorCode.EPOCH_CHANGED: 410,
    ErrorCode.DEPENDENCY_UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}

_RETRYABLE = frozenset(
    {
        ErrorCode.IDEMPOTENCY_IN_PROGRESS,
        ErrorCode.RATE_LIMITED,
        ErrorCode.DEPENDENCY_UNAVAILABLE,
        ErrorCode.INTERNAL,
    }
)


class FieldError(Shape):
    """One thing that is wrong with a request."""

    pointer: str = Field(
        description="JSON pointer (RFC 6901) into the body, or `query/name`, `path/name`, `header/name`"
    )
    detail: str


class Problem(Shape):
    """RFC 9457 problem details, with our members `code`, `retryable`, `trace_id` and `errors`."""

    type: str = Field(description="`urn:messenger:problem:<code>`")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for")
    code: ErrorCode
    retryable: bool
    trace_id: str
    errors: list[FieldError] = []

    @classmethod
    def of(
        cls,
        code: ErrorCode,
        detail: str,
        *,
        instance: str,
        trace_id: str,
        errors: list[FieldError] | None = None,
    ) -> "Problem":
        """Make the problem that a code stands for."""
        return cls(
            type=f"urn:messenger:problem:{code}",
            title=code.summary,
            status=code.status,
            detail=detail,
            instance=instance,
            code=code,
            retryable=code.retryable,
            trace_id=trace_id,
            errors=errors or [],
        )
