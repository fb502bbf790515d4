"""The refusal of a try."""

from servicekit.errors import RateLimited


class LockedOut(RateLimited):
    """There were too many wrong tries; said of logins that nobody has, too."""

    detail = "There were too many tries: wait before the next one."

    def __init__(self, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})
