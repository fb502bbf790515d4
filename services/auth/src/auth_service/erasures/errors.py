"""What can be wrong with an erasure."""

from servicekit.errors import NotFound


class NoSuchErasure(NotFound):
    """The receipt is not one of ours, or too old to be told anything about."""

    detail = "There is no such receipt, or it is too old."
