"""What can be wrong with who asks."""

from servicekit.errors import Unauthenticated


class Departed(Unauthenticated):
    """The caller's account is being deleted; the identity was signed just before that began."""

    detail = "The account is being deleted."
