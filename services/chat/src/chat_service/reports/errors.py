"""What can go wrong with reports."""

from servicekit.errors import Conflict, Forbidden, NotFound


class OwnMessage(Conflict):
    """Nobody reports what he or she said: it can be deleted."""

    detail = "This is your own message: delete it instead."


class NotModerator(Forbidden):
    """The reports of others are for moderators."""

    detail = "Only moderators may see reports."


class ReportNotFound(NotFound):
    """There is no such report."""

    detail = "There is no such report."


class ReportClosed(Conflict):
    """Somebody has decided on the report already, and otherwise."""

    detail = "The report was closed already."
