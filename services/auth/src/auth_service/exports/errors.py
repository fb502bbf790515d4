"""What can be wrong with an export."""

from servicekit.errors import NotFound, RateLimited


class NoSuchExport(NotFound):
    """The caller has no export with this id, or not any more."""

    detail = "There is no such export, or it is too old."


class TooManyExports(RateLimited):
    """The caller has had as many copies as one gets in a day."""

    detail = "You have asked for a copy of your data twice within a day."
