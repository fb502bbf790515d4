"""When a refresh token is good.

Decision. Each refresh moves the session to the next generation, and only the token of the present one is good. A token
of an older generation in use means that two hold it, the person and a thief, and nobody can tell which is which: the
session ends. One exception keeps honest clients signed in: for a minute after a refresh the token just replaced is
answered with one of the *present* generation, because the first answer may have been lost, or two tabs have asked at
once. A thief gains no more by that than by the stolen token itself: whoever of the two comes later than the minute
ends the session for both.
"""

from enum import Enum

GRACE_SECONDS = 60


class Verdict(Enum):
    """What to do about a refresh token."""

    ROTATE = "rotate"
    REPEAT = "repeat"
    END = "end"


def judge(presented: int, present: int, rotated_at: int, now: int) -> Verdict:
    """What a token of one generation deserves in a session of another. Times are in seconds."""
    if presented == present:
        return Verdict.ROTATE
    if presented == present - 1 and now - rotated_at <= GRACE_SECONDS:
        return Verdict.REPEAT
    return Verdict.END
