"""What can go wrong with messages."""

from servicekit.errors import Forbidden, NotFound


class MessageNotFound(NotFound):
    """The conversation has no such message, or none that the caller may see."""

    detail = "There is no such message."


class NotAuthor(Forbidden):
    """A message says what its author said: nobody else can edit it."""

    detail = "Only its author can edit a message."


class MayNotDelete(Forbidden):
    """Somebody else's message is deleted for everybody by those alone who look after the group."""

    detail = "Only its author, or an admin of the group, can delete a message for everybody."
