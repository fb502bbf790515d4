"""The rules of erasures: names, times, and what counts as done. No I/O."""

import hashlib
from collections.abc import Mapping

from auth_service.erasures.models import Erasure

ASK_AGAIN_SECONDS = 60
"""After that, a service that still has something is told again."""
CLAIM_SECONDS = 60
"""How long one worker has an erasure to itself: if it dies, another goes on then."""
LONGEST_PAUSE_SECONDS = 20
"""A look costs a few counts in each service, and somebody waits for it."""
RECEIPT_SECONDS = 60 * 24 * 3600
"""For how long a receipt can be checked: as long as the key that signed it is kept, and past the month that the GDPR
gives (Article 12 (3))."""
NO_ANSWER = -1


def erasure_id(user_id: str) -> str:
    """The one erasure of a person. Ids of people are random, so that nobody can find the person of an erasure."""
    return hashlib.sha256(f"erasure:{user_id}".encode()).hexdigest()[:32]


def pause(tries: int) -> int:
    """Seconds until the next look: 1, 2, 4, … at most twenty."""
    return min(1 << min(tries, 8), LONGEST_PAUSE_SECONDS)


def totals(remains: Mapping[str, Mapping[str, int] | None]) -> dict[str, int]:
    """How many things each service has left; `NO_ANSWER` where that is not known."""
    return {name: NO_ANSWER if left is None else sum(left.values()) for name, left in remains.items()}


def is_settled(erasure: Erasure, left: Mapping[str, int], now: int, settle: int) -> bool:
    """Whether nothing is left, and nothing can come any more: what was under way when it began has ended."""
    return now - erasure.requested_at >= settle and not any(left.values())


def is_forgotten(erasure: Erasure, now: int) -> bool:
    """Whether the services are to be told once more."""
    return now - erasure.asked_at >= ASK_AGAIN_SECONDS
