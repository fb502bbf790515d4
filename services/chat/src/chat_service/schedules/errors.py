"""What can go wrong with messages that wait."""

from servicekit.errors import Conflict, NotFound


class ScheduledNotFound(NotFound):
    """No such message of the caller's waits: it was sent, or cancelled, or there was none."""

    detail = "No such message of yours waits in this conversation."


class TooManyScheduled(Conflict):
    """As many messages of the caller's wait as can."""

    detail = "Too many messages of yours wait in this conversation: cancel one first."


class Unreadable(Conflict):
    """The message was handed in by rules that hold no more."""

    detail = "The message does not follow the rules that hold now."
