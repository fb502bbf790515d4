"""What can go wrong with the files of a message."""

from servicekit.errors import DependencyUnavailable


class FilesUnavailable(DependencyUnavailable):
    """Media cannot say now whether the sender may send these files."""

    detail = "Whether these files may be sent cannot be told now. Send it again."
