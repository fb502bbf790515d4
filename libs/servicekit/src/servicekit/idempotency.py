"""`Idempotency-Key`: a request that creates something takes effect once, however often it is sent.

The answer is kept in the transaction of the effect and given again for a day. A refusal keeps nothing, so that the same
key may try again. While the first request is under way, others with its key are told so; they do not wait for it.
What creates by an id that the client chose needs none of this.

Here is what a request says and is answered; where answers are kept, each kind of store has a module of its own.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from messenger_contracts.problem import ErrorCode
from servicekit.errors import ServiceError
from servicekit.identity import CurrentUser

HOURS_KEPT = 24
REPLAY_HEADER = "Idempotency-Replay"

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Any text of the client's own: sent again with the same body within a day, it gets the same answer",
    ),
]

Body = TypeVar("Body", bound=BaseModel)


class KeyInUse(ServiceError):
    """The first request with the key has not been answered yet."""

    code = ErrorCode.IDEMPOTENCY_IN_PROGRESS
    detail = "A request with this Idempotency-Key is under way."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class KeyMismatch(ServiceError):
    """The key was used for another request."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH
    detail = "This Idempotency-Key was used for another request."


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that may be one of several sent for the same effect; without a key it stands for itself."""

    caller: str
    key: str | None
    fingerprint: bytes = b""


async def _attempt(request: Request, caller: CurrentUser, idempotency_key: IdempotencyKey = None) -> Attempt:
    if idempotency_key is None:
        return Attempt(caller.user_id, None)
    told = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    return Attempt(caller.user_id, idempotency_key, hashlib.blake2b(told, digest_size=16).digest())


CurrentAttempt = Annotated[Attempt, Depends(_attempt)]
"""The caller's request, as its `Idempotency-Key` names it."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[Body]):
    """What a request was answered, now or before."""

    body: Body
    status: int = 201
    replayed: bool = False

    def give(self, response: Response) -> Body:
        """Set status and headers of the response, and return its body."""
        response.status_code = self.status
        if self.replayed:
            response.headers[REPLAY_HEADER] = "true"
        return self.body
