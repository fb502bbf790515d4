"""What can be wrong with a credential beyond its signature."""

from servicekit.errors import Forbidden, Unauthenticated


class SessionOver(Unauthenticated):
    """The session was ended."""

    detail = "The session has ended: sign in again."


class ForeignOrigin(Forbidden):
    """A page that is not ours asks with a browser's session, or for one."""

    detail = "This page may not use the browser's session."
