"""What can go wrong with a mail."""

from servicekit.errors import DependencyUnavailable


class MailNotTaken(DependencyUnavailable):
    """The mail service did not take it, or was not reached."""

    detail = "The mail service did not take the mail."
