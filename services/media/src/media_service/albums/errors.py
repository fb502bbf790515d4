"""What can be wrong with an album."""

from servicekit.errors import Conflict, Forbidden, NotFound


class AlbumNotFound(NotFound):
    """There is no such album, or it is not shared with the caller."""

    detail = "There is no such album."


class NotYours(Forbidden):
    """The caller's role does not allow it."""

    detail = "Your role in this album does not allow this."


class AlbumFull(Conflict):
    """An album holds as many files as it may."""

    detail = "This album holds as many files as it may."
