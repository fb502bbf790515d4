"""What can go wrong with messages."""

from servicekit.errors import NotFound


class MessageNotFound(NotFound):
    """The conversation has no such message."""

    detail = "There is no such message."
