"""What can go wrong with the members of a group."""

from servicekit.errors import Conflict, Forbidden, NotFound


class MemberNotFound(NotFound):
    """The conversation has no such member, or there is no such person at all."""

    detail = "There is no such person here."


class Removed(Forbidden):
    """Who was removed from a group does not come back by an invite."""

    detail = "You were removed from this group: one of its admins can take you in again."


class GroupFull(Conflict):
    """The group has as many members as it may."""

    detail = "The group cannot take that many more members."


class LastOwner(Conflict):
    """A group with members needs an owner."""

    detail = "Make somebody else an owner first."
