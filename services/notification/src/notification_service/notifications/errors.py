"""What can go wrong with a notification."""

from servicekit.errors import NotFound


class NotificationNotFound(NotFound):
    """It is not there, was deleted, or is somebody else's."""

    detail = "There is no such notification."
