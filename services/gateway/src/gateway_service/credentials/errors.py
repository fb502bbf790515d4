"""What can be wrong with a credential beyond its signature."""

from servicekit.errors import Unauthenticated


class SessionOver(Unauthenticated):
    """The session was ended."""

    detail = "The session has ended: sign in again."
