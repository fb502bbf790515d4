"""What can go wrong with invites."""

from servicekit.errors import Conflict, NotFound


class InviteNotFound(NotFound):
    """There is no such invite, or it is no longer good: which of these is told to nobody."""

    detail = "This invite does not exist, or is no longer good."


class TooManyInvites(Conflict):
    """The group has as many good invites as it may."""

    detail = "The group has too many invites: revoke some first."
