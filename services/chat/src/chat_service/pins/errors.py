"""What can go wrong with pins."""

from servicekit.errors import Conflict


class TooManyPins(Conflict):
    """A conversation has as many pins as one can have."""

    detail = "The conversation has as many pinned messages as it can have: unpin one first."
