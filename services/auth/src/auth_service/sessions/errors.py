"""What can be wrong with a session."""

from servicekit.errors import Forbidden, Unauthenticated


class SessionOver(Unauthenticated):
    """The session was ended or is too old."""

    detail = "The session is over: sign in again."


class Overtaken(Unauthenticated):
    """All sessions of the person were ended while this one was about to begin."""

    detail = "All your sessions were ended while you signed in: sign in again."


class NotRecent(Forbidden):
    """What is asked for takes somebody who has just proved who they are."""

    detail = "Sign in again first: this takes a sign-in within the last ten minutes."
