"""What can be wrong with a session."""

from servicekit.errors import Unauthenticated


class SessionOver(Unauthenticated):
    """The session was ended or is too old."""

    detail = "The session is over: sign in again."
