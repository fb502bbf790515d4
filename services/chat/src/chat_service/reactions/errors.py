"""What can go wrong with reactions."""

from servicekit.errors import Conflict


class TooManyKinds(Conflict):
    """A message has as many kinds of reactions as one can have."""

    detail = "The message has too many kinds of reactions: use one of those that it has."
