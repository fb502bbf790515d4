"""What can go wrong between a client and the gateway: it could not be reached, it said no, or it ended the session."""

from dataclasses import dataclass, field

from messenger_contracts.problem import FieldError


class Unreachable(Exception):
    """No answer: whether the request took effect is not known."""


class SessionEnded(Exception):
    """The session was revoked or the account is gone: only signing in again helps."""


@dataclass
class Refused(Exception):
    """An answer that says no.

    Attributes:
        status: the HTTP status; 0 when it came by socket.
        code: one of `messenger_contracts.problem.ErrorCode`, or one that this client does not know yet.
        retry_after: seconds to wait, when the server named them.
    """

    status: int
    code: str
    detail: str
    retryable: bool = False
    retry_after: float | None = None
    errors: list[FieldError] = field(default_factory=list)

    def __str__(self) -> str:
        """Say it in one line."""
        wrong = "; ".join(f"{error.pointer}: {error.detail}" for error in self.errors)
        return f"{self.code}: {self.detail}{f' ({wrong})' if wrong else ''}"
